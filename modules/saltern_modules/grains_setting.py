"""Setting grains of this host: they are kept in the file ``grains`` beside the minion's configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern.files import write_atomic
from saltern.traverse import MISSING, traverse
from saltern_modules import _agent

__salt__: Mapping[str, Callable[..., Any]]
__grains__: dict[str, Any]
__opts__: Mapping[str, Any]

__virtualname__ = "grains"

# Targets, pillar and grants may hang on a grain: who sets one widens what reaches this host.
__powers__ = {
    "set": "indirect",
    "setval": "indirect",
    "setvals": "indirect",
    "append": "indirect",
    "remove": "indirect",
    "delkey": "indirect",
    "delval": "indirect",
}
__func_alias__ = {"set_": "set"}

FILE_MODE = 0o644


def __virtual__() -> str:
    """Return the name of the module that this is a part of."""
    return __virtualname__


def setvals(grains: Mapping[str, Any], destructive: bool = False, refresh_pillar: bool = True) -> dict[str, Any]:
    """Set several *grains*, collect all anew, and return those that were set.

    ``None`` sets a grain to nothing, with *destructive* it takes it away. *refresh_pillar* fetches the pillar too.
    Raises ``CommandError`` when the file can't be read or written; nothing is changed then.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.setvals '{role: web, rack: 4}'
    """
    if not isinstance(grains, Mapping):
        raise ArgumentError("setvals grains must be a dictionary.")
    path = _path()
    with _alone():
        kept = _read(path)
        for name, value in grains.items():
            if value is None and destructive is True:
                kept.pop(name, None)
            else:
                kept[name] = value
        _write(path, kept)
    for name, value in grains.items():
        if value is None and destructive is True:
            __grains__.pop(name, None)
        else:
            __grains__[name] = value
    if agent := _agent.present(__opts__):
        agent.refresh_grains()
        if refresh_pillar:
            agent.refresh_pillar()
    return dict(grains)


def setval(key: str, val: Any, destructive: bool = False, refresh_pillar: bool = True) -> dict[str, Any]:
    """Set the grain *key* to *val*, and return ``{key: val}``; see :func:`setvals`.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.setval role web
    """
    return setvals({key: val}, destructive, refresh_pillar=refresh_pillar)


def append(key: str, val: Any, convert: bool = False, delimiter: str = ":") -> dict[str, Any] | str:
    """Append *val*, or each member when it is a list, to the list at the path *key*, made if it isn't there.

    With *convert* another value becomes the first member. Return what was set, ``{top key: value}``, or a sentence
    that says why nothing was.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.append roles web
    """
    value = _value(key, [], delimiter)
    if convert and not isinstance(value, list):
        value = [] if value is None else [value]
    if not isinstance(value, list):
        return f"The key {key} is not a valid list"
    if val in value:
        return f"The val {val} was already in the list {key}"
    value += val if isinstance(val, list) else [val]
    return setval(*_upwards(key, value, delimiter, {}))


def remove(key: str, val: Any, delimiter: str = ":") -> dict[str, Any] | str:
    """Remove *val* from the list at the path *key*; return what was set, or a sentence that says why nothing was.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.remove roles web
    """
    value = _value(key, [], delimiter)
    if not isinstance(value, list):
        return f"The key {key} is not a valid list"
    if val not in value:
        return f"The val {val} was not in the list {key}"
    value.remove(val)
    return setval(*_upwards(key, value, delimiter, None))


def delkey(key: str, force: bool = False) -> dict[str, Any]:
    """Take the grain at the path *key* away; one that is a list or a mapping with *force* alone.

    Return ``{result, changes, comment}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.delkey role
    """
    return delval(key, destructive=True, force=force)


def delval(key: str, destructive: bool = False, force: bool = False) -> dict[str, Any]:
    """Set the grain at the path *key* to nothing; *destructive* takes it away. See :func:`delkey`.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.delval role
    """
    return set_(key, None, destructive=destructive, force=force)


def set_(
    key: str, val: Any = "", force: bool = False, destructive: bool = False, delimiter: str = ":"
) -> dict[str, Any]:
    """Set the grain at the path *key* to *val*; return ``{result, changes, comment}``.

    Without *force* no list or mapping is replaced, and none takes the place of another value.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.set 'apps:web:port' 8080
    """
    existing = _value(key, MISSING, delimiter)
    if existing is not MISSING and existing == val and (val is not None or destructive is not True):
        return _result("Grain is already set")
    if existing is not None and not force:
        if isinstance(existing, (dict, list)):
            return _refused(f"The key '{key}' exists but is a dict or a list. Use 'force=True' to overwrite.")
        if isinstance(val, (dict, list)) and existing is not MISSING:
            return _refused(
                f"The key '{key}' exists and the given value is a dict or a list. Use 'force=True' to overwrite."
            )
    while delimiter in key:
        key, rest = key.rsplit(delimiter, 1)
        above = _value(key, {}, delimiter)
        laid = _laid(above, rest, val, force=force, gone=val is None and destructive)
        if laid is MISSING:
            said = f"The key '{key}' value is '{above}', which is different from the provided key '{rest}'."
            return _refused(f"{said} Use 'force=True' to overwrite.")
        val = laid
    return _result("", setval(key, val, destructive=destructive))


def _laid(above: Any, name: str, value: Any, *, force: bool, gone: bool) -> Any:
    """Return *above* with *value* as its member *name*, or without it when it is *gone*; ``MISSING``: it can't be."""
    if isinstance(above, dict):
        if gone:
            above.pop(name, None)
        else:
            above[name] = value
        return above
    if isinstance(above, list):
        places = [
            at for at, member in enumerate(above) if member == name or (isinstance(member, dict) and name in member)
        ]
        for at in places:
            above[at] = {**above[at], name: value} if isinstance(above[at], dict) else {name: value}
        return above if places else [*above, {name: value}]
    return {name: value} if above == name or force else MISSING


