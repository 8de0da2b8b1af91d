# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mailbox of a CXL memory device (sim2), and the fwctl node of the same device (sim1)."""
import json
import re
import struct
import subprocess

import pytest

import processes
from client import BusError
from simulated import Fault

EFFECTS_LOG = "0da9c0b5-bf41-4b78-8f79-96b1623b3f17"
DEBUG_LOG = "5e1819d9-11a9-400c-811f-d60719403d86"
ALLOW_DESTRUCTIVE = """\
version: 1
defaults: {read-only: allow, config-change: allow, destructive: allow, confidential: deny, persistent: allow}
"""


@pytest.fixture
def alice(memory):
    return memory.client("alice")


@pytest.fixture
def mailbox(alice):
    return alice.mailbox


def fwctl(*arguments):
    return subprocess.run(["setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "fwctl", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)


def refused(call, name):
    with pytest.raises(BusError) as error:
        call()
    assert error.value.short == name, error.value
    return error.value


def message(opcode, payload=b""):
    return struct.pack("<IIII", opcode, 0, len(payload), 0) + payload


def test_health(memory, mailbox):
    request, status, response, _ = mailbox.execute("cxl.get-health-info")
    assert status == 0
    assert len(response) == 8 + 0x12
    assert struct.unpack_from("<II", response) == (0x12, 0)
    assert memory.reached() == 1
    record = memory.journal.wait("outcome", request=request)
    assert (record["command"], record["result"], record["device_id"]) == \
        ("cxl.get-health-info", "executed", "cxl-mem:SIM-CXL-1")
    # The same by bytes.
    assert mailbox.execute_raw(message(0x4200))[2] == response


def test_health_by_the_command_line(memory):
    shown = fwctl("exec", "sim2", "get-health-info")
    assert shown.returncode == 0, shown.stderr
    assert re.search("^ *media-status: +normal", shown.stdout, re.MULTILINE), shown.stdout
    answer = json.loads(fwctl("--json", "exec", "sim2", "get-health-info").stdout)
    assert answer["decoded"]["temperature"] == 36


def test_a_temperature_can_be_below_zero(mailbox):
    alerts = mailbox.execute("cxl.get-alert-configuration")[3]
    assert alerts["over-temperature-critical"] == ("(xs)", (85, "C"))
    assert alerts["under-temperature-critical"] == ("(xs)", (-20, "C"))


@pytest.mark.parametrize("opcode,command,way", [
    (0x0201, "transfer-firmware", "/sys/class/firmware/memN"), (0x4301, "inject-poison", "debugfs"),
    (0x4400, "sanitize", "security/sanitize in sysfs"), (0x4503, "unlock", "nvdimm"), (0x4800, None, "raw command"),
])
def test_what_the_kernel_offers_at_no_node_is_never_sent(memory, opcode, command, way):
    memory.policy(ALLOW_DESTRUCTIVE)
    alice = memory.client("alice")
    for device in (alice.cxl, alice.mailbox):
        calls = [lambda: device.execute_raw(message(opcode)), lambda: device.execute_raw(message(opcode, b"\1" * 64))]
        if command:
            calls.append(lambda: device.execute(f"cxl.{command}", {}))
        for call in calls:
            text = refused(call, "InvalidRequest").message
            assert " is never sent: " in text and way in text, text
        refused(lambda: device.execute_raw(message(0xC000)), "UnknownCommand")
    assert memory.reached() == 0


def test_every_reader_answers(mailbox):
    """What the kernel calls it, and how many bytes of payload it has."""
    readers = {
        "identify": ({}, 0x43), "get-firmware-info": ({}, 0x50), "get-timestamp": ({}, 8),
        "get-supported-logs": ({}, 48), "get-supported-logs-sublist": ({}, 48),
        "get-log": ({"uuid": EFFECTS_LOG, "length": 80}, 80), "get-log-capabilities": ({"uuid": DEBUG_LOG}, 4),
        "get-partition-info": ({}, 0x20), "get-lsa": ({"offset": 4, "length": 100}, 100),
        "get-health-info": ({}, 0x12), "get-alert-configuration": ({}, 0x10), "get-shutdown-state": ({}, 1),
        "query-commands": ({}, 25 * 16),
    }
    for name, (fields, size) in readers.items():
        _, status, response, _ = mailbox.execute(f"cxl.{name}", fields)
        assert status == 0 and len(response) == 8 + size, name
        assert struct.unpack_from("<II", response) == (size, 0), name
    assert mailbox.execute("cxl.get-lsa", {"length": 9})[2][8:] == b"NAMESPACE"


def test_the_kernels_list(memory, mailbox):
    response = mailbox.execute("cxl.query-commands")[2]
    enabled = {id for id, flags, _, _ in struct.iter_unpack("<IIII", response[8:]) if flags & 1}
    assert enabled == {1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 21, 22, 23, 24}
    # Nothing of it reached the device.
    assert memory.reached() == 0


@pytest.mark.any_device
def test_labels_are_not_set_by_default(memory, mailbox):
    before = memory.mailbox.state()
    options = {"device-id": memory.mailbox.id}
    assert refused(lambda: mailbox.execute("cxl.set-lsa", {}, b"gone", options), "Denied").details["class"] == "destructive"
    assert memory.reached() == 0
    assert memory.mailbox.state() == before


def test_labels_are_set_where_policy_says_so(memory, mailbox):
    memory.policy(ALLOW_DESTRUCTIVE)
    refused(lambda: mailbox.execute("cxl.set-lsa", {}, b"gone"), "InvalidRequest")
    # The id of the other node of the same memory device is another target.
    refused(lambda: mailbox.execute("cxl.set-lsa", {}, b"gone", {"device-id": "cxl:SIM-CXL-1"}), "InvalidRequest")
    assert memory.reached() == 0
    mailbox.execute("cxl.set-lsa", {"offset": 4}, b"gone", {"device-id": "cxl-mem:SIM-CXL-1"})
    assert mailbox.execute("cxl.get-lsa", {"length": 9})[2][8:] == b"NAMEgoneE"


@pytest.mark.any_device
def test_what_may_hold_secrets_is_confidential(memory, mailbox):
    for uuid in (DEBUG_LOG, "ffffffff-ffff-ffff-ffff-ffffffffffff"):
        assert refused(lambda uuid=uuid: mailbox.execute("cxl.get-log", {"uuid": uuid, "length": 64}), "Denied")
    assert memory.reached() == 0
    mailbox.execute("cxl.get-log", {"uuid": EFFECTS_LOG, "length": 4})


@pytest.mark.any_device
def test_each_node_has_its_own_commands(memory, alice):
    rpc, mailbox = ({row[0] for row in device.call("ListCommands")[0] if row[3] != "refused"}
                    for device in (alice.cxl, alice.mailbox))
    assert rpc == {"cxl.get-supported-features", "cxl.get-feature", "cxl.set-feature"}
    assert "cxl.get-health-info" in mailbox and len(mailbox) == 19
    assert not rpc & mailbox


@pytest.mark.any_device
def test_the_other_node_is_named(memory, alice):
    rpc, mailbox = alice.cxl, alice.mailbox
    feature = {"uuid": "a1d6a7c2-52e1-4be2-9d0c-4f3b6f0f7a10", "count": 4}
    other = {"the mailbox node": memory.mailbox.name, "the fwctl node": memory.cxl.name}
    calls = [
        (lambda: rpc.execute("cxl.get-health-info"), "the mailbox node"),
        (lambda: rpc.execute_raw(message(0x4200)), "the mailbox node"),
        (lambda: rpc.explain("cxl.get-health-info"), "the mailbox node"),
        (lambda: rpc.call("DescribeCommand", "s", ("get-health-info",)), "the mailbox node"),
        (lambda: mailbox.execute("cxl.get-feature", feature), "the fwctl node"),
        (lambda: mailbox.execute_raw(message(0x0501, bytes(18) + b"\4\0\0")), "the fwctl node"),
    ]
    for call, node in calls:
        text = refused(call, "InvalidRequest").message
        assert node in text and text.endswith(f"that is {other[node]}."), text
    assert memory.reached() == 0


def test_a_node_without_its_sibling(stopped):
    """sim1 alone: the command is known, and nobody is there to take it."""
    rpc = stopped.start().client("alice").cxl
    text = refused(lambda: rpc.execute("cxl.get-health-info"), "InvalidRequest").message
    assert "the mailbox node" in text and "none of that kind" in text


@pytest.mark.any_device
def test_two_nodes_of_one_device_share_its_serial(memory, alice):
    ids = [device.property("DeviceId") for device in (alice.cxl, alice.mailbox)]
    assert ids == [memory.cxl.id, memory.mailbox.id] == [f"{kind}:{memory.cxl.serial}" for kind in ("cxl", "cxl-mem")]
    assert alice.device(memory.mailbox.id).property("Name") == memory.mailbox.name
    # Both answer to the serial: neither may be hit by chance.
    assert "More than one" in refused(lambda: alice.device(memory.cxl.serial), "DeviceGone").message


def test_two_mailboxes_with_one_serial_are_in_dispute(stopped):
    stopped.add_mailbox()
    processes.create_device(3, "cxl-mem", "SIM-CXL-1")
    alice = stopped.start().client("alice")
    assert [alice.device(f"sim{number}").property("DeviceId") for number in (1, 2, 3)] == \
        ["cxl:SIM-CXL-1", "cxl-mem#sim2", "cxl-mem#sim3"]


def test_what_the_device_refuses(memory, mailbox):
    error = refused(lambda: mailbox.execute("cxl.get-lsa", {"offset": 4096, "length": 4}), "DeviceRefused")
    assert error.details["status"] == 2 and "invalid-input" in error.message
    memory.mailbox.fault(Fault.STATUS, status=6)
    assert "busy" in refused(lambda: mailbox.execute("cxl.get-health-info"), "DeviceRefused").message


def test_what_the_kernel_refuses(memory, mailbox):
    """No Scan Media there; and labels that the kernel keeps to itself."""
    memory.policy(ALLOW_DESTRUCTIVE)
    refused(lambda: mailbox.execute("cxl.get-scan-media-capabilities", {"length": 1}), "KernelRefused")
    struct.pack_into("I", memory.mailbox.map, 4096, 1)
    refused(lambda: mailbox.execute("cxl.set-lsa", {}, b"gone", {"device-id": "cxl-mem:SIM-CXL-1"}), "KernelRefused")
    assert memory.reached() == 0


def test_a_short_answer_ends_where_it_ends(memory, mailbox):
    memory.mailbox.fault(Fault.SHORT)
    response, items = mailbox.execute("cxl.get-health-info")[2:]
    assert len(response) == 8 + 9
    assert "life-used" in items and "dirty-shutdowns" not in items
    memory.mailbox.fault(Fault.GARBAGE)
    assert mailbox.execute("cxl.get-health-info")[2][8:] == b"\xa5" * 0x12


def test_a_crash_is_survived(memory, mailbox):
    memory.mailbox.fault(Fault.DIE)
    refused(lambda: mailbox.execute("cxl.get-health-info"), "OutcomeUnknown")
    processes.wait_for(lambda: mailbox.property("State") == "idle", "a fresh executor")
    mailbox.execute("cxl.get-health-info")
