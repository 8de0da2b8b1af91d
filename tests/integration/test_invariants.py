# SPDX-License-Identifier: LGPL-2.1-or-later
"""The invariants of ARCHITECTURE.md, as far as they show on the bus."""
import struct

import pytest

import catalogue
import processes
from client import BusError
from bench import DENY_ALL

ALLOW_ALL = """\
version: 1
defaults: {read-only: allow, config-change: allow, destructive: allow,
           confidential: allow, persistent: allow, broadcast: allow, taints-kernel: allow}
"""
REFUSALS = {"Denied", "NotAuthenticated"}


def attempt(device, command, fields, data, options):
    """The error of a request, or None."""
    try:
        device.execute(command, fields, data, options)
    except BusError as error:
        return error
    return None


@pytest.mark.any_device
def test_invariant_1_intent_comes_first(fwctld, alice):
    """With journald frozen and its queue full, what is allowed is refused, and reaches no device."""
    device = alice.nvme
    device.smart()
    assert fwctld.reached() == 1
    assert [r.kind for r in fwctld.journal.wait("outcome", caller_name="alice") and fwctld.journal.records()
            if r.get("caller_name") == "alice"] == ["intent", "outcome"]
    with fwctld.bench.full_journal():
        with pytest.raises(BusError) as error:
            device.smart()
        assert error.value.short == "AuditUnavailable"
        assert fwctld.reached() == 1
    device.smart()
    assert fwctld.reached() == 2


def test_invariant_1_no_journald_no_command(fwctld, alice):
    device = alice.nvme
    fwctld.bench.journald.kill()
    try:
        with pytest.raises(BusError) as error:
            device.smart()
        assert error.value.short == "AuditUnavailable"
        assert fwctld.reached() == 0
    finally:
        fwctld.bench.restart_journald()
    device.smart()
    assert fwctld.reached() == 1


@pytest.mark.parametrize("user", [pytest.param("nobody", marks=pytest.mark.any_device), "alice", "bob",
                                  pytest.param("root", marks=pytest.mark.any_device)])
def test_invariant_2_denied_reaches_no_device(memory, user):
    """Every row of the catalogue, under deny-all: also root."""
    memory.policy(DENY_ALL)
    caller = memory.client(user)
    before = [node.state() for node in memory.devices]
    tried = 0
    for node in memory.devices:
        device = caller.device(node.name)
        options = {"device-id": device.property("DeviceId")}
        for command, fields, data in catalogue.requests(*node.kind):
            error = attempt(device, command, fields, data, options)
            assert error is not None, f"{command} {fields} was carried out"
            tried += error.short == "Denied"
    assert tried >= 50
    assert memory.reached() == 0
    assert [node.state() for node in memory.devices] == before


@pytest.mark.any_device
def test_invariant_2_without_a_policy_everything_is_denied(stopped):
    (processes.pathlib.Path("/etc/fwctld/policy.d/60-test.yaml")).write_text("version: 7\n")
    stopped.start()
    root = stopped.client("root")
    assert root.property("PolicyLoaded") is False
    assert root.property("PolicyGeneration") == 0
    with pytest.raises(BusError) as error:
        root.nvme.smart()
    assert error.value.short == "Denied"
    assert root.nvme.explain("nvme.get-log-page", {"lid": "smart"})["verdict"] == "deny"
    assert stopped.reached() == 0


def raw_smart(**words):
    """A SMART log read as 64 bytes, with some of them overwritten."""
    message = bytearray(64)
    struct.pack_into("<B3xI", message, 0, 0x02, 0xFFFFFFFF)
    struct.pack_into("<I", message, 40, 0x02 | 1 << 15 | 127 << 16)
    for offset, value in words.items():
        struct.pack_into("<I", message, int(offset.strip("_")), value)
    return bytes(message)


@pytest.mark.any_device
def test_invariant_3_raw_message_is_accepted(fwctld, alice):
    device = alice.nvme
    assert device.execute_raw(raw_smart())[2] == device.smart()[2]


