# SPDX-License-Identifier: LGPL-2.1-or-later
"""Audit records: complete, truthful, and one event is one record whatever bytes it holds."""
import os
import pathlib
import pwd
import signal

import pytest

import journal
import processes
from client import BusError
from simulated import Fault

HOSTILE = "T-1\nMESSAGE=forged\nFWCTLD_VERDICT=allow\x1b[2J\x01\x7f 'x' = \u202e\u00e9"


@pytest.mark.any_device
def test_a_command_leaves_an_intent_and_an_outcome(fwctld, alice):
    request = alice.nvme.smart()[0]
    outcome = fwctld.journal.wait("outcome", request=request)
    intent, = fwctld.journal.records("intent", request=request)
    uid = pwd.getpwnam("alice").pw_uid
    for record in (intent, outcome):
        assert record["caller_uid"] == str(uid) and record["caller_name"] == "alice"
        assert record["caller_bus"] == alice.name
        assert record["caller_pid"] == str(processes.os.getpid())
        assert (record["device"], record["device_id"]) == (fwctld.nvme.name, fwctld.nvme.id)
        assert record["simulated"] == str(int(fwctld.simulated)) and record["dialect"] == "nvme"
        assert (record["command"], record["opcode"]) == ("nvme.get-log-page", "0x02")
        assert "lid=smart" in record["fields"] and "rae=0x1" in record["fields"]
        assert (record["class"], record["verdict"]) == ("read-only", "allow")
        assert record["rule"] == "default:read-only"
        assert record["rule_at"] == "/etc/fwctld/policy.d/60-test.yaml:2"
        assert record["policy"] == f"{alice.property('PolicyGeneration')} {alice.property('PolicyDigest')}"
        assert len(record["digest"]) == 64 and len(record["request"]) == 32
    assert outcome["result"] == "executed" and outcome["status"] == "0x0"
    assert 0 < int(outcome["duration_usec"]) < 10_000_000
    assert int(outcome["seq"]) > int(intent["seq"])


@pytest.mark.any_device
def test_a_record_has_all_that_the_policy_was_asked(fwctld, alice, bob):
    """So that another policy can be asked the same, later."""
    fwctld.journal.wait("outcome", request=alice.nvme.smart()[0])
    with pytest.raises(BusError) as error:
        bob.nvme.execute("nvme.format-nvm", {"nsid": 1, "lbaf": 0}, options={"device-id": fwctld.nvme.id})
    fwctld.journal.wait("denied", request=error.value.details["request"])
    told = {name: alice.nvme.property(name) for name in ("Driver", "PciAddress", "Serial", "Model", "Firmware", "SubsystemNqn")}
    for name, kinds in (("alice", ("intent", "outcome")), ("bob", ("denied",))):
        groups = os.getgrouplist(name, pwd.getpwnam(name).pw_gid)
        for kind in kinds:
            record, = fwctld.journal.records(kind, caller_name=name)
            assert set(map(int, record["caller_gids"].split(" "))) == set(groups)
            assert [record.get(key, "") for key in ("driver", "pci", "serial", "model", "firmware", "nqn")] == list(told.values())
            assert "truncated" not in record


@pytest.mark.any_device
def test_too_many_groups_are_left_out_as_a_whole(fwctld, monkeypatch):
    monkeypatch.setattr(os, "getgrouplist", lambda user, gid: [gid, *range(70000, 71000)])
    request = fwctld.client("alice").nvme.smart()[0]
    record = fwctld.journal.wait("outcome", request=request)
    assert "caller_gids" not in record and record["truncated"] == "1" and record["result"] == "executed"


