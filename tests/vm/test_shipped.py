# SPDX-License-Identifier: LGPL-2.1-or-later
"""fwctld as it is installed, with the policy that comes with it: what users see, and that root sees the same."""
import json
import re
import struct
import subprocess
import uuid

import pytest

import machine
from client import BusError, identity
from cxl_nodes import FEATURE, get_feature, query_commands, send_command
from machine import fwctl
from real_units import systemctl

SMART = ("nvme.get-log-page", {"lid": "smart"})

EFFECTS_LOG = uuid.UUID("0da9c0b5-bf41-4b78-8f79-96b1623b3f17")
# Commands of a mailbox as root sends them: id, payload, and how long the answer is.
IDENTIFY = 1, b"", 0x43
LABELS = 6, struct.pack("<II", 16, 256), 256


def answer(payload):
    """As fwctld gives it: length and return code before it."""
    return struct.pack("<II", len(payload), 0) + payload


def active(unit):
    return subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode == 0


def test_the_first_call_starts_fwctld(shipped):
    systemctl("stop", "fwctld.service", "fwctld-monitor.service")
    assert not active("fwctld.service")
    listed = fwctl("list", user="nobody").decode()
    assert active("fwctld.service") and active("fwctld-monitor.service")
    shipped.forget()
    for device in shipped.devices:
        assert re.search(rf"^{device.name} +{device.kind[0]} +.* {device.id}$", listed, re.M), listed


def test_nodes_are_closed_to_everybody(shipped):
    assert {device.node for device in shipped.devices} <= {str(node) for node in machine.nodes()}
    for node in machine.nodes():
        if node.is_char_device():
            stat = node.stat()
            assert (stat.st_mode & 0o777, stat.st_uid, stat.st_gid) == (0o600, 0, 0), node
        for user in ("nobody", "alice", "fwctld", "fwctl-exec"):
            with identity(user):
                for mode in ("rb", "r+b"):
                    with pytest.raises(PermissionError):
                        node.open(mode, buffering=0)


def by_busctl(user, device, command, fields):
    """The response of Execute, with nothing but busctl."""
    def call(path, interface, member, *arguments):
        said = machine.run("busctl", "--json=short", "call", "org.fwctld1", path, f"org.fwctld1.{interface}", member,
                           *arguments, user=user)
        return json.loads(said)["data"]

    path, = call("/org/fwctld1", "Manager", "GetDevice", "s", device)
    given = [word for name, value in fields.items()
             for word in (name, "t" if isinstance(value, int) else "s", str(value))]
    answer = call(path, "Device", "Execute", "sa{sv}aya{sv}", command, str(len(fields)), *given, "0", "0")
    return bytes(answer[2])


def test_smart_is_the_same_for_fwctl_busctl_and_nvme(shipped):
    name = shipped.nvme.name
    # The device counts while it is read: readings that meet the same count are the same bytes.
    for _ in range(3):
        readings = {fwctl("exec", name, *SMART[0:1], "lid=smart", "--output", "-", user="alice"),
                    by_busctl("nobody", name, *SMART),
                    machine.run("nvme", "smart-log", f"/dev/{name}", "--output-format=binary")}
        assert {len(reading) for reading in readings} == {512}
        if len(readings) == 1:
            return
    pytest.fail("three times the readings were not the same")


def test_the_controller_says_its_serial(shipped):
    said = fwctl("exec", shipped.nvme.name, "nvme.identify", "cns=controller", user="nobody").decode()
    assert re.search(rf"^serial: +{shipped.nvme.serial}$", said, re.M)


def test_the_cxl_feature_is_the_same_for_fwctl_busctl_and_root(shipped):
    name = shipped.cxl.name
    value = get_feature(shipped.cxl.node)
    assert value == bytes.fromhex("efbeadde")
    by_fwctl = fwctl("exec", name, "cxl.get-feature", f"uuid={FEATURE}", "count=4", "--output", "-", user="nobody")
    bare = by_busctl("nobody", name, "cxl.get-feature", {"uuid": FEATURE, "count": 4})
    assert by_fwctl.endswith(value) and bare == by_fwctl
    supported = by_busctl("nobody", name, "cxl.get-supported-features", {})
    assert FEATURE.bytes in supported


def test_the_mailbox_is_the_same_for_fwctl_busctl_and_root(shipped):
    name = shipped.mailbox.name
    root = send_command(shipped.mailbox.node, *IDENTIFY)
    assert fwctl("exec", name, "cxl.identify", "--output", "-", user="alice") == answer(root)
    assert by_busctl("nobody", name, "cxl.identify", {}) == answer(root)


@pytest.mark.parametrize("command,fields,number,payload,size", [
    ("get-health-info", {}, 7, b"", 0x12),
    ("get-firmware-info", {}, 4, b"", 0x50),
    ("get-partition-info", {}, 5, b"", 0x20),
    ("get-supported-logs", {}, 3, b"", 2008),
    ("get-log", {"uuid": str(EFFECTS_LOG), "length": 68}, 8, EFFECTS_LOG.bytes + struct.pack("<II", 0, 68), 68),
    ("get-lsa", {"offset": 16, "length": 256}, *LABELS),
])
def test_the_mailbox_says_the_same_to_alice_and_to_root(shipped, command, fields, number, payload, size):
    response = shipped.client("alice").mailbox.execute(f"cxl.{command}", fields)[2]
    assert response == answer(send_command(shipped.mailbox.node, number, payload, size))


