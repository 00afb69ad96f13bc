"""``salt.utils.json``: the standard library's, with Salt's defaults."""

from __future__ import annotations

import json
from typing import Any

loads, load = json.loads, json.load


def dumps(obj: Any, **kwargs: Any) -> str:
    """Return *obj* as JSON, characters as they are."""
    kwargs.pop("_json_module", None)
    return json.dumps(obj, **{"ensure_ascii": False, **kwargs})


def dump(obj: Any, fp: Any, **kwargs: Any) -> None:
    """Write *obj* as JSON to the file *fp*."""
    fp.write(dumps(obj, **kwargs))
