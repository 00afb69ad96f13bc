"""What of each event someone who follows them is shown: by whose it is, and about which minion.

::

    who                        sees
    may do everything          all of it
    is granted @events         every event; of what others started nothing that it was given
    logged in, otherwise       what he started; of the minions on which he is granted something that they are there,
                               what they returned, but for what reveals (``revealing``), and alerts about them

Who is granted @events by roles that are good for some groups of minions alone is one of the last.

Rights are looked up event by event: who loses them sees nothing more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from saltern.secret import MASK
from saltern_master.annotations.places import Places
from saltern_master.auth.caller import Caller
from saltern_master.auth.policy import Policy, is_own
from saltern_master.bus import LOST, MASTER, Event
from saltern_master.commands.revealing import result_shown
from saltern_master.commands.runs import TAGS

GIVEN = ("arg", "kwarg", "fun_args")
"""Fields of a job's events that show what it was given."""
RETURNED = (*GIVEN, "return")
"""Fields of the events of a function on the master that are its caller's: it may need rights of its own."""
ASKED = ("metric", "target")
"""Fields of an alert that may name any minion."""
ALWAYS = ("from", "_stamp")
"""Fields that the master gives to every event."""
ON_THE_MASTER = tuple(f"{tag}/" for tag in TAGS.values())
KEYS = ("salt/auth", "salt/key")
ALERTS = "salt/alert/"
JOB, MINION, PRESENCE = "salt/job/", "salt/minion/", "salt/presence/"
KNOWN_FOR_S = 5.0
"""How long it is remembered which minions concern him: grains may say so, and change."""


class EventView:
    """What *caller* sees; *owner* returns whose a job is by its jid, *ran* whose a function on the master is.

    They are asked apart: who starts a job may choose a jid for it that isn't his.
    *places* tells which minions a series is about.
    """

    def __init__(
        self,
        caller: Caller,
        policy: Policy,
        owner: Callable[[str], str | None],
        places: Places,
        clock: Callable[[], float] = time.monotonic,
        ran: Callable[[str], str | None] | None = None,
    ) -> None:
        self._caller = caller
        self._policy = policy
        self._owner = owner
        self._ran = ran or owner
        self._places = places
        self._clock = clock
        self._known: dict[str, bool] = {}
        self._known_until = 0.0
        self._version = -1

    def shown(self, event: Event) -> Event | None:
        """Return the event as he sees it; ``None``: not at all."""
        policy, caller = self._policy, self._caller
        if policy.sees_all(caller):
            return event
        own = self._is_own(event)
        if policy.may_see_events(caller):
            return event if own else _without(event, RETURNED if event.tag.startswith(ON_THE_MASTER) else GIVEN)
        if not policy.has_rights(caller):
            return None
        if event.tag == LOST and event.data.get("from") == MASTER:  # of his own, by the bus itself
            return event
        return event if own else self._of_others(event)

    def _is_own(self, event: Event) -> bool:
        if event.tag.startswith((JOB, *ON_THE_MASTER)):
            owner = self._owner if event.tag.startswith(JOB) else self._ran
            return is_own(self._caller, owner(event.tag.split("/", 3)[2]))
        return event.data.get("from") == self._caller.provenance and self._caller.scope is None

    def _of_others(self, event: Event) -> Event | None:
        tag = event.tag
        if tag.startswith(MINION):
            minion, _, what = tag.removeprefix(MINION).partition("/")
            return event if what == "start" and self._concerns(minion) else None
        if tag.startswith(PRESENCE):
            lists = {k: [m for m in v if self._concerns(m)] for k, v in event.data.items() if isinstance(v, list)}
            always = {name: event.data[name] for name in ALWAYS if name in event.data}
            data = {**lists, **always}
            return Event(tag, data, event.size, number=event.number) if any(lists.values()) else None
        if tag.startswith(JOB):
            return self._return_of_others(event)
        if tag.startswith(KEYS):
            return event if self._policy.may_manage(self._caller, "key.list_all") else None
        return self._alert(event) if tag.startswith(ALERTS) else None

    def _alert(self, event: Event) -> Event | None:
        (minions,) = self._places.whose([str(event.data.get("series", ""))])
        if minions is None or not all(map(self._concerns, minions)):
            return None
        return _without(event, ASKED)

    def _return_of_others(self, event: Event) -> Event | None:
        parts = event.tag.split("/")
        if len(parts) != 5 or parts[3] != "ret" or not self._concerns(parts[4]):
            return None
        shown = result_shown(self._policy, self._caller, event.data.get("fun"), parts[4])
        return _without(event, GIVEN if shown else RETURNED)

    def _concerns(self, minion: object) -> bool:
        """Return whether something is granted to him on a minion."""
        now = self._clock()
        if now >= self._known_until or self._version != self._policy.version:
            self._known.clear()
            self._known_until, self._version = now + KNOWN_FOR_S, self._policy.version
        name = str(minion)
        if name not in self._known:
            self._known[name] = bool(self._policy.known_to(self._caller, [name]))
        return self._known[name]


def _without(event: Event, names: tuple[str, ...]) -> Event:
    """Return *event* with ``***`` for these fields, as far as it has them."""
    hidden = {name: MASK for name in names if name in event.data}
    return _changed(event, hidden) if hidden else event


def _changed(event: Event, fields: Mapping[str, Any]) -> Event:
    return Event(event.tag, {**event.data, **fields}, event.size, number=event.number)
