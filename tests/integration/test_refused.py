# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands that are never sent: everybody sees them and why, and no policy opens them."""
import json
import os
import pathlib
import subprocess

import pytest

from client import BusError

POLICY = """\
version: 1
defaults: {read-only: allow, config-change: allow, destructive: allow, confidential: allow, persistent: allow}
rules:
  - {id: everything, hazards: [confidential, persistent, broadcast, taints-kernel], verdict: allow}
"""
NEVER = """\
dialect: nvme
commands:
  - name: acme-physical
    opcode: 0xc0
    summary: Acme's access to the host's memory.
    class: destructive
    effects: [security-state-change, persistent]
    reason: writes anywhere
    refused: its addresses are physical ones
  - name: acme-riddle
    opcode: 0xc4
    summary: Acme says nothing of it.
    class: config-change
    reason: its name speaks of a change
    size: unknown
  - name: acme-query
    opcode: 0xc8
    summary: Acme's harmless command.
    class: read-only
    reason: a query
    fields:
      mode: {in: dw12, select: 7}
      length: {in: dw10, bits: 0-15}
      used: {in: dw11, bits: 0-15, at-most: length}
"""
WHY = {"nvme.acme-physical": "its addresses are physical ones",
       "nvme.acme-riddle": "published nowhere; who knows it can describe the command in a file of /etc/fwctld/commands.d"}
OPCODE = {"nvme.acme-physical": 0xc0, "nvme.acme-riddle": 0xc4}


@pytest.fixture
def refusing(stopped):
    pathlib.Path("/etc/fwctld/commands.d/nvme.yaml").write_text(NEVER)
    stopped.policy(POLICY, reload=False)
    return stopped.start()


@pytest.mark.parametrize("command", WHY)
def test_what_is_never_sent_is_listed_with_the_reason(refusing, command):
    device = refusing.client("nobody").nvme
    rows = device.call("ListCommands")[0]
    (row,) = [row for row in rows if row[0] == command]
    assert row[1] == "" and row[3] == "refused" and row[5].endswith(WHY[command]), row
    assert {row[3] for row in rows} == {"allow", "refused"}
    # Class and effects are told all the same, and what the device says of it.
    assert row[6] == ("destructive" if command == "nvme.acme-physical" else "config-change"), row
    assert ("persistent" in row[4]) == (command == "nvme.acme-physical"), row
    name, summary, fields = device.call("DescribeCommand", "s", (command,))
    assert (name, summary[:4], fields) == (command, "Acme", []), (name, summary, fields)


@pytest.mark.parametrize("command", WHY)
def test_what_is_never_sent_is_refused_whoever_asks(refusing, command):
    before = refusing.reached()
    message = bytes([OPCODE[command]]) + bytes(63)
    for user in ("root", "nobody"):
        device = refusing.client(user).nvme
        options = {"device-id": device.property("DeviceId")}
        for call in (lambda: device.execute(command, options=options), lambda: device.explain(command),
                     lambda: device.execute_raw(message, options=options), lambda: device.explain_raw(message)):
            with pytest.raises(BusError) as error:
                call()
            assert error.value.short == "InvalidRequest", error.value
            assert f"{command} is never sent: " in error.value.message, error.value.message
    assert refusing.reached() == before
    assert not refusing.journal.records("intent", command=command)


def test_the_fields_that_are_described_are_the_callers(refusing):
    """What selects the command is not; and what bounds a field is told."""
    fields = refusing.client("nobody").nvme.call("DescribeCommand", "s", ("acme-query",))[2]
    assert [field[:2] for field in fields] == [
        ("length", "0 to 0xffff"), ("used", "0 to 0xffff, at most length")], fields


def test_the_command_line_shows_them_apart(refusing):
    def fwctl(*words, environment=None):
        return subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "fwctl", *words],
                              capture_output=True, text=True, check=True, env={**os.environ, **(environment or {})}).stdout

    may, _, never = fwctl("commands", "sim0").partition("\nNEVER SENT\n")
    assert "\nnvme.acme-query " in may and "physical" not in may.split("THE DEVICE REPORTS")[0], may
    assert "\nits addresses are physical ones:\n  nvme.acme-physical\n" in never, never
    assert "never sent: its addresses" in " ".join(fwctl("commands", "sim0", "acme-physical").split())
    # The same of the catalogue, which needs no daemon.
    rows = [row for row in json.loads(fwctl("--json", "commands", "--all", "nvme"))["commands"] if "refused" in row]
    assert set(WHY) <= {row["command"] for row in rows}, rows
    assert "never sent | destructive | persistent | security-state-change |" in \
        fwctl("commands", "--all", "--format=markdown", "nvme")
    # With a folder of the environment nothing of this machine gets in: documentation is made like that.
    assert "acme" not in fwctl("commands", "--all", environment={"FWCTLD_COMMANDS_DIR": "/usr/share/fwctld/commands"})
