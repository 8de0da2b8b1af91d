#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fwctld that says what a test wants to hear, on a private bus.

As a program: stub_fwctld.py PROGRAM [ARGUMENT ...] runs PROGRAM beside a stub in mode "normal", with
DBUS_SYSTEM_BUS_ADDRESS set. As a module: bus() and fwctld() are context managers.

The command of an Execute or Explain chooses the answer; see execute(). The mode changes all answers:
  normal   as the bus interface says
  hostile  with HOSTILE in front of every string
  wrong    with another signature
  giant    much larger than anything a device has
  empty    with no devices and no commands
"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_call, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""

# A line of its own, a colour, a title, C1's CSI, the direction turned round, a backslash, quotes.
HOSTILE = "A\nfwctl: forged\r\x1b[31m\x1b]0;title\x07\u009b2J\u202e\u200b\x7f\\\"B"
REQUEST = "0123456789abcdef0123456789abcdef"
DEVICE = "/org/fwctld1/device/nvme0"
ERROR = "org.fwctld1.Error."
DETAILS = {"request": ("s", REQUEST), "rule": ("s", "storage-never-formats"),
           "rule-at": ("s", "/etc/fwctld/policy.d/50-site.yaml:12"), "note": ("s", "Ask the storage desk."),
           "class": ("s", "destructive")}

PROPERTIES = {"Name": ("s", "nvme0"), "DeviceId": ("s", "nvme:LAB-NVME-0"), "Dialect": ("s", "nvme"),
              "Driver": ("s", "nvme"), "PciAddress": ("s", "0000:01:00.0"), "Serial": ("s", "LAB-NVME-0"),
              "Model": ("s", "Größe 9 SSD"), "Firmware": ("s", "1.0"),
              "SubsystemNqn": ("s", ""), "Simulated": ("b", True),
              "State": ("s", "idle"), "Newer": ("s", "a property of a later version")}

DECODED = {"critical-warning": ("t", 0), "temperature": ("(ts)", (310, "K")), "state": ("s", "degraded"),
           "data-units-read": ("s", "340282366920938463463374607431768211455"),
           "power-cycles": ("t", 2 ** 64 - 1), "hours": ("t", 2 ** 53 - 1), "serial": ("s", "LAB-NVME-0"),
           "heat": ("(xs)", (-20, "C")), "drift": ("x", -2 ** 63),
           "vendor": ("ay", bytes(range(4))), "log": ("ay", b"a firmware log of some length"),
           "padding": ("ay", b"\xff" * 4 + bytes(100)),
           "entries": ("aa{sv}", [{"id": ("t", 1), "sizes": ("aa{sv}", [{"size": ("t", 512)}] * 2)},
                                  *[{"id": ("t", 2), "sizes": ("aa{sv}", [])}] * 4, {"id": ("t", 0)}]),
           "newer": ("(td)", (1, 2.0)), "result": ("t", 7)}


class Gone(Exception):
    """Leave the bus without an answer, as a daemon that is killed."""


def spoil(signature, value):
    """Every string of a body with HOSTILE in front."""
    if signature == "s":
        return HOSTILE + value
    if signature == "v":
        return (value[0], spoil(*value))
    if signature.startswith("a{s"):
        return {HOSTILE + key: spoil(signature[3:-1], item) for key, item in value.items()}
    if signature.startswith("a") and signature != "ay":
        return [spoil(signature[1:], item) for item in value]
    if signature == "(ossss)":
        return (value[0], *(HOSTILE + item for item in value[1:]))
    if signature in ("(ssssasssass)", "(ssassbs)"):
        kinds = {list: "as", str: "s", bool: "b"}
        return tuple(spoil(kinds[type(item)], item) for item in value)
    return value


def spoil_values(items):
    """The same for an a{sv} whose keys mean something."""
    return {key: spoil("v", value) for key, value in items.items()}


