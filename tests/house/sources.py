#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What holds for every source file: where it may lean, whose names it uses, under which licence it stands."""
import re
import subprocess

import tap

# The arrows of ARCHITECTURE.md: a file of the first path may include project headers that start with one of
# the others. The longest path that fits counts.
MAY_INCLUDE = {
    "include/": ("include/",),
    "policy/": ("policy/", "include/"),
    "daemon/broker/": ("daemon/broker/", "daemon/exec/wire.h", "daemon/monitor/protocol.h", "policy/", "include/"),
    "daemon/monitor/": ("daemon/monitor/", "daemon/exec/wire.h", "include/"),
    "daemon/exec/": ("daemon/exec/", "include/"),
    "daemon/sim/": ("daemon/sim/", "daemon/exec/", "include/"),
    "client/": ("client/", "policy/", "include/"),
    "client/libfwctld": ("client/", "include/"),
    "tests/": ("tests/", "daemon/", "policy/", "client/", "include/"),
}
# And which libraries beside libc.
MAY_USE = {
    "include/": (),
    "policy/": ("yaml.h", "nettle/"),
    "daemon/broker/": ("systemd/", "nettle/"),
    "daemon/monitor/": ("systemd/sd-daemon.h", "sys/capability.h"),
    "daemon/exec/": ("seccomp.h", "sys/capability.h"),
    "daemon/sim/": ("seccomp.h",),
    "client/": ("systemd/",),
}
LIBRARIES = ("systemd/", "yaml.h", "seccomp.h", "nettle/", "sys/capability.h", "libudev.h")
# policy/ is pure: no clock, no log, no process.
IMPURE = re.compile(r"\b(clock_gettime|gettimeofday|time|syslog|getenv|fork|socket|getpid)\s*\(")

C_FILES = [path for path in tap.files() if path.suffix in (".c", ".h")]
# Data that a program reads byte for byte; and debian/copyright speaks for its folder.
WITHOUT_LICENCE = re.compile(
    r"^LICENSE$|^\.(clang-format|editorconfig|git|gitignore)$|^debian/|^tests/fuzz/corpus/|^tests/data/")
LICENCE = "SPDX-License-Identifier: LGPL-2.1-or-later"
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", re.S)


def text(path):
    return (tap.SOURCE / path).read_text(errors="replace")


def longest(table, path):
    fitting = [prefix for prefix in table if str(path).startswith(prefix)]
    return table[max(fitting, key=len)] if fitting else None


def test_includes_point_downward():
    wrong = []
    for path in C_FILES:
        allowed = longest(MAY_INCLUDE, path)
        assert allowed is not None, f"{path}: a C file in a folder that has no rule"
        for included in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text(path), re.M):
            if not included.startswith(allowed) or "/" not in included:
                wrong.append(f'{path} includes "{included}"')
    assert C_FILES and not wrong, "\n".join(wrong)


def test_libraries_stay_in_their_folders():
    wrong = []
    for path in C_FILES:
        allowed = longest(MAY_USE, path)
        if allowed is None:
            continue
        for included in re.findall(r"^\s*#\s*include\s+<([^>]+)>", text(path), re.M):
            if included.startswith(LIBRARIES) and not included.startswith(allowed or "\0"):
                wrong.append(f"{path} includes <{included}>")
    assert not wrong, "\n".join(wrong)


def test_policy_is_pure():
    wrong = [f"{path}: {match}" for path in C_FILES if str(path).startswith("policy/")
             for match in IMPURE.findall(COMMENT.sub("", text(path)))]
    assert not wrong, "\n".join(wrong)


def test_every_file_has_its_licence():
    missing = [str(path) for path in tap.files()
               if not WITHOUT_LICENCE.search(str(path)) and LICENCE not in text(path)[:600]]
    assert not missing, "no SPDX header: " + ", ".join(missing)


def test_no_own_symbol_takes_the_kernels_prefix():
    kernel = set(re.findall(r"\b(?:fwctl|FWCTL)_\w+", text("include/kernel-abi.h")))
    wrong = sorted({f"{path}: {name}" for path in C_FILES if str(path) != "include/kernel-abi.h"
                    for name in re.findall(r"\b(?:fwctl|FWCTL)_\w+", COMMENT.sub("", text(path)))
                    if name not in kernel})
    assert kernel and not wrong, "\n".join(wrong)


def test_no_file_is_too_long():
    long = [f"{path}: {n} lines" for path in C_FILES if (n := text(path).count("\n")) > 700]
    assert not long, "\n".join(long)


def test_every_trap_is_met_where_it_says():
    named = re.findall(r"`([\w./-]+\.\w+): ([^`]+)`", text("docs/traps.md"))
    wrong = [f"{path} has no \"{name}\"" for path, name in named
             if name not in re.sub(r"\s+(\* )?", " ", text(path))]
    assert len(named) > 30 and not wrong, "\n".join(wrong)


def test_every_seeded_fault_still_fits():
    result = subprocess.run([tap.SOURCE / "tests/faults/run", "--list"], stdout=subprocess.PIPE, text=True, check=False)
    listed = result.stdout.splitlines()
    wrong = [line for line in listed if line.endswith("DOES NOT FIT")]
    assert result.returncode == 0 and not wrong and len(listed) > 100, "\n".join(wrong) or listed


tap.run(globals())
