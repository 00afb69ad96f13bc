"""``/tags/…``: which tagged series there are, and entering them, as in Graphite 1.1."""

from __future__ import annotations

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from saltern.errors import GraphiteError
from saltern_graphite.http.answers import Endpoint, as_json, both_slashes, error_object, when_filled
from saltern_graphite.http.params import Params
from saltern_graphite.http.restricted.tags import RestrictedTags
from saltern_graphite.http.restricting import restriction_of
from saltern_graphite.tags.index import MAX_LISTED, TagIndex
from saltern_graphite.tags.tagged_name import spelled

COMPLETIONS = 100
"""How many completions are given where the request sets no ``limit``."""
MAX_PATHS = 10_000
"""How many series one request may enter."""
POSTED = ("tagSeries", "tagMultiSeries", "delSeries")
"""What changes something, below ``/tags/``: no tags, whoever reads them."""


class TagsApi:
    """Answers from the tag index, in worker threads."""

    def __init__(self, index: TagIndex) -> None:
        self._index = index

    def routes(self) -> list[Route]:
        """Where it answers; a tag may have any name, so ``/tags/<tag>`` comes last."""
        both, read, change = ["GET", "POST"], ["GET"], ["POST"]
        routes = [
            ("", self._reading(self.tags), read),
            ("/tagSeries", as_json(self.tag_series), change),
            ("/tagMultiSeries", as_json(self.tag_multi_series), change),
            ("/delSeries", as_json(self.delete_series), change),
            ("/findSeries", self._reading(self.find_series), both),
            ("/autoComplete/tags", self._reading(self.complete_tags), both),
            ("/autoComplete/values", self._reading(self.complete_values), both),
            ("/{tag:path}", self._reading(self.tag), read),
        ]
        return [
            route
            for path, endpoint, methods in routes
            for route in both_slashes(f"/tags{path}", endpoint, methods, error_object)
        ]

    def _reading(self, make: Callable[[Request, Params], object]) -> Endpoint:
        return when_filled(lambda: self._index.filling, as_json(make))

    def tag_series(self, request: Request, params: Params) -> object:
        """POST ``/tags/tagSeries``: enter the series ``path``; its canonical spelling is the answer."""
        if not params.text("path"):
            raise GraphiteError("path is missing: the name of a series such as disk.used;rack=a1")
        name = spelled(params.text("path"))
        self._index.add([name], by_hand=True)
        return name

    def tag_multi_series(self, request: Request, params: Params) -> object:
        """POST ``/tags/tagMultiSeries``: enter all series ``path``, or none if one is wrong; the answer is a list."""
        names = _paths(params)
        self._index.add(names, by_hand=True)
        return names

    def delete_series(self, request: Request, params: Params) -> object:
        """POST ``/tags/delSeries``: take all series ``path`` out of the index; ``true``, whether they were in it."""
        self._index.remove(_paths(params))
        return True

    def find_series(self, request: Request, params: Params) -> object:
        """``/tags/findSeries``: the series that pass all expressions ``expr``."""
        expressions = params.all("expr")
        if not expressions:
            raise GraphiteError("expr is missing: a tag expression such as name=disk.used, or several")
        return self._seen(request).find(expressions)

    def tags(self, request: Request, params: Params) -> object:
        """``/tags``: every tag, or those that match ``filter``, the first ``limit`` of them."""
        found = self._seen(request).tags(params.text("filter"), _limit(params))
        return [{"id": id, "tag": tag} for id, tag in found]

    def tag(self, request: Request, params: Params) -> object:
        """``/tags/<tag>``: the values of a tag, or those that match ``filter``; ``null`` for an unknown one."""
        tag: str = request.path_params["tag"]
        if tag.removesuffix("/") in POSTED:  # what they don't take falls through to here
            raise HTTPException(405, headers={"Allow": "POST"})
        try:
            number, values = self._seen(request).values(tag, params.text("filter"), _limit(params))
        except LookupError:
            return None
        rows = [{"id": id, "value": value, "count": count} for id, value, count in values]
        return {"id": number, "tag": tag, "values": rows}

    def complete_tags(self, request: Request, params: Params) -> object:
        """``/tags/autoComplete/tags``: tags that begin with ``tagPrefix``, of the series that pass ``expr``."""
        return self._seen(request).complete_tags(params.all("expr"), params.text("tagPrefix"), _completions(params))

    def complete_values(self, request: Request, params: Params) -> object:
        """``/tags/autoComplete/values``: values of ``tag`` that begin with ``valuePrefix``, of what passes ``expr``."""
        tag = params.text("tag")
        if not tag:
            raise GraphiteError("tag is missing: of which tag the values are wanted")
        prefix, limit = params.text("valuePrefix"), _completions(params)
        return self._seen(request).complete_values(params.all("expr"), tag, prefix, limit)

    def _seen(self, request: Request) -> TagIndex | RestrictedTags:
        """Return what *request* sees of the index."""
        restriction = restriction_of(request)
        return self._index if restriction is None else RestrictedTags(self._index, restriction.prefixes)


def _paths(params: Params) -> list[str]:
    paths = params.all("path")
    if not paths:
        raise GraphiteError("path is missing: the name of a series such as disk.used;rack=a1, or several")
    if len(paths) > MAX_PATHS:
        raise GraphiteError(f"{len(paths)} paths in one request: {MAX_PATHS} are allowed")
    return [spelled(path) for path in paths]


def _limit(params: Params) -> int | None:
    """The parameter ``limit``, None without one."""
    limit = params.integer("limit", -1) if params.text("limit") else None
    if limit is not None and limit < 0:
        raise GraphiteError(f"limit must be 0 or more, not {limit}")
    return limit if limit is None else min(limit, MAX_LISTED)


def _completions(params: Params) -> int:
    """How many completions are wanted. 0 stands for all: Grafana sends it where its user set nothing."""
    limit = _limit(params)
    return COMPLETIONS if limit is None else limit or MAX_LISTED
