"""Keeping the secrets of devices out of the log: each one's where its call is running, all of them elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Hashable

from saltern.log import OneLine
from saltern.secret import MASK
from saltern_agent.loader.bound import unasked
from saltern_agent.loader.shared_library import SharedLibrary
from saltern_agent.strikeout import MIN_PART_CHARACTERS, Strikeout, StruckLog


class KnownSecrets(Strikeout):
    """The secrets of many devices: what a text costs doesn't grow with their number."""

    def __init__(self) -> None:
        super().__init__()
        self._of: dict[Hashable, Strikeout] = {}
        self._beginnings: dict[str, dict[str, int]] = {}
        """Parts to strike out, with how many devices have them, by their first characters."""

    def __bool__(self) -> bool:
        return bool(self._of)

    def take(self, whose: Hashable, texts: frozenset[str]) -> None:
        """Have *texts* as the secrets of *whose* device, and no others of it."""
        before = self._of.pop(whose, None)
        if texts:
            now = self._of[whose] = Strikeout(texts)
            for part in now.parts():
                parts = self._beginnings.setdefault(part[:MIN_PART_CHARACTERS], {})
                parts[part] = parts.get(part, 0) + 1
        for part in before.parts() if before is not None else ():
            parts = self._beginnings[part[:MIN_PART_CHARACTERS]]
            parts[part] -= 1
            if not parts[part]:
                del parts[part]
            if not parts:
                del self._beginnings[part[:MIN_PART_CHARACTERS]]

    def text(self, text: str) -> str:
        """Return *text* without the secrets."""
        found: set[str] = set()
        for at in range(len(text) - MIN_PART_CHARACTERS + 1):
            parts = self._beginnings.get(text[at : at + MIN_PART_CHARACTERS])
            if parts is not None:
                found.update(part for part in list(parts) if text.startswith(part, at))
        for part in sorted(found, key=len, reverse=True):
            text = text.replace(part, MASK)
        return text


def strike_log(library: SharedLibrary) -> KnownSecrets:
    """Keep the secrets of devices that use *library* out of the log from now on; made before any of them."""
    known = KnownSecrets()
    library.on_secrets = known.take

    def in_force() -> Strikeout:
        me = unasked()
        return known if me is None else me.strikeout()

    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, (OneLine, StruckLog)):
            handler.setFormatter(StruckLog(handler.formatter, in_force))
    return known
