# SPDX-License-Identifier: LGPL-2.1-or-later
"""fwctld as a system runs it, with real devices: in the virtual machine of tests/vm, under systemd.

A start takes seconds here, so fwctld goes on from test to test, and each begins with a policy of its own.
"""
import contextlib
import itertools
import os
import pathlib
import select
import signal
import subprocess

import bench
import client
import cxl_nodes
import journal
import processes
from bench import ETC, POLICY

# The share with the machine that runs this one; tests/vm/boot says what is in it.
SHARE = pathlib.Path("/run/share")
ADMIN_COMMANDS = SHARE / "admin-commands"

# Denials of one user that are written within 10 s (units/fwctld.catalog), less some for the next test.
DENIALS = 150

MONITOR_NVME = 1  # enum monitor_subsystem, daemon/monitor/protocol.h


def systemctl(*arguments):
    return subprocess.run(["systemctl", *arguments], check=True, stdout=subprocess.PIPE).stdout.decode().strip()


def journal_since(seconds):
    said = subprocess.run(["journalctl", "--boot", "--quiet", "--no-hostname", f"--since=@{seconds:.0f}"],
                          stdout=subprocess.PIPE, check=False).stdout.decode(errors="replace")
    return [line for line in said.splitlines() if "client request to sync" not in line]


class Unit(processes.Daemon):
    """A service, by its main process; for as long as that one lives."""

    def __init__(self, name):
        self.name = name
        self.forget()

    def forget(self):
        self.known = None

    @property
    def pid(self):
        if not self.known:
            self.known = int(systemctl("show", "-P", "MainPID", self.name))
        return self.known

    def kill(self):
        """Kill it, and wait until it has ended."""
        pid, self.known = self.pid, None
        descriptor = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        assert select.select([descriptor], [], [], 20)[0], f"{self.name} does not die"
        os.close(descriptor)

    def children(self):
        group = pathlib.Path("/sys/fs/cgroup/system.slice", self.name, "cgroup.procs").read_text().split()
        return [int(pid) for pid in group if int(pid) != self.pid]


class Device:
    """Numbers are not stable; serials are."""

    def __init__(self, serial):
        self.serial = serial
        self.id = f"{self.kind[-1]}:{serial}"
        self.found = pathlib.Path("/nowhere yet")

    @property
    def name(self):
        for path in itertools.chain([self.found], pathlib.Path("/").glob(self.serials)):
            with contextlib.suppress(OSError):
                if path.read_text().strip() == self.serial:
                    self.found = path
                    return path.relative_to(self.nodes).parts[0]
        raise FileNotFoundError(f"no device has the serial {self.serial}")

    @property
    def node(self):
        return self.folder + self.name

    @property
    def number(self):
        """Of the device that is behind the node now."""
        return os.stat(self.node).st_rdev

    def state(self):
        """What a command that must not get here would change, beside being counted."""
        return None


class NvmeController(Device):
    kind = "nvme",
    nodes, serials, folder = "/sys/class/nvme", "sys/class/nvme/nvme*/serial", "/dev/"

    @property
    def monitor_request(self):
        return MONITOR_NVME, int(self.name[len("nvme"):])

    def namespace(self, number):
        """The block device of a namespace."""
        for node in pathlib.Path(self.nodes, self.name).glob("nvme*n*"):
            if (node / "nsid").read_text().strip() == str(number):
                return f"/dev/{node.name}"
        raise FileNotFoundError(f"{self.name} has no namespace {number}")

    def present(self):
        try:
            return self.namespace(1)
        except FileNotFoundError:
            return None


class CxlFeatures(Device):
    """The fwctl node of one of the kernel's mock memory devices."""

    kind = "cxl",
    nodes, serials, folder = "/sys/class/fwctl", "sys/class/fwctl/fwctl*/device/serial", "/dev/fwctl/"

    def state(self):
        return cxl_nodes.get_feature(self.node)


