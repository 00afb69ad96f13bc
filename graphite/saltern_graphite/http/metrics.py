"""``/metrics/…``: which metrics there are."""

from __future__ import annotations

import time
from itertools import chain, islice

from starlette.requests import Request

from saltern.errors import GraphiteError
from saltern_graphite.http.answers import NO_CACHE, packed
from saltern_graphite.http.name_stream import streamed_names
from saltern_graphite.http.node_formats import (
    as_msgpack,
    completing,
    completions,
    described,
    names_at,
    plain,
    tree,
)
from saltern_graphite.http.node_pickle import as_pickle
from saltern_graphite.http.params import Params
from saltern_graphite.http.restricted.prefixes import RestrictedNames
from saltern_graphite.http.restricting import restriction_of
from saltern_graphite.index import Matches, Names
from saltern_graphite.store.view import StoreView

FIND_FORMATS = ("treejson", "completer", "json", "nodelist", "pickle", "msgpack")
MAX_NODES = 200_000
"""How many matches one answer may hold; ``/metrics/index.json`` has them all."""
MAX_PAGE = 1_000_000


class MetricsApi:
    """Finding metrics by pattern. Everything is answered from the index; no file is touched."""

    def __init__(self, store: StoreView) -> None:
        self._store = store

    def find(self, request: Request, params: Params) -> object:
        """``/metrics/find``: the nodes right where the query points, in one of :data:`FIND_FORMATS`.

        ``from`` and ``until`` are checked and change nothing: as in Graphite, a metric is found whatever its points'
        times are.
        """
        style = params.text("format") or "treejson"
        if style not in FIND_FORMATS:
            raise GraphiteError(f"format {style[:100]!r} is not available: use one of {', '.join(FIND_FORMATS)}")
        query = _query(params.text("query"))
        if not query:
            raise GraphiteError("query is missing: give a pattern such as servers.*")
        zone = params.zone()
        now = params.time("now", "now", zone, int(time.time()))
        for name in ("from", "until"):
            if params.text(name, "-1") != "-1":
                params.time(name, "now", zone, now)
        leaves_only, wildcards = bool(params.integer("leavesOnly")), bool(params.integer("wildcards"))
        position = params.integer("position", -1)
        index = self._names(request)
        variants = bool(params.integer("automatic_variants"))
        if style == "treejson":
            return tree(index.ends(query), query, MAX_NODES, leaves_only, wildcards)
        if style == "completer":
            nodes = _nodes(index, completing(query, variants=variants), leaves_only)
            return {"metrics": completions(nodes, wildcards=wildcards)}
        nodes = _nodes(index, query, leaves_only)
        if style == "nodelist":
            return {"nodes": names_at(nodes, position)}
        found = described(nodes, self._store.retentions, now)
        if style == "json":
            return plain(found)
        body = as_pickle(found) if style == "pickle" else as_msgpack(found)
        return packed(request, body, "application/pickle" if style == "pickle" else "application/x-msgpack", NO_CACHE)

    def expand(self, request: Request, params: Params) -> object:
        """``/metrics/expand``: full paths, merged and sorted, or by query with ``groupByExpr``."""
        queries, index = params.all("query"), self._names(request)
        leaves_only, by_query = bool(params.integer("leavesOnly")), bool(params.integer("groupByExpr"))
        found: dict[str, list[str]] = {}
        count = 0
        for query in queries:
            nodes = _nodes(index, _query(query), leaves_only)
            found[query] = sorted({*nodes.branches, *nodes.leaves}) if nodes.branches else nodes.leaves
            count += len(found[query])
            _check(count, "the queries together match")
        if by_query:
            return {"results": found}
        if len(found) == 1:
            return {"results": found.popitem()[1]}
        return {"results": sorted(set(chain.from_iterable(found.values())))}

    def index(self, request: Request, params: Params) -> object:
        """``/metrics/index.json``: every metric, sorted.

        With ``limit=n`` at most so many, and with ``after=name`` those behind that name: the last of one page asks
        for the next, until a page is shorter than its limit.
        """
        after, limit = params.text("after"), params.integer("limit")
        if not 0 <= limit <= MAX_PAGE:
            raise GraphiteError(f"limit must be from 0 (all) to {MAX_PAGE}, not {limit}")
        names = self._names(request).walk(after)
        if not limit:
            return streamed_names(request, params, names)
        return list(islice(chain.from_iterable(names), limit))

    def _names(self, request: Request) -> Names:
        """Return the names that *request* sees."""
        restriction = restriction_of(request)
        return self._store.index if restriction is None else RestrictedNames(self._store.index, restriction.prefixes)


def _nodes(index: Names, query: str, leaves_only: bool) -> Matches:
    """What *query* matches. ``GraphiteError`` if it is too much, before any of it is gathered."""
    ends = index.ends(query)
    _check(ends.leaves + (0 if leaves_only else ends.branches), f"{query[:100]!r} matches")
    branches, leaves = index.match(query)
    return Matches([] if leaves_only else branches, leaves)


def _check(count: int, what: str) -> None:
    if count > MAX_NODES:
        raise GraphiteError(f"{what} {count} nodes, {MAX_NODES} are allowed: narrow it")


def _query(text: str) -> str:
    """The pattern as it was meant: Grafana's editor sends it unencoded, so that ``+`` arrives as a blank.

    No metric has a blank in its name.
    """
    return text.strip().replace(" ", "+")
