"""The ``key.*`` functions: what may be done with minions' keys, over a key store.

Those that take a glob are for Salt's users. Whoever shows keys to a person first and acts after a yes takes
``resolve`` and then the exact forms (``accept_keys``, …), which act on the keys that were shown and on no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, TypedDict

from saltern.errors import IdError, KeyStoreError
from saltern.host_name import check_host
from saltern.invites import INVITE_TTL_S
from saltern.keystore import ACCEPTED, DENIED, PENDING, REJECTED, STATES, WORDS, KeyRef, KeyStore
from saltern.metric_segment import place
from saltern.visible import shown

MAX_REFUSALS_SHOWN = 5
MAX_TTL_S = 366 * 86400

_STATE_NAMES = {
    **{state: state for state in STATES},
    **{word: state for state, word in WORDS.items()},
    **{word[:3]: state for state, word in WORDS.items()},
    "pre": PENDING,
    "un": PENDING,
    "unaccepted": PENDING,
}


class Done(TypedDict):
    """What became of exact keys: the ids that were done, by state, and a line for each key that was refused."""

    done: dict[str, list[str]]
    refused: list[str]


class KeyFunctions:
    """The functions over *store*. All raise ``KeyStoreError`` when the store can't be read or written."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    def table(self) -> dict[str, Callable[..., Any]]:
        """Return the functions by their names."""
        return {
            "key.list_all": self.list_all,
            "key.list": self.list_state,
            "key.name_match": self.name_match,
            "key.finger": self.finger,
            "key.print": self.print_keys,
            "key.resolve": self.resolve,
            "key.accept": self.accept,
            "key.reject": self.reject,
            "key.delete": self.delete,
            "key.accept_keys": self.accept_keys,
            "key.reject_keys": self.reject_keys,
            "key.delete_keys": self.delete_keys,
            "key.invite": self.invite,
        }

    def list_all(self) -> dict[str, list[str]]:
        """List the ids of every state."""
        return self._store.list_all()

    def list_state(self, match: str) -> list[str]:
        """List the ids of one state, by Salt's words for it: ``acc``, ``un``, ``rej``, ``den``, ``all``."""
        everything = self._store.list_all()
        if match == "all":
            return sorted(chain.from_iterable(everything.values()))
        state = _STATE_NAMES.get(match)
        return everything[state] if state else []

    def name_match(self, match: str) -> dict[str, list[str]]:
        """List the ids that the glob *match* means, by state."""
        return self._store.match(match)

    def finger(self, match: str) -> dict[str, dict[str, str]]:
        """Show the fingerprints of the keys whose ids the glob *match* means, by state and id."""
        shown: dict[str, dict[str, str]] = {}
        for ref in self._store.resolve(match):
            if ref.fingerprint:
                shown.setdefault(ref.state, {})[ref.minion_id] = ref.fingerprint
        return shown

    def print_keys(self, match: str) -> dict[str, dict[str, str]]:
        """Show the public keys whose ids the glob *match* means, by state and id."""
        return self._store.keys(match)

    def resolve(self, match: str, states: Sequence[str] = STATES) -> list[list[str]]:
        """Show the keys whose ids the glob *match* means, as ``[state, id, fingerprint]``.

        *states*: those to look in, by their folders' names or Salt's words. A fingerprint is ``""`` where the file
        holds no key.
        """
        return [list(ref) for ref in self._store.resolve(match, [state_named(state) for state in states])]

    def accept(self, match: str, include_rejected: bool = False, include_denied: bool = False) -> dict[str, list[str]]:
        """Accept the pending keys whose ids the glob *match* means, and rejected or denied ones when asked to."""
        states = [PENDING, *([REJECTED] if include_rejected else []), *([DENIED] if include_denied else [])]
        return {ACCEPTED: [], **_all_or_error(self.accept_keys(self.resolve(match, states)))}

    def reject(self, match: str, include_accepted: bool = False, include_denied: bool = False) -> dict[str, list[str]]:
        """Reject the pending keys whose ids the glob *match* means, and accepted or denied ones when asked to."""
        states = [PENDING, *([ACCEPTED] if include_accepted else []), *([DENIED] if include_denied else [])]
        return {REJECTED: [], **_all_or_error(self.reject_keys(self.resolve(match, states)))}

    def delete(self, match: str) -> dict[str, list[str]]:
        """Delete the keys, of any state, whose ids the glob *match* means."""
        return _all_or_error(self.delete_keys(self.resolve(match)))

    def accept_keys(self, keys: list[list[str]]) -> Done:
        """Accept exactly *keys*, each ``[state, id, fingerprint]``; one that changed since is refused by a line.

        So is a key whose id another key is accepted for, and one whose metrics another minion's would overwrite.
        """

        places = {place(minion_id): minion_id for minion_id in self._store.ids(ACCEPTED)}

        def accept(ref: KeyRef) -> str:
            other = places.get(place(ref.minion_id), ref.minion_id)
            if other != ref.minion_id:
                raise KeyStoreError(sharing_metrics(ref.minion_id, other), minion=ref.minion_id)
            self._store.move(ref, ACCEPTED)
            places[place(ref.minion_id)] = ref.minion_id
            return ACCEPTED

        return _each(keys, accept)

    def reject_keys(self, keys: list[list[str]]) -> Done:
        """Reject exactly *keys*, each ``[state, id, fingerprint]``; one that changed since is refused by a line."""

        def reject(ref: KeyRef) -> str:
            self._store.move(ref, REJECTED)
            return REJECTED

        return _each(keys, reject)

    def delete_keys(self, keys: list[list[str]]) -> Done:
        """Delete exactly *keys*, each ``[state, id, fingerprint]``; one that changed since is refused by a line."""

        def delete(ref: KeyRef) -> str:
            self._store.delete(ref)
            return ref.state

        return _each(keys, delete)

    def invite(
        self, host: str, publish_port: int, ret_port: int, ttl_s: float = INVITE_TTL_S, minion_id: str = ""
    ) -> str:
        """Return a join token that is good once, within *ttl_s* seconds, and for *minion_id* alone if given.

        *host*, *publish_port* and *ret_port* are where the new host finds this master. Raises ``IdError`` for what is
        no host name or address, or no minion's own id.
        """
        host = check_host(host)
        for name, port in (("publish_port", publish_port), ("ret_port", ret_port)):
            if not (isinstance(port, int) and 0 < port < 65536):
                raise KeyStoreError(
                    f"{name} {shown(port, 20)}: agents can't be sent there: set it to the port's number"
                )
        if not (isinstance(ttl_s, (int, float)) and 0 < ttl_s <= MAX_TTL_S):
            raise KeyStoreError(
                f"a token good for {shown(ttl_s, 20)} s is of no use: give a number of seconds above 0, "
                f"at most {MAX_TTL_S:,} (366 days)"
            )
        return self._store.invite(host, publish_port, ret_port, ttl_s, minion_id).token()


