# SPDX-License-Identifier: LGPL-2.1-or-later
"""fwctl policy install and explain, where fwctld runs: it takes the new policy, or everything is as it was."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from bench import ETC, POLICY, write_policy
from client import BusError
from processes import BUS

POLICY_D = ETC / "policy.d"
RULE = "version: 1\nrules:\n  - {id: not-alice, caller: {user: alice}, class: read-only, verdict: deny}\n"
CASES = ("version: 1\ntests:\n  - {name: alice may not, caller: {user: alice}, command: nvme.identify, "
         "expect: {verdict: deny, rule: not-alice}}\n")


def fwctl(*words, code=0):
    result = subprocess.run(["fwctl", *map(str, words)], capture_output=True, check=False, text=True, timeout=120,
                            env={"PATH": os.environ["PATH"], "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={BUS}",
                                 **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}})
    assert result.returncode == code, result
    return result


@pytest.fixture(name="new")
def new_files(tmp_path):
    (tmp_path / "70-new.yaml").write_text(RULE)
    (tmp_path / "70-new.test.yaml").write_text(CASES)
    yield tmp_path
    for file in POLICY_D.glob("70-new.*"):
        file.unlink()


@pytest.fixture(autouse=True)
def own_folder():
    """An overlay can't exchange a folder of its lower layer."""
    shutil.rmtree(POLICY_D)
    POLICY_D.mkdir(mode=0o755)
    write_policy(POLICY)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


OLD = ["50-default.yaml", "60-test.yaml"]
NEW = [*OLD, "70-new.test.yaml", "70-new.yaml"]


def test_an_installed_policy_is_in_force(fwctld, alice, new):
    alice.nvme.smart()
    shown = fwctl("policy", "install", new).stdout
    assert shown.endswith("Installed, and in force.\n") and "1 case passed" in shown, shown
    assert alice.property("PolicyGeneration") == 2 and names(POLICY_D) == NEW
    assert not (ETC / ".policy.d.new").exists()
    with pytest.raises(BusError) as error:
        alice.nvme.smart()
    assert error.value.details["rule-at"] == f"{POLICY_D}/70-new.yaml:3"
    assert json.loads(fwctl("--json", "policy", "install", new).stdout)["reloaded"] is True


def test_what_fwctld_does_not_take_is_taken_back(fwctld, alice, new):
    """Its own catalogue broke meanwhile, which only it notices."""
    catalogue = pathlib.Path("/usr/share/fwctld/commands")
    shutil.copytree(catalogue, new / "commands")
    whole = (catalogue / "pds.yaml").read_text()
    before = {path.name: (path.read_text(), path.stat().st_ino) for path in POLICY_D.iterdir()}
    os.environ["FWCTLD_COMMANDS_DIR"] = str(new / "commands")
    (catalogue / "pds.yaml").write_text("nonsense\n")
    try:
        result = subprocess.run(["fwctl", "policy", "install", new], capture_output=True, check=False, text=True,
                                env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={BUS}"})
    finally:
        (catalogue / "pds.yaml").write_text(whole)
        del os.environ["FWCTLD_COMMANDS_DIR"]
    assert result.returncode == 1 and "did not take the new policy, and the files are as they were: " in result.stderr
    assert "pds.yaml:1" in result.stderr, result
    assert {path.name: (path.read_text(), path.stat().st_ino) for path in POLICY_D.iterdir()} == before
    assert names(ETC / "policy.d") == OLD and not (ETC / ".policy.d.new").exists()
    alice.nvme.smart()
    assert alice.property("PolicyGeneration") == 1


def test_a_failing_case_is_never_in_force(fwctld, alice, new):
    (new / "70-new.test.yaml").write_text(CASES.replace("deny", "allow"))
    assert "failed: alice may not" in fwctl("policy", "install", new, code=1).stderr
    assert names(POLICY_D) == OLD and alice.property("PolicyGeneration") == 1
    alice.nvme.smart()


def test_without_fwctld_the_next_start_reads_it(stopped, new):
    shown = fwctl("policy", "install", new).stdout
    assert shown.endswith("fwctld does not run; it reads the policy when it starts.\n"), shown
    stopped.start()
    with pytest.raises(BusError):
        stopped.client("alice").nvme.smart()


def test_explain_takes_a_device_from_fwctld(fwctld, new):
    (new / "70-new.yaml").write_text(
        f"version: 1\nrules:\n  - {{id: this, device: {{serial: {fwctld.nvme.serial}}}, verdict: deny}}\n")
    (new / "70-new.test.yaml").unlink()
    words = ("--json", "policy", "explain", "--policy", new, "--user", "alice", "--device")
    for device in (fwctld.nvme.name, f"/dev/{fwctld.nvme.name}", fwctld.nvme.serial):
        assert json.loads(fwctl(*words, device, "identify").stdout)["rule"] == "this"
    assert json.loads(fwctl(*words, fwctld.cxl.name, "get-supported-features").stdout)["rule"] == "default:read-only"
    assert json.loads(fwctl(*words, "nvme99", "identify", code=1).stdout)["error"]["name"].endswith(".DeviceGone")
    # The rules are the daemon's own.
    said = fwctld.client("alice").nvme.explain("nvme.identify", {})
    found = json.loads(fwctl("--json", "policy", "explain", "--user", "alice", "--device", fwctld.nvme.name, "identify").stdout)
    assert (found["verdict"], found["rule"], found["rule-at"]) == (said["verdict"], said["rule"], said["rule-at"])
