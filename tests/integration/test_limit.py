# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules that hold so often, and at certain hours: `limit` and `when`. No test waits until a limit is free again."""
import datetime
import re
import zoneinfo

import pytest

from client import BusError
from simulated import Fault

FEATURES = ("cxl.get-supported-features", {"count": 8})
SET_FEATURES = ("nvme.set-features", {"fid": "temperature-threshold", "value": 340})


@pytest.fixture
def few(request):
    """A rule's id that no test had before: what was counted for that is still counted."""
    return "few-" + re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[5:60]


def limited(count, by, identifier, verdict="allow", more=""):
    """Where it is used up, nothing falls through to the default."""
    return (f"version: 1\ndefaults: {{read-only: allow}}\nrules:\n{more}"
            f"  - {{id: {identifier}, class: [read-only, config-change], "
            f"limit: {{count: {count}, per: 31d, by: {by}}}, verdict: {verdict}}}\n")


def passes(call, *arguments):
    try:
        call(*arguments)
    except BusError as error:
        assert error.short == "Denied" and error.details["rule"].startswith("few-"), error
        assert "is used up" in error.message and "The next is free in 31 d" in error.message
        return False
    return True


@pytest.mark.any_device
@pytest.mark.parametrize("by,left", [
    ("caller", {"alice": (0, 0), "bob": (2, 0)}),
    ("device", {"alice": (0, 2), "bob": (0, 0)}),
    ("rule", {"alice": (0, 0), "bob": (0, 0)}),
])
def test_a_limit_counts_by(fwctld, alice, bob, few, by, left):
    """Two are used up by alice on one device; then each asks thrice of this one and of the other."""
    fwctld.policy(limited(2, by, few))
    assert [passes(alice.nvme.smart) for _ in range(3)] == [True, True, False]
    for client, (nvme, cxl) in zip((alice, bob), left.values()):
        assert sum(passes(client.nvme.smart) for _ in range(3)) == nvme
        assert sum(passes(client.cxl.execute, *FEATURES) for _ in range(3)) == cxl
    record = fwctld.journal.wait("denied", caller_name="alice")
    assert (record["rule"], record["verdict"]) == (few, "deny") and "is used up" in record["why"]


@pytest.mark.any_device
def test_a_reload_keeps_what_was_counted(fwctld, alice, few):
    fwctld.policy(limited(2, "caller", few))
    assert passes(alice.nvme.smart)
    # Elsewhere in the file, and with another limit: it is the same rule.
    fwctld.policy(limited(3, "caller", few, more="  - {id: other, class: [destructive], verdict: deny}\n"))
    assert [passes(alice.nvme.smart) for _ in range(3)] == [True, True, False]
    with pytest.raises(BusError):
        fwctld.policy("version: 2\n")
    assert not passes(alice.nvme.smart)
    fwctld.policy(limited(1, "caller", few + "-2"))
    alice.nvme.smart()
    fwctld.policy(limited(3, "caller", few))
    assert not passes(alice.nvme.smart)


@pytest.mark.any_device
def test_explaining_and_listing_count_nothing(fwctld, alice, few):
    fwctld.policy(limited(1, "caller", few))
    device = alice.nvme

    def listed():
        rows = device.call("ListCommands")[0]
        return {row[3] for row in rows if row[0] == "nvme.get-log-page" and row[2] == "read-only" and not row[4]}

    for _ in range(5):
        assert device.explain("nvme.get-log-page", {"lid": "smart"})["verdict"] == "allow"
        assert listed() == {"allow"}
    assert passes(device.smart)
    said = device.explain("nvme.get-log-page", {"lid": "smart"})
    assert (said["verdict"], said["rule"]) == ("deny", few) and "is used up" in said["decision"]
    assert listed() == {"deny"}


def test_what_is_denied_otherwise_counts_nothing(fwctld, alice):
    """A command that would be destructive without its device's id, one that polkit refuses, and a caller who left."""
    fwctld.policy("version: 1\nrules:\n  - {id: few-left, limit: {count: 1, per: 31d, by: rule}, "
                  "hazards: [persistent, broadcast], verdict: authenticate}\n")
    for client, error in (("alice", "InvalidRequest"), ("bob", "InvalidRequest")):
        with pytest.raises(BusError) as raised:
            fwctld.client(client).nvme.execute("nvme.format-nvm", {"nsid": 1, "lbaf": 0})
        assert raised.value.short == error
    with pytest.raises(BusError) as raised:
        fwctld.client("bob").nvme.smart()
    assert raised.value.short == "NotAuthenticated"
    assert passes(alice.nvme.smart) and not passes(alice.nvme.smart)


def test_two_devices_at_once_do_not_exceed_it(fwctld, alice, few):
    """All wait for their turn when the first is counted."""
    fwctld.policy(limited(3, "rule", few))
    fwctld.nvme.fault(Fault.HANG)
    nvme, cxl = alice.nvme, alice.cxl
    posted = [device.post_execute(*command) for _ in range(5)
              for device, command in ((nvme, ("nvme.get-log-page", {"lid": "smart"})), (cxl, FEATURES))]
    alice.property("PolicyLoaded")
    fwctld.nvme.fault(Fault.NONE)
    assert sum(passes(alice.wait, serial) for serial in posted) == 3
    assert fwctld.reached() == 3


@pytest.mark.any_device
def test_it_is_counted_when_it_is_decided_for_the_last_time(fwctld, alice, few):
    """Both were asked about while one was free; polkit grants both, and one passes."""
    fwctld.policy(limited(1, "rule", few, verdict="authenticate"))
    device = alice.nvme
    fwctld.bench.polkitd.freeze()
    try:
        posted = [device.post_execute(*SET_FEATURES) for _ in range(2)]
        alice.property("PolicyLoaded")
    finally:
        fwctld.bench.polkitd.thaw()
    assert [passes(alice.wait, serial) for serial in posted] == [True, False]
    assert len(fwctld.journal.wait("authentication", count=2, result="granted")) == 2
    # Once it is used up nobody is asked for a password any more.
    assert not passes(device.execute, *SET_FEATURES)
    assert len(fwctld.journal.records("authentication")) == 2


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.mark.any_device
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
@pytest.mark.parametrize("hours,holds", [((-2, 2), True), ((-2, -1), False), ((1, 2), False)])
def test_when(fwctld, alice, zone, hours, holds):
    """A window around the present, or beside it; whether midnight is in it depends on when this runs."""
    now = datetime.datetime.now(zoneinfo.ZoneInfo(zone))
    begin, end = (now + datetime.timedelta(hours=hours) for hours in hours)
    window = (f"{{days: [{DAYS[begin.weekday()]}], from: \"{begin:%H:%M}\", to: \"{end:%H:%M}\", zone: {zone}}}")
    fwctld.policy(f"version: 1\nrules:\n  - {{id: now, class: [read-only], when: {window}, verdict: allow}}\n")
    if holds:
        assert fwctld.journal.wait("outcome", request=alice.nvme.smart()[0])["rule"] == "now"
    else:
        with pytest.raises(BusError) as error:
            alice.nvme.smart()
        assert error.value.details["rule"] == "default:read-only"
