"""Test suites on this host: a command, or a folder of the file server, whose tests are told one by one.

What may be run:

``pytest``
    a folder with ``test_*.py``, or such a file, by this host's pytest
``tap``
    a program that prints the Test Anything Protocol
``junit``
    a program that writes JUnit's XML: *junit* says where, as a pattern in the folder that it runs in
``exit``
    a program that is one test: 0 is passed, 77 skipped, all else failed. Of a folder each file that may be executed is
    one, or prints TAP

Each test is told as soon as it is over, as an event ``salt/job/<jid>/prog/<minion>/<n>``; ``saltern-run suite.report
JID`` shows what the hosts' tests came to, also while they run.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern.named import NamedTuple
from saltern.own_python import module_of
from saltern_modules import _account, _agent
from saltern_modules._suite_row import BAD, ERROR, FAILED, PASSED, SKIPPED, Row, named, row

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]
__context__: dict[str, Any]

__powers__ = {"run": "runs"}

KINDS = ("pytest", "tap", "junit", "exit")
SCHEME = "salt://"
TIMEOUT_S = 3600.0
OUTPUT_LIMIT = 8 * 1024 * 1024
SKIP_CODE = 77
"""As of automake's tests."""
PYTEST_BROKE = (2, 3, 4)
PYTEST_NOTHING = 5
WHOLE = "(suite)"
"""Stands for the suite where no test can be named."""
MAX_TESTS = 10_000
TAIL_CHARACTERS = 2000

_PYTEST_LINE = re.compile(r"(\S.*?::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")
_PYTEST = {"PASSED": PASSED, "FAILED": FAILED, "ERROR": ERROR, "SKIPPED": SKIPPED, "XFAIL": SKIPPED, "XPASS": PASSED}
_TEST_FILE = re.compile(r"(test_.*|.*_test)\.py")


class Plan(NamedTuple):
    """How programs are run: in which folder, as whom, with what, until when (monotonic seconds)."""

    cwd: str
    account: _account.Account | None
    env: Mapping[str, str]
    until: float
    agent: _agent.Agent | None


def run(
    source: str,
    name: str = "",
    kind: str = "",
    junit: str = "",
    timeout: float = TIMEOUT_S,
    env: Mapping[str, Any] | None = None,
    cwd: str | None = None,
    runas: str | None = None,
    saltenv: str = "base",
) -> Iterator[dict[str, Row]]:
    """Run the suite *source*, a command or ``salt://folder``, and return ``{test: {outcome, seconds, message}}``.

    *outcome* is ``passed``, ``failed``, ``error`` or ``skipped``; the return code is 1 when a test failed or broke, or
    when there was none. *name* is what the suite is called in reports, *source* by default. *kind* is one of those
    above, found out by default. *timeout* (seconds, an hour) bounds the whole suite: what runs then is ended, and its
    test is an error. *env* is added to the environment; *cwd* is a folder of its own by default; *runas* is a user.
    Raises ``CommandError`` when the suite can't be begun.

    CLI Example:

    .. code-block:: bash

        saltern '*' suite.run salt://suites/web
        saltern '*' suite.run '/opt/app/check --tap' name=app
        saltern '*' suite.run 'make -C /opt/app test' kind=junit junit='/opt/app/reports/*.xml'
    """
    if kind and kind not in KINDS:
        raise ArgumentError(f"suite.run: kind must be one of {', '.join(KINDS)}, not {kind!r:.40}")
    if not isinstance(source, str) or not source.strip():
        raise ArgumentError("suite.run: source must be a command, or a path such as salt://suites/web")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout <= 0:
        raise ArgumentError(f"suite.run: timeout must be a number of seconds above 0, not {timeout!r:.40}")
    from saltern_modules import _suite_place  # for who runs tests

    account = _account.account("suite.run", runas)
    environment = {**_account.environment(account), **{str(key): str(value) for key, value in (env or {}).items()}}
    with _suite_place.place(str(__opts__["cachedir"]), account) as folder:
        until = time.monotonic() + timeout
        plan = Plan(cwd or folder, account, environment, until, _agent.present(__opts__))
        if source.startswith(SCHEME):
            path = _suite_place.fetched(source, folder, saltenv, __salt__, account)
            tests = _of_path(path, kind, junit, plan._replace(cwd=cwd or (path if os.path.isdir(path) else folder)))
        else:
            tests = _of_command(_words(source), kind, junit, plan)
        yield from _told(tests)


