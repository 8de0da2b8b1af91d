# SPDX-License-Identifier: LGPL-2.1-or-later
"""bnxt: the kernel follows addresses in messages, in the memory of whoever makes the call. Nobody but fwctld has one there."""
import os
import signal
import struct

import pytest

import processes
from attack import ALLOW_ALL, Attack, changed
from client import BusError
from simulated import Fault
from test_executor import executor_pid

# The 32 requests with addresses, as the kernel's driver has them and not the catalogue: type, bytes, and per address
# its place, whether the device reads there, and its length: fixed, or (place, bytes, unit) of the field that says it.
POINTERS = [
    (0x0023, 40, [(24, False, 408), (32, False, 528)]),
    (0x003C, 32, [(16, False, (26, 2, 1))]),
    (0x0067, 32, [(16, False, (24, 4, 1))]),
    (0x0073, 88, [(24, True, (18, 2, 2))]),
    (0x0074, 32, [(24, False, (18, 2, 1))]),
    (0x00B4, 40, [(24, False, (18, 2, 1)), (32, False, (20, 2, 1))]),
    (0x00BA, 40, [(24, False, (18, 2, 1)), (32, False, (18, 2, 1))]),
    (0x00BF, 32, [(24, True, (20, 4, 1))]),
    (0x00CA, 32, [(16, True, (24, 2, 1))]),
    (0x00CB, 32, [(16, False, (24, 2, 1))]),
    (0x00D5, 48, [(16, False, (24, 2, 1))]),
    (0x00D9, 40, [(16, False, (24, 2, 1))]),
    (0x00E6, 32, [(24, False, (16, 2, 1))]),
    (0x00E7, 32, [(24, False, (16, 2, 1))]),
    (0x0203, 40, [(16, False, (28, 2, 1))]),
    (0x0204, 32, [(24, False, (16, 2, 1))]),
    (0x0218, 32, [(24, False, (16, 2, 1))]),
    (0xFF0E, 40, [(16, False, (28, 2, 1))]),
    (0xFF10, 32, [(16, False, (28, 4, 4))]),
    (0xFF11, 80, [(16, False, (24, 4, 1))]),
    (0xFF17, 32, [(16, False, (24, 4, 1))]),
    (0xFF19, 56, [(16, False, (24, 4, 1))]),
    (0xFF2D, 40, [(16, True, (32, 4, 1)), (24, False, (32, 4, 1))]),
    (0xFF30, 32, [(24, True, (20, 4, 1))]),
    (0xFFF1, 40, [(16, False, (24, 2, 1))]),
    (0xFFF2, 40, [(16, True, (24, 2, 1))]),
    (0xFFF4, 40, [(16, True, (32, 4, 1))]),
    (0xFFFA, 24, [(16, False, 65536)]),
    (0xFFFC, 40, [(16, False, (28, 4, 1))]),
    (0xFFFD, 40, [(16, False, (32, 4, 1))]),
    (0xFFFE, 56, [(16, True, (32, 4, 1))]),
    (0xFFFF, 40, [(16, True, (28, 4, 1))]),
]
UNITS = 16
VER_GET, QCFG, TEMPERATURE, PTRACE, NVM_READ, NVM_WRITE = 0x0000, 0x0016, 0x00E0, 0xFF2D, 0xFFFD, 0xFFFE


def message(request, size):
    """Without a completion ring, to this function."""
    return struct.pack("<HHHH", request, 0xFFFF, 0, 0xFFFF) + bytes(size - 8)


def with_lengths(request, size, pointers, units=UNITS):
    """Each length field set, and the data that then belongs to it."""
    text, data = message(request, size), b""
    for _, to_device, length in pointers:
        if isinstance(length, tuple):
            text = changed(text, length[0], units.to_bytes(length[1], "little"))
            data += bytes(units * length[2]) if to_device else b""
    return text, data


@pytest.fixture
def attack(adapters):
    attack = Attack(adapters, adapters.bnxt)
    yield attack
    attack.over()


def begin(attack, row):
    """A message of this type that would be sent; some have a field with few values, which are named from 1."""
    text, data = with_lengths(*row)
    for start in (b"", b"\1"):
        for place in range(16, len(text) if start else 17):
            candidate = changed(text, place, start) if start else text
            try:
                attack.valid(candidate, data)
            except BusError:
                continue
            return candidate, data
    raise AssertionError(f"no message of type 0x{row[0]:04x} is accepted")


@pytest.mark.parametrize("row", POINTERS, ids=lambda row: f"0x{row[0]:04x}")
def test_no_address_of_a_client_gets_into_a_message(attack, row):
    text, data = begin(attack, row)
    for place, _, _ in row[2]:
        for address in attack.addresses():
            attack.refused(changed(text, place, struct.pack("<Q", address)), data, says="are a pointer")


