"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from support.scheduling import Scheduling
from support.watchdog import Watchdog

# How long an example takes says something of the machine's other work only.
settings.register_profile("saltern", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("saltern")

# A shell starts what is in its background with SIGINT ignored, and programs hand that down.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


SPREAD_OVER = 0.85
"""Of the run; a long file that begins last would be waited for by all but one."""


def pytest_configure(config: pytest.Config) -> None:
    """Have nothing go on for ever."""
    config.pluginmanager.register(Watchdog(config))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """Go on without what crashed."""
    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name no test by bytes that may be others each time, as packed ones with their time are.

    Runs that share the tests between processes end where two of them named one differently.
    """
    if isinstance(val, bytes | bytearray) and not (val.isascii() and bytes(val).decode().isprintable()):
        return argname
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files of end-to-end tests evenly: they mostly wait, while others compute beside them."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [path for path in files if path.parent.name == "e2e"]
    places = {path: number / len(files) for number, path in enumerate(path for path in files if path not in waiting)}
    places |= {path: SPREAD_OVER * number / len(waiting) for number, path in enumerate(waiting)}
    items[:] = [item for path in sorted(files, key=places.__getitem__) for item in files[path]]


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """Keep the umask that programs set first thing, when a test runs them in this process, to that test."""
    before = os.umask(0o022)
    yield
    os.umask(before)
