# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices that come and go while somebody uses them: their drivers are unbound and bound again."""
import collections
import contextlib
import os
import pathlib
import signal
import threading

import pytest

import journal
import machine
from client import DEVICE, BusError, Device
from processes import wait_for
from real_units import NvmeController, systemctl
from test_executor import executor_pid
from test_footprint import KIB, private
from test_hotplug import Watcher, held

# Each takes seconds under emulation. tests/integration/test_hotplug.py has two hundred.
CXL_CYCLES, NVME_CYCLES = 4, 16
READS = {"nvme": ("nvme.get-log-page", {"lid": "smart"}),
         "cxl": ("cxl.get-supported-features", {"count": 56}),
         "cxl-mem": ("cxl.identify", {})}
UEVENTS_OF_UDEV = ["15", "00000002"]  # NETLINK_KOBJECT_UEVENT, and the group that udev sends to


class Driver:
    """Unbound and bound for a device to go and to come back."""

    def __init__(self, device):
        if device.kind == ("nvme",):
            path = pathlib.Path(f"/sys/class/nvme/{device.name}/device").resolve()
        else:  # fwctlN's parent is memM, and that one's the mock's platform device
            path = pathlib.Path(f"/sys/class/fwctl/{device.name}/device").resolve().parent
        self.folder, self.name = (path / "driver").resolve(), path.name
        self.bound = True

    def unbind(self):
        self.bound = False
        (self.folder / "unbind").write_text(self.name)

    def bind(self):
        if not self.bound:
            (self.folder / "bind").write_text(self.name)
        self.bound = True


@pytest.fixture
def targets(bench):
    """Two devices and what they are bound to, bound again after the test: (device id, driver)."""
    targets = [(device.id, Driver(device)) for device in (NvmeController("FWCTLD-TEST-1"), bench.cxl)]
    yield targets
    for _, driver in targets:
        driver.bind()


def cycle(watcher, path, identity, driver):
    """Away and back. Returns its new path."""
    watcher.heard.clear()
    driver.unbind()
    watcher.wait("InterfacesRemoved", path, seconds=60)
    driver.bind()
    return watcher.wait("InterfacesAdded", about=lambda added: DEVICE in added and
                        added[DEVICE]["DeviceId"] == ("s", identity), seconds=60)[0]


def read(client, identity):
    return client.device(identity).execute(*READS[identity.partition(":")[0]])


def test_it_comes_back_as_itself_under_a_new_path(targets, fwctld, nobody):
    watcher = Watcher(fwctld)
    for identity, driver in targets:
        old = nobody.device(identity)
        path = cycle(watcher, old.path, identity, driver)
        assert path != old.path
        with pytest.raises(BusError) as error:
            old.execute(*READS[identity.partition(":")[0]])
        assert error.value.short == "UnknownObject"
        assert nobody.device(identity).path == path
        read(nobody, identity)


def test_a_reset_by_somebody_else_renews_the_executor(fwctld, nobody):
    device = nobody.nvme
    pid = executor_pid(fwctld, fwctld.nvme.name)
    pathlib.Path(f"/sys/class/nvme/{fwctld.nvme.name}/reset_controller").write_text("1")
    wait_for(lambda: executor_pid(fwctld, fwctld.nvme.name) not in (None, pid), "another executor", seconds=30)
    fwctld.wait_idle()
    assert nobody.nvme.path == device.path
    device.smart()


def drops(pid):
    """How many of udev's messages the kernel did not deliver to a process."""
    for line in pathlib.Path("/proc/net/netlink").read_text().splitlines():
        column = line.split()
        if [column[1], column[3]] == UEVENTS_OF_UDEV and column[2] == str(pid):
            return int(column[8])
    raise AssertionError("it does not listen to udev")


@contextlib.contextmanager
def small_sockets():
    """libsystemd asks for 128 MiB for udev's messages, and gets this."""
    size = pathlib.Path("/proc/sys/net/core/rmem_max")
    default = size.read_text()
    size.write_text("2304")
    try:
        yield
    finally:
        size.write_text(default)


