"""``test`` of failure: functions that fail in every way there is, and what is seen of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules import _keywords

__salt__: Mapping[str, Callable[..., Any]]
__context__: dict[str, Any]

__virtualname__ = "test"

__proxyenabled__ = ["*"]

__func_alias__ = {"try_": "try"}

__powers__ = {
    "retcode": "reads",
    "try": "indirect",
    "assertion": "reads",
    "raise_exception": "reads",
    "exception": "reads",
    "stack": "reads",
}


def retcode(code: int = 42) -> bool:
    """Set the return code to *code*, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.retcode 42
    """
    __context__["retcode"] = code
    return True


def try_(module: str, return_try_exception: bool = False, **kwargs: Any) -> Any:
    """Call the function *module* with *kwargs*; return ``None``, or the exception if that is wanted, when it raises.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.try test.echo text=hello
    """
    try:
        return __salt__[module](**_keywords.own(kwargs))
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
    raise kind(*args, **_keywords.own(kwargs))


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