@pytest.mark.any_device
def test_sequence_has_no_gap(fwctld, alice, bob):
    for _ in range(20):
        alice.nvme.smart()
        with pytest.raises(BusError):
            bob.nvme.execute("nvme.format-nvm", {"nsid": 1, "lbaf": 0},
                             options={"device-id": fwctld.nvme.id})
    fwctld.journal.wait("outcome", count=20, caller_name="alice")
    fwctld.journal.wait("denied", count=20, caller_name="bob")
    numbers = [int(record["seq"]) for record in fwctld.journal.records()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.any_device
def test_denial_names_rule_place_and_note(fwctld, bob):
    with pytest.raises(BusError) as error:
        bob.nvme.execute("nvme.format-nvm", {"nsid": 1, "lbaf": 0},
                         options={"device-id": fwctld.nvme.id})
    assert error.value.short == "Denied"
    details = error.value.details
    assert details["rule"] == "bob-never"
    assert details["rule-at"] == "/etc/fwctld/policy.d/60-test.yaml:10"
    assert details["note"] == "Ask the storage desk." and details["class"] == "destructive"
    record = fwctld.journal.wait("denied", request=details["request"])
    assert (record["rule"], record["rule_at"]) == (details["rule"], details["rule-at"])
    assert record["verdict"] == "deny" and int(record.raw["PRIORITY"]) <= 5


@pytest.mark.any_device
@pytest.mark.parametrize("verb", ["executed", "denied"])
def test_hostile_reason_stays_one_field_of_one_record(fwctld, alice, bob, verb):
    options = {"reason": HOSTILE, "device-id": fwctld.nvme.id}
    before = len(fwctld.journal.records())
    if verb == "executed":
        alice.nvme.execute("nvme.get-log-page", {"lid": "smart"}, options=options)
        records = [fwctld.journal.wait(kind, caller_name="alice") for kind in ("intent", "outcome")]
    else:
        with pytest.raises(BusError):
            bob.nvme.execute("nvme.format-nvm", {"nsid": 1, "lbaf": 0}, options=options)
        records = [fwctld.journal.wait("denied", caller_name="bob")]
    assert len(fwctld.journal.records()) == before + len(records)
    for record in records:
        assert record["reason"] == HOSTILE
        assert "forged" not in str(record.raw["MESSAGE"])
        assert not isinstance(record.raw["FWCTLD_VERDICT"], list)
        assert record["verdict"] == ("allow" if verb == "executed" else "deny")


def test_hostile_device_stays_one_record(stopped):
    """What a device claims to be is data, too."""
    stopped.nvme.claim_serial(b"S\nMESSAGE=forged\n\x1b[2J\0")
    stopped.nvme.claim_model(b"M\x01\xff\xfe\nFWCTLD_SIMULATED=0\0")
    stopped.start()
    record = stopped.journal.wait("device-added", device="sim0")
    assert record["serial"] == "S?MESSAGE=forged??[2J"
    assert record["model"].isprintable() and record["simulated"] == "1"
    device = stopped.client("alice").nvme
    assert device.property("Serial") == record["serial"]
    device.smart()
    assert stopped.journal.wait("outcome", caller_name="alice")["device_id"] == "nvme:" + record["serial"]


def test_two_devices_with_one_serial_have_ids_of_their_own(stopped):
    processes.create_device(2, "nvme", "SIM-NVME-0")
    stopped.start()
    alice = stopped.client("alice")
    names = {device[1]: device[3] for device in alice.manager("ListDevices")[0]}
    assert names["sim0"] != names["sim2"]
    with pytest.raises(BusError):
        alice.manager("GetDevice", "s", ("SIM-NVME-0",))


@pytest.mark.parametrize("fault,result", [
    (Fault.NONE, "executed"), (Fault.STATUS, "refused-by-device"), (Fault.DIE, "unknown")])
def test_outcome_says_what_happened(fwctld, alice, fault, result):
    fwctld.nvme.fault(fault, status=0x06)
    try:
        request = alice.nvme.smart()[0]
    except BusError as error:
        request = error.details["request"]
    record = fwctld.journal.wait("outcome", request=request)
    assert record["result"] == result
    if fault == Fault.STATUS:
        assert record["status"] == "0x6"


def test_start_policy_and_devices_are_recorded(fwctld):
    assert fwctld.journal.wait("started")["version"]
    assert fwctld.journal.wait("policy-loaded")["policy"].startswith("1 ")
    assert {record["device"] for record in fwctld.journal.wait("device-added", count=2)} == {"sim0", "sim1"}


@pytest.mark.any_device
def test_stalled_journald_delays_only_what_must_be_recorded(fwctld, alice, nobody):
    """Everybody else is answered meanwhile; and when it goes on, nothing is lost."""
    device = alice.nvme
    with fwctld.bench.full_journal():
        serial = device.post_execute("nvme.get-log-page", {"lid": "smart"})
        assert nobody.property("PolicyLoaded") is True
        assert nobody.nvme.explain("nvme.get-log-page", {"lid": "smart"})["verdict"] == "allow"
        assert nobody.manager("ListDevices")[0]
        assert fwctld.reached() == 0
    request = alice.wait(serial)[0]
    assert fwctld.journal.wait("outcome", request=request)["result"] == "executed"
    numbers = [int(record["seq"]) for record in fwctld.journal.records()]
    assert numbers == sorted(numbers) == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_last_records_reach_a_journald_that_comes_late(bench, stopped):
    """It was away from the start, and comes back when fwctld is told to end."""
    stopped.journal = journal.Journal()
    bench.journald.kill()
    pathlib.Path("/run/systemd/journal/socket").unlink(missing_ok=True)
    try:
        stopped.monitor = processes.Monitor(f"--simulate={processes.SIMULATED}")
        stopped.broker = processes.Broker()
        stopped.broker.signal(signal.SIGTERM)
    finally:
        bench.journald = processes.start_journal()
    assert stopped.broker.popen.wait(10) == 0
    assert stopped.journal.wait("started")["version"]


def missing_of(fwctld, denied):
    """How many of bob's denials were counted and not written, once every one of them is accounted for."""
    def account():
        missing = sum(int(record["count"]) for record in fwctld.journal.records("suppressed"))
        written = len(fwctld.journal.records("denied", caller_name="bob"))
        return (missing, written) if missing + written >= denied else None
    missing, written = processes.wait_for(account, f"an account of {denied} denials", seconds=40)
    assert missing + written == denied
    return missing


def test_denials_that_could_not_be_written_are_counted(fwctld, bob):
    """A flood against a stalled journald: bounded memory, and a record that says how many are missing."""
    device = bob.nvme
    body = ("nvme.format-nvm", {"nsid": 1, "lbaf": 0}, b"", {"device-id": "nvme:SIM-NVME-0"})
    with fwctld.bench.full_journal():
        for _ in range(15):
            serials = [device.post_execute(body[0], body[1], body[2], body[3]) for _ in range(100)]
            for serial in serials:
                with pytest.raises(BusError):
                    bob.wait(serial)
    assert missing_of(fwctld, 1500) > 0


def test_a_flood_of_denials_is_bounded_and_counted(fwctld, bob):
    device = bob.nvme
    options = {"device-id": "nvme:SIM-NVME-0"}
    for _ in range(6):
        for serial in [device.post_execute("nvme.format-nvm", {"nsid": 1, "lbaf": 0}, options=options)
                       for _ in range(50)]:
            with pytest.raises(BusError):
                bob.wait(serial)
    # 100, unless the machine is so slow that a window ended meanwhile.
    assert 0 < missing_of(fwctld, 300) <= 100
    suppressed = fwctld.journal.wait("suppressed")
    assert suppressed["caller_uid"] == str(pwd.getpwnam("bob").pw_uid)
    assert fwctld.reached() == 0
