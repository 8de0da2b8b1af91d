# SPDX-License-Identifier: LGPL-2.1-or-later
"""What devices report of their own commands: read at their start, and only ever worse than the catalogue."""
import os
import pathlib
import signal

import pytest

import journal
import processes
from client import BusError
from simulated import Fault
from test_executor import executor_pid

OPEN = """\
version: 1
defaults: {read-only: allow, config-change: allow, destructive: deny,
           confidential: deny, persistent: allow, broadcast: allow, taints-kernel: allow}
rules:
  - {id: activate, command: ["nvme.firmware-*"], hazards: [persistent], verdict: allow}
"""
SELF_TEST = ("nvme.self-test", {"stc": "short"})
FEATURE = "a1d6a7c2-52e1-4be2-9d0c-4f3b6f0f7a10"
SET_FEATURE = ("cxl.set-feature", {"uuid": FEATURE, "version": 1}, b"\1\2\3\4")

CSUPP, LBCC, NIC, RESERVED, CSE = 1, 2, 8, 0x20, 1 << 16


@pytest.fixture
def opened(stopped):
    stopped.policy(OPEN, reload=False)
    return stopped


def rows(device, command):
    """{when: (class, verdict, static class, effects and reason that the device reports)}"""
    return {row[1]: (row[2], row[3], row[6], row[7], row[8])
            for row in device.call("ListCommands")[0] if row[0] == command}


def start_at_once(fwctld):
    """As start(), but the devices may still be asked about themselves."""
    fwctld.journal = journal.Journal()
    fwctld.monitor = processes.Monitor(f"--simulate={processes.SIMULATED}")
    fwctld.broker = processes.Broker()
    return fwctld.client("alice")


def test_reports_are_read_at_the_start_and_audited(fwctld):
    def asked(device):
        return [(record["command"], record["fields"].split()[0], record["verdict"], record["rule"])
                for record in fwctld.journal.records("intent", device=device)]

    fwctld.journal.wait("outcome", count=4)
    assert asked("sim0") == [("nvme.identify", "cns=controller", "allow", "internal"),
                             ("nvme.get-log-page", "lid=effects", "allow", "internal"),
                             ("nvme.get-log-page", "lid=feature-effects", "allow", "internal")]
    assert [question[0] for question in asked("sim1")] == ["cxl.get-supported-features"]
    assert {record["caller_name"] for record in fwctld.journal.records("intent")} == {"fwctld itself"}
    assert {record["result"] for record in fwctld.journal.records("outcome")} == {"executed"}


def test_what_a_device_reports_worse_is_denied(opened):
    opened.nvme.report_command(0x14, LBCC)
    opened.nvme.report_feature(0x04, NIC)
    opened.nvme.report_command(0x06, CSE)
    device = opened.start().client("alice").nvme
    with pytest.raises(BusError) as error:
        device.execute(*SELF_TEST, options={"device-id": "nvme:SIM-NVME-0"})
    assert error.value.short == "Denied" and error.value.details["class"] == "destructive"
    with pytest.raises(BusError) as error:
        device.execute("nvme.set-features", {"fid": "temperature-threshold", "value": 333})
    assert error.value.short == "Denied"
    assert opened.reached() == 0
    assert device.execute("nvme.set-features", {"fid": "power", "value": 1})[1] == 0
    device.smart()

    reason = "the device reports that this may change the content of logical blocks (LBCC)"
    explained = device.explain(*SELF_TEST)
    assert (explained["class"], explained["static-class"]) == ("destructive", "config-change")
    assert explained["reason"] == explained["device-reason"] == reason
    assert explained["device-effects"] == ["immediate-data-change"]
    assert "immediate-data-change" in explained["effects"]
    assert device.explain("nvme.identify")["class"] == "config-change"

    listed = rows(device, "nvme.self-test")
    assert listed["stc=short,extended,host-initiated"] == (
        "destructive", "deny", "config-change", ["immediate-data-change"], reason)
    listed = rows(device, "nvme.set-features")
    assert listed["fid=temperature-threshold"][:4] == ("destructive", "deny", "config-change", ["capacity-change"])
    assert listed["fid=power"] == (
        "config-change", "allow", "config-change", [], "the device reports no effect of this")
    record = opened.journal.wait("denied", command="nvme.self-test")
    assert record["class"] == "destructive" and "immediate-data-change" in record["effects"]


