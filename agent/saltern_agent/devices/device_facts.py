"""The grains of a device: what its module and functions tell once it is open, and always how it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saltern_agent.devices.device import Device

STATE = "device"
"""The grain that says how the device is."""


class DeviceFacts:
    """The grains of *device*. Methods are for the loop's thread unless they say otherwise."""

    __slots__ = ("_device", "grains")

    def __init__(self, device: Device) -> None:
        self._device = device
        self.grains: dict[str, Any] = {"id": device.id}

    def begin(self) -> None:
        """Have what is known of a device of its kind before, or without, what it tells itself."""
        self.grains = {"proxytype": self._device.loader.proxytype, **self.grains}

    def found(self, found: Mapping[str, Any]) -> None:
        """Take what was collected, which is plain."""
        strikeout = self._device.loader.strikeout()
        self.grains = strikeout.value(dict(found)) if strikeout else dict(found)
        self.look_again()

    def look_again(self) -> None:
        """Have the grains say how the device is now."""
        self.grains = self.told()
        self._device.loader.set_grains(self.grains)

    def told(self) -> dict[str, Any]:
        """Return what the master is told: its modules may have changed theirs, and can't change whose they are."""
        return {**self.grains, "id": self._device.id, STATE: self._device.state_grain()}

    def refresh(self) -> None:
        """Have its module read them anew, and tell the master; from any thread, and it isn't waited for."""
        self._device.host.loop.post(self._begin)

    def _begin(self) -> None:
        device = self._device
        proxied = device.proxied
        if proxied is None or not device.connection.up:
            return
        call = partial(proxied.begin, "grains", device.options, fresh=True)
        post = device.host.loop.post
        device.lane.submit(call, lambda found, error: post(partial(self._collected, found, error)), first=True)

    def _collected(self, found: Any, error: BaseException | None) -> None:
        if error is None and isinstance(found, Mapping):
            self.found(found)
            self._device.tell()
