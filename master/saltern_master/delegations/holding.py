"""Which devices a host may be serving at this moment, whether it should or not, and from when on it surely doesn't.

A host that was told to serve a device holds it until it says that it has let go (``released``), or can't be serving
any more: without a lease it stops its shared devices by itself. Of one that isn't shared nothing can be known while
its host is away; after a while it is taken for gone.
"""

from __future__ import annotations

import math
from collections.abc import Callable

LEASE_S = 20.0
"""For how long a host may serve shared devices after it asked whether it may."""
MARGIN_S = 2.0
SILENT_S = 60.0
"""For how long a host that is there, and was told to let go of a device, may take for it."""


class Hold:
    """A host that may be serving a device."""

    __slots__ = ("connection", "off_at", "shared")

    def __init__(self, connection: int, shared: bool) -> None:
        self.connection = connection
        """In which connection of the host's it was told, by their number."""
        self.shared = shared
        """Whether it serves it under a lease, as it was told last."""
        self.off_at: float | None = None
        """When it was told, in this connection, to let go."""


class HostState:
    """What is known of a host. Times are monotonic seconds."""

    def __init__(self, name: str, now: float, came_at: float | None) -> None:
        """*came_at*: when it attached, ``None`` while it is away."""
        self.name = name
        self.came_at = came_at
        self.gone_at = now
        self.connection = 0
        self.leased_at = now  # unknown before, perhaps by the master before this one
        self.expected_at = now
        """From when on it should have asked for leases."""
        self.lapsed_until = -math.inf
        """Until then it gets no shared devices: it is there, and didn't ask for its lease."""
        self.heard = False
        """Whether it has said what it serves, since the master's start."""
        self.tell_at = -math.inf
        """Before then it is told nothing unless it is heard: it may be about to say what it serves."""
        self.settles_at = math.inf
        """When it has been there for long enough to be given what others serve."""
        self.wants: set[str] = set()
        """The devices that it is to serve."""
        self.untold: set[str] = set()
        """Devices of which it has yet to be told something."""
        self.holds: dict[str, Hold] = {}
        """What it may be serving."""
        self.leases: set[str] = set()
        """Those of them that it serves under a lease."""
        self.swept = False
        """Whether what it was to hand over was looked at since it has been gone for long enough."""
        self.off: dict[str, float] = {}
        """When it was told to let go of devices, the first one first."""

    @property
    def up(self) -> bool:
        """Whether it is connected."""
        return self.came_at is not None

    def hold(self, device: str, hold: Hold) -> None:
        """Note that it may be serving a device."""
        self.holds[device] = hold
        (self.leases.add if hold.shared else self.leases.discard)(device)

    def let_go(self, device: str) -> None:
        """Note that it surely doesn't serve a device."""
        del self.holds[device]
        self.leases.discard(device)
        self.off.pop(device, None)

    def come(self, now: float, settle_s: float) -> None:
        """Note that it has attached."""
        self.came_at = self.expected_at = now
        self.lapsed_until = -math.inf
        self.settles_at = now + settle_s
        self.untold |= self.wants | self.holds.keys()

    def go(self, now: float) -> None:
        """Note that its connection is gone."""
        self.came_at = None
        self.gone_at = now
        self.connection += 1
        self.settles_at = math.inf
        self.swept = False
        for device in self.off:
            self.holds[device].off_at = None
        self.off.clear()

    def told(self, now: float, shared: Callable[[str], bool]) -> None:
        """Note that it is told its list now; *shared* says of a device whether it needs a lease."""
        if not self.leases:
            self.expected_at = now
        for device in self.untold:
            hold = self.holds.get(device)
            if device in self.wants:
                self.off.pop(device, None)
                self.hold(device, Hold(self.connection, shared(device)))
            elif hold is not None and hold.off_at is None:
                hold.off_at = self.off[device] = now
        self.untold.clear()

    def due(self, now: float) -> set[str]:
        """Return the devices that may be somebody else's by now."""
        found: set[str] = set()
        if self.leases and now >= self.lease_over_at():
            found |= self.leases
        if not self.up and not self.swept and now >= self.gone_at + LEASE_S + MARGIN_S:
            self.swept = True
            found |= self.holds.keys() - self.leases
        for device, off_at in self.off.items():
            if now < off_at + SILENT_S:
                break
            found.add(device)
        return found

    def lease_over_at(self) -> float:
        """Return when it serves no shared device any more, unless it asks again."""
        return max(self.leased_at, self.expected_at) + LEASE_S + MARGIN_S

    def able(self, now: float) -> bool:
        """Return whether it may be given shared devices."""
        return self.came_at is not None and now >= self.lapsed_until

    def over_at(self, hold: Hold) -> float:
        """Return when it surely doesn't serve a device any more."""
        over_at = math.inf
        if hold.shared:
            over_at = self.lease_over_at()
        elif not self.up:
            over_at = self.gone_at + LEASE_S + MARGIN_S
        if hold.off_at is not None:
            over_at = min(over_at, hold.off_at + SILENT_S)
        return over_at
