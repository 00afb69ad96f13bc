"""``event.*``: the bus, followed and fed by users."""

from __future__ import annotations

from typing import Annotated, Any

from saltern.errors import ArgumentError, NotAuthorised
from saltern.wire import pack_value
from saltern_master.auth.need import Need
from saltern_master.bus import MAX_QUEUE_BYTES, Event
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command
from saltern_master.commands.runs import TAGS
from saltern_master.commands.stream import Stream
from saltern_master.jobs.follower import MAX_USER_QUEUE_BYTES

MAX_TAG_LENGTH = 512
GIVEN = ("arg", "kwarg", "fun_args")
"""Fields of a job's events that show what it was given."""
RETURNED = (*GIVEN, "return")
"""Fields of the events of a function on the master that are its caller's: it may need rights of its own."""
ON_THE_MASTER = tuple(f"{tag}/" for tag in TAGS.values())


def check_tag(tag: str) -> str:
    """Return *tag* when an event may have it. Raises ``ArgumentError``."""
    if 0 < len(tag) <= MAX_TAG_LENGTH and tag.isprintable():
        return tag
    raise ArgumentError(f"a tag is text of 1 to {MAX_TAG_LENGTH} printable characters, not {tag!r:.80}")


@command("event.subscribe", Need.EVENTS)
async def subscribe(context: Context, tag: str = "") -> Stream:
    """Follow the events whose tags start with *tag*; ``salt/events/lost`` tells of those that came too fast."""
    services, user = context.services, context.caller.user
    sees_all = services.policy.sees_all(context.caller)

    def shown(event: Event) -> bytes:
        """Return what this caller sees of *event*: not what jobs of others were given unless he sees all."""
        hidden = RETURNED if event.tag.startswith(ON_THE_MASTER) else GIVEN
        if sees_all or event.data.get("user") == user or not any(key in event.data for key in hidden):
            return event.packed()
        return Event(event.tag, {k: "***" if k in hidden else v for k, v in event.data.items()}).packed()

    return Stream(True, services.bus.follow(tag, shown, MAX_QUEUE_BYTES if sees_all else MAX_USER_QUEUE_BYTES))


@command("event.fire", Need.EVENTS)
async def fire(context: Context, tag: Annotated[str, check_tag], data: dict[str, Any]) -> str:
    """Put an event on the bus and return its tag: a user's are below ``salt/user/<name>/``.

    Who may do everything chooses any tag.
    """
    return _fire(context, tag, data)


@command("runner.event.send", Need.EVENTS)
async def send(context: Context, tag: Annotated[str, check_tag], data: dict[str, Any] | None = None) -> bool:
    """Put an event on the bus: ``saltern-run event.send my/tag '{"a": 1}'``

    A user's are below ``salt/user/<name>/``.
    """
    _fire(context, tag, data or {})
    return True


def _fire(context: Context, tag: str, data: dict[str, Any]) -> str:
    services, caller = context.services, context.caller
    own = f"salt/user/{caller.name}/"
    if not (tag.startswith(own) or services.policy.sees_all(caller)):
        if tag.startswith("salt/"):
            raise NotAuthorised(f"{caller} fires events below {own} alone: use the tag {own}{tag.rpartition('/')[2]}")
        tag = own + tag
    services.bus.publish(tag, data, caller.provenance, len(pack_value(data)))
    return tag
