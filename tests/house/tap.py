# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the test_ functions of a script and prints TAP."""
import os
import pathlib
import shutil
import traceback

SOURCE = pathlib.Path(os.environ.get("FWCTLD_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ["FWCTLD_BUILD"]) if "FWCTLD_BUILD" in os.environ else None


class Skip(Exception):
    """This test can't run here; says why."""


def needs(program):
    if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
        raise Skip(f"{program} is not installed")


def files():
    """Every file of the tree that people wrote, as paths relative to its top."""
    for folder, folders, names in os.walk(SOURCE):
        folders[:] = sorted(f for f in folders if f not in (".git", "__pycache__") and not f.startswith("build"))
        if pathlib.Path(folder) == SOURCE / "debian":
            folders[:] = ["source"]  # the others are what a build of the packages leaves there
        for name in sorted(names):
            yield (pathlib.Path(folder) / name).relative_to(SOURCE)


def run(tests):
    tests = {name: test for name, test in tests.items() if name.startswith("test_")}
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests.items(), 1):
        label = name[len("test_"):].replace("_", " ")
        try:
            test()
            print(f"ok {number} - {label}")
        except Skip as why:
            print(f"ok {number} - {label} # SKIP {why}")
        except Exception:
            failed = 1
            print(f"not ok {number} - {label}")
            for line in traceback.format_exc().splitlines():
                print("# " + line)
    raise SystemExit(failed)
