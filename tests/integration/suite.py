# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures of tests/integration and tests/vm: a running fwctld and callers, on whatever bench this is."""
import os
import signal

import pytest

BOOTED = os.path.isdir("/run/systemd/system")  # sd_booted(3)

if BOOTED:
    from real_units import Bench, journal_since
else:
    from private_bus import Bench


def pytest_addoption(parser):
    parser.addoption("--reloads", type=int, default=100, help="of the policy, under load")


def pytest_configure(config):
    config.addinivalue_line("markers", "any_device: takes no device for granted, and runs on both benches")
    config.addinivalue_line("markers", "real_device: needs the real devices and units of tests/vm")


def pytest_collection_modifyitems(config, items):
    """Without a mark a test needs the simulated devices."""
    def fits(item):
        if item.get_closest_marker("any_device"):
            return True
        return BOOTED == bool(item.get_closest_marker("real_device"))

    config.hook.pytest_deselected(items=[item for item in items if not fits(item)])
    items[:] = [item for item in items if fits(item)]


def pytest_exception_interact(call, report):
    """Beside a failure stands what the machine said meanwhile."""
    if BOOTED:
        report.sections.append(("Journal", "\n".join(journal_since(call.start)[-40:])))


@pytest.fixture(autouse=True)
def time_limit():
    def on_alarm(number, frame):
        raise TimeoutError("the test takes longer than 90 s")
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(90)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def bench():
    bench = Bench()
    yield bench
    bench.stop()


@pytest.fixture
def stopped(bench):
    """fwctld, not yet started, for tests that change something first."""
    fwctld = bench.stopped()
    yield fwctld
    fwctld.stop()


@pytest.fixture
def fwctld(bench):
    fwctld = bench.running()
    yield fwctld
    fwctld.stop()


@pytest.fixture
def memory(bench):
    """fwctld with both nodes of a CXL memory device."""
    fwctld = bench.with_mailbox()
    yield fwctld
    fwctld.stop()


@pytest.fixture
def adapters(bench):
    """fwctld with network adapters of the dialects mlx5, bnxt and pds."""
    fwctld = bench.with_adapters()
    yield fwctld
    fwctld.stop()


@pytest.fixture
def alice(fwctld):
    return fwctld.client("alice")


@pytest.fixture
def bob(fwctld):
    return fwctld.client("bob")


@pytest.fixture
def nobody(fwctld):
    return fwctld.client("nobody")
