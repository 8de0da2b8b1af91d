# SPDX-License-Identifier: LGPL-2.1-or-later
"""A reload changes what is in force at once and as a whole, and nobody waits for it."""
import pathlib
import random
import socket

import pytest

import processes
from bench import POLICY, write_policy
from client import BusError
from test_footprint import KIB, SANITIZED, anonymous

USERDB = pathlib.Path("/run/systemd/userdb")
# No file knows this user, so that nss-systemd asks the services of USERDB.
UNKNOWN_USER = POLICY + "  - {id: odd, caller: {user: no-such-user}, class: [destructive], verdict: allow}\n"


class SilentUserdb:
    """A service that is asked for users (varlink, io.systemd.UserDatabase), and does not answer before it ends."""

    def __init__(self):
        USERDB.mkdir(parents=True, exist_ok=True)
        self.path = USERDB / "org.fwctld1.Test"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.path.chmod(0o666)
        self.socket.listen()
        self.socket.settimeout(20)
        self.asked = []

    def wait_asked(self):
        self.asked.append(self.socket.accept()[0])

    def end(self):
        self.path.unlink(missing_ok=True)
        self.socket.close()
        for connection in self.asked:
            connection.close()


@pytest.fixture
def userdb():
    userdb = SilentUserdb()
    yield userdb
    userdb.end()