class CxlMailbox(Device):
    """The mailbox node of such a device."""

    kind = "cxl", "cxl-mem"
    nodes, serials, folder = "/sys/bus/cxl/devices", "sys/bus/cxl/devices/mem*/serial", "/dev/cxl/"


class Bench(bench.Bench):
    def __init__(self):
        bench.write_rules()
        self.journald = Unit("systemd-journald.service")
        self.polkitd = Unit("polkit.service")
        self.broker = Unit("fwctld.service")
        self.monitor = Unit("fwctld-monitor.service")
        self.nvme = NvmeController("FWCTLD-TEST-0")
        memory = min(path.read_text().strip() for path in pathlib.Path("/").glob(CxlFeatures.serials))
        self.cxl, self.mailbox = CxlFeatures(memory), CxlMailbox(memory)
        self.digest = None  # of POLICY
        systemctl("start", "polkit.service", "fwctld.service")

    def stop(self):
        failed = systemctl("list-units", "--failed", "--no-legend", "--plain")
        systemctl("stop", "fwctld.service", "fwctld-monitor.socket", "fwctld-monitor.service")
        assert "fwctld" not in failed, failed

    def stopped(self):
        """fwctld before it is started."""
        systemctl("stop", "fwctld.service")
        self.prepare()
        return Fwctld(self)

    def prepare(self):
        """The files as each test finds them. Returns whether there were others in commands.d."""
        bench.write_policy(POLICY)
        others = list((ETC / "commands.d").iterdir())
        for file in others:
            file.unlink()
        return bool(others)

    def running(self):
        others = self.prepare()
        fwctld = Fwctld(self)
        try:
            fwctld.wait_idle()
        except TimeoutError:
            # The test before failed, and took a device with it.
            fwctld.restart()
        root = fwctld.client("root")
        if others or root.property("PolicyDigest") != self.digest:
            root.manager("ReloadPolicy")
            self.digest = root.property("PolicyDigest")
        return fwctld.begin()

    with_mailbox = running


class Fwctld(bench.Fwctld):
    simulated = False

    def __init__(self, bench):
        super().__init__(bench)
        self.broker, self.monitor = bench.broker, bench.monitor
        self.nvme, self.cxl, self.mailbox = bench.nvme, bench.cxl, bench.mailbox
        self.devices = [self.nvme, self.cxl, self.mailbox]

    def begin(self):
        self.journal = journal.Journal()
        self.base = ADMIN_COMMANDS.stat().st_size
        return self

    def forget(self):
        """Other processes than before are behind the units."""
        self.broker.forget()
        self.monitor.forget()

    def start(self):
        restart = journal.Journal()
        systemctl("reset-failed")
        systemctl("start", "fwctld.service")
        self.forget()
        self.wait_idle()
        self.begin()
        self.journal.start = restart.start
        return self

    def reload_by_signal(self):
        seen = journal.Journal()
        self.broker.signal(signal.SIGHUP)
        seen.wait("policy-loaded")

    def restart(self):
        systemctl("stop", "fwctld.service")
        return self.start()

    def wait_idle(self):
        """Until every node of the kernel's is served."""
        names = {*os.listdir("/sys/class/nvme"), *os.listdir("/sys/class/fwctl"),
                 *(node.name for node in pathlib.Path("/sys/bus/cxl/devices").glob("mem*"))}
        root = self.client("root")

        def served():
            return {device[1] for device in root.manager("ListDevices")[0] if device[4] == "idle"} >= names
        processes.wait_for(served, "idle devices", seconds=30)

    def reached(self):
        """How many admin commands QEMU's controllers have got. Nobody counts the mock's."""
        with ADMIN_COMMANDS.open("rb") as file:
            file.seek(self.base)
            return file.read().count(b"\n")

    def stop(self):
        self.close_clients()
        if len(self.journal.records("denied")) > DENIALS:
            self.restart()
            self.close_clients()
