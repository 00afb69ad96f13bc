"""A small fleet whose minions answer by a script: the same for Salt's program, when it is recorded, and for ours.

It needs nothing but Python, because Salt's own interpreter runs it too. A job's answers are ``{"ret", "retcode"}`` by
minion, perhaps with ``out``; ``silent`` minions never answer, ``mute`` ones answer only ``test.ping``, ``away`` ones
aren't connected.
"""

from __future__ import annotations

import fnmatch
from typing import Any, NamedTuple

DOCS = {
    "test.echo": "\n    Return a text.\n\n    CLI Example:\n\n        salt '*' test.echo hi\n    ",
    "test.ping": "Say that it is there",
    "test.undocumented": None,
}
TABLE = {
    "name": "web",
    "list": ["a", [1, 2], {"k": {}}],
    "empty": {},
    "none": None,
    "text": "two\nlines",
    "number": 1.5,
    "yes": True,
}
MISSING = "'{}' is not available."


class Fleet(NamedTuple):
    """Who is accepted, and who of them doesn't answer."""

    minions: tuple[str, ...]
    silent: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()
    away: tuple[str, ...] = ()

    def resolve(self, target: Any, kind: str) -> list[str]:
        """Return whom a target means: a glob, or a list, of which one must be known."""
        if kind == "list":
            names = target.split(",") if isinstance(target, str) else list(target)
            known = [name for name in names if name in self.minions]
            return sorted(set(names)) if known else []
        return [name for name in self.minions if fnmatch.fnmatchcase(name, target)]

    def answers(self, minion_id: str, fun: Any) -> bool:
        """Say whether a minion answers to a function."""
        if minion_id not in self.minions or minion_id in self.silent or minion_id in self.away:
            return False
        return minion_id not in self.mute or fun in ("test.ping", "sys.list_functions")


FLEETS = {
    "three": Fleet(("m1", "m2", "m3")),
    "silent": Fleet(("m1", "m2", "m3"), silent=("m3",)),
    "mute": Fleet(("m1", "m2", "m3"), mute=("m2",)),
    "away": Fleet(("m1", "m2", "m3"), away=("m2",)),
    "worst": Fleet(("m1", "m2", "m3"), silent=("m3",), away=("m2",)),
    "dumb": Fleet(("m1",), silent=("m1",)),
    "seven": Fleet(tuple(f"n{number}" for number in range(1, 8))),
}


def answer(minion_id: str, fun: Any, arg: Any) -> dict[str, Any]:
    """Return what a minion answers to a function, or to several."""
    if isinstance(fun, list):
        parts = [answer(minion_id, name, arg[at] if arg else []) for at, name in enumerate(fun)]
        return {
            "ret": {name: part["ret"] for name, part in zip(fun, parts, strict=True)},
            "retcode": {name: part["retcode"] for name, part in zip(fun, parts, strict=True)},
        }
    positional = [word for word in arg if not (isinstance(word, dict) and word.get("__kwarg__"))]
    keywords = {
        key: value
        for word in arg
        if isinstance(word, dict) and word.get("__kwarg__")
        for key, value in word.items()
        if key != "__kwarg__"
    }
    table: dict[str, dict[str, Any]] = {
        "test.ping": {"ret": True},
        "test.false": {"ret": False, "retcode": 1},
        "test.none": {"ret": None},
        "test.empty": {"ret": ""},
        "test.emptydict": {"ret": {}},
        "test.emptylist": {"ret": []},
        "test.table": {"ret": TABLE},
        "test.arg": {"ret": {"args": positional, "kwargs": keywords}},
        "test.id": {"ret": minion_id},
        "test.json": {"ret": {"b": 1, "a": [True]}, "out": "json"},
        "test.txt": {"ret": "a\nb", "out": "txt"},
        "test.odd": {"ret": {"a": 1}, "out": "no_such_form"},
        "test.broken": {"ret": "ERROR: it broke", "retcode": 1, "out": "nested"},
        "test.mixed": {"ret": minion_id, "retcode": 0 if minion_id.endswith("1") else int(minion_id[1:] or 0)},
        "test.quiet": {"ret": "x", "out": "quiet"},
        "sys.list_functions": {"ret": ["test.ping", "test.id", *(["test.arg"] if minion_id.endswith("1") else [])]},
        "sys.doc": {"ret": {name: text for name, text in DOCS.items() if not positional or name in positional}},
    }
    if fun == "test.retcode":
        return {"ret": True, "retcode": positional[0] if positional else 42}
    if fun == "test.echo":
        return {"ret": positional[0] if positional else "", "retcode": 0}
    return {"retcode": 0, **table.get(fun, {"ret": MISSING.format(fun), "retcode": 1, "out": "nested"})}
