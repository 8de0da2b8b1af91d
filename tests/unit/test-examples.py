#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The policies that come with fwctld: each loads beside the shipped defaults, has nothing to find fault with, and
decides its cases as these expect; and the cases reach every rule."""
import json
import os
import re
import subprocess

import tap
import yaml

FWCTL = os.environ["FWCTLD_CLI"]
DEFAULT = tap.SOURCE / "policy/policy.d/50-default.yaml"
EXAMPLES = sorted(path for path in (tap.SOURCE / "policy/examples").glob("*.yaml")
                  if not path.name.endswith(".test.yaml"))


def fwctl(*words):
    result = subprocess.run([FWCTL, "--json", "policy", *words], capture_output=True, check=False, timeout=120,
                            env={"PATH": "/usr/bin:/bin", "FWCTLD_COMMANDS_DIR": str(tap.SOURCE / "policy/commands"),
                                 **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}})
    assert (result.returncode, result.stderr) == (0, b""), (words, result)
    return json.loads(result.stdout)


def test_each_loads_and_nothing_is_found():
    for example in EXAMPLES:
        assert fwctl("check", "--no-users", DEFAULT, example)["problems"] == [], example
        assert fwctl("lint", "--no-users", DEFAULT, example)["findings"] == [], example


def test_each_decides_its_cases():
    for example in EXAMPLES:
        found = fwctl("test", DEFAULT, example)
        assert found["cases"] >= 6 and found["failed"] == 0 and found["not-reached"] == [], (example, found)
        cases = yaml.load(example.with_suffix(".test.yaml").read_text(), yaml.BaseLoader)["tests"]
        # The near misses: what no rule of it lets through.
        assert any(case["expect"]["rule"].startswith("default:") or case["expect"]["verdict"] == "deny"
                   for case in cases), example


def test_all_of_them_together_load():
    """Somebody copies all they like."""
    assert fwctl("check", "--no-users", DEFAULT, *EXAMPLES)["rules"] > 15


def test_documentation_names_each():
    page = (tap.SOURCE / "docs/fwctld.policy.5").read_text()
    assert len(EXAMPLES) >= 6
    for example in EXAMPLES:
        assert example.name in page, example.name
        assert re.search(rf"^# Copy it to /etc/fwctld/policy\.d/60-{example.name}\b", example.read_text(), re.M), example


tap.run(globals())
