"""What holds for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something of the machine's other work only.
settings.register_profile("saltern", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("saltern")


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """Keep the umask that programs set first thing, when a test runs them in this process, to that test."""
    before = os.umask(0o022)
    yield
    os.umask(before)
