"""When a line of a log was written: the usual forms, at its beginning, each told from its looks.

::

    2026-11-29T16:22:41.123Z …  2026-11-29 16:22:41,123 …          RFC 3339, ISO 8601, RFC 5424; local without a zone
    Nov 29 16:22:41 host …                                         RFC 3164: local, of the last year that fits
    1795969361.123 …            [1795969361] …   1795969361123 …   seconds, or milliseconds, since the epoch
    2026/11/29 16:22:41 [error] …                                  nginx's own
    [Sun Nov 29 16:22:41.123456 2026] …                            Apache's own
    10.0.0.1 - - [29/Nov/2026:16:22:41 +0000] "GET …               requests of both
    {"time": "2026-11-29T16:22:41Z", …}                            JSON: time, ts, timestamp, @timestamp
"""

from __future__ import annotations

import calendar
import re
import time

MAX_LOOKED = 512
"""Of a line: a stamp stands near its beginning."""
DAY_S = 86400.0
_NAMES = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
MONTHS = {name: number for number, name in enumerate(_NAMES.split("|"), 1)}
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY_S, "w": 7 * DAY_S}

_MONTH = f"({_NAMES})"
_ZONE = r"(Z|[+-]\d\d:?\d\d)?"
_ISO_TEXT = r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)? ?" + _ZONE
_ISO = re.compile(rf"(?:<\d{{1,3}}>\d? ?)?\[?{_ISO_TEXT}", re.ASCII)
_RFC3164 = re.compile(rf"(?:<\d{{1,3}}>)?{_MONTH} {{1,2}}(\d{{1,2}}) (\d\d):(\d\d):(\d\d)", re.ASCII)
_EPOCH = re.compile(r"\[?(\d{10})(\d{3})?(?:\.(\d{1,9})\d*)?(?=[\]\s:,|]|$)", re.ASCII)
_NGINX = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)", re.ASCII)
_APACHE = re.compile(
    rf"\[\w{{3}} {_MONTH} {{1,2}}(\d{{1,2}}) (\d\d):(\d\d):(\d\d)(?:\.(\d{{1,9}}))? (\d{{4}})\]", re.ASCII
)
_REQUEST = re.compile(rf"\[(\d\d)/{_MONTH}/(\d{{4}}):(\d\d):(\d\d):(\d\d) {_ZONE}\]", re.ASCII)
_JSON = re.compile(r'"(?:@?timestamp|time|ts)" ?: ?(?:"([^"]{1,60})"|(\d{10}(?:\d{3})?(?:\.\d{1,9})?))', re.ASCII)
_BACK = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?([smhdw])(?:ago| ago)?", re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d))?", re.ASCII)


def stamp_of(line: str, now: float) -> float | None:
    """Return when *line* was written, in seconds since the epoch; ``None`` where it doesn't say.

    *now* says which year is meant where none is written.
    """
    text = line[:MAX_LOOKED]
    first = text[:1]
    if first.isdigit() or first in "<[":
        for form, read in _AT_FIRST:
            if found := form.match(text):
                return read(found, now)
    elif found := _RFC3164.match(text):
        return _of_rfc3164(found, now)
    if found := _REQUEST.search(text):
        return _of_request(found, now)
    if first == "{" and (found := _JSON.search(text)):
        return stamp_of(found[1], now) if found[1] and found[1][:1] not in "{[" else _number(found[2] or "")
    return None


def instant(text: object, now: float) -> float:
    """Return the instant that *text* names: seconds since the epoch, ``10m`` or ``2h ago``, ``today``, a date or time.

    Raises ``ValueError``.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    word = str(text).strip()
    if found := _BACK.fullmatch(word.lower()):
        return now - float(found[1]) * UNITS[found[2]]
    if word in ("now", "today", "yesterday"):
        midnight = time.mktime((*time.localtime(now)[:3], 0, 0, 0, 0, 0, -1))
        return {"now": now, "today": midnight, "yesterday": midnight - DAY_S}[word]
    if found := _DATE.fullmatch(word):
        year, month, day, hour, minute = (int(part or 0) for part in found.groups())
        at = _local(year, month, day, hour, minute, 0)
    else:
        at = _number(word.removeprefix("@")) or stamp_of(word, now)
    if at is None:
        raise ValueError(f"{word!r:.60} is no time: use 10m, 2h, today, 2026-11-29, 2026-11-29T16:22:41Z or seconds")
    return at


def _of_iso(found: re.Match[str], _now: float) -> float | None:
    *parts, fraction, zone = found.groups()
    return _at([int(part) for part in parts], fraction, zone)


def _of_rfc3164(found: re.Match[str], now: float) -> float | None:
    """Return the last instant that fits: one that is over a day ahead was a year ago, a 29 February up to eight."""
    month, day, *clock = found.groups()
    year = time.localtime(now).tm_year + 1
    for back in range(9):
        at = _at([year - back, MONTHS[month], int(day), *map(int, clock)], None, None)
        if at is not None and at <= now + DAY_S:
            return at
    return None


def _of_epoch(found: re.Match[str], _now: float) -> float | None:
    seconds, milliseconds, fraction = found.groups()
    return float(seconds) + float(f"0.{milliseconds or ''}{fraction or ''}0")


def _of_apache(found: re.Match[str], _now: float) -> float | None:
    month, day, hour, minute, second, fraction, year = found.groups()
    return _at([int(year), MONTHS[month], int(day), int(hour), int(minute), int(second)], fraction, None)


def _of_request(found: re.Match[str], _now: float) -> float | None:
    day, month, year, hour, minute, second, zone = found.groups()
    return _at([int(year), MONTHS[month], int(day), int(hour), int(minute), int(second)], None, zone)


def _of_nginx(found: re.Match[str], _now: float) -> float | None:
    return _at([int(part) for part in found.groups()], None, None)


_AT_FIRST = (
    (_ISO, _of_iso),
    (_EPOCH, _of_epoch),
    (_NGINX, _of_nginx),
    (_APACHE, _of_apache),
    (_RFC3164, _of_rfc3164),
)


def _number(text: str) -> float | None:
    found = _EPOCH.fullmatch(text)
    return _of_epoch(found, 0.0) if found else None


def _at(parts: list[int], fraction: str | None, zone: str | None) -> float | None:
    """Return the instant of year, month, day, hour, minute, second; local without a *zone*; ``None`` for none."""
    more = float(f"0.{fraction}") if fraction else 0.0
    if zone is None:
        local = _local(*parts)
        return None if local is None else local + more
    year, month, day, hour, minute, second = parts
    if not _is_time(*parts):
        return None
    seconds = calendar.timegm((year, month, day, hour, minute, second, 0, 0, 0))
    if zone != "Z":
        offset = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        seconds -= offset if zone[0] == "+" else -offset
    return seconds + more


def _local(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float | None:
    if not _is_time(year, month, day, hour, minute, second):
        return None
    try:
        return time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
    except (OverflowError, ValueError):
        return None


def _is_time(year: int, month: int, day: int, hour: int, minute: int, second: int) -> bool:
    if not (1970 <= year <= 9999 and 1 <= month <= 12 and hour <= 23 and minute <= 59 and second <= 60):
        return False
    return 1 <= day <= calendar.monthrange(year, month)[1]
