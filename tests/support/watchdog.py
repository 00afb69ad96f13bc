"""Nothing of a test run goes on for ever: what does is ended with a word of where every thread was.

``pytest-timeout`` raises once, in the main thread, and that may come to nothing: a callback of an asyncio loop has its
errors logged, a task keeps its own, ``asyncio.run`` waits for threads, a fixture waits for a process. And once a test
has failed it has no limit any more. Each such test ends its worker here, which xdist tells of and replaces.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

IDLE_S = 600.0
"""For collecting tests, and for waiting for the next one while other workers have theirs."""
GRACE_S = 60.0
"""What a test has beyond its own limit."""
END_S = 120.0
"""For what is after the last test; a worker waits for the tests of others besides."""


class Watchdog:
    """The plugin, of the controller and of each worker."""

    def __init__(
        self, config: pytest.Config, *, grace_s: float = GRACE_S, end_s: float = END_S, idle_s: float = IDLE_S
    ) -> None:
        self._grace_s = grace_s
        self._idle_s = idle_s
        self._end_s = end_s + (idle_s if hasattr(config, "workerinput") else 0.0)
        self._limits: Any = None
        """Of the test that runs, as ``pytest-timeout`` has them; nothing for one that may take for ever."""
        self._lost = False
        self._out = os.dup(2)  # before a test's output is captured; stays open until the very end
        self._debugs = bool(config.getoption("usepdb"))
        self._controls = not hasattr(config, "workerinput") and bool(config.getoption("numprocesses", None))
        for plugin in config.pluginmanager.get_plugins():
            if hasattr(config, "workerinput") and hasattr(plugin, "channel"):
                _keep_from_forks(plugin.channel.gateway._io.outfile.fileno())

    def _end_in(self, seconds: float) -> None:
        # It needs neither the interpreter's lock nor the main thread, and is there until the interpreter is no more.
        if not self._debugs:
            faulthandler.dump_traceback_later(seconds, exit=True, file=self._out)

    def pytest_sessionstart(self) -> None:
        if not self._controls:
            self._end_in(self._idle_s)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        self._limits = None
        faulthandler.cancel_dump_traceback_later()
        try:
            return (yield)
        finally:
            self._end_in(self._idle_s)

    @pytest.hookimpl(tryfirst=True)
    def pytest_timeout_set_timer(self, settings: Any) -> None:
        self._limits = settings
        self._end_in(settings.timeout + self._grace_s)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """Give what ends a failed test a limit of its own: pytest and ``pytest-timeout`` have let go of it."""
        timed = self._limits is None or self._limits.method != "signal" or signal.getitimer(signal.ITIMER_REAL)[0]
        if not timed and not self._debugs:
            item.config.hook.pytest_timeout_set_timer(item=item, settings=self._limits)
        return (yield)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, error: object) -> None:
        self._lost = self._lost or bool(error)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._end_in(self._end_s)
        if self._lost and session.exitstatus == pytest.ExitCode.OK:  # a worker ended after its last test
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _keep_from_forks(descriptor: int) -> None:
    """Close it in what is forked from here: the controller learns of a worker's end by that of its pipe."""
    os.register_at_fork(after_in_child=lambda: os.close(descriptor))
