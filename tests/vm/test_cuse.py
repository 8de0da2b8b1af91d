# SPDX-License-Identifier: LGPL-2.1-or-later
"""The executor on character devices of the dialects whose hardware nothing emulates: tests/cuse."""
import os
import pathlib
import subprocess

PROGRAM = pathlib.Path("/source/programs/test-cuse")


def test_the_executor_through_real_calls():
    assert PROGRAM.exists(), "Start tests/vm/boot with -p tests/cuse/test-cuse of the build folder."
    done = subprocess.run([PROGRAM, "/source/tests/cuse/commands"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=600, cwd="/", env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
    pathlib.Path("/output/cuse.tap").write_bytes(done.stdout)
    assert done.returncode == 0, done.stdout.decode(errors="replace")
