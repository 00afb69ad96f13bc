"""Regular expressions that operators write into their grants: held against whole texts, at a bounded cost.

Salt holds them against the beginning of a text, so that ``df -h`` admits ``df -h; reboot``: here they match all of it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import regex

from saltern.errors import ConfigError
from saltern.pattern_size import refusal

MATCH_WITHIN_S = 0.02
MAX_TEXT_CHARS = 64 * 1024
MAX_EXPRESSION_CHARS = 4096


SLOW_S = 0.0002
"""What a match takes less than counts for nothing."""


class Patience:
    """What the expressions may take together, in a second, that someone writes himself; then they hold for nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, a_second_s: float = MATCH_WITHIN_S) -> None:
        self._clock = clock
        self._a_second_s = a_second_s
        self._began = clock()
        self._spent_s = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing is left of it now."""
        now = self._clock()
        if now - self._began >= 1.0:
            self._began, self._spent_s = now, 0.0
        return self._spent_s >= self._a_second_s

    def spend(self, seconds: float) -> None:
        """Take what a match took."""
        if seconds >= SLOW_S:
            self._spent_s += seconds


class Expression:
    """One of them, compiled; with *patience*, one that whom it is for wrote himself."""

    __slots__ = ("_pattern", "patience", "text")

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
        self.patience: Patience | None = None

    def holds(self, text: str, *, in_doubt: bool = False) -> bool:
        """Return whether it matches the whole *text*; *in_doubt* when that would take too long to find out."""
        if len(text) > MAX_TEXT_CHARS or (self.patience is not None and self.patience.is_over):
            return in_doubt
        began_s = 0.0 if self.patience is None else time.thread_time()
        try:
            return self._pattern.fullmatch(text, timeout=MATCH_WITHIN_S) is not None
        except TimeoutError:
            return in_doubt
        finally:
            if self.patience is not None:
                self.patience.spend(time.thread_time() - began_s)
