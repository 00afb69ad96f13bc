"""Scenarios: calls of execution modules one after the other on a folder of files, run by Salt's loader or by ours.

``scenarios/NAME.py`` holds them, ``scenarios/NAME.json`` what the real Salt came to (``record_scenarios.py``). In
texts ``{dir}`` stands for the scenario's own folder, in what is asked and in what is answered. This file and the
scenarios run in Salt's Python too: they import nothing of ours.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

DIR = "{dir}"
KINDS = {
    "CommandNotFoundError": "not found",
    "SaltInvocationError": "invocation",
    "ArgumentError": "invocation",
    "CommandExecutionError": "command",
    "CommandError": "command",
    "TypeError": "type",
}
"""What an error is to a user, by the names of its classes: Salt's and ours."""


@dataclass(frozen=True)
class Scenario:
    """*calls*: ``(function, args…, {keywords})``, each a tuple, its last member keywords when it is a ``dict`` marked
    by :func:`kw`. *files*: texts or bytes by path below the folder; a path that ends in ``/`` is a folder. *setup* is
    called with the folder after them. *opts*, *grains*, *pillar* are added to what there is.
    """

    calls: tuple[tuple[Any, ...], ...]
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    opts: Mapping[str, Any] = field(default_factory=dict)
    grains: Mapping[str, Any] = field(default_factory=dict)
    pillar: Mapping[str, Any] = field(default_factory=dict)
    setup: Callable[[str], None] | None = None
    root: bool = False
    """Whether only root can run it."""
    without: str = ""
    """A path: on a host that has it, it would come to something else, and isn't run."""
    tree: bool = True
    """Whether the files that there are in the end are compared."""


class Keywords(dict[str, Any]):
    """Keywords of a call."""


def kw(**keywords: Any) -> Keywords:
    """Return the keywords of a call, to stand last in it."""
    return Keywords(keywords)


def prepare(scenario: Scenario, folder: str) -> None:
    """Make the scenario's files in the empty *folder*."""
    for name, content in scenario.files.items():
        path = os.path.join(folder, name)
        os.makedirs(path if name.endswith("/") else os.path.dirname(path), exist_ok=True)
        if not name.endswith("/"):
            data = filled(content, folder)
            with open(path, "wb") as stream:
                stream.write(data if isinstance(data, bytes) else data.encode())
    if scenario.setup is not None:
        scenario.setup(folder)


def run(scenario: Scenario, functions: Mapping[str, Any], folder: str, kept: Callable[[str, Any], Any]) -> list[Any]:
    """Return what each call comes to: ``{"value": …}`` or ``{"error": kind, "text": …}``, fit for JSON.

    *kept* is the scenarios' own: it replaces what no two runs have in common.
    """
    answers: list[Any] = []
    for fun, *rest in scenario.calls:
        keywords = rest.pop() if rest and isinstance(rest[-1], Keywords) else {}
        try:
            value = functions[fun](*filled(rest, folder), **filled(dict(keywords), folder))
        except Exception as error:
            answers.append({"error": _kind(error), "text": emptied(str(error), folder)})
        else:
            answers.append({"value": plain(kept(fun, emptied(value, folder)))})
    return answers


def tree(folder: str) -> dict[str, list[str]]:
    """Return what is in *folder* by path: kind, mode, and content or where a link leads; ``.salt`` is left out."""
    found: dict[str, list[str]] = {}
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".salt")
        for name in sorted([*folders, *files]):
            path = os.path.join(top, name)
            status = os.lstat(path)
            where, mode = os.path.relpath(path, folder), f"{stat.S_IMODE(status.st_mode):04o}"
            if stat.S_ISLNK(status.st_mode):
                found[where] = ["link", "", str(emptied(os.readlink(path), folder))]
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as stream:
                    found[where] = ["file", mode, str(emptied(stream.read().decode("latin-1"), folder))]
            else:
                found[where] = ["folder" if stat.S_ISDIR(status.st_mode) else "other", mode, ""]
    return found


def filled(value: Any, folder: str) -> Any:
    """Return *value* with the scenario's folder in its texts."""
    return _replaced(value, DIR, folder)


def emptied(value: Any, folder: str) -> Any:
    """Return *value* with ``{dir}`` in the place of the scenario's folder."""
    return _replaced(value, folder, DIR)


def plain(value: Any) -> Any:
    """Return *value* as JSON brings it back; what JSON doesn't know is its ``repr``."""
    return json.loads(json.dumps(value, default=repr))


def label(call: tuple[Any, ...]) -> str:
    """Return a call as one line."""
    return " ".join([str(call[0]), *(json.dumps(one, default=repr) for one in call[1:])])


def scenarios_of(module: ModuleType) -> dict[str, Scenario]:
    """Return the scenarios of a file."""
    found: dict[str, Scenario] = module.SCENARIOS
    return found


def kept_of(module: ModuleType) -> Callable[[str, Any], Any]:
    """Return what the file keeps of an answer: all, unless it has a function ``kept(fun, value)``."""
    kept: Callable[[str, Any], Any] = getattr(module, "kept", lambda fun, value: value)
    return kept


def emptied_folder(folder: str) -> str:
    """Make *folder* anew and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, bytes):
        return value.replace(old.encode(), new.encode())
    if isinstance(value, dict):
        return {_replaced(key, old, new): _replaced(member, old, new) for key, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(_replaced(member, old, new) for member in value)
    return value


def _kind(error: Exception) -> str:
    names = [kind.__name__ for kind in type(error).__mro__]
    return next((KINDS[name] for name in KINDS if name in names), names[0])
