"""What a handler is given: who calls, and the parts of the master."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from saltern.config import MasterOptions
from saltern.keystore import KeyStore
from saltern_master.account.accounting import Accounting
from saltern_master.account.keeper import AccountKeeper
from saltern_master.alerts.engine import AlertEngine
from saltern_master.annotations.places import Places as SeriesPlaces
from saltern_master.audit.book import AuditBook
from saltern_master.auth.audit import Audit
from saltern_master.auth.caller import Caller
from saltern_master.auth.logins import Logins
from saltern_master.auth.policy import Policy
from saltern_master.auth.tokens import Tokens
from saltern_master.briefing import Briefing
from saltern_master.bus import EventBus
from saltern_master.clocks import Clocks
from saltern_master.commands.registry import Registry
from saltern_master.custom.child import Children
from saltern_master.custom.places import Places
from saltern_master.custom.sync import Sync
from saltern_master.deadletters import DeadLetters
from saltern_master.fileserver.pushed import Pushed
from saltern_master.fileserver.server import FileServer
from saltern_master.fileserver.uploads import Uploads
from saltern_master.fleet import Fleet
from saltern_master.jobs.keeper import JobKeeper
from saltern_master.jobs.publisher import Publisher
from saltern_master.jobs.store import JobStore
from saltern_master.jobs.tracker import Tracker
from saltern_master.key_refresh import KeyRefresh
from saltern_master.keyring import Keyring
from saltern_master.mine import Mine
from saltern_master.module_states import ModuleStates
from saltern_master.overview import Overview
from saltern_master.returners.configured import Returners
from saltern_master.shipping.engine import ShippingEngine
from saltern_master.suites.configured import Suites
from saltern_master.targeting import Targets


class Services(Protocol):
    """The parts of the master that commands use."""

    options: MasterOptions
    registry: Registry
    policy: Policy
    audit: Audit
    audit_book: AuditBook
    keyring: Keyring
    keystore: KeyStore
    key_refresh: KeyRefresh
    fleet: Fleet
    mine: Mine
    targets: Targets
    clocks: Clocks
    overview: Overview
    module_states: ModuleStates
    bus: EventBus
    publisher: Publisher
    tracker: Tracker
    job_store: JobStore
    keeper: JobKeeper
    returners: Returners
    suites: Suites
    files: FileServer
    own_places: Places
    own_children: Children
    own_sync: Sync
    uploads: Uploads
    tokens: Tokens
    logins: Logins
    pushed: Pushed
    briefing: Briefing
    engine: ShippingEngine | None
    accounting: Accounting
    account_keeper: AccountKeeper
    alerts: AlertEngine
    series_places: SeriesPlaces
    dead_letters: DeadLetters

    def owner_of(self, jid: str) -> str | None:
        """Return who began a job (``Caller.holder``), as far as it is remembered."""

    def ran_by(self, jid: str) -> str | None:
        """Return who began a function on the master, likewise."""


def _of_all(_: Sequence[str]) -> None:
    """Return no limits."""


@dataclass(frozen=True)
class Context:
    """One call. *minions*: whom its target means, where the command has one; authorised already.

    *jid*: of the call of a runner or wheel function. *limits* returns those of some minions that the caller's rights
    to make this call are good for; ``None``: all.
    *unknown*: names that the target lists and no minion has, of those that the caller may command. *problem*: a line
    on what in the target can't mean anybody, or nothing.
    """

    caller: Caller
    services: Services
    minions: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    problem: str = ""
    jid: str = ""
    limits: Callable[[Sequence[str]], frozenset[str] | None] = _of_all
    _seen: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @functools.cached_property
    def limited(self) -> bool:
        """Whether there may be minions that the answer must not tell of."""
        return self.limits(()) is not None

    def visible(self, minions: Iterable[str]) -> list[str]:
        """Return those of *minions* that the answer may tell of, in their order."""
        wanted = list(minions)
        if not self.limited:
            return wanted
        asked = [minion for minion in wanted if minion not in self._seen]
        if asked:
            found = self.limits(asked)
            self._seen.update((minion, found is None or minion in found) for minion in asked)
        return [minion for minion in wanted if self._seen[minion]]

    def sees(self, minion: str) -> bool:
        """Return whether the answer may tell of *minion*."""
        return bool(self.visible((minion,)))
