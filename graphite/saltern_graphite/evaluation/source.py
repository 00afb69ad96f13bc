"""Where series come from, as the evaluator sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from saltern.errors import FunctionError
from saltern_graphite.index import Names
from saltern_graphite.rules.metric_name import BadName, canonical
from saltern_graphite.series.series import Fetched


@dataclass(frozen=True, slots=True)
class SeriesSource:
    """The metrics of a store: found in its index or by their tags, read from its files and cache."""

    names: Names
    fetch: Callable[[str, int, int, int], Fetched | None]
    """The values of a metric from a start (exclusive) to an end, as seen at a time now; None: there are none."""
    tagged: Callable[[Sequence[str], int], list[str]]
    """The series whose tags pass all expressions, sorted; ``FunctionError`` for more than a limit."""
    event_times: Callable[[Sequence[str], int, int], list[int]]
    """When there was an event with all of some tags, from a start to before an end, sorted."""
    allows: Callable[[str], bool] = lambda name: True
    """Whether a tagged series may be read that is asked for by its name, which nothing finds."""

    def match(self, pattern: str, limit: int) -> list[str]:
        """The metrics that *pattern* matches, sorted; ``FunctionError`` if there are more than *limit*.

        With tags, ``name;tag=value``, it is the name of one series, in any order of its tags.
        """
        if ";" in pattern:
            try:
                name = canonical(pattern)
            except BadName:
                return []
            return [name] if self.allows(name) else []
        count = self.names.ends(pattern).leaves  # before any of them is gathered
        if count > limit:
            raise FunctionError(f"{pattern!r} matches {count} metrics, {limit} are allowed: narrow it")
        return self.names.expand(pattern)


__all__ = ["Fetched", "SeriesSource"]
