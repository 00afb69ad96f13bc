"""Long lists, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from django.http import QueryDict

PAGE = 200

T = TypeVar("T")


class Paged(NamedTuple, Generic[T]):
    """The *rows* of one page; *before* and *after*: the queries of its neighbours, or nothing."""

    rows: Sequence[T]
    total: int
    page: int
    pages: int
    before: str
    after: str


def paged(rows: Sequence[T], query: QueryDict, name: str = "page") -> Paged[T]:
    """Return the page of *rows* that a URL's *query* asks for; one beyond the last is the last."""
    pages = max(1, -(-len(rows) // PAGE))
    given = query.get(name, "1")
    page = min(max(1, int(given)), pages) if given.isdecimal() and len(given) < 9 else 1

    def query_of(number: int) -> str:
        changed = query.copy()
        changed[name] = str(number)
        return f"?{changed.urlencode()}"

    return Paged(
        rows[(page - 1) * PAGE : page * PAGE],
        len(rows),
        page,
        pages,
        query_of(page - 1) if page > 1 else "",
        query_of(page + 1) if page < pages else "",
    )
