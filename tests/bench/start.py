#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long fwctld takes to serve 256 devices, beside the same number of programs that are only started.

See tests/bench/run.
"""
import pathlib
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(TESTS / "integration"))
import client  # noqa: E402
import processes  # noqa: E402

DEVICES = 256


def start_programs():
    began = time.monotonic()
    for _ in range(DEVICES):
        subprocess.run([processes.LIBEXEC / "fwctl-exec-sim"], stderr=subprocess.DEVNULL, check=False)
    return time.monotonic() - began


def start_fwctld():
    """Until READY=1, and until the last device has answered a caller."""
    monitor = processes.Monitor(f"--simulate={processes.SIMULATED}")
    began = time.monotonic()
    broker = processes.Broker()
    ready = time.monotonic() - began
    caller = client.Client("alice")
    for number in range(DEVICES):
        if number != 1:  # which is the CXL one
            caller.device(f"sim{number}").smart()
    served = time.monotonic() - began
    caller.close()
    broker.stop()
    monitor.stop()
    return ready, served


def main():
    pathlib.Path("/run/fwctld").mkdir()
    daemons = [processes.start_journal(), processes.start_bus(), processes.start_polkit()]
    pathlib.Path("/proc/sys/net/unix/max_dgram_qlen").write_text("512")
    processes.fresh_devices()
    for number in range(2, DEVICES):
        processes.create_device(number, "nvme", f"SIM-{number}")
    for run in range(3):
        programs = start_programs()
        ready, served = start_fwctld()
        print(f"run {run + 1}: {DEVICES} devices: ready after {ready:.2f} s, each has served a caller after {served:.2f} s; "
              f"{served / programs:.2f} x the start of {DEVICES} programs ({programs:.2f} s)", flush=True)
    for process in reversed(daemons):
        process.stop()


if __name__ == "__main__":
    main()
