# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a hostile local user, a hostile file or a full disk does to the policy, and does not get by it."""
import concurrent.futures
import fcntl
import os
import pathlib
import shutil
import subprocess

import pytest

from bench import ETC, POLICY, write_policy
from client import BusError, identity
from processes import BUS, Broker, wait_for

POLICY_D = ETC / "policy.d"
COPY = ETC / ".policy.d.new"
# What changes something, and where it can therefore be interrupted.
CHANGES = "mkdirat,openat,fchown,fchmod,linkat,unlinkat,symlinkat,write,fsync,renameat2"
HARMLESS = "  # Nothing but a comment.{}  - {{id: door, class: [destructive], hazards: [persistent, broadcast], verdict: allow}}\n"


def install(folder, *strace):
    sanitizers = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    if strace:  # LeakSanitizer wants to trace the process itself, and ends it where it can't.
        sanitizers["ASAN_OPTIONS"] = f"{sanitizers.get('ASAN_OPTIONS', '')}:detect_leaks=0"
    return subprocess.run([*strace, "fwctl", "policy", "install", folder], capture_output=True, check=False, text=True,
                          timeout=120, env={"PATH": os.environ["PATH"], "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={BUS}",
                                            **sanitizers})


@pytest.fixture(autouse=True)
def own_folder():
    """An overlay can't exchange a folder of its lower layer."""
    shutil.rmtree(POLICY_D)
    POLICY_D.mkdir(mode=0o755)
    write_policy(POLICY)
    yield
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.rmtree(POLICY_D, ignore_errors=True)
    POLICY_D.mkdir(mode=0o755)
    POLICY_D.chmod(0o755)


@pytest.fixture(name="new")
def new_files(tmp_path):
    (tmp_path / "60-test.yaml").write_text(POLICY.replace("bob-never", "bob-not"))
    (tmp_path / "70-new.yaml").write_text("version: 1\nrules: []\n")
    return tmp_path


def state(folder=POLICY_D):
    return {path.name: os.readlink(path) if path.is_symlink() else path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("character", ["\u0085", "\u2028", "\u2029", "\r"])
def test_a_comment_stays_one(fwctld, alice, character):
    """libyaml ends it where no editor does."""
    before = alice.property("PolicyGeneration")
    (POLICY_D / "70-new.yaml").write_text("version: 1\nrules:\n  - {id: x, class: [read-only], verdict: deny}\n" +
                                          HARMLESS.format(character), newline="")
    with pytest.raises(BusError) as error:
        fwctld.client("root").manager("ReloadPolicy")
    assert "70-new.yaml:4:27: error: " in error.value.message
    assert alice.property("PolicyGeneration") == before


def test_nobody_keeps_root_from_installing(stopped, new):
    """Whoever can open a folder can keep a lock on it."""
    locked = []
    with identity("alice"):
        for path in (ETC, POLICY_D):
            locked.append(os.open(path, os.O_RDONLY))
            fcntl.flock(locked[-1], fcntl.LOCK_EX)
    try:
        result = install(new)
    finally:
        for descriptor in locked:
            os.close(descriptor)
    assert result.returncode == 0, result
    assert state().items() >= state(new).items()


def test_whatever_the_umask(stopped, new):
    shutil.rmtree(POLICY_D)
    before = os.umask(0o077)
    try:
        result = install(new)
    finally:
        os.umask(before)
    assert result.returncode == 0, result
    assert oct(POLICY_D.stat().st_mode)[-3:] == "755"


def test_nothing_changes_that_nobody_could_see(stopped, new):
    before = state()
    with open("/dev/full", "wb") as full:
        result = subprocess.run(["fwctl", "policy", "install", new], stdout=full, stderr=subprocess.PIPE, check=False,
                                text=True, timeout=120)
    assert result.returncode == 1 and "could not be shown. Nothing was changed." in result.stderr, result
    assert state() == before


def test_the_daemon_is_killed_while_it_is_asked(fwctld, new):
    """Nobody said whether the new policy is in force: the old one stays, for the next start."""
    before = state()
    fwctld.broker.freeze()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        result = pool.submit(install, new)
        wait_for(lambda: state() != before, "the new files")
        fwctld.broker.kill()
        result = result.result()
    assert result.returncode == 1, result
    assert "did not take the new policy, and the files are as they were" in result.stderr, result
    assert state() == before and not COPY.exists()
    digest = fwctld.journal.wait("policy-loaded")["policy"].split()[1]
    fwctld.broker = Broker()
    assert fwctld.client("root").property("PolicyDigest") == digest


def test_a_full_disk_at_every_change(stopped, new):
    """Each in turn fails. (Where it is killed there: test-fwctl-policy.)"""
    trace = pathlib.Path("/tmp/trace")
    (POLICY_D / "50-default.yaml").unlink()
    (POLICY_D / "50-default.yaml").symlink_to("/dev/null")
    old = state()
    whole = {**old, **state(new)}
    stops = 0
    # Others open what they read, and write what they say.
    only = [word for path in (ETC, COPY, POLICY_D, *(COPY / name for name in state(new))) for word in ("-P", path)]
    for call in CHANGES.split(","):
        path = only if call in ("openat", "write") else []
        for n in range(1, 60):
            shutil.rmtree(POLICY_D)
            POLICY_D.mkdir(mode=0o755)
            write_policy(POLICY)
            (POLICY_D / "50-default.yaml").unlink()
            (POLICY_D / "50-default.yaml").symlink_to("/dev/null")
            result = install(new, "strace", "-o", trace, *path, "-e", f"trace={call}", "-e", f"inject={call}:error=ENOSPC:when={n}")
            after = state()
            assert after in (old, whole), (call, n, result)
            if result.returncode == 1:
                assert after == old, (call, n, result)
            if result.returncode == 0:
                assert after == whole, (call, n, result)
            if "INJECTED" not in trace.read_text():
                break
            stops += 1
            again = install(new)
            assert again.returncode == 0 and state() == whole and not COPY.exists(), (call, n, again)
    assert stops > 15, stops
