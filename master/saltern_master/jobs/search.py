"""Which of the jobs that are kept are looked for: by their jids' time, function, target and metadata."""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from saltern.errors import ArgumentError, Busy
from saltern_master.jobs.moment import jid_at
from saltern_master.jobs.store import JobLoad, JobStore

MAX_PATTERNS = 100
MAX_PATTERN_CHARS = 1000
"""Of all the globs for one thing together: a match costs as much as they and the text are long, one times the other."""
MAX_TEXT_CHARS = 1000
"""Of a target, or a function's name, that globs are held against; a longer one is found by none."""
MAX_METADATA = 100
PAGE_JOBS = 500
PAGE_BYTES = 8 * 1024 * 1024
MAX_SEARCH_S = 20.0
FIRST, END = "", "~"
"""Below and above every jid, as text."""
NOBODY = "*"
"""No minion's id."""

Globs = str | list  # type: ignore[type-arg]  # members are checked where they are used


@dataclass(frozen=True)
class Search:
    """What a job must be: its jid from *first* on and below *before*, and what is asked of its load."""

    first: str = FIRST
    before: str = END
    function: re.Pattern[str] | None = None
    target: re.Pattern[str] | None = None
    metadata: Mapping[Any, Any] | None = None
    without: frozenset[str] = frozenset()
    """Functions that are passed over."""
    minion: str = ""
    """Whom it must have gone to, if anyone is named."""

    def wants(self, load: Mapping[str, Any], in_time: Callable[[], None] = lambda: None) -> bool:
        """Return whether a job with this *load*, of a jid in the range, is looked for.

        *in_time* is asked before each match, and raises to end them.
        """
        functions = _texts(load.get("fun"))
        if not load or (self.without and self.without.issuperset(functions)):
            return False
        if self.function and not _any_matches(self.function, functions, in_time):
            return False
        if self.target and not _any_matches(self.target, _texts(load.get("tgt")), in_time):
            return False
        if self.minion and self.minion not in (load.get("minions") or ()):
            return False
        if self.metadata:
            found = metadata_of(load)
            return isinstance(found, dict) and any(
                key in found and found[key] == value for key, value in self.metadata.items()
            )
        return True

    def found(self, store: JobStore, clock: Callable[[], float] = time.monotonic) -> Iterator[JobLoad]:
        """Yield the jobs, newest first, read a page at a time; in a thread.

        Raises ``Busy`` when that takes ``MAX_SEARCH_S``, and ``JournalError``.
        """
        until = clock() + MAX_SEARCH_S

        def in_time() -> None:
            if clock() > until:
                raise Busy(f"{MAX_SEARCH_S:g} s of search weren't enough: give a start_time and an end_time")

        before = self.before
        while page := store.jobs_between(self.first, before, PAGE_JOBS, PAGE_BYTES):
            for job in page:
                if self.wants(job.load, in_time):
                    yield job
            before = page[-1].jid
            in_time()


def search_of(
    search_function: Globs | None = None,
    search_target: Globs | None = None,
    search_metadata: Mapping[Any, Any] | None = None,
    start_time: str | None = None,
    end_time: str | None = None,
) -> Search:
    """Return the search for what a user asks. Raises ``ArgumentError`` for what can't be looked for."""
    if search_metadata is not None and len(search_metadata) > MAX_METADATA:
        raise ArgumentError(f"metadata has {len(search_metadata):,} keys: {MAX_METADATA} are looked for at most")
    return Search(
        first=jid_at(start_time) if start_time else FIRST,
        before=f"{jid_at(end_time)}0" if end_time else END,  # that instant too: it sorts right behind it
        function=_globs("search_function", search_function),
        target=_globs("search_target", search_target),
        metadata=search_metadata,
    )


def metadata_of(load: Mapping[str, Any]) -> Any:
    """Return a job's metadata, given beside it or among its keywords; ``None`` when it has none."""
    if load.get("metadata") is not None:
        return load["metadata"]
    kwarg = load.get("kwarg")
    return kwarg.get("metadata") if isinstance(kwarg, dict) else None


def _globs(name: str, given: Globs | None) -> re.Pattern[str] | None:
    """Return what matches any of some globs, a list of them or text with commas."""
    if not given:
        return None
    patterns = given.split(",", MAX_PATTERNS) if isinstance(given, str) else given
    if len(patterns) > MAX_PATTERNS:
        raise ArgumentError(f"{name} has more than {MAX_PATTERNS} globs: that many are looked for at most")
    if not all(isinstance(pattern, str) for pattern in patterns) or sum(map(len, patterns)) > MAX_PATTERN_CHARS:
        raise ArgumentError(
            f"{name} must be globs, {MAX_PATTERN_CHARS:,} characters of them at most, as in 'test.*,pkg.*'"
        )
    return re.compile("|".join(fnmatch.translate(pattern.strip()) for pattern in patterns))


def _any_matches(pattern: re.Pattern[str], texts: list[str], in_time: Callable[[], None]) -> bool:
    for text in texts:
        in_time()
        if len(text) <= MAX_TEXT_CHARS and pattern.match(text):
            return True
    return False


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [one for one in value or () if isinstance(one, str)]
