"""Functions that show whether a minion answers, and how it takes arguments, time and failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from saltern import __version__
from saltern.errors import CommandError
from saltern_modules import _agent
from saltern_modules._agent import AGENT_KEY
from saltern_modules._served_as import SERVED_AS

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]
__grains__: Mapping[str, Any]
__context__: dict[str, Any]
__proxy__: Mapping[str, Callable[..., Any]]

SALT_FILES = {"cmd": "cmdmod", "log": "logmod"}
"""What Salt calls a file that has another name here: scripts ask for it."""

__func_alias__ = {"true_": "true", "false_": "false", "try_": "try"}

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
    "version": "reads",
    "versions": "reads",
    "versions_information": "reads",
    "versions_report": "reads",
    "conf_test": "reads",
    "get_opts": "reads",
    "opts_pkg": "reads",
    "cross_test": "indirect",
    "try": "indirect",
    "attr_call": "reads",
    "module_report": "reads",
    "outputter": "reads",
    "retcode": "reads",
    "provider": "reads",
    "providers": "reads",
    "not_loaded": "reads",
    "rand_str": "reads",
    "random_hash": "reads",
    "assertion": "reads",
    "raise_exception": "reads",
    "tty": "reads",
    "sleep": "reads",
    "rand_sleep": "reads",
    "fib": "reads",
    "collatz": "reads",
    "exception": "reads",
    "stack": "reads",
}

NOT_INSTALLED = "Not Installed"

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
    return {"args": list(args), "kwargs": _own(kwargs)}


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


def _of_device(proxytype: str) -> Any:
    """Return whether a device answers; one whose proxymodule has no ``ping`` is believed, as it is by the agent."""
    ping = __proxy__.get(f"{proxytype}.ping")
    if ping is None and f"{proxytype}.init" not in __proxy__:
        raise CommandError(f"there is no proxymodule {proxytype}")
    answer = True if ping is None else _agent.begun(ping)
    return _truth(answer) if hasattr(answer, "__await__") else bool(answer)


async def _truth(answer: Any) -> bool:
    return bool(await answer)


def _own(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return *kwargs* without what the publisher added."""
    return {name: value for name, value in kwargs.items() if not name.startswith("__")}


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


def versions_information() -> dict[str, dict[str, str]]:
    """Return the versions of Saltern, of what it stands on, and of the system.

    ``{'Saltern Version': {…}, 'Python Version': {…}, 'Dependency Versions': {…}, 'System Versions': {…}}``, all text.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.versions_information
    """
    import platform  # seldom asked for, and costs memory
    from importlib import metadata

    dependencies = {}
    for package in ("pyzmq", "msgpack", "PyYAML", "psutil"):
        try:
            dependencies[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            dependencies[package] = NOT_INSTALLED
    return {
        "Saltern Version": {"Saltern": __version__},
        "Python Version": {"Python": platform.python_version()},
        "Dependency Versions": dependencies,
        "System Versions": {
            "machine": platform.machine(),
            "release": platform.release(),
            "system": platform.system(),
            "os": str(__grains__.get("osfinger", __grains__.get("os", ""))),
        },
    }


def versions_report() -> str:
    """Return what ``test.versions_information`` does as a text of lines.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.versions_report
    """
    found = versions_information()
    width = max(len(name) for name in (NOT_INSTALLED, *found["Dependency Versions"], *found["System Versions"])) + 1
    lines = []
    for title, versions in found.items():
        rows = [f"{name:>{width}}: {versions[name]}" for name in sorted(versions, key=str.lower)]
        lines += [f"{title}:", *rows, " "]
    return "\n".join(lines)


def versions() -> str:
    """Return the same as ``test.versions_report``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.versions
    """
    return versions_report()


def conf_test() -> Any:
    """Return ``test.foo`` of the minion's configuration, or ``unconfigured``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.conf_test
    """
    return __opts__.get("test.foo", "unconfigured")


def get_opts() -> dict[str, Any]:
    """Return the options of this minion.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.get_opts
    """
    return {name: value for name, value in __opts__.items() if name != AGENT_KEY}


def opts_pkg() -> dict[str, Any]:
    """Return the options of this minion, and its grains under ``grains``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.opts_pkg
    """
    return {**get_opts(), "grains": dict(__grains__)}


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


def module_report() -> dict[str, list[str]]:
    """Return all modules and functions, and by which references they can be reached.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.module_report
    """
    functions = sorted(__salt__)
    modules = sorted({name.partition(".")[0] for name in functions})
    return {
        "functions": functions,
        "function_attrs": functions,
        "function_subs": functions,
        "modules": modules,
        "module_attrs": modules,
        "missing_attrs": [],
        "missing_subs": [],
    }


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


def retcode(code: int = 42) -> bool:
    """Set the return code to *code*, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.retcode 42
    """
    __context__["retcode"] = code
    return True


def provider(module: str) -> str:
    """Return the name of the file, without ``.py``, that serves *module*; empty when none does.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.provider cmd
    """
    return next((_file_of(__salt__[name]) for name in __salt__ if name.startswith(f"{module}.")), "")


def providers() -> dict[str, str]:
    """Return the modules that are there, by the files that serve them: ``{'sysmod': 'sys', …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.providers
    """
    return {_file_of(__salt__[name]): name.partition(".")[0] for name in __salt__}


def not_loaded() -> list[str]:
    """Return the names of the files whose modules are not there, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.not_loaded
    """
    agent = _agent.present(__opts__)
    return sorted(agent.load_errors()) if agent is not None else []


def _file_of(function: Callable[..., Any]) -> str:
    """Return the name of the file of *function*; of a module in several files, that of the whole."""
    code = getattr(function, "__code__", None)
    name = str(code.co_filename).rpartition("/")[2].removesuffix(".py") if code is not None else ""
    served_as = SERVED_AS.get(name)
    while served_as and (whole := name.rpartition("_")[0]) and served_as in (whole, SERVED_AS.get(whole)):
        name = whole
    return SALT_FILES.get(name, name)


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


def try_(module: str, return_try_exception: bool = False, **kwargs: Any) -> Any:
    """Call the function *module* with *kwargs*; return ``None``, or the exception if that is wanted, when it raises.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.try test.echo text=hello
    """
    try:
        return __salt__[module](**_own(kwargs))
    except Exception as error:
        return error if return_try_exception else None


def assertion(assertion: Any) -> None:
    """Raise ``AssertionError`` when *assertion* is not true.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.assertion False
    """
    if not assertion:
        raise AssertionError


def tty(*args: Any, **kwargs: Any) -> str:
    """Say that this is ``cmd.tty`` by now.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.tty tty0 'This is a test'
    """
    return "ERROR: This function has been moved to cmd.tty"


def raise_exception(name: str, *args: Any, **kwargs: Any) -> bool:
    """Raise the exception *name*, one of Python's or of ``salt.exceptions``, with *args*; ``False`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.raise_exception TypeError 'An integer is required'
        saltern '*' test.raise_exception salt.exceptions.CommandExecutionError 'Something went wrong'
    """
    import builtins

    from saltern_modules import _salt_errors as exceptions

    salts = name.removeprefix("salt.exceptions.")
    kind = getattr(builtins, name, None) if salts == name else getattr(exceptions, salts, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return False
    raise kind(*args, **_own(kwargs))


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
