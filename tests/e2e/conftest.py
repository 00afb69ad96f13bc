"""One real stack with its console for all tests in a browser, and a browser for each file of them.

Playwright's loop occupies a thread as long as a browser is there: so it ends with its file.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from support.browser import Visitors, chromium
from support.console_stack import ADMIN, WATCHER, ConsoleStack


@pytest.fixture(scope="session")
def console_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStack]:
    """Two minions, ``web1`` and ``db1``, master, store, API and console; they are left as they were found."""
    made = ConsoleStack(tmp_path_factory.mktemp("console") / "r")
    with made.running():
        yield made


@pytest.fixture(scope="module")
def _all_visitors(console_stack: ConsoleStack) -> Iterator[Visitors]:
    with chromium() as browser:
        yield Visitors(browser, console_stack)


@pytest.fixture
def visitors(_all_visitors: Visitors) -> Iterator[Visitors]:
    """Windows at the console: ``visitors.page(ADMIN)``, ``visitors.page(WATCHER)``, ``visitors.page()``."""
    _all_visitors.problems.clear()
    yield _all_visitors
    _all_visitors.leave()
    assert _all_visitors.problems == []


@pytest.fixture
def page(visitors: Visitors) -> Page:
    """A window of the administrator's."""
    return visitors.page(ADMIN)


@pytest.fixture
def watching(visitors: Visitors) -> Page:
    """A window of the watcher's."""
    return visitors.page(WATCHER)