def state_named(word: object) -> str:
    """Return the state that *word* means: a folder's name, or ``acc``, ``un``, ``rej``, ``den`` and the whole words.

    Raises ``KeyStoreError``.
    """
    state = _STATE_NAMES.get(word) if isinstance(word, str) else None
    if state is None:
        raise KeyStoreError(f"{shown(word, 40)} is not a state of keys: use {', '.join(WORDS.values())}")
    return state


def sharing_metrics(minion_id: str, other: str) -> str:
    """Return the line for an id whose metrics would have the names of another minion's."""
    return f"{minion_id}: its metrics would have the names of those of {other!r}: give one of them another id"


def _each(keys: list[list[str]], act: Callable[[KeyRef], str]) -> Done:
    """Do *act*, which returns the state that a key is listed under, on each key by itself."""
    answer: Done = {"done": {}, "refused": []}
    for ref in [_ref(key) for key in keys]:
        try:
            answer["done"].setdefault(act(ref), []).append(ref.minion_id)
        except (KeyStoreError, IdError) as error:
            answer["refused"].append(str(error))
    return answer


def _ref(key: object) -> KeyRef:
    if isinstance(key, (list, tuple)) and len(key) == 3 and all(isinstance(part, str) for part in key):
        return KeyRef(state_named(key[0]), key[1], key[2])
    raise KeyStoreError(f"{shown(key, 80)} is not a key: give [state, id, fingerprint] as key.resolve returns it")


def _all_or_error(answer: Done) -> dict[str, list[str]]:
    """Return what was done. Raises ``KeyStoreError`` when some was refused; the others are done all the same."""
    refused = answer["refused"]
    if refused:
        more = f"; and {len(refused) - MAX_REFUSALS_SHOWN} more" if len(refused) > MAX_REFUSALS_SHOWN else ""
        raise KeyStoreError("; ".join(refused[:MAX_REFUSALS_SHOWN]) + more)
    return answer["done"]
