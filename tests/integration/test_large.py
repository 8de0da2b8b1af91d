# SPDX-License-Identifier: LGPL-2.1-or-later
"""Long answers: up to the kernel's limits, in pieces where the command allows it, and bounded by bytes."""
import pathlib
import pwd
import struct
import subprocess

import pytest

import processes
import simulated
from client import BusError, Device
from simulated import Fault

MIB = 1024 * 1024
PIECE = 128 * 1024  # the simulated controller's MDTS
TELEMETRY = 3 * MIB // 2

# Telemetry may hold anything; alice may read it, and change the log.
POLICY = """\
version: 1
defaults: {read-only: allow, config-change: deny, destructive: deny}
rules:
  - id: alice-reads-telemetry
    caller: {user: alice}
    command: [nvme.get-log-page]
    class: [read-only, config-change]
    hazards: [confidential]
    verdict: allow
"""


@pytest.fixture
def reader(fwctld):
    fwctld.policy(POLICY)
    return fwctld.client("alice")


def telemetry(length, offset=0, **fields):
    return "nvme.get-log-page", {"lid": "telemetry-host", "offset": offset, "numd": length // 4 - 1, **fields}


def expected(offset, end):
    """The simulated telemetry, behind its header."""
    return b"".join(struct.pack("<I", at) for at in range(offset, end, 4))


def large(count=2 * MIB - 8):
    """A read whose answer the kernel may fill with 2 MiB, in one command. The device has less to say."""
    return "cxl.get-supported-features", {"count": count}


def outcome(fwctld, **fields):
    return fwctld.journal.wait("outcome", caller_name="alice", **fields)


def test_a_long_log_is_read_in_pieces(fwctld, reader):
    _, status, response, _ = reader.nvme.execute(*telemetry(TELEMETRY))
    assert status == 0 and len(response) == TELEMETRY
    assert response[0] == 0x07 and struct.unpack_from("<3H", response, 8) == (767, 1535, 3071)
    assert response[512:] == expected(512, TELEMETRY)
    assert fwctld.reached() == TELEMETRY // PIECE

    record = outcome(fwctld)
    assert record["result"] == "executed" and record["pieces"] == "12 of 12"
    assert len(fwctld.journal.records("intent", caller_name="alice")) == 1
    assert len(fwctld.journal.records("outcome", caller_name="alice")) == 1


@pytest.mark.parametrize("offset, length", [(4096, PIECE + 4), (PIECE - 4, 2 * PIECE), (512, 2 * PIECE - 4)])
def test_pieces_are_the_whole(fwctld, reader, offset, length):
    response = reader.nvme.execute(*telemetry(length, offset))[2]
    assert response == expected(offset, offset + length)
    assert fwctld.reached() == 2


def test_what_fits_is_one_command(fwctld, reader):
    assert len(reader.nvme.execute(*telemetry(PIECE))[2]) == PIECE
    assert fwctld.reached() == 1
    assert "pieces" not in outcome(fwctld)


@pytest.mark.parametrize("fields", [{"rae": 0}, {"lsp": 1}, {"ot": 1}, {"offset": 2**64 - PIECE}])
def test_what_could_do_harm_twice_is_not_split(fwctld, reader, fields):
    """The kernel refuses what is longer than the controller takes, and nothing reaches it."""
    command, values = telemetry(2 * PIECE)
    with pytest.raises(BusError) as error:
        reader.nvme.execute(command, {**values, **fields})
    assert error.value.short == "KernelRefused" and "Invalid argument" in error.value.message
    assert fwctld.reached() == 0


def test_more_than_the_kernel_takes_is_refused_with_a_way_out(fwctld, reader):
    with pytest.raises(BusError) as error:
        reader.nvme.execute(*telemetry(2 * MIB + 4))
    assert error.value.short == "InvalidRequest"
    assert "2097156 bytes" in error.value.message and "at most 2097152" in error.value.message
    assert "offset says from which byte on" in error.value.message and "numd how much" in error.value.message


def second_piece(fwctld, reader, fault, **options):
    """Post a long read; its second piece meets the fault."""
    fwctld.nvme.fault(Fault.HANG)
    serial = reader.nvme.post_execute(*telemetry(TELEMETRY))
    processes.wait_for(lambda: fwctld.reached() == 1, "the first piece at the device")
    fwctld.nvme.fault(fault, **options)
    return serial


def test_a_piece_that_the_device_refuses_ends_it(fwctld, reader):
    serial = second_piece(fwctld, reader, Fault.STATUS, status=0x4006)
    with pytest.raises(BusError) as error:
        reader.wait(serial)
    assert error.value.short == "DeviceRefused" and "internal-error" in error.value.message
    assert error.value.message.endswith("It was piece 2 of 12 of a long answer.")
    assert fwctld.reached() == 2
    record = outcome(fwctld)
    assert record["result"] == "refused-by-device" and record["pieces"] == "2 of 12"
    assert reader.nvme.execute(*telemetry(TELEMETRY))[2][512:] == expected(512, TELEMETRY)


def test_an_executor_that_dies_in_a_piece_ends_it(fwctld, reader):
    serial = second_piece(fwctld, reader, Fault.DIE)
    with pytest.raises(BusError) as error:
        reader.wait(serial)
    assert error.value.short == "OutcomeUnknown"
    record = outcome(fwctld)
    assert record["result"] == "unknown" and record["pieces"] == "2 of 12" and "executor" in record["why"]
    processes.wait_for(lambda: fwctld.state() == "idle", "a fresh executor")
    assert reader.nvme.execute(*telemetry(TELEMETRY))[2][512:] == expected(512, TELEMETRY)


def test_fwctld_ends_in_a_piece(fwctld, reader):
    fwctld.nvme.fault(Fault.HANG)
    serial = reader.nvme.post_execute(*telemetry(TELEMETRY))
    processes.wait_for(lambda: fwctld.reached() == 1, "the first piece at the device")
    assert fwctld.broker.stop() == 0
    with pytest.raises(BusError) as error:
        reader.wait(serial)
    assert error.value.short == "OutcomeUnknown"
    record = outcome(fwctld)
    assert record["result"] == "unknown" and record["pieces"] == "1 of 12"


def test_a_mailbox_is_read_in_pieces(stopped):
    """The simulated mailbox moves 1024 bytes; its 2048 bytes of labels come under one head."""
    stopped.add_mailbox()
    labels = bytes(range(256)) * 8
    stopped.mailbox.map[4104:4104 + 2048] = labels
    fwctld = stopped.start()
    device = fwctld.client("alice").mailbox
    response = device.execute("cxl.get-lsa", {"length": 2048})[2]
    assert response == struct.pack("=II", 2048, 0) + labels
    record = fwctld.journal.wait("outcome", caller_name="alice")
    assert record["pieces"] == "2 of 2" and record["result"] == "executed"
    assert device.execute("cxl.get-lsa", {"offset": 1000, "length": 1040})[2][8:] == labels[1000:2040]
    with pytest.raises(BusError) as error:  # the second piece reaches beyond the end
        device.execute("cxl.get-lsa", {"offset": 8, "length": 2048})
    assert error.value.short == "DeviceRefused"


def test_others_wait_for_the_whole(fwctld, reader, bob):
    fwctld.nvme.fault(Fault.HANG)
    serial = reader.nvme.post_execute(*telemetry(TELEMETRY))
    processes.wait_for(lambda: fwctld.reached() == 1, "the first piece at the device")
    waiting = bob.nvme.post_execute("nvme.get-log-page", {"lid": "smart"})
    assert bob.property("PolicyLoaded") is True
    fwctld.nvme.fault(Fault.NONE)
    bob.wait(waiting)
    reader.wait(serial)
    outcome(fwctld)
    fwctld.journal.wait("outcome", caller_name="bob")
    order = [(record.kind, record["caller_name"]) for record in fwctld.journal.records()
             if record.kind in ("intent", "outcome") and record["caller_name"] in ("alice", "bob")]
    assert order == [("intent", "alice"), ("outcome", "alice"), ("intent", "bob"), ("outcome", "bob")]


def test_two_mebibytes_in_one_command(fwctld, alice):
    """All of it goes through the executor's socket, many datagrams of it; the device fills the first bytes."""
    device = alice.cxl
    short = device.execute(*large(104))
    long = device.execute(*large())
    assert long[1:] == short[1:] and len(long[2]) == 8 + 8 + 2 * 48
    with pytest.raises(BusError) as error:
        device.execute(*large(2 * MIB - 7))
    assert error.value.short == "InvalidRequest"


def test_bytes_of_one_user_are_bounded(fwctld, alice, bob):
    """Three answers of 2 MiB are what a user may have in flight; another user has as many of his own."""
    fwctld.cxl.fault(Fault.HANG)
    device = alice.cxl
    running = [device.post_execute(*large()) for _ in range(3)]
    with pytest.raises(BusError) as error:
        device.execute(*large())
    assert error.value.short == "QuotaExceeded"
    # Also on another device, and by another connection.
    with pytest.raises(BusError) as error:
        fwctld.client("alice").nvme.execute("nvme.get-log-page", {"lid": "smart", "numd": MIB // 2 - 1})
    assert error.value.short == "QuotaExceeded"
    others = [bob.cxl.post_execute(*large()) for _ in range(3)]
    alice.nvme.smart()
    bob.nvme.smart()
    fwctld.cxl.fault(Fault.NONE)
    for client, serials in ((alice, running), (bob, others)):
        for serial in serials:
            client.wait(serial)
    device.execute(*large())


def test_bytes_of_all_users_are_bounded(fwctld, alice):
    """64 MiB are under way, to the last byte; beyond that there is a little for everybody, and no more."""
    names = [entry.pw_name for entry in pwd.getpwall() if 0 < entry.pw_uid < 100][:11]
    assert len(names) == 11
    fwctld.cxl.fault(Fault.HANG)
    posted = []
    for name in names:
        client = fwctld.client(name)
        device = client.cxl
        posted += [(client, device.post_execute(*large())) for _ in range(3)]
        assert client.property("PolicyLoaded") is True  # they are all in
    # What is left, in halves and halves of them. A request of this command is 32 bytes and `count`.
    posted += [(client, device.post_execute(*large(2**power - 32))) for power in range(20, 5, -1)]
    assert client.property("PolicyLoaded") is True
    for count in (2 * MIB - 8, 64 * 1024):
        with pytest.raises(BusError) as error:
            alice.cxl.execute(*large(count))
        assert error.value.short == "QuotaExceeded"
    for _ in range(3):
        alice.nvme.smart()
    little = alice.cxl.post_execute(*large(32 * 1024))
    assert alice.property("PolicyLoaded") is True
    with pytest.raises(BusError) as error:
        alice.cxl.execute(*large(32 * 1024))
    assert error.value.short == "QuotaExceeded"

    fwctld.cxl.fault(Fault.NONE)
    alice.wait(little)
    answered = 0
    for client, serial in posted:
        try:
            client.wait(serial)
            answered += 1
        except BusError as bus_error:
            assert bus_error.short == "QuotaExceeded"
    assert 31 < answered < len(posted)
    alice.cxl.execute(*large())


def test_unread_answers_are_bounded(fwctld, reader, bob):
    """
    The bus takes 127 MiB for somebody who does not read, then no more of fwctld's. What waits in fwctld is bounded
    too; and when the caller leaves, everybody is served again.
    """
    device = reader.nvme
    for n in range(1, 300):
        device.post_execute(*telemetry(TELEMETRY))
        try:
            processes.wait_for(lambda count=n: fwctld.reached() >= 12 * count, "the next answer", seconds=2)
        except TimeoutError:
            break
    else:
        pytest.fail("300 answers that nobody reads are held")
    denied = fwctld.journal.wait("denied", caller_name="alice")
    assert "too many bytes" in denied["why"]
    status = pathlib.Path(f"/proc/{fwctld.broker.pid}/status").read_text().splitlines()
    peak = int(next(line for line in status if line.startswith("VmHWM:")).split()[1])
    if b"libasan" not in (processes.LIBEXEC / "fwctld").read_bytes():
        assert peak < 80 * 1024
    reader.close()
    bob.cxl.execute("cxl.get-supported-features", {"count": 8})


def test_busctl_and_fwctl_take_it(fwctld, reader):
    as_alice = ["setpriv", "--reuid=alice", "--regid=alice", "--init-groups"]
    words = subprocess.run(
        [*as_alice, "busctl", "call", "org.fwctld1", reader.nvme.path, "org.fwctld1.Device", "Execute",
         "sa{sv}aya{sv}", "nvme.get-log-page", "2", "lid", "s", "telemetry-host", "numd", "t", str(TELEMETRY // 4 - 1),
         "0", "0"], stdout=subprocess.PIPE, check=True).stdout.split()
    assert words[0] == b"suaya{sv}" and int(words[3]) == TELEMETRY
    assert bytes(map(int, words[4 + 512:4 + TELEMETRY])) == expected(512, TELEMETRY)

    file = pathlib.Path("/run/telemetry")
    file.touch()
    file.chmod(0o666)
    subprocess.run([*as_alice, "fwctl", "exec", "sim0", "get-log-page", "lid=telemetry-host",
                    f"numd={TELEMETRY // 4 - 1}", "--output", file], check=True)
    assert file.read_bytes()[512:] == expected(512, TELEMETRY)


def test_unread_answers_are_bounded_by_what_they_take(fwctld):
    """Spelled out, an answer is several times as long as what the device gave, and that is what is counted."""
    def peak():
        status = pathlib.Path(f"/proc/{fwctld.broker.pid}/status").read_text().splitlines()
        return int(next(line for line in status if line.startswith("VmHWM:")).split()[1])

    # Of each connection as many as the bus lets wait for an answer. The bus takes the first ones, then no more.
    devices = [fwctld.client("alice").nvme for _ in range(60)]
    for device in devices:
        device.explain("nvme.identify")  # so that fwctld knows who it is
    posted = 0
    for device in [device for device in devices for _ in range(2)]:
        for _ in range(60):
            device.post_execute("nvme.get-log-page", {"lid": "error", "numd": 4095})
        posted += 60
        try:
            processes.wait_for(lambda: fwctld.reached() >= posted, "the next answers", seconds=3)
        except TimeoutError:
            break
    else:
        pytest.fail(f"{posted} answers that nobody reads are held, in {peak()} KiB")
    assert "too many bytes" in fwctld.journal.wait("denied", caller_name="alice")["why"]
    if b"libasan" not in (processes.LIBEXEC / "fwctld").read_bytes():
        assert peak() < 160 * 1024
