# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loading a policy again, by method and by signal; and what is loaded at the start."""
import os
import pathlib

import pytest

from client import BusError
from bench import DENY_ALL, ETC, POLICY

POLICY_D = pathlib.Path("/etc/fwctld/policy.d")


@pytest.mark.any_device
def test_reload_by_method(fwctld, alice):
    device = alice.nvme
    device.smart()
    first = alice.property("PolicyGeneration")
    digest = alice.property("PolicyDigest")
    assert fwctld.policy(DENY_ALL) == first + 1 == alice.property("PolicyGeneration")
    with pytest.raises(BusError) as error:
        device.smart()
    assert error.value.short == "Denied"
    assert fwctld.policy(POLICY) == first + 2
    device.smart()
    assert alice.property("PolicyDigest") == digest
    assert fwctld.journal.wait("policy-loaded", policy=f"{first + 2} {digest}")


def test_reload_by_signal(fwctld, alice):
    fwctld.policy(DENY_ALL, reload=False)
    alice.nvme.smart()
    fwctld.reload_by_signal()
    assert alice.property("PolicyGeneration") == 2
    with pytest.raises(BusError):
        alice.nvme.smart()


def test_bad_policy_by_signal_changes_nothing(fwctld, alice):
    fwctld.policy("version: 1\nrules: [{id: x}]\n", reload=False)
    fwctld.reload_by_signal()
    assert alice.property("PolicyGeneration") == 1
    alice.nvme.smart()
    assert "60-test.yaml:2:" in str(fwctld.journal.wait("policy-rejected")["problem"])
    assert fwctld.broker.running()


def test_a_bad_catalogue_changes_nothing(fwctld, alice):
    """Not even one that forgets the name of what another entry could describe."""
    entry = "opcode: {}, summary: s, class: destructive, reason: r, size: unknown"
    (ETC / "commands.d/cxl.yaml").write_text(
        f"dialect: cxl\ncommands:\n  - {{{entry.format(0xfff0)}}}\n  - {{name: other, {entry.format(0xfff1)}}}\n")
    with pytest.raises(BusError) as error:
        fwctld.client("root").manager("ReloadPolicy")
    assert error.value.short == "InvalidRequest" and "cxl.yaml:3:" in error.value.message
    assert alice.property("PolicyGeneration") == 1
    assert alice.nvme.smart()[1] == 0


@pytest.mark.any_device
@pytest.mark.parametrize("user,name", [("bob", "NotAuthenticated"), ("nobody", "NotAuthenticated"), ("alice", None)])
def test_reload_needs_the_action_manage(fwctld, user, name):
    """A bad policy's text is for those who may reload."""
    before = fwctld.client("root").property("PolicyGeneration")
    before = fwctld.client("root").property("PolicyGeneration")
    fwctld.policy("version: 1\nsecret-of-the-site: 1\n", reload=False)
    with pytest.raises(BusError) as error:
        fwctld.client(user).manager("ReloadPolicy")
    assert error.value.short == name or (name is None and error.value.short == "InvalidRequest")
    assert ("secret-of-the-site" in error.value.message) == (name is None)
    assert fwctld.client("root").property("PolicyGeneration") == before


@pytest.mark.any_device
@pytest.mark.parametrize("wrong", ["owner", "mode", "link"])
def test_policy_that_others_could_write_is_refused(fwctld, alice, wrong):
    before = alice.property("PolicyGeneration")
    before = alice.property("PolicyGeneration")
    (POLICY_D / "70-wrong.yaml").write_text("version: 1\ndefaults: {destructive: allow}\n")
    try:
        if wrong == "owner":
            os.chown(POLICY_D / "70-wrong.yaml", 65534, 0)
        elif wrong == "mode":
            os.chmod(POLICY_D / "70-wrong.yaml", 0o666)
        else:
            (POLICY_D / "70-wrong.yaml").unlink()
            pathlib.Path("/tmp/elsewhere.yaml").write_text("version: 1\ndefaults: {destructive: allow}\n")
            os.chown("/tmp/elsewhere.yaml", 65534, 0)
            os.symlink("/tmp/elsewhere.yaml", POLICY_D / "70-wrong.yaml")
        with pytest.raises(BusError) as error:
            fwctld.client("root").manager("ReloadPolicy")
        assert "70-wrong.yaml" in error.value.message or "elsewhere" in error.value.message
        assert alice.property("PolicyGeneration") == before
    finally:
        (POLICY_D / "70-wrong.yaml").unlink()


@pytest.mark.any_device
def test_empty_file_masks(fwctld, alice):
    (POLICY_D / "60-test.yaml").write_text("")
    fwctld.client("root").manager("ReloadPolicy")
    with pytest.raises(BusError) as error:
        alice.nvme.smart()
    assert error.value.short == "Denied" and error.value.details["rule-at"] == "built in"


@pytest.mark.any_device
def test_shipped_policy(stopped):
    """What stands in /usr/share: reading for everybody, nothing else without a word from somebody."""
    for file in POLICY_D.iterdir():
        file.unlink()
    stopped.start()
    nobody = stopped.client("nobody").nvme
    nobody.smart()
    assert nobody.explain("nvme.set-features", {"fid": "temperature-threshold", "value": 340})["verdict"] == "authenticate"
    said = stopped.client("root").nvme.explain("nvme.format-nvm", {"nsid": 1, "lbaf": 0})
    assert said["verdict"] == "deny" and said["rule-at"].startswith("/usr/share/fwctld/policy.d/50-default.yaml:")


@pytest.mark.any_device
def test_rule_by_group_counts_supplementary_groups(fwctld):
    """The bus vouches for them; a caller without the group is nobody special."""
    import subprocess

    subprocess.run(["groupadd", "-f", "storage"], check=True)
    subprocess.run(["usermod", "-a", "-G", "storage", "bob"], check=True)
    try:
        fwctld.policy("version: 1\nrules:\n  - {id: storage, caller: {group: storage}, class: [read-only], verdict: allow}\n")
        fwctld.client("bob").nvme.smart()
        with pytest.raises(BusError):
            fwctld.client("alice").nvme.smart()
    finally:
        subprocess.run(["gpasswd", "-d", "bob", "storage"], check=True, stdout=subprocess.DEVNULL)
