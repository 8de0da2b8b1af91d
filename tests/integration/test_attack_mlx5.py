# SPDX-License-Identifier: LGPL-2.1-or-later
"""mlx5: registers that tell the device where to write, reads that are none, and what belongs to other functions."""
import struct

import pytest

import processes
from attack import ALLOW_ALL, Attack, changed
from client import BusError
from simulated import Fault

MGIR, MCIA, MTRC_CONF, MCDD, MORD, RESOURCE_DUMP = 0x9020, 0x9014, 0x9041, 0x905C, 0x9153, 0xC000
WRITE, READ = 0, 1


def message(opcode, size=16, op_mod=0):
    return struct.pack(">HHHH", opcode, 0, 0, op_mod) + bytes(size - 8)


def access(op_mod, register, size):
    return changed(message(0x0805, 16 + size, op_mod), 10, struct.pack(">H", register))


NOP = message(0x080D)
INLINE_DUMP = changed(access(READ, RESOURCE_DUMP, 256), 16, b"\x40")


@pytest.fixture
def attack(adapters):
    attack = Attack(adapters, adapters.mlx5)
    yield attack
    attack.over()


def test_no_memory_key_and_no_address_gets_into_a_dump(attack):
    attack.valid(INLINE_DUMP)
    for place in (48, 49, 50, 51, *range(56, 64)):
        for value in (b"\1", b"\x80", b"\xff"):
            attack.refused(changed(INLINE_DUMP, place, value))
    for address in attack.addresses():
        attack.refused(changed(INLINE_DUMP, 56, struct.pack(">Q", address)))
    # By DMA; of another function; both.
    for flags in (0x00, 0x20, 0x60):
        attack.refused(changed(INLINE_DUMP, 16, bytes([flags])))
    attack.refused(changed(INLINE_DUMP, 22, b"\0\1"))


@pytest.mark.parametrize("register,size", [(MCDD, 32), (MORD, 256), (RESOURCE_DUMP, 256), (MTRC_CONF, 128)])
def test_registers_that_name_memory(attack, register, size):
    """Whatever is in them: MCDD's addresses are physical."""
    for op_mod in (WRITE, READ):
        text = access(op_mod, register, size)
        for place in range(16, len(text), 4):
            attack.refused(changed(text, place, b"\xff" * 4))
    attack.refused(access(WRITE, register, size))


@pytest.mark.parametrize("op_mod", [2, 3, 0x8000, 0x8001, 0xFFFF])
def test_a_read_to_the_kernel_is_a_read_to_fwctld(attack, op_mod):
    """To the kernel everything but 0 is one, and what the firmware makes of it nobody knows."""
    attack.valid(access(READ, MGIR, 160))
    attack.refused(access(op_mod, MGIR, 160))


def test_the_user_context_is_the_executors(attack):
    attack.valid(NOP)
    for place in range(2, 16):
        for value in (b"\1", b"\x80", b"\xff"):
            attack.refused(changed(NOP, place, value))


def test_no_message_is_longer_or_shorter_than_its_own(attack):
    for text in (NOP, access(READ, MGIR, 160), INLINE_DUMP, message(0x0770, 32), message(0x0100)):
        attack.valid(text)
        for size in {0, 1, 2, 8, 15, 16, len(text) - 4, len(text) - 1, len(text) + 1, len(text) + 4, 4096}:
            if size != len(text):
                attack.refused((text + bytes(4096))[:size])
        attack.refused(text, b"data that it does not take")


def test_no_password_for_a_module(attack):
    text = access(READ, MCIA, 144)
    for place in range(28, 32):
        attack.refused(changed(text, place, b"\1"))


def test_what_nobody_published_is_not_sent(attack):
    """Opcodes without a layout, those that the kernel does not have, and registers that nobody knows."""
    for opcode in (0x010C, 0x0716, 0x0731, 0x0820, 0x0B0C, 0x0B2E, 0x8001, 0x0500, 0x0200, 0x0102, 0xFFFF):
        for size in (16, 64):
            attack.refused(message(opcode, size))
            attack.refused(message(opcode, size, 1))
    for register in (0x0000, 0x5FFF, 0x9FFF, 0xFFFF):
        for op_mod in (WRITE, READ):
            attack.refused(access(op_mod, register, 64))


def test_addresses_have_no_name(attack):
    for name in ("mkey", "address", "size", "vhca-id", "uid", "argument"):
        attack.refused_by_name("mlx5.read-resource-dump", {"segment-type": 0x1310, name: 4096})


def test_another_function_is_another_right(adapters):
    """Also to look at it: what accepts no broadcast lets nobody look into another function."""
    adapters.policy(ALLOW_ALL.replace("broadcast: allow", "broadcast: deny"))
    device = adapters.client("alice").device(adapters.mlx5.name)
    before = adapters.mlx5.seen()
    for command, fields in (("query-vport-counter", {"other-vport": 1, "vport-number": 1}),
                            ("query-hca-cap", {"other-function": 1, "function-id": 1, "capability": "general"}),
                            ("query-vhca-state", {"function-id": 1})):
        with pytest.raises(BusError) as error:
            device.execute(f"mlx5.{command}", fields)
        assert error.value.short == "Denied", error.value
    assert adapters.mlx5.seen() == before
    device.execute("mlx5.query-vport-counter")


def test_no_answer_has_anything_of_the_caller_before(adapters):
    adapters.policy(ALLOW_ALL)
    alice, bob = (adapters.client(user).device(adapters.mlx5.name) for user in ("alice", "bob"))
    options = {"device-id": alice.property("DeviceId")}
    secret = access(WRITE, 0x9024, 268)
    secret = changed(changed(secret, 18, struct.pack(">HI", 256, 0x10A)), 28, b"SECRET OF ALICE " * 16)
    alice.execute_raw(secret, b"", options)
    adapters.mlx5.fault(Fault.STATUS, status=0)
    response = bob.execute_raw(message(0x0100, 16, 1), b"", options)[2]
    assert len(response) == 4112 and not any(response)
    processes.wait_for(lambda: bob.property("State") == "idle", "an idle device")
