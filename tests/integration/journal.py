# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads audit records out of the journal."""
import json
import pathlib
import pwd
import re
import subprocess

from processes import wait_for

NAMES = pathlib.Path("/source/include/fwctld-names.h").read_text()
KINDS = {identifier: name.lower().replace("_", "-")
         for name, identifier in re.findall(r'FWCTLD_MESSAGE_(\w+)\s+"([0-9a-f]{32})"', NAMES)}


class Record(dict):
    """One record: `kind`, and its FWCTLD_ fields by their lower-case names; `raw` is all of it."""

    def __init__(self, raw):
        self.raw = raw
        self.kind = KINDS.get(raw.get("MESSAGE_ID"))
        super().__init__({key[len("FWCTLD_"):].lower(): bytes(value).decode(errors="replace")
                          if isinstance(value, list) and all(isinstance(v, int) for v in value) else value
                          for key, value in raw.items() if key.startswith("FWCTLD_")})


def read(since=None):
    """All records of the broker that came after the cursor."""
    command = ["journalctl", "--directory=/var/log/journal", "--output=json", "--all", "--no-pager", "--quiet"]
    if since:
        command.append(f"--after-cursor={since}")
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()
    # Not by a match of journalctl's: with one, it skips the first record after a cursor that does not match.
    uid = str(pwd.getpwnam("fwctld").pw_uid)
    records = [record for record in map(Record, map(json.loads, lines)) if record.raw.get("_UID") == uid]
    return [record for record in records if record.kind]


def cursor():
    # What earlier senders left in journald's queue is not from now on.
    subprocess.run(["journalctl", "--sync"], check=True)
    output = subprocess.run(
        ["journalctl", "--directory=/var/log/journal", "--lines=1", "--output=json", "--quiet"],
        check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output)["__CURSOR"] if output.strip() else None


class Journal:
    """What is recorded from now on."""

    def __init__(self):
        self.since = cursor()

    def records(self, kind=None, **fields):
        return [record for record in read(self.since)
                if (kind is None or record.kind == kind)
                and all(record.get(key) == value for key, value in fields.items())]

    def wait(self, kind, count=1, seconds=10, **fields):
        """At least `count` records of this kind; the first one if that is what was asked for."""
        def enough():
            found = self.records(kind, **fields)
            return found if len(found) >= count else None
        found = wait_for(enough, f"{count} record(s) {kind} {fields}", seconds)
        return found[0] if count == 1 else found

    def callers(self, count):
        """Whose `count` commands were sent, in that order, without what fwctld itself asks devices."""
        def names():
            found = [record["caller_name"] for record in self.records("intent")
                     if record["caller_name"] != "fwctld itself"]
            return found if len(found) >= count else None
        return wait_for(names, f"{count} intents of callers")
