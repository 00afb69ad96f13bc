"""What a restricted request may see, and how a request says it.

::

    {"series": ["saltern.web01", "stats.*.web01"],      places of series: restricted.prefixes
     "minions": ["web01"]}                              events about these alone: those with a tag minion:web01, and
                                                        with no such tag of another
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from saltern.errors import GraphiteError
from saltern_graphite.http.restricted.prefixes import MAX_PLACES, Prefixes

MAX_BYTES = 4 << 20
_PARTS = {"series", "minions"}
_MEANT = 'a restriction is JSON: {"series": ["saltern.web01"], "minions": ["web01"]}'


@dataclass(frozen=True, slots=True, eq=False)
class Restriction:
    """A part of the store; ``digest`` is another one for another part."""

    prefixes: Prefixes
    minions: Sequence[str]
    digest: str


def digest_of(text: bytes) -> str:
    """Return what stands for the restriction that *text* says."""
    return hashlib.sha256(text).hexdigest()


def read_restriction(text: bytes) -> Restriction:
    """Return the restriction that *text* says. Raises ``GraphiteError``: then nothing may be seen."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise GraphiteError(_MEANT) from None
    if not isinstance(said, dict) or set(said) != _PARTS:
        raise GraphiteError(_MEANT)
    for part in said.values():
        if not isinstance(part, list) or len(part) > MAX_PLACES or not all(isinstance(one, str) for one in part):
            raise GraphiteError(f"{_MEANT}, each with at most {MAX_PLACES} texts")
    return Restriction(Prefixes(said["series"]), tuple(said["minions"]), digest_of(text))