def test_lost_messages_of_udev_are_made_up_for(stopped, targets):
    """The kernel drops what does not fit into the socket. So that little is enough, it gets a small buffer."""
    nvme, cxl = targets
    with small_sockets():
        fwctld = stopped.start()
    nobody, watcher = fwctld.client("nobody"), Watcher(fwctld)
    paths = {identity: nobody.device(identity).path for identity, _ in (nvme, cxl)}
    nvme[1].unbind()
    watcher.wait("InterfacesRemoved", paths[nvme[0]], seconds=30)

    fwctld.broker.freeze()  # for less than its watchdog's minute
    try:
        def full():
            for device in pathlib.Path("/sys/class/fwctl").iterdir():
                (device / "uevent").write_text("change")
            machine.run("udevadm", "settle")
            return drops(fwctld.broker.pid)
        before = wait_for(full, "a full socket", seconds=30)
        # None of these is heard of.
        cxl[1].unbind()
        nvme[1].bind()
        machine.run("udevadm", "settle")
        assert drops(fwctld.broker.pid) > before
    finally:
        fwctld.broker.thaw()
    watcher.wait("InterfacesRemoved", paths[cxl[0]], seconds=30)
    wait_for(lambda: nvme[0] in identities(nobody), "the controller", seconds=30)
    assert cxl[0] not in identities(nobody)
    cxl[1].bind()
    fwctld.wait_idle()
    assert cxl[0] in identities(nobody)


def identities(client):
    return {identity for _, identity, _ in held(client).values()}


def test_the_monitor_dies_while_devices_come_and_go(fwctld, nobody, targets):
    identity, driver = targets[0]
    for _ in range(3):
        fwctld.monitor.kill()
        driver.unbind()
        held(nobody)  # somebody asks, so that the broker has to do with the monitor meanwhile
        driver.bind()
        fwctld.wait_idle()
    read(nobody, identity)


class Reader(threading.Thread):
    """As nobody: reads devices again and again, wherever they are, and counts how it ends."""

    def __init__(self, fwctld, identities):
        super().__init__()
        self.client = fwctld.client("nobody")
        self.identities = identities
        self.ends = collections.Counter()
        self.enough = threading.Event()

    def run(self):
        running = []
        while not self.enough.is_set():
            found = {identity: path for path, identity, _ in held(self.client).values()}
            for identity in self.identities:
                if identity in found:
                    kind = identity.partition(":")[0]
                    device = Device(self.client, found[identity])
                    running.append((kind, device.post_execute(*READS[kind])))
            # Some are left in flight, over whatever happens to their device.
            while len(running) > 6:
                self.end(*running.pop(0))
        while running:
            self.end(*running.pop(0))

    def end(self, kind, serial):
        try:
            self.client.wait(serial, timeout=60)
            self.ends[kind, "executed"] += 1
        except BusError as error:
            self.ends[kind, error.short] += 1


def counts(fwctld):
    """Descriptors of broker and monitor, and executors."""
    return fwctld.broker.descriptors(), fwctld.monitor.descriptors(), len(fwctld.monitor.children())


def test_cycles_leave_nothing(fwctld, targets):
    """Who asked meanwhile has an answer, and afterwards everything is as it was before."""
    signal.alarm(240)
    watcher = Watcher(fwctld)
    paths = {identity: fwctld.client("nobody").device(identity).path for identity, _ in targets}
    seen = set(paths.values())

    def cycles(identity, driver, number):
        for _ in range(number):
            paths[identity] = cycle(watcher, paths[identity], identity, driver)
            assert paths[identity] not in seen
            seen.add(paths[identity])

    for target in targets:  # what is allocated once, is
        cycles(*target, 2)
    fwctld.wait_idle()
    before, memory = counts(fwctld), private(fwctld.broker.pid)
    records = journal.Journal()

    reader = Reader(fwctld, [*(identity for identity, _ in targets), fwctld.mailbox.id])
    reader.start()
    try:
        cycles(*targets[0], NVME_CYCLES)
        cycles(*targets[1], CXL_CYCLES)
    finally:
        reader.enough.set()
        reader.join()
    fwctld.wait_idle()
    # Not more: the connection between the two is closed when an open fails, and made again when one is needed.
    wait_for(lambda: all(now <= then for now, then in zip(counts(fwctld), before)),
             f"{before} descriptors and executors, not {counts(fwctld)}", seconds=30)
    assert private(fwctld.broker.pid) - memory < 200 * KIB
    for kind in ("device-added", "device-removed"):
        assert len(records.records(kind, device_id=targets[0][0])) == NVME_CYCLES
        assert len(records.records(kind, device_id=targets[1][0])) == CXL_CYCLES
    # Nobody is told nonsense: it was carried out, or the device was not there.
    expected = {"executed", "DeviceGone", "UnknownObject", "KernelRefused", "OutcomeUnknown"}
    assert {end for _, end in reader.ends} <= expected, reader.ends
    assert all(reader.ends[kind, "executed"] for kind in READS), reader.ends
    print(reader.ends)