class Stub:
    def __init__(self, address, mode):
        self.address = address
        self.mode = mode

    def list_devices(self):
        rows = [(DEVICE, "nvme0", "nvme", "nvme:LAB-NVME-0", "idle"),
                ("/org/fwctld1/device/cxl_5fmem0", "a-very-long-name", "cxl", "cxl:1", "busy")]
        if self.mode == "giant":
            rows = rows * 10000 + [(DEVICE, "n" * 20000, "nvme", "x", "idle")]
        return "a(ossss)", [] if self.mode == "empty" else rows

    def list_commands(self):
        rows = [("nvme.get-log-page", "lid=error,smart rae=1", "read-only", "allow", [], "a query", "read-only",
                 [], "the device reports no effect of this"),
                ("nvme.get-log-page", "", "destructive", "deny", ["unknown", "data-loss"], "nobody knows", "destructive",
                 [], ""),
                ("nvme.sanitize", "", "destructive", "deny", ["unknown"], "nobody knows", "destructive", ["unknown"],
                 "the device reports that it does not support this"),
                ("nvme.format-nvm", "", "destructive", "authenticate", ["data-loss"],
                 "the device reports that this may change the content of logical blocks (LBCC)", "config-change",
                 ["immediate-data-change"],
                 "the device reports that this may change the content of logical blocks (LBCC)"),
                # Two conditions that come to the same, and one that does not.
                *[("nvme.identify", when, "read-only", "allow", [], "a query", "read-only", [], "")
                  for when in ("cns=0x0", "cns=0x1")],
                *[("nvme.identify", when, "read-only", "deny", effects, "a query", "read-only", [], "")
                  for when, effects in (("", ["confidential", "broadcast"]), ("with nsid=all", ["persistent"]))],
                ("nvme.keep-alive", "", "destructive", "refused", ["unknown", "persistent"],
                 "the kernel sends it by itself, and two who do confuse the controller", "destructive", [], ""),
                *[(name, when, "destructive", "refused", ["unknown"], "nobody published its layout", "destructive", [], "")
                  for name, when in (("nvme.a", ""), ("nvme.b", "x=1"), ("nvme.b", ""))]]
        return "a(ssssasssass)", [] if self.mode == "empty" else rows

    def describe_command(self, command):
        """(s name, s summary, a(ssassbs) fields)"""
        fields = [("lid", "0 to 0xff", ["error=0x1", "smart=0x2"], "", True, "which log page"),
                  ("uuid", "a UUID", [], "depends on other fields", False, ""),
                  ("rae", "0 to 0x1", [], "0x0", False, "leave the events as they are")]
        if command in ("get-log-page", "nvme.get-log-page"):
            return "ssa(ssassbs)", ("nvme.get-log-page", "Read one log page.", fields)
        if command in ("format-nvm", "nvme.format-nvm"):
            return "ssa(ssassbs)", ("nvme.format-nvm", "", [])
        if command == "keep-alive":
            return "ssa(ssassbs)", ("nvme.keep-alive", "Tell the controller that somebody is there.", [])
        if command == "required-is-string":
            return "ssa(ssassss)", (command, "", [("lid", "a UUID", [], "", "yes", "")])
        return ERROR + "UnknownCommand", "sa{sv}", (f"The catalogue has no command \"{command}\" for nvme0.", {})

    def explain(self, command):
        if command == "nothing":
            return "a{sv}", {"command": ("s", "x"), "class": ("s", "x"), "effects": ("as", [])}
        if command == "verdict-is-number":
            return "a{sv}", {"command": ("s", "x"), "class": ("s", "x"), "effects": ("as", []), "verdict": ("u", 1)}
        if command == "slow":
            time.sleep(2)
        explanation = {
            "command": ("s", "nvme.format-nvm"), "class": ("s", "destructive"),
            "effects": ("as", ["data-loss", "broadcast"]), "reason": ("s", "erases a namespace"),
            "verdict": ("s", "deny"), "rule": DETAILS["rule"], "rule-at": DETAILS["rule-at"],
            "note": DETAILS["note"], "decision": ("s", "Rule storage-never-formats denies it."),
            "fields": ("a{ss}", {"nsid": "0xffffffff", "key": "(secret)"}), "digest": ("s", "00ff" * 16),
            "needs": ("as", ["device-id"]), "static-class": ("s", "config-change"),
            "device-effects": ("as", ["immediate-data-change"]),
            "device-reason": ("s", "the device reports that this may change the content of logical blocks (LBCC)"),
            "later": ("s", "a key of a later version")}
        if command == "get-feature":
            explanation["scope"] = ("u", 1)
            explanation["observed-verdict"] = ("s", "authenticate")
            explanation["observed-rule"] = ("s", "storage-asks")
            explanation["observed-rule-at"] = ("s", "/etc/fwctld/policy.d/40-new.yaml:3")
            del explanation["note"], explanation["needs"]
            del explanation["device-effects"], explanation["device-reason"]
        if command == "note-is-number":
            explanation["note"] = ("u", 1)
        if command == "authenticated":
            explanation["verdict"] = ("s", "authenticate")
        if command == "plain":
            explanation["effects"] = ("as", [])
            explanation["fields"] = ("a{ss}", {})
        return "a{sv}", explanation

    def execute(self, message):
        """(s request, u status, ay response, a{sv} decoded), chosen by the command."""
        first, *rest = message.body
        command = "echo" if isinstance(first, bytes) else first
        status, response, decoded = 0, bytes(range(64)), {}
        if command == "echo":
            # What came, as JSON: the test sees what the client sent.
            sent = {"member": message.header.fields[HeaderFields.member],
                    "path": message.header.fields[HeaderFields.path], "flags": int(message.header.flags),
                    "first": first.hex() if isinstance(first, bytes) else first,
                    "fields": rest[0] if len(rest) == 3 else {}, "data": rest[-2].hex(), "options": rest[-1]}
            response = json.dumps(sent, sort_keys=True).encode()
        elif command == "get-log-page":
            decoded = DECODED
        elif command == "identify":
            decoded = {"result": ("t", 0)}
            status = 0x10b
        elif command == "nothing":
            response = b""
        elif command == "long":
            response = b"".join(at.to_bytes(4, "little") for at in range(0, 70000, 4))
        elif command == "slow":
            time.sleep(2)
        elif command == "vanish":
            raise Gone
        elif command == "hollow-variant":
            return "suaya{ss}", (REQUEST, status, response, {})
        elif command == "giant":
            response = bytes(1024 * 1024)
            members = [{"n" * 300: ("t", 1), "x": ("s", "")} for _ in range(20000)]
            nested = ("aa{sv}", [{"leaf": ("t", 1)}])
            for _ in range(12):  # the bus lets at most 64 nested containers through
                nested = ("aa{sv}", [{"deeper": nested}])
            decoded = {"items": ("aa{sv}", members), "nested": nested, "k" * 1000000: ("t", 1)}
        return "suaya{sv}", (REQUEST, status, response, decoded)

    def wrong_field(self, fields):
        """InvalidRequest, as fwctld says it of the first field."""
        details = {"request": ("s", REQUEST)}
        return ERROR + "InvalidRequest", "sa{sv}", (f"nvme.x has no field \"{next(iter(fields), '')}\".", details)

    def error(self, command):
        """Commands "error.NAME" and "odd-error.NAME" fail with that error."""
        kind, _, name = command.partition(".")
        name = name if "." in name else ERROR + name
        if kind == "odd-error":
            return name, "sa{sv}", ("Odd.", {"rule": ("u", 1), "note": ("s", "Still here."), "status": ("s", "x")})
        if kind == "bare-error":
            return name, None, ()
        details = dict(DETAILS)
        if name.endswith("Refused"):
            details["status"] = ("u", 0x4002)
        text = "You may not send nvme.format-nvm to nvme0."
        if self.mode == "hostile":
            text, details = HOSTILE + text, spoil_values(details)
        return name, "sa{sv}", (text, details)

    def answer(self, message):
        """(signature, body) or (error name, signature, body)"""
        member = message.header.fields[HeaderFields.member]
        if member == "GetDevice":
            known = ("nvme0", "nvme:LAB-NVME-0", "LAB-NVME-0", "fwctl0", "mem0")
            if message.body[0] not in known:
                return ERROR + "DeviceGone", "sa{sv}", (f"There is no device \"{message.body[0]}\".", {})
            return "o", (DEVICE,)
        if member == "ListDevices":
            signature, body = self.list_devices()
        elif member == "GetAll":
            signature, body = "a{sv}", PROPERTIES
        elif member == "ListCommands":
            signature, body = self.list_commands()
        elif member == "DescribeCommand":
            answer = self.describe_command(message.body[0])
            if len(answer) == 3 or self.mode != "hostile":
                return answer
            name, summary, fields = answer[1]
            return answer[0], (HOSTILE + name, HOSTILE + summary, spoil("a(ssassbs)", fields))
        elif member == "ReloadPolicy":
            return "t", (3,)
        elif member in ("Execute", "ExecuteRaw", "Explain", "ExplainRaw"):
            if isinstance(message.body[0], str) and "error." in message.body[0]:
                return self.error(message.body[0])
            if message.body[0] == "wrong-field":
                return self.wrong_field(message.body[1])
            if member.startswith("Explain"):
                signature, body = self.explain(message.body[0])
            else:
                signature, body = self.execute(message)
                if self.mode == "hostile":
                    body = (HOSTILE + body[0], *body[1:3], spoil("a{sv}", body[3]))
                return signature, body
        else:
            return "org.freedesktop.DBus.Error.UnknownMethod", "s", ("Unknown method.",)
        if self.mode == "hostile":
            body = spoil_values(body) if isinstance(body, dict) else spoil(signature, body)
        return signature, (body,)

    def serve(self):
        with open_dbus_connection(bus=self.address) as connection:
            connection.send_and_get_reply(message_bus.RequestName("org.fwctld1"))
            while True:
                message = connection.receive()
                if message.header.message_type != MessageType.method_call:
                    continue
                answer = self.answer(message)
                if len(answer) == 3:
                    reply = new_error(message, *answer)
                elif self.mode == "wrong":
                    reply = new_method_return(message, "d", (1.0,))
                else:
                    reply = new_method_return(message, *answer)
                connection.send(reply)

    def run(self):
        while True:
            try:
                self.serve()
            except Gone:
                continue


