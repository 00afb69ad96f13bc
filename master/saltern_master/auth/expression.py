"""Regular expressions that operators write into their grants: held against whole texts, at a bounded cost.

Salt holds them against the beginning of a text, so that ``df -h`` admits ``df -h; reboot``: here they match all of it.
"""

from __future__ import annotations

import warnings

import regex

from saltern.errors import ConfigError
from saltern.pattern_size import refusal

MATCH_WITHIN_S = 0.02
MAX_TEXT_CHARS = 64 * 1024
MAX_EXPRESSION_CHARS = 4096


class Expression:
    """One of them, compiled."""

    __slots__ = ("_pattern", "text")

    def __init__(self, where: str, text: str) -> None:
        """*where* it stands is for messages. Raises ``ConfigError`` for what is none, or one too large."""
        if len(text) > MAX_EXPRESSION_CHARS:
            raise ConfigError(f"{where}: {text!r:.100}… is over {MAX_EXPRESSION_CHARS:,} characters: make it several")
        why = refusal(text)
        if why:
            raise ConfigError(f"{where}: {why}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of "[[" and the like, which mean what they always did
                self._pattern = regex.compile(text, regex.VERSION0)
        except (regex.error, ValueError, OverflowError, RecursionError, MemoryError) as error:
            raise ConfigError(
                f"{where}: {text!r:.100} is not a regular expression: {error}: any text is written .*"
            ) from None
        self.text = text

    def holds(self, text: str, *, in_doubt: bool = False) -> bool:
        """Return whether it matches the whole *text*; *in_doubt* when that would take too long to find out."""
        if len(text) > MAX_TEXT_CHARS:
            return in_doubt
        try:
            return self._pattern.fullmatch(text, timeout=MATCH_WITHIN_S) is not None
        except TimeoutError:
            return in_doubt
