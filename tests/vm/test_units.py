# SPDX-License-Identifier: LGPL-2.1-or-later
"""The processes under their units: what they hold, how much memory they take, and what they leave in the journal."""
import os
import pathlib
import pwd
import re

import pytest
from systemd import journal as systemd_journal

import journal
import machine
from test_footprint import KIB, private, resident

CAP_SYS_ADMIN = 1 << 21


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def capabilities(pid):
    fields = status(pid)
    return {int(fields[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")}


def devices(pid):
    """The numbers of the device nodes that it has open, by descriptor."""
    return {link.name: link.stat().st_rdev for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()
            if link.is_char_device() and link.stat().st_rdev != os.stat("/dev/null").st_rdev}


def test_the_broker_holds_nothing(fwctld):
    pid = fwctld.broker.pid
    assert status(pid)["Uid"].split() == [str(pwd.getpwnam("fwctld").pw_uid)] * 4
    assert capabilities(pid) == {0} and status(pid)["NoNewPrivs"] == "1"
    assert devices(pid) == {}


def test_an_executor_holds_its_device_alone(fwctld):
    executors = fwctld.monitor.children()
    held = set()
    for pid in executors:
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        assert status(pid)["Uid"].split() == [str(pwd.getpwnam("fwctl-exec").pw_uid)] * 4
        assert status(pid)["Seccomp"] == "2" and status(pid)["NoNewPrivs"] == "1"
        capability = CAP_SYS_ADMIN if b"nvme-admin" in command else 0
        assert capabilities(pid) <= {capability, 0} and int(status(pid)["CapEff"], 16) == capability, command
        assert set(os.listdir(f"/proc/{pid}/fd")) <= {"0", "1", "2", "3", "4"} and set(devices(pid)) == {"4"}
        held.add(devices(pid)["4"])
    assert {os.stat(device.node).st_rdev for device in fwctld.devices} <= held
    assert len(held) == len(executors)


def test_memory(fwctld, alice):
    for _ in range(20):
        alice.nvme.smart()
        alice.cxl.execute("cxl.get-supported-features", {})
    sizes = [private(pid) for pid in fwctld.monitor.children()]
    broker = resident(fwctld.broker.pid)
    print(f"broker {broker // KIB} KiB resident, executors at most {max(sizes) // KIB} KiB private")
    assert broker <= 10 * KIB * KIB
    assert max(sizes) <= 400 * KIB


@pytest.mark.parametrize("unit,most", [("fwctld.service", 9), ("fwctld-monitor.service", 22)])
def test_units_are_confined(fwctld, unit, most):
    said = machine.run("systemd-analyze", "security", "--no-pager", f"--threshold={most}", unit)
    print(said.decode().splitlines()[-1])


@pytest.mark.parametrize("kind", sorted(journal.KINDS.values()))
def test_each_kind_of_record_has_its_catalog_text(kind):
    identifier, = (known for known, name in journal.KINDS.items() if name == kind)
    text = systemd_journal.get_catalog(identifier)
    assert re.match(r"Subject: \S.*\nDefined-By: fwctld\n", text) and "\n\n" in text


def test_each_record_of_this_boot_has_its_catalog_text(fwctld, alice):
    alice.nvme.smart()
    fwctld.journal.wait("outcome", caller_name="alice")
    reader = systemd_journal.Reader()
    reader.this_boot()
    reader.add_match(_SYSTEMD_UNIT="fwctld.service", _UID=pwd.getpwnam("fwctld").pw_uid)
    kinds = set()
    while entry := reader.get_next():
        if "MESSAGE_ID" not in entry:
            continue
        kinds.add(journal.KINDS[entry["MESSAGE_ID"].hex])
        text = reader.get_catalog()
        assert text.startswith("Subject: ") and "@FWCTLD_" not in text, text
    assert {"started", "policy-loaded", "device-added", "intent", "outcome"} <= kinds