@contextlib.contextmanager
def bus():
    """A bus of our own; yields its address."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = pathlib.Path(folder, "bus.conf")
        configuration.write_text(CONFIGURATION.format(folder=folder))
        with subprocess.Popen(["dbus-daemon", "--nofork", "--nopidfile", "--print-address=1",
                               f"--config-file={configuration}"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as daemon:
            try:
                yield daemon.stdout.readline().strip()
            finally:
                daemon.terminate()


def wait_for_name(address):
    ping = new_method_call(DBusAddress("/", "org.fwctld1", "org.freedesktop.DBus.Peer"), "Ping")
    with open_dbus_connection(bus=address) as connection:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            reply = connection.send_and_get_reply(ping)
            if "ServiceUnknown" not in reply.header.fields.get(HeaderFields.error_name, ""):
                return
            time.sleep(0.02)
    raise TimeoutError("the stub did not come onto the bus")


@contextlib.contextmanager
def fwctld(mode="normal"):
    """A stub on a bus of its own; yields the bus's address."""
    with bus() as address:
        child = os.fork()
        if child == 0:
            try:
                Stub(address, mode).run()
            except ConnectionError:
                os._exit(0)  # the bus has ended
            finally:
                os._exit(1)
        try:
            wait_for_name(address)
            yield address
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)


def main(command):
    with fwctld() as address:
        return subprocess.run(command, env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
