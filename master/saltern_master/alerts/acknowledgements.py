"""Who has said of which series that he knows: in ``<cachedir>/alerts.acknowledged``, until it is ok again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from saltern.errors import Busy
from saltern_master.alerts.kept_records import KeptRecords

MAX_ACKNOWLEDGED = 10_000
MAX_BYTES = 32 * 1024 * 1024


class Acknowledgement(NamedTuple):
    """*by*: a principal; *at*: epoch seconds."""

    alert: str
    series: str
    by: str
    at: float
    comment: str

    @property
    def key(self) -> tuple[str, str]:
        """What there is one of."""
        return self.alert, self.series

    def shown(self) -> dict[str, Any]:
        """Return it as ``alerts.list`` shows it at its series."""
        return {"by": self.by, "at": self.at, "comment": self.comment}


class Acknowledgements:
    """Those of the file at *path*."""

    def __init__(self, path: str) -> None:
        self.kept = KeptRecords(
            path, "acknowledgements", lambda one: one.key, _read, lambda one: one._asdict(), MAX_BYTES
        )

    def load(self) -> None:
        """Read those of before."""
        self.kept.load()

    def of(self, alert: str, series: str) -> Acknowledgement | None:
        """Return that of a series."""
        return self.kept.all.get((alert, series))

    async def put(self, one: Acknowledgement) -> None:
        """Keep one, in the place of one before. Raises ``Busy``, or ``CommandError`` when it can't be saved."""
        if len(self.kept.all) >= MAX_ACKNOWLEDGED and one.key not in self.kept.all:
            raise Busy(f"{MAX_ACKNOWLEDGED:,} series are acknowledged: silence the alert instead")
        await self.kept.put(one)

    async def remove(self, alert: str, series: str) -> None:
        """Take one back. Raises ``CommandError`` when that can't be saved: it stays then."""
        await self.kept.remove((alert, series))

    async def tend(self, stands: Callable[[str, str], bool]) -> None:
        """End those of which *stands*, asked for alert and series, says that they are over."""
        left = {key: one for key, one in self.kept.all.items() if stands(one.alert, one.series)}
        if len(left) < len(self.kept.all):
            self.kept.take(left)
        await self.kept.tend()


def _read(saved: Mapping[str, Any]) -> Acknowledgement:
    alert, series, by, comment = (str(saved[name]) for name in ("alert", "series", "by", "comment"))
    return Acknowledgement(alert, series, by, float(saved["at"]), comment)
