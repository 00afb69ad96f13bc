"""How long a call to a device may take, and how often it is asked whether it works, by its ``proxy:`` or its host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.named import NamedTuple

LEAST_MIN, MOST_MIN = 0.01, 1440.0
"""Between these is how often it may be asked, as the option of the host is."""


class OwnTimes(NamedTuple):
    """Those of a device, in seconds; ``keep_alive_s`` is 0 for never. *faults*: a line for each that can't be used."""

    limit_s: float
    keep_alive_s: float
    faults: list[str]


def times_of(proxy: Mapping[str, Any], options: Mapping[str, Any]) -> OwnTimes:
    """Return the times of the device that *proxy* is about, by the *options* of its host where that says nothing."""
    limit_s: float = options["device_timeout"]
    minutes: float = options["proxy_keep_alive_interval"]
    faults = []
    said = proxy.get("timeout", limit_s)
    if _is_number(said) and said > 0:
        limit_s = float(said)
    else:
        faults.append(f"timeout: give seconds, over 0, not {said!r:.50}; its calls may take {limit_s:g} s")
    said = proxy.get("proxy_keep_alive_interval", minutes)
    if _is_number(said) and LEAST_MIN <= said <= MOST_MIN:
        minutes = float(said)
    else:
        between = f"from {LEAST_MIN:g} to {MOST_MIN:g}"
        faults.append(f"proxy_keep_alive_interval: give minutes {between}, not {said!r:.50}; it is {minutes:g}")
    asks = proxy.get("proxy_keep_alive", options["proxy_keep_alive"])
    return OwnTimes(limit_s, minutes * 60 if asks else 0.0, faults)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
