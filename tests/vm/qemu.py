# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hands at the machine: they unplug and plug controllers, and make disks slow. See tests/vm/boot."""
import json

from processes import wait_for
from real_units import SHARE

REQUESTS, ANSWERS = SHARE / "qmp.requests", SHARE / "qmp.answers"


class Qemu:
    def __init__(self):
        self.slowed = set()

    def said(self):
        return [json.loads(line) for line in ANSWERS.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def command(self, name, **arguments):
        number = REQUESTS.read_text().count("\n")
        with REQUESTS.open("a") as requests:
            requests.write(json.dumps({"execute": name, "arguments": arguments, "id": number}) + "\n")
        answer, = wait_for(lambda: [line for line in self.said() if line.get("id") == number],
                           f"QEMU's answer to {name}")
        assert "error" not in answer, answer

    def gone(self, device):
        return sum(line.get("event") == "DEVICE_DELETED" and line["data"].get("device") == device
                   for line in self.said())

    def unplug(self, device):
        """As somebody who presses the button beside the slot: the kernel lets go of it 5 s later."""
        before = self.gone(device)
        self.command("device_del", id=device)
        return lambda: wait_for(lambda: self.gone(device) > before, f"{device} to be unplugged", seconds=40)

    def plug(self, device, number):
        self.command("device_add", driver="nvme", id=device, bus=f"port{number}",
                     serial=f"FWCTLD-TEST-{number}", drive=f"disk{number}")

    def slow(self, device):
        """From now on this disk takes a write, and no other one after it."""
        self.throttle(device, 1)
        self.slowed.add(device)

    def hurry(self):
        while self.slowed:
            self.throttle(self.slowed.pop(), 0)

    def throttle(self, device, bytes_per_second):
        self.command("block_set_io_throttle", id=device, bps=0, bps_rd=0, bps_wr=bytes_per_second,
                     iops=0, iops_rd=0, iops_wr=0)
