"""Which key is which minion's, in memory, kept equal to the key store on disk.

Whoever changes the store (this master, ``saltern-key`` without a master, an operator with ``mv``), the keyring
sees it by the folders' times.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from saltern.pki import ACCEPTED, DENIED, PENDING, REJECTED, KeyStore

log = logging.getLogger(__name__)


class Change(NamedTuple):
    """What a refresh found: accepted pairs of (key, id) that came and went."""

    added: dict[str, str]
    removed: dict[str, str]


class Verdict(NamedTuple):
    """What becomes of a key that says hello: ``accepted``, ``pending``, ``rejected``, ``denied`` or ``full``.

    ``act`` is the word for it in the ``salt/auth`` event, or ``""`` when nothing is new.
    """

    state: str
    reason: str
    act: str


class Keyring:
    """The accepted keys, and what to do with others."""

    def __init__(self, store: KeyStore, *, auto_accept: bool, max_pending: int) -> None:
        self.store = store
        self._auto_accept = auto_accept
        self._max_pending = max_pending
        self._ids: dict[str, str] = {}
        self._stamp: tuple[int, ...] = ()
        self.refused_full = 0
        """Keys turned away because too many were pending."""

    def minion_of(self, key: str) -> str | None:
        """Return the minion id that *key* is accepted for."""
        return self._ids.get(key)

    def minions(self) -> list[str]:
        """Return the ids of all accepted minions, sorted."""
        return sorted(self._ids.values())

    def refresh(self, *, force: bool = False) -> Change:
        """Read the store again if it changed; return the difference."""
        stamp = self.store.stamp()
        if stamp == self._stamp and not force:
            return Change({}, {})
        ids = {key: name for name in self.store.ids(ACCEPTED) if (key := self.store.key(ACCEPTED, name))}
        added = {key: name for key, name in ids.items() if self._ids.get(key) != name}
        removed = {key: name for key, name in self._ids.items() if ids.get(key) != name}
        self._ids, self._stamp = ids, stamp
        return Change(added, removed)

    def judge(self, minion_id: str, key: str, token: str) -> Verdict:
        """Decide on a key that claims *minion_id*, storing it where it belongs. Raises ``KeyStoreError``."""
        owner = self._ids.get(key)
        if owner == minion_id:
            return Verdict("accepted", "", "")
        if owner is not None:
            return Verdict("denied", f"this key is accepted for {owner!r}, not for {minion_id!r}", "")
        for state in (ACCEPTED, PENDING):
            known = self.store.key(state, minion_id)
            if known is not None and known != key:
                return self._deny(minion_id, key)
        if self.store.key(REJECTED, minion_id) == key:
            return Verdict("rejected", "this key was rejected on the master", "")
        if token and self.store.redeem(token):
            return self._accept(minion_id, key)
        if token:
            log.warning("minion %s came with a join token that is used up, expired or unknown", minion_id)
        if self._auto_accept:
            return self._accept(minion_id, key)
        return self._pend(minion_id, key)

    def _accept(self, minion_id: str, key: str) -> Verdict:
        self.store.put(ACCEPTED, minion_id, key)
        self.store.delete(minion_id, [PENDING])
        self._ids[key] = minion_id
        return Verdict("accepted", "", "accept")

    def _pend(self, minion_id: str, key: str) -> Verdict:
        if self.store.key(PENDING, minion_id) == key:
            return Verdict("pending", "", "")
        if len(self.store.ids(PENDING)) >= self._max_pending:
            self.refused_full += 1
            return Verdict("full", "too many keys are waiting on the master: accept or delete some there", "full")
        self.store.put(PENDING, minion_id, key)
        return Verdict("pending", "", "pend")

    def _deny(self, minion_id: str, key: str) -> Verdict:
        reason = f"another key is known for {minion_id!r}: delete it on the master (saltern-key -d {minion_id}) first"
        if self.store.key(DENIED, minion_id) == key:
            return Verdict("denied", reason, "")
        if len(self.store.ids(DENIED)) < self._max_pending:
            self.store.put(DENIED, minion_id, key)
        return Verdict("denied", reason, "denied")
