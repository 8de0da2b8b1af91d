# SPDX-License-Identifier: LGPL-2.1-or-later
"""What real devices, and the kernel before them, do with commands that a policy lets through."""
import pytest

import machine
from client import BusError
from cxl_nodes import FEATURE, get_feature

LETS_ALICE = """\
version: 1
defaults: {{read-only: allow, config-change: deny, destructive: deny,
           confidential: deny, persistent: deny, broadcast: deny, taints-kernel: deny}}
rules:
  - id: lets-alice
    caller: {{user: alice}}
    device: {{type: {type}, serial: "{serial}"}}
    command: [{command}]
    verdict: allow
    {hazards}
"""


def lets_alice(device, command, *hazards):
    return LETS_ALICE.format(type=device.id.partition(":")[0], serial=device.serial, command=command,
                             hazards=f"hazards: [{', '.join(hazards)}]" if hazards else "")


def set_feature(client, value, device_id):
    return client.cxl.execute("cxl.set-feature", {"uuid": str(FEATURE), "version": 1}, value, {"device-id": device_id})


def test_a_cxl_feature_is_set_and_read_back(fwctld, alice, nobody):
    original = get_feature(fwctld.cxl.node)
    value = bytes(byte ^ 0xFF for byte in original)
    for hazards in ((), ("persistent",), ("taints-kernel",)):
        fwctld.policy(lets_alice(fwctld.cxl, "cxl.set-feature", *hazards))
        with pytest.raises(BusError) as error:
            set_feature(alice, value, fwctld.cxl.id)
        assert error.value.short == "Denied"
    assert get_feature(fwctld.cxl.node) == original

    fwctld.policy(lets_alice(fwctld.cxl, "cxl.set-feature", "persistent", "taints-kernel"))
    with pytest.raises(BusError) as error:
        set_feature(nobody, value, fwctld.cxl.id)
    assert error.value.short == "Denied"
    request = set_feature(alice, value, fwctld.cxl.id)[0]
    assert get_feature(fwctld.cxl.node) == value
    answer = nobody.cxl.execute("cxl.get-feature", {"uuid": str(FEATURE), "count": 4})[2]
    assert answer.endswith(value)
    assert machine.tainted()
    record = fwctld.journal.wait("outcome", request=request)
    assert (record["result"], record["rule"], record["taints"]) == ("executed", "lets-alice", "1")
    set_feature(alice, original, fwctld.cxl.id)
    assert get_feature(fwctld.cxl.node) == original


def test_a_feature_of_a_controller_is_set_and_read_back(fwctld, alice):
    threshold = {"fid": "temperature-threshold"}
    before = alice.nvme.execute("nvme.get-features", threshold)[3]["result"][1]
    alice.nvme.execute("nvme.set-features", {**threshold, "value": 333})
    assert alice.nvme.execute("nvme.get-features", threshold)[3]["result"] == ("t", 333)
    said = machine.run("nvme", "get-feature", fwctld.nvme.node, "--feature-id=4").decode()
    assert f"{333:#010x}" in said
    alice.nvme.execute("nvme.set-features", {**threshold, "value": before})


@pytest.mark.parametrize("command,fields,name,status", [
    # QEMU's controllers save no feature; reference: NVM Express, Feature Identifier Not Saveable.
    ("nvme.set-features", {"fid": "temperature-threshold", "value": 340, "sv": 1}, "DeviceRefused", 0x10D),
    # drivers/nvme/host/ioctl.c: the number of queues is the driver's.
    ("nvme.set-features", {"fid": "number-of-queues", "value": 0x10001}, "KernelRefused", None),
    ("nvme.get-log-page", {"lid": "supported-log-pages"}, "DeviceRefused", 0x2),
])
def test_refusals_are_told_apart(fwctld, alice, command, fields, name, status):
    fwctld.policy(lets_alice(fwctld.nvme, command, "persistent"))
    with pytest.raises(BusError) as error:
        alice.nvme.execute(command, fields, options={"device-id": fwctld.nvme.id})
    assert error.value.short == name
    assert error.value.details.get("status") == status
    record = fwctld.journal.wait("outcome", request=error.value.details["request"])
    assert record["result"] == {"DeviceRefused": "refused-by-device", "KernelRefused": "refused-by-kernel"}[name]
