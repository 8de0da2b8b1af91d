# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests that are wrong get a clear error, reach no device, and cost nobody else anything."""
import random
import struct

import pytest

from client import BusError, DEVICE
from test_invariants import raw_smart

SMART = ("nvme.get-log-page", {"lid": "smart"})


def repr_of(value):
    return ascii(value)[:40]


NOISE = random.Random(1).randbytes(1024 * 1024)


def refused(fwctld, call, name="InvalidRequest", says=()):
    with pytest.raises(BusError) as error:
        call()
    assert error.value.short == name, error.value
    for text in says if isinstance(says, tuple) else (says,):
        assert text in error.value.message, error.value
    assert fwctld.reached() == 0
    return error.value


@pytest.mark.any_device
@pytest.mark.parametrize("length", [0, 1, 63, 65, 128, 4096])
def test_message_of_a_wrong_length(fwctld, alice, length):
    message = (raw_smart() + bytes(4096))[:length]
    refused(fwctld, lambda: alice.nvme.execute_raw(message))


@pytest.mark.any_device
@pytest.mark.parametrize("size", [64, 65, 4096, 65536, 65537, 1024 * 1024])
def test_noise_as_a_message(fwctld, alice, size):
    for device in (alice.nvme, alice.cxl):
        with pytest.raises(BusError) as error:
            device.execute_raw(NOISE[:size])
        assert error.value.short in ("InvalidRequest", "UnknownCommand")
        assert error.value.message
    assert fwctld.reached() == 0


@pytest.mark.any_device
def test_a_thousand_noisy_messages(fwctld, alice):
    """What noise gets through would have to be a command, allowed and complete: none is."""
    source = random.Random(2)
    # Only a few may wait until the bus has said who asks; by then it has.
    device = alice.nvme
    device.explain(*SMART)
    for _ in range(10):
        serials = []
        for _ in range(100):
            message = bytearray(source.randbytes(64))
            message[0] = source.choice([0x02, 0x06, 0x09, 0x0A, 0x80, 0x84, message[0]])
            serials.append(alice.post(device.path, DEVICE, "ExplainRaw", "ayaya{sv}", (bytes(message), b"", {})))
        for serial in serials:
            with pytest.raises(BusError) as error:
                alice.wait(serial)
            assert error.value.short in ("InvalidRequest", "UnknownCommand")
    assert fwctld.reached() == 0


@pytest.mark.any_device
@pytest.mark.parametrize("size", [1, 512, 65536, 1024 * 1024])
def test_data_that_the_command_does_not_take(fwctld, alice, size):
    data = NOISE[:size]
    refused(fwctld, lambda: alice.nvme.execute(*SMART, data=data))
    refused(fwctld, lambda: alice.nvme.execute_raw(raw_smart(), data=data))


@pytest.mark.any_device
@pytest.mark.parametrize("options,says", [
    ({"force": True}, '"force"'),
    ({"uid": 0}, '"uid"'),
    ({"device-id": 7}, '"device-id"'),
    ({"device-id": "nvme:OTHER"}, "nvme:OTHER"),
    ({"reason": b"bytes"}, '"reason"'),
    ({"reason": "x" * 257}, "256"),
    ({"": "x"}, '""'),
], ids=repr_of)
def test_options_that_do_not_exist_or_do_not_fit(fwctld, alice, options, says):
    refused(fwctld, lambda: alice.nvme.execute(*SMART, options=options), says=says)
    refused(fwctld, lambda: alice.nvme.explain(*SMART, options=options), says=says)
    refused(fwctld, lambda: alice.nvme.execute_raw(raw_smart(), options=options), says=says)


@pytest.mark.any_device
@pytest.mark.parametrize("fields,says", [
    ({"lid": "no-such-page"}, '"no-such-page"'),
    ({"lid": 256}, '"lid"'),
    ({"lid": -2 ** 63}, '"lid"'),
    ({"lid": 2 ** 63 - 1}, '"lid"'),
    ({"lid": b"\2"}, '"lid"'),
    ({"lid": True}, '"lid"'),
    ({"lid": ("d", 2.0)}, '"lid"'),
    ({"lid": ("a{sv}", {"lid": ("s", "smart")})}, '"lid"'),
    ({"lid": "smart", "addr": 4096}, '"addr"'),
    ({"lid": "smart", "timeout": 1}, '"timeout"'),
    ({"lid": "smart", "x" * 5000: 1}, "no field"),
    ({}, "lid"),
], ids=repr_of)
def test_fields_that_do_not_exist_or_do_not_fit(fwctld, alice, fields, says):
    refused(fwctld, lambda: alice.nvme.execute(SMART[0], fields_of(fields)), says=says)


def fields_of(fields):
    return {key: ("x", value) if isinstance(value, int) and not isinstance(value, bool) and value < 2 ** 63 and
            value < 0 else value for key, value in fields.items()}


@pytest.mark.any_device
def test_a_field_given_twice(fwctld, alice):
    """A dictionary with one key twice is no dictionary that Python could make."""
    from jeepney import DBusAddress, new_method_call

    message = new_method_call(DBusAddress(alice.nvme.path, "org.fwctld1", DEVICE), "Execute",
                              "sa(yv)aya{sv}", ("nvme.get-log-page", [], b"", {}))
    with pytest.raises(BusError):
        alice.wait(alice.post_message(message))
    assert fwctld.reached() == 0


