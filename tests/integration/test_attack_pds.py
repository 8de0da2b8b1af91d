# SPDX-License-Identifier: LGPL-2.1-or-later
"""pds: two addresses in each message, which come back in the answer; and operations that only an administrator knows."""
import struct

import pytest

from attack import ALLOW_ALL, Attack, changed
from bench import ETC
from client import BusError
from simulated import Fault

GET, SET, LOG, TRACE = (1, 0x010003), (1, 0x010004), (1, 0x010005), (2, 0x010003)


def message(operation, in_length=0, out_length=0):
    endpoint, op = operation
    return struct.pack("=IIIIQIIIIQ", op, endpoint, 0, in_length, 0, 0, 0, 0, out_length, 0)


@pytest.fixture
def attack(adapters):
    attack = Attack(adapters, adapters.pds)
    yield attack
    attack.over()


@pytest.mark.parametrize("text,data", [
    (message(GET, 0, 8), b""), (message(SET, 4, 0), b"read"), (message(LOG, 4, 8), b"read"), (message(TRACE, 4), b"read"),
], ids=("get", "set", "log", "trace"))
def test_no_address_of_a_client_gets_into_a_message(attack, text, data):
    """Neither where the device would read, nor where it would write, nor where no byte is moved at all."""
    attack.valid(text, data)
    for place in (16, 40):
        for address in attack.addresses():
            attack.refused(changed(text, place, struct.pack("=Q", address)), data, says="are a pointer")


def test_a_length_is_what_is_moved(attack):
    attack.valid(message(SET, 4), b"four")
    for length in (0, 3, 5, 64, 65536, 2 ** 31, 2 ** 32 - 1):
        attack.refused(message(SET, length), b"four")
    for length in (2 ** 22, 2 ** 31, 2 ** 32 - 1):
        attack.refused(message(GET, 0, length))


def test_reserved_bytes_and_those_of_the_answer(attack):
    text = message(GET, 0, 8)
    for place in (3, 8, 11, 24, 27, 28, 35):
        for value in (b"\1", b"\x80", b"\xff"):
            attack.refused(changed(text, place, value))
    for size in (0, 16, 44, 47, 49, 52, 96, 4096):
        attack.refused((text + bytes(4096))[:size])


def test_what_the_administrator_did_not_name(attack):
    """Another endpoint, another command, and another version: the kernel would take the older ones for the same."""
    attack.valid(message(GET, 0, 8))
    for endpoint, op in ((0, 0x010003), (3, 0x010003), (2 ** 32 - 1, 0x010003), (1, 0x010006), (2, 0x010005),
                         (1, 0x000003), (1, 0x020003), (2, 0x010004), (2, 0x010006), (1, 0)):
        attack.refused(message((endpoint, op), 0, 8))


def test_addresses_have_no_name(attack):
    for name in ("payload", "in-payload", "out-payload", "reserved", "retval"):
        attack.refused_by_name("pds.get-settings", {name: 4096, "out-len": 8})
    attack.refused_by_name("pds.get-settings", {"endpoint": 2, "out-len": 8})


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.SHORT, Fault.GARBAGE, Fault.STATUS])
def test_no_address_of_fwctld_comes_back(adapters, fault):
    """Whatever the device does with the answer, the driver puts the message into it."""
    adapters.policy(ALLOW_ALL)
    device = adapters.client("alice").device(adapters.pds.name)
    adapters.pds.fault(fault, status=0)
    options = {"device-id": device.property("DeviceId")}
    try:
        response = device.execute("pds.read-log", {"in-len": 8, "out-len": 64}, b"whatever", options)[2]
    except BusError as error:  # a garbled status
        assert fault is Fault.GARBAGE and error.short == "DeviceRefused"
        response = b""
        assert "0x7f" not in error.message
    assert response[16:24] == response[40:48] == (bytes(8) if response else b"")


def test_no_answer_has_anything_of_the_caller_before(adapters):
    adapters.policy(ALLOW_ALL)
    alice, bob = (adapters.client(user).device(adapters.pds.name) for user in ("alice", "bob"))
    secret = b"SECRET OF ALICE " * 256
    alice.execute("pds.read-log", {"in-len": len(secret), "out-len": 0}, secret)
    adapters.pds.fault(Fault.STATUS, status=0)
    response = bob.execute("pds.read-log", {"out-len": 4096})[2]
    assert response[48:] == bytes(4096)


TOKEN = 0x5EC2E7A5
UNLOCK = """
  - name: unlock
    opcode: 0x010007
    summary: Unlock the settings.
    class: config-change
    reason: a token opens them
    fields:
      endpoint: {in: endpoint, select: 1}
      token: {at: 8, size: 4, secret: true}
    response: {length: 48}
    scope: 0
"""


def test_a_secret_that_an_administrator_described_is_told_to_nobody(adapters):
    """Explained, denied, asked polkit about, or wrong: by name and as bytes."""
    file = ETC / "commands.d/pds.yaml"
    file.write_text(file.read_text() + UNLOCK)
    adapters.client("root").manager("ReloadPolicy")
    text = changed(message((1, 0x010007)), 8, struct.pack("=I", TOKEN))
    told = []
    for user in ("bob", "nobody"):  # polkit refuses the one, and can't ask the other
        device = adapters.client(user).device(adapters.pds.name)
        told += [device.explain("pds.unlock", {"token": TOKEN}), device.explain_raw(text)]
        for call, *words in ((device.execute, "pds.unlock", {"token": TOKEN}), (device.execute_raw, text),
                             (device.execute, "pds.unlock", {"token": TOKEN << 8}),
                             (device.execute, "pds.unlock", {"token": f"{TOKEN:x}z"}),
                             (device.execute_raw, text + b"\0"),
                             (device.execute_raw, changed(text, 24, b"\1"))):
            with pytest.raises(BusError) as error:
                call(*words)
            told += [error.value.message, error.value.details]
    adapters.journal.wait("denied", count=2)
    told += [record.raw for record in adapters.journal.records()]
    digits = (f"{TOKEN:x}", struct.pack("=I", TOKEN).hex(), str(TOKEN), f"{TOKEN << 8:x}", str(TOKEN << 8))
    for words in map(str, told):
        assert not any(secret in words.lower() for secret in digits), words
    assert "(secret)" in str(told)
    assert adapters.reached() == 0
