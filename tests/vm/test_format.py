# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real Format erases exactly the namespace that was asked for, and only when policy and device id say so."""
import pytest

from client import BusError
from machine import Disk, fwctl
from real_units import NvmeController
from test_commands import lets_alice

FORMAT = ("nvme.format-nvm", "nsid=1", "lbaf=0")


@pytest.fixture
def target():
    """The controller with two namespaces."""
    return NvmeController("FWCTLD-TEST-2")


@pytest.fixture
def disks(bench, target):
    """All namespaces that there are, each with bytes of its own on it, by controller and number."""
    other = NvmeController("FWCTLD-TEST-1")
    disks = {(controller.serial, number): Disk(controller.namespace(number))
             for controller, number in ((bench.nvme, 1), (other, 1), (target, 1), (target, 2))}
    for key, disk in disks.items():
        disk.write(pattern(key))
    return disks


def pattern(key):
    return f"namespace {key[1]} of {key[0]}, ".encode()


def erased(disks):
    """Which namespaces hold zeroes; the others must be as they were."""
    gone = set()
    for key, disk in disks.items():
        content = disk.read()
        if content == bytes(Disk.SIZE):
            gone.add(key)
        else:
            whole = pattern(key) * (Disk.SIZE // len(pattern(key)) + 1)
            assert content == whole[:Disk.SIZE], f"{key} is neither whole nor erased"
    return gone


def test_format_erases_the_one_namespace(fwctld, disks, target):
    fwctld.policy(lets_alice(target, "nvme.format-nvm", "persistent"))
    fwctl("exec", target.name, *FORMAT, "--device-id", target.id, "--reason", "T-1", user="alice")
    assert erased(disks) == {(target.serial, 1)}
    record = fwctld.journal.wait("outcome", caller_name="alice")
    assert (record["result"], record["device_id"], record["rule"]) == ("executed", target.id, "lets-alice")
    assert (record["class"], record["reason"]) == ("destructive", "T-1")
    assert "nsid=0x1" in record["fields"]


def test_what_does_not_fit_erases_nothing(fwctld, alice, bob, disks, target):
    """Each attempt but for one thing like the one that erases."""
    device, fields, fits = alice.device(target.name), {"nsid": 1, "lbaf": 0}, {"device-id": target.id}

    def refused(name, device=device, fields=fields, options=fits):
        with pytest.raises(BusError) as error:
            device.execute("nvme.format-nvm", fields, options=options)
        assert error.value.short == name, error.value

    fwctld.policy(None)
    refused("Denied")  # no policy but the shipped one
    fwctld.policy(lets_alice(fwctld.nvme, "nvme.format-nvm", "persistent"))
    refused("Denied")  # another device
    fwctld.policy(lets_alice(target, "nvme.sanitize", "persistent", "broadcast"))
    refused("Denied")  # another command
    fwctld.policy(lets_alice(target, "nvme.format-nvm", "persistent"))
    refused("Denied", bob.device(target.name))  # another caller
    refused("InvalidRequest", options={})
    refused("InvalidRequest", options={"device-id": fwctld.nvme.id})
    refused("InvalidRequest", options={"device-id": target.serial})
    refused("Denied", fields={"nsid": "all", "lbaf": 0})
    refused("Denied", fields={"nsid": 0xFFFFFFFF, "lbaf": 0})
    assert fwctld.reached() == 0
    assert erased(disks) == set()
    assert fwctld.journal.records("intent", caller_name="alice") == []


def test_format_of_all_needs_the_hazard_broadcast(fwctld, alice, disks, target):
    fwctld.policy(lets_alice(target, "nvme.format-nvm", "persistent", "broadcast"))
    alice.device(target.name).execute("nvme.format-nvm", {"nsid": "all", "lbaf": 0}, options={"device-id": target.id})
    assert erased(disks) == {(target.serial, 1), (target.serial, 2)}
