# SPDX-License-Identifier: LGPL-2.1-or-later
"""The catalogue as test data: for each of its rows a request that the row fits."""
import pathlib

import yaml

FOLDER = pathlib.Path("/usr/share/fwctld/commands")
OWN = pathlib.Path("/etc/fwctld/commands.d")  # the administrator's
SEGMENT = 16  # bytes of each whose length is for the caller to say


def load(dialect):
    """The shipped file, and what a file of the administrator adds."""
    catalogue = yaml.safe_load((FOLDER / f"{dialect}.yaml").read_text())
    if (OWN / f"{dialect}.yaml").exists():
        catalogue["commands"] += yaml.safe_load((OWN / f"{dialect}.yaml").read_text()).get("commands", [])
    return catalogue


def first_value(wanted):
    """One value that a `when:` accepts."""
    if isinstance(wanted, list):
        wanted = wanted[0]
    # Names do not begin with a digit, and a UUID has more than one dash.
    if isinstance(wanted, str) and wanted[0].isdigit() and wanted.count("-") == 1:
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


def is_fixed(field):
    return "fixed" in field or "select" in field


def default(field, fields, values):
    cases = field.get("default")
    if not isinstance(cases, list):
        return cases
    for case in cases:
        case = case if isinstance(case, dict) else {"value": case}
        if holds(case.get("when"), fields, values):
            return case["value"]
    return None


def of(segment):
    """The field that says how long a segment is, or None."""
    return segment["length"].get("of") if isinstance(segment["length"], dict) else None


def complete(command, header, when, left=()):
    """Values for every field that has no default, but for those of `left`, so that `when` holds."""
    fields = {**header, **command.get("fields", {})}
    given = {name: first_value(wanted) for name, wanted in (when or {}).items() if name in fields}
    for name, field in fields.items():
        if name in given or name in left or is_fixed(field) or default(field, fields, given) is not None:
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
        if name not in values and not is_fixed(field):
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


def segments_for(segments, given):
    """The bytes of those that go to the device; `given` gets the lengths that it does not have."""
    data = b""
    for segment in segments:
        length = segment["length"]
        if isinstance(length, dict):
            value = given.setdefault(length["of"], SEGMENT)
            length = (value + length.get("add", 0)) * length.get("scale", 1)
        if segment["direction"] == "to-device":
            data += bytes(length)
    return data


def requests(dialect, envelope=None):
    """(name, fields, data) for every refinement of every command, and for each command without one.

    envelope: those that say it; None: those that travel in their dialect's."""
    catalogue = load(dialect)
    header = catalogue.get("header", {})
    for command in catalogue["commands"]:
        if command.get("envelope") != envelope:
            continue
        for row in [*command.get("refine", []), {}, *command.get("also", [])]:
            segments = command.get("segments", catalogue.get("segments", []))
            given = complete(command, header, row.get("when"), {of(segment) for segment in segments})
            data = segments_for(segments, given)
            yield f"{dialect}.{command['name']}", given, data or data_for(command, header, given)


def greatest(field, places):
    place = {**places.get(field.get("in"), {}), **field}
    bits = str(place.get("bits", f"0-{8 * place.get('size', 0) - 1}"))
    first, _, last = bits.partition("-")
    return 2 ** (int(last or first) - int(first) + 1) - 1


def full_requests(dialect):
    """(name, fields, data) for every command, with each field that is free at its greatest value."""
    catalogue = load(dialect)
    places = catalogue.get("places", {})
    for command in catalogue["commands"]:
        segments = command.get("segments", catalogue.get("segments", []))
        fields = {**catalogue.get("header", {}), **command.get("fields", {})}
        lengths = {of(segment) for segment in segments}
        given = {name: b"\xff" * field["size"] if field.get("type") == "bytes" else greatest(field, places)
                 for name, field in fields.items()
                 if name not in lengths and not is_fixed(field) and "at-most" not in field}
        data = segments_for(segments, given)
        yield f"{dialect}.{command['name']}", given, data or data_for(command, catalogue.get("header", {}), given)
