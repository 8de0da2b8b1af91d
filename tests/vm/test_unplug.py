# SPDX-License-Identifier: LGPL-2.1-or-later
"""A controller is pulled out and comes back: with nobody at it, and with a command in it."""
import pathlib
import re

import pytest

import machine
from client import DEVICE, BusError
from processes import wait_for
from real_units import NvmeController
from test_hotplug import Watcher, gone

# An Asynchronous Event Request stays at the device until there is an event, or until the device goes. Its answer
# is lost then: nobody can say whether it was carried out. The shipped catalogue never sends it, and no file of an
# administrator can open what that refuses: here another catalogue is shipped.
SHIPPED = pathlib.Path("/usr/share/fwctld/commands/nvme.yaml")
REFUSED = re.compile(r"  - name: asynchronous-event-request\n(?:    .*\n)+")
WAITS = """\
  - name: wait-for-event
    opcode: 0x0c
    summary: Wait for an event.
    class: read-only
    reason: it only waits
    timeout: 10min
    deadline: 10min
"""


@pytest.fixture
def unpluggable(fwctld, qemu):
    """The controller that sits on port 1, and does so again after the test."""
    controller = NvmeController("FWCTLD-TEST-1")
    yield controller
    if not controller.present():
        qemu.plug("nvme1", 1)
        wait_for(controller.present, "the controller to be back", seconds=30)
        fwctld.wait_idle()


def test_an_idle_device_goes_and_comes_back(fwctld, alice, qemu, unpluggable):
    name, number = unpluggable.name, unpluggable.number
    device = alice.device(unpluggable.id)
    device.smart()
    watcher = Watcher(fwctld)

    unplugged = qemu.unplug("nvme1")
    watcher.wait("InterfacesRemoved", device.path, seconds=30)
    unplugged()
    removed = fwctld.journal.wait("device-removed")
    assert (removed["device"], removed["device_id"]) == (name, unpluggable.id)
    gone(alice, name)
    gone(alice, unpluggable.id)
    with pytest.raises(BusError):
        device.smart()
    wait_for(lambda: machine.holders(number) == [], "the executor to end")
    assert fwctld.journal.records("executor-lost") == []
    alice.nvme.smart()

    qemu.plug("nvme1", 1)
    path, interfaces = watcher.wait("InterfacesAdded", seconds=30)
    assert interfaces[DEVICE]["Serial"] == ("s", unpluggable.serial)
    # A path never names two devices.
    assert path != device.path
    again = alice.device(unpluggable.id)
    assert again.path == path
    again.smart()
    assert len(machine.holders(unpluggable.number)) == 1


@pytest.fixture
def waiting(fwctld):
    """fwctld with a command that waits at the device."""
    shipped = SHIPPED.read_text()
    other, n = REFUSED.subn(WAITS, shipped)
    assert n == 1
    SHIPPED.write_text(other)
    fwctld.client("root").manager("ReloadPolicy")
    yield fwctld
    SHIPPED.write_text(shipped)
    fwctld.client("root").manager("ReloadPolicy")


def test_a_device_goes_with_a_command_in_it(waiting, alice, bob, qemu, unpluggable):
    fwctld = waiting
    number = unpluggable.number
    device = alice.device(unpluggable.id)
    running = device.post_execute("nvme.wait-for-event")
    intent = fwctld.journal.wait("intent", caller_name="alice")
    queued = bob.device(unpluggable.id).post_execute("nvme.get-log-page", {"lid": "smart"})

    qemu.unplug("nvme1")()
    with pytest.raises(BusError) as error:
        alice.wait(running)
    assert error.value.short == "OutcomeUnknown"
    assert error.value.details["request"] == intent["request"]
    with pytest.raises(BusError) as error:
        bob.wait(queued)
    # The kernel gives the command up first, and tells of the device afterwards: bob's can be the next until then. And
    # what comes back of it then can be EIO, which proves nothing.
    assert error.value.short in ("DeviceGone", "KernelRefused", "OutcomeUnknown")
    outcome = fwctld.journal.wait("outcome", request=intent["request"])
    assert outcome["result"] == "unknown"
    removed = fwctld.journal.wait("device-removed")
    assert removed["device_id"] == unpluggable.id
    assert len(fwctld.journal.records("outcome", request=intent["request"])) == 1
    assert not fwctld.journal.records("outcome", caller_name="bob", result="executed")
    wait_for(lambda: machine.holders(number) == [], "the executor to end")

    qemu.plug("nvme1", 1)
    wait_for(unpluggable.present, "the controller to be back", seconds=30)
    fwctld.wait_idle()
    bob.device(unpluggable.id).smart()
