# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much memory fwctld takes. Sizes, and no times: those are tests/bench/."""
import pathlib

import pytest

import processes

KIB = 1024
DEVICES = 64

pytestmark = pytest.mark.skipif(b"libasan" in (processes.LIBEXEC / "fwctld").read_bytes(),
                                reason="a sanitizer takes memory of its own")


def resident(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) * KIB


def private(pid):
    """What ends with the process: neither its program's text nor what it shares with other processes."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))


def executors(fwctld):
    return fwctld.monitor.children()


def test_64_devices(stopped):
    for number in range(2, DEVICES):
        processes.create_device(number, "nvme" if number % 2 == 0 else "cxl", f"SIM-{number}")
    fwctld = stopped.start()
    alice = fwctld.client("alice")
    for number in range(DEVICES):
        device = alice.device(f"sim{number}")
        for _ in range(20):
            if number % 2 == 0:
                device.execute("nvme.get-log-page", {"lid": 2, "numd": 127})
            else:
                device.execute("cxl.get-supported-features", {})

    assert len(executors(fwctld)) == DEVICES
    assert resident(fwctld.broker.pid) <= 10 * KIB * KIB
    assert max(private(pid) for pid in executors(fwctld)) <= 400 * KIB
    print(f"broker {resident(fwctld.broker.pid) // KIB} KiB resident; "
          f"executors at most {max(private(pid) for pid in executors(fwctld)) // KIB} KiB private")
