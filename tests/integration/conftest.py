# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test bench: a private system bus with the real polkitd and journald, and fwctld with simulated devices.

Runs only within tests/lib/namespace. Bus, polkitd and journald live as long as the tests; monitor, broker and
devices are fresh for each test.
"""
import contextlib
import pathlib
import signal
import socket

import pytest

import client
import journal as journal_reader
import processes
import simulated

ETC = pathlib.Path("/etc/fwctld")

# Everything that a decision can be; most tests need no other.
POLICY = """\
version: 1
defaults: {read-only: allow, config-change: authenticate, destructive: deny,
           confidential: deny, persistent: allow, broadcast: allow, taints-kernel: deny}
rules:
  - id: alice-formats
    caller: {user: alice}
    command: [nvme.format-nvm]
    hazards: [broadcast, persistent]
    verdict: allow
  - id: bob-never
    caller: {user: bob}
    class: [destructive]
    verdict: deny
    note: Ask the storage desk.
"""
DENY_ALL = "version: 1\ndefaults: {read-only: deny, config-change: deny, destructive: deny}\n"

# polkit grants alice everything, refuses bob, and would ask anybody else for a password.
POLKIT_RULES = """\
polkit.addRule(function(action, subject) {
	if (action.id.indexOf("org.fwctld1.") == 0 && subject.user == "alice")
		return polkit.Result.YES;
	if (action.id.indexOf("org.fwctld1.") == 0 && subject.user == "bob")
		return polkit.Result.NO;
});
"""


class Bench:
    """What lives as long as all tests do."""

    def __init__(self):
        pathlib.Path("/etc/polkit-1/rules.d/10-test.rules").write_text(POLKIT_RULES)
        pathlib.Path("/run/fwctld").mkdir()
        self.journald = processes.start_journal()
        self.bus = processes.start_bus()
        self.polkitd = processes.start_polkit()

    def restart_journald(self):
        self.journald.kill()
        self.journald = processes.start_journal()

    @contextlib.contextmanager
    def full_journal(self):
        """journald does not move, and no record fits into its queue any more."""
        self.journald.freeze()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.connect("/run/systemd/journal/socket")
                with contextlib.suppress(BlockingIOError):
                    while True:
                        sender.send(b"MESSAGE=ballast of a test\n")
            yield
        finally:
            self.journald.thaw()

    def restart_polkitd(self):
        self.polkitd.kill()
        self.polkitd = processes.start_polkit()

    def stop(self):
        for process in (self.polkitd, self.bus, self.journald):
            process.stop()


class Fwctld:
    """A running fwctld, with sim0 (nvme) and sim1 (cxl)."""

    def __init__(self, bench):
        self.bench = bench
        self.clients = []
        self.monitor = self.broker = None
        processes.fresh_devices()
        self.nvme = simulated.SimulatedDevice(0)
        self.cxl = simulated.SimulatedDevice(1)
        self.simulated = [self.nvme, self.cxl]

    def add_mailbox(self):
        """sim2, the mailbox node of the memory device whose fwctl node is sim1."""
        processes.create_device(2, "cxl-mem", "SIM-CXL-1")
        self.mailbox = simulated.SimulatedDevice(2)
        self.simulated.append(self.mailbox)

    def start(self, *monitor_arguments):
        self.journal = journal_reader.Journal()
        self.monitor = processes.Monitor(f"--simulate={processes.SIMULATED}", *monitor_arguments)
        self.broker = processes.Broker()
        root = self.client("root")
        processes.wait_for(
            lambda: {device[4] for device in root.manager("ListDevices")[0]} <= {"idle"}, "idle devices")
        # What fwctld asked the devices about themselves is over.
        self.base = sum(device.seen() for device in self.simulated)
        return self

    def reached(self):
        """How many commands of callers reached any device."""
        return sum(device.seen() for device in self.simulated) - self.base

    def client(self, user):
        connection = client.Client(user)
        self.clients.append(connection)
        return connection

    def policy(self, text, reload=True):
        write_policy(text)
        if reload:
            return self.client("root").manager("ReloadPolicy")[0]
        return None

    def reload_by_signal(self):
        self.broker.signal(signal.SIGHUP)
        self.broker.wait_notified("RELOADING=1")
        self.broker.wait_notified("READY=1")

    def state(self, device="sim0"):
        return self.clients[0].device(device).property("State")

    def stop(self):
        for connection in self.clients:
            connection.close()
        for device in self.simulated:
            device.fault(simulated.Fault.NONE)
        broker = self.broker.stop() if self.broker else 0
        if self.monitor:
            self.monitor.stop()
        # The models end an executor that hands them what no device must get.
        assert not any(device.bug() for device in self.simulated)
        assert broker == 0, f"the broker ended with {broker}:\n{self.broker.log.read_text()[-4000:]}"


def write_policy(text):
    # The shipped policy is another test's matter.
    (ETC / "policy.d/50-default.yaml").write_text("")
    (ETC / "policy.d/60-test.yaml").write_text(text)


@pytest.fixture(autouse=True)
def time_limit():
    def on_alarm(number, frame):
        raise TimeoutError("the test takes longer than 90 s")
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(90)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def bench():
    bench = Bench()
    yield bench
    bench.stop()


@pytest.fixture
def stopped(bench):
    """fwctld, not yet started, for tests that change something first."""
    write_policy(POLICY)
    for file in (ETC / "commands.d").iterdir():
        file.unlink()
    fwctld = Fwctld(bench)
    yield fwctld
    fwctld.stop()


@pytest.fixture
def fwctld(stopped):
    return stopped.start()


@pytest.fixture
def memory(stopped):
    """fwctld with both nodes of a CXL memory device."""
    stopped.add_mailbox()
    return stopped.start()


@pytest.fixture
def alice(fwctld):
    return fwctld.client("alice")


@pytest.fixture
def bob(fwctld):
    return fwctld.client("bob")


@pytest.fixture
def nobody(fwctld):
    return fwctld.client("nobody")
