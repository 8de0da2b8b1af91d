# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hostile client, who is allowed everything that policy can allow, and knows where fwctld has its memory."""
import pathlib

import pytest

import processes
from client import BusError
from test_executor import executor_pid
from test_invariants import ALLOW_ALL

REFUSED = ("InvalidRequest", "UnknownCommand")


def mapped(pid):
    """Where a process has its program, its heap, its stack and what else: the first byte of each mapping."""
    lines = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    return [int(line.split("-")[0], 16) for line in lines]


class Attack:
    """Each attempt must be refused; at the end nothing may have reached the device, not even an intent."""

    def __init__(self, fwctld, device):
        fwctld.policy(ALLOW_ALL)
        self.fwctld = fwctld
        self.target = device
        if device.kind in (("cxl",), ("mlx5",), ("bnxt",), ("pds",)):
            device.grant_rawio()
        self.client = fwctld.client("alice")
        self.device = self.client.device(device.name)
        self.options = {"device-id": self.device.property("DeviceId")}
        self.executor = executor_pid(fwctld, device.name)
        self.seen = device.seen()
        self.state = device.state()
        self.attempts = 0

    def addresses(self):
        """What a pointer could be: fwctld's own memory, the executor's, the ends of all memory, and odd ones."""
        broker, executor = mapped(self.fwctld.broker.pid), mapped(self.executor)
        places = [*broker[:2], *broker[-3:], *executor[:2], *executor[-3:]]
        return [*places, executor[1] + 1, 1, 0x1000, 256, 2 ** 32, 2 ** 63, 2 ** 64 - 1, 2 ** 64 - 4096]

    def valid(self, message, data=b""):
        """That the attempts are refused for what is wrong with them, and not for what they began with."""
        assert self.device.explain_raw(bytes(message), data, self.options)["verdict"] == "allow"

    def refused(self, message, data=b"", says=None):
        self.attempts += 1
        with pytest.raises(BusError) as error:
            self.device.execute_raw(bytes(message), data, self.options)
        assert error.value.short in REFUSED, error.value
        assert says is None or says in error.value.message, error.value
        with pytest.raises(BusError):
            self.device.explain_raw(bytes(message), data, self.options)

    def refused_by_name(self, command, fields, data=b""):
        self.attempts += 1
        with pytest.raises(BusError) as error:
            self.device.execute(command, fields, data, self.options)
        assert error.value.short in REFUSED, error.value

    def over(self):
        assert self.attempts > 0
        assert self.target.seen() == self.seen
        assert self.target.state() == self.state
        assert not self.target.bug()
        assert self.fwctld.journal.records("intent", caller_name="alice") == []
        assert executor_pid(self.fwctld, self.target.name) == self.executor
        assert self.fwctld.broker.running()
        processes.wait_for(lambda: self.device.property("State") == "idle", "an idle device")


def changed(message, offset, value):
    return bytes(message[:offset]) + value + bytes(message[offset + len(value):])
