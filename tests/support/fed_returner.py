"""A journal, and returners that are fed from it: in this process, or in one that is killed.

As a program: ``python fed_returner.py FOLDER URL`` feeds what is in the folder's journal to a database until it is
all there.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

from saltern.config import MasterOptions, master_config
from saltern_master.bus import EventBus
from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal
from saltern_master.record import FOR_JOBS, JOB, write_record
from saltern_master.returners import feeder as feeder_module
from saltern_master.returners.configured import Returners
from saltern_master.returners.event_feed import EventFeed
from saltern_master.returners.feeder import Feeder

NOW = 1_790_000_000.0


def jid(number: int) -> str:
    return f"2026{number:016d}"


def job(number: int) -> bytes:
    load = {"jid": jid(number), "fun": "test.f", "arg": [], "kwarg": {}, "tgt": "*", "tgt_type": "glob"}
    return write_record(JOB, "", NOW, {**load, "minions": ["web1", "web2"], "user": "root", "owner": "local:root"})


def ret(number: int, minion: str = "web1", value: Any = True, received: float = NOW, **more: Any) -> bytes:
    body = {"jid": jid(number), "fun": "test.f", "return": value, "retcode": 0, "success": True, "fun_args": [], **more}
    return write_record(FOR_JOBS, minion, received, body)


class Fed:
    """A journal in *folder*, and the returners that *options*, YAML of a master's file, name."""

    def __init__(self, folder: Path, options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "master").write_text(f"root_dir: {folder}\n{options}\n")
        self.options: MasterOptions = master_config(folder)
        self.journal = Journal(str(folder / "journal"), 1 << 30, 10**9)
        self.journal.open()
        self.bus = EventBus(1000)
        self.dead = DeadLetters(str(folder / "dead"))
        self.returners = Returners(self.options, self.journal, self.bus, self.dead)

    def feeder(self, name: str = "x") -> Feeder:
        (found,) = [one for one in self.returners.parts if isinstance(one, Feeder) and one.name == name]
        return found

    def event_feed(self) -> EventFeed:
        (found,) = [one for one in self.returners.parts if isinstance(one, EventFeed)]
        return found

    def write(self, *records: bytes) -> None:
        for record in records:
            self.journal.append(record)
        self.journal.flush()

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(part.run()) for part in self.returners.parts]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self.returners.close()
            self.journal.close()

    async def stored(self, names: Iterable[str] = ("x",)) -> None:
        """Wait until all that is written is stored."""
        async with asyncio.timeout(40):
            for name in names:
                while not self.is_stored(name):
                    await asyncio.sleep(0.01)

    async def stored_or_failed(self) -> None:
        """Wait until all is stored, or something failed."""
        async with asyncio.timeout(40):
            while not (self.is_stored() or self.feeder().failures):
                await asyncio.sleep(0.002)

    def is_stored(self, name: str = "x") -> bool:
        numbers = self.feeder(name).metrics()
        return bool(numbers["connected"]) and not numbers["behind_bytes"]


async def _main(folder: str, url: str) -> None:
    feeder_module.BATCH_ROWS = 20
    fed = Fed(Path(folder), f"returners: {{x: {url!r}}}")
    async with fed.at_work():
        await fed.stored()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
