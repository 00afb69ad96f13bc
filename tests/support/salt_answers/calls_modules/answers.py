"""What a function of a custom module may do, once for each way: the recorder and the tests run the same file."""

import salt.exceptions
from salt.exceptions import CommandExecutionError, CommandNotFoundError, SaltInvocationError

__func_alias__ = {"list_": "list"}


class Odd(CommandExecutionError):
    """An error of the module's own."""


def value(given=None):
    """
    Return it.

        CLI Example: answers.value x
    """
    return given


def undocumented(a, b=2):
    return [a, b]


def options(a, b=2, *args, **kwargs):
    """Take anything."""
    return {"a": a, "b": b, "args": list(args), "kwargs": {k: v for k, v in kwargs.items() if not k.startswith("__")}}


def published(**kwargs):
    """Return what the publisher added."""
    return kwargs


def keyword_only(a, *, b=1):
    """Take one by name."""
    return [a, b]


def list_():
    """Return a list."""
    return [1]


def retcode(code, result=True):
    """Set the return code."""
    __context__["retcode"] = code
    return result


def execution(text="it failed"):
    """Raise Salt's own."""
    raise CommandExecutionError(text)


def execution_info(text="it failed"):
    """Raise Salt's own, with more to tell."""
    raise CommandExecutionError(text, info={"errors": ["one", "two"]})


def not_found(text="frobnicate"):
    """Raise for a program that isn't there."""
    raise CommandNotFoundError(text)


def invocation(text="wrongly called"):
    """Raise for a wrong call."""
    raise SaltInvocationError(text)


def client_error(text="no client"):
    """Raise a client's error."""
    raise salt.exceptions.SaltClientError(text)


def odd(text="it is odd"):
    """Raise one of its own."""
    raise Odd(text)


def salt_exception(text="some salt"):
    """Raise the base of all."""
    raise salt.exceptions.SaltException(text)


def type_error():
    """Raise from inside."""
    return 1 + "a"


def value_error(text="a value"):
    """Raise one of Python's."""
    raise ValueError(text)


def two_lines():
    """Raise with two lines."""
    raise CommandExecutionError("one\ntwo")


def key_error():
    """Raise with a key."""
    return {}["none"]


def leave(code=3):
    """Leave."""
    raise SystemExit(code)


def counted(number):
    """Yield numbers."""
    yield from range(number)


def mapped(number):
    """Yield maps."""
    for i in range(number):
        yield {f"k{i}": i}


def mixed():
    """Yield both."""
    yield {"a": 1}
    yield 2


def breaking():
    """Yield and raise."""
    yield 1
    raise ValueError("broken")


def a_tuple():
    """Return a tuple."""
    return (1, 2)


def a_set():
    """Return a set."""
    return {1}


def some_bytes():
    """Return bytes."""
    return b"abc"


def an_object():
    """Return what can't be carried."""
    return object()


def cross(name, *args, **kwargs):
    """Call another function."""
    return __salt__[name](*args, **{k: v for k, v in kwargs.items() if not k.startswith("__")})


def has(name):
    """Say whether a function is there."""
    return name in __salt__
