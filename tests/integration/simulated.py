# SPDX-License-Identifier: LGPL-2.1-or-later
"""A simulated device from outside: its file, as include/sim-device.h lays it out."""
import enum
import mmap
import struct

from processes import SIMULATED

MONITOR_SIMULATED = 4  # enum monitor_subsystem, daemon/monitor/protocol.h


class Fault(enum.IntEnum):
    NONE = 0
    HANG = 1
    DIE = 2
    SHORT = 3
    GARBAGE = 4
    STATUS = 5


class SimulatedDevice:
    def __init__(self, number, serial, *kind):
        """kind: dialect, and envelope where it is not the dialect's own."""
        self.name = f"sim{number}"
        self.serial = serial
        self.kind = kind
        self.id = f"{kind[-1]}:{serial}"
        self.monitor_request = MONITOR_SIMULATED, number
        with (SIMULATED / str(number)).open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def seen(self):
        """How many commands have reached the device."""
        return struct.unpack_from("Q", self.map, 16)[0]

    def state(self):
        """Everything that a command could change."""
        return self.map[4096:]

    def bug(self):
        return self.map[40:168].split(b"\0")[0].decode()

    def fault(self, fault, count=1, status=0):
        struct.pack_into("II", self.map, 28, count, status)
        struct.pack_into("I", self.map, 24, fault)

    def grant_rawio(self):
        """The kernel in front of a fwctl device lets scope 3 pass."""
        struct.pack_into("I", self.map, 4096, 1)

    def kernel_capabilities(self, bits):
        """What FWCTL_INFO says of the driver of a bnxt device; read when the device is opened."""
        struct.pack_into("I", self.map, 4104, bits)

    def claim_serial(self, serial):
        """What the firmware says of itself; read when the device is opened."""
        struct.pack_into("64s", self.map, 168, serial)

    def claim_model(self, model):
        struct.pack_into("64s", self.map, 232, model)

    def report_command(self, opcode, bits, after_activation=False):
        """Bits that the NVMe model's log 0x05 has otherwise than it should; read when the device is opened."""
        struct.pack_into("I", self.map, (14336 if after_activation else 12288) + 4 * opcode, bits)

    def report_feature(self, fid, bits):
        """The same of log 0x12."""
        struct.pack_into("I", self.map, 12288 + 1024 + 4 * fid, bits)