def _told(tests: Iterator[tuple[str, Row]]) -> Iterator[dict[str, Row]]:
    """Yield each test, and set the return code when one of them is bad, or there is none."""
    found: dict[str, str] = {}
    for test, made in tests:
        if test not in found and len(found) >= MAX_TESTS:
            found[WHOLE] = ERROR
            yield {WHOLE: row(ERROR, message=f"it has more than {MAX_TESTS:,} tests: the rest isn't told")}
            break
        found[test] = made["outcome"]
        yield {test: made}
    if not found:
        found[WHOLE] = ERROR
        yield {WHOLE: row(ERROR, message="there are no tests in it")}
    if not BAD.isdisjoint(found.values()):
        __context__["retcode"] = 1


def _words(source: str) -> list[str]:
    try:
        return shlex.split(source)
    except ValueError as error:
        raise ArgumentError(f"suite.run: {source!r:.80} is no command: {error}") from None


def _of_path(path: str, kind: str, junit: str, plan: Plan) -> Iterator[tuple[str, Row]]:
    if kind == "pytest" or (not kind and _has_pytest(path)):
        yield from _pytest(path, plan)
    elif os.path.isdir(path):
        names = sorted(one for one in os.listdir(path) if os.access(os.path.join(path, one), os.X_OK))
        for one in names:
            target = os.path.join(path, one)
            if os.path.isfile(target):
                yield from _of_command([target], kind, junit, plan, test=one)
    elif not os.access(path, os.X_OK):
        raise CommandError(f"suite.run: {os.path.basename(path)} is no test: it has no #! line, and no test_*.py name")
    else:
        yield from _of_command([path], kind, junit, plan, test=os.path.basename(path))


def _has_pytest(path: str) -> bool:
    if os.path.isfile(path):
        return bool(_TEST_FILE.fullmatch(os.path.basename(path)))
    return any(_TEST_FILE.fullmatch(name) or name == "conftest.py" for _, _, names in os.walk(path) for name in names)


def _pytest(path: str, plan: Plan) -> Iterator[tuple[str, Row]]:
    """Run this host's pytest: what it prints tells the tests as they end, its XML with times and messages."""
    from saltern_modules._suite_junit import NotJunit, junit_tests

    report = os.path.join(os.path.dirname(path), ".report.xml")
    options = ["-v", "--tb=short", "--color=no", "-p", "no:cacheprovider", f"--junitxml={report}"]
    argv = module_of(_python(plan), "pytest", *options, path)
    tail: list[str] = []
    ended = None
    for line in _lines(argv, plan):
        if not isinstance(line, str):
            ended = line
        elif test := _PYTEST_LINE.match(line):
            yield named(test[1]), row(_PYTEST[test[2]])
        else:
            tail = [*tail[-50:], line]
    assert ended is not None
    try:
        found = dict(junit_tests(_report(report)))
    except (OSError, NotJunit):
        found = {}
    yield from _by_node(found).items()
    if ended.timed_out or ended.retcode in PYTEST_BROKE or (not found and ended.retcode != PYTEST_NOTHING):
        yield WHOLE, _of_whole(ended, "\n".join(tail))


def _by_node(found: Mapping[str, Row]) -> dict[str, Row]:
    """Return tests by their names as pytest prints them: ``test_web.py::test_x`` for ``test_web::test_x``."""
    made: dict[str, Row] = {}
    for name, one in found.items():
        module, _, test = name.rpartition("::")
        made[f"{_as_file(module)}::{test}" if module else name] = one
    return made


def _as_file(module: str) -> str:
    """Return ``folder/test_x.py::TestIt`` for JUnit's ``folder.test_x.TestIt``."""
    parts = module.split(".")
    at = next((at for at, part in enumerate(parts) if _TEST_FILE.fullmatch(f"{part}.py")), len(parts) - 1)
    return "::".join([f"{'/'.join(parts[: at + 1])}.py", *parts[at + 1 :]])