@pytest.mark.any_device
@pytest.mark.parametrize("command", ["", "nvme.", "get-log-page; rm", "cxl.get-feature", "nvme.get-log-page\n",
                                     "x" * 100000], ids=repr_of)
def test_unknown_command(fwctld, alice, command):
    refused(fwctld, lambda: alice.nvme.execute(command, {}), "UnknownCommand")


@pytest.mark.any_device
@pytest.mark.parametrize("command", ["get-log-pge", "nvme.get-logpage", "cxl.get-log-pages"])
def test_a_slip_of_the_hand(fwctld, alice, command):
    refused(fwctld, lambda: alice.nvme.execute(command, {}), "UnknownCommand", says=('Did you mean "get-log-page"?',))


@pytest.mark.any_device
@pytest.mark.parametrize("opcode,command", [
    (0x01, "create-io-submission-queue"), (0x0C, "asynchronous-event-request"), (0x18, "keep-alive"),
    (0x45, "controller-data-queue"), (0x7C, "doorbell-buffer-config"), (0x7F, "fabrics"), (0x1D, "mi-send"),
])
def test_what_is_known_and_never_sent(fwctld, alice, opcode, command):
    device = alice.nvme
    says = (f"nvme.{command} is never sent: ",)
    for call in (device.execute, device.explain):
        refused(fwctld, lambda: call(command, {}), says=says)
    for call in (device.execute_raw, device.explain_raw):
        refused(fwctld, lambda: call(bytes([opcode]) + bytes(63)), says=says)
        # Whatever else stands in it.
        refused(fwctld, lambda: call(bytes([opcode]) + b"\xff" * 63, bytes(4096)), says=says)


@pytest.mark.any_device
def test_a_vendors_opcode_is_unknown(fwctld, alice):
    for opcode in (0xC0, 0xFF, 0x03, 0x44):
        refused(fwctld, lambda: alice.nvme.execute_raw(bytes([opcode]) + bytes(63)), "UnknownCommand")


@pytest.mark.any_device
@pytest.mark.parametrize("signature,body", [
    ("s", ("nvme.get-log-page",)),
    ("sa{sv}ay", ("nvme.get-log-page", {}, b"")),
    ("sa{ss}aya{sv}", ("nvme.get-log-page", {"lid": "smart"}, b"", {})),
    ("sa{sv}sa{sv}", ("nvme.get-log-page", {}, "", {})),
    ("sa{sv}aya{sv}s", ("nvme.get-log-page", {}, b"", {}, "")),
    (None, ()),
])
def test_arguments_of_a_wrong_type(fwctld, alice, signature, body):
    with pytest.raises(BusError) as error:
        alice.call(alice.nvme.path, DEVICE, "Execute", signature, body)
    assert error.value.name == "org.freedesktop.DBus.Error.InvalidArgs"
    assert fwctld.reached() == 0


@pytest.mark.any_device
@pytest.mark.parametrize("path", ["/", "/org/fwctld1", "/org/fwctld1/device", "/org/fwctld1/device/sim7",
                                  "/org/fwctld1/device/sim7/x"])
def test_objects_that_do_not_exist(alice, path):
    with pytest.raises(BusError) as error:
        alice.call(path, DEVICE, "ListCommands")
    assert error.value.name.startswith("org.freedesktop.DBus.Error.Unknown")


@pytest.mark.any_device
@pytest.mark.parametrize("name", ["", "sim7", "../sim0", "/dev/nvme0", "x" * 10000], ids=repr_of)
def test_devices_that_do_not_exist(alice, name):
    with pytest.raises(BusError) as error:
        alice.manager("GetDevice", "s", (name,))
    assert error.value.short == "DeviceGone"


def test_destructive_command_must_name_its_device(fwctld, alice):
    error = refused(fwctld, lambda: alice.nvme.execute("nvme.format-nvm", {"nsid": 1, "lbaf": 0}),
          says="device-id")
    assert error.details["rule"] == "alice-formats"
    content = fwctld.nvme.state()[:4096]
    device = alice.nvme
    device.execute("nvme.format-nvm", {"nsid": 1, "lbaf": 0}, options={"device-id": device.property("DeviceId")})
    assert fwctld.reached() == 1 and fwctld.nvme.state()[:4096] != content


@pytest.mark.any_device
def test_cxl_tail_must_be_as_long_as_it_says(fwctld, alice):
    device = alice.cxl
    uuid = bytes.fromhex("a1d6a7c252e14be29d0c4f3b6f0f7a10")
    for size in (0, 1, 7, 15):
        refused(fwctld, lambda: device.execute_raw(struct.pack("<II", 0x0501, size) + bytes(8) + uuid))


@pytest.mark.any_device
def test_the_daemon_answers_after_all_of_this(fwctld, alice):
    for size in (1, 64, 100000, 1024 * 1024):
        with pytest.raises(BusError):
            alice.nvme.execute_raw(NOISE[:size], NOISE[:size])
    assert alice.nvme.smart()[1] == 0
