# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loading a policy again, by method and by signal; and what is loaded at the start."""
import os
import pathlib

import pytest

from client import BusError
from conftest import DENY_ALL, POLICY

POLICY_D = pathlib.Path("/etc/fwctld/policy.d")


def test_reload_by_method(fwctld, alice):
    device = alice.device("sim0")
    device.smart()
    assert fwctld.policy(DENY_ALL) == 2 == alice.property("PolicyGeneration")
    with pytest.raises(BusError) as error:
        device.smart()
    assert error.value.short == "Denied"
    assert fwctld.policy(POLICY) == 3
    device.smart()
    records = fwctld.journal.wait("policy-loaded", count=3)
    assert [record["policy"].split()[0] for record in records] == ["1", "2", "3"]
    assert records[0]["policy"].split()[1] == records[2]["policy"].split()[1] == alice.property("PolicyDigest")


def test_reload_by_signal(fwctld, alice):
    fwctld.policy(DENY_ALL, reload=False)
    alice.device("sim0").smart()
    fwctld.reload_by_signal()
    assert alice.property("PolicyGeneration") == 2
    with pytest.raises(BusError):
        alice.device("sim0").smart()


def test_bad_policy_by_signal_changes_nothing(fwctld, alice):
    fwctld.policy("version: 1\nrules: [{id: x}]\n", reload=False)
    fwctld.reload_by_signal()
    assert alice.property("PolicyGeneration") == 1
    alice.device("sim0").smart()
    assert "60-test.yaml:2:" in str(fwctld.journal.wait("policy-rejected")["problem"])
    assert fwctld.broker.running()


@pytest.mark.parametrize("user,name", [("bob", "NotAuthenticated"), ("nobody", "NotAuthenticated"), ("alice", None)])
def test_reload_needs_the_action_manage(fwctld, user, name):
    """A bad policy's text is for those who may reload."""
    fwctld.policy("version: 1\nsecret-of-the-site: 1\n", reload=False)
    with pytest.raises(BusError) as error:
        fwctld.client(user).manager("ReloadPolicy")
    assert error.value.short == name or (name is None and error.value.short == "InvalidRequest")
    assert ("secret-of-the-site" in error.value.message) == (name is None)
    assert fwctld.client("root").property("PolicyGeneration") == 1


@pytest.mark.parametrize("wrong", ["owner", "mode", "link"])
def test_policy_that_others_could_write_is_refused(fwctld, alice, wrong):
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
        assert alice.property("PolicyGeneration") == 1
    finally:
        (POLICY_D / "70-wrong.yaml").unlink()


def test_empty_file_masks(fwctld, alice):
    (POLICY_D / "60-test.yaml").write_text("")
    fwctld.client("root").manager("ReloadPolicy")
    with pytest.raises(BusError) as error:
        alice.device("sim0").smart()
    assert error.value.short == "Denied" and error.value.details["rule-at"] == "built in"


def test_shipped_policy(stopped):
    """What stands in /usr/share: reading for everybody, nothing else without a word from somebody."""
    for file in POLICY_D.iterdir():
        file.unlink()
    stopped.start()
    nobody = stopped.client("nobody").device("sim0")
    nobody.smart()
    assert nobody.explain("nvme.set-features", {"fid": "temperature-threshold", "value": 340})["verdict"] == "authenticate"
    said = stopped.client("root").device("sim0").explain("nvme.format-nvm", {"nsid": 1, "lbaf": 0})
    assert said["verdict"] == "deny" and said["rule-at"].startswith("/usr/share/fwctld/policy.d/50-default.yaml:")


def test_rule_by_group_counts_supplementary_groups(fwctld):
    """The bus vouches for them; a caller without the group is nobody special."""
    import subprocess

    subprocess.run(["groupadd", "-f", "storage"], check=True)
    subprocess.run(["usermod", "-a", "-G", "storage", "bob"], check=True)
    try:
        fwctld.policy("version: 1\nrules:\n  - {id: storage, caller: {group: storage}, class: [read-only], verdict: allow}\n")
        fwctld.client("bob").device("sim0").smart()
        with pytest.raises(BusError):
            fwctld.client("alice").device("sim0").smart()
    finally:
        subprocess.run(["gpasswd", "-d", "bob", "storage"], check=True, stdout=subprocess.DEVNULL)
