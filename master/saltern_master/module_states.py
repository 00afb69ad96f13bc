"""Which modules each minion has, by the digest of the whole, and which of them it can't take or use, as it says.

A minion tells when it attaches, and when it has synced. That is a claim, like grains: it is shown, and nothing hangs on
it. What it didn't tell since the master started isn't known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_PROBLEMS = 20
MAX_PROBLEM_CHARS = 200
MORE = "…"
SYNCED, BEHIND, UNKNOWN = "synced", "behind", "unknown"

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Told(NamedTuple):
    """What a minion said last. *digest*: ``None``: it has not all of them; *problems*: ``None``: it said nothing."""

    digest: str | None = None
    problems: Mapping[str, str] | None = None


NOTHING = Told()


class ModuleStates:
    """What all minions said last."""

    def __init__(self) -> None:
        self._told: dict[str, Told] = {}

    def attached(self, minion_id: str, have: Mapping[str, Any]) -> None:
        """Note what a minion says that it has: ``modules``, a digest, and ``modules_problems``, lines."""
        self._note(minion_id, have.get("modules"), have.get("modules_problems"))

    def heard(self, minion_id: str, event: Mapping[str, Any]) -> None:
        """Note what a minion says when it has synced: ``digest`` and ``problems``."""
        self._note(minion_id, event.get("digest"), event.get("problems"))

    def of(self, minion_id: str) -> Told:
        """Return what a minion said last."""
        return self._told.get(minion_id, NOTHING)

    def forget(self, minion_id: str) -> None:
        """Forget a minion whose key was taken away."""
        self._told.pop(minion_id, None)

    def shown(self, minion_id: str, wanted: str) -> dict[str, Any]:
        """Return ``digest``, ``state`` beside the *wanted* digest, and ``errors`` by module, ``None`` for no word."""
        digest, problems = self.of(minion_id)
        state = UNKNOWN if digest is None else SYNCED if digest == wanted else BEHIND
        known = bool(problems) or digest is not None  # one that has not synced yet has met none
        return {"digest": digest, "state": state, "errors": dict(problems) if problems is not None and known else None}

    def _note(self, minion_id: str, digest: Any, problems: Any) -> None:
        sound = digest if isinstance(digest, str) and _DIGEST.fullmatch(digest) else None
        self._told[minion_id] = Told(sound, _problems(problems) if isinstance(problems, list) else None)


def _problems(lines: list[Any]) -> dict[str, str]:
    """Return what is wrong by module, of lines like ``modules.bad: refused: line 1: SyntaxError``."""
    found: dict[str, str] = {}
    for line in lines[:MAX_PROBLEMS]:
        name, _, why = str(line)[:MAX_PROBLEM_CHARS].partition(": ")
        found[name] = f"{found[name]}; {why}" if name in found else why
    if len(lines) > MAX_PROBLEMS:
        found[MORE] = "and more"
    return found
