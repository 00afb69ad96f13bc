"""How the HTTP API behaves: one record, filled by the command line or by another program."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import tzinfo

from saltern.http.idle import REQUEST_WITHIN_S
from saltern_graphite.evaluation.evaluator import Limits
from saltern_graphite.evaluation.times import UTC

UNCHANGED_S = 1.0
"""How old an answer given again may be while nothing came in since it was made."""
CACHE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How the API behaves.

    ``stored_method``: where a target doesn't say how to consolidate, a metric's own aggregation method does;
    False averages always, as Graphite.
    """

    limits: Limits = field(default_factory=Limits)
    zone: tzinfo = UTC
    """In which times are read, and written as text, where a request names none."""
    render_threads: int = 4
    stored_method: bool = True
    cache_s: float | None = None
    """For how long an answer of ``/render`` may be given again, where the request doesn't say; 0: never.

    ``None``: for :data:`UNCHANGED_S`, but not once a point, an event or a tagged series came in.
    """
    cache_bytes: int = CACHE_BYTES
    hosts: tuple[str, ...] = ()
    """Names to answer under besides this machine's own and that of the address; ``*``: any."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may read answers, such as ``https://grafana.example.org``; ``*``: all.

    Pages of those that are named may also change what can be changed.
    """
    auth_file: str | None = None
    """Who may ask: see :mod:`saltern_graphite.http.credentials`. ``None``: everyone."""
    open_paths: tuple[str, ...] = ()
    """Paths that need no credentials all the same: ``/health``, ``/metrics``."""
    request_within_s: float = REQUEST_WITHIN_S
    """For how long a connection may be there without a request."""
    access_log: str | None = None
    """A file for one line per request, or ``-`` for standard output."""
