# SPDX-License-Identifier: LGPL-2.1-or-later
"""NVMe: commands and fields that name memory by themselves, and lengths, which the kernel compares with nothing.

The pointers of the entry itself are in test_invariants.py, short and garbled answers in test_executor.py."""
import struct

import pytest

from attack import Attack
from test_invariants import raw_smart

SET_FEATURES, GET_LOG_PAGE, FIRMWARE_DOWNLOAD, IDENTIFY = 0x09, 0x02, 0x11, 0x06


def entry(opcode, nsid=0, **dwords):
    """Dwords by number, as d10=..."""
    message = bytearray(64)
    struct.pack_into("<B3xI", message, 0, opcode, nsid)
    for name, value in dwords.items():
        struct.pack_into("<I", message, 4 * int(name[1:]), value)
    return bytes(message)


@pytest.fixture
def attack(fwctld):
    attack = Attack(fwctld, fwctld.nvme)
    yield attack
    attack.over()


@pytest.mark.parametrize("opcode", [0x00, 0x01, 0x04, 0x05, 0x0C, 0x18, 0x7C, 0x7F])
def test_queues_and_doorbells_are_the_kernels(attack, opcode):
    """Delete and Create of queues, Asynchronous Event Request, Keep Alive, Doorbell Buffer Config, Fabrics."""
    for d10 in (0, 1, 0xFFFFFFFF):
        attack.refused(entry(opcode, d10=d10))
        attack.refused(entry(opcode, d10=d10), bytes(4096))


def test_no_memory_for_the_controller(attack):
    """Host Memory Buffer: its descriptors' address is in dwords 13 and 14, and the controller writes there."""
    for address in attack.addresses():
        dwords = {"d12": 1, "d13": address & 0xFFFFFFF0, "d14": address >> 32, "d15": 1}
        attack.refused(entry(SET_FEATURES, d10=0x0D, d11=1, **dwords))
        attack.refused(entry(SET_FEATURES, d10=0x0D | 1 << 31, d11=1, **dwords))


def test_a_length_is_what_is_moved(attack):
    attack.valid(raw_smart())
    # More than fwctld carries; also where the two halves of the number of dwords add up to 32 bits.
    for lower, upper in ((0xFFFF, 0xFFFF), (0, 0x0100), (0xFFFF, 0x00FF)):
        attack.refused(entry(GET_LOG_PAGE, 0xFFFFFFFF, d10=0x02 | 1 << 15 | lower << 16, d11=upper))
    for dwords, data in ((0, 8), (0, 0), (1023, 4092), (0xFFFFFFFF, 0), (0xFFFFFFFF, 4), (0x3FFFFFFF, 0)):
        attack.refused(entry(FIRMWARE_DOWNLOAD, d10=dwords), bytes(data))
    # A vendor's opcode says by its last two bits which way data goes; of none is it known how much.
    for opcode in (0xC0, 0xC1, 0xC2, 0xC3, 0xFF):
        attack.refused(entry(opcode, d10=1023), bytes(4096))
        attack.refused(entry(opcode, d10=1023))


def test_addresses_have_no_name(attack):
    for name in ("addr", "metadata", "prp1", "prp2", "data-len", "timeout", "flags", "cdw2"):
        attack.refused_by_name("nvme.identify", {"cns": "controller", name: 4096})
