"""What each minion is told and keeps: its schedule, its pillar, the digest of the modules.

It is told with the ``welcome``, and again whenever something changes. What changes while it is on its way in is not
lost: when it attaches it says what it has, and is told whatever is different by then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from saltern.config import MasterOptions, master_config
from saltern.config.load import config_stamp
from saltern.config.located import located
from saltern.config.master import MASTER
from saltern.config.remarks import slips
from saltern.digest import digest_of
from saltern.errors import FileServerError, SalternError
from saltern.wire import pack_any
from saltern_master.account.accounting import Accounting
from saltern_master.auth.powers import Powers
from saltern_master.auth.roles import roles_stamp
from saltern_master.fileserver.server import FileServer
from saltern_master.fleet import Fleet
from saltern_master.keyring import Keyring
from saltern_master.module_states import ModuleStates
from saltern_master.pillar.facts import PillarFacts
from saltern_master.pillar.keeper import Pillars
from saltern_master.schedules import Schedules
from saltern_master.targeting import DataFacts, Known

log = logging.getLogger(__name__)

CONFIG_LOOK_EVERY_S = 1.0
PILLAR_OPTIONS = (
    "pillar_roots",
    "renderer",
    "pillarenv",
    "pillarenv_from_saltenv",
    "env_order",
    "state_top",
    "pillar_source_merging_strategy",
    "pillar_merge_lists",
    "pillar_includes_override_sls",
    "pillar_safe_render_error",
    "pillar_secrets_by_grains",
    "pillar_timeout",
    "pillar_cache_ttl",
    "ext_pillar",
    "ext_pillar_first",
    "on_demand_ext_pillar",
    "git_pillar_update_interval",
    "extension_modules",
    "jinja_env",
    "jinja_sls_env",
)
OF_RIGHTS = (
    "publisher_acl",
    "publisher_acl_blacklist",
    "external_auth",
    "roles",
    "groups",
    "token_expire",
    "token_expire_user_override",
)
RELOADED = ("schedule", "pillar_files", *OF_RIGHTS, *PILLAR_OPTIONS, "nodegroups", "alerts", "webhooks", "log_level")
ASK_FOR_PILLAR = pack_any("pillar", 0, {})
MINIONS_AT_ONCE = 50
"""Told before the loop does something else."""


class Briefing:
    """Knows what holds now, and tells it."""

    def __init__(
        self,
        options: MasterOptions,
        keyring: Keyring,
        fleet: Fleet,
        files: FileServer,
        accounting: Accounting,
        powers: Powers,
    ) -> None:
        """Raises ``ConfigError`` for a schedule or ``pillar_files`` that can't be understood."""
        self._options = options
        self._keyring = keyring
        self._fleet = fleet
        self._files = files
        self._accounting = accounting
        self._powers = powers
        self._schedules = Schedules(options["schedule"], options["conf_file"], options["nodegroups"])
        self.pillars = Pillars(options, fleet.grains, keyring.minions, keyring.delegations)
        self.pillars.on_changed = self._pillar_came
        self.pillars.on_same = self._pillar_stayed
        self._waiting: set[str] = set()
        """Minions that were told all but their pillar."""
        self._devices: dict[str, tuple[str, bool]] = {}
        """Devices, the digest of the pillar that they were told last, and whether ``proxy`` in it is their host's."""
        self._untold: set[str] = set()
        """Devices to which something could not be sent, as too much waited for their host."""
        self.pillar_facts = PillarFacts(lambda: self.pillars)
        self._known = Known(DataFacts(fleet.grains), self.pillar_facts)
        self.module_states = ModuleStates()
        self._modules = ""
        self._learnt = ""
        self._telling: asyncio.Task[None] | None = None
        self.read_as: object = None
        """The stamp of the configuration when it was read, if that is known: it may have been changed since."""
        self.on_reload: list[Callable[[MasterOptions], None]] = []
        """Told the options that were read again, for what of *RELOADED* is none of ours."""
        self.on_check: list[Callable[[MasterOptions], Callable[[], None]]] = []
        """Asked before anything is in force: each returns what puts its own there, or raises ``ConfigError``."""

    @property
    def schedules(self) -> Schedules:
        """The schedules in force."""
        return self._schedules

    def schedule_of(self, minion_id: str) -> dict[str, dict[str, Any]]:
        """Return a minion's schedule: name to job."""
        return self._schedules.of(minion_id, self._known)

    def pillar_of(self, minion_id: str) -> dict[str, Any]:
        """Return a minion's pillar, as far as it is known."""
        return self.pillars.of(minion_id)

    def welcome(self, minion_id: str) -> dict[str, Any]:
        """Return the body that greets a minion; its schedule is expected of it from now on.

        Without ``pillar`` while that is being compiled: it is told when it is there.
        """
        schedule = self.schedule_of(minion_id)
        self._accounting.expect(minion_id, schedule, time.time())
        self.pillars.hand_on(minion_id)
        ready = self.pillars.ready(minion_id)
        (self._waiting.discard if ready else self._waiting.add)(minion_id)
        return {
            "schedule": schedule,
            **({"pillar": self.pillar_of(minion_id)} if ready else {}),
            "modules": self._modules,
            "sync_on_change": self._options["sync_on_change"],
            "max_message_bytes": self._options["max_message_bytes"],
            "time": time.time(),
        }

    def compare(self, minion_id: str, has: Mapping[str, Any]) -> None:
        """Tell a minion what differs from what it *has*: digests by ``schedule``, ``pillar`` and ``modules``."""
        self.module_states.attached(minion_id, has)
        schedule = self.schedule_of(minion_id)
        self._accounting.expect(minion_id, schedule, time.time())
        if has.get("schedule") != digest_of(schedule):
            self._fleet.send(minion_id, pack_any("schedule", 0, {"schedule": schedule}, secrets=True))
        if self.pillars.ready(minion_id) and has.get("pillar") != self.pillars.digest(minion_id):
            self._tell_pillar(minion_id)
        if has.get("modules") != self._modules:
            self._fleet.send(minion_id, pack_any("modules", 0, {"digest": self._modules}))

    def brief(self, device: str, has: Mapping[str, Any]) -> None:
        """Tell a device its schedule and its pillar, where either differs from what it *has* (digests)."""
        schedule = self.schedule_of(device)
        self._accounting.expect(device, schedule, time.time())
        ready = self.pillars.ready(device)
        digest = self.pillars.digest(device) if ready else ""
        if not ready:
            self._waiting.add(device)
        elif has.get("pillar") == digest and has.get("schedule") == digest_of(schedule):
            self._waiting.discard(device)
            self._devices[device] = digest, self.pillars.named(device)
            return
        self._brief(device, schedule, digest)

    def _brief(self, device: str, schedule: Mapping[str, Any], digest: str) -> None:
        """Tell a device all that it is told, its pillar only where that has a *digest*."""
        named = self.pillars.named(device)
        body: dict[str, Any] = {"schedule": schedule, "named": named}
        if digest:
            body["pillar"] = self.pillar_of(device)
        self._devices[device] = digest, named
        if not self._fleet.send(device, pack_any("brief", 0, body, secrets=True)):
            self._not_told((device,))
        elif digest:
            self._waiting.discard(device)

    def tell_again(self) -> None:
        """Tell devices all that they are told, to which something could not be sent."""
        untold, self._untold = self._untold, set()
        for device in sorted(untold):
            self._pillar_came(device)

    def _not_told(self, minions: Iterable[str]) -> None:
        """Note to whom something could not be sent: a device that is there is told again."""
        devices = {one for one in minions if self._fleet.host_of(one) is not None}
        self._waiting |= devices
        self._untold |= devices

    def altered(self, minions: Iterable[str]) -> None:
        """Note that the pillars of *minions* are other ones now, though none was compiled."""
        for minion_id in minions:
            self._pillar_came(minion_id)

    def forget(self, minion_id: str) -> None:
        """Drop what is known of who is no minion any more."""
        self.pillars.forget(minion_id)
        self._waiting.discard(minion_id)
        self._untold.discard(minion_id)
        self._devices.pop(minion_id, None)

    def reload(self) -> None:
        """Read the configuration again and put what *RELOADED* names into force, minions told at once.

        A fault is logged and everything stays as it was. Other options wait for a restart.
        """
        try:
            fresh = master_config(self._options["conf_file"])
            schedules = Schedules(fresh["schedule"], fresh["conf_file"], fresh["nodegroups"])
            takes = [check(fresh) for check in self.on_check]
            self.pillars.reread(fresh)
        except SalternError as error:
            log.error("the configuration stays as it was: %s", located(error, self._options["conf_file"]))
            return
        self._schedules = schedules
        if self._telling is not None:
            self._telling.cancel()
        self._telling = asyncio.get_running_loop().create_task(self._tell(self._keyring.minions()))
        for put in takes:
            put()
        for take in self.on_reload:
            take(fresh)
        log.info(
            "the configuration was read again: schedule, pillar, nodegroups, rights, alerts, log_level are in force"
        )
        waiting = [key for key in MASTER.defaults if key not in RELOADED and fresh.get(key) != self._options.get(key)]
        if waiting:
            log.warning("these options wait for a restart of the master: %s", ", ".join(sorted(waiting)))
        for line in slips(MASTER, fresh):
            log.warning("%s", line)

    def modules(self, saltenv: str) -> dict[str, Any]:
        """Return what a minion may sync; what these modules can do is known before any minion has them. May block."""
        found = self._files.modules(saltenv)
        if saltenv == "base" and found["digest"] != self._learnt:
            self._powers.learn(self._files.module_texts("base"))
            self._learnt = str(found["digest"])
        return found

    async def load(self) -> None:
        """Look at the modules for the first time."""
        await asyncio.to_thread(self._look_at_modules)

    async def update_files(self, remote: str = "") -> bool:
        """Look for new files in every backend; tell the minions when modules changed. Return whether any did.

        With *remote* only that git remote is asked; raises ``FileServerError`` when there is none of that name.
        """
        changed = await asyncio.to_thread(self._update_files, remote)
        if changed:
            frame = pack_any("modules", 0, {"digest": self._modules})
            self._fleet.send_many(self._fleet.agents(), frame)  # a device has its host's
        return changed

    async def run(self) -> None:
        """Look for new files and another configuration until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_for_idle_entries())
            tasks.create_task(self._watch_files())
            tasks.create_task(self._watch_config())

    def _pillar_came(self, minion_id: str) -> None:
        """Tell a minion that its pillar is there, or is another one, if it is the right one by now."""
        if not self.pillars.ready(minion_id):
            return
        if self._fleet.is_device(minion_id) and minion_id in self._waiting:
            self._brief(minion_id, self.schedule_of(minion_id), self.pillars.digest(minion_id))
            return
        self._waiting.discard(minion_id)
        self._tell_pillar(minion_id)

    def _pillar_stayed(self, minion_id: str) -> None:
        """Tell who waits for it; and a device, whose host's entry for it may have become another one meanwhile."""
        if minion_id in self._waiting or minion_id in self._devices:
            self._pillar_came(minion_id)

    def _tell_pillar(self, minion_id: str) -> None:
        """Tell a minion to fetch its pillar; a device only one that it wasn't told of yet."""
        told = self._devices.get(minion_id)
        if told is not None:
            now = self.pillars.digest(minion_id), self.pillars.named(minion_id)
            if told == now:
                return
            if told[1] or now[1]:
                self._brief(minion_id, self.schedule_of(minion_id), now[0])
                return
            self._devices[minion_id] = now
        if not self._fleet.send(minion_id, ASK_FOR_PILLAR):
            self._not_told((minion_id,))

    async def _watch_files(self) -> None:
        """Look for new files again and again; the first look, which may wait for a git server, is not waited for."""
        while True:
            try:
                await self.update_files()
            except FileServerError as error:
                log.warning("%s", error)
            await asyncio.sleep(self._options["fileserver_update_interval"])

    async def _watch_config(self) -> None:
        """Reload when a configuration file has changed."""
        config, roles = self._stamp()
        stamp = (self.read_as or config, roles)
        while True:
            await asyncio.sleep(CONFIG_LOOK_EVERY_S)
            now = self._stamp()
            if now != stamp:
                stamp = now
                self.reload()

    def _stamp(self) -> tuple[object, object]:
        """Return what changes with any file of the configuration."""
        return config_stamp(self._options["conf_file"]), roles_stamp(self._options["config_dir"])

    async def _look_for_idle_entries(self) -> None:
        """Say which entries of the schedule are for nobody; the loop has its turns meanwhile."""
        for number, minion_id in enumerate(self._keyring.minions()):
            self.schedule_of(minion_id)
            if number % MINIONS_AT_ONCE == MINIONS_AT_ONCE - 1:
                await asyncio.sleep(0)
        if self._keyring.minions():
            self._schedules.say_idle()

    async def _tell(self, minions: Iterable[str]) -> None:
        """Tell each of *minions* its schedule, and to fetch its pillar; the loop has its turns meanwhile."""
        left = iter(minions)
        while some := list(islice(left, MINIONS_AT_ONCE)):
            frames: dict[bytes, list[str]] = {}
            for minion_id in some:
                schedule = self.schedule_of(minion_id)
                self._accounting.expect(minion_id, schedule, time.time())
                frame = pack_any("schedule", 0, {"schedule": schedule}, secrets=True)
                frames.setdefault(frame, []).append(minion_id)
            for frame, alike in frames.items():
                self._not_told(self._fleet.send_many(alike, frame))
            for minion_id in some:
                self._tell_pillar(minion_id)
            await asyncio.sleep(0)
        await self._look_for_idle_entries()

    def _update_files(self, remote: str) -> bool:
        if remote:
            self._files.update_one(remote)
        else:
            self._files.update()
        return self._look_at_modules()

    def _look_at_modules(self) -> bool:
        digest = str(self.modules("base")["digest"])
        changed = digest != self._modules
        self._modules = digest
        return changed
