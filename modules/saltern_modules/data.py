"""A small store of values on the minion, for scripts and modules that want to remember something.

It is one file, ``datastore`` in ``cachedir``, packed as MessagePack: Salt's own store, file and format. A change is
made under a lock and takes the place of the old file at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from typing import Any

import msgpack

from saltern.errors import ArgumentError, CommandError, os_errors
from saltern.files import make_folder, open_folder, replacement

__opts__: Mapping[str, Any]

__proxyenabled__ = ["*"]

__powers__ = {
    "clear": "writes",
    "load": "reads",
    "dump": "writes",
    "update": "writes",
    "cas": "writes",
    "pop": "writes",
    "get": "reads",
    "keys": "reads",
    "values": "reads",
    "items": "reads",
    "has_key": "reads",
}

MAX_BYTES = 16 << 20
FILE_MODE = 0o600
FOLDER_MODE = 0o755


def clear() -> bool:
    """Forget everything; return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.clear
    """
    with contextlib.suppress(OSError):
        os.remove(_place())
    return True


def load() -> dict[Any, Any]:
    """Return everything that is stored, ``{}`` when there is nothing. Raises ``CommandError`` for a damaged file.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.load
    """
    try:
        with open(_place(), "rb") as file:
            packed = file.read()
    except OSError:
        return {}
    try:
        found = msgpack.unpackb(packed, raw=False, strict_map_key=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise CommandError(f"{_place()} is damaged ({error}): data.clear begins anew") from None
    return found if isinstance(found, dict) else {}


def dump(new_data: Any) -> bool:
    """Store the dict *new_data*, or the text of one, in the place of everything; return whether it was done.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.dump '{"eggs": "spam"}'
    """
    if isinstance(new_data, str):
        import ast

        try:
            new_data = ast.literal_eval(new_data)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise ArgumentError(f"data.dump takes a dict, not {new_data!r:.100}") from None
    if not isinstance(new_data, dict):
        return False
    with _locked():
        _write(new_data)
    return True


def update(key: Any, value: Any) -> bool:
    """Store *value* as *key*; return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.update eggs spam
    """
    with _locked():
        _write({**load(), key: value})
    return True


def cas(key: Any, value: Any, old_value: Any) -> bool:
    """Store *value* as *key* if *old_value* is there now; return whether it was.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.cas eggs ham spam
    """
    with _locked():
        store = load()
        if key not in store or store[key] != old_value:
            return False
        _write({**store, key: value})
    return True


def pop(key: Any, default: Any = None) -> Any:
    """Remove *key* and return what it was, *default* when it wasn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.pop eggs
    """
    with _locked():
        store = load()
        value = store.pop(key, default)
        _write(store)
    return value


def get(key: Any, default: Any = None) -> Any:
    """Return what *key* is, *default* when it isn't there; of a list of keys, the list of what they are.

    Those of a list that aren't there are left out, unless there is a default.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.get eggs
        saltern '*' data.get '[eggs, bacon]'
    """
    store = load()
    if isinstance(key, str):
        return store.get(key, default)
    if default is None:
        return [store[one] for one in key if one in store]
    return [store.get(one, default) for one in key]


def keys() -> list[Any]:
    """Return all keys.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.keys
    """
    return list(load())


def values() -> list[Any]:
    """Return all values.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.values
    """
    return list(load().values())


def items() -> dict[Any, Any]:
    """Return everything, as :func:`load` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.items
    """
    return load()


def has_key(key: Any) -> bool:
    """Return whether there is a *key*.

    CLI Example:

    .. code-block:: bash

        saltern '*' data.has_key eggs
    """
    return key in load()


def _place() -> str:
    cache = __opts__.get("cachedir")
    if not cache:
        raise CommandError("data: the option cachedir is not set: it says where the store is")
    return os.path.join(str(cache), "datastore")


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Keep others from changing the store meanwhile, in this process or another."""
    folder = os.path.dirname(_place())
    with os_errors(CommandError, folder, "can't be used for the store", called="data"):
        make_folder(folder, FOLDER_MODE)
        place = open_folder(folder)
        try:
            descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place)
        finally:
            os.close(place)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(store: Mapping[Any, Any]) -> None:
    try:
        packed = msgpack.packb(dict(store), use_bin_type=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"data: a value can't be stored: {error}") from None
    if len(packed) > MAX_BYTES:
        raise CommandError(f"data: the store may have {MAX_BYTES >> 20} MiB, this would be {len(packed)} bytes")
    with (
        os_errors(CommandError, _place(), "can't be written", called="data"),
        replacement(_place(), FILE_MODE, keep_mode=True) as file,
    ):
        file.write(packed)
