"""Pillars of hosts and of their devices: which devices a host's pillar names, and what of it is a device's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern_master.delegations import Delegations
from saltern_master.pillar.claims import PROXY
from saltern_master.pillar.kept import ERRORS, Kept

_PROXY = PROXY.encode()


class HostPillars:
    """What pillars and delegations have to do with each other; nothing where there are no delegations."""

    def __init__(self, delegations: Delegations | None) -> None:
        self._delegations = delegations

    def is_device(self, minion_id: str) -> bool:
        """Return whether a minion is a device of some host."""
        return self._delegations is not None and bool(self._delegations.hosts(minion_id))

    def named(self, minion_id: str) -> bool:
        """Return whether a device's ``proxy`` is an entry in its host's pillar."""
        return self._delegations is not None and self._delegations.named(minion_id) is not None

    def with_entry(self, minion_id: str, pillar: dict[str, Any]) -> dict[str, Any]:
        """Return a minion's *pillar*, with its host's entry for it as ``proxy`` where there is one.

        Without any ``proxy`` as long as that entry isn't known: what its own pillar has may be all of its host's.
        """
        if self._delegations is None:
            return pillar
        entry = self._delegations.named(minion_id)
        if entry is not None:
            return {**pillar, PROXY: dict(entry)}
        if PROXY in pillar and self._delegations.awaited(minion_id) is not None:
            return {name: value for name, value in pillar.items() if name != PROXY}
        return pillar

    def hangs_on(self, minion_id: str) -> tuple[str, ...]:
        """Return whose pillars have to be compiled for a minion's own, in order: its host's may have an entry."""
        host = self._delegations.awaited(minion_id) if self._delegations is not None else None
        return (minion_id,) if host is None else (host, minion_id)

    def hand_on(
        self,
        minion_id: str,
        below: Mapping[str, Any],
        kept: Kept | None,
        whole: Callable[[], Mapping[str, Any]],
        *,
        claims_count: bool,
        more: bool,
    ) -> None:
        """Say which devices a minion's pillar names: what ``pillar_files`` give is *below* the compiled one, if any.

        *whole* returns both together; *claims_count*: also where it hangs on grains; *more*: that of others is about to
        be known.
        """
        if self._delegations is None:
            return
        said: Mapping[str, Any] = {}
        if kept is not None and kept.errors:
            said = {ERRORS: kept.errors}
        elif not self.is_device(minion_id) and (PROXY in below or (kept is not None and _PROXY in kept.packed)):
            said = whole()
        claimed = kept is not None and kept.proxy_claimed and not claims_count
        self._delegations.from_pillar(minion_id, said, claimed=claimed, more=more)
