#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`fwctl policy replay`, over journals made for it: records of fwctld as they are, and as nobody should trust them."""
import contextlib
import datetime
import grp
import json
import os
import pathlib
import re
import subprocess
import tempfile

import journal_file
import tap

FWCTL = os.environ["FWCTLD_CLI"]
NAMES = (tap.SOURCE / "include/fwctld-names.h").read_text()
KINDS = {name.lower(): value for name, value in re.findall(r'FWCTLD_MESSAGE_(\w+)\s+"([0-9a-f]{32})"', NAMES)}
START = int(datetime.datetime(2026, 11, 22, 3, tzinfo=datetime.timezone.utc).timestamp())

UNKNOWN = 3999999999  # a uid that nobody has

# An intent as the broker writes it: alice, who is 1000 and in the groups 1000 and 4, reads a log page.
INTENT = {
    "MESSAGE_ID": KINDS["intent"], "_SYSTEMD_UNIT": "fwctld.service", "_UID": "997",
    "FWCTLD_REQUEST": "4d0f1f6b6e7f4d8d9a5b6c7d8e9f0a1b", "FWCTLD_CALLER_NAME": "alice", "FWCTLD_CALLER_UID": "1000",
    "FWCTLD_CALLER_GIDS": "1000 4", "FWCTLD_DEVICE": "nvme0", "FWCTLD_DEVICE_ID": "nvme:LAB-1",
    "FWCTLD_DIALECT": "nvme", "FWCTLD_DRIVER": "nvme", "FWCTLD_PCI": "0000:3b:00.0", "FWCTLD_SERIAL": "LAB-1",
    "FWCTLD_MODEL": "QEMU NVMe Ctrl", "FWCTLD_FIRMWARE": "8.0", "FWCTLD_COMMAND": "nvme.get-log-page",
    "FWCTLD_FIELDS": "lid=smart lsp=0x0 rae=0x1 numd=0x7f lsi=0x0 offset=0x0 uuid-index=0x0 ot=0x0 csi=0x0 nsid=all",
    "FWCTLD_CLASS": "read-only", "FWCTLD_VERDICT": "allow", "FWCTLD_RULE": "default:read-only",
}
FORMAT = {
    **INTENT, "FWCTLD_COMMAND": "nvme.format-nvm", "FWCTLD_CLASS": "destructive",
    "FWCTLD_EFFECTS": "immediate-config-change,data-loss,persistent",
    "FWCTLD_FIELDS": "lbaf=0x0 mset=0x0 pi=0x0 pil=0x0 ses=0x0 nsid=0x1",
}
# Denied by the policy; `denied` can be written for other reasons, too.
DENIED = {"MESSAGE_ID": KINDS["denied"], "FWCTLD_VERDICT": "deny", "FWCTLD_RULE": "default:destructive"}
ALLOW_ALL = "version: 1\ndefaults: {read-only: allow, config-change: allow, destructive: allow, confidential: allow,\n" \
            "  persistent: allow, broadcast: allow, taints-kernel: allow}\n"
ALLOW_READ = "version: 1\ndefaults: {read-only: allow}\n"
DENY_ALL = "version: 1\n"


