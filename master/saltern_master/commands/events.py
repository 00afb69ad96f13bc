"""``event.*``: the bus, followed and fed by users."""

from __future__ import annotations

from typing import Annotated, Any

from saltern.errors import ArgumentError, NotAuthorised
from saltern.wire import pack_value
from saltern_master.auth.caller import Kind
from saltern_master.auth.need import Need
from saltern_master.bus import MAX_QUEUE_BYTES, Event
from saltern_master.commands.context import Context
from saltern_master.commands.event_filter import EventFilter
from saltern_master.commands.event_view import EventView
from saltern_master.commands.registry import command
from saltern_master.commands.stream import Stream
from saltern_master.jobs.follower import MAX_USER_QUEUE_BYTES

MAX_TAG_LENGTH = 512
HOOK = "salt/netapi/hook"
ANYBODY = "hook:anybody"
MAX_HOOK_CHARS = 1024 * 1024
CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization", "x-auth-token", "x-csrf-token"})
"""Headers of a request that are nobody else's."""


def check_tag(tag: str) -> str:
    """Return *tag* when an event may have it. Raises ``ArgumentError``."""
    if 0 < len(tag) <= MAX_TAG_LENGTH and tag.isprintable():
        return tag
    raise ArgumentError(f"a tag is text of 1 to {MAX_TAG_LENGTH} printable characters, not {tag!r:.80}")


def _check_hook(path: str) -> str:
    return check_tag(path) if path else ""


@command("event.subscribe", Need.FOLLOW)
async def subscribe(
    context: Context,
    tag: str = "",
    after: int | None = None,
    numbered: bool = False,
    tags: list | None = None,  # type: ignore[type-arg]  # members are checked where they are used
    brief: bool = False,
) -> Stream:
    """Follow the events whose tags start with *tag*; ``salt/events/lost`` tells of those that came too fast.

    *tags*: of these those that match one of some globs, with ``*`` for any text: ``salt/job/*/ret/*``. *brief*: events
    of returns come without ``return``, ``fun_args``, ``arg`` and ``kwarg``. With *numbered* each has an ``id``, and it
    returns ``{"at": the last id, "principal": who follows}``. *after*: the id of the one that was seen last: those
    since come first, as far as the master has them.
    """
    services, caller = context.services, context.caller
    asked = EventFilter(tags or (), brief=brief)
    view = EventView(caller, services.policy, services.owner_of, services.series_places, ran=services.ran_by)
    most = MAX_QUEUE_BYTES if services.policy.sees_all(caller) else MAX_USER_QUEUE_BYTES

    def shown(event: Event) -> bytes | None:
        seen = view.shown(event) if asked.wants(event) else None
        if seen is None:
            return None
        seen = asked.shortened(seen)
        return seen.numbered() if numbered else seen.packed()

    return Stream(
        {"at": services.bus.last, "principal": caller.principal} if numbered else True,
        services.bus.follow(tag, shown, most, after),
    )


@command("event.hook", Need.HOOKS)
async def hook(
    context: Context,
    path: Annotated[str, _check_hook],
    body: str = "",
    post: Any = None,
    headers: dict[str, Any] | None = None,
    anybody: bool = False,
) -> str:
    """Put what was posted to a hook on the bus, as ``salt/netapi/hook/<path>``, and return that tag.

    The path may be empty. Its data are ``body``, ``post`` and ``headers``, as in Salt; ``from`` says who posted it,
    ``hook:anybody`` where the program that passes it on doesn't know.
    """
    tag = f"{HOOK}/{path.strip('/')}".rstrip("/")
    named = {str(name): str(value) for name, value in (headers or {}).items() if str(name).lower() not in CREDENTIALS}
    data = {"body": body[:MAX_HOOK_CHARS], "post": post, "headers": named}
    if anybody and context.caller.kind is not Kind.LOCAL:
        raise NotAuthorised(f"{context.caller} posts in his own name alone")
    origin = ANYBODY if anybody else context.caller.provenance
    context.services.bus.publish(tag, data, origin, len(pack_value(data)))
    return tag


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
    own = f"salt/user/{caller.name if caller.kind is Kind.LOCAL else caller.principal}/"
    if not (tag.startswith(own) or services.policy.sees_all(caller)):
        if tag.startswith("salt/"):
            raise NotAuthorised(f"{caller} fires events below {own} alone: use the tag {own}{tag.rpartition('/')[2]}")
        tag = own + tag
    services.bus.publish(tag, data, caller.provenance, len(pack_value(data)))
    return tag
