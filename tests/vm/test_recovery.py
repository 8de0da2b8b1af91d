# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whichever process is killed, and whenever: somebody starts it again, and what was in flight has a truthful end."""
import os
import signal

import pytest

import machine
from client import BusError
from processes import wait_for
from real_units import NvmeController
from test_commands import lets_alice

FORMAT = ("nvme.format-nvm", {"nsid": 1, "lbaf": 0})


@pytest.fixture
def slow(bench, qemu):
    """A controller whose disk takes a Format and does not come to an end with it until qemu.hurry()."""
    controller = NvmeController("FWCTLD-TEST-1")
    qemu.slow("nvme1")
    machine.Disk(controller.namespace(1)).write_some()
    yield controller
    qemu.hurry()


@pytest.fixture(params=["broker", "monitor", "executor", "journald", "polkitd"])
def kill(request, fwctld):
    """Kills one of the processes."""
    def kill(number):
        if request.param == "executor":
            pid, = machine.holders(number)
            os.kill(pid, signal.SIGKILL)
        else:
            getattr(fwctld.bench, request.param).kill()
    kill.what = request.param
    return kill


def served(fwctld, number):
    """All devices are served again, each by one executor."""
    fwctld.wait_idle()
    for other in (number, *(device.number for device in fwctld.devices)):
        assert len(machine.holders(other)) == 1, other
    return True


def test_killed_while_nothing_runs(fwctld, alice, kill):
    number = fwctld.nvme.number
    alice.nvme.smart()
    kill(number)
    wait_for(lambda: attempt(alice), "a command that is carried out", seconds=30)
    served(fwctld, number)
    # A change needs all of them.
    request = alice.nvme.execute("nvme.set-features", {"fid": "temperature-threshold", "value": 340})[0]
    assert fwctld.journal.wait("outcome", request=request)["result"] == "executed"


def attempt(client):
    try:
        return client.nvme.smart()
    except BusError:
        return None


def test_killed_with_a_command_in_flight(fwctld, alice, bob, kill, slow, qemu):
    fwctld.policy(lets_alice(slow, "nvme.format-nvm", "persistent"))
    device, number = alice.device(slow.name), slow.number
    running = device.post_execute(*FORMAT, options={"device-id": slow.id})
    request = fwctld.journal.wait("intent", caller_name="alice")["request"]
    wait_for(lambda: device.property("State") == "busy", "the command at the device")
    kill(number)
    # The others are served, and nobody gets this one while the command is in it. Whoever kills the monitor stops its
    # unit, which ends with the last executor.
    if kill.what != "monitor":
        wait_for(lambda: attempt(bob), "a command on another device", seconds=30)
    assert len(machine.holders(number)) == 1
    if kill.what != "broker":
        assert device.property("State") == "busy"
    qemu.hurry()

    if kill.what in ("journald", "polkitd"):
        alice.wait(running)
    else:
        with pytest.raises(BusError) as error:
            alice.wait(running, timeout=30)
        assert error.value.short == ("NoReply" if kill.what == "broker" else "OutcomeUnknown")
    if kill.what == "broker":
        # An intent without an outcome says "unknown", too.
        assert fwctld.journal.records("outcome", request=request) == []
    else:
        ended = fwctld.journal.wait("outcome", request=request, seconds=20)
        assert ended["result"] == ("executed" if kill.what in ("journald", "polkitd") else "unknown")
    served(fwctld, number)
    bob.device(slow.name).smart()
