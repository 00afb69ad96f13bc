"""Sets of whole numbers that mostly follow one another."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

Span = tuple[int, int]


class Ranges:
    """Whole numbers, as inclusive ranges in order."""

    __slots__ = ("spans",)

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        """*spans* are in order and don't touch one another."""
        self.spans: list[Span] = list(spans)

    def __len__(self) -> int:
        """Return how many ranges there are."""
        return len(self.spans)

    def add(self, number: int) -> bool:
        """Add *number*; return whether it is new."""
        spans = self.spans
        at = bisect_right(spans, number, key=_first)
        first = last = number
        begin, end = at, at
        if at and spans[at - 1][1] >= number - 1:
            if spans[at - 1][1] >= number:
                return False
            begin, first = at - 1, spans[at - 1][0]
        if at < len(spans) and spans[at][0] == number + 1:
            end, last = at + 1, spans[at][1]
        spans[begin:end] = [(first, last)]
        return True

    def join(self, spans: Iterable[Span]) -> None:
        """Add all of *spans*."""
        joined: list[Span] = []
        for first, last in sorted((*self.spans, *spans)):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = joined[-1][0], max(last, joined[-1][1])
            else:
                joined.append((first, last))
        self.spans = joined

    def remove(self, first: int, last: int) -> None:
        """Remove all from *first* to *last*."""
        spans = self.spans
        begin = bisect_left(spans, first, key=_last)
        end = bisect_right(spans, last, key=_first)
        if begin >= end:
            return
        left = [(spans[begin][0], first - 1), (last + 1, spans[end - 1][1])]
        spans[begin:end] = [span for span in left if span[0] <= span[1]]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.spans, number, key=_first)
        return at > 0 and self.spans[at - 1][1] >= number


def _first(span: Span) -> int:
    return span[0]


def _last(span: Span) -> int:
    return span[1]
