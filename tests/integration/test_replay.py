# SPDX-License-Identifier: LGPL-2.1-or-later
"""`fwctl policy replay`: real requests, out of the real journal, decided by another policy.

On the private bus no unit stands behind the broker, and journald knows none: what it wrote is copied into a journal
file of its own, as of the unit fwctld.service, where the machine's journal is. tests/vm has the unit itself.
"""
import contextlib
import json
import pathlib
import pwd
import re
import subprocess
import time

import pytest

import journal
import journal_file
import suite
from bench import POLICY
from client import BusError

FORMAT = ("nvme.format-nvm", {"nsid": 1, "lbaf": 0})


def since_now():
    """A time that --since takes, and that is later than everything which was recorded."""
    second = int(time.time()) + 1
    time.sleep(second - time.time())
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


@contextlib.contextmanager
def attributed(uid=None, unit="fwctld.service"):
    """The broker's records are there as its unit's; `uid` as of another user."""
    if suite.BOOTED:
        yield
        return
    folder = pathlib.Path("/var/log/journal", pathlib.Path("/etc/machine-id").read_text().strip())
    number = pwd.getpwnam("fwctld").pw_uid
    text = subprocess.run(["journalctl", "--output=export", f"--directory={folder}", f"_UID={number}"],
                          stdout=subprocess.PIPE, check=True).stdout
    text = re.sub(rb"\n_SYSTEMD_UNIT=[^\n]*", b"", text)
    text = text.replace(b"\n_BOOT_ID=", f"\n_SYSTEMD_UNIT={unit}\n_BOOT_ID=".encode())
    if uid is not None:
        text = text.replace(f"\n_UID={number}\n".encode(), f"\n_UID={uid}\n".encode())
    path = folder / "attributed.journal"
    journal_file.write(path, [text])
    try:
        yield
    finally:
        path.unlink()


def replay(since, *words, code):
    journal.sync()
    done = subprocess.run(["fwctl", "--json", "policy", "replay", f"--since={since}", *words], capture_output=True,
                          check=False, cwd="/")
    assert (done.returncode, done.stderr) == (code, b""), done
    return json.loads(done.stdout)


def changed(found):
    return sorted((row["caller"], row["command"], row["before"], row["after"], row["rule"], row["count"])
                  for row in found["differences"])


@pytest.fixture
def other(tmp_path):
    """Another policy: writes its text to a file."""
    def write(text):
        (tmp_path / "other.yaml").write_text(text)
        return str(tmp_path / "other.yaml")
    return write


def ask(fwctld, alice, bob):
    since = since_now()
    for _ in range(3):
        alice.nvme.smart()
    with pytest.raises(BusError):
        bob.nvme.execute(*FORMAT, options={"device-id": fwctld.nvme.id})
    # polkit refuses bob; the policy did not.
    with pytest.raises(BusError):
        bob.nvme.execute("nvme.set-features", {"fid": "temperature-threshold", "value": 340})
    fwctld.journal.wait("outcome", count=3, caller_name="alice")
    fwctld.journal.wait("denied", count=2, caller_name="bob")
    return since


@pytest.mark.any_device
def test_the_policy_in_force_decides_as_it_did(fwctld, alice, bob):
    since = ask(fwctld, alice, bob)
    with attributed():
        found = replay(since, code=0)
    assert (found["replayed"], found["same"], found["different"]) == (5, 5, 0), found
    assert not found["not-replayed"], found


@pytest.mark.any_device
def test_another_policy_decides_otherwise(fwctld, alice, bob, other):
    since = ask(fwctld, alice, bob)
    path = other(POLICY.replace("bob-never", "bob-too").replace("verdict: deny", "hazards: [persistent]\n    verdict: allow")
                 .replace("read-only: allow", "read-only: authenticate"))
    with attributed():
        found = replay(since, path, code=1)
    assert found["replayed"] == 5 and changed(found) == [
        ("alice", "nvme.get-log-page", "allow", "authenticate", "default:read-only", 3),
        ("bob", "nvme.format-nvm", "deny", "allow", "bob-too", 1)], found
    assert all(row["device"] == fwctld.nvme.id for row in found["differences"]), found


@pytest.mark.any_device
def test_who_asked_of_which_device_is_in_the_record(fwctld, alice, bob, other):
    """Each part of the device and every group of the caller: the record is all there is."""
    since = ask(fwctld, alice, bob)
    group = subprocess.run(["id", "-Gn", "alice"], stdout=subprocess.PIPE, check=True, text=True).stdout.split()[-1]
    keys = {"type": "Dialect", "driver": "Driver", "serial": "Serial", "model": "Model", "firmware": "Firmware"}
    device = ", ".join(f"{key}: {json.dumps(alice.nvme.property(name))}" for key, name in keys.items())
    path = other(POLICY + f"  - {{id: this, class: read-only, caller: {{group: {group}}}, device: {{{device}}}, "
                          "verdict: authenticate}\n")
    with attributed():
        assert changed(replay(since, path, code=1)) == [("alice", "nvme.get-log-page", "allow", "authenticate", "this", 3)]


@pytest.mark.any_device
def test_what_anybody_else_logged_is_no_record(fwctld, alice, bob, other):
    """logger(1) can write every field but those that say who it was."""
    since = ask(fwctld, alice, bob)
    intent = fwctld.journal.wait("intent", count=3, caller_name="alice")[0]
    fields = "".join(f"{key}={value}\n" for key, value in intent.raw.items()
                     if isinstance(value, str) and re.fullmatch(r"MESSAGE|MESSAGE_ID|FWCTLD_\w+", key))
    forged = fields.replace("FWCTLD_VERDICT=allow", "FWCTLD_VERDICT=deny") + "_UID=0\n_SYSTEMD_UNIT=fwctld.service\n"
    subprocess.run(["logger", "--journald"], input=forged, text=True, check=True)
    with attributed():
        found = replay(since, code=0)
    assert found["replayed"] == 5, found


def test_records_of_the_unit_but_of_another_user_do_not_count(fwctld, alice, bob):
    since = ask(fwctld, alice, bob)
    with attributed(uid=65534):
        assert "no request of that time" in replay(since, code=2)["error"]["message"]
    with attributed(unit="cron.service"):
        assert "no request of that time" in replay(since, code=2)["error"]["message"]
