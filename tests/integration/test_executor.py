# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices that hang, die or answer nonsense: the caller is told the truth, and so is the journal."""
import contextlib
import pathlib
import signal
import struct
import time

import pytest

import processes
from client import BusError
from simulated import Fault

# A vendor's read with a deadline that a test can wait for; the model does not know its opcode.
FAST = """\
dialect: nvme
commands:
  - name: fast-probe
    opcode: 0xc1
    summary: A vendor's probe.
    class: read-only
    reason: a query of the test vendor
    deadline: 1s
"""


@pytest.fixture
def fast(stopped):
    pathlib.Path("/etc/fwctld/commands.d/nvme.yaml").write_text(FAST)
    # What a device says that it does not support would be destructive.
    stopped.nvme.report_command(0xc1, 1)
    return stopped.start()


def executor_pid(fwctld, name):
    for pid in fwctld.monitor.children():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one that has just ended
            if name.encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
    return None


def test_fast_probe_reaches_the_device(fast):
    device = fast.client("alice").nvme
    with pytest.raises(BusError) as error:
        device.execute("nvme.fast-probe")
    assert error.value.short == "DeviceRefused" and "invalid-opcode" in error.value.message
    assert error.value.details["status"] == 1
    assert fast.reached() == 1
    assert fast.journal.wait("outcome", caller_name="alice")["result"] == "refused-by-device"


def test_hanging_command_times_out_and_is_audited_as_late(fast):
    alice, bob = fast.client("alice"), fast.client("bob")
    fast.nvme.fault(Fault.HANG)
    started = time.monotonic()
    with pytest.raises(BusError) as error:
        alice.nvme.execute("nvme.fast-probe")
    assert error.value.short == "Timeout"
    assert 0.9 < time.monotonic() - started < 3
    request = error.value.details["request"]
    assert fast.journal.wait("outcome", request=request)["result"] == "unknown"

    # Busy until the kernel returns: nobody waits for it, and the other device is as quick as ever.
    assert fast.state() == "busy"
    with pytest.raises(BusError) as error:
        bob.nvme.smart(timeout=3)
    assert error.value.short == "Busy"
    bob.cxl.execute("cxl.get-supported-features", {"count": 8}, timeout=3)
    assert bob.nvme.explain("nvme.get-log-page", {"lid": "smart"})["verdict"] == "allow"

    fast.nvme.fault(Fault.NONE)
    late = fast.journal.wait("late-outcome", request=request)
    assert late["result"] == "refused-by-device" and int(late["duration_usec"]) >= 1_000_000
    processes.wait_for(lambda: fast.state() == "idle", "an idle device")
    bob.nvme.smart()


def test_waiting_requests_end_when_the_device_hangs(fast):
    alice = fast.client("alice")
    device = alice.nvme
    fast.nvme.fault(Fault.HANG)
    first = device.post_execute("nvme.fast-probe")
    queued = [device.post_execute("nvme.get-log-page", {"lid": "smart"}) for _ in range(5)]
    with pytest.raises(BusError) as error:
        alice.wait(first)
    assert error.value.short == "Timeout"
    for serial in queued:
        with pytest.raises(BusError) as error:
            alice.wait(serial, timeout=3)
        assert error.value.short == "Busy"
    fast.nvme.fault(Fault.NONE)
    fast.journal.wait("late-outcome")
    assert fast.reached() == 1


def test_dying_executor_leaves_an_unknown_outcome(fwctld, alice, bob):
    fwctld.nvme.fault(Fault.DIE)
    with pytest.raises(BusError) as error:
        alice.nvme.smart()
    assert error.value.short == "OutcomeUnknown"
    request = error.value.details["request"]
    assert fwctld.journal.wait("outcome", request=request)["result"] == "unknown"
    assert fwctld.journal.wait("executor-lost")["device"] == fwctld.nvme.name
    bob.cxl.execute("cxl.get-supported-features", {"count": 8}, timeout=3)
    # A fresh one comes by itself.
    processes.wait_for(lambda: fwctld.state() == "idle", "a fresh executor")
    alice.nvme.smart()
    assert len(fwctld.journal.records("outcome", request=request)) == 1


