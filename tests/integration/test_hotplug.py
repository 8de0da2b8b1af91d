# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices that go, come back, are swapped or renewed. What udev says of real ones is a matter of tests/vm.

The file of a simulated device stands for its node: when it is opened anew and another file is there, another
device is; when none is there, the device is gone. A firmware commit has it opened anew.
"""
import os
import pathlib
import signal

import pytest
from jeepney import DBusAddress, HeaderFields, MessageType, message_bus, new_method_call

import processes
from client import DEVICE, ROOT, BusError
from simulated import Fault
from test_executor import executor_pid

POLICY = """\
version: 1
defaults: {read-only: allow, config-change: allow, destructive: deny}
rules:
  - {id: firmware, command: [nvme.firmware-commit, nvme.firmware-download, nvme.slow-renewal],
     hazards: [persistent], verdict: allow}
"""
# A vendor's activation, with a deadline that a test can wait for.
SLOW = """\
dialect: nvme
commands:
  - name: slow-renewal
    opcode: 0xc0
    summary: A vendor's activation.
    class: destructive
    effects: [firmware-change]
    reason: other firmware runs
    renews: true
    deadline: 1s
"""
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"


@pytest.fixture
def renewing(stopped):
    pathlib.Path("/etc/fwctld/commands.d/nvme.yaml").write_text(SLOW)
    stopped.policy(POLICY, reload=False)
    return stopped.start()


class Watcher:
    """What a client hears of devices: (signal, path, details)."""

    def __init__(self, fwctld):
        self.connection = fwctld.client("nobody").connection
        self.heard = []
        bus = DBusAddress(message_bus.object_path, message_bus.bus_name, message_bus.interface)
        for rule in (f"type='signal',sender='org.fwctld1',interface='{OBJECT_MANAGER}'",
                     f"type='signal',sender='org.fwctld1',interface='{PROPERTIES}'"):
            self.connection.send_and_get_reply(new_method_call(bus, "AddMatch", "s", (rule,)))

    def wait(self, name, path=None, about=lambda details: True, seconds=10):
        """The first signal of this name about that object."""
        def heard():
            for signal_, where, details in self.heard:
                if signal_ == name and path in (None, where) and about(details):
                    return where, details
            self.receive()
            return None
        return processes.wait_for(heard, f"{name} of {path}", seconds)

    def receive(self):
        try:
            message = self.connection.receive(timeout=0.05)
        except TimeoutError:
            return
        if message.header.message_type is not MessageType.signal:
            return
        name = message.header.fields[HeaderFields.member]
        if name == "InterfacesAdded":
            self.heard.append((name, message.body[0], message.body[1]))
        elif name == "InterfacesRemoved":
            self.heard.append((name, message.body[0], message.body[1]))
        elif name == "PropertiesChanged":
            self.heard.append((name, message.header.fields[HeaderFields.path], message.body[1]))


def put(number, dialect, serial):
    """Another device where device `number` was."""
    processes.create_device("staged", dialect, serial)
    os.replace(processes.SIMULATED / "staged", processes.SIMULATED / str(number))


def take(number):
    (processes.SIMULATED / str(number)).unlink()


def commit(device, wait=True):
    """Has the device opened anew. A slot that holds firmware already, so that it always succeeds."""
    fields = {"slot": 1, "action": "activate-now"}
    options = {"device-id": device.property("DeviceId")}
    if wait:
        return device.execute("nvme.firmware-commit", fields, options=options)
    return device.post_execute("nvme.firmware-commit", fields, options=options)


def held(client):
    """{kernel name: (path, device id, state)}"""
    return {name: (path, identity, state) for path, name, _, identity, state in client.manager("ListDevices")[0]}


def gone(client, name):
    with pytest.raises(BusError) as error:
        client.manager("GetDevice", "s", (name,))
    assert error.value.short == "DeviceGone"


def test_renewed_device_is_the_same_with_another_executor(renewing):
    alice = renewing.client("alice")
    watcher = Watcher(renewing)
    device = alice.nvme
    before, pid = device.path, executor_pid(renewing, "sim0")
    identity = {"device-id": device.property("DeviceId")}
    device.execute("nvme.firmware-download", {"offset": 0}, b"NEWFW-2 " + bytes(8), identity)
    device.execute("nvme.firmware-commit", {"slot": 2, "action": "activate-now"}, options=identity)
    _, changed = watcher.wait("PropertiesChanged", before, lambda properties: "Firmware" in properties)
    assert changed["Firmware"] == ("s", "NEWFW-2")
    assert device.property("Firmware") == "NEWFW-2"
    assert alice.nvme.path == before
    assert executor_pid(renewing, "sim0") != pid
    assert not renewing.journal.records("executor-lost") and not renewing.journal.records("device-removed")
    # Who holds it knows of the other firmware.
    assert len(renewing.journal.wait("device-added", 2, device="sim0")) == 2


def test_device_is_renewed_whatever_became_of_the_command(renewing):
    device = renewing.client("alice").nvme
    pid = executor_pid(renewing, "sim0")
    with pytest.raises(BusError) as error:
        device.execute("nvme.firmware-commit", {"slot": 3, "action": "activate-now"},
                       options={"device-id": device.property("DeviceId")})
    assert error.value.short == "DeviceRefused"
    processes.wait_for(lambda: executor_pid(renewing, "sim0") not in (None, pid), "another executor")
    device.smart()


def test_requests_wait_for_the_renewal(renewing):
    alice, bob = renewing.client("alice"), renewing.client("bob")
    renewing.nvme.fault(Fault.HANG)
    pid = executor_pid(renewing, "sim0")
    first = commit(alice.nvme, wait=False)
    processes.wait_for(lambda: renewing.reached() == 1, "the command at the device")
    waiting = [bob.nvme.post_execute("nvme.get-log-page", {"lid": "smart"}) for _ in range(20)]
    bob.property("PolicyLoaded")
    assert executor_pid(renewing, "sim0") == pid
    renewing.nvme.fault(Fault.NONE)
    alice.wait(first)
    for serial in waiting:
        bob.wait(serial)
    assert executor_pid(renewing, "sim0") != pid
    assert not renewing.journal.records("executor-lost")


def test_hanging_command_is_waited_for_before_the_renewal(renewing):
    alice = renewing.client("alice")
    device = alice.nvme
    renewing.nvme.fault(Fault.HANG)
    pid = executor_pid(renewing, "sim0")
    with pytest.raises(BusError) as error:
        device.execute("nvme.slow-renewal", options={"device-id": device.property("DeviceId")})
    assert error.value.short == "Timeout"
    assert executor_pid(renewing, "sim0") == pid and device.property("State") == "busy"
    renewing.nvme.fault(Fault.NONE)
    renewing.journal.wait("late-outcome")
    processes.wait_for(lambda: executor_pid(renewing, "sim0") not in (None, pid), "another executor")
    processes.wait_for(lambda: device.property("State") == "idle", "an idle device")
    device.smart()


def test_another_device_under_the_same_number(renewing):
    alice = renewing.client("alice")
    watcher = Watcher(renewing)
    old = alice.nvme
    put(0, "nvme", "SIM-OTHER-0")
    commit(old)
    _, interfaces = watcher.wait("InterfacesRemoved", old.path)
    assert DEVICE in interfaces
    path, added = watcher.wait("InterfacesAdded")
    assert path not in (old.path, alice.cxl.path) and path.startswith(ROOT + "/device/sim0_")
    properties = {key: value for key, (_, value) in added[DEVICE].items()}
    assert properties["Name"] == "sim0" and properties["DeviceId"] == "nvme:SIM-OTHER-0"
    assert properties["Serial"] == "SIM-OTHER-0" and properties["Simulated"] is True and properties["State"] == "busy"
    assert set(properties) == {"Name", "DeviceId", "Dialect", "Driver", "PciAddress", "Serial", "Model", "Firmware",
                               "SubsystemNqn", "State", "Simulated"}
    assert alice.nvme.path == path
    assert held(alice)["sim0"][:2] == (path, "nvme:SIM-OTHER-0")
    with pytest.raises(BusError) as error:
        old.smart()
    assert error.value.short == "UnknownObject"
    gone(alice, "nvme:SIM-NVME-0")
    alice.device("nvme:SIM-OTHER-0").smart()
    assert renewing.journal.wait("device-removed")["device_id"] == "nvme:SIM-NVME-0"
    assert renewing.journal.wait("device-added", device_id="nvme:SIM-OTHER-0")["device"] == "sim0"


def test_another_device_when_the_executor_had_died(fwctld, alice):
    watcher = Watcher(fwctld)
    old = alice.nvme
    put(0, "nvme", "SIM-OTHER-0")
    os.kill(executor_pid(fwctld, "sim0"), signal.SIGKILL)
    watcher.wait("InterfacesRemoved", old.path)
    path, _ = watcher.wait("InterfacesAdded")
    assert path != old.path and alice.nvme.path == path
    assert fwctld.journal.wait("device-removed")["device_id"] == "nvme:SIM-NVME-0"


def test_same_device_under_another_number(fwctld, alice):
    watcher = Watcher(fwctld)
    old = alice.nvme
    take(0)
    os.kill(executor_pid(fwctld, "sim0"), signal.SIGKILL)
    watcher.wait("InterfacesRemoved", old.path)
    put(1, "nvme", "SIM-NVME-0")
    os.kill(executor_pid(fwctld, "sim1"), signal.SIGKILL)
    path, added = watcher.wait("InterfacesAdded")
    assert added[DEVICE]["DeviceId"] == ("s", "nvme:SIM-NVME-0") and added[DEVICE]["Name"] == ("s", "sim1")
    assert path != old.path
    assert alice.device("nvme:SIM-NVME-0").path == path
    assert list(held(alice)) == ["sim1"]


def test_device_that_is_gone(renewing):
    """Who waits for it is told so, and nobody finds it any more."""
    alice, bob = renewing.client("alice"), renewing.client("bob")
    watcher = Watcher(renewing)
    old = alice.nvme
    renewing.nvme.fault(Fault.HANG)
    first = commit(old, wait=False)
    processes.wait_for(lambda: renewing.reached() == 1, "the command at the device")
    waiting = bob.nvme.post_execute("nvme.get-log-page", {"lid": "smart"})
    bob.property("PolicyLoaded")
    take(0)
    renewing.nvme.fault(Fault.NONE)
    alice.wait(first)
    with pytest.raises(BusError) as error:
        bob.wait(waiting)
    assert error.value.short == "DeviceGone" and "sim0" in error.value.message
    watcher.wait("InterfacesRemoved", old.path)
    gone(bob, "sim0")
    gone(bob, "nvme:SIM-NVME-0")
    assert list(held(bob)) == ["sim1"]
    assert executor_pid(renewing, "sim0") is None
    # What was in flight has its outcome first.
    renewing.journal.wait("device-removed")
    kinds = [record.kind for record in renewing.journal.records(device="sim0")
             if record.kind == "device-removed"
             or record.kind == "outcome" and record["command"] == "nvme.firmware-commit"]
    assert kinds == ["outcome", "device-removed"]


def test_disputed_serial_is_the_other_ones_again(renewing):
    """Two devices claim one serial; when one goes, the other has it for itself."""
    alice = renewing.client("alice")
    watcher = Watcher(renewing)
    put(1, "nvme", "SIM-NVME-0")
    os.kill(executor_pid(renewing, "sim1"), signal.SIGKILL)
    processes.wait_for(lambda: held(alice).get("sim1", ("", ""))[1] == "nvme#sim1", "the second device")
    device = alice.nvme
    assert device.property("DeviceId") == "nvme#sim0"
    take(0)
    commit(device)
    watcher.wait("PropertiesChanged", held(alice)["sim1"][0],
                 lambda properties: properties.get("DeviceId") == ("s", "nvme:SIM-NVME-0"))
    assert held(alice)["sim1"][1] == "nvme:SIM-NVME-0"


def memory(process):
    """KiB that are the process' own, and how many descriptors and children it has."""
    rollup = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    private = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))
    return private, process.descriptors(), len(process.children())


