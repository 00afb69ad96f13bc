"""The pillars in force: compiled in processes of their own, kept, compiled again when what they hang on has changed.

A pillar hangs on the files that were looked for, the grains that were read, and external pillars. Files are looked at
every few seconds, and before an answer to who asks for a fresh one; a change compiles the pillars of those whom it
is about, and ``on_changed`` is told whose came out different. Work that waits is one entry a minion.

**What goes wrong never makes half a pillar.** When a pillar compiles with errors, the minion's last one without any
stays in force, and ``_errors`` in it says what is wrong; only where there never was one, it is what did compile, with
``_errors``. A template that hangs is ended with its process, and that is the error.

Pillars of hosts say for which devices they may speak: each is handed on (``Delegations.from_pillar``) as soon as it is
known, and those that may be some host's come before those of devices. What is ``proxy`` in the pillar of a device that
its host's pillar names with an entry is that entry.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltern.config import MasterOptions
from saltern.digest import digest_of
from saltern.errors import CommandError
from saltern.wire import pack_value
from saltern_master.delegations import Delegations
from saltern_master.pillar.claims import ALL
from saltern_master.pillar.compilations import Compilations
from saltern_master.pillar.files import Pillar, overlay
from saltern_master.pillar.git_trees import GitTrees, configured_trees
from saltern_master.pillar.kept import (
    ERRORS,
    Kept,
    changed_files,
    digest_of_bytes,
    grains_digest,
    together,
    with_errors,
)
from saltern_master.pillar.of_hosts import HostPillars
from saltern_master.pillar.settings import Settings
from saltern_master.pillar.tree import ANY_FILE, Stamps, stamps
from saltern_master.pillar.wanted import Wanted
from saltern_master.targeting.facts import Data, Ids

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
AGAIN_S = 60.0
"""After which a pillar that couldn't be compiled at all is tried again."""
MANY_OPENED = 500
TOLD_AT_ONCE = 50
"""Minions that are told before the loop does something else."""
MAX_NAMES = 1000
"""Sets of names that are kept for those who have the same."""