def test_the_kernels_list_is_the_same_for_alice_and_root(shipped):
    entries = shipped.client("alice").mailbox.execute("cxl.query-commands")[2][8:]
    root = query_commands(shipped.mailbox.node, 64)
    # Of the kernel's list root has all the room that he gave, unused as it may be.
    assert entries and root.startswith(entries) and not any(root[len(entries):])


def test_health_is_told_in_words(shipped):
    said = fwctl("exec", shipped.mailbox.id, "cxl.get-health-info", user="nobody").decode()
    assert re.search(r"^media-status: +\S", said, re.M)


def test_what_the_kernel_refuses_is_told(shipped):
    """The mock's Command Effects Log has no Get Timestamp, wherefore the kernel says ENOTTY."""
    with pytest.raises(BusError) as error:
        shipped.client("alice").mailbox.execute("cxl.get-timestamp")
    assert error.value.short == "KernelRefused"
    assert "The kernel refused cxl.get-timestamp" in error.value.message


@pytest.mark.parametrize("user", ["nobody", "alice", "root"])
def test_nobody_may_set_the_labels(shipped, user):
    before = send_command(shipped.mailbox.node, *LABELS)
    with pytest.raises(BusError) as error:
        shipped.client(user).mailbox.execute("cxl.set-lsa", {}, b"gone", {"device-id": shipped.mailbox.id})
    assert error.value.short == "Denied"
    assert send_command(shipped.mailbox.node, *LABELS) == before


@pytest.mark.parametrize("user", ["nobody", "alice", "root"])
def test_nobody_may_set_the_cxl_feature(shipped, user):
    before, taint = get_feature(shipped.cxl.node), machine.tainted()
    with pytest.raises(BusError) as error:
        shipped.client(user).cxl.execute("cxl.set-feature", {"uuid": str(FEATURE), "version": 1}, b"\1\2\3\4",
                                         {"device-id": shipped.cxl.id})
    assert error.value.short == "Denied"
    assert shipped.journal.wait("denied", caller_name=user)["command"] == "cxl.set-feature"
    assert (get_feature(shipped.cxl.node), machine.tainted()) == (before, taint)


def test_alice_may_not_format(shipped):
    fwctl("exec", shipped.nvme.name, "nvme.format-nvm", "nsid=1", "lbaf=0", "--device-id", shipped.nvme.id,
          user="alice", status=3)
    assert shipped.reached() == 0
    assert shipped.journal.wait("denied", caller_name="alice")["command"] == "nvme.format-nvm"


def test_records_are_in_the_name_of_the_unit(shipped):
    shipped.client("alice").nvme.smart()
    shipped.client("nobody").cxl.execute("cxl.get-feature", {"uuid": str(FEATURE), "count": 4})
    for user, command in (("alice", "nvme.get-log-page"), ("nobody", "cxl.get-feature")):
        record = shipped.journal.wait("outcome", caller_name=user, command=command)
        assert record.raw["_SYSTEMD_UNIT"] == "fwctld.service"
        assert (record["result"], record["verdict"], record["simulated"]) == ("executed", "allow", "0")


def test_devices_are_asked_about_themselves(shipped):
    systemctl("restart", "fwctld.service")
    shipped.forget()
    shipped.wait_idle()
    asked = [record["fields"] for record in shipped.journal.records("outcome", caller_name="fwctld itself",
                                                                    command="nvme.get-log-page", result="executed")]
    assert any("lid=effects " in fields for fields in asked)
    # QEMU does not have it, and says so in Identify Controller.
    assert not any("lid=feature-effects" in fields for fields in asked)


def test_reports_are_shown(shipped):
    def rows(name):
        listed = json.loads(fwctl("--json", "commands", name, user="nobody"))["commands"]
        return {(row["command"], row.get("when", "")):
                (row["static-class"], row["class"], row["device-effects"], row.get("device-reason", ""))
                for row in listed}

    shown = rows(shipped.nvme.name)
    for key, row, reason in (
            (("nvme.format-nvm", ""), ("destructive", "destructive", ["immediate-data-change"]), "(LBCC)"),
            (("nvme.namespace-attachment", "sel=attach"), ("destructive", "destructive", ["capacity-change"]), "(NIC)"),
            (("nvme.identify", "cns=0x0-0xa,0x10-0x1f"), ("read-only", "read-only", []), "reports no effect of this"),
            (("nvme.self-test", "stc=short,extended,host-initiated"), ("config-change", "destructive", ["unknown"]),
             "does not support this")):
        assert shown[key][:3] == row and reason in shown[key][3], (key, shown[key])
    shown = rows(shipped.cxl.name)["cxl.set-feature", f"uuid={FEATURE}"]
    assert shown[:3] == ("config-change", "config-change", ["config-change-after-reset"])
    assert "after a cold reset" in shown[3]


def test_reload_says_whether_it_worked(shipped):
    systemctl("reload", "fwctld.service")
    shipped.policy("version: 99\n", reload=False)
    with pytest.raises(subprocess.CalledProcessError):
        systemctl("reload", "fwctld.service")
    assert "60-test.yaml:1:" in str(shipped.journal.wait("policy-rejected")["problem"])
    shipped.client("nobody").nvme.smart()


def test_a_restart_finds_the_devices_again(shipped):
    systemctl("restart", "fwctld-monitor.service")
    systemctl("restart", "fwctld.service")
    shipped.forget()
    shipped.wait_idle()
    shipped.client("alice").nvme.smart()
    shipped.client("nobody").cxl.execute("cxl.get-feature", {"uuid": str(FEATURE), "count": 4})
    restarted = shipped.journal.wait("started")
    added = shipped.journal.records("device-added")
    assert restarted and {shipped.nvme.id, shipped.cxl.id} <= {record["device_id"] for record in added}
