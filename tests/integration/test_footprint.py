# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much memory fwctld takes. Sizes, and no times: those are tests/bench/."""
import pathlib

import pytest

import processes

KIB = 1024
DEVICES = 64

SANITIZED = any(library in (processes.LIBEXEC / "fwctld").read_bytes() for library in (b"libasan", b"libtsan"))

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer takes memory of its own")


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


def anonymous(pid):
    """Resident memory that no file stands behind."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon:")).split()[1]) * KIB


def test_long_answers_leave_nothing(fwctld):
    """A hundred of 1.5 and 2 MiB: broker and executors are as small afterwards as before."""
    fwctld.policy("version: 1\ndefaults: {read-only: allow, confidential: allow}\n")
    alice = fwctld.client("alice")
    nvme, cxl = alice.nvme, alice.cxl
    pids = [fwctld.broker.pid, *executors(fwctld)]

    def work(n):
        for _ in range(n):
            nvme.execute("nvme.get-log-page", {"lid": "telemetry-host", "numd": 393215})
            cxl.execute("cxl.get-supported-features", {"count": 2 * KIB * KIB - 8})

    nvme.smart()
    before = [anonymous(pid) for pid in pids]
    work(50)
    # An answer is freed after it was sent.
    nvme.smart()
    cxl.execute("cxl.get-supported-features", {"count": 8})
    after = [anonymous(pid) for pid in pids]
    print(f"anonymous bytes of broker and executors, before {before}, after {after}")
    assert all(now <= then + 512 * KIB for then, now in zip(before, after))
