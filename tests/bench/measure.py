#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts bus, polkitd, journald, fwctld and the control, and runs the client as alice. See tests/bench/run."""
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(TESTS / "integration"))
import processes  # noqa: E402

BUILD = TESTS.parent / "build/bench/tests/bench"
DEVICE = "/org/fwctld1/device/sim0"
POLICY = "version: 1\ndefaults: {read-only: allow, config-change: deny, destructive: deny}\n"
CONTROL_ON_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <policy user="root"><allow own="org.fwctld1.BenchControl"/></policy>
  <policy context="default"><allow send_destination="org.fwctld1.BenchControl"/></policy>
</busconfig>
"""


def main():
    pathlib.Path("/etc/dbus-1/system.d/bench.conf").write_text(CONTROL_ON_BUS)
    policy = pathlib.Path("/etc/fwctld/policy.d")
    (policy / "50-default.yaml").write_text("")
    (policy / "60-bench.yaml").write_text(POLICY)
    pathlib.Path("/run/fwctld").mkdir()
    daemons = [processes.start_journal(), processes.start_bus(), processes.start_polkit()]
    # What systemd sets at boot; the tests' smaller queue would be measured as well.
    pathlib.Path("/proc/sys/net/unix/max_dgram_qlen").write_text("512")
    processes.fresh_devices()
    daemons.append(processes.Monitor(f"--simulate={processes.SIMULATED}"))
    daemons.append(processes.Broker())
    daemons.append(processes.Process("control", [BUILD / "bench-control", DEVICE]))
    processes.wait_for(
        lambda: "BenchControl" in subprocess.run(["busctl", "list", "--acquired", "--no-pager"], text=True,
                                                 capture_output=True, check=False).stdout, "the control")
    for run in range(3):
        print(f"run {run + 1}:", flush=True)
        subprocess.run(["setpriv", "--reuid=alice", "--regid=alice", "--init-groups",
                        BUILD / "bench-client", DEVICE, sys.argv[1]], check=True)
    for process in reversed(daemons):
        process.stop()


if __name__ == "__main__":
    main()
