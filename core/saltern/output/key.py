"""``key``: keys by their state, as ``saltern-key`` lists them; anything else as ``nested`` shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltern.output import nested
from saltern.output.look import (
    BLUE,
    GREEN,
    LIGHT_BLUE,
    LIGHT_GREEN,
    LIGHT_MAGENTA,
    LIGHT_RED,
    MAGENTA,
    RED,
    RESET,
    Look,
)
from saltern.plain import Plain
from saltern.visible import visible

STATES = {
    "local": ("Local Keys:", LIGHT_MAGENTA, MAGENTA),
    "minions": ("Accepted Keys:", LIGHT_GREEN, GREEN),
    "minions_denied": ("Denied Keys:", LIGHT_MAGENTA, MAGENTA),
    "minions_proxied": ("Proxied Minions:", LIGHT_GREEN, GREEN),
    "minions_pre": ("Unaccepted Keys:", LIGHT_RED, RED),
    "minions_rejected": ("Rejected Keys:", LIGHT_BLUE, BLUE),
}
"""A state's title, its colour, and that of the names below it; in the order in which they are shown."""


def render(value: Any, look: Look) -> str:
    """Return the keys in *value*, ``{state: [names], or {name: fingerprint}}``; devices have hosts."""
    plain = Plain().of(value)
    if not isinstance(plain, dict) or not all(
        state in STATES and isinstance(keys, (list, dict)) for state, keys in plain.items()
    ):
        return nested.render(value, look)
    return "\n".join(line for state in sorted(plain) for line in _lines(state, plain[state], look))


def _lines(state: str, keys: list[Any] | dict[Any, Any], look: Look) -> Iterator[str]:
    title, title_color, color = STATES[state]
    yield f"{title_color}{title}{RESET}" if look.color else title
    if state == "minions_proxied" and isinstance(keys, dict):
        for device, hosts in sorted(keys.items()):
            via = ", ".join(map(str, hosts)) if isinstance(hosts, list) else str(hosts)
            yield look.line(0, color, f"{visible(str(device))} via {visible(via)}")
        return
    for name in sorted(map(str, keys)):
        finger = f":  {visible(str(keys.get(name)))}" if isinstance(keys, dict) else ""
        yield look.line(0, color, f"{visible(name)}{finger}")
