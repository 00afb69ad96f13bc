"""The places that keys nobody has accepted take up: so many in all, so many for an address, for so long."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from saltern_master.network import network_of


@dataclass(slots=True)
class _Place:
    address: str
    seen_at: float
    touched_at: float


class KeyPlaces:
    """Who waits in one state, from which address, and when each was last there (epoch s)."""

    def __init__(self, most: int, most_per_address: int, ttl_s: float) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._ttl_s = ttl_s
        self._places: dict[str, _Place] = {}
        self._by_address: Counter[str] = Counter()

    def full(self, address: str) -> str:
        """Return why no further key of *address* gets a place, or ``""``."""
        share = network_of(address)
        if len(self._places) >= self._most:
            return "too many keys are waiting on the master: accept or delete some there"
        if share and self._by_address[share] >= self._most_per_address:
            return f"{self._most_per_address} keys from {share} are waiting on the master: accept or delete some there"
        return ""

    def seen(self, minion_id: str, now: float, address: str = "") -> bool:
        """Note that the agent is there; return whether that should be kept on disk, where it is kept seldom."""
        share = network_of(address)
        place = self._places.get(minion_id)
        if place is None:
            place = self._places[minion_id] = _Place(share, now, now)
            self._by_address[share] += 1
            return False
        if share and share != place.address:
            self._leave(place.address)
            self._by_address[share] += 1
            place.address = share
        place.seen_at = max(place.seen_at, now)
        if now - place.touched_at <= self._ttl_s / 10:
            return False
        place.touched_at = now
        return True

    def address_of(self, minion_id: str) -> str:
        """Return where the agent was last seen; ``""`` when that isn't known."""
        place = self._places.get(minion_id)
        return place.address if place else ""

    def drop(self, minion_id: str) -> None:
        """Give a place back."""
        place = self._places.pop(minion_id, None)
        if place is not None:
            self._leave(place.address)

    def expired(self, now: float) -> list[str]:
        """Return the ids whose agents weren't there for too long."""
        return [minion_id for minion_id, place in self._places.items() if now - place.seen_at > self._ttl_s]

    def clock_was_set(self, by_s: float, now: float) -> None:
        """Take over that the clock was set: everybody was there as long ago as before, and nobody in the future."""
        for place in self._places.values():
            place.seen_at = min(place.seen_at + by_s, now)
            place.touched_at = min(place.touched_at + by_s, now)

    def _leave(self, address: str) -> None:
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]
