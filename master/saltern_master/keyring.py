"""Which key is which minion's, in memory, kept equal to the key store on disk; and what becomes of other keys."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from saltern.config import MasterOptions
from saltern.delegated import DELEGATED
from saltern.errors import KeyStoreError
from saltern.ids import names_every_host
from saltern.keystore import ACCEPTED, DENIED, PENDING, REJECTED, STATES, WORDS, KeyStore
from saltern.metric_segment import sharing_metrics
from saltern.pillar_delegations import PillarDelegations
from saltern_master.clock_steps import ClockSteps
from saltern_master.delegations import Delegations, parts, voice
from saltern_master.key_places import KeyPlaces
from saltern_master.key_table import KeyTable
from saltern_master.key_watch import KeyFile, KeyWatch, Look

log = logging.getLogger(__name__)

MAX_PER_ADDRESS = 50
PENDING_TTL_S = 7 * 86400.0
EXPIRE_EVERY_S = 60.0
MAX_EXPIRED_AT_ONCE = 100


class Change(NamedTuple):
    """What a refresh found: accepted pairs of (key, id) that came and went."""

    added: dict[str, str]
    removed: dict[str, str]


class Verdict(NamedTuple):
    """What becomes of a key that says hello.

    It is ``accepted``, ``pending``, ``rejected``, ``denied``, ``full`` or ``invalid``. ``act`` is the word for what was
    changed in the store (``accept``, ``pend``, ``denied``), or ``""``. ``displaced`` is the key that had to make place
    for this one, and is denied now.
    """

    state: str
    reason: str
    act: str
    displaced: str = ""


class Keyring:
    """The accepted keys, and what to do with others."""

    def __init__(
        self,
        store: KeyStore,
        *,
        auto_accept: bool,
        max_pending: int,
        max_pending_per_address: int = MAX_PER_ADDRESS,
        pending_ttl_s: float = PENDING_TTL_S,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
        cachedir: str = "",
    ) -> None:
        """*clock*: the time of day, epoch s; *steady*, in seconds, tells its steps from time that passes.

        *cachedir*: where it is kept which devices the pillars of hosts named, ``""`` for nowhere.
        """
        self.store = store
        self._auto_accept = auto_accept
        self._clock = clock
        self._steps = ClockSteps(clock, steady or clock)
        self._watch = KeyWatch(store)
        self._tables = {state: KeyTable() for state in STATES}
        self._places = {
            state: KeyPlaces(max_pending, max_pending_per_address, pending_ttl_s) for state in (PENDING, DENIED)
        }
        files = PillarDelegations(cachedir) if cachedir else None
        self.delegations = Delegations(self._tables[ACCEPTED], store, files, steady or clock)
        """Who may speak for which device."""
        self._ids: tuple[tuple[int, ...], list[str]] = ((), [])
        self._keys: tuple[tuple[int, ...], dict[str, str]] = ((), {})
        self._expired_at = 0.0
        self.freed: frozenset[str] = frozenset()
        """The keys that the last ``take`` found to be in no state any more."""
        self.refused_full = 0
        """Keys turned away because too many were pending, in all or from their address."""

    def minion_of(self, key: str) -> str | None:
        """Return the minion id that *key* is accepted for; of a voice: the device that its host may speak for."""
        accepted = self._tables[ACCEPTED]
        found = accepted.id_of(key)
        if found is not None:
            return found
        spoken = parts(key)
        return spoken[1] if spoken is not None and self.speaks(*spoken) else None

    def speaks(self, host_key: str, device: str) -> bool:
        """Return whether the host that *host_key* is accepted for, if there is one, may speak for *device*."""
        host = self._tables[ACCEPTED].id_of(host_key)
        return host is not None and self.delegations.may_speak(host, device)

    def minions(self) -> list[str]:
        """Return the ids of all accepted minions and of all devices, sorted."""
        versions = self._tables[ACCEPTED].version, self.delegations.version
        if self._ids[0] != versions:
            self._ids = versions, sorted([*self._tables[ACCEPTED].ids(), *self.delegations.all()])
        return list(self._ids[1])

    def waiting(self) -> int:
        """Return how many keys are pending."""
        return len(self._tables[PENDING])

    def keys(self) -> dict[str, str]:
        """Return the key that each accepted minion has, and of each device the voice by which it speaks now.

        To be read alone.
        """
        accepted, delegations = self._tables[ACCEPTED], self.delegations
        versions = accepted.version, delegations.version, delegations.served_version
        if self._keys[0] != versions:
            keys = accepted.keys()
            for device in delegations.all():
                host_key = accepted.key_of(delegations.server_of(device) or "")
                if host_key is not None:
                    keys[device] = voice(host_key, device)
            self._keys = versions, keys
        return self._keys[1]

    def holds(self, key: str) -> bool:
        """Return whether *key* is in the store in any state, so that an operator may accept it at any time."""
        return any(table.id_of(key) is not None for table in self._tables.values())

    def refresh(self, *, force: bool = False) -> Change:
        """Read what changed in the store (*force*: all of it); return the difference. Raises ``KeyStoreError``.

        It is ``take(look())``; the look may as well be done in a thread.
        """
        return self.take(self.look(force=force))

    def look(self, *, force: bool = False) -> Look:
        """Read what changed in the store; safe in any thread. Raises ``KeyStoreError``."""
        return self._watch.look(force=force)

    def take(self, look: Look) -> Change:
        """Put what *look* found into force, on the loop; return the accepted pairs that came and went."""
        accepted = self._tables[ACCEPTED]
        news = self._watch.news(look)
        files = news.get(ACCEPTED, {})
        keys = {key for name, file in files.items() for key in (accepted.key_of(name), file and file.key) if key}
        before = {key: accepted.id_of(key) for key in keys}
        of_keys = {state: of_state for state, of_state in news.items() if state != DELEGATED}
        touched = {self._tables[state].key_of(name) for state, of_state in of_keys.items() for name in of_state}
        for state, of_state in of_keys.items():
            self._put_files(state, of_state)
        after = {key: accepted.id_of(key) for key in keys}
        self.freed = frozenset(key for key in touched if key is not None and not self.holds(key))
        told = {*files, *filter(None, before.values()), *filter(None, after.values())}
        self._take_delegations(told, news.get(DELEGATED, {}))
        for minion_id in filter(None, after.values()):
            other = accepted.sharing_metrics(minion_id)
            if other is not None:
                log.warning("%s; both are accepted", sharing_metrics(minion_id, other))
        self._expire()
        return Change(
            {key: name for key, name in after.items() if name is not None and name != before[key]},
            {key: name for key, name in before.items() if name is not None and name != after[key]},
        )

    def judge(self, minion_id: str, key: str, token: str, address: str = "") -> Verdict:
        """Decide on a key that claims *minion_id*, storing it where it belongs. Raises ``KeyStoreError``.

        *address* is where it comes from, ``""`` when that isn't known.
        """
        accepted = self._tables[ACCEPTED]
        owner = accepted.id_of(key)
        if owner == minion_id:
            return Verdict("accepted", "", "")
        if owner is not None:
            reason = (
                f"this key is accepted for {owner!r}, not for {minion_id!r}: set id: {owner} in that host's "
                f"configuration, or run saltern-key -d {owner} on the master and accept the key anew"
            )
            return Verdict("denied", reason, "")
        if names_every_host(minion_id):
            reason = f"minion id {minion_id!r} is what every host calls itself: set id: in that host's configuration"
            return Verdict("invalid", reason, "")
        if accepted.key_of(minion_id) is not None:
            return self._deny(minion_id, key, ACCEPTED, address)
        hosts = self.delegations.hosts(minion_id)
        if hosts:
            reason = (
                f"{minion_id!r} is a device that {hosts[0]} speaks for: give this host a name of its own (id: in its "
                f"configuration), or {self.delegations.way_out(minion_id)}"
            )
            return Verdict("denied", reason, "")
        rejected = self._tables[REJECTED].id_of(key)
        if rejected is not None:
            return Verdict("rejected", f"this key was rejected on the master, as {rejected!r}", "")
        other = accepted.sharing_metrics(minion_id) or self.delegations.sharing_metrics(minion_id)
        if other is not None:
            return Verdict("denied", sharing_metrics(minion_id, other), "")
        why = ""
        if token:
            redemption = self.store.invites.redeem(token, minion_id)
            if redemption.good:
                return self._accept(minion_id, key, self._displace(minion_id, key))
            if redemption.another:
                return Verdict("denied", redemption.reason, "")
            why = redemption.reason
        return self._judge_stranger(minion_id, key, why, address)

    def _judge_stranger(self, minion_id: str, key: str, why: str, address: str) -> Verdict:
        """Decide on a key that nothing speaks for; *why*: what was wrong with its token."""
        pending = self._tables[PENDING]
        if pending.key_of(minion_id) not in (None, key):
            return self._deny(minion_id, key, PENDING, address)
        waiting = pending.id_of(key)
        if waiting not in (None, minion_id):
            reason = f"this key waits on the master as {waiting!r} already: accept or delete that there first"
            return Verdict("denied", reason, "")
        other = pending.sharing_metrics(minion_id)
        if other is not None:
            return Verdict("denied", sharing_metrics(minion_id, other), "")
        if self._auto_accept:
            return self._accept(minion_id, key)
        return self._pend(minion_id, key, why, address)

    def _accept(self, minion_id: str, key: str, displaced: str = "") -> Verdict:
        self._put(ACCEPTED, minion_id, key)
        self._leave(key)
        self.delegations.keys_changed([minion_id])
        return Verdict("accepted", "", "accept", displaced)

    def _pend(self, minion_id: str, key: str, why: str, address: str) -> Verdict:
        places = self._places[PENDING]
        if self._tables[PENDING].key_of(minion_id) == key:
            self._seen(PENDING, minion_id, address)
            return Verdict("pending", why, "")
        full = places.full(address)
        if full:
            self.refused_full += 1
            return Verdict("full", full, "")
        self._leave(key)
        self._put(PENDING, minion_id, key, address)
        return Verdict("pending", why, "pend")

    def _deny(self, minion_id: str, key: str, state: str, address: str) -> Verdict:
        """Turn away a second key for an id, and keep it where there is place: one a key, the first for each id."""
        word = WORDS[state]
        reason = (
            f"another key is {word} for {minion_id!r}: if this host is the right one, delete that key on the master "
            f"(saltern-key -d {minion_id} --state {word}); else give this host a name of its own (id: in its "
            f"configuration)"
        )
        denied = self._tables[DENIED]
        if denied.key_of(minion_id) == key:
            self._seen(DENIED, minion_id, address)
        elif denied.key_of(minion_id) is None and denied.id_of(key) is None and not self._places[DENIED].full(address):
            self._put(DENIED, minion_id, key, address)
            return Verdict("denied", reason, "denied")
        return Verdict("denied", reason, "")

    def _displace(self, minion_id: str, key: str) -> str:
        """Make place for a key that a token speaks for; return the key of the stranger that waited there, or ``""``."""
        pending = self._tables[PENDING]
        name = minion_id if pending.key_of(minion_id) is not None else pending.sharing_metrics(minion_id)
        stranger = pending.key_of(name) if name else None
        if name is None or stranger is None or stranger == key:
            return ""
        address = self._places[PENDING].address_of(name)
        self._remove(PENDING, name)
        if name == minion_id:
            self._deny(minion_id, stranger, ACCEPTED, address)
        return stranger

    def _leave(self, key: str) -> None:
        """Give up the places of a key that is pending or accepted now."""
        for state in (PENDING, DENIED):
            name = self._tables[state].id_of(key)
            if name is not None:
                self._remove(state, name)

    def _seen(self, state: str, minion_id: str, address: str) -> None:
        if self._places[state].seen(minion_id, self._clock(), address):
            self.store.touch(state, minion_id)

    def _expire(self) -> None:
        """Delete the keys whose agents weren't there for too long: a bounded number now and then."""
        now, set_s = self._steps.look()
        if set_s:
            self._expired_at = now
            for places in self._places.values():
                places.clock_was_set(set_s, now)
        if now - self._expired_at < EXPIRE_EVERY_S:
            return
        self._expired_at = now
        for state, places in self._places.items():
            expired = places.expired(now)[:MAX_EXPIRED_AT_ONCE]
            try:
                for minion_id in expired:
                    self._remove(state, minion_id)
            except KeyStoreError as error:
                log.error("%s", error)
                return
            if expired:
                more = f" and {len(expired) - 5} more" if len(expired) > 5 else ""
                shown = ", ".join(expired[:5]) + more
                log.info("%s keys were deleted, whose agents weren't there for long: %s", WORDS[state], shown)

    def _put(self, state: str, minion_id: str, key: str, address: str = "") -> None:
        """Store a key where none is. Raises ``KeyStoreError``, also when somebody has just put another one there."""
        if self.store.key(state, minion_id) not in (None, key):
            raise KeyStoreError(f"{minion_id}: another key was put into {state} a moment ago: it stays")
        self.store.put(state, minion_id, key)
        self._watch.wrote(state, minion_id)
        self._tables[state].put(minion_id, key)
        if state in self._places:
            self._places[state].seen(minion_id, self._clock(), address)

    def _remove(self, state: str, minion_id: str) -> None:
        self.store.remove(state, minion_id)
        self._watch.wrote(state, minion_id)
        self._put_files(state, {minion_id: None})

    def _take_delegations(self, minions: Iterable[str], news: Mapping[str, KeyFile | None]) -> None:
        """Look again at the delegations that hang on the accepted keys of *minions*, and at those by operators."""
        delegations = self.delegations
        with delegations.later():
            if news:
                delegations.from_operators({device: file.hosts if file else () for device, file in news.items()})
            delegations.keys_changed(minions)

    def _put_files(self, state: str, files: dict[str, KeyFile | None]) -> None:
        """Take over what is on disk: those that went first, so that an id may change hands."""
        table, places = self._tables[state], self._places.get(state)
        for minion_id in files:
            table.drop(minion_id)
        for minion_id, file in files.items():
            if file is None or file.key is None:
                if places is not None:
                    places.drop(minion_id)
                continue
            table.put(minion_id, file.key)
            if places is not None:
                places.seen(minion_id, file.stamp.changed_ns / 1e9)


def configured_keyring(options: MasterOptions, store: KeyStore) -> Keyring:
    """Return the keyring that *options* ask for, over the keys in *store*."""
    return Keyring(
        store,
        auto_accept=options["auto_accept"],
        max_pending=options["max_pending_keys"],
        max_pending_per_address=options["max_pending_keys_per_address"],
        pending_ttl_s=options["pending_key_hours"] * 3600,
        steady=time.monotonic,
        cachedir=options["cachedir"],
    )