def _of_command(argv: list[str], kind: str, junit: str, plan: Plan, test: str = "") -> Iterator[tuple[str, Row]]:
    """Run a program, and tell its tests: by TAP, by JUnit's XML, or by its exit code."""
    from saltern_modules._suite_tap import TapReader, looks_like_tap

    reader = TapReader() if kind == "tap" else None
    printed: list[str] = []
    size, began, ended, first = 0, time.monotonic(), None, True
    prefix = f"{test}: " if test else ""
    try:
        lines = _lines(argv, plan)
        printing = next(lines)
    except CommandError as error:
        why = str(error).partition(";")[0]
        if not test:
            raise CommandError(f"suite.run: {why}") from None
        yield test, row(ERROR, message=why)
        return
    for line in chain((printing,), lines):
        if not isinstance(line, str):
            ended = line
            continue
        if first and line.strip():
            first = False
            if not kind and not junit and looks_like_tap(line):
                reader = TapReader()
        if reader is not None:
            yield from ((f"{prefix}{name}", made) for name, made in reader.line(line))
        printed.append(line)
        size += len(line)
        while size > TAIL_CHARACTERS and len(printed) > 1:
            size -= len(printed.pop(0))
    assert ended is not None
    tail = "\n".join(printed)
    if reader is not None:
        told = dict(reader.end())
        yield from ((f"{prefix}{name}", made) for name, made in told.items())
        if ended.timed_out or ended.retcode not in (0, 1):
            yield f"{prefix}{WHOLE}", _of_whole(ended, tail)
    elif junit or kind == "junit":
        yield from _of_reports(junit or "*.xml", plan, ended, tail)
    else:
        yield test or named(shlex.join(argv)), _of_exit(ended, time.monotonic() - began, tail)


def _of_reports(pattern: str, plan: Plan, ended: Any, tail: str) -> Iterator[tuple[str, Row]]:
    import glob

    from saltern_modules._suite_junit import NotJunit, junit_tests

    paths = sorted(glob.glob(os.path.join(plan.cwd, pattern), recursive=True))
    found: dict[str, Row] = {}
    for path in paths:
        try:
            found.update({named(name, found): made for name, made in junit_tests(_report(path))})
        except (OSError, NotJunit) as error:
            found[named(os.path.basename(path), found)] = row(ERROR, message=f"{path}: {error}")
    yield from found.items()
    if ended.timed_out or not found:
        yield WHOLE, _of_whole(ended, f"{tail}\nno report matches {pattern}" if not found else tail)


def _report(path: str) -> bytes:
    """Return what is in a report that a program, perhaps of another user, has left. Raises ``OSError``."""
    from saltern.files import open_file  # no pipe, no device, and no link of his to another's file
    from saltern_modules._suite_junit import MAX_BYTES

    with open(open_file(path), "rb") as stream:
        return stream.read(MAX_BYTES + 1)


def _of_exit(ended: Any, seconds: float, tail: str) -> Row:
    if ended.timed_out:
        return _of_whole(ended, tail)
    if ended.retcode in (0, SKIP_CODE):
        return row(PASSED if ended.retcode == 0 else SKIPPED, seconds, tail if ended.retcode else "")
    return row(FAILED, seconds, f"{tail}\nexit code {ended.retcode}")


def _of_whole(ended: Any, tail: str) -> Row:
    why = "the suite's time was over" if ended.timed_out else f"exit code {ended.retcode}"
    return row(ERROR, message=f"{tail}\n{why}")


def _lines(argv: list[str], plan: Plan) -> Iterator[Any]:
    """Yield what a program prints, line by line as text, and last how it ended."""
    from saltern_modules import _process

    left_s = max(plan.until - time.monotonic(), 0.1)
    credentials = plan.account.credentials() if plan.account else None
    told = {"started": plan.agent.register_child, "ended": plan.agent.forget_child} if plan.agent else {}
    lines = _process.lines(
        argv,
        cwd=plan.cwd,
        env=plan.env,
        credentials=credentials,
        timeout=left_s,
        limit=OUTPUT_LIMIT,
        **told,
    )
    while True:
        try:
            line = next(lines)
        except StopIteration as ended:
            yield ended.value
            return
        yield line.decode("utf-8", "replace")


def _python(plan: Plan) -> str:
    """Return the Python that has pytest: this host's own first, then the agent's. Raises ``CommandError``."""
    import shutil
    import subprocess
    import sys

    pythons = [shutil.which("python3", path=plan.env.get("PATH"))]
    pythons.append(sys.executable)
    for python in pythons:
        if python:
            asked = [python, "-c", "import pytest"]
            done = subprocess.run(asked, env=dict(plan.env), capture_output=True, cwd="/", timeout=60, check=False)
            if done.returncode == 0:
                return python
    raise CommandError("suite.run: this host has no pytest: install it (python3-pytest), or give another kind of tests")
