"""The engine: journal in, points out, nothing committed before it is delivered."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from typing import Any

from saltern.config import MasterOptions
from saltern.errors import ChannelError
from saltern.wire import pack_value, unpack_value
from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal, Reader
from saltern_master.record import METRICS, POINTS, Record, read_record
from saltern_master.shipping.names import Flat, Pattern, flatten
from saltern_master.shipping.shipper import Points, Shipper
from saltern_master.shipping.shippers import make_shipper

log = logging.getLogger(__name__)

RETRY_MIN_S, RETRY_MAX_S = 0.25, 5.0
POINTS_PER_SHIPMENT = 20_000
RECORDS_A_TURN = 20  # flattened before others have the loop
MAX_TIME = 2**32  # seconds since the epoch that Whisper can hold
EXPLAIN_BYTES = 16 * 1024 * 1024
READER = "graphite"
"""The name of our position in the journal."""


class ShippingEngine:
    """Reads the journal and ships what is a metric."""

    def __init__(self, reader: Reader, shipper: Shipper, pattern: Pattern, dead_letters: DeadLetters) -> None:
        self._reader = reader
        self._dead_letters = dead_letters
        self._shipper = shipper
        self._pattern = pattern
        self._last = LastReturns(EXPLAIN_BYTES)
        self.connected = False
        self.points = 0
        self.refused = 0
        self.not_numbers = 0
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
        body = self._last.get(minion_id, fun)
        if body is None:
            return None
        flat = self._flatten(minion_id, body)
        return {
            "minion": minion_id,
            "fun": fun,
            "jid": body.get("jid"),
            "slot": body.get("slot"),
            "metrics": flat.values,
            "not_numbers": dict(flat.skipped),
            "not_numbers_count": flat.skipped_count,
        }

    def metrics(self) -> dict[str, float]:
        """Return the engine's counters."""
        return {
            "connected": float(self.connected),
            "points": self.points,
            "refused": self.refused,
            "not_numbers": self.not_numbers,
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
        if record.flags & POINTS:
            values, slot = record.body.get("values", {}), record.body.get("slot", record.received)
        elif isinstance(record.body.get("fun"), str) and record.body.get("success"):
            flat = self._flatten(record.minion_id, record.body)
            self._last.put(record.minion_id, record.body)
            self.not_numbers += flat.skipped_count
            values, slot = flat.values, record.body.get("slot", record.received)
        else:
            return
        if not (isinstance(slot, (int, float)) and 0 < slot < MAX_TIME):  # a minion may send anything, NaN too
            slot = record.received
        points.names.extend(values)
        points.values.extend(values.values())
        points.times.extend([int(slot)] * len(values))

    def _flatten(self, minion_id: str, body: dict[str, Any]) -> Flat:
        fun = str(body["fun"])
        prefix = self._pattern.prefix(minion_id, fun, str(body.get("schedule") or ""))
        return flatten(prefix, fun, body.get("return"))

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
    return ShippingEngine(journal.reader(READER), shipper, pattern, dead_letters) if shipper else None


class LastReturns:
    """The last return of each minion and function, packed, the least recent forgotten over a bound of bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._packed: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def put(self, minion_id: str, body: dict[str, Any]) -> None:
        """Remember a return."""
        key = (minion_id, str(body["fun"]))
        packed = pack_value(body)
        self._bytes += len(packed) - len(self._packed.pop(key, b""))
        self._packed[key] = packed
        while self._bytes > self._max_bytes:
            _, oldest = self._packed.popitem(last=False)
            self._bytes -= len(oldest)

    def get(self, minion_id: str, fun: str) -> dict[str, Any] | None:
        """Return the last return of a minion and function, or ``None``."""
        packed = self._packed.get((minion_id, fun))
        body = unpack_value(packed) if packed else None
        return body if isinstance(body, dict) else None
