"""The engine: journal in, points out, nothing committed before it is delivered."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any

from saltern.config import MasterOptions
from saltern.errors import ChannelError
from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal, Reader
from saltern_master.line_limit import LineLimit
from saltern_master.record import METRICS, POINTS, Record, read_record
from saltern_master.shipping.metric_returns import MetricReturns
from saltern_master.shipping.name_budget import NameBudget
from saltern_master.shipping.names import Pattern
from saltern_master.shipping.shipper import Points, Shipper
from saltern_master.shipping.shippers import make_shipper

log = logging.getLogger(__name__)

RETRY_MIN_S, RETRY_MAX_S = 0.25, 5.0
POINTS_PER_SHIPMENT = 4_000
RECORDS_A_TURN = 20  # flattened before others have the loop
READER = "graphite"
"""The name of our position in the journal."""


class ShippingEngine:
    """Reads the journal and ships what is a metric."""

    def __init__(self, reader: Reader, shipper: Shipper, returns: MetricReturns, dead_letters: DeadLetters) -> None:
        self._reader = reader
        self._dead_letters = dead_letters
        self._shipper = shipper
        self._returns = returns
        self._failed = LineLimit("scheduled runs that fail")
        self.connected = False
        self.points = 0
        self.refused = 0
        self.failures = 0

    async def run(self) -> None:
        """Work until cancelled."""
        self._reader.rewind()
        try:
            while True:
                records = await self._reader.read()
                await self._ship(records)
                self._reader.commit()
        finally:
            await self._shipper.close()

    def explain(self, minion_id: str, fun: str) -> dict[str, Any] | None:
        """Return what the last return of *fun* became: metrics by name, and what was left out and why."""
        return self._returns.explain(minion_id, fun)

    def metrics(self) -> dict[str, float]:
        """Return the engine's counters."""
        return {
            "connected": float(self.connected),
            "points": self.points,
            "refused": self.refused,
            **self._returns.metrics(),
            "failures": self.failures,
            "behind_bytes": self._reader.behind(),
        }

    async def _ship(self, records: list[bytes]) -> None:
        points = Points([], [], [])
        for number, payload in enumerate(records, 1):
            if number % RECORDS_A_TURN == 0:
                await asyncio.sleep(0)
            try:
                record = read_record(payload, METRICS | POINTS)
                if record is not None:
                    self._add(points, record)
            except Exception as error:  # whatever a minion sent, the others' points go on
                self._dead_letters.put(READER, payload, error)
            if len(points.names) >= POINTS_PER_SHIPMENT:
                await self._deliver(points)
                points = Points([], [], [])
        if points.names:
            await self._deliver(points)

    def _add(self, points: Points, record: Record) -> None:
        values: Mapping[str, float]
        if record.flags & POINTS:
            values, slot = record.body["values"], record.body["slot"]
        elif isinstance(record.body.get("fun"), str) and record.body.get("success"):
            values, slot = self._returns.points(record.minion_id, record.body, record.received)
        else:
            name, fun = record.body.get("schedule"), record.body.get("fun")
            if self._failed.allows(f"{record.minion_id}:{name}", record.minion_id):
                text = "minion %s: schedule %.80s: %.80s failed, it makes no points: %.300s"
                log.warning(text, record.minion_id, name, fun, record.body.get("return"))
            return
        points.names.extend(values)
        points.values.extend(values.values())
        points.times.extend([slot] * len(values))

    async def _deliver(self, points: Points) -> None:
        wait = RETRY_MIN_S
        while True:
            try:
                self.refused += await self._shipper.ship(points)
                break
            except ChannelError as error:
                self.failures += 1
                if self.connected or self.failures == 1:
                    log.warning("%s: points wait in the journal until it is back", error)
                self.connected = False
                await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311  # jitter, no secret
                wait = min(wait * 2, RETRY_MAX_S)
        if not self.connected:
            log.info("points are being delivered to carbon")
        self.connected = True
        self.points += len(points.names)


def shipping_engine(options: MasterOptions, journal: Journal, dead_letters: DeadLetters) -> ShippingEngine | None:
    """Return the engine that *options* ask for, or ``None``. Raises ``ConfigError``."""
    pattern = Pattern(options["metric_pattern"])
    shipper = make_shipper(options["carbon_protocol"], options["carbon_host"], options["carbon_port"])
    if shipper is None:
        return None
    budget = NameBudget(options["max_metric_names"])
    returns = MetricReturns(pattern, budget, options["max_point_age_hours"] * 3600)
    return ShippingEngine(journal.reader(READER), shipper, returns, dead_letters)
