"""``saltern-run state.event``: events of the master's bus, a line each, as they come."""

from __future__ import annotations

import fnmatch
import sys
from typing import Any

from saltern.errors import ArgumentError
from saltern.event import MasterEvent
from saltern.local import Access
from saltern.output import render
from saltern.output.json_form import one_line
from saltern.visible import visible

FUNCTION = "state.event"
ALIAS = "event.watch"
"""What it does, by name."""
DOC = """Show events as they come, until Ctrl-C: ``saltern-run state.event 'salt/job/*' pretty=True``

A line is the tag, a tab, and the data as JSON. *tagmatch*: a glob, ``*`` by default. *count*: end after so many.
*pretty*: the data over several lines, its keys sorted. *quiet*: print nothing, for *count* alone."""


def show_events(access: Access, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Print events, until there were enough or Ctrl-C. Raises ``ArgumentError``, ``ChannelError``."""
    try:
        tagmatch, count, quiet, pretty = _bound(*args, **kwargs)
    except TypeError as error:
        raise ArgumentError(
            f"{FUNCTION} was called wrongly: {str(error).partition('() ')[2]}: it is "
            f"{FUNCTION}(tagmatch='*', count=-1, quiet=False, pretty=False)"
        ) from None
    events = MasterEvent(access)
    try:
        for event in events.iter_events(tag=_prefix(tagmatch), full=True):
            if not fnmatch.fnmatchcase(event["tag"], tagmatch):
                continue
            if not quiet:
                data = render(_sorted(event["data"]), "json") if pretty else one_line(event["data"])
                print(f"{visible(event['tag'])}\t{data}", flush=True)
            count -= 1
            if not count:
                break
    except KeyboardInterrupt:
        print(file=sys.stderr)  # after the terminal's ^C
    finally:
        events.close()


def _bound(
    tagmatch: object = "*", count: object = -1, quiet: object = False, pretty: object = False
) -> tuple[str, int, bool, bool]:
    if not isinstance(tagmatch, str):
        raise ArgumentError(f"tagmatch must be a glob on tags, as in 'salt/job/*', not {tagmatch!r}")
    if isinstance(count, bool) or not isinstance(count, int) or count == 0:
        raise ArgumentError(f"count must be a number of events, or -1 for no end, not {count!r}")
    for name, value in (("quiet", quiet), ("pretty", pretty)):
        if not isinstance(value, bool):
            raise ArgumentError(f"{name} must be True or False, not {value!r}")
    return tagmatch, count, bool(quiet), bool(pretty)


def _sorted(value: Any) -> Any:
    """Return *value* with the keys of all its maps sorted."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=str)}
    return [_sorted(member) for member in value] if isinstance(value, list) else value


def _prefix(tagmatch: str) -> str:
    """Return what every tag that the glob means begins with."""
    for at, sign in enumerate(tagmatch):
        if sign in "*?[":
            return tagmatch[:at]
    return tagmatch
