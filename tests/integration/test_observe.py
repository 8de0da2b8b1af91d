# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules with `observe`: they decide nothing, and leave a record of what they would have decided."""
import pytest

from client import BusError

POLICY = """\
version: 1
defaults: {read-only: allow, config-change: deny}
rules:
  - {id: new-deny, observe: true, class: [read-only], command: nvme.get-log-page, verdict: deny}
  - {id: second, observe: true, class: [read-only], command: "nvme.get-*", verdict: authenticate}
  - {id: new-allow, observe: true, class: [config-change], verdict: allow}
  - {id: identify, command: nvme.identify, class: [read-only], verdict: allow}
  - {id: too-late, observe: true, class: [read-only, config-change], command: nvme.identify, verdict: deny}
"""
PLACE = "/etc/fwctld/policy.d/60-test.yaml"


@pytest.mark.any_device
def test_it_decides_nothing_and_is_recorded_once(fwctld, alice):
    fwctld.policy(POLICY)
    request = alice.nvme.smart()[0]
    fwctld.journal.wait("outcome", request=request)
    would, intent, outcome = fwctld.journal.records(request=request)
    assert [record.kind for record in (would, intent, outcome)] == ["would-have", "intent", "outcome"]
    assert (would["would_verdict"], would["would_rule"], would["would_rule_at"]) == ("deny", "new-deny", PLACE + ":4")
    assert {key: value for key, value in would.items() if not key.startswith("would_") and key != "seq"} == {
        key: value for key, value in intent.items() if key != "seq"}
    assert (would["verdict"], would["rule"]) == ("allow", "default:read-only")
    assert not any(key.startswith("would_") for key in outcome)


@pytest.mark.any_device
def test_of_what_is_denied_it_says_that_it_would_pass(fwctld, alice):
    fwctld.policy(POLICY)
    with pytest.raises(BusError) as error:
        alice.nvme.execute("nvme.set-features", {"fid": "temperature-threshold", "value": 340})
    request = error.value.details["request"]
    assert error.value.short == "Denied" and error.value.details["rule"] == "default:config-change"
    fwctld.journal.wait("denied", request=request)
    would, denied = fwctld.journal.records(request=request)
    assert (would.kind, would["would_verdict"], would["would_rule"]) == ("would-have", "allow", "new-allow")
    assert (would["verdict"], would["rule"]) == (denied["verdict"], denied["rule"]) == ("deny", "default:config-change")


@pytest.mark.any_device
def test_the_first_that_observes_before_the_one_that_decides(fwctld, alice):
    fwctld.policy(POLICY)
    said = alice.nvme.explain("nvme.get-features", {"fid": "temperature-threshold"})
    assert (said["observed-verdict"], said["observed-rule"], said["observed-rule-at"]) == (
        "authenticate", "second", PLACE + ":5")
    assert (said["verdict"], said["rule"]) == ("allow", "default:read-only")
    assert "observed-rule" not in alice.nvme.explain("nvme.identify", {"cns": "controller"})
    request = alice.nvme.execute("nvme.identify", {"cns": "controller"})[0]
    fwctld.journal.wait("outcome", request=request)
    assert fwctld.journal.records("would-have") == []


@pytest.mark.any_device
def test_its_limit_counts_what_it_would_have_let_pass(fwctld, alice):
    fwctld.policy("version: 1\ndefaults: {read-only: allow}\nrules:\n  - {id: once, observe: true, class: [read-only], "
                  "limit: {count: 1, per: 31d, by: caller}, verdict: allow}\n")
    device = alice.nvme
    assert device.explain("nvme.get-log-page", {"lid": "smart"})["observed-verdict"] == "allow"
    for _ in range(3):
        device.smart()
    assert [record["would_verdict"] for record in fwctld.journal.wait("would-have", count=3)] == ["allow", "deny", "deny"]
    assert device.explain("nvme.get-log-page", {"lid": "smart"})["observed-verdict"] == "deny"


def test_a_flood_of_them_is_bounded_and_counted(fwctld, alice):
    """And takes nothing from what is recorded of denials."""
    fwctld.policy(POLICY)
    device = alice.nvme
    for _ in range(250):
        device.smart()
    with pytest.raises(BusError) as error:
        device.execute("nvme.format-nvm", {"nsid": 1, "lbaf": 0}, options={"device-id": fwctld.nvme.id})
    fwctld.journal.wait("denied", request=error.value.details["request"])
    suppressed = fwctld.journal.wait("suppressed", seconds=20)
    assert len(fwctld.journal.records("would-have")) + int(suppressed["count"]) >= 250
    assert "observed" in suppressed.raw["MESSAGE"]
    assert len(fwctld.journal.records("outcome", caller_name="alice")) == 250
