# SPDX-License-Identifier: LGPL-2.1-or-later
"""Invariant 6: every method of every interface, called as nobody, does nothing that policy did not allow."""
import pathlib
import xml.etree.ElementTree as ElementTree

import pytest
from jeepney import DBusAddress, new_method_call

from client import BusError, ROOT
from bench import DENY_ALL

pytestmark = pytest.mark.any_device

STANDARD = "org.freedesktop.DBus."
# What an argument of each type is given: first something harmless, then something that means business.
VALUES = {
    "s": ["nvme.sanitize"],
    "ay": [b"\x84" + bytes(39) + b"\x02" + bytes(23), b""],
    "a{sv}": [{}, {"reason": ("s", "none")}],
    "as": [[]], "o": ["/"], "u": [0], "t": [0], "b": [True], "v": [("s", "")],
}


def introspect(client, path=ROOT):
    """(path, interface element) of every object."""
    node = ElementTree.fromstring(client.call(path, STANDARD + "Introspectable", "Introspect")[0])
    for interface in node.findall("interface"):
        yield path, interface
    for child in node.findall("node"):
        yield from introspect(client, f"{path.rstrip('/')}/{child.get('name')}")


def arguments(method, choice):
    types = [arg.get("type") for arg in method.findall("arg") if arg.get("direction", "in") == "in"]
    return types, [VALUES[kind][min(choice, len(VALUES[kind]) - 1)] for kind in types]


def calls(client):
    """Every method of every object, with each choice of arguments."""
    for path, interface in introspect(client):
        for method in interface.findall("method"):
            for choice in range(2):
                types, values = arguments(method, choice)
                yield path, interface.get("name"), method.get("name"), "".join(types), tuple(values)


def world(fwctld):
    root = fwctld.clients[0]
    properties = [root.property(name) for name in
                  ("PolicyGeneration", "PolicyDigest", "PolicyLoaded", "RequestsExecuted")]
    devices = root.manager("ListDevices")
    return properties, devices, fwctld.nvme.state(), fwctld.cxl.state(), fwctld.reached()


def test_invariant_6_every_method_as_nobody(fwctld, nobody):
    fwctld.policy(DENY_ALL)
    before = world(fwctld)
    called = set()
    for path, interface, member, signature, values in list(calls(nobody)):
        try:
            nobody.call(path, interface, member, signature or None, values)
        except BusError:
            pass
        called.add((interface, member))
    assert {member for interface, member in called if interface == "org.fwctld1.Device"} >= {
        "Execute", "ExecuteRaw", "Explain", "ExplainRaw", "ListCommands"}
    assert ("org.fwctld1.Manager", "ReloadPolicy") in called
    assert world(fwctld) == before
    assert not fwctld.journal.records("intent", caller_name="nobody")


def test_invariant_6_every_property_is_read_only(fwctld, nobody):
    for path, interface in list(introspect(nobody)):
        for prop in interface.findall("property"):
            assert prop.get("access") == "read", prop.attrib
            with pytest.raises(BusError):
                nobody.call(path, STANDARD + "Properties", "Set", "ssv",
                            (interface.get("name"), prop.get("name"), ("s", "x")))


def test_introspection_names_every_argument(nobody):
    for _, interface in introspect(nobody):
        if interface.get("name").startswith(STANDARD):
            continue
        for method in interface.findall("method"):
            for argument in method.findall("arg"):
                assert argument.get("name"), f"{interface.get('name')}.{method.get('name')}"


def test_object_manager_lists_both_devices(fwctld, nobody):
    objects = nobody.call(ROOT, STANDARD + "ObjectManager", "GetManagedObjects")[0]
    devices = {interfaces["org.fwctld1.Device"]["Serial"][1]: interfaces["org.fwctld1.Device"]
               for interfaces in objects.values() if "org.fwctld1.Device" in interfaces}
    assert set(devices) >= {fwctld.nvme.serial, fwctld.cxl.serial}
    assert all(device["Simulated"] == ("b", fwctld.simulated) for device in devices.values())


@pytest.mark.parametrize("interface", ["org.freedesktop.systemd1.Activator", "org.fwctld1.Job", None])
def test_the_bus_lets_no_other_interface_through(nobody, interface):
    message = new_method_call(DBusAddress(ROOT, "org.fwctld1", interface), "ReloadPolicy")
    with pytest.raises(BusError) as error:
        nobody.wait(nobody.post_message(message))
    assert error.value.name == "org.freedesktop.DBus.Error.AccessDenied"


@pytest.mark.parametrize("user", ["nobody", "alice", "fwctl-exec"])
def test_nobody_else_can_take_the_name(fwctld, user):
    caller = fwctld.client(user)
    message = new_method_call(
        DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus"),
        "RequestName", "su", ("org.fwctld1", 0))
    with pytest.raises(BusError) as error:
        caller.wait(caller.post_message(message))
    assert error.value.name == "org.freedesktop.DBus.Error.AccessDenied"


def test_the_monitor_answers_the_broker_alone(fwctld):
    import socket
    from client import identity

    for user in ("nobody", "alice"):
        with identity(user), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            with pytest.raises(PermissionError):
                connection.connect("/run/fwctld/monitor.sock")
    assert pathlib.Path("/run/fwctld/monitor.sock").stat().st_mode & 0o777 == 0o600
