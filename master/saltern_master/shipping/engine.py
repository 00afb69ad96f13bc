"""The engine: journal in, points out, nothing committed before it is delivered, or said to be lost."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.config import MasterOptions
from saltern.errors import ChannelError, WireError
from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal, Reader
from saltern_master.line_limit import LineLimit
from saltern_master.record import METRICS, POINTS, RUN, Lost, Record, read_record
from saltern_master.shipping.metric_returns import MetricReturns
from saltern_master.shipping.name_budget import NameBudget
from saltern_master.shipping.names import Pattern
from saltern_master.shipping.shipment import Run, Shipment
from saltern_master.shipping.shipper import Points, Shipper
from saltern_master.shipping.shippers import make_shipper

log = logging.getLogger(__name__)

RETRY_MIN_S, RETRY_MAX_S = 0.25, 5.0
POINTS_PER_SHIPMENT = 4_000
RECORDS_A_TURN, BYTES_A_TURN = 20, 64 * 1024  # flattened before others have the loop
READER = "graphite"
"""The name of our position in the journal."""


class ShippingEngine:
    """Reads the journal and ships what is a metric."""

    def __init__(
        self,
        reader: Reader,
        shipper: Shipper,
        returns: MetricReturns,
        dead_letters: DeadLetters,
        tell_lost: Callable[[str, Lost], bool],
    ) -> None:
        """*tell_lost* takes a cause and runs that came to nothing, and returns whether that is written down."""
        self._reader = reader
        self._tell_lost = tell_lost
        self._dead_letters = dead_letters
        self._shipper = shipper
        self._returns = returns
        self._failed = LineLimit("scheduled runs that fail")
        self._waiting_since: float | None = None
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
                self._waiting_since = None
                await asyncio.sleep(0)  # there may be a backlog of what is nobody's points
        finally:
            await self._shipper.close()

    def explain(self, minion_id: str, fun: str) -> dict[str, Any] | None:
        """Return what the last return of *fun* became: metrics by name, and what was left out and why."""
        return self._returns.explain(minion_id, fun)

    def state(self, now: float) -> dict[str, Any]:
        """Return how it is with the way to the store: ``connected``, ``lag_s``, ``waiting_bytes``, ``waiting_records``.

        ``connected`` is ``None`` before anything was to be shipped; ``lag_s``: for how long the oldest return that
        isn't delivered has been here. How many records wait is known when there are none.
        """
        behind = self._reader.behind()
        since = self._waiting_since
        return {
            "connected": self.connected if self.connected or self.failures else None,
            "lag_s": max(0.0, now - since) if since is not None else None if behind else 0.0,
            "waiting_bytes": behind,
            "waiting_records": None if behind else 0,
        }

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
        shipment = Shipment()
        size = 0
        for number, payload in enumerate(records, 1):
            size += len(payload)
            if number % RECORDS_A_TURN == 0 or size > BYTES_A_TURN:
                size = 0
                await asyncio.sleep(0)
            try:
                record = read_record(payload, METRICS | POINTS)
                if record is not None:
                    self._add(shipment, record, payload)
            except Exception as error:  # whatever a minion sent, the others' points go on
                self._dead_letters.put(READER, payload, error)
                shipment.vain += _run_of(payload)
            if len(shipment) >= POINTS_PER_SHIPMENT:
                await self._deliver(shipment)
                shipment = Shipment()
        await self._deliver(shipment)

    def _add(self, shipment: Shipment, record: Record, payload: bytes) -> None:
        body = record.body
        if self._waiting_since is None:
            self._waiting_since = record.received
        if record.flags & POINTS:
            shipment.add(body["values"], body["slot"], None)
            return
        why = _failure(body)
        if why is not None:
            self._note_failure(record, why)
            return
        made = self._returns.points(record.minion_id, body, record.received, payload)
        run = Run(record.minion_id, body["schedule"], body.get("slot", 0)) if record.flags & RUN else None
        shipment.add(made.values, made.time, run)
        if made.in_vain and run is not None:
            shipment.vain.append(run)

    def _note_failure(self, record: Record, why: str) -> None:
        name, fun = record.body.get("schedule"), str(record.body.get("fun"))
        self._returns.failed(record.minion_id, fun, why, record.received)
        if self._failed.allows(f"{record.minion_id}:{name}", record.minion_id):
            text = "minion %s: schedule %.80s: %.80s failed, it makes no points: %.300s"
            log.warning(text, record.minion_id, name, fun, why)

    async def _deliver(self, shipment: Shipment) -> None:
        refused: Sequence[int] = ()
        if shipment:
            refused = await self._shipped(shipment.points)
            self.refused += len(refused)
            self.points += len(shipment)
        if lost := shipment.lost(refused):
            await self._put_lost(lost)

    async def _shipped(self, points: Points) -> Sequence[int]:
        wait = RETRY_MIN_S
        while True:
            try:
                refused = await self._shipper.ship(points)
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
        return refused

    async def _put_lost(self, lost: Lost) -> None:
        """Have the account know which runs came to nothing, before they are done with."""
        while not self._tell_lost("refused", lost):
            await asyncio.sleep(RETRY_MAX_S)


def _failure(body: Mapping[str, Any]) -> str | None:
    """Return why a return is no sample: its run failed; or ``None``."""
    if "failed" in body:
        return str(body["failed"])
    if not isinstance(body.get("fun"), str):
        return "several functions in one"
    if body.get("success") or isinstance(body.get("return"), dict | list):
        return None
    return f"{body.get('return')!s:.300}"


def _run_of(payload: bytes) -> list[Run]:
    """Return the run that a record is of, as far as that can be told."""
    try:
        record = read_record(payload, RUN)
        return [Run(record.minion_id, str(record.body["schedule"]), float(record.body["slot"]))] if record else []
    except (WireError, KeyError, TypeError, ValueError):
        return []


def shipping_engine(
    options: MasterOptions, journal: Journal, dead_letters: DeadLetters, tell_lost: Callable[[str, Lost], bool]
) -> ShippingEngine | None:
    """Return the engine that *options* ask for, or ``None``. Raises ``ConfigError``."""
    pattern = Pattern(options["metric_pattern"])
    shipper = make_shipper(options["carbon_protocol"], options["carbon_host"], options["carbon_port"])
    if shipper is None:
        return None
    budget = NameBudget(options["max_metric_names"])
    returns = MetricReturns(pattern, budget, options["max_point_age_hours"] * 3600)
    return ShippingEngine(
        journal.reader(READER, METRICS | POINTS, ships=True), shipper, returns, dead_letters, tell_lost
    )
