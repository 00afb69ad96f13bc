"""``salt.utils.json``: the standard library's, with Salt's defaults."""

from __future__ import annotations

import json
from typing import Any

JSONDecodeError = json.JSONDecodeError


def loads(s: str | bytes, **kwargs: Any) -> Any:
    """Return what a text of JSON says. Raises ``ValueError``."""
    kwargs.pop("_json_module", None)
    return json.loads(s, **kwargs)


def load(fp: Any, **kwargs: Any) -> Any:
    """Return what a file of JSON says. Raises ``ValueError``."""
    return loads(fp.read(), **kwargs)


def dumps(obj: Any, **kwargs: Any) -> str:
    """Return *obj* as JSON, characters as they are; bytes as their text."""
    kwargs.pop("_json_module", None)
    return json.dumps(obj, **{"ensure_ascii": False, "default": _bytes, **kwargs})


def dump(obj: Any, fp: Any, **kwargs: Any) -> None:
    """Write *obj* as JSON to the file *fp*."""
    fp.write(dumps(obj, **kwargs))


def _bytes(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def find_json(s: str) -> Any:
    """Return what the first JSON in a text says, whatever lines are around it. Raises ``ValueError``."""
    lines = s.splitlines()
    for begin, line in enumerate(lines):
        if line.lstrip()[:1] not in ("{", "["):
            continue
        text = "\n".join(lines[begin:])
        try:
            return json.JSONDecoder().raw_decode(text.lstrip())[0]
        except ValueError:
            continue
    raise ValueError("no JSON was found")


def import_json() -> Any:
    """Return the module that reads JSON."""
    return json
