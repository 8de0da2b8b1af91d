#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""fwctl policy: what people work with on policies, without the daemon and without a bus."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import tempfile

import tap
import yaml

FWCTL = os.environ["FWCTLD_CLI"]
ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/",
               "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
               "FWCTLD_COMMANDS_DIR": str(tap.SOURCE / "policy/commands"),
               **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}}

# Somebody of every key, and one rule that only observes.
SITE = """\
version: 1
defaults: {read-only: allow, destructive: deny}
rules:
  - id: lab-format
    caller: {group: storage}
    device: {type: nvme, serial: "LAB-*"}
    command: nvme.format-nvm
    hazards: [persistent, broadcast]
    verdict: authenticate
  - id: trial
    observe: true
    caller: {user: alice}
    hazards: [persistent]
    verdict: allow
  - id: no-format
    command: nvme.format-nvm
    verdict: deny
    note: "Größe: \\"ask\\" C:\\\\ the # desk"
  - id: weekend
    device: {model: [QEMU NVMe Ctrl, "LAB SSD*"]}
    command: nvme.get-log-page
    where: {lid: [smart, 0x10-0x12], rae: 1}
    when: {days: [sat, sun], from: "01:00", to: "05:00", zone: UTC}
    limit: {count: 2, per: 1min, by: caller}
    verdict: allow
"""
CASES = """\
version: 1
tests:
  - name: storage formats devices of the lab
    caller: {user: bob, groups: [storage]}
    device: {type: nvme, serial: LAB-1}
    command: format-nvm
    fields: {nsid: 1, lbaf: 0}
    expect: {verdict: authenticate, rule: lab-format}
  - name: nobody formats others
    caller: {user: alice, groups: [storage]}
    device: {serial: PROD-1}
    command: nvme.format-nvm
    fields: {nsid: 1, lbaf: 0}
    expect: {verdict: deny, rule: no-format, observed: {rule: trial, verdict: allow}}
  - name: the second read of a minute
    caller: {user: bob}
    device: {model: LAB SSD 9}
    command: nvme.get-log-page
    fields: {lid: 0x11}
    time: 2026-11-22 03:00 UTC
    repeat: 2
    expect: {verdict: allow, rule: weekend}
  - name: the third
    caller: {user: bob}
    device: {model: LAB SSD 9}
    command: nvme.get-log-page
    fields: {lid: 0x11}
    time: "2026-11-22T04:00:00+01:00"
    repeat: 3
    expect: {verdict: deny, rule: weekend}
  - name: a device that reports worse
    caller: {user: bob}
    command: nvme.identify
    reported: {class: destructive}
    expect: {verdict: deny, rule: "default:destructive"}
"""