def _upwards(key: str, value: Any, delimiter: str, default: Any) -> tuple[str, Any]:
    """Return the top key of the path *key*, and its value once *value* stands at the path."""
    while delimiter in key:
        key, rest = key.rsplit(delimiter, 1)
        above = _value(key, deepcopy(default), delimiter)
        if isinstance(above, dict):
            above[rest] = value
        value = above
    return key, value


def _value(key: str, default: Any, delimiter: str) -> Any:
    """Return a copy of the grain at the path *key*, or *default*."""
    value = traverse(__grains__, key, MISSING, delimiter)
    return default if value is MISSING else deepcopy(value)


def _result(comment: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"comment": comment, "changes": dict(changes or {}), "result": True}


def _refused(comment: str) -> dict[str, Any]:
    return {"comment": comment, "changes": {}, "result": False}


def _path() -> str:
    conf = str(__opts__["conf_file"])
    return os.path.join(conf if os.path.isdir(conf) else os.path.dirname(conf), "grains")


def _read(path: str) -> dict[str, Any]:
    import yaml

    try:
        with open(path, "rb") as stream:
            kept = yaml.safe_load(stream)
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError) as error:
        said = str(error).replace("\n", " ")
        raise CommandError(f"Unable to read existing grains file: {said}: {path} stays as it is") from None
    return kept if isinstance(kept, dict) else {}


def _write(path: str, kept: Mapping[str, Any]) -> None:
    import yaml

    try:
        text = yaml.safe_dump(dict(kept), default_flow_style=False, allow_unicode=True)
        write_atomic(path, text.encode(), FILE_MODE)
    except yaml.YAMLError as error:
        raise CommandError(f"A grain can't be written as YAML: {str(error).splitlines()[0]}") from None
    except OSError as error:
        raise CommandError(f"Unable to write to grains file at {path}: {error.strerror}") from None


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other jobs and ``saltern-call`` from changing the file meanwhile."""
    import fcntl

    path = os.path.join(str(__opts__["cachedir"]), "grains.lock")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CommandError(f"Grains can't be set: {path}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
