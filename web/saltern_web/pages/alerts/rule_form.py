"""A rule as a form, and a form as a rule: what the master is given is what its files would say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from saltern_web.api.errors import Refused

PLAIN = ("for", "window", "nodata_after", "repeat", "timeout")
"""Durations: seconds, or a text like ``5m``."""
KINDS = ("metric", "target")
NODATA = (
    ("", "keep the state"),
    ("nodata", "a state of its own: no data"),
    ("warn", "warning"),
    ("crit", "critical"),
    ("ok", "ok"),
)
FIELDS = (
    "name",
    "kind",
    "query",
    "warn",
    "crit",
    "recover_warn",
    "recover_crit",
    "nodata",
    "message",
    "script",
    *PLAIN,
)
MAX_CHARS = 16 * 1024


def given_fields(given: QueryDict) -> dict[str, str]:
    """Return a form's fields as they were typed."""
    fields = {name: given.get(name, "").strip()[:MAX_CHARS] for name in FIELDS}
    return {**fields, "enabled": given.get("enabled", "")}


def read_form(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the rule that a form says. Raises ``Refused`` for a script that is neither a path nor a list."""
    kind = fields["kind"] if fields["kind"] in KINDS else KINDS[0]
    rule: dict[str, Any] = {kind: fields["query"]}
    rule |= {level: _number(fields[level]) for level in ("warn", "crit") if fields[level]}
    recover = {level: _number(fields[f"recover_{level}"]) for level in ("warn", "crit") if fields[f"recover_{level}"]}
    if recover:
        rule["recover"] = recover
    rule |= {name: _number(fields[name]) for name in PLAIN if fields[name]}
    rule |= {name: fields[name] for name in ("nodata", "message") if fields[name]}
    if fields["script"]:
        rule["script"] = _script(fields["script"])
    if not fields["enabled"]:
        rule["enabled"] = False
    return rule


def fields_of(name: str, rule: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a form that says *rule*; what isn't there stays empty."""
    kind = "target" if "target" in rule else "metric"
    recover = rule.get("recover")
    levels = recover if isinstance(recover, dict) else {level: recover for level in ("warn", "crit") if level in rule}
    script = rule.get("script", "")
    return {
        "name": name,
        "kind": kind,
        "query": _text(rule.get(kind)),
        **{level: _text(rule.get(level)) for level in ("warn", "crit", "message", *PLAIN)},
        **{f"recover_{level}": _text(levels.get(level)) for level in ("warn", "crit")},
        "nodata": "" if rule.get("nodata") in (None, "keep") else _text(rule["nodata"]),
        "script": script if isinstance(script, str) else json.dumps(script),
        "enabled": "" if rule.get("enabled") is False else "1",
    }


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(text: str) -> str | int | float:
    """Return a number that was typed as one, so that a rule comes back as it was written."""
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        return value if str(value) == text else text
    return text


def _script(text: str) -> Any:
    if not text.startswith("["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise Refused('the script must be a path, or a list like ["sh", "-c", "…"]') from None