def test_devices_that_come_and_go_leave_nothing(renewing):
    alice = renewing.client("alice")
    paths = [alice.nvme.path]

    def cycle(number):
        put(0, "nvme", f"SIM-CYCLE-{number}")
        commit(alice.nvme)
        processes.wait_for(lambda: held(alice).get("sim0", ("", ""))[1] == f"nvme:SIM-CYCLE-{number}", "the next device")
        paths.append(alice.nvme.path)
        alice.nvme.smart()

    for number in range(50):
        cycle(number)
    processes.wait_for(lambda: len(renewing.monitor.children()) == 2, "two executors")
    broker, monitor = memory(renewing.broker), memory(renewing.monitor)
    for number in range(50, 200):
        cycle(number)
    assert len(set(paths)) == 201
    processes.wait_for(lambda: len(renewing.monitor.children()) == 2, "two executors")
    after = memory(renewing.broker)
    assert after[1:] == broker[1:] and memory(renewing.monitor)[1:] == monitor[1:]
    assert len(renewing.journal.records("device-removed")) == 200
    if "asan" not in pathlib.Path(f"/proc/{renewing.broker.pid}/maps").read_text():
        # A struct device is more than 20 KiB, for what it reports: 150 of them would be 3 MiB. The heap takes a
        # step of some 400 KiB now and then, once.
        assert after[0] - broker[0] < 1024, f"{broker[0]} KiB became {after[0]} KiB"
