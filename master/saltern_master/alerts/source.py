"""Where an engine gets the values that rules look at. Drivers are in ``sources/``.

::

    SalternError
    ├── ChannelError
    │   └── NoAnswer       nobody answered: it says nothing about any series
    └── GraphiteError
        └── RenderRefused  answered, but not with this target's series: the rule's own fault
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from saltern.errors import GraphiteError
from saltern_master.web_end import NoAnswer

__all__ = ["NoAnswer", "RenderRefused", "RenderSource", "Series"]


class RenderRefused(GraphiteError):
    """The render API refused this target, or answered with something that isn't series."""


class Series(NamedTuple):
    """A series: its name and its points as (epoch seconds, value), a null being ``None``."""

    name: str
    points: list[tuple[float, float | None]]


class RenderSource(Protocol):
    """Anything that can evaluate a Graphite target."""

    async def render(self, target: str, from_: int, until: int, points: int = 0) -> list[Series]:
        """Return the series of *target* with their points in (*from_*, *until*], epoch seconds.

        Of more than *points* of one series some are joined to one, as charts have them; 0: as many as there are.

        One request holds one target, so that a bad one hurts no other. Raises ``NoAnswer`` and ``RenderRefused``,
        and nothing else.
        """
        ...
