#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Units, bus policy, polkit actions, journal catalog and documentation: do those who read them understand them?"""
import glob
import pathlib
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree

import yaml

import tap

UNITS = tap.SOURCE / "units"
NAMES = (tap.SOURCE / "include/fwctld-names.h").read_text()
ACTIONS = re.findall(r'FWCTLD_ACTION_\w+\s+"([^"]+)"', NAMES)


def output(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(map(str, command))}: {result.stdout}"
    return result.stdout


def test_polkit_actions_are_the_four_of_the_header():
    found = [action.get("id") for action in ElementTree.parse(UNITS / "org.fwctld1.policy").iter("action")]
    assert len(ACTIONS) == 4 and sorted(found) == sorted(ACTIONS), found


def test_polkit_never_remembers_an_authentication():
    for action in ElementTree.parse(UNITS / "org.fwctld1.policy").iter("action"):
        for name in ("allow_any", "allow_inactive", "allow_active"):
            value = action.find(f"defaults/{name}").text
            assert value in ("no", "auth_admin"), f"{action.get('id')}: {name} is {value}"


def test_polkit_lets_fwctld_ask_about_others():
    for action in ElementTree.parse(UNITS / "org.fwctld1.policy").iter("action"):
        owners = [a.text for a in action.iter("annotate") if a.get("key") == "org.freedesktop.policykit.owner"]
        assert owners == ["unix-user:fwctld"], action.get("id")


def test_bus_policy_names_each_interface_it_opens():
    bus = ElementTree.parse(UNITS / "org.fwctld1.conf")
    owners = [policy.attrib for policy in bus.iter("policy") if policy.find("allow[@own]") is not None]
    assert owners == [{"user": "fwctld"}], owners
    allowed = [rule.attrib for rule in bus.iter("allow") if "own" not in rule.attrib]
    assert allowed
    for rule in allowed:
        assert rule.get("send_destination") == "org.fwctld1" and rule.get("send_interface"), rule
        assert set(rule) == {"send_destination", "send_interface", "send_type"}, rule


def test_journal_catalog_has_every_kind_of_record():
    identifiers = set(re.findall(r'FWCTLD_MESSAGE_\w+\s+"([0-9a-f]{32})"', NAMES))
    described = set(re.findall(r"^-- ([0-9a-f]{32})$", (UNITS / "fwctld.catalog").read_text(), re.M))
    assert identifiers and identifiers == described, identifiers ^ described


def test_journal_catalog_is_readable_to_journalctl():
    tap.needs("journalctl")
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        catalog = root / "usr/lib/systemd/catalog"
        catalog.mkdir(parents=True)
        (root / "var/lib/systemd/catalog").mkdir(parents=True)
        (catalog / "fwctld.catalog").write_bytes((UNITS / "fwctld.catalog").read_bytes())
        text = output("journalctl", f"--root={root}", "--update-catalog")
        assert not text.strip(), text
        listed = output("journalctl", f"--root={root}", "--list-catalog")
        assert len(re.findall(r"^[0-9a-f]{32} fwctld:", listed, re.M)) >= 12, listed


def test_systemd_understands_the_units():
    tap.needs("systemd-analyze")
    if tap.BUILD is None:
        raise tap.Skip("FWCTLD_BUILD is not set")
    with tempfile.TemporaryDirectory() as folder:
        for unit in (*tap.BUILD.glob("units/*.service"), UNITS / "fwctld-monitor.socket"):
            # The programs are not installed here; anything that can be run will do.
            text = re.sub(r"^(Exec\w+=)\S*/fwctld(-monitor)?$", r"\1/bin/true", unit.read_text(), flags=re.M)
            pathlib.Path(folder, unit.name).write_text(text)
        paths = sorted(glob.glob(folder + "/*"))
        assert len(paths) == 3, paths
        text = output("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *paths)
        assert not text.strip(), text


def test_the_units_are_confined():
    tap.needs("systemd-analyze")
    if tap.BUILD is None:
        raise tap.Skip("FWCTLD_BUILD is not set")
    # In tenths; what is above them is explained in ARCHITECTURE.md.
    for unit, most in (("fwctld.service", 9), ("fwctld-monitor.service", 22)):
        output("systemd-analyze", "security", "--no-pager", "--offline=yes", f"--threshold={most}",
               tap.BUILD / "units" / unit)


def test_manual_pages_are_well_formed():
    tap.needs("mandoc")
    pages = sorted(path for path in (tap.SOURCE / "docs").glob("*.[1-8]"))
    assert pages
    output("mandoc", "-Tlint", "-Wwarning", *pages)


def test_the_documentation_has_every_command_of_the_catalogue():
    if tap.BUILD is None:
        raise tap.Skip("FWCTLD_BUILD is not set")
    document = (tap.BUILD / "docs/commands.md").read_text()
    installed = (tap.SOURCE / "policy/meson.build").read_text()
    files = sorted((tap.SOURCE / "policy/commands").glob("*.yaml"))
    assert files
    for path in files:
        dialect = yaml.safe_load(path.read_text())
        assert f"'commands/{path.name}'" in installed, f"{path.name} is not installed"
        assert f"\n## {path.stem}: {dialect['summary']}\n" in document, path.stem
        for command in dialect["commands"]:
            rows = re.findall(rf"^\| `{path.stem}\.{command['name']}` \|(.*)\|$", document, re.M)
            assert rows, f"{path.stem}.{command['name']}"
            for row in rows:
                cells = [cell.strip() for cell in row.replace(r"\|", "").split("|")]
                assert len(cells) == 8 and len(cells[-1]) > 3, row


tap.run(globals())
