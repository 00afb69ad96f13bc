"""Grains that a host's owner adds: functions of ``_grains``, and the file ``grains`` beside the configuration.

Later ones win: what the agent finds by itself; the public functions of ``_grains``, by their files' names; the file
``grains``, which ``grains.setval`` writes; ``grains:`` in the configuration. ``grains_deep_merge`` merges mappings
instead of replacing them, ``grains_blacklist`` has globs of names that aren't taken from the first two.

A function is called with what is known so far as ``grains`` when it has a parameter of that name, in a thread of its
own: one that hangs is left behind, named, and not called again as long as it does.
"""

from __future__ import annotations

import fnmatch
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from saltern.complaints import Complaints
from saltern.merging import overlaid

log = logging.getLogger(__name__)

FUNCTION_S = 10.0
"""How long one function may take."""

ALTOGETHER_S = 60.0
AT_START_S = 5.0
"""How long all together may keep the agent from connecting; the rest comes later."""

BUNDLED = "saltern_modules."
FILE = "grains"
LOADING = "(loading)"
MAX_FILE_BYTES = 1024 * 1024

Functions = Mapping[str, Callable[..., Any]]


class OwnGrains:
    """Calls the functions of ``_grains`` that *functions* returns by name, while *bound* is entered.

    *proxy* returns what a device's functions have as ``proxy``; *foreign* whether any is from a folder: what comes with
    the agent is loaded and called without a thread, for devices are many. Safe for several threads.
    """

    def __init__(
        self,
        functions: Callable[[], Functions],
        bound: Callable[[], AbstractContextManager[object]] = nullcontext,
        proxy: Callable[[], object] = lambda: None,
        foreign: Callable[[], bool] = lambda: True,
    ) -> None:
        self._functions = functions
        self._bound = bound
        self._proxy = proxy
        self._foreign = foreign
        self._running: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self._complaints = Complaints(log)
        self.late = False
        """Whether the last time some function hadn't answered yet."""

    def add(self, found: dict[str, Any], opts: Mapping[str, Any], within_s: float = ALTOGETHER_S) -> None:
        """Add to *found* what the functions return, in *within_s* seconds; what went wrong is logged."""
        until = time.monotonic() + within_s
        with self._lock:
            self.late = False
            for name, function in self._loaded(within_s).items():
                answer = self._call(name, function, found, min(FUNCTION_S, until - time.monotonic()))
                if isinstance(answer, Mapping):
                    lay(found, answer, opts)

    def _loaded(self, within_s: float) -> Functions:
        """Return the functions, none when their files aren't loaded in time."""
        if not self._foreign():
            return self._functions()
        found: list[Functions] = []
        thread = threading.Thread(target=lambda: found.append(self._functions()), name="grains", daemon=True)
        thread.start()
        thread.join(within_s)
        if not found:
            self.late = True
            self._complaints.say(LOADING, f"grains: the files of _grains take over {within_s:.0f} s to be loaded")
            return {}
        self._complaints.over(LOADING, "grains: the files of _grains are loaded")
        return found[0]

    def _call(self, name: str, function: Callable[..., Any], known: dict[str, Any], limit_s: float) -> Any:
        before = self._running.get(name)
        if before is not None and before.is_alive():
            self.late = True
            return None
        answers: list[Any] = []
        if str(getattr(function, "__module__", "")).startswith(BUNDLED):  # it doesn't hang, and devices are many
            self._answer(name, function, dict(known), answers)
            return answers[0] if answers else None
        thread = threading.Thread(
            target=self._answer, args=(name, function, dict(known), answers), name=f"grains {name}", daemon=True
        )
        thread.start()
        thread.join(max(limit_s, 0.0))
        if thread.is_alive():
            self._running[name] = thread
            self.late = True
            self._complaints.say(name, f"grains: {name} takes over {max(limit_s, 0.0):.0f} s: it is left behind")
            return None
        self._running.pop(name, None)
        return answers[0] if answers else None

    def _answer(self, name: str, function: Callable[..., Any], known: dict[str, Any], answers: list[Any]) -> None:
        code = getattr(function, "__code__", None)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code is not None else ()
        given = {"grains": known, "proxy": self._proxy()}
        try:
            with self._bound():
                answer = function(**{key: value for key, value in given.items() if key in names})
        except BaseException as error:  # sys.exit too: it is only this function's
            self._complaints.say(name, f"grains: {name} failed: {type(error).__name__}: {error}")
            return
        answers.append(answer)
        if answer is None or isinstance(answer, Mapping):
            self._complaints.over(name, f"grains: {name} answers again")
        else:
            kind = type(answer).__name__
            self._complaints.say(name, f"grains: {name} returned {kind}, no mapping of grains: it is left out")


def lay(found: MutableMapping[str, Any], more: Mapping[str, Any], opts: Mapping[str, Any]) -> None:
    """Lay *more* over *found*, as the options say."""
    for name, value in more.items():
        if any(fnmatch.fnmatchcase(str(name), pattern) for pattern in opts["grains_blacklist"]):
            continue
        below = found.get(name)
        if opts["grains_deep_merge"] and isinstance(below, Mapping) and isinstance(value, Mapping):
            found[name] = overlaid(below, value)
        else:
            found[name] = value


def file_of(opts: Mapping[str, Any]) -> str:
    """Return the path of the file ``grains``."""
    conf = str(opts["conf_file"])
    return os.path.join(conf if os.path.isdir(conf) else os.path.dirname(conf), FILE)


def stamp_of(opts: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """Return what tells the file ``grains`` from an earlier one; ``None`` when there is none."""
    try:
        status = os.stat(file_of(opts))
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def static(opts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the grains of the file ``grains``; nothing, and a line in the log, when it can't be used."""
    path = file_of(opts)
    try:
        with open(path, "rb") as stream:
            text = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        log.error("grains: %s: can't be read: %s", path, error.strerror)
        return {}
    if len(text) > MAX_FILE_BYTES:
        log.error("grains: %s: is over %d bytes", path, MAX_FILE_BYTES)
        return {}
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark is not None else ""
        log.error("grains: %s:%s %s", path, line, getattr(error, "problem", None) or str(error).split("\n")[0])
        return {}
    if value is None:
        return {}
    if not isinstance(value, dict):
        log.error("grains: %s: must be a mapping of names to values", path)
        return {}
    return value
