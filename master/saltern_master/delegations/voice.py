"""A voice: what stands for the key of a device, which has none. It is its host's key and its own id."""

from __future__ import annotations

BAR = "|"  # in no key, which is Z85, and in no minion id


def voice(host_key: str, device: str) -> str:
    """Return the voice of *device* by the host that has *host_key*."""
    return f"{host_key}{BAR}{device}"


def parts(key: str) -> tuple[str, str] | None:
    """Return the host's key and the device's id of a voice; ``None`` for the key of a minion itself."""
    host_key, bar, device = key.partition(BAR)
    return (host_key, device) if bar else None
