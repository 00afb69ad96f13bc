"""Who counts what the master tells of itself: the names below ``saltern.master``."""

from __future__ import annotations

from typing import Protocol

from saltern_master.annotations.engine import AnnotationEngine
from saltern_master.commands.context import Services
from saltern_master.commands.dispatcher import Dispatcher
from saltern_master.entrances.channel.hub import Hub
from saltern_master.entrances.channel.ports import Ports
from saltern_master.entrances.local import LocalEntrance
from saltern_master.inbox import Inbox
from saltern_master.journal.journal import Journal
from saltern_master.parts import Counters
from saltern_master.webhooks.engine import WebhookEngine


class Counted(Services, Protocol):
    """The parts of the master that count: what commands use, and these."""

    hub: Hub
    ports: Ports
    inbox: Inbox
    journal: Journal
    dispatcher: Dispatcher
    local: LocalEntrance
    annotations: AnnotationEngine | None
    webhooks: WebhookEngine


def counters_of(master: Counted) -> Counters:
    """Return the parts that count, by the name that their numbers are published below."""
    return {
        "minions": (master.hub, master.fleet.files),
        "clocks": (master.clocks,),
        "channel": (master.ports,),
        "bus": (master.bus,),
        "inbox": (master.inbox,),
        "journal": (master.journal, master.dead_letters),
        "jobs": (master.publisher, master.keeper, master.tracker),
        "commands": (master.dispatcher, master.local),
        "fileserver": (master.files, master.uploads, master.pushed),
        "pillar": (master.briefing.pillars,),
        "alerts": (master.alerts,),
        "graphite": (master.engine,),
        "annotations": (master.annotations,),
        "webhooks": (master.webhooks,),
        "suites": (master.suites,),
        "audit": (master.audit_book,),
        "runners": (master.own_children,),
        **master.returners.counters,
    }