@pytest.mark.parametrize("bits", [CSUPP, RESERVED, 3 << 16])
def test_what_a_device_does_not_support_or_explain_is_destructive(opened, bits):
    opened.nvme.report_command(0x14, bits)
    device = opened.start().client("alice").nvme
    assert device.explain(*SELF_TEST)["class"] == "destructive"
    assert device.explain(*SELF_TEST)["device-effects"] == ["unknown"]
    with pytest.raises(BusError) as error:
        device.execute(*SELF_TEST, options={"device-id": "nvme:SIM-NVME-0"})
    assert error.value.short == "Denied" and opened.reached() == 0


def test_a_device_that_reports_no_effect_changes_nothing(opened):
    device = opened.start().client("alice").nvme
    explained = device.explain(*SELF_TEST)
    assert (explained["class"], explained["static-class"]) == ("config-change", "config-change")
    assert explained["device-effects"] == []
    assert device.execute(*SELF_TEST)[1] == 0
    # It says that it can't erase; who destroys needs no permission to say so.
    assert device.explain("nvme.format-nvm", {"nsid": 1, "lbaf": 0})["static-class"] == "destructive"


def test_a_device_without_reports_has_the_catalogues_classes(opened):
    opened.nvme.fault(Fault.STATUS, status=0x4002)
    device = opened.start().client("alice").nvme
    assert opened.nvme.seen() == 1  # Identify Controller, which it refused
    explained = device.explain(*SELF_TEST)
    assert explained["class"] == "config-change" and "device-reason" not in explained
    assert device.execute(*SELF_TEST)[1] == 0
    assert rows(device, "nvme.sanitize")[""][2:] == ("destructive", [], "")


def test_a_request_that_comes_early_waits(opened):
    """Sent the moment the bus name appears, while the device does not yet answer."""
    opened.cxl.fault(Fault.HANG)
    alice = start_at_once(opened)
    device = alice.cxl
    serial = device.post_execute(*SET_FEATURE)
    assert opened.client("bob").property("PolicyLoaded") is True
    assert device.property("State") == "busy" and serial not in alice.replies
    # Without what the device says it would be destructive, and denied.
    assert device.explain(*SET_FEATURE)["class"] == "destructive"
    assert "has not been read" in device.explain(*SET_FEATURE)["reason"]
    opened.cxl.fault(Fault.NONE)
    assert alice.wait(serial)[1] == 0
    assert opened.cxl.seen() == 2
    assert device.explain(*SET_FEATURE)["class"] == "config-change"
    assert not opened.journal.records("denied")


def test_a_caller_that_leaves_does_not_wait(opened):
    opened.cxl.fault(Fault.HANG)
    alice = start_at_once(opened)
    alice.cxl.post_execute(*SET_FEATURE)
    alice.property("PolicyLoaded")
    alice.close()
    assert "left" in opened.journal.wait("denied", caller_name="alice")["why"]
    opened.cxl.fault(Fault.NONE)
    bob = opened.client("bob")
    assert bob.cxl.execute(*SET_FEATURE)[1] == 0
    assert opened.cxl.seen() == 2


def test_an_executor_that_dies_while_it_reads_is_replaced(opened):
    opened.cxl.fault(Fault.DIE)
    alice = start_at_once(opened)
    assert alice.cxl.execute(*SET_FEATURE)[1] == 0
    opened.journal.wait("executor-lost")


def test_what_could_not_be_read_lets_queries_pass(opened):
    """Half an answer is none: others are refused for now, and that is no denial by policy."""
    opened.cxl.fault(Fault.SHORT)
    opened.start()
    alice = opened.client("alice")
    device = alice.cxl
    device.execute("cxl.get-feature", {"uuid": FEATURE, "count": 4})
    with pytest.raises(BusError) as error:
        device.execute(*SET_FEATURE)
    assert error.value.short == "Busy" and "goes on trying" in error.value.message
    assert opened.reached() == 1
    assert "could not be read" in opened.journal.wait("denied", command="cxl.set-feature")["why"]
    # A reload asks again at once.
    opened.policy(OPEN)
    assert device.execute(*SET_FEATURE)[1] == 0


