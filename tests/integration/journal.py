# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads audit records out of the journal."""
import pathlib
import pwd
import re
import socket

from systemd import journal

from processes import wait_for

NAMES = pathlib.Path("/source/include/fwctld-names.h").read_text()
KINDS = {identifier: name.lower().replace("_", "-")
         for name, identifier in re.findall(r'FWCTLD_MESSAGE_(\w+)\s+"([0-9a-f]{32})"', NAMES)}


class Record(dict):
    """One record: `kind`, and its FWCTLD_ fields by their lower-case names; `raw` is all of it."""

    def __init__(self, raw):
        self.raw = raw
        self.kind = KINDS[raw["MESSAGE_ID"]]
        super().__init__({key[len("FWCTLD_"):].lower(): value.decode(errors="replace")
                          if isinstance(value, bytes) else value
                          for key, value in raw.items() if key.startswith("FWCTLD_")})


class Reader:
    """All records of the broker, in their order; those of this boot, where a machine is booted."""

    def __init__(self):
        self.records = []
        self.reader = journal.Reader(converters={"MESSAGE_ID": bytes.decode})
        self.reader.add_match(_UID=pwd.getpwnam("fwctld").pw_uid)

    def read(self):
        self.reader.wait(0)  # looks for new files
        self.records += [Record(entry) for entry in self.reader if entry.get("MESSAGE_ID") in KINDS]
        return self.records


def sync():
    """What has been sent to journald until now can be read."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("/run/systemd/journal/io.systemd.journal")
        connection.sendall(b'{"method": "io.systemd.Journal.Synchronize"}\0')
        assert connection.recv(4096).startswith(b'{"parameters"')


reader = None


class Journal:
    """What is recorded from now on."""

    def __init__(self):
        global reader
        reader = reader or Reader()
        sync()
        self.start = len(reader.read())

    def records(self, kind=None, **fields):
        return [record for record in reader.read()[self.start:]
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
