"""Devices as one login sees them: what each is, which host speaks for it, and whether it is reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from saltern_web.api.client import Api
from saltern_web.api.errors import Refused

DOWN, UNSERVED, UNKNOWN, UP = "down", "unserved", "unknown", "up"
ORDER = (DOWN, UNSERVED, UNKNOWN, UP)
"""The states of a device, the worst first."""
MARKS: Mapping[str, str] = {DOWN: "crit", UNSERVED: "away", UNKNOWN: "unknown", UP: "ok"}
WORDS: Mapping[str, str] = {
    DOWN: "down",
    UNSERVED: "no host",
    UNKNOWN: "not told yet",
    UP: "up",
}
MAX_ERROR = 500
MAX_WORD = 255


class Device(NamedTuple):
    """One device. ``since`` is epoch s; ``None``: not known."""

    id: str
    host: str
    """The minion that speaks for it; nothing: none does now."""
    kind: str
    """Its proxytype."""
    state: str
    since: float | None
    error: str
    latency_ms: float | None

    @property
    def mark(self) -> str:
        """How its state is marked."""
        return MARKS[self.state]

    @property
    def word(self) -> str:
        """Its state in words."""
        return WORDS[self.state]


@dataclass(frozen=True)
class Devices:
    """All of them, those in trouble first."""

    devices: tuple[Device, ...]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many are in each state."""
        counts = dict.fromkeys(ORDER, 0)
        for device in self.devices:
            counts[device.state] += 1
        return counts

    @cached_property
    def hosts(self) -> list[str]:
        """The hosts that speak for some."""
        return sorted({device.host for device in self.devices if device.host})

    @cached_property
    def kinds(self) -> list[str]:
        """Their proxytypes."""
        return sorted({device.kind for device in self.devices if device.kind})


async def ask_devices(api: Api) -> Devices:
    """Return the devices that the login of *api* sees. Raises what the API does."""
    return Devices(tuple(sorted(read_devices(await api.runner("manage.devices")), key=_by_trouble)))


async def ask_device(api: Api, minion: str) -> Device | None:
    """Return one device; ``None`` when *minion* is none. Raises what the API does."""
    found = read_devices(await api.runner("manage.devices", minion))
    return next((device for device in found if device.id == minion), None)


def read_devices(told: Any) -> Iterable[Device]:
    """Return the devices that the master tells of. Raises ``Refused`` for what can't be understood."""
    if not isinstance(told, Mapping):
        raise Refused("the master's answer to manage.devices can't be understood")
    return [_read(str(minion), one if isinstance(one, Mapping) else {}) for minion, one in told.items()]


def _read(minion: str, told: Mapping[str, Any]) -> Device:
    host = told.get("host")
    host = host if isinstance(host, str) else ""
    is_up = told.get("up")
    state = UP if is_up is True else DOWN if is_up is False else UNKNOWN
    error = told.get("error")
    return Device(
        minion,
        host,
        _line(told.get("proxytype"))[:MAX_WORD],
        state if host else UNSERVED,
        _number(told.get("since")),
        _line(error)[:MAX_ERROR],
        _number(told.get("latency_ms")),
    )


def _by_trouble(device: Device) -> tuple[int, str]:
    return ORDER.index(device.state), device.id


def _line(value: Any) -> str:
    return " ".join(str(value).split()) if value else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
