#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The JSON Schema of policies, as an editor uses it: does it say of a file what fwctld says?"""
import json
import re

import jsonschema
import yaml

import tap

SCHEMA = json.loads((tap.SOURCE / "include/policy.schema.json").read_text())
CORPUS = tap.SOURCE / "tests/data/policy"

# Bad files that a schema has to call good, and what it would have to know.
BEYOND_A_SCHEMA = {
    "the accounts of the machine": {"caller-deny-unknown-user"},
    "the catalogue": {
        "command-of-other-type", "command-prefix-matches-none", "command-unknown", "where-bytes",
        "where-field-of-one-only", "where-lists-fields", "where-lists-names", "where-range-too-large", "where-secret",
        "where-too-large", "where-unknown-field", "where-unknown-name", "where-uuid",
    },
    "other rules": {
        "id-twice", "shadow-deny-hides-hazards", "shadow-everything", "shadow-joined-ranges",
        "shadow-prefix-hides-exact", "shadow-prefix-hides-prefix", "shadow-range-hides-values", "shadow-same",
        "shadow-star-is-everything", "shadow-user-in-list", "shadow-uuid", "shadow-whole-field",
        "shadow-always-hides-when", "shadow-limit-never-falls-through", "shadow-observe-hidden-by-enforced",
        "shadow-observe-hidden-by-observe", "shadow-scope", "shadow-when-longer", "shadow-when-same",
    },
    "the time zones of the machine": {"when-zone-capitals", "when-zone-unknown"},
    "arithmetic": {"limit-per-long-seconds", "when-same-hour", "where-range-empty"},
    "how a value is written in YAML": {
        "observe-capitals", "version-fraction", "where-leading-zero", "yaml-anchor", "yaml-tag",
    },
    "that a key stands twice": {"duplicate-key"},
    "characters that nobody sees": {
        "yaml-hidden-byte-order-mark", "yaml-hidden-cr", "yaml-hidden-direction", "yaml-hidden-line-end",
        "yaml-hidden-nel",
    },
}


class Loader(yaml.SafeLoader):
    """Reads YAML as editors do, by version 1.2. To PyYAML, which knows 1.1, 10:00 is the number 600 and `on` is true."""
    yaml_implicit_resolvers = {}


for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
        ("null", r"null|Null|NULL|~|", ("n", "N", "~", ""))):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^({pattern})$"), list(first))
# The first that fits counts, and the pattern of floats fits integers too.
for resolvers in Loader.yaml_implicit_resolvers.values():
    resolvers.sort(key=lambda resolver: resolver[0].endswith(":float"))


def complaint(path):
    """What an editor says of a file, or None."""
    try:
        document = yaml.load(path.read_bytes(), Loader)
    except yaml.YAMLError as error:
        return f"not YAML: {error}"
    if document is None:  # comments alone: there is nothing to hold against a schema
        return None
    error = jsonschema.exceptions.best_match(jsonschema.Draft7Validator(SCHEMA).iter_errors(document))
    return error and f"{error.json_path}: {error.message}"


def names(folder):
    return {path.stem for path in (CORPUS / folder).glob("*.yaml")}


def test_schema_is_one():
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_yaml_is_read_as_editors_do():
    read = yaml.load("[10:00, on, 0x10, 017, 8.1, 2026-11-22, true, ~, 1e3, 12:30:45, '1']", Loader)
    assert read[:2] == ["10:00", "on"] and read[2] == 16 and read[4:7] == [8.1, "2026-11-22", True], read
    assert read[7:] == [None, 1000.0, "12:30:45", "1"], read


def test_good_files_are_valid():
    files = [*(CORPUS / "good").glob("*.yaml"), *(tap.SOURCE / "policy/policy.d").glob("*.yaml"),
             *(path for path in (tap.SOURCE / "policy/examples").glob("*.yaml") if not path.match("*.test.yaml"))]
    assert len(files) >= 20
    wrong = [f"{path}: {complaint(path)}" for path in files if complaint(path)]
    assert not wrong, "\n".join(wrong)


def test_bad_files_are_invalid_where_a_schema_can_know():
    beyond = set().union(*BEYOND_A_SCHEMA.values())
    assert beyond <= names("bad"), f"no longer there: {beyond - names('bad')}"
    accepted = {name for name in names("bad") if complaint(CORPUS / "bad" / f"{name}.yaml") is None}
    assert not accepted - beyond, f"the schema accepts: {sorted(accepted - beyond)}"
    assert not beyond - accepted, f"the schema can know after all: {sorted(beyond - accepted)}"


def test_schema_names_what_fwctld_names():
    """Words that stand in the schema and in the sources: neither has one that the other lacks."""
    definitions = SCHEMA["definitions"]
    rule = definitions["rule"]["properties"]
    manual = (tap.SOURCE / "docs/fwctld.policy.5").read_text()
    keys = manual.partition(".SH KEYS OF A RULE")[2].partition(".SH VERDICTS")[0]
    assert set(re.findall(r'^\.BR ([a-z-]+): ', keys, re.M)) == set(rule)
    dialects = {path.stem for path in (tap.SOURCE / "policy/commands").glob("*.yaml")}
    assert set(definitions["type"]["anyOf"][0]["enum"]) == dialects
    defaults = set(SCHEMA["properties"]["defaults"]["properties"])
    assert defaults == {*definitions["class"]["enum"], *definitions["hazard"]["enum"]}


tap.run(globals())
