"""``/tags/…``: which tagged series there are, and entering them, as in Graphite 1.1."""

from __future__ import annotations

import functools

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from saltern.errors import GraphiteError, http_status
from saltern_graphite.evaluation.deadline import ClientGone
from saltern_graphite.http.answers import Endpoint, both_slashes, error_object, json_answer
from saltern_graphite.http.index_wait import when_filled
from saltern_graphite.http.params import BodyTooLong, BodyTooSlow, Params, read_params
from saltern_graphite.http.restricted.tags import RestrictedTags
from saltern_graphite.http.restricting import restriction_of
from saltern_graphite.tags.index import MAX_LISTED, TagIndex
from saltern_graphite.tags.tagged_name import spelled

COMPLETIONS = 100
"""How many completions are given where the request sets no ``limit``."""
MAX_PATHS = 10_000
"""How many series one request may enter."""


def told_as_json(endpoint: Endpoint) -> Endpoint:
    """*endpoint* with its errors as ``{"error": …}``: 400 for what the client got wrong, 503 for a failing database."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (BodyTooLong, BodyTooSlow, ClientGone):
            raise
        except GraphiteError as error:
            return error_object(http_status(error), str(error))

    return answer


def _post_only(endpoint: Endpoint) -> Endpoint:
    """*endpoint* for POST alone: what it doesn't take must not fall through to ``/tags/<tag>``."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        if request.method != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        return await endpoint(request)

    return answer


class TagsApi:
    """Answers from the tag index. All database work is done in worker threads."""

    def __init__(self, index: TagIndex) -> None:
        self._index = index

    def routes(self) -> list[Route]:
        """Where it answers; a tag may have any name, so ``/tags/<tag>`` comes last."""
        both, read = ["GET", "POST"], ["GET"]
        every = [*both, "PUT", "DELETE", "PATCH"]  # for _post_only, which says what is taken
        return [
            *both_slashes("/tags", self._reading(self.tags), read),
            *both_slashes("/tags/tagSeries", _post_only(told_as_json(self.tag_series)), every),
            *both_slashes("/tags/tagMultiSeries", _post_only(told_as_json(self.tag_multi_series)), every),
            *both_slashes("/tags/delSeries", _post_only(told_as_json(self.delete_series)), every),
            *both_slashes("/tags/findSeries", self._reading(self.find_series), both),
            *both_slashes("/tags/autoComplete/tags", self._reading(self.complete_tags), both),
            *both_slashes("/tags/autoComplete/values", self._reading(self.complete_values), both),
            *both_slashes("/tags/{tag:path}", self._reading(self.tag), read),
        ]

    def _reading(self, endpoint: Endpoint) -> Endpoint:
        return when_filled(lambda: self._index.filling, told_as_json(endpoint))

    async def tag_series(self, request: Request) -> Response:
        """POST ``/tags/tagSeries``: enter the series ``path``; its canonical spelling is the answer."""
        params = await read_params(request)
        if not params.get("path"):
            raise GraphiteError("path is missing: the name of a series such as disk.used;rack=a1")
        name = spelled(params.get("path"))
        await anyio.to_thread.run_sync(self._enter, [name])
        return await json_answer(request, params, lambda: name)

    async def tag_multi_series(self, request: Request) -> Response:
        """POST ``/tags/tagMultiSeries``: enter all series ``path``, or none if one is wrong; the answer is a list."""
        params = await read_params(request)
        names = _paths(params)
        await anyio.to_thread.run_sync(self._enter, names)
        return await json_answer(request, params, lambda: names)

    async def delete_series(self, request: Request) -> Response:
        """POST ``/tags/delSeries``: take all series ``path`` out of the index; ``true``, whether they were in it."""
        params = await read_params(request)
        names = _paths(params)
        await anyio.to_thread.run_sync(self._index.remove, names)
        return await json_answer(request, params, lambda: True)

    async def find_series(self, request: Request) -> Response:
        """``/tags/findSeries``: the series that pass all expressions ``expr``."""
        params = await read_params(request)
        expressions = params.all("expr")
        if not expressions:
            raise GraphiteError("expr is missing: a tag expression such as name=disk.used, or several")
        return await json_answer(request, params, lambda: self._seen(request).find(expressions))

    async def tags(self, request: Request) -> Response:
        """``/tags``: every tag, or those that match ``filter``, the first ``limit`` of them."""
        params = await read_params(request)
        pattern, limit = params.get("filter"), _limit(params)
        return await json_answer(
            request, params, lambda: [{"id": id, "tag": tag} for id, tag in self._seen(request).tags(pattern, limit)]
        )

    async def tag(self, request: Request) -> Response:
        """``/tags/<tag>``: the values of a tag, or those that match ``filter``; ``null`` for an unknown one."""
        params = await read_params(request)
        tag: str = request.path_params["tag"]
        pattern, limit = params.get("filter"), _limit(params)

        def described() -> object:
            try:
                number, values = self._seen(request).values(tag, pattern, limit)
            except LookupError:
                return None
            rows = [{"id": id, "value": value, "count": count} for id, value, count in values]
            return {"id": number, "tag": tag, "values": rows}

        return await json_answer(request, params, described)

    async def complete_tags(self, request: Request) -> Response:
        """``/tags/autoComplete/tags``: tags that begin with ``tagPrefix``, of the series that pass ``expr``."""
        params = await read_params(request)
        expressions, prefix, limit = params.all("expr"), params.get("tagPrefix"), _completions(params)
        index = self._seen(request)
        return await json_answer(request, params, lambda: index.complete_tags(expressions, prefix, limit))

    async def complete_values(self, request: Request) -> Response:
        """``/tags/autoComplete/values``: values of ``tag`` that begin with ``valuePrefix``, of what passes ``expr``."""
        params = await read_params(request)
        tag = params.get("tag")
        if not tag:
            raise GraphiteError("tag is missing: of which tag the values are wanted")
        expressions, prefix, limit = params.all("expr"), params.get("valuePrefix"), _completions(params)
        index = self._seen(request)
        return await json_answer(request, params, lambda: index.complete_values(expressions, tag, prefix, limit))

    def _enter(self, names: list[str]) -> None:
        self._index.add(names, by_hand=True)

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
    limit = params.integer("limit", -1) if params.get("limit") else None
    if limit is not None and limit < 0:
        raise GraphiteError(f"limit must be 0 or more, not {limit}")
    return limit if limit is None else min(limit, MAX_LISTED)


def _completions(params: Params) -> int:
    """How many completions are wanted. 0 stands for all: Grafana sends it where its user set nothing."""
    limit = _limit(params)
    return COMPLETIONS if limit is None else limit or MAX_LISTED
