# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a journal file of any records, trusted fields included, as no client of journald can.

systemd-journal-remote(8) takes the journal's export format (systemd.io/JOURNAL_EXPORT_FORMATS).
"""
import os
import struct
import subprocess

PROGRAM = "/lib/systemd/systemd-journal-remote"
BOOT = "0123456789abcdef0123456789abcdef"


def entry(usec, fields):
    """fields: pairs of a name and a value, of any bytes; a name can stand there twice."""
    data = f"__REALTIME_TIMESTAMP={usec}\n__MONOTONIC_TIMESTAMP={usec}\n_BOOT_ID={BOOT}\n".encode()
    for name, value in fields:
        value = value if isinstance(value, bytes) else str(value).encode()
        data += name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return data + b"\n"


def write(path, entries):
    """entries: of entry(), in the order of their times."""
    environment = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    subprocess.run([PROGRAM, f"--output={path}", "-"], input=b"".join(entries), check=True, capture_output=True,
                   env={"PATH": "/usr/bin:/bin", "SYSTEMD_LOG_LEVEL": "err", **environment})
