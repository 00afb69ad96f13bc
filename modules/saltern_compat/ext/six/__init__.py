"""``salt.ext.six``: what code for two Pythons asks of the library six, on Python 3. Salt had it until 3007."""

from __future__ import annotations

import io
import operator
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")

PY2, PY3, PY34 = False, True, True
string_types = (str,)
integer_types = (int,)
class_types = (type,)
text_type, binary_type = str, bytes
MAXSIZE = 2**63 - 1
StringIO, BytesIO = io.StringIO, io.BytesIO
unichr = chr
int2byte = struct.Struct(">B").pack
byte2int = operator.itemgetter(0)
indexbytes = operator.getitem
iterbytes = iter
next = advance_iterator = next
callable = callable
print_ = print
get_function_code = operator.attrgetter("__code__")
get_function_defaults = operator.attrgetter("__defaults__")
get_function_globals = operator.attrgetter("__globals__")
get_method_function = operator.attrgetter("__func__")
get_method_self = operator.attrgetter("__self__")

__all__ = ["wraps"]


def u(s: str) -> str:
    """Return a text that is written as one."""
    return s


def b(s: str) -> bytes:
    """Return the bytes that *s* is written as."""
    return s.encode("latin-1")


def iteritems(d: Mapping[Any, Any], **kw: Any) -> Iterator[tuple[Any, Any]]:
    """Return an iterator over keys and values."""
    return iter(d.items(**kw))


def iterkeys(d: Mapping[Any, Any], **kw: Any) -> Iterator[Any]:
    """Return an iterator over keys."""
    return iter(d.keys(**kw))


def itervalues(d: Mapping[Any, Any], **kw: Any) -> Iterator[Any]:
    """Return an iterator over values."""
    return iter(d.values(**kw))


viewitems = operator.methodcaller("items")
viewkeys = operator.methodcaller("keys")
viewvalues = operator.methodcaller("values")


def ensure_text(s: str | bytes, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Return *s* as text. Raises ``TypeError`` for anything else."""
    if not isinstance(s, (str, bytes)):
        raise TypeError(f"not expecting type '{type(s)}'")
    return s if isinstance(s, str) else s.decode(encoding, errors)


ensure_str = ensure_text


def ensure_binary(s: str | bytes, encoding: str = "utf-8", errors: str = "strict") -> bytes:
    """Return *s* as bytes. Raises ``TypeError`` for anything else."""
    if not isinstance(s, (str, bytes)):
        raise TypeError(f"not expecting type '{type(s)}'")
    return s if isinstance(s, bytes) else s.encode(encoding, errors)


def reraise(tp: Any, value: BaseException | None, tb: TracebackType | None = None) -> None:
    """Raise *value* with the traceback *tb*."""
    error: BaseException = value if value is not None else tp()
    raise error.with_traceback(tb)


def raise_from(value: BaseException, from_value: BaseException | None) -> None:
    """Raise *value*, whose cause is *from_value*."""
    raise value from from_value


def exec_(code: Any, globs: dict[str, Any] | None = None, locs: Mapping[str, Any] | None = None) -> None:
    """Run *code*."""
    exec(code, {} if globs is None else globs, locs)  # noqa: S102  # it is what the name stands for


def add_metaclass(metaclass: type) -> Callable[[type], type]:
    """Return a decorator that makes a class one of *metaclass*."""

    def wrapper(cls: type) -> type:
        own = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
        return metaclass(cls.__name__, cls.__bases__, own)  # type: ignore[no-any-return]

    return wrapper


def with_metaclass(meta: type, *bases: type) -> type:
    """Return a base class whose class is *meta*."""
    made: type = meta("temporary_class", bases, {})
    return made


def python_2_unicode_compatible(cls: type[T]) -> type[T]:
    """Return *cls*: Python 3 needs nothing of it."""
    return cls


def get_unbound_function(unbound: T) -> T:
    """Return the function itself."""
    return unbound


def create_bound_method(func: Callable[..., Any], obj: Any) -> Any:
    """Return *func* as a method of *obj*."""
    return func.__get__(obj, obj.__class__)


def assertCountEqual(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Call the method of that name."""
    return self.assertCountEqual(*args, **kwargs)  # noqa: PT009  # it is what the name stands for