def threads(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


@pytest.mark.any_device
def test_requests_do_not_wait_for_a_load(fwctld, alice, userdb):
    """Nobody answers for a user whom the policy names: the load hangs, and everybody is served all the same."""
    root = fwctld.client("root")
    device, before = alice.nvme, root.property("PolicyGeneration")
    device.smart()
    alone = threads(fwctld.broker.pid)
    write_policy(UNKNOWN_USER)
    reload = root.post("/org/fwctld1", "org.fwctld1.Manager", "ReloadPolicy")
    userdb.wait_asked()
    assert threads(fwctld.broker.pid) == alone + 1

    request = device.smart()[0]
    assert device.explain("nvme.format-nvm", {"nsid": 1, "lbaf": 0})["rule"] == "alice-formats"
    assert fwctld.journal.wait("outcome", request=request)["policy"].startswith(f"{before} ")
    assert alice.property("PolicyGeneration") == before

    # Who calls now wrote his files now; so he waits for another load. All of them for one.
    later = [root.post("/org/fwctld1", "org.fwctld1.Manager", "ReloadPolicy") for _ in range(3)]
    root.property("PolicyLoaded")
    write_policy(POLICY)
    userdb.end()
    assert root.wait(reload) == (before + 1,)
    assert [root.wait(serial) for serial in later] == [(before + 2,)] * 3
    fwctld.journal.wait("policy-loaded", policy=f"{before + 2} {root.property('PolicyDigest')}")
    loaded = fwctld.journal.records("policy-loaded")[-2:]
    assert "no-such-user" in loaded[0]["problem"] and "problem" not in loaded[1]
    processes.wait_for(lambda: threads(fwctld.broker.pid) == alone, "the thread to end")


@pytest.mark.any_device
def test_a_broken_policy_answers_those_who_waited_for_it(fwctld, userdb):
    root = fwctld.client("root")
    before = root.property("PolicyGeneration")
    write_policy(UNKNOWN_USER)
    first = root.post("/org/fwctld1", "org.fwctld1.Manager", "ReloadPolicy")
    userdb.wait_asked()
    later = [root.post("/org/fwctld1", "org.fwctld1.Manager", "ReloadPolicy") for _ in range(3)]
    root.property("PolicyLoaded")
    write_policy("version: 1\nrules: [{id: x}]\n")
    userdb.end()
    assert root.wait(first) == (before + 1,)
    for serial in later:
        with pytest.raises(BusError) as error:
            root.wait(serial)
        assert error.value.short == "InvalidRequest" and "60-test.yaml:2:" in error.value.message
    kinds = [record.kind for record in fwctld.journal.wait("policy-rejected") and fwctld.journal.records()
             if record.kind.startswith("policy-")]
    assert kinds[-2:] == ["policy-loaded", "policy-rejected"]
    assert root.property("PolicyGeneration") == before + 1


def test_fwctld_ends_though_a_load_does_not(fwctld, userdb):
    root = fwctld.client("root")
    write_policy(UNKNOWN_USER)
    serials = [root.post("/org/fwctld1", "org.fwctld1.Manager", "ReloadPolicy") for _ in range(2)]
    userdb.wait_asked()
    assert fwctld.broker.stop() == 0
    for serial in serials:
        with pytest.raises(BusError) as error:
            root.wait(serial)
        assert error.value.short == "Busy"


def test_so_many_calls_wait_and_no_more(fwctld, userdb):
    root = fwctld.client("root")
    write_policy(UNKNOWN_USER)
    serials = [root.post("/org/fwctld1", "org.fwctld1.Manager", "ReloadPolicy") for _ in range(70)]
    userdb.wait_asked()
    for serial in serials[64:]:
        with pytest.raises(BusError) as error:
            root.wait(serial)
        assert error.value.short == "QuotaExceeded"
    write_policy(POLICY)
    userdb.end()
    assert {root.wait(serial) for serial in serials[:64]} == {(2,), (3,)}


PAGES = ("error", "smart", "firmware-slots")


def numbered(number):
    """A policy in which every rule has its number, and whose even and odd ones say the opposite."""
    verdict = "allow" if number % 2 else "deny"
    rules = "".join(f"  - {{id: {page}-{number}, command: nvme.get-log-page, where: {{lid: {page}}}, verdict: {verdict}}}\n"
                    for page in PAGES)
    return f"version: 1\nrules:\n{rules}"


def broken(number):
    """As the next one would be, but for its end."""
    return numbered(number) + f"  - {{id: smart-{number}, verdict: allow, class: [read-only]}}\n"


def test_each_request_is_decided_by_one_whole_policy(fwctld, request):
    """Callers who never pause, and reloads of which every second one is broken."""
    reloads = request.config.getoption("reloads")
    root = fwctld.client("root")
    callers = [fwctld.client(user) for user in ("alice", "bob", "nobody")]
    devices = [caller.nvme for caller in callers]
    for device in devices:
        device.smart()
    generations = {}  # number: the policy's own, and its digest
    answers = []      # (page, id, rule of a denial or None, first and last policy that can have decided)

    def reload(number, text):
        write_policy(text)
        posted = []
        for burst in range(2):
            for client, device in zip(callers, devices):
                for _ in range(2):
                    page = random.choice(PAGES)
                    posted.append((client, device.post_execute("nvme.get-log-page", {"lid": page}), page))
            if burst == 0:
                serial = root.post("/org/fwctld1", "org.fwctld1.Manager", "ReloadPolicy")
        try:
            generation, = root.wait(serial)
            generations[generation] = number, root.property("PolicyDigest")
            now = number
        except BusError as error:
            assert error.short == "InvalidRequest" and f"smart-{number}" in error.message
            now = number - 1
        for client, sent, page in posted:
            try:
                answers.append((page, client.wait(sent)[0], None, number - 1, now))
            except BusError as error:
                assert error.short == "Denied"
                answers.append((page, error.details["request"], error.details["rule"], number - 1, now))

    generation = fwctld.policy(numbered(0))
    generations[generation] = 0, root.property("PolicyDigest")
    for number in range(1, reloads // 2 + 1):
        reload(number, broken(number))
        reload(number, numbered(number))
        if number == reloads // 10:  # malloc() has what a load takes at its peak
            before = anonymous(fwctld.broker.pid)
    after = anonymous(fwctld.broker.pid)

    assert sorted(generations) == list(range(generation, generation + reloads // 2 + 1))
    assert len(answers) == 12 * reloads
    executed = {identifier for _, identifier, rule, _, _ in answers if not rule}
    fwctld.journal.wait("outcome", count=len(executed) + len(devices) + 2, seconds=60)
    records = {}
    for record in fwctld.journal.records():
        if record.kind in ("intent", "outcome", "denied"):
            records.setdefault(record["request"], []).append(record)
    for page, identifier, rule, first, last in answers:
        found = records.pop(identifier, [])
        kinds = [record.kind for record in found]
        # Of a flood of denials not all are recorded.
        assert kinds == ["intent", "outcome"] if not rule else kinds in (["denied"], [])
        for record in found:
            number, digest = generations[int(record["policy"].split()[0])]
            assert record["policy"].split()[1] == digest
            assert record["rule"] == f"{page}-{number}" == (rule or record["rule"])
            assert record["verdict"] == ("allow" if number % 2 else "deny") and first <= number <= last
        if rule:
            assert rule in (f"{page}-{first}", f"{page}-{last}") and int(rule.rpartition("-")[2]) % 2 == 0
    assert 0 < len(executed) < len(answers)
    print(f"{len(answers)} requests, {len(executed)} executed; anonymous memory {before // KIB} and {after // KIB} KiB")
    assert SANITIZED or after <= before + KIB * KIB
