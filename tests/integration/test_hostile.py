# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a hostile local user, or an unlucky moment, does to others: nothing."""

import time

import pytest
from jeepney import DBusAddress, HeaderFields, new_signal

import processes
from client import DEVICE, BusError
from processes import wait_for
from simulated import Fault


def hang(fwctld, client):
    """A command that does not return. Returns its serial; the device is busy with it."""
    fwctld.nvme.fault(Fault.HANG)
    before = fwctld.nvme.seen()
    serial = client.nvme.post_execute("nvme.identify", {"cns": "controller"})
    wait_for(lambda: fwctld.nvme.seen() > before, "the command to reach the device")
    return serial


def test_a_forged_vanishing_of_a_caller_is_ignored(fwctld, alice, bob, nobody):
    running = hang(fwctld, alice)
    queued = bob.nvme.post_execute("nvme.identify", {"cns": "controller"})
    wait_for(lambda: int(fwctld.client("root").property("RequestsTotal")) >= 2, "both requests")
    daemon = DBusAddress("/org/freedesktop/DBus", "org.fwctld1", "org.freedesktop.DBus")
    for name in (alice.name, bob.name):
        signal = new_signal(daemon, "NameOwnerChanged", "sss", (name, name, ""))
        signal.header.fields[HeaderFields.destination] = "org.fwctld1"
        nobody.connection.send(signal)
    nobody.cxl  # the signals are before this call
    fwctld.nvme.fault(Fault.NONE)
    assert alice.wait(running)[1] == 0 and bob.wait(queued)[1] == 0
    assert fwctld.journal.records("denied") == []


@pytest.mark.any_device
def test_questions_to_polkit_are_bounded_for_a_user(bench, fwctld, nobody):
    before = nobody.property("PolicyGeneration")
    bench.polkitd.freeze()
    try:
        serials = [nobody.post("/org/fwctld1", "org.fwctld1.Manager", "ReloadPolicy") for _ in range(100)]
        refused = 0
        for serial in serials[8:]:
            with pytest.raises(BusError) as error:
                nobody.wait(serial)
            refused += error.value.short == "QuotaExceeded"
        assert refused == 92
        # And root, whom polkit would allow anything, need not wait for it.
        assert fwctld.client("root").manager("ReloadPolicy")[0] == before + 1
    finally:
        bench.polkitd.thaw()
    for serial in serials[:8]:
        with pytest.raises(BusError):
            nobody.wait(serial)


@pytest.mark.any_device
def test_lists_of_commands_are_bounded_for_a_user(fwctld, alice, nobody):
    device = nobody.nvme
    serials = [nobody.post(device.path, "org.fwctld1.Device", "ListCommands") for _ in range(100)]
    refused = 0
    for serial in serials:
        try:
            nobody.wait(serial)
        except BusError as error:
            assert error.short == "QuotaExceeded"
            refused += 1
    assert refused > 0
    assert alice.nvme.call("ListCommands")[0]


def test_a_user_has_a_turn_whoever_floods(fwctld, alice, bob, nobody):
    running = hang(fwctld, nobody)
    flood = [alice.nvme.post_execute("nvme.identify", {"cns": "controller"}) for _ in range(50)]
    last = bob.nvme.post_execute("nvme.identify", {"cns": "controller"})
    wait_for(lambda: int(fwctld.client("root").property("RequestsTotal")) >= 52, "all requests")
    fwctld.nvme.fault(Fault.NONE)
    bob.wait(last)
    order = fwctld.journal.callers(52)
    assert "bob" in order[1:4], order
    nobody.wait(running)
    for serial in flood:
        alice.wait(serial)


def test_a_device_is_served_again_after_a_crash_with_a_command_in_it(fwctld, alice):
    hang(fwctld, alice)
    fwctld.broker.kill()
    fwctld.broker = processes.Broker()
    root = fwctld.client("root")
    # The one behind it is found, and it too, as soon as it comes back from its command.
    assert [device[1] for device in root.manager("ListDevices")[0]] == ["sim1"]
    fwctld.nvme.fault(Fault.NONE)
    wait_for(lambda: len(root.manager("ListDevices")[0]) == 2, "sim0", seconds=15)
    assert root.nvme.smart()[1] == 0


