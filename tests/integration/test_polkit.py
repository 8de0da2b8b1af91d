# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verdict `authenticate`: what polkit says, and what happens when it says nothing."""
import json
import subprocess
import time

import pytest

from client import BusError
from bench import DENY_ALL, POLICY

CHANGE = ("nvme.set-features", {"fid": "temperature-threshold", "value": 340})
FORMAT = ("nvme.format-nvm", {"nsid": 1, "lbaf": 0})


def frozen(process):
    class Frozen:
        def __enter__(self):
            process.freeze()

        def __exit__(self, *error):
            process.thaw()
    return Frozen()


@pytest.mark.any_device
def test_granted_by_a_rule(fwctld, alice):
    request = alice.nvme.execute(*CHANGE)[0]
    assert fwctld.reached() == 1
    assert fwctld.journal.wait("authentication", request=request)["result"] == "granted"
    assert fwctld.journal.wait("outcome", request=request)["result"] == "executed"


@pytest.mark.any_device
@pytest.mark.parametrize("user", ["bob", "nobody"])
def test_refused(fwctld, user):
    """bob by a rule; nobody because there is no one to ask for a password."""
    with pytest.raises(BusError) as error:
        fwctld.client(user).nvme.execute(*CHANGE)
    assert error.value.short == "NotAuthenticated"
    assert fwctld.reached() == 0
    record = fwctld.journal.wait("authentication", caller_name=user)
    assert record["result"] == "refused"
    assert record["request"] == error.value.details["request"]
    assert fwctld.journal.wait("denied", caller_name=user)["verdict"] == "authenticate"


@pytest.mark.any_device
def test_authentication_is_asked_for_each_time(fwctld, alice):
    device = alice.nvme
    for _ in range(3):
        device.execute(*CHANGE)
    assert len(fwctld.journal.wait("authentication", count=3, caller_name="alice")) == 3


def test_hanging_polkitd_delays_nobody_else(fwctld, alice, nobody):
    with frozen(fwctld.bench.polkitd):
        device = alice.nvme
        serial = device.post_execute(*CHANGE)
        started = time.monotonic()
        nobody.nvme.smart()
        assert nobody.nvme.explain(*FORMAT)["verdict"] == "deny"
        assert nobody.property("PolicyLoaded") is True
        assert time.monotonic() - started < 2
        assert fwctld.reached() == 1
    alice.wait(serial)
    assert fwctld.reached() == 2


@pytest.mark.any_device
def test_caller_leaves_while_polkit_is_asked(fwctld, alice):
    with frozen(fwctld.bench.polkitd):
        alice.nvme.post_execute(*CHANGE)
        fwctld.client("root").manager("ListDevices")
        alice.close()
        record = fwctld.journal.wait("denied", caller_name="alice")
        assert "left" in record["why"]
    fwctld.client("nobody").nvme.smart()
    assert fwctld.reached() == 1
    assert not fwctld.journal.records("intent", caller_name="alice")


def prompted(*arguments):
    """A caller with an authentication agent; it is a process of its own, because polkit looks at processes."""
    return subprocess.Popen(
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
         "/usr/bin/python3", "/source/tests/integration/prompted.py", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.any_device
def test_caller_leaves_while_a_person_is_asked(fwctld):
    """With the prompt open: the question is withdrawn, and nothing is sent."""
    with prompted("interactive", fwctld.nvme.name) as caller:
        asked = json.loads(caller.stdout.readline())
        assert asked["action"] == "org.fwctld1.config-change"
        assert "nvme.set-features" in asked["message"] and fwctld.nvme.id in asked["message"]
        fwctld.client("alice").nvme.smart()
        caller.stdin.write("leave\n")
        caller.stdin.flush()
        assert json.loads(caller.stdout.readline()) == "cancelled"
    assert "left" in fwctld.journal.wait("denied", caller_name="nobody")["why"]
    assert fwctld.reached() == 1


@pytest.mark.any_device
def test_no_prompt_unless_the_caller_allows_it(fwctld):
    with prompted("not-interactive", fwctld.nvme.name) as caller:
        assert json.loads(caller.stdout.readline()) == "org.fwctld1.Error.NotAuthenticated"
    assert fwctld.reached() == 0


def test_dead_polkitd_denies(fwctld, alice, nobody):
    fwctld.bench.polkitd.kill()
    try:
        with pytest.raises(BusError) as error:
            alice.nvme.execute(*CHANGE, timeout=60)
        assert error.value.short == "NotAuthenticated"
        assert fwctld.reached() == 0
        nobody.nvme.smart()
    finally:
        fwctld.bench.restart_polkitd()
    assert fwctld.journal.wait("authentication", caller_name="alice")["result"] == "refused"


@pytest.mark.any_device
def test_policy_that_changes_while_polkit_is_asked_counts(fwctld, alice):
    """What was authenticated under the old policy is denied under the new one."""
    with frozen(fwctld.bench.polkitd):
        serial = alice.nvme.post_execute(*CHANGE)
        fwctld.client("root").manager("ListDevices")
        fwctld.policy(DENY_ALL, reload=False)
        fwctld.reload_by_signal()
    with pytest.raises(BusError) as error:
        alice.wait(serial)
    assert error.value.short == "Denied"
    assert fwctld.reached() == 0


@pytest.mark.any_device
def test_authentication_counts_for_the_rule_that_asked(fwctld, alice):
    """Another rule asks again, even though it asks for the same."""
    with frozen(fwctld.bench.polkitd):
        serial = alice.nvme.post_execute(*CHANGE)
        fwctld.client("root").manager("ListDevices")
        fwctld.policy(POLICY + "  - {id: newer, class: [config-change], verdict: authenticate}\n", reload=False)
        fwctld.reload_by_signal()
    with pytest.raises(BusError) as error:
        alice.wait(serial)
    assert error.value.short == "Denied" and "again" in error.value.message
    assert fwctld.reached() == 0


@pytest.mark.any_device
def test_root_is_authenticated_and_yet_denied(fwctld):
    """polkit always says yes to root; a deny rule does not."""
    root = fwctld.client("root")
    root.nvme.execute(*CHANGE)
    with pytest.raises(BusError) as error:
        root.nvme.execute(*FORMAT, options={"device-id": fwctld.nvme.id})
    assert error.value.short == "Denied"
