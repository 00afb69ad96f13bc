"""What a format is: a function from series to bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import NamedTuple

from saltern_graphite.series.series import Series


@dataclass(frozen=True, slots=True)
class Options:
    """The request's wishes that formats look at; each format uses those it knows.

    ``chart`` holds the request's parameters as they came, for charts; see :mod:`.charts.parameters`.
    """

    zone: tzinfo
    max_data_points: int | None = None
    no_null_points: bool = False
    jsonp: str | None = None
    pretty: bool = False
    chart: Mapping[str, str] = field(default_factory=dict)


class Answer(NamedTuple):
    """A body and its type."""

    body: bytes
    media_type: str


Format = Callable[[Sequence[Series], Options], Answer]
