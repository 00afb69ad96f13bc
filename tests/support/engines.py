"""The master's graphite engine with a journal of its own, in a thread, shipping as a master's configuration says."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from saltern.config import master_config
from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal
from saltern_master.record import METRICS, write_record
from saltern_master.shipping.engine import ShippingEngine
from saltern_master.shipping.metric_returns import MetricReturns
from saltern_master.shipping.name_budget import NameBudget
from saltern_master.shipping.names import Pattern
from saltern_master.shipping.shippers import make_shipper

JOURNAL_BYTES, JOURNAL_AGE_S = 1 << 30, 10**9


class Engine:
    """``with Engine(folder, "carbon_port: 2003 …") as engine``: *options* is YAML for the master."""

    def __init__(self, folder: Path, options: str) -> None:
        folder.mkdir(parents=True)
        (folder / "master").write_text(f"{options}\nroot_dir: {folder}\n")
        read = master_config(folder)
        shipper = make_shipper(read["carbon_protocol"], read["carbon_host"], read["carbon_port"])
        assert shipper is not None
        self._journal = Journal(str(folder / "journal"), JOURNAL_BYTES, JOURNAL_AGE_S)
        self._returns = MetricReturns(Pattern(read["metric_pattern"]), NameBudget(0), JOURNAL_AGE_S)
        self._shipper = shipper
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()

    def put(self, slot: int, by_minion: Mapping[str, Mapping[str, float]]) -> None:
        """Write a return of ``stats.collect`` per minion to the journal, as the inbox does."""

        async def write() -> None:
            for minion_id, values in by_minion.items():
                body = {"fun": "stats.collect", "return": dict(values), "success": True, "slot": slot}
                self._journal.append(write_record(METRICS, minion_id, time.time(), body))
            self._journal.flush()

        asyncio.run_coroutine_threadsafe(write(), self._loop).result(20)

    def metrics(self) -> dict[str, float]:
        """Return the engine's counters."""
        return self._engine.metrics()

    def delivered(self) -> bool:
        """Tell whether nothing waits in the journal."""
        return not self.metrics()["behind_bytes"]

    def __enter__(self) -> Engine:
        self._thread.start()
        assert self._started.wait(20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._work())
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _work(self) -> None:
        self._journal.open()
        dead_letters = DeadLetters(f"{self._journal.folder}-dead")
        self._engine = ShippingEngine(
            self._journal.reader("graphite"), self._shipper, self._returns, dead_letters, lambda *_: True
        )
        self._task = asyncio.create_task(self._engine.run())
        self._started.set()
        await asyncio.wait([self._task])
        self._journal.close()
