"""One minion's pillar as it is kept, and what it hangs on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from saltern.digest import digest_of, sha256
from saltern.wire import pack_value, unpack_value
from saltern_master.pillar.claims import ALL
from saltern_master.pillar.files import overlay
from saltern_master.pillar.tree import ANY_FILE, LISTED, Stamps

ERRORS = "_errors"


class Kept:
    """A minion's pillar: what is in force, the last good one, and what it hangs on."""

    __slots__ = ("again", "asked", "digest", "errors", "good", "grains", "packed", "proxy_claimed", "used")

    def __init__(self) -> None:
        self.packed = b""
        """As it crosses the wire: maps of thousands of pillars would be a load at every look for garbage."""
        self.good: bytes | None = None
        self.digest = ""
        self.errors: list[str] = []
        self.used: frozenset[str] = frozenset()
        self.grains = ""
        self.asked: frozenset[str] = frozenset()
        self.proxy_claimed = False
        self.again = math.inf
        """When it is compiled again, whatever has changed (monotonic s)."""


def together(below: dict[str, Any], packed: bytes) -> dict[str, Any]:
    """Return a compiled pillar over what ``pillar_files`` gives."""
    pillar: dict[str, Any] = unpack_value(packed, secrets=True)
    if not below:
        return pillar
    whole = dict(below)
    overlay(whole, pillar)
    return whole


def with_errors(good: bytes, errors: list[str]) -> bytes:
    """Return a good pillar with what is wrong now in it."""
    return pack_value({**unpack_value(good, secrets=True), ERRORS: errors}, secrets=True)


def digest_of_bytes(packed: bytes) -> str:
    """Return the digest of a pillar's bytes: what ``digest_of`` says of it on both ends of the wire."""
    return sha256(packed).hexdigest()[:32]


def changed_files(before: Mapping[str, Stamps], now: Mapping[str, Stamps]) -> set[str]:
    """Return ``env:path`` of what came, went or changed, with ``**``; ``*`` when something came or went."""
    changed: set[str] = set()
    for env in before.keys() | now.keys():
        old, new = before.get(env, {}), now.get(env, {})
        for path in old.keys() | new.keys():
            if old.get(path) != new.get(path):
                changed |= {f"{env}:{path}", ANY_FILE}
                if path not in old or path not in new:
                    changed.add(LISTED)
    return changed


def grains_digest(grains: Mapping[str, Any], used: Iterable[str]) -> str:
    """Return a digest of the grains that a pillar hangs on."""
    names = sorted(used)
    if ALL in names:
        return digest_of(dict(grains))
    return digest_of([grains.get(name, ["absent"]) for name in names]) if names else ""
