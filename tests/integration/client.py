# SPDX-License-Identifier: LGPL-2.1-or-later
"""A caller on the bus: a connection that belongs to some user."""
import contextlib
import itertools
import os
import pwd
import time

from jeepney import DBusAddress, HeaderFields, MessageFlag, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection

from processes import BUS

ROOT = "/org/fwctld1"
MANAGER = "org.fwctld1.Manager"
DEVICE = "org.fwctld1.Device"
PROPERTIES = "org.freedesktop.DBus.Properties"


class BusError(Exception):
    def __init__(self, name, body):
        self.name = name
        self.short = name.rpartition(".")[2]
        self.message = body[0] if body else ""
        self.details = {key: value for key, (_, value) in body[1].items()} if len(body) > 1 else {}
        super().__init__(f"{name}: {self.message} {self.details}")


@contextlib.contextmanager
def identity(user):
    """What this process does within, it does as that user. The bus takes a caller's groups from here."""
    entry = pwd.getpwnam(user)
    groups = os.getgroups()
    os.setgroups(os.getgrouplist(user, entry.pw_gid))
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def variants(values):
    """{name: int, str or bytes} as a{sv}."""
    kinds = {int: "t", str: "s", bytes: "ay", bool: "b"}
    return {key: value if isinstance(value, tuple) else (kinds[type(value)], value)
            for key, value in values.items()}


class Client:
    def __init__(self, user=None, **names):
        """user: None for whoever this process is; names: of the devices that are called nvme, cxl and mailbox."""
        self.names = names
        with identity(user) if user else contextlib.nullcontext():
            self.connection = open_dbus_connection("unix:path=" + BUS)
        self.name = self.connection.unique_name
        self.serials = itertools.count(1000)
        self.replies = {}

    def close(self):
        self.connection.close()

    @property
    def nvme(self):
        return self.device(self.names["nvme"])

    @property
    def cxl(self):
        return self.device(self.names["cxl"])

    @property
    def mailbox(self):
        return self.device(self.names["mailbox"])

    def post(self, path, interface, member, signature=None, body=(), interactive=False):
        """Send a call; wait(serial) fetches its answer."""
        message = new_method_call(DBusAddress(path, "org.fwctld1", interface), member, signature, body)
        if interactive:
            message.header.flags |= MessageFlag.allow_interactive_authorization
        return self.post_message(message)

    def post_message(self, message):
        serial = next(self.serials)
        self.connection.send(message, serial=serial)
        return serial

    def wait(self, serial, timeout=20):
        deadline = time.monotonic() + timeout
        while serial not in self.replies:
            message = self.connection.receive(timeout=max(deadline - time.monotonic(), 0))
            reply_to = message.header.fields.get(HeaderFields.reply_serial)
            if reply_to is not None:
                self.replies[reply_to] = message
        message = self.replies.pop(serial)
        if message.header.message_type is MessageType.error:
            raise BusError(message.header.fields[HeaderFields.error_name], message.body)
        return message.body

    def call(self, path, interface, member, signature=None, body=(), interactive=False, timeout=20):
        return self.wait(self.post(path, interface, member, signature, body, interactive), timeout)

    def manager(self, member, signature=None, body=(), **options):
        return self.call(ROOT, MANAGER, member, signature, body, **options)

    def property(self, name, path=ROOT, interface=MANAGER):
        return self.call(path, PROPERTIES, "Get", "ss", (interface, name))[0][1]

    def device(self, name):
        return Device(self, self.manager("GetDevice", "s", (name,))[0])


class Device:
    """A device, as this caller sees it."""

    def __init__(self, client, path):
        self.client = client
        self.path = path

    def call(self, member, signature=None, body=(), **options):
        return self.client.call(self.path, DEVICE, member, signature, body, **options)

    def property(self, name):
        return self.client.property(name, self.path, DEVICE)

    def post_execute(self, command, fields=None, data=b"", options=None, interactive=False):
        body = (command, variants(fields or {}), data, variants(options or {}))
        return self.client.post(self.path, DEVICE, "Execute", "sa{sv}aya{sv}", body, interactive)

    def execute(self, command, fields=None, data=b"", options=None, interactive=False, timeout=20):
        """(request, status, response, decoded)"""
        serial = self.post_execute(command, fields, data, options, interactive)
        return self.client.wait(serial, timeout)

    def execute_raw(self, message, data=b"", options=None):
        return self.call("ExecuteRaw", "ayaya{sv}", (message, data, variants(options or {})))

    def explain(self, command, fields=None, data=b"", options=None):
        body = (command, variants(fields or {}), data, variants(options or {}))
        return {key: value for key, (_, value) in self.call("Explain", "sa{sv}aya{sv}", body)[0].items()}

    def explain_raw(self, message, data=b"", options=None):
        body = (message, data, variants(options or {}))
        return {key: value for key, (_, value) in self.call("ExplainRaw", "ayaya{sv}", body)[0].items()}

    def smart(self, **options):
        """The read-only command that tests use where any will do."""
        return self.execute("nvme.get-log-page", {"lid": "smart"}, **options)
