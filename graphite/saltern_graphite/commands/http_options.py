"""The part of ``serve``'s command line that says how HTTP behaves."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import re
import struct
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from saltern.http.hosts import ANY
from saltern_graphite.commands.argument_types import positive, seconds, whole
from saltern_graphite.evaluation.evaluator import Limits
from saltern_graphite.evaluation.times import UTC
from saltern_graphite.http.authentication import OPEN_PATHS
from saltern_graphite.http.params import zone_of
from saltern_graphite.http.settings import CACHE_BYTES, UNCHANGED_S, HttpSettings

log = logging.getLogger(__name__)

_LIMITS = Limits()
_NO_CHANGES = struct.pack(">4sc15x6L6xx", b"TZif", b"2", 0, 0, 0, 0, 1, 1)
"""Header and data of a file of zones that leaves everything to the rule at its end (RFC 8536 has both twice)."""
_DEFAULT_CHANGES = ",M3.2.0,M11.1.0"
"""When clocks change by a rule that doesn't say: as for the C library."""
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")


def add_http_options(serve: argparse.ArgumentParser) -> None:
    """Add the options that :func:`http_settings` reads."""
    http = serve.add_argument_group("HTTP", "docs/http.md tells more of these")
    http.add_argument("--tz", metavar="ZONE", type=zone, default=None,
                      help="the time zone of requests that name none, such as Europe/Berlin (default: that of the "
                      "variable TZ, else UTC)")  # fmt: skip
    http.add_argument("--max-series", metavar="N", type=positive, default=_LIMITS.series,
                      help="series that one request may read (default: %(default)s)")  # fmt: skip
    http.add_argument("--max-points", metavar="N", type=positive, default=_LIMITS.points,
                      help="points that one request may read or make (default: %(default)s)")  # fmt: skip
    http.add_argument("--max-time", metavar="SECONDS", type=_time, default=_LIMITS.seconds,
                      help="how long one request may take (default: %(default)s)")  # fmt: skip
    http.add_argument("--consolidate", choices=("stored", "average"), default="stored",
                      help="how points become fewer where a target doesn't say: by the method of a metric's file, so "
                      "that sums stay sums, or always by the average, as Graphite (default: %(default)s)")  # fmt: skip
    http.add_argument("--cache-seconds", metavar="SECONDS", type=seconds, default=None,
                      help="how old an answer given again may be; 0: none is (default: "
                      f"{UNCHANGED_S:g}, and only while nothing has come in since)")  # fmt: skip
    http.add_argument("--cache-bytes", metavar="N", type=whole, default=CACHE_BYTES,
                      help="memory for such answers (default: %(default)s)")  # fmt: skip
    http.add_argument("--http-host", metavar="NAME", type=host_name, action="append", default=[],
                      help="a name that clients know this server by, such as graphite.example.org, or * for any; "
                      "addresses, localhost and this machine's names are known; may be given often")  # fmt: skip
    http.add_argument("--cors-origin", metavar="ORIGIN", type=origin, action="append", default=[],
                      help="whose pages may read answers, and write events and tags, such as "
                      "https://grafana.example.org, or * for reading alone; may be given several times")  # fmt: skip
    http.add_argument("--auth-file", metavar="FILE",
                      help="who may ask: lines as saltern-graphite passwd makes them (default: everyone)")  # fmt: skip
    http.add_argument("--auth-open", metavar="PATH", choices=OPEN_PATHS, action="append", default=[],
                      help="what needs no credentials all the same: %(choices)s; may be given twice")  # fmt: skip
    http.add_argument("--access-log", metavar="FILE",
                      help="one JSON object per request, or - for standard output (default: none)")  # fmt: skip


def http_settings(arguments: argparse.Namespace) -> HttpSettings:
    """Return what the command line says."""
    return HttpSettings(
        limits=Limits(series=arguments.max_series, points=arguments.max_points, seconds=arguments.max_time),
        zone=arguments.tz or _zone_of_environment(),
        stored_method=arguments.consolidate == "stored",
        cache_s=arguments.cache_seconds,
        cache_bytes=arguments.cache_bytes,
        hosts=tuple(arguments.http_host),
        cors_origins=tuple(arguments.cors_origin),
        auth_file=arguments.auth_file,
        open_paths=tuple(arguments.auth_open),
        access_log=arguments.access_log,
    )


def zone(text: str) -> ZoneInfo:
    """Return a time zone; for argparse."""
    found = zone_of(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone such as Europe/Berlin or UTC")
    return found


def _zone_of_environment() -> ZoneInfo:
    """Return what ``TZ`` says: a zone, the file of one or a rule, with or without the colon of POSIX before it."""
    text = os.environ.get("TZ", "")
    name = text.removeprefix(":")
    found = zone_of(name.rpartition("/zoneinfo/")[2]) or _zone_in_file(name) or _zone_by_rule(name)
    if text and found is None:
        log.warning("TZ is %r, which is no time zone that is known here: times are read in UTC", text)
    return found or UTC


def _zone_in_file(path: str) -> ZoneInfo | None:
    if not os.path.isabs(path):
        return None
    try:
        with open(path, "rb") as file:
            return ZoneInfo.from_file(file, key=path)
    except (OSError, ValueError):
        return None


def _zone_by_rule(rule: str) -> ZoneInfo | None:
    """Return the zone of *rule*, such as ``CET-1CEST,M3.5.0,M10.5.0/3``: that of a file of zones that has it alone."""
    for text in (rule, rule + _DEFAULT_CHANGES) if rule and rule.isascii() else ():
        with contextlib.suppress(ValueError):
            return ZoneInfo.from_file(io.BytesIO(2 * _NO_CHANGES + f"\n{text}\n".encode()), key=rule)
    return None


def host_name(text: str) -> str:
    """Return the name of a host, or ``*``; for argparse."""
    if text == ANY or _HOST_NAME.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is no host name such as graphite.example.org, without a port")


def origin(text: str) -> str:
    """Return an origin as browsers send it, or ``*``; for argparse."""
    try:
        parts = urlsplit(text)
        plain = parts.scheme in ("http", "https") and parts.hostname and f"{parts.scheme}://{parts.netloc}" == text
        if text == "*" or (plain and parts.port != 0 and "@" not in text and text == text.lower()):
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no origin such as https://grafana.example.org, without a path")


def _time(text: str) -> float:
    value = seconds(text)
    if value == 0:
        raise argparse.ArgumentTypeError("a request needs some time: give more than 0 seconds")
    return value
