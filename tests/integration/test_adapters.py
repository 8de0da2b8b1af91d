# SPDX-License-Identifier: LGPL-2.1-or-later
"""Network adapters of the dialects mlx5, bnxt and pds, whose models check what reaches them as a kernel would."""
import struct

import pytest

import catalogue
import processes
from client import BusError
from simulated import Fault
from test_invariants import ALLOW_ALL, attempt

ADAPTERS = ("mlx5", "bnxt", "pds")


@pytest.fixture
def root(adapters):
    return adapters.client("root")


@pytest.fixture
def bnxt(adapters, root):
    adapters.policy(ALLOW_ALL)
    return root.device(adapters.bnxt.name)


@pytest.fixture
def pds(adapters, root):
    adapters.policy(ALLOW_ALL)
    return root.device(adapters.pds.name)


def with_id(device):
    return {"device-id": device.property("DeviceId")}


def test_they_are_known_by_their_dialect(adapters, root):
    listed = {row[1]: row for row in root.manager("ListDevices")[0]}
    for kind in ADAPTERS:
        device = root.device(getattr(adapters, kind).name)
        assert device.property("DeviceId") == f"{kind}:{getattr(adapters, kind).serial}"
        assert device.path == listed[device.property("Name")][0]
        assert device.call("ListCommands")[0]


@pytest.mark.parametrize("kind", ADAPTERS)
def test_every_row_of_the_catalogue_is_what_the_device_takes(adapters, root, kind):
    """Sent with everything allowed: neither the kernel nor the device finds a wrong byte in it (Fwctld.stop())."""
    adapters.policy(ALLOW_ALL)
    simulated = getattr(adapters, kind)
    simulated.grant_rawio()
    device = root.device(simulated.name)
    for command, fields, data in catalogue.requests(kind):
        error = attempt(device, command, fields, data, with_id(device))
        assert error is None or error.short == "DeviceRefused" or \
            (error.short == "InvalidRequest" and "never sent" in error.message), f"{command} {fields}: {error}"
        assert not simulated.bug()
        processes.wait_for(lambda: device.property("State") == "idle", "an idle device")
    assert adapters.reached() >= 5


@pytest.mark.parametrize("kind", ADAPTERS)
def test_every_field_of_the_catalogue_is_where_the_device_has_one(adapters, root, kind):
    """The same with each field at its greatest: no bit of it is one that the device reserves."""
    adapters.policy(ALLOW_ALL)
    simulated = getattr(adapters, kind)
    simulated.grant_rawio()
    device = root.device(simulated.name)
    for command, fields, data in catalogue.full_requests(kind):
        attempt(device, command, fields, data, with_id(device))
        assert not simulated.bug(), f"{command} {fields}: {simulated.bug()}"
        processes.wait_for(lambda: device.property("State") == "idle", "an idle device")
    assert adapters.reached() >= 5


def test_counters_of_a_port(adapters, bnxt):
    response = bnxt.execute("bnxt.port-qstats")[2]
    # The answer, and behind it both segments.
    transmitted, received = response[-408 - 528:-528], response[-528:]
    assert struct.unpack_from("<Q", transmitted) == (987654321,)
    assert struct.unpack_from("<Q", received) == (2 * 987654321,)


def test_the_whole_directory_comes_whatever_is_in_it(adapters, bnxt):
    response = bnxt.execute("bnxt.nvm-get-dir-entries")[2]
    assert len(response) >= 65536 and response[-1] == 0xFF
    assert struct.unpack_from("<H", response, len(response) - 65536) == (1,)


def test_a_variable_is_set_and_read(adapters, bnxt):
    """16 bits, for which the kernel moves 16 bytes."""
    before = adapters.bnxt.state()
    bnxt.execute("bnxt.nvm-set-variable", {"data-len": 16, "option-num": 402}, b"\x21\x43" + bytes(14), with_id(bnxt))
    assert adapters.bnxt.state() != before
    assert bnxt.execute("bnxt.nvm-get-variable", {"data-len": 16, "option-num": 402})[2][-16:] == b"\x21\x43" + bytes(14)


def test_a_kernel_that_knows_no_addresses(stopped):
    stopped.add_adapters()
    stopped.bnxt.kernel_capabilities(0x7)
    stopped.start()
    stopped.policy(ALLOW_ALL)
    device = stopped.client("root").device(stopped.bnxt.name)
    for call in (device.execute, device.explain):
        with pytest.raises(BusError) as error:
            call("bnxt.port-qstats")
        assert error.value.short == "InvalidRequest" and '"dma"' in error.value.message
    assert stopped.reached() == 0
    device.execute("bnxt.temp-monitor-query")


def test_a_status_of_the_driver_is_no_outcome(adapters, bnxt):
    adapters.bnxt.fault(Fault.STATUS, status=0xFFF0)
    with pytest.raises(BusError) as error:
        bnxt.execute("bnxt.temp-monitor-query")
    assert error.value.short == "OutcomeUnknown"


def test_settings_of_pds(adapters, pds):
    pds.execute("pds.set-settings", {"in-len": 8}, b"SETTINGS", with_id(pds))
    response = pds.execute("pds.get-settings", {"out-len": 11})[2]
    assert response[48:] == b"SETTINGS of"
    with pytest.raises(BusError) as error:
        pds.execute("pds.get-settings", {"out-len": 65})
    assert error.value.short == "DeviceRefused" and error.value.details["status"] == 22


def test_the_record_says_what_tells_the_command_from_others(adapters, pds):
    """The name of an operation is the administrator's, who can give it to another endpoint tomorrow."""
    pds.execute("pds.get-settings", {"out-len": 11})
    intent = adapters.journal.wait("intent", command="pds.get-settings")
    assert intent["fields"].split()[-1] == "endpoint=0x1", intent["fields"]


def test_addresses_in_the_echo_are_blotted_out(adapters, pds):
    response = pds.execute("pds.read-log", {"in-len": 4, "out-len": 16}, b"what")[2]
    assert response[16:24] == response[40:48] == bytes(8)
    assert response[48:] == bytes(range(16))
