"""What templates say beyond Django's own: static files, instants, ages, numbers with units, states.

An instant is written for every zone: ``<time>`` with UTC in it, which a script turns into the reader's own time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from saltern.visible import visible
from saltern_web.pages.moments import moment_of
from saltern_web.static_files import static_url

register = template.Library()

UNKNOWN = "–"
_AGES = ((86400 * 2, 86400, "d"), (3600 * 2, 3600, "h"), (120, 60, "min"), (0, 1, "s"))
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


@register.simple_tag
def static(name: str) -> str:
    """Return the URL of a file below ``static/``."""
    return static_url(name)


@register.filter
def text(value: object) -> str:
    """Return *value* as text that steers nothing: what minions say may hold anything."""
    return visible(str(value))


@register.filter
def instant(seconds: float | None) -> SafeString | str:
    """Return an instant (epoch s)."""
    return _time(seconds, "instant", lambda at, _: f"{at:%Y-%m-%d %H:%M:%S} UTC")


@register.filter
def age(seconds: float | None) -> SafeString | str:
    """Return how long ago an instant (epoch s) was; a script counts on."""
    return _time(seconds, "age", lambda _, then: duration(max(0.0, time.time() - then)))


@register.filter
def duration(seconds: float | None) -> str:
    """Return seconds as ``42 s``, ``5 min``, ``3 h``, ``9 d``."""
    if seconds is None:
        return UNKNOWN
    for least, unit, name in _AGES:
        if abs(seconds) >= least:
            return f"{seconds / unit:.0f} {name}"
    return UNKNOWN


@register.filter
def in_bytes(value: float | None) -> str:
    """Return bytes as ``3.2 GiB``."""
    if value is None:
        return UNKNOWN
    size = float(value)
    for unit in _BYTES[:-1]:
        if abs(size) < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {_BYTES[-1]}"


@register.filter
def number(value: float | None) -> str:
    """Return a number, short: ``12,345``, ``0.53``."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


@register.filter
def percent(value: float | None) -> str:
    """Return ``97.5 %``; what isn't known is a dash."""
    return UNKNOWN if value is None else f"{value:.1f} %".replace(".0 %", " %")


@register.simple_tag
def zoned(typed: str) -> SafeString:
    """Return the attributes of a field for a day and time: in UTC, and a script makes the reader's own time of it."""
    at = moment_of(typed)
    if at is None:
        return format_html('value="{}" data-zoned=""', typed)
    return format_html('value="{}" data-zoned="{}"', f"{at:%Y-%m-%dT%H:%M:%S}", at.timestamp())


@register.simple_tag
def zone() -> SafeString:
    """Say which zone times are in, beside a field; a script says the reader's own."""
    return mark_safe('<span class="muted small zone">UTC</span>')  # ours


@register.simple_tag
def state(name: str | None, said: str = "") -> SafeString:
    """Show a state by colour, mark and word."""
    name = name or "unknown"
    return format_html('<span class="state s-{}">{}</span>', name, said or STATES.get(name, name))


STATES = {
    "ok": "ok",
    "warn": "warning",
    "crit": "critical",
    "error": "error",
    "away": "away",
    "stale": "stale",
    "nodata": "no data",
    "unknown": "unknown",
}


def _time(seconds: float | None, kind: str, said: Any) -> SafeString | str:
    try:
        at = datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
    except (ValueError, OverflowError, OSError, TypeError):
        at = None
    if at is None or seconds is None:
        return UNKNOWN
    return format_html(
        '<time class="{}" datetime="{}" data-at="{}">{}</time>', kind, at.isoformat(), seconds, said(at, seconds)
    )