class Pillars:
    """All pillars of the master's minions."""

    def __init__(
        self,
        options: MasterOptions,
        grains: Callable[[str], Mapping[str, Any]],
        minions: Callable[[], Iterable[str]],
        delegations: Delegations | None = None,
    ) -> None:
        """Raises ``ConfigError`` for options that can't be understood."""
        self._grains = grains
        self._minions = minions
        self._hosts = HostPillars(delegations)
        self.on_changed: Callable[[str], None] = lambda _: None
        """Told of a minion whose pillar is another one now."""
        self.on_same: Callable[[str], None] = lambda _: None
        """Told of a minion whose pillar was compiled, and is what it was."""
        self.files = Pillar(options["pillar_files"], options["config_dir"])
        self._simple = self.files.stamps()
        self._kept: dict[str, Kept] = {}
        self._shared: dict[str, bytes] = {}
        self._names: dict[tuple[str, ...], frozenset[str]] = {}
        self._opened: dict[tuple[str, int], tuple[dict[str, Any], dict[str, Any]]] = {}
        """Pillars that targets were held against: by digest and what ``pillar_files`` gives, which is kept with it."""
        self._stale: set[str] = set()
        self._wanted = Wanted(self._hosts.is_device)
        self._stamps: dict[str, Stamps] = {}
        self._looks = 0
        self._look_lock = asyncio.Lock()
        self._compiled = self._failed = 0
        self._compilations = Compilations(Settings.of(options), options["pillar_workers"], grains)
        self._take(options)

    @property
    def _settings(self) -> Settings:
        return self._compilations.settings

    def _take(self, options: MasterOptions) -> None:
        self._ttl_s = options["pillar_cache_ttl"]
        self._git_every_s = options["git_pillar_update_interval"]
        self._git = GitTrees(configured_trees(self._settings.ext, options["cachedir"]))

    @property
    def compiles(self) -> bool:
        """Whether there is anything but ``pillar_files``."""
        return self._settings.used

    def reread(self, options: MasterOptions) -> None:
        """Take over options that were read again. Raises ``ConfigError``, and all stays as it was."""
        files = Pillar(options["pillar_files"], options["config_dir"], before=self.files)
        settings = Settings.of(options)
        configured_trees(settings.ext, options["cachedir"])
        self.files = files
        self._simple = files.stamps()
        if (settings, options["pillar_workers"]) == (self._settings, self._compilations.size):
            self._hand_on_all(self._minions())
            return
        self._compilations.replace(settings, options["pillar_workers"])
        self._take(options)
        self._stamps = {}
        if settings.used:
            self._stale.update(self._kept)
            self.want(self._minions())
        else:
            self._kept.clear()
            self._hand_on_all(self._minions())

    # what is in force

    def of(self, minion_id: str) -> dict[str, Any]:
        """Return a minion's pillar in force, to be read alone: as far as it is known. From any thread."""
        kept, below = self._kept.get(minion_id) if self._settings.used else None, self.files.of(minion_id)
        return self._hosts.with_entry(minion_id, below if kept is None else together(below, kept.packed))

    def different(self, minions: Iterable[str]) -> list[tuple[Data, Ids]]:
        """Return each different pillar with those of *minions* that have it. From any thread."""
        minions = list(minions)
        alone = [one for one in minions if self._hosts.named(one)]
        if alone:
            minions = set(minions).difference(alone)
        return [*self._different(minions), *((self.of(one), (one,)) for one in alone)]

    def _different(self, minions: Iterable[str]) -> list[tuple[Data, Ids]]:
        if not self._settings.used:
            return self.files.different(minions)
        found: dict[tuple[str, int], tuple[dict[str, Any], set[str]]] = {}
        new = 0
        for minion_id in minions:
            kept, below = self._kept.get(minion_id), self.files.of(minion_id)
            key = (kept.digest if kept is not None else "", id(below))
            if key not in found:
                opened = self._opened.get(key)
                if opened is None or opened[0] is not below:
                    new += 1
                    opened = (below, below if kept is None else together(below, kept.packed))
                    self._opened[key] = opened
                found[key] = (opened[1], set())
            found[key][1].add(minion_id)
        if len(self._opened) > 2 * len(self._kept) + 1000:
            self._opened = {key: value for key, value in self._opened.items() if key in found}
        if new > MANY_OPENED:
            gc.freeze()  # they are there to stay, and in no circles
        return list(found.values())

    def ready(self, minion_id: str) -> bool:
        """Return whether a minion's pillar is the right one as far as is known; else have it compiled."""
        hangs_on = self._hosts.hangs_on(minion_id)
        wanted = [one for one in hangs_on if not self._valid(one)] if self._settings.used else []
        self.want(wanted)
        return not wanted and len(hangs_on) == 1

    def named(self, minion_id: str) -> bool:
        """Return whether what is ``proxy`` in a device's pillar is its host's entry for it."""
        return self._hosts.named(minion_id)

    def hand_on(self, minion_id: str) -> None:
        """Say which devices the pillar of a minion that comes names, where there is nothing to compile for that."""
        if not self._settings.used:
            self._hand_on(minion_id, more=False)

    def digest(self, minion_id: str) -> str:
        """Return the digest of what is in force for a minion."""
        kept = self._kept.get(minion_id) if self._settings.used else None
        plain = kept is not None and not self._hosts.named(minion_id) and not self.files.of(minion_id)
        return kept.digest if kept is not None and plain else digest_of(self.of(minion_id))

    def forget(self, minion_id: str) -> None:
        """Drop a minion that is none any more."""
        self._kept.pop(minion_id, None)
        self._stale.discard(minion_id)

    def clear(self, minions: Iterable[str]) -> None:
        """Forget what is kept of *minions*, the last good pillars too, and compile them anew."""
        for minion_id in minions:
            self.forget(minion_id)
        self._compilations.generation += 1
        self.want(minions)

    # getting one

    def want(self, minions: Iterable[str]) -> None:
        """Have pillars compiled when there is time."""
        self._wanted.want(minions)

    async def fresh(self, minion_id: str) -> dict[str, Any]:
        """Return a minion's pillar by what files and external pillars say now."""
        await self._look_at_simple()
        if not self._settings.used:
            return self.of(minion_id)
        await self._look()
        for one in self._hosts.hangs_on(minion_id):
            if (self._settings.ext and one == minion_id) or not self._valid(one):
                await self._wanted.now(one)
        return self.of(minion_id)

    async def current(self, minion_id: str) -> dict[str, Any]:
        """Return a minion's pillar in force, after its first compilation."""
        for one in self._hosts.hangs_on(minion_id) if self._settings.used else ():
            if not self._valid(one):
                await self._wanted.now(one)
        return self.of(minion_id)

    async def made(self, minion_id: str, **how: Any) -> dict[str, Any]:
        """Return a pillar compiled apart, and kept nowhere: *how* is ``saltenv``, ``pillarenv``, ``override``, ``ext``,
        ``grains``. Errors are in it. Raises ``CommandError`` when it can't be compiled at all.
        """
        if not self._settings.used and not how.get("ext"):
            below = dict(self.files.of(minion_id))
            overlay(below, how.get("override") or {})
            return self._hosts.with_entry(minion_id, below)
        await self._look()
        answer = await self._compilations.ask_apart(minion_id, **how)
        return self._hosts.with_entry(minion_id, together(self.files.of(minion_id), answer["pillar"]))

    async def top(self, minion_id: str, saltenv: str | None = None) -> Any:
        """Return the top files as merged for a minion."""
        await self._look()
        return (await self._compilations.ask(minion_id, saltenv=saltenv, top=True))["top"]

    async def update_git(self, branch: str | None = None, repo: str | None = None) -> dict[str, bool]:
        """Fetch pillar's git remotes; compile anew when something came. Return by remote whether it did."""
        told = await asyncio.to_thread(self._git.update, branch, repo)
        if any(told.values()):
            self._compilations.generation += 1
            self._stale.update(self._kept)
            self.want(self._minions())
        return told

    # working

    async def run(self) -> None:
        """Compile what is wanted and look for changes, until cancelled."""
        self._hand_on_all(self._minions())
        if self._settings.used:
            await self._look()
            self.want(self._minions())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch())
                tasks.create_task(self._watch_git())
                for _ in range(self._compilations.size):
                    tasks.create_task(self._compile_wanted())
        finally:
            await self._compilations.end()

    def metrics(self) -> dict[str, float]:
        """Return the counters: pillars compiled, compilations that failed, minions with errors, …"""
        return {
            "compiled": self._compiled,
            "failed": self._failed,
            "with_errors": sum(bool(kept.errors) for kept in self._kept.values()),
            "kept": len(self._kept),
            "waiting": len(self._wanted),
            **self._compilations.metrics(),
            "git_failures": self._git.failures,
        }

    async def _compile_wanted(self) -> None:
        while True:
            async with self._wanted.next() as minion_id:
                await self._compile(minion_id)

    async def _compile(self, minion_id: str) -> None:
        grains = self._grains(minion_id)
        self._stale.discard(minion_id)
        before = self._kept.get(minion_id)
        again_s = self._ttl_s if self._settings.ext else math.inf
        try:
            answer = await self._compilations.ask(minion_id)
            packed = self._shared_bytes(answer["digest"], answer["pillar"])
        except Exception as error:  # whatever it is, it is this minion's alone
            self._failed += 1
            if not isinstance(error, CommandError):
                log.exception("the pillar of %s", minion_id)
            text = f"the pillar could not be compiled: {error}"
            self._compilations.say([f"{minion_id}: {text}"])
            packed = pack_value({ERRORS: [text]})
            answer = {"errors": [text], "used": [ALL], "asked": [ANY_FILE], "digest": digest_of_bytes(packed)}
            answer["proxy_claimed"] = True
            again_s = AGAIN_S
        self._compiled += 1
        kept = Kept()
        kept.errors = answer["errors"]
        kept.packed, kept.digest = packed, answer["digest"]
        kept.good = packed if not kept.errors else before.good if before is not None else None
        if kept.errors and kept.good is not None:
            kept.packed = with_errors(kept.good, kept.errors)
            kept.digest = digest_of_bytes(kept.packed)
        kept.used, kept.asked = self._shared_names(answer["used"]), self._shared_names(answer["asked"])
        kept.grains = grains_digest(grains, kept.used)
        kept.again = time.monotonic() + again_s
        kept.proxy_claimed = answer["proxy_claimed"]
        self._kept[minion_id] = kept
        self._hand_on(minion_id, more=self._wanted.more(minion_id))
        (self.on_changed if before is None or before.digest != kept.digest else self.on_same)(minion_id)

    def _shared_bytes(self, digest: str, packed: bytes) -> bytes:
        """Return a pillar's bytes, once for all minions that have the same."""
        if len(self._shared) > 2 * len(self._kept) + 1000:
            self._shared = {kept.digest: kept.packed for kept in self._kept.values()}
        return self._shared.setdefault(digest, packed)

    def _shared_names(self, names: list[str]) -> frozenset[str]:
        """Return names as a set, once for all minions that have the same."""
        if len(self._names) > MAX_NAMES:
            self._names.clear()
        return self._names.setdefault(tuple(names), frozenset(names))

    def _valid(self, minion_id: str) -> bool:
        kept = self._kept.get(minion_id)
        if kept is None or minion_id in self._stale or time.monotonic() > kept.again:
            return False
        return kept.grains == grains_digest(self._grains(minion_id), kept.used)

    def _hand_on(self, minion_id: str, *, more: bool) -> None:
        """Say which devices a minion's pillar names; *more*: pillars of others are about to be known."""
        below, kept = self.files.of(minion_id), self._kept.get(minion_id)
        claims_count = self._settings.secrets_by_grains
        self._hosts.hand_on(minion_id, below, kept, lambda: self.of(minion_id), claims_count=claims_count, more=more)

    def _hand_on_all(self, minions: Iterable[str]) -> None:
        """Do so for those whose pillar is known, as what ``pillar_files`` gives may be another thing now."""
        known = [one for one in minions if one in self._kept or not self._settings.used]
        for number, minion_id in enumerate(known, 1):
            self._hand_on(minion_id, more=number < len(known))

    async def _look_at_simple(self) -> None:
        """See which of ``pillar_files`` have changed: hand on what they give now, and tell whose pillar they are of."""
        found, before = self.files.stamps(), self._simple
        self._simple = found
        changed = {name for name, stamp in found.items() if stamp != before.get(name)}
        about = self.files.given(changed, self._minions()) if changed else []
        self._hand_on_all(about)
        for number, minion_id in enumerate(about, 1):
            self.on_changed(minion_id)
            if number % TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._look_at_simple()
            if self._settings.roots:
                await self._look()
            now = time.monotonic()
            self.want([minion_id for minion_id, kept in self._kept.items() if now > kept.again])

    async def _watch_git(self) -> None:
        while True:
            if any("git" in one for one in self._settings.ext):
                await self.update_git()
            await asyncio.sleep(self._git_every_s)

    async def _look(self) -> None:
        """See which files have changed, and have the pillars that hang on them compiled.

        Who comes while a look goes on waits for the next one, which is the same for all of them.
        """
        asked_at = self._looks
        async with self._look_lock:
            if self._looks > asked_at or not self._settings.roots:
                return
            self._looks += 1
            roots, hidden = self._settings.roots, self._settings.hidden
            found = await asyncio.to_thread(stamps, roots, hidden)
            if found == self._stamps or roots is not self._settings.roots:
                return
            changed = changed_files(self._stamps, found)
            self._stamps = found
            self._compilations.files_changed()
            concerned = {asked: not changed.isdisjoint(asked) for asked in {kept.asked for kept in self._kept.values()}}
            about = [minion_id for minion_id, kept in self._kept.items() if concerned[kept.asked]]
            self._stale.update(about)
            self.want(about)