@pytest.mark.any_device
@pytest.mark.parametrize("offset", [1, 2, 8, 12, *range(16, 40), 44, 58, 60])
def test_invariant_3_pointers_lengths_and_reserved_bits_are_refused(fwctld, alice, offset):
    """One set bit where NVMe has its pointers (16 to 39), or where nothing may stand."""
    message = bytearray(raw_smart())
    message[offset] |= 0x40
    if offset == 44:  # more of NUMD: a length, and it is the command's own
        message[offset] = 0xFF
        message[offset + 1] = 0xFF
    with pytest.raises(BusError) as error:
        alice.nvme.execute_raw(bytes(message))
    assert error.value.short == "InvalidRequest", error.value
    assert fwctld.reached() == 0


@pytest.mark.parametrize("policy", ["test policy", ALLOW_ALL, DENY_ALL])
@pytest.mark.parametrize("user", ["alice", "bob", "nobody"])
def test_invariant_4_explain_and_enforcement_agree(memory, user, policy):
    """Every row of the catalogue: what Explain says is what happens, by the same rule."""
    if policy != "test policy":
        memory.policy(policy)
    caller = memory.client(user)
    compared = {"allow": 0, "deny": 0, "authenticate": 0}
    for node in memory.devices:
        device = caller.device(node.name)
        options = {"device-id": device.property("DeviceId")}
        for command, fields, data in catalogue.requests(*node.kind):
            what = f"{command} {fields}"
            try:
                said = device.explain(command, fields, data, options)
            except BusError as refusal:
                error = attempt(device, command, fields, data, options)
                assert error is not None and (error.name, error.message) == (refusal.name, refusal.message), what
                continue
            seen = memory.reached()
            error = attempt(device, command, fields, data, options)
            reached = memory.reached() > seen
            compared[said["verdict"]] += 1
            if said["verdict"] == "allow":
                assert error is None or error.short not in REFUSALS, f"{what}: {error}"
            elif said["verdict"] == "deny":
                assert error is not None and error.short == "Denied", f"{what}: {error}"
                assert not reached, what
            else:
                granted = user == "alice"
                assert (error is not None and error.short == "NotAuthenticated") != granted, f"{what}: {error}"
            if error is not None and error.short in REFUSALS:
                for key in ("rule", "rule-at", "class"):
                    assert error.details[key] == said[key], what
            # A firmware commit or a reset: wait until the device's own report has been read again.
            processes.wait_for(lambda: device.property("State") == "idle", "an idle device")
    memory.journal.wait("denied" if policy == DENY_ALL else "intent")
    assert sum(compared.values()) >= 50, compared
    if policy == ALLOW_ALL:
        assert compared["allow"] >= 50, compared


@pytest.mark.any_device
def test_invariant_4_digest_and_rule_of_the_record_are_the_explained_ones(fwctld, alice):
    device = alice.nvme
    said = device.explain("nvme.get-log-page", {"lid": "smart"})
    request = device.smart()[0]
    record = fwctld.journal.wait("intent", request=request)
    assert record["digest"] == said["digest"]
    assert (record["rule"], record["rule_at"], record["class"]) == (said["rule"], said["rule-at"], said["class"])


@pytest.mark.any_device
def test_invariant_8_a_policy_that_does_not_load_changes_nothing(fwctld, alice):
    before = [alice.property(name) for name in ("PolicyGeneration", "PolicyDigest", "PolicyLoaded")]
    with pytest.raises(BusError) as error:
        fwctld.policy("version: 1\ndefaults: {read-only: deny}\nrules:\n  - id: a\n    verdict: allow\n    clas: [read-only]\n")
    assert error.value.short == "InvalidRequest"
    assert "/etc/fwctld/policy.d/60-test.yaml:6:5: " in error.value.message
    assert [alice.property(name) for name in ("PolicyGeneration", "PolicyDigest", "PolicyLoaded")] == before
    alice.nvme.smart()
    assert fwctld.reached() == 1
    record = fwctld.journal.wait("policy-rejected")
    assert "60-test.yaml:6:5: " in str(record["problem"])