def test_other_firmware_reports_other_effects(opened):
    opened.nvme.report_command(0x14, LBCC, after_activation=True)
    device = opened.start().client("alice").nvme
    assert device.execute(*SELF_TEST)[1] == 0
    options = {"device-id": "nvme:SIM-NVME-0"}
    device.execute("nvme.firmware-download", {"offset": 0}, b"2.0     " + bytes(4088), options)
    device.execute("nvme.firmware-commit", {"slot": 2, "action": "activate-now"}, options=options)
    pid = executor_pid(opened, "sim0")
    if pid:
        os.kill(pid, signal.SIGKILL)
    processes.wait_for(lambda: device.explain(*SELF_TEST)["class"] == "destructive", "the new report")
    with pytest.raises(BusError) as error:
        device.execute(*SELF_TEST, options=options)
    assert error.value.short == "Denied"


def test_a_mailbox_reports_its_effects_log(opened):
    number = len(list(processes.SIMULATED.iterdir()))
    processes.create_device(number, "cxl-mem", "SIM-MEMORY")
    device = opened.start().client("alice").device(f"sim{number}")
    asked = [(record["command"], record.get("fields", "")) for record in
             opened.journal.wait("intent", 2, device=f"sim{number}")]
    assert [command for command, _ in asked] == ["cxl.get-supported-logs", "cxl.get-log"]
    assert asked[1][1].startswith("uuid=0da9c0b5-bf41-4b78-8f79-96b1623b3f17 offset=0x0 length=")
    listed = rows(device, "cxl.set-lsa")[""]
    assert listed[2:] == ("destructive", ["immediate-config-change", "immediate-data-change"],
                          "the device reports that this changes data at once")
    assert rows(device, "cxl.identify")[""] == (
        "read-only", "allow", "read-only", [], "the device reports no effect of this")


def test_a_request_that_was_allowed_is_judged_again_with_what_is_known_now(opened):
    """Its device has a fresh executor meanwhile, and does not say any more what its commands do."""
    opened.start()
    alice, bob = opened.client("alice"), opened.client("bob")
    opened.cxl.fault(Fault.HANG)
    running = bob.cxl.post_execute("cxl.get-feature", {"uuid": FEATURE, "count": 4})
    processes.wait_for(lambda: opened.reached() == 1, "the command at the device")
    waiting = alice.cxl.post_execute(*SET_FEATURE)
    alice.property("PolicyLoaded")
    os.kill(executor_pid(opened, "sim1"), signal.SIGKILL)
    with pytest.raises(BusError) as error:
        bob.wait(running)
    assert error.value.short == "OutcomeUnknown"
    opened.cxl.fault(Fault.SHORT)
    with pytest.raises(BusError) as error:
        alice.wait(waiting)
    assert error.value.short == "Busy" and "could not be read" in error.value.message
    assert not opened.journal.records("intent", command="cxl.set-feature")


def test_whoever_waits_for_the_report_is_asked_for_a_password_all_the_same(opened, bench):
    """Also where the device is free before its answer is known, because journald takes no records meanwhile."""
    opened.policy(OPEN.replace("config-change: allow", "config-change: authenticate") + """\
  - {id: bob-sets, caller: {user: bob}, class: [config-change], hazards: [persistent, taints-kernel], verdict: allow}
""", reload=False)
    opened.cxl.fault(Fault.HANG)
    alice = start_at_once(opened)
    bob = opened.client("bob")
    first = bob.cxl.post_execute(*SET_FEATURE)
    assert bob.property("PolicyLoaded") is True
    second = alice.cxl.post_execute(*SET_FEATURE)
    assert alice.property("PolicyLoaded") is True
    with bench.full_journal():
        opened.cxl.fault(Fault.NONE)
        executor = pathlib.Path(f"/proc/{executor_pid(opened, 'sim1')}/syscall")
        processes.wait_for(lambda: executor.read_text().split()[0] == "45", "the answer on its way")  # recvfrom()
        assert alice.property("PolicyLoaded") is True
    assert bob.wait(first)[1] == 0
    assert alice.wait(second)[1] == 0
    assert not opened.journal.records("denied")