@pytest.mark.parametrize("row", POINTERS, ids=lambda row: f"0x{row[0]:04x}")
def test_a_length_is_what_is_moved(attack, row):
    """Nothing, more than the kernel takes, and more than the client sent along."""
    request, size, pointers = row
    text, data = begin(attack, row)
    attack.refused(text, data + b"\0")
    if data:
        attack.refused(text, data[:-1])
        attack.refused(text)
    for _, to_device, length in pointers:
        if not isinstance(length, tuple):
            continue
        place, width, unit = length
        for units in (0, 65536 // unit + 1, 2 ** 31, 2 ** 32 // unit, 2 ** 32 - 1):
            if units < 2 ** (8 * width):
                attack.refused(changed(text, place, units.to_bytes(width, "little")), data)
        if to_device:
            attack.refused(changed(text, place, (UNITS + 1).to_bytes(width, "little")), data)


def test_no_message_is_longer_or_shorter_than_its_own(attack):
    for row in (*POINTERS, (VER_GET, 24, []), (QCFG, 24, []), (TEMPERATURE, 16, [])):
        text, data = with_lengths(*row)
        for size in {0, 1, 2, 15, len(text) - 4, len(text) - 1, len(text) + 1, len(text) + 4, 127, 128, 132}:
            if size != len(text):
                attack.refused((text + bytes(256))[:size], data)


def test_no_other_ring_function_or_answer(attack):
    text = message(TEMPERATURE, 16)
    attack.valid(text)
    for place, values in {2: (0, 1, 0xFFFE), 4: (1, 0xFFFF), 6: (0, 1, 0xFFF8, 0xFFF9, 0xFFFA, 0xFFFD)}.items():
        for value in values:
            attack.refused(changed(text, place, struct.pack("<H", value)))
    for address in attack.addresses():
        attack.refused(changed(text, 8, struct.pack("<Q", address)))


def test_the_second_length_of_a_write_stays_within_the_first(attack):
    """In batch mode the device reads so many bytes of a buffer that the driver made as long as the first says."""
    text, data = with_lengths(NVM_WRITE, 56, [(16, True, (32, 4, 1))])
    text = changed(text, 38, b"\2\0")
    attack.valid(changed(text, 48, struct.pack("<I", UNITS)), data)
    for length in (UNITS + 1, 65536, 2 ** 32 - 1):
        attack.refused(changed(text, 48, struct.pack("<I", length)), data, says="at most")


def test_what_nobody_published_is_not_sent(attack):
    """Types without a layout could have addresses for the device anywhere; those without a name anything."""
    for request in (0x0028, 0x0087, 0x00C2, 0x00C3, 0x00DD, 0xFF15, 0xFF16, 0xFF2E, 0xFFEE, 0xFFF0):
        for size in (16, 24, 128):
            attack.refused(message(request, size))
    for request in (0x8000, 0x0010, 0x00FF, 0xFF00, 0xFFE0, 0xFFF3):
        attack.refused(message(request, 24))


def test_addresses_have_no_name(attack):
    for name in ("tx-stat-host-addr", "rx-stat-host-addr", "resp-addr", "cmpl-ring", "target-id", "seq-id"):
        attack.refused_by_name("bnxt.port-qstats", {name: 4096})


def test_another_function_is_another_right(adapters):
    """Also to look at it: what accepts no broadcast lets nobody look into another function."""
    adapters.policy(ALLOW_ALL.replace("broadcast: allow", "broadcast: deny"))
    device = adapters.client("alice").device(adapters.bnxt.name)
    before = adapters.bnxt.seen()
    with pytest.raises(BusError) as error:
        device.execute("bnxt.func-qcfg", {"fid": 2})
    assert error.value.short == "Denied"
    assert adapters.bnxt.seen() == before
    device.execute("bnxt.func-qcfg")


@pytest.mark.parametrize("fault", [Fault.SHORT, Fault.STATUS])
def test_no_answer_has_anything_of_the_caller_before(adapters, fault):
    """A device that writes less than it was asked for, into a buffer that was somebody else's."""
    adapters.policy(ALLOW_ALL)
    alice, bob = (adapters.client(user).device(adapters.bnxt.name) for user in ("alice", "bob"))
    options = {"device-id": alice.property("DeviceId")}
    secret = b"SECRET OF ALICE " * 256
    alice.execute("bnxt.dbg-ptrace", {"pdi-req-buf-len": len(secret)}, secret, options)
    adapters.bnxt.fault(fault, status=0)
    response = bob.execute("bnxt.nvm-read", {"dir-idx": 0, "offset": 0, "len": 4096}, b"", options)[2]
    assert len(response) >= 4096
    assert not any(response[-2048:]) and b"SECRET" not in response
    processes.wait_for(lambda: bob.property("State") == "idle", "an idle device")


def test_a_kernel_that_takes_no_addresses_any_more_is_sent_none(adapters):
    """Decided while nobody held the device, and sent to what was opened then: by what its kernel says."""
    adapters.policy(ALLOW_ALL)
    device = adapters.client("alice").device(adapters.bnxt.name)
    adapters.bnxt.kernel_capabilities(0x7)
    os.kill(executor_pid(adapters, adapters.bnxt.name), signal.SIGKILL)
    processes.wait_for(lambda: device.property("State") == "starting", "the end of the executor")
    seen = adapters.bnxt.seen()
    with pytest.raises(BusError) as error:
        device.execute("bnxt.port-qstats")
    assert error.value.short == "Denied" and '"dma"' in error.value.message
    assert adapters.bnxt.seen() == seen
