# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is true on real devices alone; beside it, here run the tests of tests/integration that are marked any_device."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
pytest_plugins = ["suite"]


def pytest_itemcollected(item):
    item.add_marker(pytest.mark.real_device)


@pytest.fixture
def shipped(fwctld):
    """fwctld with the policy that comes with it."""
    fwctld.policy(None)
    return fwctld


@pytest.fixture
def qemu(bench):
    from qemu import Qemu

    qemu = Qemu()
    yield qemu
    qemu.hurry()
