"""The scope of a token: entries that its maker writes, whoever he is. So less is taken of them than of an operator's.

Targets of grants may ask for pillar, which their writer need not be able to read, and be held against expressions that
take long; here they are ids, globs, grains and addresses. Expressions are few, and what they take is his alone
(``expression.Patience``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from saltern.errors import ConfigError
from saltern_master.auth.entries import Entry, OnMaster, OnMinions, parse_entries
from saltern_master.auth.expression import Expression, Patience
from saltern_master.auth.rules import Rule

MAX_BYTES = 8 * 1024
MAX_RULES = 100
_REFUSED = re.compile(r"[EPIJ]@")
"""Regular expressions of ids and of grains, and pillar."""


def parse_scope(where: str, given: Sequence[Any], patience: Patience | None = None) -> tuple[Entry, ...]:
    """Return the entries of a scope, whose expressions have that *patience*. Raises ``ConfigError``."""
    if not _is_short(given):
        raise ConfigError(f"{where}: is over {MAX_BYTES:,} bytes: name a role, or some functions less")
    entries = parse_entries(where, list(given))
    rules = [rule for entry in entries for rule in _rules(entry)]
    expressions = list(_expressions(rules))
    if len(rules) + len(expressions) > MAX_RULES:
        raise ConfigError(f"{where}: has over {MAX_RULES} functions and expressions: name a role")
    for entry in entries:
        if isinstance(entry, OnMinions) and _REFUSED.search(entry.target):
            raise ConfigError(
                f"{entry.where}: the target {entry.target!r:.80} asks for what a token may not: use ids, globs, "
                "L@, G@, S@ and N@"
            )
    for expression in expressions:
        expression.patience = patience
    return entries


def _is_short(given: Sequence[Any]) -> bool:
    """Return whether *given* is no longer than ``MAX_BYTES``, as JSON is counted; no more is looked at than that."""
    size, todo = 0, [given]
    while todo and size <= MAX_BYTES:
        one: Any = todo.pop()
        if isinstance(one, list | tuple | dict):
            size += 2 * len(one) + 2
            if size <= MAX_BYTES:
                todo += [*one, *one.values()] if isinstance(one, dict) else one
        else:
            size += len(one) + 2 if isinstance(one, str | bytes) else 4
    return size <= MAX_BYTES


def _rules(entry: Entry) -> tuple[Rule, ...]:
    return entry.rules if isinstance(entry, OnMinions | OnMaster) else ()


def _expressions(rules: Sequence[Rule]) -> Iterator[Expression]:
    for rule in rules:
        for one in (rule.pattern, *(e for c in rule.conditions for e in (*c.args, *c.kwargs.values()))):
            if one is not None:
                yield one
