"""Functions that show whether a minion answers, and how it takes arguments, time and failure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from saltern import __version__

__grains__: Mapping[str, Any]

__func_alias__ = {"true_": "true", "false_": "false"}

__powers__ = {
    "ping": "reads",
    "echo": "reads",
    "arg": "reads",
    "arg_repr": "reads",
    "arg_type": "reads",
    "kwarg": "reads",
    "true": "reads",
    "false": "reads",
    "version": "reads",
    "versions_report": "reads",
    "sleep": "reads",
    "rand_sleep": "reads",
    "fib": "reads",
    "collatz": "reads",
    "exception": "reads",
    "stack": "reads",
}

STEP_S = 0.1
"""Sleeping is done in steps of this length, between which a kill takes effect."""


def ping() -> bool:
    """Return ``True``: the minion is there, and its agent runs functions.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.ping
    """
    return True


def echo(text: Any) -> Any:
    """Return *text*.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.echo 'foo bar baz'
    """
    return text


def _own(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return *kwargs* without what the publisher added (``__pub_jid`` and the like)."""
    return {name: value for name, value in kwargs.items() if not name.startswith("__")}


def arg(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return what arrived: ``{'args': […], 'kwargs': {…}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.arg 1 "two" 3.1 txt="hello" wow='{a: 1, b: "hello"}'
    """
    return {"args": list(args), "kwargs": _own(kwargs)}


def arg_repr(*args: Any, **kwargs: Any) -> dict[str, str]:
    """Return what arrived as Python text: ``{'args': "(1,)", 'kwargs': "{…}"}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.arg_repr 1 "two" 3.1 txt="hello"
    """
    return {"args": repr(args), "kwargs": repr(_own(kwargs))}


def arg_type(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the types of what arrived: ``{'args': ["<class 'int'>"], 'kwargs': {…}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.arg_type 1 'int'
    """
    return {
        "args": [str(type(value)) for value in args],
        "kwargs": {name: str(type(value)) for name, value in _own(kwargs).items()},
    }


def kwarg(**kwargs: Any) -> dict[str, Any]:
    """Return the keyword arguments that arrived.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.kwarg num=1 txt="two" env='{a: 1}'
    """
    return _own(kwargs)


def true_() -> bool:
    """Return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.true
    """
    return True


def false_() -> bool:
    """Return ``False``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.false
    """
    return False


def version() -> str:
    """Return the agent's version.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.version
    """
    return __version__


def versions_report() -> dict[str, dict[str, str]]:
    """Return the versions of Saltern, of what it stands on, and of the system.

    ``{'Saltern Version': {…}, 'Dependency Versions': {…}, 'System Versions': {…}}``, all text.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.versions_report
    """
    import platform  # seldom asked for, and costs memory
    from importlib import metadata

    dependencies = {}
    for package in ("pyzmq", "msgpack", "PyYAML", "psutil"):
        try:
            dependencies[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            dependencies[package] = "not installed"
    return {
        "Saltern Version": {"Saltern": __version__},
        "Dependency Versions": {"Python": platform.python_version(), **dependencies},
        "System Versions": {
            "machine": platform.machine(),
            "release": platform.release(),
            "system": platform.system(),
            "os": str(__grains__.get("osfinger", __grains__.get("os", ""))),
        },
    }


def sleep(length: float) -> bool:
    """Sleep for *length* seconds, then return ``True``. Killing the job ends it within 0.1 s.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.sleep 20
    """
    end = time.monotonic() + float(length)
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, STEP_S))
    return True


def rand_sleep(max: float = 60) -> bool:
    """Sleep for a random time of at most *max* seconds, then return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.rand_sleep 60
    """
    import random  # brings hashing with it

    return sleep(random.uniform(0, float(max)))  # noqa: S311 - no secret depends on it


def fib(num: int) -> list[Any]:
    """Return ``[the num-th Fibonacci number, seconds that it took]``; ``fib(0)`` is 0.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.fib 3
    """
    start = time.monotonic()
    current, following = 0, 1
    for _ in range(int(num)):
        current, following = following, current + following
    return [current, time.monotonic() - start]


def collatz(start: int) -> list[Any]:
    """Return ``[the Collatz sequence from start down to 1, seconds that it took]``.

    Raises ``ValueError`` when *start* is less than 1, where the sequence never ends.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.collatz 3
    """
    value = int(start)
    if value < 1:
        raise ValueError(f"test.collatz: start must be at least 1, not {value}")
    begin = time.monotonic()
    steps = [value]
    while value != 1:
        value = value * 3 + 1 if value % 2 else value // 2
        steps.append(value)
    return [steps, time.monotonic() - begin]


def exception(message: str = "Test Exception") -> None:
    """Raise an exception with the text *message*, as a faulty function would.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.exception 'Oh noes!'
    """
    raise Exception(message)


def stack() -> str:
    """Return the call stack from the agent down to this function, as text.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.stack
    """
    import traceback

    return "".join(traceback.format_stack())
