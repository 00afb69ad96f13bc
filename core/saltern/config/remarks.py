"""What is said once of a configuration that is in force: keys of a user's own, options that do nothing here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saltern.config.includes import unmatched
from saltern.config.of_salt import idle, of_a_console, of_a_returner
from saltern.config.schema import Schema

SHOWN = 20
"""Keys, of those that one line names."""


def own_keys(schema: Schema, options: Mapping[str, Any]) -> list[str]:
    """Return the keys of *options* that are no options of ours, sorted."""
    return sorted(set(options) - set(schema.types()))


def remarks(schema: Schema, options: Mapping[str, Any]) -> Iterator[str]:
    """Yield at most one line for a user's own keys, one for Salt's options that do nothing, one for empty includes."""
    where = options["conf_file"]
    keys = own_keys(schema, options)
    passed_over = dict(idle(schema.name, keys))
    others = of_a_returner, of_a_console
    if schema.name == "master":
        keys = [key for key in keys if not any(one(key) for one in others)]
    if own := [key for key in keys if key not in passed_over]:
        kept = "change nothing" if schema.name == "web" else "are kept as your own, for config.get and modules"
        yield f"{where}: these are no options and {kept}: {_some(own)}"
    if passed_over:
        reasons = [f"{key} ({reason})" for key, reason in passed_over.items()]
        yield f"{where}: these options of Salt's do nothing here: {_some(reasons)}"
    if nothing := [f"{pattern} ({file})" for file, pattern in unmatched(where)]:
        yield f"{where}: include names no file by {_some(nothing)}"


def _some(words: list[str]) -> str:
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    shown = ", ".join(words[:SHOWN])
    return f"{''.join(c if c.isprintable() else '?' for c in shown)}{more}"
