"""Functions that show whether a minion answers, and how it takes arguments and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent, _keywords

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]
__proxy__: Mapping[str, Callable[..., Any]]

__func_alias__ = {"true_": "true", "false_": "false"}

__proxyenabled__ = ["*"]

__powers__ = {
    "ping": "reads",
    "echo": "reads",
    "arg": "reads",
    "arg_clean": "reads",
    "arg_repr": "reads",
    "arg_type": "reads",
    "kwarg": "reads",
    "true": "reads",
    "false": "reads",
    "cross_test": "indirect",
    "attr_call": "reads",
    "outputter": "reads",
    "rand_str": "reads",
    "random_hash": "reads",
    "tty": "reads",
    "sleep": "reads",
    "rand_sleep": "reads",
    "fib": "reads",
    "collatz": "reads",
}

STEP_S = 0.1
"""Sleeping is done in steps of this length, between which a kill takes effect."""


def ping() -> Any:
    """Return ``True``: the minion is there, and its agent runs functions; of a device whether it answers.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.ping
    """
    proxytype = _agent.proxytype(__opts__)
    return _of_device(proxytype) if proxytype else True


def _of_device(proxytype: str) -> Any:
    """Return whether a device answers; one whose proxymodule has no ``ping`` is believed, as it is by the agent."""
    ping = __proxy__.get(f"{proxytype}.ping")
    if ping is None and f"{proxytype}.init" not in __proxy__:
        raise CommandError(f"there is no proxymodule {proxytype}")
    answer = True if ping is None else _agent.begun(ping)
    return _truth(answer) if hasattr(answer, "__await__") else bool(answer)


async def _truth(answer: Any) -> bool:
    return bool(await answer)


def echo(text: Any) -> Any:
    """Return *text*.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.echo 'foo bar baz'
    """
    return text


def arg(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return what arrived, with what the publisher added: ``{'args': […], 'kwargs': {…}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.arg 1 "two" 3.1 txt="hello" wow='{a: 1, b: "hello"}'
    """
    return {"args": list(args), "kwargs": kwargs}


def arg_clean(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return what arrived, without what the publisher added (``__pub_jid`` and the like).

    CLI Example:

    .. code-block:: bash

        saltern '*' test.arg_clean 1 "two" 3.1 txt="hello" wow='{a: 1, b: "hello"}'
    """
    return {"args": list(args), "kwargs": _keywords.own(kwargs)}


def arg_repr(*args: Any, **kwargs: Any) -> dict[str, str]:
    """Return what arrived as Python text: ``{'args': "(1,)", 'kwargs': "{…}"}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.arg_repr 1 "two" 3.1 txt="hello"
    """
    return {"args": repr(args), "kwargs": repr(kwargs)}


def arg_type(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the types of what arrived: ``{'args': ["<class 'int'>"], 'kwargs': {…}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.arg_type 1 'int'
    """
    return {
        "args": [str(type(value)) for value in args],
        "kwargs": {name: str(type(value)) for name, value in kwargs.items()},
    }


def kwarg(**kwargs: Any) -> dict[str, Any]:
    """Return the keyword arguments that arrived, with what the publisher added.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.kwarg num=1 txt="two" env='{a: 1}'
    """
    return kwargs


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


def cross_test(func: str, args: list[Any] | None = None) -> Any:
    """Call the function *func* by way of ``__salt__`` and return what it returns.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.cross_test test.echo '[hello]'
    """
    return __salt__[func](*(args or []))


def attr_call() -> Any:
    """Return what ``grains.items`` returns, called by way of ``__salt__``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.attr_call
    """
    return __salt__["grains.items"]()


def sleep(length: float) -> bool:
    """Sleep for *length* seconds, then return ``True``. Killing the job ends it within 0.1 s.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.sleep 20
    """
    end = time.monotonic() + (int(length) if isinstance(length, str) else length)
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

    return sleep(random.randint(0, int(max)))  # noqa: S311 - no secret depends on it


def fib(num: int) -> list[Any]:
    """Return ``[the num-th Fibonacci number, seconds that it took]``; ``fib(0)`` is 0.

    Raises ``ValueError`` for a number below 0.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.fib 3
    """
    number = int(num)
    if number < 0:
        raise ValueError("Negative number is not allowed!")
    start = time.monotonic()
    current, following = 0, 1
    for _ in range(number):
        current, following = following, current + following
    return [current, time.monotonic() - start]


def collatz(start: int) -> list[Any]:
    """Return ``[the Collatz sequence from start down to 2, seconds that it took]``.

    As in Salt, all after *start* are fractional numbers. Raises ``ValueError`` when *start* is less than 1, where the
    sequence never ends.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.collatz 3
    """
    value: float = int(start)
    if value < 1:
        raise ValueError(f"test.collatz: start must be at least 1, not {value}")
    begin = time.monotonic()
    steps = []
    while value != 1:
        steps.append(value)
        value = value * 3 + 1 if value % 2 else value / 2
    return [steps, time.monotonic() - begin]


def outputter(data: Any) -> Any:
    """Return *data*, to see how it is shown.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.outputter foobar
    """
    return data


def rand_str(size: int = 9999999999, hash_type: str | None = None) -> str:
    """Return the same as ``test.random_hash``, by its old name.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.rand_str
    """
    return random_hash(size, hash_type)


def random_hash(size: int = 9999999999, hash_type: str | None = None) -> str:
    """Return the hash, in hex, of a random number of 1 to *size*.

    *hash_type* is an algorithm of Python's ``hashlib``; by default the option ``hash_type``, else ``sha256``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.random_hash hash_type=sha512
    """
    import hashlib
    import random

    algorithm = str(hash_type or __opts__.get("hash_type") or "sha256")
    if algorithm not in hashlib.algorithms_guaranteed:
        raise AttributeError(f"module 'hashlib' has no attribute {algorithm!r}")
    return hashlib.new(algorithm, str(random.SystemRandom().randint(1, size)).encode()).hexdigest()


def tty(*args: Any, **kwargs: Any) -> str:
    """Say that this is ``cmd.tty`` by now.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.tty tty0 'This is a test'
    """
    return "ERROR: This function has been moved to cmd.tty"
