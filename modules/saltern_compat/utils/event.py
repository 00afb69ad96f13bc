"""``salt.utils.event``: events. On the master's host its bus, for a minion's modules what they fire."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from saltern.errors import CommandError
from saltern_compat._caller import dunder, function

TAGEND, TAGPARTER = "\n\n", "/"
SALT = "salt"
TAGS = {
    "auth": "salt/auth",
    "job": "salt/job",
    "key": "salt/key",
    "minion": "salt/minion",
    "presence": "salt/presence",
    "run": "salt/run",
    "wheel": "salt/wheel",
}


def tagify(suffix: Any = "", prefix: str = "", base: str = SALT) -> str:
    """Return a tag: *base*, or what *prefix* names, and *suffix*, parts of it in a list."""
    parts = [base, TAGS.get(prefix, prefix).removeprefix(f"{SALT}/")]
    parts += [str(part) for part in suffix] if isinstance(suffix, (list, tuple)) else [str(suffix)]
    return TAGPARTER.join(part for part in parts if part)


class MinionEvent:
    """What a minion's module fires events by; the master's bus has them then."""

    def __init__(self, opts: Any = None, **kwargs: Any) -> None:
        self.opts = opts

    def fire_master(self, data: Any, tag: str, *args: Any, **kwargs: Any) -> bool:
        """Send an event to the master."""
        return bool(function("event.send")(tag, data))

    fire_event = fire_master

    def get_event(self, *args: Any, **kwargs: Any) -> Any:
        """Raise ``CommandError``: a minion hears no events."""
        raise CommandError("salt.utils.event: an agent has no bus to listen to; the master's host has")

    iter_events = get_event

    def __enter__(self) -> MinionEvent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.destroy()

    def destroy(self) -> None:
        """Do nothing: it holds nothing."""


def get_event(
    node: str,
    sock_dir: str | None = None,
    transport: str | None = None,
    opts: Any = None,
    listen: bool = True,
    **kw: Any,
) -> Any:
    """Return the bus: of the master for ``master`` on its host, else what a minion fires by."""
    if node == "master" and dunder("__opts__", {}).get("__role") != "minion":
        return get_master_event(opts, sock_dir, listen)
    return MinionEvent(opts)


def get_master_event(opts: Any, sock_dir: str | None, listen: bool = True, **kwargs: Any) -> Any:
    """Return the master's bus, on its host."""
    from saltern.event import get_event as of_master

    where = sock_dir or (opts.get("sock_dir") if isinstance(opts, Mapping) else None)
    return of_master("master", sock_dir=where, listen=listen)
