# SPDX-License-Identifier: LGPL-2.1-or-later
"""The processes of the test bench: started by hand, as systemd would, and stopped by pid.

All of it runs in the namespace that tests/lib/namespace makes, as root.
"""
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

from jeepney import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

LIBEXEC = pathlib.Path("/usr/libexec/fwctld")
LOGS = pathlib.Path("/run/logs")
BUS = "/run/dbus/system_bus_socket"
MONITOR_SOCKET = "/run/fwctld/monitor.sock"
SIMULATED = pathlib.Path("/run/simulated")


def wait_for(condition, what, seconds=10):
    """Return the first true value of condition(); what: what it is that did not come."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.005)


class Daemon:
    """A process of somebody's; `pid` is its number."""

    def signal(self, number):
        os.kill(self.pid, number)

    def freeze(self):
        self.signal(signal.SIGSTOP)
        wait_for(lambda: self.state() == "T", "the process to stop")

    def thaw(self):
        self.signal(signal.SIGCONT)

    def state(self):
        return pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2][0]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Process(Daemon):
    """A daemon that was started here, with its output in a file."""

    def __init__(self, name, command, **options):
        LOGS.mkdir(exist_ok=True)
        self.log = LOGS / name
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def kill(self):
        if self.running():
            self.signal(signal.SIGKILL)
        return self.popen.wait()

    def stop(self):
        """Ask it to end. Returns its exit status: 0, if it is one that ends well."""
        if self.running():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def children(self):
        text = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in text.split()]


def start_bus():
    """A system bus as the stock configuration has it, less what belongs to systemd."""
    config = pathlib.Path("/usr/share/dbus-1/system.conf").read_text()
    config = re.sub(r"<fork/>|<syslog/>|<pidfile>.*?</pidfile>", "", config)
    # A polkitd that is gone stays gone: nobody starts it by asking for it.
    pathlib.Path("/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service").unlink(missing_ok=True)
    own = pathlib.Path("/usr/share/dbus-1/system-bench.conf")
    own.write_text(config)
    os.makedirs("/run/dbus", exist_ok=True)
    process = Process("dbus-daemon", ["dbus-daemon", f"--config-file={own}", "--nofork", "--nopidfile"])
    wait_for(lambda: os.path.exists(BUS), "the bus")
    return process


def start_polkit(seconds=10):
    process = Process("polkitd", ["/usr/lib/polkit-1/polkitd", "--no-debug"])
    with open_dbus_connection("unix:path=" + BUS) as connection:
        bus = Proxy(message_bus, connection)
        wait_for(lambda: bus.NameHasOwner("org.freedesktop.PolicyKit1")[0], "polkitd", seconds)
    return process


def start_journal():
    """Persistent storage, and no more than 64 records in its queue, so that a test can fill it."""
    pathlib.Path("/proc/sys/net/unix/max_dgram_qlen").write_text("64")
    pathlib.Path("/etc/systemd/journald.conf").write_text(
        "[Journal]\nStorage=persistent\nReadKMsg=no\nAudit=no\nSyncIntervalSec=1s\nRateLimitIntervalSec=0\n")
    os.makedirs("/run/systemd/journal", exist_ok=True)
    os.makedirs("/var/log/journal", exist_ok=True)
    pathlib.Path("/run/systemd/journal/flushed").touch()
    for stale in ("socket", "stdout", "dev-log", "io.systemd.journal"):
        pathlib.Path("/run/systemd/journal", stale).unlink(missing_ok=True)
    process = Process("journald", ["/lib/systemd/systemd-journald"])
    # Its last step before it serves.
    wait_for(lambda: os.path.exists("/run/systemd/journal/io.systemd.journal") or not process.running(), "journald")
    assert process.running(), process.log.read_text()
    return process


def create_device(number, dialect, serial):
    subprocess.run([LIBEXEC / "fwctl-exec-sim", "--create", dialect, SIMULATED / str(number), serial], check=True)


def fresh_devices():
    shutil.rmtree(SIMULATED, ignore_errors=True)
    SIMULATED.mkdir(mode=0o755)
    create_device(0, "nvme", "SIM-NVME-0")
    create_device(1, "cxl", "SIM-CXL-1")


class Monitor(Process):
    """The monitor with its socket as fd 3, the way a socket unit hands it over."""

    def __init__(self, *arguments):
        pathlib.Path(MONITOR_SOCKET).unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listening.bind(MONITOR_SOCKET)
        os.chown(MONITOR_SOCKET, pwd.getpwnam("fwctld").pw_uid, 0)
        os.chmod(MONITOR_SOCKET, 0o600)
        listening.listen()
        descriptor = listening.fileno()
        super().__init__(
            "monitor",
            ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", LIBEXEC / "fwctld-monitor", *arguments],
            preexec_fn=lambda: os.dup2(descriptor, 3), pass_fds=(3,))
        listening.close()


class Broker(Process):
    """The broker as its unit starts it: user fwctld, no capability, ready when it says so."""

    def __init__(self):
        path = "/run/notify"
        pathlib.Path(path).unlink(missing_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        os.chmod(path, 0o666)
        environment = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        super().__init__(
            "broker",
            ["setpriv", "--reuid=fwctld", "--regid=fwctld", "--init-groups", "--bounding-set=-all",
             "--inh-caps=-all", "--no-new-privs", LIBEXEC / "fwctld"],
            env={**environment, "NOTIFY_SOCKET": path, "PATH": "/usr/bin:/bin"})
        try:
            self.wait_notified("READY=1", 20)
        except TimeoutError:
            self.kill()
            raise AssertionError("the broker did not start:\n" + self.log.read_text()[-4000:]) from None

    def wait_notified(self, text, seconds=10):
        def notified():
            with contextlib.suppress(BlockingIOError):
                return text in self.notify.recv(4096, socket.MSG_DONTWAIT).decode().split("\n")
            if not self.running():
                raise TimeoutError("the broker has ended")
            return False
        wait_for(notified, f"{text} from the broker", seconds)
