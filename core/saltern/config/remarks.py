"""What is said once of a configuration that is in force: keys of a user's own, options that do nothing here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from saltern.config.includes import unmatched
from saltern.config.located import located
from saltern.config.of_salt import idle, of_a_console, of_a_returner
from saltern.config.repeats import repeats
from saltern.config.schema import Schema

SHOWN = 20
"""Keys, of those that one line names; lines, of those that say the same of several."""


def own_keys(schema: Schema, options: Mapping[str, Any]) -> list[str]:
    """Return the keys of *options* that are no options of ours, sorted."""
    return sorted(set(options) - set(schema.types()))


def remarks(schema: Schema, options: Mapping[str, Any]) -> Iterator[str]:
    """Yield at most one line for a user's own keys, one for Salt's options that do nothing, one for empty includes, one
    for each option or environment of which a folder isn't there, for each nodegroup that means nobody, and for each of
    the first keys that are set twice.
    """
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
    yield from slips(schema, options)


def slips(schema: Schema, options: Mapping[str, Any]) -> Iterator[str]:
    """Yield those of the remarks that tell of a slip, which are said whenever the configuration is read again."""
    where = options["conf_file"]
    for what, folders in _folders(schema, options):
        if absent := [one for one in folders if isinstance(one, str) and one and not os.path.isdir(one)]:
            yield located(f"{what}: no folder is found at {_some(absent)}", where)
    for name, why in _idle_groups(options.get("nodegroups") or {}):
        yield located(f"nodegroups: {name}: {why}", where)
    yield from islice(repeats(where), SHOWN)


def _folders(schema: Schema, options: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the folders that must be there, with what they are for: ``file_roots: base``.

    The default may be missing, and so may what is in no use, on a minion whose files are its master's.
    """
    for option in ("file_roots", "pillar_roots"):
        roots = options.get(option)
        unused = roots == schema.defaults.get(option) or options.get("file_client") == "remote"
        for env, folders in roots.items() if isinstance(roots, dict) and not unused else ():
            yield f"{option}: {env}", folders if isinstance(folders, list) else [folders]
    for option in ("runner_dirs", "outputter_dirs", "module_dirs"):
        yield option, options.get(option) or []
    if schema.name == "master":
        yield "extension_modules", [options["extension_modules"]]


def _idle_groups(groups: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the nodegroups that mean nobody, or name one that isn't there, and why."""
    for name, value in groups.items():
        if not isinstance(value, (str, list)):
            yield name, "means nobody: it must be a target, as in G@os:Debian or L@web1,web2, or a list of its words"
            continue
        words = value.split() if isinstance(value, str) else map(str, value)
        named = (word.removeprefix("N@") for word in words if word.startswith("N@"))
        if missing := [one for one in named if one not in groups]:
            yield name, f"N@{missing[0]} in it means nobody: there is no such nodegroup"


def _some(words: list[str]) -> str:
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    shown = ", ".join(words[:SHOWN])
    return f"{''.join(c if c.isprintable() else '?' for c in shown)}{more}"
