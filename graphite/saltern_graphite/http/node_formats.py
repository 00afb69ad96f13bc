"""What a find found, in Graphite's formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgpack

from saltern.errors import GraphiteError
from saltern_graphite.index import BRANCH, LEAF, Ends, Matches

_BRANCH = {"allowChildren": 1, "expandable": 1, "leaf": 0}
_LEAF = {"allowChildren": 0, "expandable": 0, "leaf": 1}

Retentions = Callable[[str], Sequence[tuple[int, int]]]


class Described(NamedTuple):
    """A node, and for a metric the epoch seconds from and to which it can have points; None for a branch."""

    path: str
    interval: tuple[float, float] | None


def described(nodes: Matches, retentions: Retentions, now: int) -> list[Described]:
    """*nodes* by path, a branch before the metric of the same name, with how far each metric reaches back."""
    found = [Described(path, None) for path in nodes.branches]
    for path in nodes.leaves:
        reach = max((step * points for step, points in retentions(path)), default=0)
        found.append(Described(path, (float(now - reach), float(now))))
    return sorted(found, key=lambda node: (node.path, node.interval is not None))


def plain(nodes: Sequence[Described]) -> list[dict[str, object]]:
    """``json``."""
    return _listed(nodes, lambda start, end: {"start": start, "end": end})


def as_msgpack(nodes: Sequence[Described]) -> bytes:
    """``msgpack``: as ``json``, but an interval is a pair."""
    listed = _listed(nodes, lambda start, end: (start, end))
    body: bytes = msgpack.packb(listed, use_bin_type=True, unicode_errors="surrogatepass")
    return body


def _listed(nodes: Sequence[Described], written: Callable[[float, float], object]) -> list[dict[str, object]]:
    return [
        {"path": path, "is_leaf": True, "intervals": [written(*interval)]}
        if interval
        else {"path": path, "is_leaf": False}
        for path, interval in nodes
    ]


def tree(ends: Ends, query: str, most: int, leaves_only: bool, wildcards: bool) -> list[dict[str, object]]:
    """``treejson``: one entry per name, branches first; a name that is both shows as the branch alone.

    Grafana reads ``leaf``, ``expandable`` and ``allowChildren`` as integers. ``GraphiteError`` for over *most* names.
    """
    if len(ends.names) > most:
        raise GraphiteError(f"{query[:100]!r} matches {len(ends.names)} names, {most} are allowed: narrow it")
    before = query[: query.rfind(".") + 1]
    names = sorted(ends.names.items())
    if leaves_only:
        names = [(name, LEAF) for name, kind in names if kind & LEAF]
    branches = [name for name, kind in names if kind & BRANCH]
    leaves = [name for name, kind in names if not kind & BRANCH]
    entries: list[dict[str, object]] = []
    if wildcards and ends.leaves + (0 if leaves_only else ends.branches) > 1:
        entries.append({"text": "*", "id": f"{before}*", **(_BRANCH if branches else _LEAF)})
    for some, kind in ((branches, _BRANCH), (leaves, _LEAF)):
        entries += [{"text": unquote_plus(name), "id": before + name, **kind} for name in some]
    return entries


def completing(query: str, *, variants: bool) -> str:
    """The pattern for what *query* may be the beginning of."""
    query = query.replace("..", "*.")
    query = query if query.endswith("*") else f"{query}*"
    if not variants:
        return query
    return ".".join(f"{{{part}}}" if "," in part and "{" not in part else part for part in query.split("."))


def completions(nodes: Matches, *, wildcards: bool) -> list[dict[str, str]]:
    """``completer``: what an input field can be completed to, by name."""
    found = [(path.rpartition(".")[2], f"{path}.", "0") for path in nodes.branches]
    found += [(path.rpartition(".")[2], path, "1") for path in nodes.leaves]
    entries = [{"path": path, "name": name, "is_leaf": is_leaf} for name, path, is_leaf in sorted(found)]
    if wildcards and len(entries) > 1:
        entries.append({"name": "*"})
    return entries


def names_at(nodes: Matches, position: int) -> list[str]:
    """``nodelist``: the different path elements at *position*; paths that are too short have none."""
    split = (path.split(".") for path in chain.from_iterable(nodes))
    return sorted({elements[position] for elements in split if -len(elements) <= position < len(elements)})