@contextlib.contextmanager
def folder(**files):
    """A folder with these files; `_` in a name is a dot, `__` a dash."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        for file, text in files.items():
            pathlib.Path(name, file.replace("__", "-").replace("_", ".")).write_text(text)
        yield pathlib.Path(name)


def policy(*words, code=0, **environment):
    """What it prints for people, and the document; both end alike."""
    words = [str(word) for word in words]
    result = subprocess.run([FWCTL, "policy", *words], capture_output=True, check=False, text=True, timeout=120,
                            env={**ENVIRONMENT, **environment})
    assert result.returncode == code, (words, result)
    as_json = subprocess.run([FWCTL, "--json", "policy", *words], capture_output=True, check=False, text=True,
                             timeout=120, env={**ENVIRONMENT, **environment})
    assert as_json.returncode == code and not as_json.stderr and as_json.stdout.count("\n") == 1, as_json
    assert as_json.stdout.isascii(), as_json
    return result.stdout, result.stderr, json.loads(as_json.stdout)


NO_PROBLEMS = {"errors": 0, "warnings": 0, "problems": []}


def test_there_is_help_for_each():
    def run(*words):
        return subprocess.run([FWCTL, *words], capture_output=True, check=False, text=True, env=ENVIRONMENT)
    family = run("policy", "--help").stdout
    for verb in ("check", "lint", "explain", "test", "diff", "show", "install"):
        assert f"fwctl policy {verb}" in family and "fwctl exec" not in family, family
        one = run("policy", verb, "--help").stdout
        assert one.count("  fwctl policy") == 1 and f"fwctl policy {verb}" in one, one
    wrong = run("policy", "chekc")
    assert wrong.returncode == 2 and 'Did you mean "check"?' in wrong.stderr, wrong
    assert run("policy").returncode == 2 and "one of: check" in run("policy").stderr
    wrong = run("policy", "show", "--dry-run")
    assert wrong.returncode == 2 and "fwctl policy show [PATH ...] has no option --dry-run" in wrong.stderr, wrong


def test_cases_alone_are_no_policy():
    """Else the installed one would be looked at, and be in order."""
    with folder(a_yaml=SITE, a_test_yaml="cases: []\n") as base:
        for verb in ("check", "lint", "show"):
            found = policy(verb, "--no-users", base / "a.test.yaml", code=1)[2]
            assert found["error"]["problems"][0]["text"] == (
                "This file holds cases, and no policy. To decide them by one: "
                f"fwctl policy test POLICY {base}/a.test.yaml"), found
            policy(verb, "--no-users", base / "a.test.yaml", base / "a.yaml")
        policy("diff", "--no-users", base / "a.test.yaml", base / "a.yaml", code=2)


def test_check_takes_folders_and_leaves_cases_alone():
    with folder(a_yaml=SITE, a_test_yaml="no: [policy", b_yml="", c_test_yml="") as base:
        out, _, found = policy("check", "--no-users", base)
        assert out.endswith("The policy is in order: 4 rules from 1 file.\n"), out
        assert [problem["text"] for problem in found["problems"]] == [
            '"b.yml" is not read: the name of a policy file ends in .yaml.',
            '"c.test.yml" is not read: the name of a file with cases ends in .test.yaml.'], found
        policy("check", "--no-users", *sorted(base.glob("*.yaml")))
        policy("check", "--no-users", str(base) + "/", FWCTLD_POLICY_DIR="/nonexistent")
        policy("check", "--no-users", FWCTLD_POLICY_DIR=str(base))
        # Later folders replace files of earlier ones, and what is named comes last.
        with folder(a_yaml="version: 1\n", Z_yaml="version: 1\ndefaults: {read-only: deny}\n") as other:
            assert policy("check", "--no-users", base, other)[2]["rules"] == 0
            found = policy("show", "--no-users", other / "Z.yaml", base)[2]
            assert [file.rpartition("/")[2] for file in found["files"]] == ["a.yaml", "Z.yaml"], found
    # A gate that looked at nothing is not passed.
    with folder(b_yml=SITE) as base:
        out, err, found = policy("check", base, code=1)
        assert '"b.yml" is not read' in out and "everything is denied" in out and "No such file" in err, (out, err)
        assert "No such file" in found["error"]["message"] and len(found["error"]["problems"]) == 2, found


def test_no_verb_hides_that_a_rule_is_switched_off():
    allow = "version: 1\nrules:\n  - {id: a, caller: {user: no-such-user}, verdict: allow}\n"
    with folder(a_yaml=allow) as base:
        for words in (["lint", base], ["show", base], ["diff", base, base],
                      ["explain", "--policy", base, "--user", "root", "nvme.identify"]):
            _, err, found = policy(*words)
            assert err.count("so this rule is switched off") == 1 + (words[0] == "diff"), (words, err)
            assert found["errors"] == 0 and found["warnings"] == len(found["problems"]) > 0, (words, found)


def test_problems_that_are_left_out_are_counted():
    with folder(a_yaml="version: 1\nrules:\n" + "  - {}\n" * 150) as base:
        out, _, found = policy("check", base, code=1)
        error = found["error"]
        assert error["errors"] > len(error["problems"]) == 100, error["errors"]
        assert f"{error['errors'] - 100} further errors are not shown." in out, out[-200:]


def test_no_users_asks_nobody():
    deny = "version: 1\nrules:\n  - {id: a, caller: {user: no-such-user}, verdict: deny}\n"
    with folder(a_yaml=deny) as base:
        out = policy("check", base, code=1)[0]
        assert "There is no user" in out and "take them as they are: --no-users." in out, out
        assert policy("check", "--no-users", base)[0] == "The policy is in order: 1 rule from 1 file.\n"
        assert policy("show", "--no-users", base)[2]["rules"][0]["disabled"] is False
        (base / "a.yaml").write_text(deny.replace("deny", "allow"))
        assert "# " + str(base / "a.yaml") + ":3, switched off" in policy("show", base)[0]
        code = ("explain", "--policy", base, "--user", "root", "--device", "type=nvme", "identify")
        assert policy(*code)[2]["rules"][0]["why"].startswith("it is switched off")
        error = policy("explain", "--policy", base, "--user", "no-such-user", "nvme.identify", code=1)[1]
        assert "There is no user \"no-such-user\" here" in error and "--no-users" in error, error
        assert policy("explain", "--no-users", "--policy", base, "--user", "no-such-user", "nvme.identify")[2]["rule"] == "a"
        assert "give a --user" in policy("explain", "--no-users", "--policy", base, "nvme.identify", code=2)[1]


def explain(base, *words, code=0):
    return policy("explain", "--policy", base, "--no-users", "--time", "2026-11-22 03:00 UTC", *words, code=code)


def test_explain_says_why_each_rule_does_not_match():
    read = ("get-log-page", "lid=0x10")
    weekend = "weekend (a.yaml:19): "
    with folder(a_yaml=SITE) as base:
        out, _, found = explain(base, "--user", "bob", "--device", "type=nvme,serial=X,model=LAB SSD, big", *read)
        assert out.startswith(f"allow: Rule weekend ({base}/a.yaml:19) allows it.\n"), out
        assert "\n  lab-format (a.yaml:4): caller is not in group storage\n" in out, out
        assert "\n  trial (a.yaml:10): caller is not alice\n" in out, out
        assert "\n  no-format (a.yaml:15): command is nvme.get-log-page, the rule wants nvme.format-nvm\n" in out, out
        assert [rule["rule"] for rule in found["rules"]] == ["lab-format", "trial", "no-format"], found
        assert found["verdict"] == "allow" and found["rule"] == "weekend" and found["rule-at"] == f"{base}/a.yaml:19"

        for words, why in (
                (("--device", "type=nvme,model=LAB SSD", "get-log-page", "lid=smart", "rae=0"),
                 "fields: rae is 0x0, the rule wants 0x1"),
                (("--device", "type=nvme,model=LAB SSD", "get-log-page", "lid=error"),
                 "fields: lid is error, the rule wants smart or 0x10-0x12"),
                (("--device", "type=nvme,model=X", *read), "device: model X is not QEMU NVMe Ctrl or LAB SSD*"),
                (("--device", "type=nvme", *read), "device: its model is not known, the rule wants QEMU NVMe Ctrl or LAB SSD*"),
                (("--device", "type=nvme,model=LAB SSD", *read, "--time", "2026-11-22T06:00:00+01:00"),
                 "outside its times: it is Sunday 05:00 (UTC)")):
            out, _, found = explain(base, "--user", "bob", *words)
            assert f"\n  {weekend}{why}\n" in out, (words, out)
            assert found["rules"][3]["why"] == why and found["rule"].startswith("default:"), found

        erase = ("nvme.format-nvm", "nsid=0xffffffff", "lbaf=0")
        storage = ("--user", "alice", "--group", "storage")
        out, _, found = explain(base, *storage, "--device", "serial=LA", *erase)
        assert "  lab-format (a.yaml:4): device: serial LA does not begin with LAB-\n" in out, out
        assert "  trial (a.yaml:10): hazard broadcast is not accepted\n" in out, out
        assert 'note:' in out and found["note"] == 'Größe: "ask" C:\\ the # desk', found
        out, _, found = explain(base, *storage, "--device", "serial=LA", "nvme.format-nvm", "nsid=1", "lbaf=0")
        assert "  trial (a.yaml:10): it matches, and only observes\n" in out and "\nobserved: allow by trial" in out, out
        assert re.search(r"^command: +nvme\.format-nvm nsid=0x1 lbaf=0x0 ", out, re.M), out
        assert (found["observed-rule"], found["observed-verdict"]) == ("trial", "allow"), found
        assert found["observed-rule-at"] == f"{base}/a.yaml:10", found
        assert explain(base, *storage, "--device", "serial=LAB-", *erase)[2]["rule"] == "lab-format"

        (base / "b.yaml").write_text("version: 1\nrules:\n  - {id: two, class: [config-change, destructive], verdict: allow}\n"
                                     "  - {id: low, command: mlx5.*, max-scope: configuration, verdict: allow}\n")
        out = explain(base, "--user", "bob", "nvme.identify")[0]
        assert "  two (b.yaml:3): class is read-only, the rule wants config-change or destructive\n" in out, out


def test_explain_of_many_rules_is_short():
    rules = "".join(f"  - {{id: r{n}, caller: {{user: u{n}}}, verdict: allow}}\n" for n in range(1000))
    with folder(a_yaml="version: 1\nrules:\n" + rules + "  - {id: near, class: destructive, verdict: allow}\n") as base:
        out, _, found = explain(base, "--user", "u", "nvme.identify")
        assert len(out.splitlines()) < 20 and "\n  1000 rules are about other callers\n  near (a.yaml:1003): class is" in out, out
        assert len(found["rules"]) == 1001 and found["rules"][812]["why"] == "caller is not u812", found["rules"][812]


def test_explain_refuses_what_it_does_not_understand():
    with folder(a_yaml=SITE) as base:
        for words, code, message in (
                (("--device", "seral=X", "nvme.identify"), 2, "\"seral=X\" does not begin with one of a device's keys"),
                (("--device", "type=nvme,sn=4", "identify"), 2, "\"sn=4\" does not begin with"),
                (("--device", "type=nvme,serial=A,serial=B", "identify"), 1, "The device's serial stands there twice."),
                (("--device", "serial=LAB-*", "nvme.identify"), 1, "\"LAB-*\" is a pattern; expected the serial of one"),
                (("--device", "serial=", "nvme.identify"), 1, "serial is empty"),
                (("--device", "type=nvmee", "identify"), 1, "The catalogue has no device type \"nvmee\"."),
                (("--device", "type=cxl", "nvme.identify"), 1, "A device of type cxl has no command \"nvme.identify\"."),
                (("identify",), 1, "A command is named with its dialect: \"nvme.identify\""),
                (("nvme.identfy",), 1, "Did you mean \"nvme.identify\"?"),
                (("nvme.identify", "cnss=1"), 1, "nvme.identify has no field \"cnss\""),
                (("nvme.get-log-page", "lid=smrt"), 1, "\"smrt\" is no value for field \"lid\"; it takes"),
                (("nvme.identify", "--time", "2026-02-30 03:00 UTC"), 2, "is no time with its zone; expected one like"),
                (("nvme.identify", "--time", "2026-11-22 03:00"), 2, "is no time"),
                (("nvme.identify", "--time", "2026-11-22 03:00:5 UTC"), 2, "is no time"),
                (("nvme.identify", "--user", "4294967295"), 2, "is no user number"),
                (("nvme.get-log-page",), 1, "lid")):
            if "--user" not in words:
                words = ("--user", "bob", *words)
            assert message in explain(base, *words, code=code)[1], (words, message)
        for time in ("2026-11-22T03:00Z", "2026-11-22 03:00:59 UTC", "2026-11-22T03:00:00-08:00"):
            explain(base, "--user", "bob", "nvme.identify", "--time", time)


def test_groups_are_those_of_the_user():
    with folder(a_yaml=SITE.replace("storage", "root")) as base:
        for words, rule in (((), "lab-format"), (("--group", "4711"), "no-format")):
            found = policy("explain", "--policy", base, "--user", "root", *words, "--device", "serial=LAB-1",
                           "nvme.format-nvm", "nsid=1", "lbaf=0")[2]
            assert found["rule"] == rule, found


def test_cases_pass():
    with folder(a_yaml=SITE, a_test_yaml=CASES) as base:
        for words in ((base,), (base / "a.yaml",), (base / "a.yaml", base / "a.test.yaml")):
            out, _, found = policy("test", *words)
            assert out == "All 5 cases passed; 4 of 4 rules were reached.\n", out
            assert found["cases"] == 5 and found["failed"] == 0 and found["not-reached"] == [], found
        # Without a policy of their own they are about the installed one.
        policy("test", base / "a.test.yaml", FWCTLD_POLICY_DIR=str(base))
        out, _, found = policy("test", base / "a.yaml", FWCTLD_POLICY_DIR="/nonexistent")
        (base / "a.test.yaml").unlink()
        out, _, found = policy("test", base, code=1)
        assert "There are no cases" in out and [rule["rule"] for rule in found["not-reached"]] == [
            "lab-format", "trial", "no-format", "weekend"], out


def test_cases_fail():
    for old, new, line, why in (
            ("rule: lab-format", "rule: no-format", 3,
             "expected authenticate by no-format, got authenticate by lab-format (@/a.yaml:4)."),
            ("serial: LAB-1", "serial: L-1", 3, "expected authenticate by lab-format, got deny by no-format (@/a.yaml:15); "
             "lab-format does not match: device: serial L-1 does not begin with LAB-."),
            ("rule: lab-format", "rule: lab-frmt", 3, "expected rule lab-frmt, which the policy does not have; "
             "got authenticate by lab-format (@/a.yaml:4)."),
            ("rule: trial, verdict: allow", "rule: trial, verdict: deny", 9,
             "expected trial to observe deny, got allow by trial (@/a.yaml:10)."),
            ("user: alice", "user: carol", 9,
             "expected trial to observe allow, got nothing; trial does not match: caller is not alice."),
            ("repeat: 2", "repeat: 3", 15,
             "expected allow by weekend, got deny by weekend (@/a.yaml:19), whose limit is used up."),
            ("    time: 2026-11-22 03:00 UTC\n", "", 15,
             "whether rule weekend (@/a.yaml:19) matches depends on the time; give the case a `time`."),
            ("{class: destructive}", "{class: config-change}", 31,
             "expected deny by default:destructive, got deny by default:config-change (built in)."),
            ("{class: destructive}", "{effects: confidential}", 31,
             "expected deny by default:destructive, got deny by default:confidential (built in).")):
        assert CASES.count(old) == 1, old
        with folder(a_yaml=SITE, a_test_yaml=CASES.replace(old, new)) as base:
            out, _, found = policy("test", base, code=1)
            first = out.splitlines()[0]
            assert first.startswith(f"{base}/a.test.yaml:{line}:5: failed: "), out
            assert first.endswith(": " + why.replace("@", str(base))), (first, why)
            assert "\n1 of 5 cases failed; " in out, out
            failed = [result for result in found["results"] if not result["passed"]]
            assert len(failed) == found["failed"] == 1 and failed[0]["line"] == line, found
            assert failed[0]["why"] + "." == why.replace("@", str(base)), failed


def test_wrong_cases_are_said_with_their_place():
    for old, new, place, message in (
            ("version: 1", "version: 2", "1:10", "This fwctl knows version 1 of the language of cases"),
            ("version: 1\n", "", "1:1", "add \"version: 1\""),
            ("tests:", "test:", "2:1", "Unknown key \"test\". Did you mean \"tests\"?"),
            ("version: 1\n", "version: 1\nrules: []\n", "2:8", "never read as a policy"),
            ("  - name: the third\n    caller: {user: bob}", "  - name: the third", "23:5", "has no `caller`"),
            ("  - name: the third\n    caller", "  - caller", "23:5", "has no `name`"),
            ("user: bob, ", "", "4:13", "has no `user`"),
            ("user: bob, ", "usr: bob, ", "4:14", "Unknown key \"usr\""),
            ("user: bob, ", "user: 4294967295, ", "4:20", "\"4294967295\" is no user number"),
            ("serial: LAB-1", "serial: LAB-*", "5:34", "\"LAB-*\" is a pattern"),
            ("serial: LAB-1", "seral: LAB-1", "5:26", "Unknown key \"seral\". Did you mean \"serial\"?"),
            ("command: format-nvm", "command: format", "6:14", "has no command \"format\""),
            ("nsid: 1, lbaf: 0}\n    expect: {verdict: auth", "nsid: one, lbaf: 0}\n    expect: {verdict: auth", "7:20",
             "\"one\" is no value for field \"nsid\""),
            ("nsid: 1, lbaf: 0}\n    expect: {verdict: auth", "nsdi: 1}\n    expect: {verdict: auth", "7:14",
             "nvme.format-nvm has no field \"nsdi\""),
            ("authenticate", "ask", "8:23", "\"ask\" is no verdict"),
            ("verdict: authenticate, ", "", "8:13", "`expect` has no `verdict`"),
            ("expect: {verdict: authenticate", "expects: {verdict: authenticate", "3:5", "has no `expect`"),
            ("2026-11-22 03:00 UTC", "sunday", "20:11", "\"sunday\" is no time"),
            ("repeat: 2", "repeat: 0", "21:13", "repeated 0 times"),
            ("repeat: 2", "repeat: 1002", "21:13", "too large"),
            ("{class: destructive}", "{class: bad}", "34:23", "\"bad\" is no effect class"),
            ("{class: destructive}", "{effects: [persist]}", "34:26", "Did you mean \"persistent\"?"),
            ("fields: {lid: 0x11}\n    time: 2", "fields: {lid: 0x11}\n    data: 0\n    time: 2", "20:11", "two hexadecimal digits"),
            ("fields: {lid: 0x11}\n    time: 2", "fields: {lid: 0x11}\n    data-length: 4\n    time: 2", "18:14", "data")):
        assert CASES.count(old) == 1, old
        with folder(a_yaml=SITE, a_test_yaml=CASES.replace(old, new)) as base:
            _, err, found = policy("test", base, code=1)
            assert re.search(rf"^{re.escape(str(base))}/a\.test\.yaml:{place}: error: .*{re.escape(message)}", err, re.M), \
                (new, err)
            assert "fwctl: The set of cases has " in err and found["error"]["problems"], err
    # All of them in one run.
    with folder(a_yaml=SITE, a_test_yaml=CASES.replace("bob", "[]").replace("lbaf", "lbfa")) as base:
        assert len(policy("test", base, code=1)[2]["error"]["problems"]) >= 6


def test_data_of_a_case():
    case = ("version: 1\ntests:\n  - name: download\n    caller: {user: bob}\n    command: nvme.firmware-download\n"
            "    fields: {offset: 0}\n    %s\n    expect: {verdict: deny}\n")
    with folder(a_yaml=SITE) as base:
        for data in ("data: \"00112233\"", "data-length: 4096"):
            (base / "a.test.yaml").write_text(case % data)
            policy("test", base)


def load(text):
    """What YAML has to say, without comments."""
    return yaml.safe_load(text)


KEYS = ("verdict", "rule", "observed-verdict", "observed-rule")


def test_show_loads_again_and_is_the_same():
    with folder(a_yaml=SITE, b_yaml="version: 1\ndefaults: {read-only: deny, persistent: allow}\n") as base, folder() as other:
        out, _, found = policy("show", "--no-users", base)
        (other / "one.yaml").write_text(out)
        again = policy("show", "--no-users", other / "one.yaml")[2]
        assert [rule["rule"] for rule in again["rules"]] == [rule["rule"] for rule in found["rules"]], again
        assert load(out)["rules"] == load(SITE)["rules"], out
        assert load(out)["defaults"] == {"read-only": "deny", "destructive": "deny", "persistent": "allow"}, out
        assert f"  read-only: deny # {base}/b.yaml:2\n" in out and f"  - id: lab-format # {base}/a.yaml:4\n" in out, out
        assert found["defaults"][0] == {"of": "read-only", "verdict": "deny", "at": f"{base}/b.yaml:2"}, found
        for who in ("alice", "bob"):
            for words in (("nvme.format-nvm", "nsid=1", "lbaf=0"), ("nvme.identify",), ("nvme.get-log-page", "lid=smart"),
                          ("nvme.set-features", "fid=power", "value=1")):
                for device in ("serial=LAB-1", "serial=P,model=LAB SSD"):
                    asked = ("--user", who, "--group", "storage", "--device", device, *words)
                    first, second = explain(base, *asked)[2], explain(other, *asked)[2]
                    assert [first.get(key) for key in KEYS] == [second.get(key) for key in KEYS], asked


def test_show_keeps_what_quotes_mean():
    text = ("version: 1\nrules:\n  - {id: \"007\", note: \"yes\", caller: {user: [\"1000\", 1001]}, verdict: deny}\n"
            "  - {id: 7e3, class: read-only, verdict: deny}\n")
    with folder(a_yaml=text) as base:
        out, _, found = policy("show", "--no-users", base)
        assert load(out)["rules"] == load(text)["rules"], out
        assert found["rules"][0]["rule"] == {"id": "007", "note": "yes", "caller": {"user": ["1000", 1001]},
                                             "verdict": "deny"}, found


def test_show_names_what_is_not_read():
    with folder(a_yaml=SITE, b_yaml="version: 1\n", c_yaml="version: 1\n") as first, folder(b_yaml="") as second:
        (second / "c.yaml").symlink_to("/dev/null")
        out, _, found = policy("show", "--no-users", first, second)
        assert f"#   {second}/b.yaml (empty)\n" in out, out
        assert f"#   {first}/b.yaml, replaced by {second}/b.yaml\n" in out, out
        assert found["not-read"] == [{"file": f"{first}/{name}.yaml", "replaced-by": f"{second}/{name}.yaml"} for name in "bc"]
        # Whatever a name holds, it stays within its comment.
        (first / "d\nrules: [].yaml").write_text("version: 1\nrules: [{id: d, class: destructive, verdict: deny}]\n")
        assert load(policy("show", "--no-users", first)[0])["rules"][-1]["id"] == "d"


def test_lint_says_where_and_why():
    odd = ("version: 1\ndefaults: {destructive: allow}\nrules:\n"
           "  - {id: all-of-nvme, device: {type: nvme}, verdict: deny}\n"
           "  - {id: all-of-cxl, device: {type: cxl}, verdict: deny}\n"
           "  - {id: never, command: [nvme.identify, cxl.get-feature], verdict: allow}\n")
    with folder(a_yaml=odd) as base:
        policy("check", base)
        out, _, found = policy("lint", base, code=1)
        kinds = {finding["kind"]: finding for finding in found["findings"]}
        covered = kinds["covered"]
        assert covered["rule"] == "never" and (covered["file"], covered["line"]) == (f"{base}/a.yaml", 6), found
        assert "all-of-nvme" in covered["text"] and "all-of-cxl" in covered["text"], covered
        assert f"\n{base}/a.yaml:6:5: " in "\n" + out and " [covered]\n" in out, out
        assert "rule" not in kinds["default-opens"] and kinds["default-opens"]["line"] == 2, found
        assert f"{base}/a.yaml:2:" in out, out
        (base / "a.yaml").write_text(SITE)
        assert policy("lint", "--no-users", base)[0] == "Nothing was found.\n"
        (base / "a.yaml").write_text("version: 2\n")
        assert policy("lint", base, code=1)[2]["error"]["problems"]


def test_diff_says_what_changes():
    changed = SITE.replace('serial: "LAB-*"', 'serial: "LAB-1*"').replace("count: 2", "count: 5").replace(
        "destructive: deny", "destructive: allow")
    with folder(a_yaml=SITE) as old, folder(a_yaml=changed, c_yaml="") as new:
        out, _, found = policy("diff", "--no-users", old, new, code=1)
        assert re.search(rf"^members of storage: nvme\.format-nvm .*on serial LAB-\*.*: authenticate -> deny "
                         rf"\(rule no-format, {new}/a\.yaml:15; before: rule lab-format, {old}/a\.yaml:4\)$", out, re.M), out
        assert f"rule weekend, {new}/a.yaml:19: limit: 2 per 1min by caller -> 5 per 1min by caller\n" in out, out
        assert ": deny -> allow (a default; before: a default)\n" in out and len(out.splitlines()) < 10, out
        first = found["changes"][0]
        assert (first["before"], first["after"], first["rule-before"], first["rule-after"]) == \
            ("authenticate", "deny", "lab-format", "no-format"), first
        assert {change["kind"] for change in found["changes"]} == {"verdict", "limit"}, found
        # Of lab-format's requests those for serials with LAB-1 are decided as before.
        assert first["partly"] and f"\n  not all of these; one is: {first['example']}\n" in "\n" + out, (first, out)
        assert policy("diff", "--no-users", old, old / "a.yaml") == ("", "", {"changes": [], **NO_PROBLEMS})
        assert policy("diff", "--no-users", "installed", new, code=1, FWCTLD_POLICY_DIR=str(old))[0] == out
        for words in ((old, "/nonexistent"), ("/nonexistent", old)):
            assert "No such file" in policy("diff", "--no-users", *words, code=2)[1]
        policy("diff", old, code=2)
        # What is shown in one file is the same policy.
        (new / "c.yaml").write_text(policy("show", "--no-users", old)[0])
        assert policy("diff", "--no-users", old, new / "c.yaml")[2] == {"changes": [], **NO_PROBLEMS}


def test_diff_says_whose_limit_changes():
    text = ("version: 1\nrules:\n"
            "  - {{id: open, class: config-change, when: {{days: {}, zone: UTC}}, verdict: allow}}\n"
            "  - {{id: eve, caller: {{user: eve}}, command: nvme.set-features, limit: {{count: 1, per: 1d, by: rule}}, "
            "verdict: allow}}\n")
    with folder(a_yaml=text.format("sat")) as old, folder(a_yaml=text.format("sun")) as new:
        out = policy("diff", "--no-users", old, new, code=1)[0]
        assert re.search(rf"^eve: nvme\.set-features .*, Sun .*: limit: 1 per 1d by rule -> none "
                         rf"\(rule open, {new}/a\.yaml:3; before: rule eve, {old}/a\.yaml:4\)$", out, re.M), out


# An /etc and a /run of our own, with what is installed there; $1 is shared with the test.
INSTALLED = """
set -eu
mount -t tmpfs tmpfs /run && cp /etc/passwd /etc/group "$1"
mount -t tmpfs tmpfs /etc && cp "$1/passwd" "$1/group" /etc && chmod 755 /run /etc
echo fwctld:x:4321:4321::/:/bin/false >>/etc/passwd
install -d /etc/fwctld/policy.d
cp "$1"/old/* /etc/fwctld/policy.d
chmod 644 /etc/fwctld/policy.d/*
fwctl=$2
eval "$3" && rc=0 || rc=$?
cp -aR /etc/fwctld "$1/result"
exit $rc
"""
OLD = "version: 1\ndefaults: {read-only: allow}\n"
NEW = "version: 1\nrules:\n  - {id: new, class: read-only, caller: {user: root}, verdict: authenticate}\n"
NEW_CASES = ("version: 1\ntests:\n  - {name: root is asked, caller: {user: root}, command: nvme.identify, "
             "expect: {verdict: authenticate, rule: new}}\n")


def install(script, code=0, **files):
    """Runs a script where 50-a.yaml is installed. Returns what it said, and {name: content} of the folders in /etc."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL,
                                           check=False).returncode != 0:
        raise tap.Skip("only root can make a mount namespace")
    with folder(**files) as base:
        (base / "old").mkdir()
        (base / "old/50-a.yaml").write_text(OLD)
        result = subprocess.run(["unshare", "--mount", "--", "sh", "-c", INSTALLED, "sh", base, FWCTL,
                                 "cd \"$1\"; " + script],
                                capture_output=True, check=False, text=True, timeout=120, env=ENVIRONMENT)
        assert result.returncode == code, (script, result)
        there = {path.name: {file.name: os.readlink(file) if file.is_symlink() else file.read_text()
                             for file in path.iterdir()} for path in (base / "result").iterdir()}
        modes = {(file.stat().st_uid, file.stat().st_mode & 0o7777) for file in (base / "result/policy.d").iterdir()
                 if not file.is_symlink()}
        assert modes == {(0, 0o644)}, modes
        return result, there


FILES = {"60__new_yaml": NEW, "60__new_test_yaml": NEW_CASES}
WHOLE = {"policy.d": {"50-a.yaml": OLD, "60-new.yaml": NEW, "60-new.test.yaml": NEW_CASES}}
UNCHANGED = {"policy.d": {"50-a.yaml": OLD}}


def test_install_puts_files_into_place():
    result, there = install("\"$fwctl\" policy install 60-new.yaml 60-new.test.yaml", **FILES)
    assert there == WHOLE and "1 rule from 2 files, 1 case passed." in result.stdout, result
    assert result.stdout.endswith("Installed. fwctld does not run; it reads the policy when it starts.\n"), result
    # The files of a folder, with a mask; odd modes and a umask change nothing.
    result, there = install("mkdir p; cp 60-* p; chmod 666 p/*; ln -s /dev/null p/50-a.yaml; echo x >p/README; umask 077; "
                            "\"$fwctl\" --json policy install p", **FILES)
    assert there == {"policy.d": {**WHOLE["policy.d"], "50-a.yaml": "/dev/null"}}, there
    found = json.loads(result.stdout)
    assert found["installed"] and not found["reloaded"] and found["cases"] == 1, found
    assert found["files"] == ["50-a.yaml", "60-new.test.yaml", "60-new.yaml"], found
    # A policy that does not load is no reason against one that does.
    result, there = install("echo nonsense >/etc/fwctld/policy.d/60-new.yaml; \"$fwctl\" policy install 60-new.*", **FILES)
    assert there == WHOLE and "What is installed does not load" in result.stdout, result
    # A first file, and links stay links.
    result, there = install("rm -r /etc/fwctld/policy.d; \"$fwctl\" policy install 60-new.yaml", **FILES)
    assert there == {"policy.d": {"60-new.yaml": NEW}}, there
    result, there = install("ln -s 50-a.yaml /etc/fwctld/policy.d/55-b.yaml; \"$fwctl\" policy install 60-new.yaml", **FILES)
    assert there["policy.d"]["55-b.yaml"] == "50-a.yaml", there


def test_a_failed_install_changes_nothing():
    bad_case = NEW_CASES.replace("rule: new", "rule: old")
    for script, code, said, more in (
            ("\"$fwctl\" policy install --dry-run 60-*", 0, "Nothing was changed, because of --dry-run.", {}),
            ("\"$fwctl\" policy install 60-*", 1, "failed: root is asked: expected rule old", {"60__new_test_yaml": bad_case}),
            ("\"$fwctl\" policy install 60-*", 1, "60-new.yaml:3:", {"60__new_yaml": NEW.replace("verdict", "verdct")}),
            ("\"$fwctl\" policy install 60-*", 1, "60-new.test.yaml:3:", {"60__new_test_yaml": NEW_CASES.replace("expect", "expct")}),
            ("\"$fwctl\" policy install none.yaml", 1, "Cannot open none.yaml", {}),
            ("mkdir empty; \"$fwctl\" policy install empty", 1, "There is no file *.yaml to install.", {}),
            ("cp 60-new.yaml a.yml; \"$fwctl\" policy install a.yml", 2, "would not read \"a.yml\"", {}),
            ("mkdir p; cp 60-new.yaml p; \"$fwctl\" policy install p 60-new.yaml", 2, "have the same name", {}),
            ("mkfifo a.yaml; \"$fwctl\" policy install a.yaml", 1, "is no regular file", {}),
            ("FWCTLD_POLICY_DIR=/x \"$fwctl\" policy install 60-*", 2, "FWCTLD_POLICY_DIR is set", {}),
            ("chmod 755 . ; setpriv --reuid 65534 --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search "
             "\"$fwctl\" policy install 60-*", 1, "Only root", {}),
            ("flock /run/fwctl-policy-install.lock \"$fwctl\" policy install 60-*", 1, "Another fwctl policy install is at work", {}),
            ("mkdir /etc/fwctld/policy.d/x; \"$fwctl\" policy install 60-* && r=0 || r=$?; rmdir /etc/fwctld/policy.d/x; (exit $r)",
             1, "\"x\", which is neither a file nor a link", {}),
            ("chmod 700 /etc/fwctld; \"$fwctl\" policy install 60-*", 1, "cannot pass this folder", {}),
            ("chown 65534 /etc/fwctld/policy.d; \"$fwctl\" policy install 60-* && r=0 || r=$?; chown 0 /etc/fwctld/policy.d; (exit $r)",
             1, "/etc/fwctld/policy.d: error: The folder belongs to user 65534", {})):
        result, there = install(script, code, **{**FILES, **more})
        assert there == UNCHANGED and said in result.stdout + result.stderr, (script, result, there)


def test_a_killed_install_leaves_the_old_or_the_new():
    tap.needs("strace")
    seen = []
    # The second renameat2() there would be is the way back; unlinkat() comes when the new ones are in place.
    for call, wanted in (("mkdirat:when=2", UNCHANGED), ("linkat:when=1", UNCHANGED), ("fsync:when=1", UNCHANGED),
                         ("fsync:when=3", UNCHANGED), ("renameat2:when=1", None), ("fsync:when=4", WHOLE),
                         ("unlinkat:when=1", None), ("unlinkat:when=4", WHOLE)):
        name, _, when = call.partition(":")
        # LeakSanitizer and strace exclude each other.
        kill = (f"ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace={name} -e inject={name}:signal=KILL:{when} "
                "\"$fwctl\" policy install 60-new.yaml 60-new.test.yaml || true")
        result, there = install(kill + "; \"$fwctl\" policy check", **FILES)
        there.pop(".policy.d.new", None)
        assert there in (UNCHANGED, WHOLE) and (wanted is None or there == wanted), (call, there, result)
        assert "in order" in result.stdout, result
        seen.append("Installed" not in result.stdout)
        # The next one does not stumble over what is left.
        result, there = install(kill + "; \"$fwctl\" policy install 60-*", **FILES)
        assert there == WHOLE, (call, there, result)
    assert any(seen)


if __name__ == "__main__":
    tap.run(globals())