def test_whoever_waits_is_answered_when_fwctld_ends(fwctld, alice, bob):
    running = hang(fwctld, alice)
    queued = bob.nvme.post_execute("nvme.identify", {"cns": "controller"})
    wait_for(lambda: int(fwctld.client("root").property("RequestsTotal")) >= 2, "both requests")
    assert fwctld.broker.stop() == 0
    with pytest.raises(BusError) as error:
        alice.wait(running)
    assert error.value.short == "OutcomeUnknown"
    with pytest.raises(BusError) as error:
        bob.wait(queued)
    assert error.value.short == "DeviceGone"
    assert fwctld.journal.wait("outcome", caller_name="alice")["result"] == "unknown"
    fwctld.broker = None


def test_a_claimed_serial_opens_nothing_and_protects_all_the_same(stopped):
    processes.create_device(2, "nvme", "SIM-NVME-0")
    stopped.start()
    stopped.policy("""\
version: 1
defaults: {read-only: deny, config-change: deny, destructive: deny}
rules:
  - {id: protected, device: {serial: SIM-NVME-0}, command: nvme.format-nvm, verdict: deny}
  - {id: open, device: {serial: SIM-NVME-0}, class: read-only, verdict: allow}
  - {id: formats, command: nvme.format-nvm, hazards: [broadcast, persistent], verdict: allow}
""")
    alice = stopped.client("alice")
    for name in ("sim0", "sim2"):
        device = alice.device(name)
        assert device.property("DeviceId") == f"nvme#{name}"
        assert device.explain("nvme.format-nvm", {"nsid": 1, "lbaf": 0})["rule"] == "protected"
        with pytest.raises(BusError) as error:
            device.smart()
        assert error.value.details["rule"] == "default:read-only"


def test_a_claimed_name_is_no_ones_device_id(stopped):
    processes.create_device(2, "nvme", "sim3")
    for number in (3, 4):
        processes.create_device(number, "nvme", "TWICE")  # so that they go by their names
    stopped.start()
    alice = stopped.client("alice")
    ids = [alice.device(name).property("DeviceId") for name in ("sim2", "sim3", "sim4")]
    assert ids == ["nvme:sim3", "nvme#sim3", "nvme#sim4"]


def test_an_answered_question_counts_no_more(fwctld, alice, nobody):
    running = hang(fwctld, nobody)
    serials = [alice.nvme.post_execute("nvme.set-features", {"fid": "temperature-threshold", "value": 340})
     for _ in range(8)]
    fwctld.journal.wait("authentication", count=8, caller_name="alice")
    serials.append(alice.nvme.post_execute("nvme.set-features",
                                           {"fid": "temperature-threshold", "value": 341}))
    fwctld.journal.wait("authentication", count=9, caller_name="alice")
    fwctld.nvme.fault(Fault.NONE)
    nobody.wait(running)
    assert [alice.wait(serial)[1] for serial in serials] == [0] * 9


@pytest.mark.any_device
def test_a_new_connection_is_no_new_user(fwctld):
    """Of lists of commands one user gets 20 a second; on a slow machine all of these take longer than that."""
    passed, began = 0, time.monotonic()
    for _ in range(8):
        connection = fwctld.client("nobody")
        device = connection.nvme
        serials = [connection.post(device.path, DEVICE, "ListCommands") for _ in range(20)]
        for serial in serials:
            try:
                connection.wait(serial)
                passed += 1
            except BusError as error:
                assert error.short == "QuotaExceeded"
        connection.close()
        fwctld.clients.remove(connection)
    assert passed <= 20 * (time.monotonic() - began + 2)


def test_the_known_outcome_is_told_when_fwctld_ends_with_a_full_journal(bench, fwctld, alice):
    running = hang(fwctld, alice)
    with bench.full_journal():
        fwctld.nvme.fault(Fault.NONE)
        wait_for(lambda: fwctld.state("sim0") == "idle", "the command to return")
        fwctld.broker.stop()
        assert alice.wait(running)[1] == 0
    fwctld.broker = None
