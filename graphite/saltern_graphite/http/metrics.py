"""``/metrics/…``: which metrics there are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from saltern.errors import GraphiteError
from saltern_graphite.http.answers import json_answer
from saltern_graphite.http.params import read_params
from saltern_graphite.index import Node
from saltern_graphite.store_view import StoreView

_BRANCH = {"allowChildren": 1, "expandable": 1, "leaf": 0}
_LEAF = {"allowChildren": 0, "expandable": 0, "leaf": 1}
FIND_FORMATS = ("treejson", "completer", "json", "nodelist")
MAX_NODES = 200_000
"""How many matches one answer may hold; ``/metrics/index.json`` has them all."""


class MetricsApi:
    """Finding metrics by pattern. Everything is answered from the index; no file is touched."""

    def __init__(self, store: StoreView) -> None:
        self._store = store

    async def find(self, request: Request) -> Response:
        """``/metrics/find``: the nodes right where the query points, in one of :data:`FIND_FORMATS`."""
        params = await read_params(request)
        style = params.get("format") or "treejson"
        if style not in FIND_FORMATS:
            raise GraphiteError(f"format {style[:100]!r} is not available: use one of {', '.join(FIND_FORMATS)}")
        query = _query(params.get("query"))
        if not query:
            raise GraphiteError("query is missing: give a pattern such as servers.*")
        zone = params.zone()
        now = params.time("now", "now", zone, int(time.time()))
        for name in ("from", "until"):
            if params.get(name, "-1") != "-1":
                params.time(name, "now", zone, now)
        position = params.integer("position", -1)
        leaves_only, wildcards = bool(params.integer("leavesOnly")), bool(params.integer("wildcards"))
        if style == "completer":
            query = _completing(query, variants=bool(params.integer("automatic_variants")))

        def content() -> object:
            nodes = self._nodes(query, leaves_only=leaves_only)
            if style == "treejson":
                return tree(nodes, query, wildcards=wildcards)
            if style == "completer":
                return {"metrics": completions(nodes, wildcards=wildcards)}
            if style == "nodelist":
                return {"nodes": names_at(nodes, position)}
            return [self._described(node, now) for node in nodes]

        return await json_answer(request, params, content)

    async def expand(self, request: Request) -> Response:
        """``/metrics/expand``: full paths, merged and sorted, or by query with ``groupByExpr``."""
        params = await read_params(request)
        queries = params.all("query")
        leaves_only, by_query = bool(params.integer("leavesOnly")), bool(params.integer("groupByExpr"))

        def content() -> object:
            found = {
                query: sorted({node.path for node in self._nodes(_query(query), leaves_only=leaves_only)})
                for query in queries
            }
            return {"results": found if by_query else sorted({path for paths in found.values() for path in paths})}

        return await json_answer(request, params, content)

    async def index(self, request: Request) -> Response:
        """``/metrics/index.json``: every metric."""
        return await json_answer(request, await read_params(request), self._store.index.names)

    def _nodes(self, query: str, *, leaves_only: bool) -> list[Node]:
        nodes = [node for node in self._store.index.find(query) if node.is_leaf or not leaves_only]
        if len(nodes) > MAX_NODES:
            raise GraphiteError(f"{query[:100]!r} matches {len(nodes)} nodes, {MAX_NODES} are allowed: narrow it")
        return nodes

    def _described(self, node: Node, now: int) -> dict[str, object]:
        description: dict[str, object] = {"path": node.path, "is_leaf": node.is_leaf}
        if node.is_leaf:
            reach = max((step * points for step, points in self._store.retentions(node.path)), default=0)
            description["intervals"] = [{"start": now - reach, "end": now}]
        return description


def _query(text: str) -> str:
    """The pattern as it was meant: Grafana's editor sends it unencoded, so that ``+`` arrives as a blank.

    No metric has a blank in its name.
    """
    return text.strip().replace(" ", "+")


def _completing(query: str, *, variants: bool) -> str:
    query = query.replace("..", "*.")
    query = query if query.endswith("*") else f"{query}*"
    if not variants:
        return query
    return ".".join(f"{{{part}}}" if "," in part and "{" not in part else part for part in query.split("."))


def tree(nodes: Sequence[Node], query: str, *, wildcards: bool) -> list[dict[str, object]]:
    """``treejson``: one entry per name, branches first; a name that is both shows as the branch alone.

    Grafana reads ``leaf``, ``expandable`` and ``allowChildren`` as integers.
    """
    before = query[: query.rfind(".") + 1]
    names: dict[str, bool] = {}
    for node in nodes:
        names[node.name] = names.get(node.name, True) and node.is_leaf
    entries: list[dict[str, object]] = []
    if wildcards and len(nodes) > 1:
        entries.append({"text": "*", "id": f"{before}*", **(_LEAF if all(names.values()) else _BRANCH)})
    for name, is_leaf in sorted(names.items(), key=lambda item: (item[1], item[0])):
        entries.append({"text": unquote_plus(name), "id": before + name, **(_LEAF if is_leaf else _BRANCH)})
    return entries


def completions(nodes: Sequence[Node], *, wildcards: bool) -> list[dict[str, str]]:
    """``completer``: what an input field can be completed to."""
    entries = [
        {
            "path": node.path if node.is_leaf else f"{node.path}.",
            "name": node.name,
            "is_leaf": str(int(node.is_leaf)),
        }
        for node in sorted(nodes, key=lambda node: node.name)
    ]
    if wildcards and len(entries) > 1:
        entries.append({"name": "*"})
    return entries


def names_at(nodes: Sequence[Node], position: int) -> list[str]:
    """``nodelist``: the different path elements at *position*; paths that are too short have none."""
    found = set()
    for node in nodes:
        elements = node.path.split(".")
        if -len(elements) <= position < len(elements):
            found.add(elements[position])
    return sorted(found)
