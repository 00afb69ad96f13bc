"""An agent whose own minion is a device: what ``saltern-proxy`` runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from saltern_agent.begun import Begun
from saltern_agent.devices.device import Device
from saltern_agent.devices.devices import Devices
from saltern_agent.host import Host
from saltern_agent.kept_schedule import ScheduleFile
from saltern_agent.minion import Minion, Records

if TYPE_CHECKING:
    from saltern_agent.jobs import Job


class OwnDevice(Device):
    """The device of *devices* that its host stands for, by a key of its own.

    Its schedule is known before its master is; how it is spoken with may be said by the option ``proxy``.
    """

    def __init__(self, devices: Devices) -> None:
        host = devices.host
        options = cast("dict[str, Any]", host.options)
        self.kept = ScheduleFile(os.path.join(options["cachedir"], "schedule"))
        records = Records(host.ledger, Begun(os.path.join(options["cachedir"], "slots")), self.kept)
        own = {key: options[key] for key in ("grains", "mine_functions")}
        super().__init__(devices, options["id"], records, voice="", given=options.get("proxy"), own=own)

    def begin(self) -> None:
        """Open it, before the host connects, when its options say how."""
        self.executor.capture_output()
        if self._given:
            self.configure()

    def start(self, job: Job) -> None:
        """Run a job that the master sent, once it is known how the device is."""
        self.devices.say_job(job, [self])
        super().start(job)

    def close(self) -> None:
        """End it, after the host's channel: what it has to keep is written."""
        self.host.ledger.save()
        self.begun.close()


class ProxyHost(Host):
    """One agent whose own minion is the device ``options["id"]``; it may speak for others, too."""

    own: OwnDevice

    def _make_own(self) -> Minion:
        self.devices = Devices(self)
        own = OwnDevice(self.devices)
        self.devices.members[own.id] = own
        self.upkeep.also(own.kept.file)
        return own
