# SPDX-License-Identifier: LGPL-2.1-or-later
"""What root sees on the machine, beside fwctld."""
import mmap
import os
import pathlib
import subprocess

TAINT_FWCTL = 1 << 19  # Documentation/admin-guide/tainted-kernels.rst


def run(*command, user=None, status=0):
    """A program, as some user. Returns what it says."""
    if user:
        command = "setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups", *command
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, cwd="/")
    assert done.returncode == status, f"{' '.join(command)}: exit status {done.returncode}, not {status}: {done}"
    return done.stdout


def fwctl(*arguments, user, **options):
    return run("fwctl", *arguments, user=user, **options)


def tainted():
    return bool(int(pathlib.Path("/proc/sys/kernel/tainted").read_text()) & TAINT_FWCTL)


def nodes():
    """Every node that firmware commands can be sent to."""
    dev = pathlib.Path("/dev")
    return [node for pattern in ("nvme*", "ng*", "fwctl/*", "cxl/*") for node in dev.glob(pattern)]


def processes(name):
    """The pids of the programs of this name."""
    return [int(path.parent.name) for path in pathlib.Path("/proc").glob("[0-9]*/comm")
            if path.read_text().strip() == name]


def holders(number):
    """Which executors have the device with this number (st_rdev) open."""
    return [pid for pid in processes("fwctl-exec") for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()
            if link.is_char_device() and link.stat().st_rdev == number]


class Disk:
    """A namespace, past the page cache."""

    SIZE = 4 * 1024 * 1024

    def __init__(self, path):
        self.path = path

    def _open(self):
        descriptor = os.open(self.path, os.O_RDWR | os.O_DIRECT)
        assert os.lseek(descriptor, 0, os.SEEK_END) == self.SIZE
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def write(self, content):
        descriptor, page = self._open(), mmap.mmap(-1, self.SIZE)
        page.write((content * (self.SIZE // len(content) + 1))[:self.SIZE])
        assert os.writev(descriptor, [page]) == self.SIZE
        os.close(descriptor)

    def write_some(self):
        descriptor, page = self._open(), mmap.mmap(-1, mmap.PAGESIZE)
        os.writev(descriptor, [page])
        os.close(descriptor)

    def read(self):
        descriptor, page = self._open(), mmap.mmap(-1, self.SIZE)
        assert os.readv(descriptor, [page]) == self.SIZE
        os.close(descriptor)
        return page[:]
