"""The minion that the host itself is."""

from __future__ import annotations

import fnmatch
import logging
import os
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from saltern.wire import MAX_MESSAGE_BYTES
from saltern_agent.begun import Begun
from saltern_agent.facts import Facts
from saltern_agent.isolate import Isolated
from saltern_agent.jobs import Job, Outcome
from saltern_agent.kept_schedule import ScheduleFile
from saltern_agent.loader import Loader
from saltern_agent.loader.marks import Marks
from saltern_agent.minion import Minion, Records
from saltern_agent.services import Services
from saltern_agent.sync import grains_folders, marks_file, module_folders, returners_folders, utils_folders

if TYPE_CHECKING:
    from saltern_agent.host import Host


log = logging.getLogger(__name__)


class OwnMinion(Minion):
    """*host* as a minion: its modules are shared with nobody, and jobs may run in processes of their own."""

    facts: Facts

    def __init__(self, host: Host) -> None:
        options = host.options
        folder = options["cachedir"]
        self.kept = ScheduleFile(os.path.join(folder, "schedule"))
        records = Records(host.ledger, Begun(os.path.join(folder, "slots")), self.kept)
        super().__init__(host, options, records, host.current, self._load, host.pools)
        skew_s, told = host.clock.skew_s, lambda: host.channel.attach()
        self.facts = Facts(options, host.loop, self.loader, host.background, skew_s, told)
        self._isolated = Isolated(dict(options), MAX_MESSAGE_BYTES)

    def begin(self) -> None:
        """Collect grains and take up the schedule that was kept, before the host connects."""
        self.executor.capture_output()
        self.facts.begin()
        self.schedule.load()

    def look(self) -> None:
        """Collect grains again when another program has changed their file."""
        self.facts.look()

    def skew_learned(self) -> None:
        """Have the grains say how far the clock is off."""
        self.facts.skew_learned()

    def close(self) -> None:
        """End it, after the host's channel: what it has to keep is written."""
        self.host.ledger.save()
        self.begun.close()
        self.loader.close()

    def _load(self, services: Services) -> Loader:
        options = self.host.options
        opts: dict[str, Any] = {**options, "__agent__": services}
        modules, utils = module_folders(options), utils_folders(options)
        returners, grains = returners_folders(options), grains_folders(options)
        marks = Marks(marks_file(options), keep=True)
        return Loader(opts, modules, self.host.current, utils, marks, returners, grains)

    def start(self, job: Job) -> None:
        """Run a job that the master sent, once there is a pillar."""
        log.info("job %s: %s for %s", job.jid, job.fun, job.user or "the master")
        super().start(job)

    def _execute(self, job: Job) -> Outcome | Coroutine[Any, Any, Outcome]:
        """Run a job, in a worker's thread or from there in a process of its own."""
        self.host.modules.heed_others()
        self.facts.look()
        patterns = self.options["isolate_functions"]
        if job.isolate or any(fnmatch.fnmatchcase(fun, pattern) for fun, _ in job.functions() for pattern in patterns):
            return self._isolated.run(job, self.facts.grains, self.pillar)
        return self.executor.run(job)
