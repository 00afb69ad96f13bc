"""Which hosts a URL asks for, and in which order.

::

    ?q=web db       every word is in the id; with * or ? in it, it is a glob of the whole id
    &state=crit     of these states, any of them; ``problems``: all but ok
    &group=shop     of this group
    &target=G@os:Debian&type=compound
                    whom a target means, resolved by the master
    &sort=-cpu      by this column, with - from the other end; what isn't known is last either way
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import QueryDict

from saltern_web.fleet import OK, ORDER, RANK, Fleet, Host
from saltern_web.pages.run.target import KINDS

PROBLEMS = "problems"
STATE, ID, SAMPLED, COMPLETENESS, VERSION = "state", "id", "sampled", "completeness", "version"
MAX_CHARS = 4000
MAX_WORDS = 20
_KEYS: Mapping[str, Callable[[Host], Any]] = {
    STATE: lambda host: RANK[host.state],
    ID: lambda host: host.id,
    SAMPLED: lambda host: host.sampled,
    COMPLETENESS: lambda host: host.completeness,
    VERSION: lambda host: host.version or None,
}


class Filter(NamedTuple):
    """What the URL says; nothing of it: every host."""

    q: str = ""
    states: tuple[str, ...] = ()
    group: str = ""
    target: str = ""
    kind: str = "glob"
    sort: str = STATE

    @property
    def column(self) -> str:
        """The column to sort by."""
        return self.sort.removeprefix("-")

    @property
    def reverse(self) -> bool:
        """Whether from the other end."""
        return self.sort.startswith("-")

    def query(self, **changed: str) -> str:
        """Return it as a URL has it, without a page; *changed*: what differs."""
        fields = {
            "q": self.q,
            "state": ",".join(self.states),
            "group": self.group,
            "target": self.target,
            "type": self.kind if self.target else "",
            "sort": self.sort if self.sort != STATE else "",
        }
        return urlencode({name: value for name, value in (fields | changed).items() if value})

    def admits(self, fleet: Fleet) -> list[Host]:
        """Return the hosts that it asks for, but for the target."""
        hosts: Iterable[Host] = fleet.of(self.group) if self.group else fleet.hosts
        if self.states:
            hosts = [host for host in hosts if host.state in self.states]
        for match in map(_match, self.q.split()[:MAX_WORDS]):
            hosts = [host for host in hosts if match(host.id.casefold())]
        return list(hosts)


def filter_of(given: QueryDict, numbers: Iterable[str] = ()) -> Filter:
    """Return what *given* asks for; a word that means nothing is passed over. *numbers*: further columns to sort by."""
    words = [word for one in given.getlist("state") for word in one.split(",")]
    states = [state for state in ORDER if state in words or (PROBLEMS in words and state != OK)]
    kind = given.get("type", "glob")
    sort = given.get("sort", STATE)
    known = {*_KEYS, *numbers}
    return Filter(
        " ".join(given.get("q", "")[:MAX_CHARS].split()),
        tuple(states),
        given.get("group", "")[:MAX_CHARS],
        given.get("target", "").strip()[:MAX_CHARS],
        kind if kind in KINDS else "glob",
        sort if sort.removeprefix("-") in known else STATE,
    )


def ordered(hosts: Iterable[Host], asked: Filter, numbers: Mapping[str, float] | None = None) -> list[Host]:
    """Return *hosts* in the order asked for; *numbers*: what a column that isn't the fleet's says of each id."""

    def value(host: Host) -> Any:
        key = _KEYS.get(asked.column)
        return key(host) if key is not None else (numbers or {}).get(host.id)

    by_id = sorted(hosts, key=lambda host: host.id, reverse=asked.reverse and asked.column == ID)
    if asked.column == ID:
        return by_id
    known = sorted((host for host in by_id if value(host) is not None), key=value, reverse=asked.reverse)
    return known + [host for host in by_id if value(host) is None]


def _match(word: str) -> Callable[[str], bool]:
    folded = word.casefold()
    if "*" in folded or "?" in folded:
        return lambda minion: fnmatch.fnmatchcase(minion, folded)
    return lambda minion: folded in minion