@contextlib.contextmanager
def journal(records, policy):
    """records: dicts, or lists of pairs; one a second. `policy` becomes p.yaml beside the journal."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        entries = [journal_file.entry((START + second) * 1000000, record.items() if isinstance(record, dict) else record)
                   for second, record in enumerate(records)]
        (folder / "journal").mkdir()
        journal_file.write(folder / "journal/a.journal", entries)
        (folder / "p.yaml").write_text(policy)
        yield folder


def run(folder, *words, json_too=False):
    return subprocess.run([FWCTL, *(["--json"] if json_too else []), "policy", "replay", "--directory=journal",
                           "p.yaml", *words], cwd=folder, capture_output=True, check=False, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC",
                               "FWCTLD_COMMANDS_DIR": str(tap.SOURCE / "policy/commands"),
                               **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}})


def replay(records, policy, *words, code):
    """The JSON document; the text must come to the same end."""
    with journal(records, policy) as folder:
        text = run(folder, *words)
        assert text.returncode == code, text
        result = run(folder, *words, json_too=True)
        assert (result.returncode, result.stderr) == (code, b""), result
        assert result.stdout.count(b"\n") == 1 and result.stdout.isascii(), result
        return json.loads(result.stdout)


def counts(found):
    return found["replayed"], found["same"], found["different"]


def verdicts(records, policy, *words):
    """What the policy decides now, one a record; each of them must differ from "authenticate"."""
    found = replay([{**record, "FWCTLD_VERDICT": "authenticate"} for record in records], policy, *words, code=1)
    assert found["different"] == len(records), found
    return [row["after"] for row in sorted(found["differences"], key=lambda row: row["first-usec"])]


def test_the_same_policy_decides_the_same():
    found = replay([INTENT, {**FORMAT, **DENIED}], ALLOW_READ, code=0)
    assert counts(found) == (2, 2, 0) and found["differences"] == found["not-replayed"] == found["problems"] == [], found


def test_what_differs_is_told_once_and_counted():
    with journal([INTENT] * 2 + [{**FORMAT, **DENIED}] * 12 + [INTENT], ALLOW_ALL) as folder:
        text = run(folder)
    fields = FORMAT["FWCTLD_FIELDS"]
    assert (text.returncode, text.stderr) == (1, b""), text
    assert text.stdout.decode() == (
        f"alice: nvme.format-nvm {fields} on nvme:LAB-1: deny -> allow by default:destructive (p.yaml:2), 12 times, "
        "last 2026-11-22 03:00:13\n\n15 requests replayed: 3 decided the same, 12 differently.\n"), text.stdout.decode()


def test_json_tells_the_same():
    found = replay([{**FORMAT, **DENIED}] * 3, ALLOW_ALL, code=1)
    assert counts(found) == (3, 0, 3)
    assert found["differences"] == [{
        "caller": "alice", "command": "nvme.format-nvm", "fields": FORMAT["FWCTLD_FIELDS"], "device": "nvme:LAB-1",
        "before": "deny", "after": "allow", "by": "default", "rule": "default:destructive", "rule-at": "p.yaml:2",
        "count": 3, "first-usec": START * 1000000, "last-usec": (START + 2) * 1000000}], found


def test_what_opens_comes_first():
    found = replay([INTENT] * 5 + [{**FORMAT, **DENIED}], ALLOW_ALL.replace("read-only: allow", "read-only: deny"), code=1)
    assert [row["after"] for row in found["differences"]] == ["allow", "deny"], found


def test_every_part_of_a_request_is_in_its_record():
    """For each a rule that matches by that part alone, and one that misses it by a little."""
    cases = [  # the record; what matches it; what does not
        (INTENT, "caller: {user: 1000}", "caller: {user: 1001}"),
        (INTENT, "caller: {group: 4}", "caller: {group: 5}"),
        (INTENT, "caller: {group: 1000}", "caller: {group: 100}"),
        (INTENT, "device: {type: nvme}", "device: {type: cxl}"),
        (INTENT, "device: {driver: nvme}", "device: {driver: simulated}"),
        (INTENT, 'device: {pci: "0000:3b:00.0"}', 'device: {pci: "0000:3b:00.1"}'),
        (INTENT, 'device: {serial: "LAB-*"}', "device: {serial: LAB-2}"),
        (INTENT, 'device: {model: "QEMU*"}', 'device: {model: "KVM*"}'),
        (INTENT, 'device: {firmware: "8.0"}', 'device: {firmware: "8.1"}'),
        ({**INTENT, "FWCTLD_NQN": "nqn.2014-08"}, 'device: {nqn: "nqn.*"}', 'device: {nqn: "nqn.2015*"}'),
        (INTENT, "command: nvme.get-log-page", "command: nvme.identify"),
        (INTENT, "command: nvme.get-log-page\n    where: {lid: smart, numd: 1-0x7f}",
         "command: nvme.get-log-page\n    where: {lid: error}"),
        (INTENT, "class: read-only", "class: config-change"),
        ({**INTENT, "FWCTLD_EFFECTS": "confidential"}, "hazards: [confidential]", "hazards: [persistent]"),
        (INTENT, 'when: {days: sun, from: "02:00", to: "04:00", zone: UTC}', "when: {days: mon, zone: UTC}"),
        # journald can be late; when it was sent is what counts.
        ({**INTENT, "_SOURCE_REALTIME_TIMESTAMP": (START - 7200) * 1000000}, 'when: {from: "01:00", to: "01:01", zone: UTC}',
         'when: {from: "03:00", to: "03:01", zone: UTC}'),
    ]
    for record, matching, missing in cases:
        for condition, wanted in ((matching, "allow"), (missing, "deny")):
            policy = f"version: 1\nrules:\n  - id: x\n    {condition}\n    verdict: allow\n"
            assert verdicts([record], policy) == [wanted], (condition, wanted)


def test_scope_and_live_report_are_those_of_the_record():
    read = {**INTENT, "FWCTLD_COMMAND": "mlx5.query-hca-cap", "FWCTLD_DIALECT": "mlx5", "FWCTLD_DEVICE_ID": "mlx5:LAB-1",
            "FWCTLD_FIELDS": "mode=current capability=general other-function=0x0 ec-vf-function=0x0 function-id=0x0", "FWCTLD_SCOPE": "1"}
    policy = "version: 1\nrules:\n  - {id: x, max-scope: %s, class: read-only, verdict: allow}\n"
    assert verdicts([read], policy % "debug-read-only") == ["allow"]
    assert verdicts([read], policy % "configuration") == ["deny"]
    # The device made it worse than the catalogue has it.
    worse = {**read, "FWCTLD_CLASS": "destructive", "FWCTLD_EFFECTS": "unknown"}
    assert verdicts([worse], policy % "debug-read-only") == ["deny"]


def test_a_disputed_serial_opens_nothing():
    policy = 'version: 1\nrules:\n  - {id: x, device: {serial: "LAB-*"}, class: read-only, verdict: allow}\n'
    assert verdicts([INTENT], policy) == ["allow"]
    for device_id in ("nvme@0000:3b:00.0", "nvme#nvme0"):
        assert verdicts([{**INTENT, "FWCTLD_DEVICE_ID": device_id}], policy) == ["deny"]
    # Without a serial there is nothing to dispute, and nothing that matches.
    bare = {key: value for key, value in INTENT.items() if key != "FWCTLD_SERIAL"}
    assert verdicts([{**bare, "FWCTLD_DEVICE_ID": "nvme@0000:3b:00.0"}], policy) == ["deny"]


def test_limits_count_in_the_order_of_the_records():
    policy = "version: 1\nrules:\n  - {id: x, class: read-only, verdict: allow, limit: {count: 2, per: %s, by: caller}}\n"
    found = replay([INTENT] * 5, policy % "1h", code=1)
    assert counts(found) == (5, 2, 3) and found["differences"][0]["by"] == "limit", found
    # One a second: two in two seconds are never too many.
    assert counts(replay([INTENT] * 5, policy % "2s", code=0)) == (5, 5, 0)
    # Another caller has uses of their own.
    assert counts(replay([INTENT] * 2 + [{**INTENT, "FWCTLD_CALLER_UID": "1001"}] * 2, policy % "1h", code=0))[1] == 4
    # What was denied for another reason was no use of it.
    busy = {**INTENT, "MESSAGE_ID": KINDS["denied"]}
    assert counts(replay([busy] * 3 + [INTENT] * 2, policy % "1h", code=0)) == (5, 5, 0)
    # What was denied by the policy would have been one.
    refused = {**INTENT, **DENIED}
    found = replay([refused] * 2 + [INTENT], policy % "1h", code=1)
    assert [(row["before"], row["after"]) for row in found["differences"]] == [("deny", "allow"), ("allow", "deny")], found


def test_an_authentication_counts_where_somebody_gave_it():
    policy = "version: 1\nrules:\n  - {id: x, class: read-only, verdict: authenticate, limit: {count: 1, per: 1h, by: rule}}\n"
    asked = {**INTENT, "FWCTLD_VERDICT": "authenticate"}
    refused = {**asked, "MESSAGE_ID": KINDS["denied"]}
    assert counts(replay([refused, refused, asked, asked], policy, code=1)) == (4, 3, 1)


def test_observing_rules_do_not_decide():
    policy = ALLOW_READ + "rules:\n  - {id: x, class: read-only, verdict: deny, observe: true}\n"
    assert counts(replay([INTENT], policy, code=0)) == (1, 1, 0)


def test_records_of_others_do_not_count():
    forged = [{**FORMAT, "_SYSTEMD_UNIT": unit} for unit in ("user@1000.service", "fwctld2.service", "FWCTLD.service", "")]
    forged += [{key: value for key, value in FORMAT.items() if key != "_SYSTEMD_UNIT"},
               {**FORMAT, "_SYSTEMD_UNIT": "cron.service", "UNIT": "fwctld.service", "OBJECT_SYSTEMD_UNIT": "fwctld.service",
                "_SYSTEMD_USER_UNIT": "fwctld.service"}]
    assert counts(replay([*forged, INTENT], DENY_ALL, code=1)) == (1, 0, 1)
    with journal(forged, DENY_ALL) as folder:
        result = run(folder)
    assert result.returncode == 2 and b"no request of that time" in result.stderr, result


def test_other_kinds_and_what_fwctld_asks_itself_are_left_out():
    others = [{**INTENT, "MESSAGE_ID": KINDS[kind]} for kind in KINDS if kind not in ("intent", "denied", "suppressed")]
    undecided = {key: value for key, value in DENIED.items() if key != "FWCTLD_RULE"}
    early = {key: value for key, value in INTENT.items() if key not in ("FWCTLD_RULE", "FWCTLD_VERDICT")} | undecided
    found = replay([*others, {**INTENT, "FWCTLD_RULE": "internal"}, early, INTENT], DENY_ALL, code=1)
    assert counts(found) == (1, 0, 1) and not found["not-replayed"], found


def test_suppressed_denials_are_mentioned():
    suppressed = {**INTENT, "MESSAGE_ID": KINDS["suppressed"], "FWCTLD_COUNT": "40"}
    assert replay([suppressed, INTENT, suppressed], ALLOW_READ, code=0)["suppressed"] == 80
    with journal([suppressed, INTENT], ALLOW_READ) as folder:
        assert b"In floods 40 records of denials, or of rules that observe, were left out" in run(folder).stdout


def test_what_cannot_be_replayed_is_counted_with_the_reason():
    def without(*names):
        return {key: value for key, value in INTENT.items() if key not in names}
    cases = [
        (without("FWCTLD_CALLER_GIDS"), "older fwctld"),
        (without("FWCTLD_DRIVER"), "older fwctld"),
        ({**without("FWCTLD_CALLER_GIDS"), "FWCTLD_TRUNCATED": "1"}, "not whole"),
        (without("FWCTLD_CALLER_UID"), "uid"),
        (without("FWCTLD_FIELDS"), "field lid of nvme.get-log-page"),
        ({**INTENT, "FWCTLD_COMMAND": "nvme.no-more"}, "no longer has the command nvme.no-more"),
        ({**INTENT, "FWCTLD_COMMAND": "get-log-page"}, "no longer has the command get-log-page"),
        ({**INTENT, "FWCTLD_FIELDS": INTENT["FWCTLD_FIELDS"] + " more=0x1"}, "field more of nvme.get-log-page"),
        ({**INTENT, "FWCTLD_FIELDS": INTENT["FWCTLD_FIELDS"].replace("smart", "clever")}, "value clever of field lid"),
        ({**INTENT, "FWCTLD_CLASS": "harmless"}, "class"),
        ({**INTENT, "FWCTLD_EFFECTS": "harm"}, "effects"),
        ({**INTENT, "FWCTLD_CALLER_UID": "-1"}, "uid"),
        ({**INTENT, "FWCTLD_CALLER_UID": "4294967295"}, "uid"),
        ({**INTENT, "FWCTLD_CALLER_GIDS": "4 x"}, "groups"),
        ({**INTENT, "FWCTLD_DEVICE_ID": "LAB-1"}, "device id"),
        ({**INTENT, "FWCTLD_VERDICT": "maybe"}, "verdict"),
        ({**INTENT, "FWCTLD_COMMAND": "mlx5.query-hca-cap"}, "scope"),
    ]
    for record, reason in cases:
        found = replay([record, INTENT, record], ALLOW_READ, code=0)
        assert counts(found) == (1, 1, 0), (reason, found)
        assert [row["count"] for row in found["not-replayed"]] == [2], (reason, found)
        assert reason in found["not-replayed"][0]["reason"], found
    with journal([record for record, _ in cases], ALLOW_READ) as folder:
        result = run(folder)
    assert result.returncode == 2 and f"None of the {len(cases)} records".encode() in result.stderr, result


def test_hostile_bytes_stay_data():
    serial = b"S\nFWCTLD_VERDICT=deny\n\x1b[2J\xff\xe2\x80\xae"
    hostile = {**INTENT, "FWCTLD_SERIAL": serial, "FWCTLD_DEVICE_ID": b"nvme:" + serial, "FWCTLD_CALLER_NAME": b"a\xffb\n\x1b[31m"}
    with journal([hostile], DENY_ALL) as folder:
        shown = run(folder).stdout.decode()
    assert shown.startswith("a\\xffb\\x0a\\x1b[31m: nvme.get-log-page ") and shown.count("\n") == 3, shown
    assert "\x1b" not in shown and "on nvme:S\\x0aFWCTLD_VERDICT=deny\\x0a\\x1b[2J\\xff\\xe2\\x80\\xae: allow -> deny" in shown, shown
    found = replay([hostile], DENY_ALL, code=1)
    assert found["differences"][0]["device"].startswith("nvme:S\nFWCTLD_VERDICT=deny\n\x1b[2J\ufffd"), found


def test_a_field_that_stands_there_twice_decides_nothing():
    for name, value in (("FWCTLD_CALLER_UID", "0"), ("FWCTLD_SERIAL", "OTHER"), ("FWCTLD_VERDICT", "deny"), ("FWCTLD_RULE", "x")):
        for pairs in ([*INTENT.items(), (name, value)], [(name, value), *INTENT.items()]):
            found = replay([pairs, INTENT], ALLOW_READ, code=0)
            assert counts(found) == (1, 1, 0) and "twice" in found["not-replayed"][0]["reason"], (name, found)
    found = replay([{**INTENT, "FWCTLD_SERIAL": b"LAB-1\0X"}, INTENT], ALLOW_READ, code=0)
    assert counts(found) == (1, 1, 0) and "NUL" in found["not-replayed"][0]["reason"], found
    assert counts(replay([{**INTENT, "FWCTLD_SERIAL": "x" * 70000}, INTENT], ALLOW_READ, code=0)) == (1, 1, 0)


def test_since_and_until():
    records = [INTENT] * 10
    for words, wanted in [
            (["--since", "2026-11-22 03:00:04"], 6), (["--until", "2026-11-22 03:00:04"], 5),
            (["--since", "2026-11-22T03:00:04Z", "--until", "2026-11-22T04:00:06+01:00"], 3),
            (["--since", "2026-11-22 03:00", "--until", "2026-11-22 03:00"], 1), (["--since", "-99999999999d"], 10)]:
        assert replay(records, ALLOW_READ, *words, code=0)["replayed"] == wanted, words
    with journal(records, ALLOW_READ) as folder:
        for words in (["--since", "yesterday"], ["--since", "2026-02-30 00:00"], ["--since", "-1"], ["--since", "-1w"],
                      ["--since", "--1s"], ["--until", "2026-11-22"], ["--since", ""], ["--until", "2026-11-22 03:00 "],
                      ["--since", "2026-11-22 03:01", "--until", "2026-11-22 03:00"], ["--file", "journal/a.journal"]):
            result = run(folder, *words)
            assert result.returncode == 2 and result.stderr.startswith(b"fwctl: "), (words, result)
        assert run(folder, "--since", "-1s", "--until", "-0s").returncode == 2


def test_a_bad_policy_is_trouble_and_not_a_difference():
    with journal([INTENT], "version: 1\nrules: [{id: x}]\n") as folder:
        result = run(folder)
        assert result.returncode == 2 and b"p.yaml:2:" in result.stderr, result
        found = json.loads(run(folder, json_too=True).stdout)
        assert found["error"]["problems"], found
        assert run(folder, "--directory=none").returncode == 2


def test_a_rule_that_is_switched_off_is_told_of():
    policy = ALLOW_READ + "rules:\n  - {id: x, caller: {user: nobody-of-this-name}, verdict: authenticate}\n"
    found = replay([INTENT], policy, code=0)
    assert "switched off" in found["problems"][0]["text"], found
    with journal([INTENT], policy) as folder:
        assert b"switched off" in run(folder).stderr


def test_no_users_goes_by_the_recorded_names():
    """As for a journal of another machine: alice is 1000 there, and who knows who that is here."""
    policy = "version: 1\nrules:\n  - {id: x, caller: {user: alice}, class: read-only, verdict: allow}\n"
    stranger = {**INTENT, "FWCTLD_CALLER_NAME": "bob"}
    assert verdicts([INTENT, stranger], policy, "--no-users") == ["allow", "deny"]
    group = grp.getgrgid(4).gr_name
    policy = f"version: 1\nrules:\n  - {{id: x, caller: {{group: [{group}]}}, class: read-only, verdict: allow}}\n"
    assert verdicts([INTENT, {**INTENT, "FWCTLD_CALLER_GIDS": "1000"}], policy, "--no-users") == ["allow", "deny"]
    # Who has no name has a number.
    policy = f"version: 1\nrules:\n  - {{id: x, caller: {{user: {UNKNOWN}}}, class: read-only, verdict: allow}}\n"
    unnamed = {**INTENT, "FWCTLD_CALLER_NAME": "somebody unknown", "FWCTLD_CALLER_UID": str(UNKNOWN)}
    assert verdicts([unnamed], policy, "--no-users") == ["allow"]


def test_a_damaged_journal_is_no_crash():
    with journal([INTENT] * 50, ALLOW_READ) as folder:
        path = folder / "journal/a.journal"
        whole = path.read_bytes()
        for cut in (0, 100, len(whole) // 2):
            path.write_bytes(whole[:cut])
            assert run(folder).returncode in (0, 2), cut
        for at in range(0, len(whole), len(whole) // 16):
            path.write_bytes(whole[:at] + b"\xff" * 64 + whole[at + 64:])
            result = run(folder)
            assert result.returncode in (0, 1, 2) and b"Sanitizer" not in result.stderr, (at, result)


if not os.path.exists(journal_file.PROGRAM):
    print("1..0 # SKIP systemd-journal-remote is not installed")
    raise SystemExit(0)
tap.run(globals())
