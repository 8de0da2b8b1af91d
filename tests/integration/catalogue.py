# SPDX-License-Identifier: LGPL-2.1-or-later
"""The catalogue as test data: for each of its rows a request that the row fits."""
import pathlib

import yaml

FOLDER = pathlib.Path("/usr/share/fwctld/commands")


def load(dialect):
    return yaml.safe_load((FOLDER / f"{dialect}.yaml").read_text())


def first_value(wanted):
    """One value that a `when:` accepts."""
    if isinstance(wanted, list):
        wanted = wanted[0]
    if isinstance(wanted, str) and wanted.startswith("0x") and "-" in wanted:
        wanted = int(wanted.split("-")[0], 0)
    return wanted


def number(field, value):
    names = field.get("names", {})
    return int(str(names.get(value, value)), 0) if not isinstance(value, int) else value


def holds(when, fields, values):
    for name, wanted in (when or {}).items():
        if name == "effects" or name not in values:
            return False
        accepted = wanted if isinstance(wanted, list) else [wanted]
        if values[name] not in accepted and number_or_none(fields[name], values[name]) not in [
                number_or_none(fields[name], item) for item in accepted]:
            return False
    return True


def number_or_none(field, value):
    try:
        return number(field, value)
    except ValueError:
        return None


def default(field, fields, values):
    cases = field.get("default")
    if not isinstance(cases, list):
        return cases
    for case in cases:
        case = case if isinstance(case, dict) else {"value": case}
        if holds(case.get("when"), fields, values):
            return case["value"]
    return None


def complete(command, header, when):
    """Values for every field that has no default, so that `when` holds."""
    fields = {**header, **command.get("fields", {})}
    given = {name: first_value(wanted) for name, wanted in (when or {}).items() if name in fields}
    for name, field in fields.items():
        if name in given or "fixed" in field or default(field, fields, given) is not None:
            continue
        if field.get("type") == "uuid":
            given[name] = "a1d6a7c2-52e1-4be2-9d0c-4f3b6f0f7a10"
        elif field.get("type") == "bytes":
            given[name] = bytes(field["size"])
        else:
            given[name] = next(iter(field.get("names", {"": 0}).values()))
    return given


def data_for(command, header, given):
    """Bytes of the length that the entry wants to be sent along."""
    fields = {**header, **command.get("fields", {})}
    values = dict(given)
    for name, field in fields.items():
        if name not in values and "fixed" not in field:
            values[name] = default(field, fields, values)
    cases = command.get("request") or []
    for case in cases if isinstance(cases, list) else [cases]:
        if not holds(case.get("when"), fields, values):
            continue
        length = case["length"]
        if isinstance(length, dict) and "of" in length:
            value = number(fields[length["of"]], values[length["of"]])
            length = (value + length.get("add", 0)) * length.get("scale", 1)
        elif isinstance(length, dict):
            length = length["min"]
        return bytes(length)
    return b""


def requests(dialect, envelope=None):
    """(name, fields, data) for every refinement of every command, and for each command without one.

    envelope: those that say it; None: those that travel in their dialect's."""
    catalogue = load(dialect)
    header = catalogue.get("header", {})
    for command in catalogue["commands"]:
        if command.get("envelope") != envelope:
            continue
        for row in [*command.get("refine", []), {}, *command.get("also", [])]:
            given = complete(command, header, row.get("when"))
            yield f"{dialect}.{command['name']}", given, data_for(command, header, given)
