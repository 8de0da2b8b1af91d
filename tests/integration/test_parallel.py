# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several callers at once: each gets its own answers, and nobody waits for another's crowd."""
import pytest

import processes
from client import BusError
from simulated import Fault

SMART = ("nvme.get-log-page", {"lid": "smart"})
IDENTIFY = ("nvme.identify", {"cns": "controller"})


@pytest.mark.any_device
def test_two_users_get_their_own_answers(fwctld, alice, bob):
    smart = alice.nvme.execute(*SMART)[2]
    identify = bob.nvme.execute(*IDENTIFY)[2]
    a, b = alice.nvme, bob.nvme
    for _ in range(20):
        posted = [(alice, a.post_execute(*SMART), smart) for _ in range(4)]
        posted += [(bob, b.post_execute(*IDENTIFY), identify) for _ in range(4)]
        for client, serial, expected in posted:
            assert client.wait(serial)[2] == expected
    outcomes = fwctld.journal.wait("outcome", count=162, result="executed")
    assert sum(record["caller_name"] == "alice" for record in outcomes) == 81
    requests = [record["request"] for record in outcomes]
    assert len(requests) == len(set(requests))


def test_one_users_crowd_does_not_delay_another(fwctld, alice, bob):
    """Whose request ran last waits for the others: bob's one comes before the rest of alice's."""
    fwctld.nvme.fault(Fault.HANG)
    device = alice.nvme
    crowd = [device.post_execute(*SMART) for _ in range(20)]
    processes.wait_for(lambda: fwctld.reached() == 1, "the first command at the device")
    serial = bob.nvme.post_execute(*IDENTIFY)
    bob.property("PolicyLoaded")
    fwctld.nvme.fault(Fault.NONE)
    bob.wait(serial)
    for waiting in crowd:
        alice.wait(waiting)
    assert fwctld.journal.callers(21).index("bob") <= 2


def test_quota_counts_a_user_and_not_a_connection(fwctld, bob):
    """500 connections of one uid are one uid; another is served meanwhile."""
    fwctld.nvme.fault(Fault.HANG)
    device = bob.nvme
    posted = []
    for _ in range(40):
        client = fwctld.client("alice")
        posted += [(client, client.post(device.path, "org.fwctld1.Device", "Execute", "sa{sv}aya{sv}",
                                        (SMART[0], {"lid": ("s", "smart")}, b"", {}))) for _ in range(25)]
    bob.cxl.execute("cxl.get-supported-features", {"count": 8}, timeout=5)
    serial = bob.nvme.post_execute(*SMART)
    fwctld.nvme.fault(Fault.NONE)
    bob.wait(serial)
    errors = []
    for client, posted_serial in posted:
        try:
            client.wait(posted_serial, timeout=30)
        except BusError as error:
            errors.append(error.short)
    assert "QuotaExceeded" in errors and set(errors) <= {"QuotaExceeded", "Busy"}
    assert 1 <= len(posted) - len(errors) < 200


def test_nothing_leaks(fwctld):
    """File descriptors, after a thousand requests of connections that come and go."""
    def work(rounds):
        for _ in range(rounds):
            client = fwctld.client("alice")
            device = client.nvme
            for _ in range(10):
                device.smart()
            with pytest.raises(BusError):
                device.execute("nvme.no-such-command")
            client.close()
    work(10)
    before = fwctld.broker.descriptors()
    work(100)
    assert fwctld.broker.descriptors() == before


def test_state_changes_are_announced(fwctld, alice):
    from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call

    alice.wait(alice.post_message(new_method_call(
        DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus"), "AddMatch", "s",
        ("type='signal',sender='org.fwctld1',member='PropertiesChanged'",))))
    fwctld.nvme.fault(Fault.HANG)
    bob = fwctld.client("bob")
    serial = bob.nvme.post_execute(*SMART)
    states = []
    while states[-1:] != ["idle"] or "busy" not in states:
        message = alice.connection.receive(timeout=5)
        if message.header.message_type is MessageType.signal and message.body[0] == "org.fwctld1.Device":
            if message.header.fields[HeaderFields.path] != bob.nvme.path:
                continue
            states.append(message.body[1]["State"][1])
            if states[-1] == "busy":
                fwctld.nvme.fault(Fault.NONE)
    assert states[-2:] == ["busy", "idle"]
    bob.wait(serial)
