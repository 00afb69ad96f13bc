"""What a format is: a function from series to bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from saltern_graphite.series import Series


@dataclass(frozen=True, slots=True)
class Options:
    """The request's wishes that formats look at; each format uses those it knows."""

    zone: tzinfo
    max_data_points: int | None = None
    no_null_points: bool = False
    jsonp: str | None = None
    pretty: bool = False


class Answer(NamedTuple):
    """A body and its type."""

    body: bytes
    media_type: str


Format = Callable[[Sequence[Series], Options], Answer]
