# SPDX-License-Identifier: LGPL-2.1-or-later
"""A private system bus with the real polkitd and journald, and fwctld with simulated devices.

Runs only within tests/lib/namespace. Bus, polkitd and journald live as long as the tests; monitor, broker and
devices are fresh for each test.
"""
import pathlib
import shutil
import signal

import bench
import journal
import processes
import simulated
from bench import ETC, POLICY


class Bench(bench.Bench):
    def __init__(self):
        bench.write_rules()
        pathlib.Path("/run/fwctld").mkdir()
        self.journald = processes.start_journal()
        self.bus = processes.start_bus()
        self.polkitd = processes.start_polkit()

    def restart_journald(self):
        self.journald.kill()
        self.journald = processes.start_journal()

    def restart_polkitd(self):
        self.polkitd.kill()
        self.polkitd = processes.start_polkit()

    def stop(self):
        for process in (self.polkitd, self.bus, self.journald):
            process.stop()

    def stopped(self):
        """fwctld before it is started."""
        bench.write_policy(POLICY)
        for file in (ETC / "commands.d").iterdir():
            file.unlink()
        return Fwctld(self)

    def running(self):
        return self.stopped().start()

    def with_mailbox(self):
        fwctld = self.stopped()
        fwctld.add_mailbox()
        return fwctld.start()

    def with_adapters(self):
        fwctld = self.stopped()
        fwctld.add_adapters()
        return fwctld.start()


class Fwctld(bench.Fwctld):
    """A running fwctld, with sim0 (nvme) and sim1 (cxl)."""

    simulated = True

    def __init__(self, bench):
        super().__init__(bench)
        self.monitor = self.broker = None
        processes.fresh_devices()
        self.nvme = simulated.SimulatedDevice(0, "SIM-NVME-0", "nvme")
        self.cxl = simulated.SimulatedDevice(1, "SIM-CXL-1", "cxl")
        self.devices = [self.nvme, self.cxl]

    def add_mailbox(self):
        """sim2, the mailbox node of the memory device whose fwctl node is sim1."""
        processes.create_device(2, "cxl-mem", self.cxl.serial)
        self.mailbox = simulated.SimulatedDevice(2, self.cxl.serial, "cxl", "cxl-mem")
        self.devices.append(self.mailbox)

    def add_adapters(self):
        """sim2 to sim4, a network adapter of each other fwctl dialect."""
        for number, kind in enumerate(("mlx5", "bnxt", "pds"), 2):
            serial = f"SIM-{kind.upper()}-{number}"
            processes.create_device(number, kind, serial)
            device = simulated.SimulatedDevice(number, serial, kind)
            setattr(self, kind, device)
            self.devices.append(device)
        # Which operations a pds device has is for its administrator to say.
        shutil.copy("/source/tests/data/commands/simulated/pds.yaml", ETC / "commands.d/pds.yaml")

    def start(self, *monitor_arguments):
        self.journal = journal.Journal()
        self.monitor = processes.Monitor(f"--simulate={processes.SIMULATED}", *monitor_arguments)
        self.broker = processes.Broker()
        root = self.client("root")
        processes.wait_for(
            lambda: {device[4] for device in root.manager("ListDevices")[0]} <= {"idle"}, "idle devices")
        # What fwctld asked the devices about themselves is over.
        self.base = sum(device.seen() for device in self.devices)
        return self

    def reached(self):
        """How many commands of callers reached any device."""
        return sum(device.seen() for device in self.devices) - self.base

    def reload_by_signal(self):
        self.broker.signal(signal.SIGHUP)
        self.broker.wait_notified("RELOADING=1")
        self.broker.wait_notified("READY=1")

    def stop(self):
        self.close_clients()
        for device in self.devices:
            device.fault(simulated.Fault.NONE)
        broker = self.broker.stop() if self.broker else 0
        if self.monitor:
            self.monitor.stop()
        # The models end an executor that hands them what no device must get.
        assert not any(device.bug() for device in self.devices)
        assert broker == 0, f"the broker ended with {broker}:\n{self.broker.log.read_text()[-4000:]}"
