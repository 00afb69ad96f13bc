"""``/render``: targets in, numbers out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from saltern.errors import GraphiteError, StoreError, TargetSyntaxError
from saltern.http.logged import tell
from saltern_graphite.evaluation.deadline import ClientGone, Deadline, TookTooLong
from saltern_graphite.evaluation.evaluator import Evaluator
from saltern_graphite.evaluation.source import SeriesSource
from saltern_graphite.evaluation.target.nodes import Expression
from saltern_graphite.evaluation.target.parser import parse
from saltern_graphite.functions import Library
from saltern_graphite.http.answer_cache import AnswerCache, Rendered
from saltern_graphite.http.answers import compressed, takes_gzip
from saltern_graphite.http.params import Params, read_params
from saltern_graphite.http.partial import BadTarget, partial_body
from saltern_graphite.http.render_request import RenderRequest, read_request
from saltern_graphite.http.restricting import Restriction, restriction_of
from saltern_graphite.http.settings import UNCHANGED_S, HttpSettings
from saltern_graphite.http.workers import Workers
from saltern_graphite.render.formats import FORMATS, Answer
from saltern_graphite.render.formats.base import answer
from saltern_graphite.render.formats.chart import PACKED, given_slice
from saltern_graphite.series.series import Series

_NOT_ASKED = {"target", "target[]", "cacheTimeout", "noCache", "_salt", "_"}
"""Parameters that change nothing in the answer, and the targets, which are looked at by themselves."""

_GIVEN_UP = {TookTooLong: "requestsTimedOut", ClientGone: "requestsCancelled"}
_NOTED_CHARS = 1000  # of a target, beside the traceback in the log
_TAGGED_MOST_BYTES = 4 << 20
"""Larger bodies get no ETag: to hash 32 MB takes a tenth of the time that making them does."""


class Renderer:
    """Answers ``/render``. Evaluation runs in threads; others wait their turn.

    *source* returns where the series of a request come from that is restricted so, or to nothing. *count* is told what
    happened: ``requestCacheHits``, ``requestsTimedOut``, …; *state* is another one when anything that answers are made
    of has changed.
    """

    def __init__(
        self,
        source: Callable[[Restriction | None], SeriesSource],
        library: Library,
        settings: HttpSettings,
        count: Callable[[str], None] = lambda name: None,
        state: Callable[[], Hashable] = lambda: None,
    ) -> None:
        self._source = source
        self._library = library
        self._settings = settings
        self._cache = AnswerCache(settings.cache_bytes)
        self._workers = Workers(settings.render_threads)
        self._count = count
        self._state = state

    async def answer(self, request: Request) -> Response:
        """``/render``."""
        deadline = Deadline(self._settings.limits.seconds)
        params = await read_params(request)
        wanted = read_request(params, self._settings.limits)
        zipped = takes_gzip(request)
        age_s = self._settings.cache_s if wanted.cache_s is None else wanted.cache_s
        state = None
        if age_s is None:  # nobody said that an answer may be older than what is in the store
            age_s, state = UNCHANGED_S, self._state()
        restriction = restriction_of(request)
        key = (state, restriction and restriction.digest, _cache_key(wanted, params, zipped))
        rendered = self._cache.get(key, age_s)
        if age_s > 0:
            self._count("requestCacheMisses" if rendered is None else "requestCacheHits")
        tell(request.scope, cache="miss" if rendered is None else "hit", targets=len(wanted.targets))
        if rendered is None:
            source, tagged = self._source(restriction), request.method != "POST"
            work = partial(self._render, wanted, deadline, source, zipped=zipped, tagged=tagged)
            try:
                rendered = await self._workers.run(request, deadline, work)
            except (TookTooLong, ClientGone) as error:
                self._count(_GIVEN_UP[type(error)])
                raise
            if rendered.complete:
                self._cache.put(key, rendered, age_s)
        tell(request.scope, series=rendered.series, points=rendered.points)
        return _response(request, rendered, wanted.cache_s or 0)

    def _render(
        self, wanted: RenderRequest, deadline: Deadline, source: SeriesSource, *, zipped: bool, tagged: bool
    ) -> Rendered:
        """Evaluate and write out; *tagged* answers get an ETag, so that they can be asked for again."""
        series, failures = self.evaluate(wanted, deadline, source)
        points = sum(len(one.values) for one in series)
        deadline.check()
        body, media_type = _written(wanted, series, failures)
        deadline.check()
        tagged = tagged and len(body) <= _TAGGED_MOST_BYTES
        etag = f'W/"{hashlib.blake2b(body, digest_size=16).hexdigest()}"' if tagged else None
        smaller = compressed(body) if zipped and media_type not in PACKED else None
        encoding = "" if smaller is None else "gzip"
        return Rendered(
            body if smaller is None else smaller, media_type, encoding, etag, len(series), points, not failures
        )

    def evaluate(
        self, wanted: RenderRequest, deadline: Deadline, source: SeriesSource
    ) -> tuple[list[Series], list[BadTarget]]:
        """The series of all targets, in order, from *source*, and of a partial request what failed.

        Otherwise a failure is a ``GraphiteError`` that names its target and column.
        """
        evaluator = Evaluator(
            source, self._library, self._settings.limits, stored_method=self._settings.stored_method, deadline=deadline
        )
        context = evaluator.context(
            wanted.start,
            wanted.end,
            wanted.now,
            wanted.options.zone,
            x_files_factor=wanted.x_files_factor,
            template=wanted.template,
        )
        series: list[Series] = []
        failures: list[BadTarget] = []
        pie = wanted.options.chart.get("graphType") == "pie"
        for number, target in enumerate(wanted.targets, start=1):
            try:
                given = given_slice(target, wanted.start, wanted.end) if pie else None
                series += [given] if given else evaluator.evaluate(self._parsed(target), context)
            except (TookTooLong, ClientGone, StoreError):
                raise
            except GraphiteError as error:
                failure = BadTarget.of(number, error)
                if not wanted.partial:
                    raise GraphiteError(str(failure)) from None
                failures.append(failure)
            except Exception as error:  # ours
                error.add_note(f"in target {number}: {target[:_NOTED_CHARS]!r}")
                raise
        return series, failures

    def _parsed(self, target: str) -> Expression:
        most = self._settings.limits.target_chars
        if len(target) > most:
            raise TargetSyntaxError(f"{len(target)} characters: {most} are allowed")
        return parse(target, self._settings.limits.depth)


def _written(wanted: RenderRequest, series: list[Series], failures: list[BadTarget]) -> Answer:
    write = FORMATS[wanted.format]
    if not wanted.partial:
        return write(series, wanted.options)
    body, _ = write(series, replace(wanted.options, jsonp=None))
    return answer(partial_body(body, failures), wanted.options)


def _cache_key(wanted: RenderRequest, params: Params, zipped: bool) -> Hashable:
    """What makes two requests the same: all that was asked, times as they were written, whatever the order."""
    others = {name: value for name, value in params.items() if name not in _NOT_ASKED}
    return zipped, tuple(wanted.targets), tuple(sorted(others.items()))


def _response(request: Request, rendered: Rendered, client_cache_s: int) -> Response:
    headers = {
        "Content-Type": rendered.media_type,
        "Cache-Control": f"max-age={client_cache_s}" if client_cache_s > 0 else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if rendered.encoding:
        headers["Content-Encoding"] = rendered.encoding
    if rendered.etag is not None:
        headers["ETag"] = rendered.etag
        if _has(request.headers.get("if-none-match", ""), rendered.etag):
            return Response(
                status_code=304, headers={name: headers[name] for name in ("Cache-Control", "ETag", "Vary")}
            )
    return Response(rendered.body, headers=headers)


def _has(known: str, etag: str) -> bool:
    """Whether the client's ``If-None-Match`` says that it has *etag*; weak and strong are the same here."""
    wanted = etag.removeprefix("W/")
    return any(one.strip().removeprefix("W/") in ("*", wanted) for one in known.split(","))
