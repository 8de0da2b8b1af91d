#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line, against a stub of fwctld (stub_fwctld.py).

tests/data/cli/*.txt are transcripts, each of one mode of the stub: "$ fwctl ..." and what that prints, "2> " before
the lines of standard error, and the exit code. This program with the argument --write writes them anew.
"""
import contextlib
import json
import os
import pathlib
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

import tap
import yaml
from stub_fwctld import HOSTILE, bus, fwctld

FWCTL = os.environ["FWCTLD_CLI"]
TRANSCRIPTS = tap.SOURCE / "tests/data/cli"
# Built by the shell that runs the transcripts' words: nothing of the caller's environment shows.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/",
               **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}}

CATALOGUE = """\
dialect: nvme
summary: A dialect for this test.
envelope: nvme-admin
byte-order: little
opcode: {at: 0, size: 1}
size: 64
places:
  dw10: {at: 40, size: 4}
commands:
  - name: get-log-page
    opcode: 0x02
    summary: Read one log page.
    class: read-only
    reason: a query
    fields:
      lid: {in: dw10, bits: 0-7, default: 2}
    response: {length: 512}
"""
POLICY = """\
version: 1
defaults:
  read-only: allow
rules:
  - id: no-log-pages-for-nobody
    class: [read-only]
    caller: {user: [nobody]}
    command: [nvme.get-log-page]
    verdict: deny
"""


def fwctl(address, *words, data=b"", **environment):
    return subprocess.run([FWCTL, *words], input=data, capture_output=True, check=False, timeout=120,
                          env={**ENVIRONMENT, "DBUS_SYSTEM_BUS_ADDRESS": address, **environment})


def succeed(address, *words, **keywords):
    result = fwctl(address, *words, **keywords)
    assert (result.returncode, result.stderr) == (0, b""), result
    return result.stdout


def document(address, *words, code=0, **keywords):
    """The one JSON document that --json gives, errors too."""
    result = fwctl(address, "--json", *words, **keywords)
    assert (result.returncode, result.stderr) == (code, b""), result
    assert result.stdout.count(b"\n") == 1 and result.stdout.isascii(), result
    return json.loads(result.stdout)


def echo(address, *words, **keywords):
    """What the stub got."""
    return json.loads(bytes.fromhex(document(address, *words, **keywords)["response"]))


def transcript(mode, commands):
    text = ""
    with fwctld(mode) as address:
        for command in commands:
            result = fwctl(address, *shlex.split(command)[1:])
            text += f"$ {command}\n{result.stdout.decode()}"
            text += "".join(f"2> {line}\n" for line in result.stderr.decode().splitlines())
            text += f"[exit {result.returncode}]\n"
    return text


def transcripts():
    for path in sorted(TRANSCRIPTS.glob("*.txt")):
        wanted = path.read_text()
        commands = [line[2:] for line in wanted.splitlines() if line.startswith("$ fwctl")]
        mode = path.stem if path.stem in ("hostile", "wrong", "empty") else "normal"
        yield path, wanted, transcript(mode, commands)


def test_transcripts():
    count = 0
    for path, wanted, got in transcripts():
        assert got == wanted, f"{path.name}:\n{got}"
        count += 1
    assert count >= 5, count


def test_what_is_sent():
    with fwctld() as address:
        got = echo(address, "exec", "/dev/nvme0", "echo", "lid=smart", "rae=", "a=b=c", "--data", "-",
                   "--device-id", "nvme:LAB-NVME-0", "--reason", "LAB-17 größer", data=b"\0\xff")
        assert got == {"member": "Execute", "path": "/org/fwctld1/device/nvme0",
                       "flags": 4,  # ALLOW_INTERACTIVE_AUTHORIZATION
                       "first": "echo", "fields": {"lid": ["s", "smart"], "rae": ["s", ""], "a": ["s", "b=c"]},
                       "data": "00ff", "options": {"device-id": ["s", "nvme:LAB-NVME-0"],
                                                   "reason": ["s", "LAB-17 größer"]}}, got
        # A destructive command needs --device-id so that somebody thinks of it: never filled in.
        assert echo(address, "exec", "nvme0", "echo")["options"] == {}


def test_device_names():
    with fwctld() as address:
        for name in ("nvme0", "/dev/nvme0", "/dev/fwctl/fwctl0", "/dev/cxl/mem0", "nvme:LAB-NVME-0", "LAB-NVME-0"):
            assert document(address, "show", name)["device"]["name"] == "nvme0"
        # The last part of another path may be another device's name.
        for name in ("/dev/mapper/nvme0", "/tmp/nvme0", "./nvme0", "/dev/"):
            assert "DeviceGone" in document(address, "show", name, code=1)["error"]["name"]


def test_hostile_strings_reach_no_terminal():
    verbs = (["list"], ["show", "nvme0"], ["commands", "nvme0"], ["commands", "nvme0", "get-log-page"], ["exec", "nvme0", "get-log-page"],
             ["explain", "nvme0", "x"], ["exec", "nvme0", "error.DeviceRefused"])
    with fwctld("hostile") as address:
        for locale in ("C.UTF-8", "C"):
            for words in verbs:
                result = fwctl(address, *words, LC_ALL=locale)
                shown = (result.stdout + result.stderr).decode()
                assert "A\\x0afwctl: forged\\x0d\\x1b[31m\\x1b]0;title\\x07\\xc2\\x9b2J\\xe2\\x80\\xae\\xe2\\x80" in shown
                bad = re.findall(r"[^\x20-\x7e\nöß]" if locale == "C.UTF-8" else r"[^\x20-\x7e\n]", shown)
                assert not bad, (words, bad)
                assert not re.search(r"^fwctl: forged", shown, re.M), shown
        found = document(address, "list")["devices"][0]
        assert found["name"] == HOSTILE + "nvme0" and found["state"] == HOSTILE + "idle", found
        items = document(address, "exec", "nvme0", "get-log-page")["decoded"]
        assert items[HOSTILE + "entries"][0][HOSTILE + "id"] == 1, items
        error = document(address, "exec", "nvme0", "error.Denied", code=3)["error"]
        assert error["note"] == HOSTILE + "Ask the storage desk.", error


def test_characters_of_the_locale_are_shown():
    with fwctld() as address:
        assert "Größe 9 SSD" in succeed(address, "show", "nvme0").decode()
        assert rb"Gr\xc3\xb6\xc3\x9fe 9 SSD" in succeed(address, "show", "nvme0", LC_ALL="C")


def test_numbers_that_json_readers_round_are_strings():
    with fwctld() as address:
        items = document(address, "exec", "nvme0", "get-log-page")["decoded"]
    assert items["heat"] == -20 and items["drift"] == str(-2 ** 63), items
    assert items["hours"] == 2 ** 53 - 1 and items["power-cycles"] == str(2 ** 64 - 1), items


def test_gigantic_answers():
    with fwctld("giant") as address:
        assert len(document(address, "list")["devices"]) == 20001
        # An endless name must not pad 20000 other lines.
        assert len(succeed(address, "list")) < 4000000
        result = document(address, "exec", "nvme0", "giant")
        assert len(result["response"]) == 2 * 1024 * 1024 and len(result["decoded"]["items"]) == 20000
        assert len(succeed(address, "exec", "nvme0", "giant")) < 12000000


def test_exit_codes():
    codes = {"Denied": 3, "NotAuthenticated": 3, "InvalidRequest": 1, "UnknownCommand": 1, "DeviceGone": 1, "Busy": 1,
             "Timeout": 5, "KernelRefused": 4, "DeviceRefused": 4, "OutcomeUnknown": 5, "AuditUnavailable": 1,
             "QuotaExceeded": 1, "org.freedesktop.DBus.Error.AccessDenied": 3,
             "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired": 3,
             "org.freedesktop.DBus.Error.ServiceUnknown": 6, "org.freedesktop.DBus.Error.Spawn.ChildExited": 6,
             "org.freedesktop.systemd1.NoSuchUnit": 6, "org.freedesktop.DBus.Error.NoReply": 5,
             "org.freedesktop.DBus.Error.UnknownObject": 1, "org.example.Other": 1}
    header = (tap.SOURCE / "include/fwctld-names.h").read_text()
    ours = re.findall(r'FWCTLD_ERROR_PREFIX "(\w+)"', header)
    assert set(ours) == {name for name in codes if "." not in name}, ours
    with fwctld() as address:
        for name, code in codes.items():
            for command in (f"error.{name}", f"odd-error.{name}", f"bare-error.{name}"):
                error = document(address, "exec", "nvme0", command, code=code)["error"]
                assert error["name"].endswith(name) and error["message"], error
        # Nothing was to be carried out.
        assert fwctl(address, "explain", "nvme0", "error.org.freedesktop.DBus.Error.NoReply").returncode == 6


def test_no_bus_and_no_daemon():
    assert "system bus" in document("unix:path=/nonexistent", "list", code=6)["error"]["message"]
    with bus() as address:
        assert "ServiceUnknown" in document(address, "list", code=6)["error"]["name"]


def test_a_daemon_that_dies_leaves_the_outcome_unknown():
    with fwctld() as address:
        assert "NoReply" in document(address, "exec", "nvme0", "vanish", code=5)["error"]["name"]


def test_only_the_daemon_ends_an_execute():
    with fwctld() as address:
        succeed(address, "exec", "nvme0", "slow", SYSTEMD_BUS_TIMEOUT="1s")
        error = document(address, "explain", "nvme0", "slow", code=6, SYSTEMD_BUS_TIMEOUT="1s")["error"]
        assert "NoReply" in error["name"], error


def test_text_that_is_no_utf_8_is_not_sent():
    with fwctld() as address:
        for words in (["show", b"nvme\xff"], ["exec", "nvme0", b"a\xc0\x80"], ["exec", "nvme0", "echo", b"a=\xed\xa0\x80"],
                      ["exec", "nvme0", "echo", b"\xf4\x90\x80\x80=1"], ["exec", "nvme0", "echo", "--reason", b"\xe2\x82"]):
            error = document(address, *words, code=1)["error"]
            assert "is not valid UTF-8" in error["message"] and "name" not in error, error


def test_output_goes_to_the_file():
    with fwctld() as address, tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "out")
        path.write_bytes(b"old" * 100)
        # A refused command leaves the file alone.
        assert fwctl(address, "exec", "nvme0", "error.Denied", "--output", path).returncode == 3
        assert path.read_bytes() == b"old" * 100
        shown = succeed(address, "exec", "nvme0", "get-log-page", "--output", path)
        assert path.read_bytes() == bytes(range(64)) and f"64 bytes are in {path}".encode() in shown
        assert b"temperature" in shown
        shown = succeed(address, "exec", "nvme0", "identify", "--output", path)
        assert b"00000000:" not in shown, shown
        assert succeed(address, "exec", "nvme0", "get-log-page", "--output", "-") == bytes(range(64))
        assert document(address, "exec", "nvme0", "identify", "--output", path)["status"] == 0x10b
        succeed(address, "exec", "nvme0", "identify", "--output", "/dev/null")
        document(address, "exec", "nvme0", "identify", "--output", "-", code=2)
        # Opened before the command is sent: "vanish" would be 5.
        document(address, "exec", "nvme0", "vanish", "--output", pathlib.Path(folder, "none", "out"), code=1)
        error = document(address, "exec", "nvme0", "identify", "--output", "/dev/full", code=1)["error"]
        assert "carried out request" in error["message"], error


def test_data_comes_from_the_file():
    with fwctld() as address, tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "data")
        for size in (0, 65536):
            path.write_bytes(b"\x5a" * size)
            assert echo(address, "exec", "nvme0", "echo", "--data", path)["data"] == "5a" * size
        path.write_bytes(bytes(65537))
        for name in (path, "/dev/zero"):
            assert "more than 65536 bytes" in document(address, "exec", "nvme0", "echo", "--data", name,
                                                       code=1)["error"]["message"]
        assert "No such file" in document(address, "exec", "nvme0", "echo", "--data", "/nonexistent",
                                          code=1)["error"]["message"]


def test_a_value_comes_from_a_file():
    with fwctld() as address, tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "secret")
        for content, value in ((b"00ff\n", "00ff"), (b"a\n\n", "a\n"), (b"", ""), (b"x" * 4096, "x" * 4096)):
            path.write_bytes(content)
            assert echo(address, "exec", "nvme0", "echo", f"key=@{path}")["fields"] == {"key": ["s", value]}
        for content, wrong in ((b"x" * 4097, "more than 4096 bytes"), (b"a\0b", "zero byte")):
            path.write_bytes(content)
            error = document(address, "exec", "nvme0", "vanish", f"key=@{path}", code=1)["error"]
            assert wrong in error["message"], error
        document(address, "exec", "nvme0", "vanish", f"key=@{folder}/none", code=1)


def on_terminal(address, *words, path="/usr/bin:/bin", **environment):
    """fwctl at a terminal, as a user that is not root (of a user namespace of its own); what it shows."""
    command = [FWCTL, *words]
    if os.geteuid() == 0:
        command = ["/usr/bin/unshare", "--user", "--map-user=1000", "--map-group=1000", "--", *command]
        if subprocess.run([*command[:5], "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            raise tap.Skip("no user namespace can be made here")
    terminal, ours = pty.openpty()
    with subprocess.Popen(command, stdin=ours, stdout=ours, stderr=ours, start_new_session=True,
                          env={**ENVIRONMENT, "DBUS_SYSTEM_BUS_ADDRESS": address, "PATH": path, **environment}) as child:
        os.close(ours)
        shown = b""
        with contextlib.suppress(OSError):  # the last one at the terminal has left it
            while chunk := os.read(terminal, 65536):
                shown += chunk
    os.close(terminal)
    return child.returncode, shown.decode().replace("\r\n", "\n")


def test_a_terminal_is_not_flooded():
    with fwctld() as address:
        code, shown = on_terminal(address, "exec", "nvme0", "long")
        lines = shown.splitlines()
        assert code == 0 and lines[-1] == "These are the first 65536 of 70000 bytes; --output FILE keeps all of them."
        assert lines[-3].startswith("0000fff0:") and "00010000:" not in shown
        piped = succeed(address, "exec", "nvme0", "long").splitlines()
        assert piped[-1].startswith(b"00011160:")


def test_a_polkit_agent_runs_while_polkit_asks():
    with fwctld() as address, tempfile.TemporaryDirectory() as folder:
        agent, log = pathlib.Path(folder, "pkttyagent"), pathlib.Path(folder, "log")
        os.chmod(folder, 0o755)
        # Says when it is ready by closing the descriptor, and stays until it is ended.
        agent.write_text("#!/bin/sh\n[ \"$1\" = --notify-fd ] || exit 1\n"
                         f"trap 'echo ended >>{log}; exit' TERM\necho ready >>{log}\neval \"exec $2>&-\"\n"
                         "while :; do sleep 0.05; done\n")
        agent.chmod(0o755)
        path = f"{folder}:/usr/bin:/bin"
        assert on_terminal(address, "exec", "nvme0", "authenticated", path=path)[0] == 0
        assert log.read_text() == "ready\nended\n"
        log.unlink()
        # Nobody waits for polkit who need not, and nothing is started where nobody could answer.
        on_terminal(address, "exec", "nvme0", "identify", path=path)
        succeed(address, "exec", "nvme0", "authenticated", PATH=path)
        assert not log.exists()
        # It is not everywhere.
        code, shown = on_terminal(address, "exec", "nvme0", "authenticated", path=folder + "/none")
        assert code == 0 and shown.startswith("request: "), shown


def test_a_terminal_gets_lines_that_fit():
    with fwctld() as address:
        for columns, words in ((80, ["commands", "nvme0"]), (80, ["commands", "nvme0", "format-nvm"]),
                               (60, ["commands", "nvme0", "keep-alive"]), (60, ["show", "nvme7"])):
            shown = on_terminal(address, *words, COLUMNS=str(columns))[1]
            assert max(map(len, shown.splitlines())) <= columns, shown
        # Only a word that is longer than its column reaches further.
        assert "  immediate-data-change\n" in on_terminal(address, "commands", "nvme0", COLUMNS="60")[1]
        shown = on_terminal(address, "commands", "nvme0", "format-nvm", COLUMNS="60")[1]
        assert ("  reason:         the device reports that this may change\n"
                "                  the content of logical blocks (LBCC)\n") in shown, shown
        # A column that next to nothing is left for is cut.
        assert "  immedia...\n" in on_terminal(address, "commands", "nvme0", COLUMNS="55")[1]


def test_a_reader_that_has_seen_enough_is_no_error():
    with fwctld("giant") as address:
        reader, writer = os.pipe()
        os.close(reader)
        # As a service starts it: with the signal ignored.
        result = subprocess.run([FWCTL, "list"], stdout=writer, stderr=subprocess.PIPE, check=False,
                                restore_signals=False,
                                env={**ENVIRONMENT, "DBUS_SYSTEM_BUS_ADDRESS": address})
        os.close(writer)
        assert result.returncode == -signal.SIGPIPE and not result.stderr, result


def test_a_full_disk_is_no_success():
    with fwctld() as address, open("/dev/full", "wb") as full:
        result = subprocess.run([FWCTL, "list"], stdout=full, stderr=subprocess.PIPE, check=False,
                                env={**ENVIRONMENT, "DBUS_SYSTEM_BUS_ADDRESS": address})
        assert result.returncode == 1 and b"could not be written" in result.stderr, result


def policy_check(folder, *words, code, policy_dir=None):
    environment = {"FWCTLD_COMMANDS_DIR": f"{folder}/commands"}
    if policy_dir:
        environment["FWCTLD_POLICY_DIR"] = str(policy_dir)
    # No bus at all: a policy is checked without the daemon.
    result = fwctl("unix:path=/nonexistent", "policy", "check", *words, **environment)
    assert result.returncode == code, result
    found = document("unix:path=/nonexistent", "policy", "check", *words, code=code, **environment)
    return result.stdout.decode(), result.stderr.decode(), found


def test_policy_check():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "commands").mkdir()
        (folder / "commands/nvme.yaml").write_text(CATALOGUE)
        good, bad = folder / "good.yaml", folder / "bad.yaml"
        good.write_text(POLICY)
        good.chmod(0o666)  # the daemon would refuse it; for whoever works on it, it is only a text
        bad.write_text(POLICY.replace("verdict: deny", "verdct: deny").replace("read-only: allow", "read-only: alow"))

        out, err, found = policy_check(folder, good, code=0)
        assert out == "The policy is in order: 1 rule from 1 file.\n" and not err, (out, err)
        assert found == {"rules": 1, "files": 1, "errors": 0, "warnings": 0, "problems": []}, found

        out, err, found = policy_check(folder, good, bad, code=1)
        assert re.search(rf"^{re.escape(str(bad))}:3:14: error: ", out, re.M), out
        assert re.search(rf"^{re.escape(str(bad))}:9:\d+: error: ", out, re.M), out
        assert re.fullmatch(r"fwctl: The policy has \d+ errors\.\n", err), err
        problems = found["error"]["problems"]
        assert len(problems) == len(out.splitlines()) and problems[0]["severity"] == "error", found
        assert problems[0]["file"] == str(bad) and problems[0]["line"] == 3 and problems[0]["column"] == 14, found

        out, err, found = policy_check(folder, folder / "none.yaml", code=1)
        assert "none.yaml" in out + err and "No such file" in out + err, (out, err)

        # Control characters of a file do not reach the terminal either.
        bad.write_text('version: 1\nrules:\n  - id: "\\e[31m\\n"\n    verdict: "\\e[31m"\n')
        out, err, found = policy_check(folder, bad, code=1)
        assert "\x1b" not in out + err and "error:" in out, (out, err)

        # A folder: merged as the daemon does it.
        (folder / "policy.d").mkdir()
        shutil.copy(good, folder / "policy.d/50-a.yaml")
        out, err, found = policy_check(folder, code=0, policy_dir=folder / "policy.d")
        assert found["rules"] == 1, found

        (folder / "commands/nvme.yaml").write_text(CATALOGUE.replace("opcode: 0x02", "opcode: many"))
        out, err, found = policy_check(folder, good, code=1)
        assert re.search(r"nvme\.yaml:\d+:\d+: error: ", out) and "The catalogue has" in err, (out, err)


CATALOGUES = ("policy/commands", "tests/data/commands/dialects")
# What a document's cells must not say, a command that is never sent, and one that nobody described.
ODD = """\
dialect: odd
summary: A dialect for this test.
envelope: fwctl-rpc
byte-order: big
opcode: {at: 0, size: 2}
status: {at: 0, size: 1}
size: 16
kernel-capabilities: {inline: 0, dma: 3}
commands:
  - name: registers-a
    opcode: 0x0805
    summary: A register.
    class: read-only
    reason: a | b
    scope: 1
    needs: dma
    fields:
      op-mod: {at: 6, size: 2, select: 1}
      register: {at: 10, size: 2, select: 0x9020}
      flags: {at: 12, size: 1, default: 0, names: {x-y: 1, z: 3}}
    response: {length: 272}
    refine:
      - {when: {flags: "1-3"}, class: config-change, effects: [immediate-log-change, confidential],
         reason: 'a \\`code\\` *bold* _word_ <b> [link](x) &amp; \\ end \\| of it'}
  - name: registers-b
    opcode: 0x0805
    summary: Another register.
    class: destructive
    reason: writes | firmware
    refused: its addresses | are physical
    effects: [firmware-change, persistent]
    fields:
      op-mod: {at: 6, size: 2, select: 0}
      register: {at: 10, size: 2, select: 0x9020}
  - name: riddle
    opcode: 0x0806
    summary: Nobody knows.
    class: destructive
    reason: a riddle
    size: unknown
"""


def markdown_rows(text):
    """The rows of every table, by dialect; a pipe with a backslash before it ends no cell."""
    tables, cells, heading = {}, None, None
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line[3:].partition(":")[0]
            cells = tables.setdefault(heading, [])
        elif line.startswith("|") and heading:
            cells.append([cell.strip() for cell in re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1]])
    for heading, rows in tables.items():
        assert rows or "\nNone comes with fwctld; " in text, heading
        assert not rows or rows[0] == ["Command", "Opcode", "When", "Class", "Hazards", "Other effects", "Scope", "Data", "Reason"]
        assert all(len(row) == len(rows[0]) and all(row) for row in rows), heading
        tables[heading] = rows[2:]
    return tables


def catalogue(folder, *words):
    # No bus at all.
    return succeed("unix:path=/nonexistent", "commands", "--all", *words, FWCTLD_COMMANDS_DIR=str(folder)).decode()


def test_every_command_of_the_catalogue_has_its_rows():
    for folder in CATALOGUES:
        folder = tap.SOURCE / folder
        text = catalogue(folder, "--format=markdown")
        tables = markdown_rows(text)
        rows = json.loads(catalogue(folder, "--json"))["commands"]
        human = catalogue(folder)
        wanted = [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))]
        assert len(wanted) >= 2 and list(tables) == [dialect["dialect"] for dialect in wanted], list(tables)
        for dialect in wanted:
            name = dialect["dialect"]
            for command in dialect["commands"]:
                full = f"{name}.{command['name']}"
                own = [row for row in tables[name] if row[0] == f"`{full}`"]
                # One for each refinement, one for the rest, and one for each addition under a condition.
                least = len(command.get("refine", [])) + 1 + sum("when" in case for case in command.get("also", []))
                assert len(own) == least + ("absent" in command.get("live", {})), (full, own)
                assert len(own) == sum(row["command"] == full for row in rows), full
                assert len({row[2] for row in own}) == len(own), own
                assert all(int(row[1].strip("`").split()[0], 16) == command["opcode"] for row in own), own
                assert all(row[3] in ("read-only", "config-change", "destructive") and row[8] != "-" for row in own)
                # What an addition adds has its own reason; where the command is never sent there is one row.
                reasons = [re.sub(r"\\(.)", r"\1", row[8]) for row in own]
                assert all(case["reason"] in reasons for case in command.get("also", []) if "when" in case), own
                assert f"\n{full}, opcode " in "\n" + human, full
            assert {row[0][1:-1] for row in tables[name]} == {f"{name}.{c['name']}" for c in dialect["commands"]}
            assert [row[0] for row in markdown_rows(catalogue(folder, "--format=markdown", name))[name]] == \
                [row[0] for row in tables[name]]
        assert all(row["reason"] and row["class"] and "..." not in row["when"] for row in rows)
        assert text == catalogue(folder, "--format=markdown")


def test_without_a_device_nothing_is_taken_for_reported():
    rows = markdown_rows(catalogue(tap.SOURCE / "policy/commands", "--format=markdown", "cxl"))["cxl"]
    feature = [row for row in rows if row[0] == "`cxl.set-feature`"]
    assert feature[-1][2:4] == ["what the device does not report", "destructive"], feature
    assert {row[3] for row in feature[:-1]} == {"config-change"}, feature
    assert not any("report" in row[8] for row in feature[:-1]), feature


def test_the_catalogue_as_a_document():
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "odd.yaml").write_text(ODD)
        data = "message 16; from the device 272; kernel with dma"
        found = markdown_rows(catalogue(folder, "--format=markdown"))["odd"]
        assert found == [
            ["`odd.registers-a`", "`0x0805 op-mod=0x1 register=0x9020`", "`flags=0x1-0x3`", "config-change", "confidential",
             "immediate-log-change", "1", data,
             r"a \\\`code\\\` \*bold\* \_word\_ \<b\> \[link\](x) \&amp; \\ end \\\| of it"],
            ["`odd.registers-a`", "`0x0805 op-mod=0x1 register=0x9020`", "otherwise", "read-only", "-", "-", "1", data,
             r"a \| b"],
            ["`odd.registers-b`", "`0x0805 op-mod=0x0 register=0x9020`", "never sent", "destructive", "persistent",
             "firmware-change", "-", "-", r"writes \| firmware; it is never sent: its addresses \| are physical"],
            ["`odd.riddle`", "`0x0806`", "never sent", "destructive", "-", "-", "-", "-",
             "a riddle; it is never sent: how its message is laid out is published nowhere"]], found
        found = json.loads(catalogue(folder, "--json", "odd"))["commands"]
        assert [row["select"] for row in found] == [{"op-mod": 1, "register": 0x9020}] * 2 + [
            {"op-mod": 0, "register": 0x9020}, {}], found
        assert [row.get("refused", "")[:3] for row in found] == ["", "", "its", "how"], found
        assert found[0]["effects"] == ["immediate-log-change", "confidential"] and found[0]["scope"] == 1, found
        assert "scope" not in found[2], found
        code, shown = on_terminal("none:", "commands", "--all", FWCTLD_COMMANDS_DIR=folder, COLUMNS="80")
        assert code == 0 and max(map(len, shown.splitlines())) <= 80, shown
        assert ("odd.registers-b, opcode 0x0805 op-mod=0x0 register=0x9020: Another register.\n"
                "  - never sent: destructive, firmware-change, persistent: writes | firmware; it\n"
                "    is never sent: its addresses | are physical\n") in shown, shown
        pathlib.Path(folder, "none.yaml").write_text(re.sub(r"(?s)commands:.*", "commands: []\n", ODD).replace(": odd", ": none"))
        assert markdown_rows(catalogue(folder, "--format=markdown"))["none"] == []
        assert catalogue(folder, "none").startswith("Of none no command is known; ")
        error = document("none:", "commands", "--all", "nvme", FWCTLD_COMMANDS_DIR=folder, code=1)["error"]
        assert "no dialect \"nvme\"" in error["message"], error
        pathlib.Path(folder, "odd.yaml").write_text(ODD.replace("0x0806", "many"))
        error = document("none:", "commands", "--all", FWCTLD_COMMANDS_DIR=folder, code=1)["error"]
        assert re.search(r"The catalogue has 1 error; .*odd\.yaml:\d+:\d+: error: ", error["message"]), error
        error = document("none:", "commands", "--all", FWCTLD_COMMANDS_DIR=folder + "/none", code=1)["error"]
        assert "No such file" in error["message"], error


# The installed folders, as a mount namespace of our own has them.
INSTALL = """
set -eu
mount -t tmpfs tmpfs /usr/share && mount -t tmpfs tmpfs /run && cp /etc/passwd "$1/passwd"
mount -t tmpfs tmpfs /etc && cp "$1/passwd" /etc/passwd && chmod 755 /usr/share /run /etc
echo fwctld:x:4321:4321::/:/bin/false >>/etc/passwd
install -d /usr/share/fwctld/commands /usr/share/fwctld/policy.d /etc/fwctld/policy.d
install -m 644 "$1/nvme.yaml" /usr/share/fwctld/commands/nvme.yaml
install -m 644 "$1/50-a.yaml" /usr/share/fwctld/policy.d/50-a.yaml
eval "$2"
exec "$3" --json policy check
"""


def test_installed_files_are_judged_as_the_daemon_will():
    cases = {  # what is done to them -> what is said of it; None: they are in order
        ":": None,
        "chmod 600 /usr/share/fwctld/policy.d/50-a.yaml; ln -s /dev/null /etc/fwctld/policy.d/50-a.yaml": None,
        "chmod 640 /usr/share/fwctld/policy.d/50-a.yaml; chgrp 4321 /usr/share/fwctld/policy.d/50-a.yaml": None,
        "chmod 640 /usr/share/fwctld/policy.d/50-a.yaml": ("policy.d/50-a.yaml", "cannot read this (mode 0640)"),
        "chmod 640 /usr/share/fwctld/commands/nvme.yaml": ("commands/nvme.yaml", "cannot read this"),
        "chmod 711 /usr/share/fwctld/policy.d": ("share/fwctld/policy.d", "cannot read this"),
        "chmod 700 /etc/fwctld": ("/etc/fwctld", "cannot pass this folder"),
        "chmod 664 /usr/share/fwctld/policy.d/50-a.yaml": ("50-a.yaml", "can write"),
        "chmod 775 /etc/fwctld/policy.d": ("/etc/fwctld/policy.d", "can write"),
        "chown 65534 /usr/share/fwctld/policy.d/50-a.yaml": ("50-a.yaml", "must belong to root"),
        "chown 65534 /usr/share/fwctld/commands": ("fwctld/commands", "must belong to root"),
    }
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL,
                                           check=False).returncode != 0:
        raise tap.Skip("only root can make a mount namespace")
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "nvme.yaml").write_text(CATALOGUE)
        pathlib.Path(folder, "50-a.yaml").write_text(POLICY)
        for change, wanted in cases.items():
            result = subprocess.run(["unshare", "--mount", "--", "sh", "-c", INSTALL, "sh", folder, change, FWCTL],
                                    capture_output=True, check=False, env=ENVIRONMENT)
            assert not result.stderr, (change, result)
            found = json.loads(result.stdout)
            if not wanted:
                assert result.returncode == 0 and "rules" in found, (change, result)
                continue
            problems = found["error"]["problems"]
            assert result.returncode == 1 and len(problems) == 1, (change, result)
            assert problems[0]["file"].endswith(wanted[0]) and wanted[1] in problems[0]["text"], (change, result)
            assert "line" not in problems[0] and "column" not in problems[0], (change, result)


def test_policy_check_stands_by_its_exit_code():
    with tempfile.TemporaryDirectory() as name:
        out, err, _ = policy_check(name, code=1)
        assert "catalogue" in err, (out, err)


def test_header_is_c99_and_cxx11():
    use = ('#include "include/fwctld.h"\n#include "include/fwctld-names.h"\n'
           "int main(void)\n{\n\tstruct fwctld_request request;\n\tstruct fwctld_result *result = 0;\n"
           "\trequest.command = FWCTLD_BUS_NAME;\n"
           "\treturn fwctld_execute(0, request.command, &request, &result);\n}\n")
    compilers = {"c": [c for c in ("gcc", "clang") if shutil.which(c)],
                 "c++": [c for c in ("g++", "clang++") if shutil.which(c)]}
    if not all(compilers.values()):
        raise tap.Skip("no C++ compiler is installed")
    for language, standard in (("c", "c99"), ("c++", "c++11")):
        for compiler in compilers[language]:
            result = subprocess.run([compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic",
                                     "-Werror", "-fsyntax-only", f"-I{tap.SOURCE}", "-"], input=use,
                                    capture_output=True, text=True, check=False)
            assert result.returncode == 0, result.stderr


def test_help_and_manual_page_agree_with_the_program():
    page = (tap.SOURCE / "docs/fwctl.1").read_text().replace("\\-", "-")
    shown = succeed("none:", "--help").decode()
    source = (tap.SOURCE / "client/fwctl.c").read_text()
    options = re.findall(r'^\t\{"([a-z-]+)", \w+_argument', source, re.M)
    verbs = re.findall(r'^\t\{"([a-z]+)", (?:NULL|"([a-z]+)"),\s*"', source, re.M)
    verbs = [" ".join(filter(None, verb)) for verb in verbs]
    assert len(options) == 20 and len(verbs) == 14, (options, verbs)
    for option in options:
        assert f"--{option}" in shown and f"-{option}" in page, option
    for verb in verbs:
        assert f"fwctl {verb}" in shown and re.search(rf"^\.(It )?Cm {verb}", page, re.M), verb


def test_examples_of_the_manual_page_run():
    """Their words are right: the stub answers what comes, and their fields are the catalogue's."""
    page = (tap.SOURCE / "docs/fwctl.1").read_text()
    page = re.sub(r" \\e\n *", " ", page.replace("\\-", "-"))
    examples = re.findall(r"^(?:\.Dl )?\$ (fwctl .*)$", page, re.M)
    assert len(examples) >= 6, examples
    commands = {}
    for dialect in ("nvme", "cxl"):
        catalogue = yaml.safe_load((tap.SOURCE / f"policy/commands/{dialect}.yaml").read_text())
        commands |= {f"{dialect}.{command['name']}": command for command in catalogue["commands"]}
    with fwctld() as address:
        for example in examples:
            words = shlex.split(example.partition("|")[0])[1:]
            result = fwctl(address, *(word.replace("@key.txt", "00") for word in words),
                           **({"FWCTLD_COMMANDS_DIR": str(tap.SOURCE / "policy/commands")} if "--all" in words else {}))
            if "policy" in words:
                # Of files and users that are not here; their words are right. 2 is trouble, for diff.
                assert result.returncode in (0, 1, 2 if {"diff", "replay"} & set(words) else 0), (example, result)
                assert b"xpected" not in result.stderr and b"option" not in result.stderr, (example, result)
                continue
            assert result.returncode == 0, (example, result)
            verb = words.index("exec") if "exec" in words else words.index("explain") if "explain" in words else None
            if verb is None:
                continue
            dialect = "nvme" if words[verb + 1].startswith("nvme") else "cxl"
            fields = commands[f"{dialect}.{words[verb + 2].removeprefix(dialect + '.')}"].get("fields", {})
            given = {word.partition("=")[0] for word in words[verb + 3:] if "=" in word and not word.startswith("-")}
            assert given <= set(fields), (example, given)
            missing = {name for name, field in fields.items()
                       if "default" not in field and "fixed" not in field} - given
            assert not missing, (example, missing)


if __name__ == "__main__" and "--write" in sys.argv:
    for transcript_path, _, text in transcripts():
        transcript_path.write_text(text)
else:
    tap.run(globals())
