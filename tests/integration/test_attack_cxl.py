# SPDX-License-Identifier: LGPL-2.1-or-later
"""CXL: what the kernel overlooks or replaces in a message, and opcodes that only a raw command would carry."""
import struct
import uuid

import pytest

from attack import Attack, changed

FEATURE = uuid.UUID("a1d6a7c2-52e1-4be2-9d0c-4f3b6f0f7a10")
GET_FEATURE, SET_FEATURE, GET_HEALTH_INFO, GET_LSA, SET_LSA = 0x0501, 0x0502, 0x4200, 0x4102, 0x4103


def message(opcode, payload=b""):
    return struct.pack("<IIII", opcode, 0, len(payload), 0) + payload


GET = message(GET_FEATURE, FEATURE.bytes + struct.pack("<HHB", 0, 4, 0))
SET = message(SET_FEATURE, FEATURE.bytes + struct.pack("<IHB9x", 0, 0, 1) + b"\1\2\3\4")


@pytest.fixture
def rpc(memory):
    attack = Attack(memory, memory.cxl)
    yield attack
    attack.over()


@pytest.fixture
def mailbox(memory):
    attack = Attack(memory, memory.mailbox)
    yield attack
    attack.over()


def test_bits_that_the_kernel_does_not_look_at(rpc):
    """It cuts the opcode to 16 bits, and has no use for the words beside it."""
    rpc.valid(GET)
    for place in (2, 3, 4, 7, 12, 15):
        for value in (b"\1", b"\x80", b"\xff"):
            rpc.refused(changed(GET, place, value))


def test_a_payload_is_as_long_as_it_says(rpc):
    for text in (GET, SET):
        for size in (0, 1, len(text) - 17, len(text) - 15, 4096, 2 ** 31, 2 ** 32 - 1):
            rpc.refused(changed(text, 8, struct.pack("<I", size)))
        for cut in (1, 4, 16):
            rpc.refused(text[:-cut])
            rpc.refused(text + bytes(cut))
        rpc.refused(text, b"data that it does not take")


def test_a_transfer_in_parts_is_no_whole_one(rpc):
    """The kernel makes "full, and saved" of all transfer types, so that what was to abort would apply."""
    rpc.valid(SET)
    for transfer in (1, 2, 3, 4, 7, 0x10, 0x80):
        rpc.refused(changed(SET, 32, struct.pack("<I", transfer)))
    for place in range(39, 48):
        rpc.refused(changed(SET, place, b"\1"))


def test_opcodes_that_only_a_raw_command_would_carry(mailbox):
    """Poison, sanitize and erase, passphrases, firmware, dynamic capacity, and a vendor's."""
    for opcode in (0x0201, 0x0202, 0x4300, 0x4301, 0x4302, 0x4304, 0x4305, 0x4400, 0x4401, 0x4500, 0x4501,
                   0x4502, 0x4503, 0x4504, 0x4505, 0x4600, 0x4801, 0xC000, 0xFFFF, 0x10000 | GET_HEALTH_INFO):
        for payload in (b"", bytes(16), bytes(64)):
            mailbox.refused(message(opcode, payload))


def test_a_mailbox_moves_what_it_says(mailbox):
    text = message(GET_LSA, struct.pack("<II", 0, 16))
    mailbox.valid(text)
    for length in (2 ** 22, 2 ** 31, 2 ** 32 - 1):
        mailbox.refused(message(GET_LSA, struct.pack("<II", 0, length)))
    for place in (2, 3, 4, 7, 12, 15):
        mailbox.refused(changed(text, place, b"\1"))
    mailbox.refused(text[:-1])
    mailbox.refused(text + b"\0")
    mailbox.refused(message(GET_HEALTH_INFO, b"\0"))
    for size in (0, 4, 7):
        mailbox.refused(message(SET_LSA, bytes(size)))


def test_addresses_have_no_name(mailbox):
    for name in ("payload", "in-payload", "out-payload", "id", "raw", "retval", "flags"):
        mailbox.refused_by_name("cxl.get-health-info", {name: 4096})
