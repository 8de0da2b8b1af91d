# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the two benches have in common.

private_bus: simulated devices, and every process started by hand, within tests/lib/namespace.
real_units: real devices under fwctld's own units, in the virtual machine of tests/vm.

A test that is marked any_device runs on both. It takes its devices from here (`fwctld.nvme`, `fwctld.cxl`, or
as a caller sees them, `alice.nvme`), and nothing else about them for granted.
"""
import contextlib
import pathlib
import socket

import client

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


def write_policy(text):
    """The only policy there is; with None it is the shipped one."""
    for file in (ETC / "policy.d").iterdir():
        file.unlink()
    if text is not None:
        (ETC / "policy.d/50-default.yaml").write_text("")
        (ETC / "policy.d/60-test.yaml").write_text(text)


def write_rules():
    pathlib.Path("/etc/polkit-1/rules.d/10-test.rules").write_text(POLKIT_RULES)


def fill(path):
    """Sends ballast until there is no room for more. Returns how many messages that were."""
    sent = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(BlockingIOError):
        sender.setblocking(False)
        sender.connect(path)
        while True:
            sender.send(b"MESSAGE=ballast of a test\n")
            sent += 1
    return sent


class Bench:
    """What lives as long as all tests do: journald, polkitd, and the bus."""

    @contextlib.contextmanager
    def full_journal(self):
        """journald does not move, and no record fits into its queue any more."""
        self.journald.freeze()
        try:
            # One sender's own buffer may be full before the queue is.
            while fill("/run/systemd/journal/socket"):
                pass
            yield
        finally:
            self.journald.thaw()


class Fwctld:
    """fwctld with its devices: `nvme`, `cxl`, and maybe `mailbox`, the other node of the same CXL memory device.

    Each has a name, a serial, a stable id, and a kind: its dialect, and its envelope where that has another.
    """

    mailbox = None

    def __init__(self, bench):
        self.bench = bench
        self.clients = []

    def client(self, user):
        names = {name: getattr(self, name).name for name in ("nvme", "cxl", "mailbox") if getattr(self, name)}
        connection = client.Client(user, **names)
        self.clients.append(connection)
        return connection

    def close_clients(self):
        while self.clients:
            self.clients.pop().close()

    def policy(self, text, reload=True):
        write_policy(text)
        if reload:
            return self.client("root").manager("ReloadPolicy")[0]
        return None

    def state(self, device=None):
        return self.clients[0].device(device or self.nvme.name).property("State")