@pytest.mark.any_device
def test_killed_executor_is_replaced_and_keeps_the_devices_state(fwctld, alice):
    device = alice.nvme
    before = device.path
    device.execute("nvme.set-features", {"fid": "temperature-threshold", "value": 333})
    pid = executor_pid(fwctld, fwctld.nvme.name)
    processes.os.kill(pid, signal.SIGKILL)
    fwctld.journal.wait("executor-lost")
    processes.wait_for(lambda: fwctld.state() == "idle", "a fresh executor")
    assert executor_pid(fwctld, fwctld.nvme.name) != pid
    assert alice.nvme.path == before
    assert device.execute("nvme.get-features", {"fid": "temperature-threshold"})[3]["result"] == ("t", 333)


def test_frozen_executor_keeps_its_device_busy(fast):
    """An ioctl can't be cancelled, nor the process in it killed: nobody else gets the device meanwhile."""
    alice = fast.client("alice")
    pid = executor_pid(fast, fast.nvme.name)
    processes.os.kill(pid, signal.SIGSTOP)
    with pytest.raises(BusError) as error:
        alice.nvme.execute("nvme.fast-probe")
    assert error.value.short == "Timeout"
    assert executor_pid(fast, fast.nvme.name) == pid
    processes.os.kill(pid, signal.SIGCONT)
    fast.journal.wait("late-outcome")


def test_short_answer_is_not_passed_off_as_whole(fwctld, alice):
    whole = alice.nvme.smart()[2]
    fwctld.nvme.fault(Fault.SHORT)
    answer = alice.nvme.smart()[2]
    assert len(answer) == len(whole) and answer[:256] == whole[:256]
    # What the device did not write is zero, and nothing of an earlier answer.
    assert not any(answer[256:])


def test_garbage_stays_within_its_request(fwctld, alice):
    fwctld.nvme.fault(Fault.GARBAGE)
    answer = alice.nvme.smart()
    assert set(answer[2]) == {0xA5} and len(answer[2]) == 512
    fwctld.cxl.fault(Fault.GARBAGE)
    with pytest.raises(BusError) as error:
        alice.cxl.execute("cxl.get-supported-features", {"count": 8})
    assert error.value.short in ("OutcomeUnknown", "DeviceRefused")
    alice.cxl.execute("cxl.get-supported-features", {"count": 8})


def test_error_status_is_named(fwctld, alice):
    fwctld.nvme.fault(Fault.STATUS, status=0x4006)
    with pytest.raises(BusError) as error:
        alice.nvme.smart()
    assert error.value.short == "DeviceRefused" and "internal-error" in error.value.message


def test_caller_leaves_while_its_command_runs(fwctld, alice, bob):
    """The device does not know who asked: the command ends, and its outcome is written down."""
    fwctld.nvme.fault(Fault.HANG)
    alice.nvme.post_execute("nvme.get-log-page", {"lid": "smart"})
    processes.wait_for(lambda: fwctld.reached() == 1, "the command at the device")
    waiting = bob.nvme.post_execute("nvme.get-log-page", {"lid": "error"})
    alice.close()
    assert bob.property("PolicyLoaded") is True
    fwctld.nvme.fault(Fault.NONE)
    assert fwctld.journal.wait("outcome", caller_name="alice")["result"] == "executed"
    bob.wait(waiting)


def test_caller_leaves_while_its_request_waits(fwctld, alice, bob):
    fwctld.nvme.fault(Fault.HANG)
    running = bob.nvme.post_execute("nvme.get-log-page", {"lid": "error"})
    processes.wait_for(lambda: fwctld.reached() == 1, "the command at the device")
    alice.nvme.post_execute("nvme.get-log-page", {"lid": "smart"})
    alice.property("PolicyLoaded")
    alice.close()
    assert "left" in fwctld.journal.wait("denied", caller_name="alice")["why"]
    fwctld.nvme.fault(Fault.NONE)
    bob.wait(running)
    assert fwctld.reached() == 1
    assert not fwctld.journal.records("intent", caller_name="alice")


def test_monitor_dies_of_any_other_message(fwctld):
    from client import identity
    import socket

    with identity("fwctld"), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(processes.MONITOR_SOCKET)
        connection.send(struct.pack("II", 9, 0))
        assert fwctld.monitor.popen.wait(5) == 1
    fwctld.client("alice").nvme.smart()


@pytest.mark.any_device
def test_two_executors_never_hold_one_device(fwctld):
    """Asked a second time while the first holds it, the monitor says EBUSY."""
    import errno
    import socket
    from client import identity

    with identity("fwctld"), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(5)
        connection.connect(processes.MONITOR_SOCKET)
        connection.send(struct.pack("II", *fwctld.nvme.monitor_request))
        assert struct.unpack_from("i", connection.recv(4096))[0] == errno.EBUSY
