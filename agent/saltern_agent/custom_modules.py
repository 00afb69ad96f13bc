"""The modules that the master has for this agent: when they are fetched, and what the master hears of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from saltern_agent.background import Background
from saltern_agent.loader import Loader
from saltern_agent.loader.source import GRAINS, KINDS
from saltern_agent.loop import Loop, Timer
from saltern_agent.services import Services
from saltern_agent.slots import stable_hash
from saltern_agent.sync import Sync, Taken

if TYPE_CHECKING:
    from saltern.config import MinionOptions
    from saltern_modules._agent import Synced

log = logging.getLogger(__name__)

CHANGE_DELAY_S = 1.0  # a fleet asks for a changed module within this long, not at once
SYNC_AGAIN_S = 60.0  # after a sync that failed
TAG = "modules"  # of the event that tells the master which modules are here, and can't be taken or used
LINES, LINE_CHARS = 21, 200  # of problems, with every attach: the master shows one less, and that there are more


class CustomModules:
    """Fetches them by *services* when the master has others or files of theirs are gone.

    *take* loads anew what came, *forget* what another program brought. *settled* is called in the loop's thread after
    each time that they were fetched in the background, whatever came of it; *regrain* in the worker when functions that
    add grains have changed.
    """

    def __init__(
        self,
        options: MinionOptions,
        loop: Loop,
        background: Background,
        services: Services,
        take: Taken,
        forget: Callable[[list[str]], None],
        settled: Callable[[], None],
        regrain: Callable[[], None],
    ) -> None:
        self.sync = Sync(options["cachedir"], services.request, take)
        self._options = options
        self._loop = loop
        self._forget = forget
        self._background = background
        self._services = services
        self._settled = settled
        self._regrain = regrain
        self._on_change = False
        self._timer: Timer | None = None
        self._told_digest = ""

    @property
    def digest(self) -> str:
        """Of the module tree that is here whole; empty when that isn't known."""
        return self.sync.digest

    def have(self) -> dict[str, Any]:
        """Return what the master is told when it is met again: the digest, and what can't be taken or used."""
        self._told_digest = self.sync.digest
        return {"modules": self.sync.digest, "modules_problems": [line[:LINE_CHARS] for line in self.sync.told[:LINES]]}

    def fetch(self, kinds: Sequence[str] = KINDS) -> Synced:
        """Fetch what the master has of *kinds*, from a worker; it hears what that came to, when it has changed.

        Raises ``ChannelError``, ``ModuleError``.
        """
        synced = self.sync.run(kinds)
        others = [line for line in self.sync.told if not line.startswith(tuple(f"{kind}." for kind in kinds))]
        told = synced.told if set(kinds) == set(KINDS) else sorted({*synced.told, *others})
        digest = self.sync.digest
        if told != self.sync.told or digest != self._told_digest:
            self.sync.keep_told(told)
            self._told_digest = digest
            self._services.fire_event({"changed": synced.changed, "problems": told, "digest": digest}, TAG)
        if any(name.startswith(f"{GRAINS}.") for name in synced.changed):
            self._regrain()
        return synced

    def welcomed(self, body: dict[str, Any]) -> bool:
        """Heed the master's ``welcome``; return whether it has others, which are fetched then."""
        self._on_change = bool(body.get("sync_on_change"))
        others = self._options["sync_on_connect"] and body.get("modules", "") != self.sync.digest
        if others:
            self._fetch_soon()
        return others

    def announced(self, body: dict[str, Any]) -> None:
        """Heed the master's word that it has others by now."""
        if self._on_change and body.get("digest") != self.sync.digest:
            spread_s = stable_hash(self._options["id"]) / 2**64 * CHANGE_DELAY_S
            self._loop.later(spread_s, self._fetch_soon)

    def look(self) -> None:
        """Fetch them again when files of theirs are gone."""
        if self._services.connected() and self.sync.vanished() and self._timer is None:
            self._fetch_soon()
            self._fetch_later()

    def heed_others(self) -> None:
        """Load anew what another program, ``saltern-call``, has fetched meanwhile."""
        changed = self.sync.changed_by_others()
        if changed:
            log.info("modules changed, by saltern-call: %s", ", ".join(changed))
            self._forget(changed)

    def version_of(self, function: str, loader: Loader) -> dict[str, str | None] | None:
        """Return the version of the module that *function* of *loader* is from, also when a child loaded it."""
        if not self.sync.has_modules:
            return None
        file = loader.file_of(function)
        return self.sync.version(function.partition(".")[0] if file is None else file)

    def _fetch_soon(self) -> None:
        self._background.do("modules were not synced", self.fetch, self._settled, self._fetch_later)

    def _fetch_later(self) -> None:
        if self._timer is None:
            self._timer = self._loop.later(SYNC_AGAIN_S, self._fetch_again)

    def _fetch_again(self) -> None:
        self._timer = None
        if self._services.connected():  # otherwise the next welcome tells whether it is needed
            self._fetch_soon()
