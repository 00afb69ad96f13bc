"""The returners that a master's options ask for, each with its thread."""

from __future__ import annotations

from saltern.config import MasterOptions
from saltern_master.bus import EventBus
from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal
from saltern_master.record import FOR_JOBS, JOB, METRICS
from saltern_master.returners.drivers.mysql import MysqlReturner
from saltern_master.returners.drivers.postgres import PostgresReturner
from saltern_master.returners.drivers.salt_tables import SaltTables
from saltern_master.returners.drivers.sqlite import SqliteReturner
from saltern_master.returners.event_feed import EventFeed, Filter
from saltern_master.returners.feeder import Feeder
from saltern_master.returners.options import EventOptions, ReturnerOptions, event_options, returner_options
from saltern_master.returners.returner import Returner
from saltern_master.sql.address import MYSQL, POSTGRES
from saltern_master.sql.database import Database
from saltern_master.sql.worker import Worker


class Returners:
    """All returners of a master: parts of it (``parts``), what they count, and each by its name."""

    def __init__(self, options: MasterOptions, journal: Journal, bus: EventBus, dead_letters: DeadLetters) -> None:
        """Make them; none is connected yet. Raises ``ConfigError``."""
        self._by_name: dict[str, Returner] = {}
        self.parts: list[Feeder | EventFeed] = []
        self.counters: dict[str, tuple[Feeder | EventFeed, ...]] = {}
        events = event_options(options)
        for one in returner_options(options):
            returner = self._by_name[one.name] = make_returner(one)
            worker = Worker(f"returner {one.name}")
            wants = (JOB | FOR_JOBS | (METRICS if one.metric_returns else 0)) * one.returns
            reader = journal.reader(f"returner-{one.name}", wants)
            feeder = Feeder(
                one.name,
                returner,
                journal,
                reader,
                dead_letters,
                worker,
                keep=one.keep,
                wants=wants,
            )
            feeds = (feeder, _event_feed(one.name, returner, worker, bus, events)) if one.events else (feeder,)
            self.parts += feeds
            self.counters[f"returners.{one.name}"] = feeds

    def __getitem__(self, name: str) -> Returner:
        return self._by_name[name]

    @property
    def names(self) -> list[str]:
        """The names that they were given."""
        return list(self._by_name)

    def close(self) -> None:
        """Let go of the connections that nobody uses; a thread that hangs is left behind."""
        for returner in self._by_name.values():
            returner.close()


def make_returner(options: ReturnerOptions) -> SaltTables:
    """Return the driver for *options*."""
    database, sizes = Database(options.address), options.keep.max_bytes is not None
    if options.address.kind == MYSQL:
        return MysqlReturner(database, options.name, sizes=sizes)
    if options.address.kind == POSTGRES:
        return PostgresReturner(database, options.name, sizes=sizes, as_text=options.driver == "postgres")
    return SqliteReturner(database, options.name, sizes=sizes)


def _event_feed(name: str, returner: Returner, worker: Worker, bus: EventBus, options: EventOptions) -> EventFeed:
    return EventFeed(name, returner, worker, bus, Filter(options.whitelist, options.blacklist), options.gathering)
