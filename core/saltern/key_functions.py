"""The ``key.*`` functions: what may be done with minions' keys, over a key store.

Those that take a glob are for Salt's users. Whoever shows keys to a person first and acts after a yes takes
``resolve`` and then the exact forms (``accept_keys``, …), which act on the keys that were shown and on no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from saltern.delegation_functions import DelegationFunctions, Hosts
from saltern.errors import IdError, KeyStoreError
from saltern.host_name import check_host
from saltern.ids import check_minion_id
from saltern.invites import INVITE_TTL_S
from saltern.keystore import ACCEPTED, DENIED, PENDING, REJECTED, STATES, WORDS, KeyRef, KeyStore
from saltern.metric_segment import place, sharing_metrics
from saltern.pki import fingerprint, new_pair
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


PROXIED = "minions_proxied"
"""Beside the states of keys: the devices, which have none."""
Ids = dict[str, list[str]]
"""Minions' ids by the state of their keys."""
_BEGINNINGS = {"acc": ACCEPTED, "pre": PENDING, "un": PENDING, "rej": REJECTED, "den": DENIED}
MASTER_PUB = "master.pub"


class Done(TypedDict):
    """What became of exact keys: the ids that were done, by state, and a line for each key that was refused."""

    done: dict[str, list[str]]
    refused: list[str]


class KeyFunctions:
    """The functions over *store*. All raise ``KeyStoreError`` when the store can't be read or written."""

    def __init__(self, store: KeyStore, proxied: Callable[[], Hosts] | None = None) -> None:
        """*proxied* returns the hosts of all devices; by default those that operators gave them."""
        self._store = store
        self._proxied = proxied
        self.changed: list[tuple[str, str]] = []
        """What was done since this was made: ``accept``, ``reject``, ``delete``, ``delegate`` or ``undelegate``, and
        the minion's id.
        """
        self._delegations = DelegationFunctions(store, self.changed)

    def table(self) -> dict[str, Callable[..., Any]]:
        """Return the functions by their names."""
        return {
            "key.list_all": self.list_all,
            "key.list": self.list_state,
            "key.name_match": self.name_match,
            "key.glob_match": self.name_match,
            "key.finger": self.finger,
            "key.finger_master": self.finger_master,
            "key.print": self.print_keys,
            "key.key_str": self.print_keys,
            "key.master_key_str": self.master_key_str,
            "key.gen": self.gen,
            "key.gen_accept": self.gen_accept,
            "key.resolve": self.resolve,
            "key.accept": self.accept,
            "key.reject": self.reject,
            "key.delete": self.delete,
            "key.accept_dict": self.accept_dict,
            "key.reject_dict": self.reject_dict,
            "key.delete_dict": self.delete_dict,
            "key.accept_keys": self.accept_keys,
            "key.reject_keys": self.reject_keys,
            "key.delete_keys": self.delete_keys,
            "key.delegate": self._delegations.delegate,
            "key.undelegate": self._delegations.undelegate,
            "key.delegated": self._delegations.delegated,
            "key.invite": self.invite,
        }

    def list_all(self) -> dict[str, Any]:
        """List the ids of every state, and as ``local`` the files of the master's own keys.

        Where there are devices that hosts speak for, ``minions_proxied`` has them, each with its host, or a list of
        them.
        """
        devices = (self._proxied or self._store.delegated.all)()
        proxied = {device: hosts[0] if len(hosts) == 1 else list(hosts) for device, hosts in devices.items()}
        listed = {**self._store.list_all(), "local": self._store.own_files()}
        return {**listed, PROXIED: proxied} if proxied else listed

    def list_state(self, match: str) -> dict[str, Any]:
        """List the ids of one state, by Salt's words for it: ``acc``, ``un``, ``rej``, ``den``, ``all``.

        ``proxied`` lists the devices.
        """
        everything = self.list_all()
        if match == "all":
            return everything
        if match.startswith("prox"):
            return {PROXIED: everything.get(PROXIED, {})}
        state = _STATE_NAMES.get(match) or next((s for word, s in _BEGINNINGS.items() if match.startswith(word)), None)
        return {state: everything[state]} if state else {}

    def name_match(self, match: str) -> dict[str, list[str]]:
        """List the ids that the glob *match* means, by state: ``{"minions": ["web01"]}``; several globs as ``a,b``."""
        return self._store.match(match)

    def finger(self, match: str, hash_type: str | None = None) -> dict[str, dict[str, str]]:
        """Show the fingerprints of the keys whose ids the glob *match* means, by state and id; *hash_type*: sha256."""
        _check_hash(hash_type)
        shown: dict[str, dict[str, str]] = {}
        for ref in self._store.resolve(match):
            if ref.fingerprint:
                shown.setdefault(ref.state, {})[ref.minion_id] = ref.fingerprint
        return shown

    def finger_master(self, hash_type: str | None = None) -> dict[str, dict[str, str]]:
        """Show the fingerprint of the master's own key, ``{"local": {"master.pub": …}}``; *hash_type*: sha256."""
        _check_hash(hash_type)
        return {"local": {MASTER_PUB: fingerprint(self._store.master_key())}}

    def master_key_str(self) -> dict[str, dict[str, str]]:
        """Show the master's own public key, ``{"local": {"master.pub": …}}``, as an agent's ``master_key`` takes it."""
        return {"local": {MASTER_PUB: self._store.master_key()}}

    def gen(self, id_: str | None = None, keysize: int = 2048) -> dict[str, str]:
        """Make a key pair for a minion, as its files hold it (``minion.key``, ``minion.pub``); nothing is kept of it.

        *id_* and *keysize* change nothing: these keys have no name and one size.
        """
        pair = new_pair()
        return {"priv": f"{pair.public}\n{pair.secret}\n", "pub": f"{pair.public}\n"}

    def gen_accept(self, id_: str, keysize: int = 2048, force: bool = False) -> dict[str, str]:
        """Make a key pair for the minion *id_* and accept it; the pair is shown once, the public half is kept.

        Nothing is done, and ``{}`` returned, when there is a key for that id, in whatever state, unless *force*: then
        it replaces the accepted one.
        """
        check_minion_id(id_)
        if not force and any(ref.minion_id == id_ for ref in self._store.resolve(id_)):
            return {}
        self._check_place(id_)
        made = self.gen()
        self._store.put(ACCEPTED, id_, made["pub"].strip())
        self.changed.append(("accept", id_))
        return made

    def print_keys(self, match: str) -> dict[str, dict[str, str]]:
        """Show the public keys whose ids the glob *match* means, by state and id."""
        return self._store.keys(match)

    def resolve(self, match: str, states: Sequence[str] = STATES) -> list[list[str]]:
        """Show the keys whose ids the glob *match* means, as ``[state, id, fingerprint]``.

        *states*: those to look in, by their folders' names or Salt's words. A fingerprint is ``""`` where the file
        holds no key.
        """
        return [list(ref) for ref in self._store.resolve(match, [state_named(state) for state in states])]

    def accept(self, match: str, include_rejected: bool = False, include_denied: bool = False) -> Ids:
        """Accept the pending keys whose ids the glob *match* means, and rejected or denied ones when asked to.

        Returns where the keys that it means are now, by state.
        """
        states = [PENDING, *([REJECTED] if include_rejected else []), *([DENIED] if include_denied else [])]
        _all_or_error(self.accept_keys(self.resolve(match, states)))
        return self._store.match(match)

    def reject(self, match: str, include_accepted: bool = False, include_denied: bool = False) -> Ids:
        """Reject the pending keys whose ids the glob *match* means, and accepted or denied ones when asked to.

        Returns where the keys that it means are now, by state.
        """
        states = [PENDING, *([ACCEPTED] if include_accepted else []), *([DENIED] if include_denied else [])]
        _all_or_error(self.reject_keys(self.resolve(match, states)))
        return self._store.match(match)

    def delete(self, match: str) -> Ids:
        """Delete the keys, of any state, whose ids the glob *match* means, and return them by state."""
        return _all_or_error(self.delete_keys(self.resolve(match)))

    def accept_dict(self, match: Ids, include_rejected: bool = False, include_denied: bool = False) -> Ids:
        """Accept the keys of ``{state: [ids]}``, those that are pending, and others when asked to.

        Returns where these ids' keys are now.
        """
        states = [PENDING, *([REJECTED] if include_rejected else []), *([DENIED] if include_denied else [])]
        _all_or_error(self.accept_keys(self._named(match, states)))
        return self._where(match)

    def reject_dict(self, match: Ids, include_accepted: bool = False, include_denied: bool = False) -> Ids:
        """Reject the keys of ``{state: [ids]}``, those that are pending, and others when asked to.

        Returns where these ids' keys are now.
        """
        states = [PENDING, *([ACCEPTED] if include_accepted else []), *([DENIED] if include_denied else [])]
        _all_or_error(self.reject_keys(self._named(match, states)))
        return self._where(match)

    def delete_dict(self, match: Ids) -> Ids:
        """Delete the keys of ``{state: [ids]}``, each when it is in that state, and return them by state."""
        return _all_or_error(self.delete_keys(self._named(match, STATES)))

    def _each(self, called: str, keys: list[list[str]], act: Callable[[KeyRef], str]) -> Done:
        """Do *act*, which returns the state that a key is listed under, on each key by itself."""
        answer: Done = {"done": {}, "refused": []}
        for ref in [_ref(key) for key in keys]:
            try:
                answer["done"].setdefault(act(ref), []).append(ref.minion_id)
                self.changed.append((called, ref.minion_id))
            except (KeyStoreError, IdError) as error:
                answer["refused"].append(str(error))
        return answer

    def _named(self, match: Ids, states: Sequence[str]) -> list[list[str]]:
        """Return those keys of ``{state: [ids]}`` that are there and in one of *states*."""
        wanted = {(state_named(state), minion_id) for state, ids in match.items() for minion_id in _ids(ids)}
        return [list(ref) for ref in self._store.resolve("*", states) if (ref.state, ref.minion_id) in wanted]

    def _where(self, match: Ids) -> Ids:
        wanted = {minion_id for ids in match.values() for minion_id in _ids(ids)}
        found = {state: [one for one in ids if one in wanted] for state, ids in self._store.list_all().items()}
        return {state: ids for state, ids in found.items() if ids}

    def _check_place(self, minion_id: str) -> None:
        """Raise ``KeyStoreError`` when the minion's metrics would overwrite those of another one."""
        for other in self._store.ids(ACCEPTED):
            if other != minion_id and place(other) == place(minion_id):
                raise KeyStoreError(sharing_metrics(minion_id, other), minion=minion_id)

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

        return self._each("accept", keys, accept)

    def reject_keys(self, keys: list[list[str]]) -> Done:
        """Reject exactly *keys*, each ``[state, id, fingerprint]``; one that changed since is refused by a line."""

        def reject(ref: KeyRef) -> str:
            self._store.move(ref, REJECTED)
            return REJECTED

        return self._each("reject", keys, reject)

    def delete_keys(self, keys: list[list[str]]) -> Done:
        """Delete exactly *keys*, each ``[state, id, fingerprint]``; one that changed since is refused by a line."""

        def delete(ref: KeyRef) -> str:
            self._store.delete(ref)
            return ref.state

        return self._each("delete", keys, delete)

    def invite(
        self, host: str, publish_port: int = 0, ret_port: int = 0, ttl_s: float = INVITE_TTL_S, minion_id: str = ""
    ) -> str:
        """Return a join token that is good once, within *ttl_s* seconds, and for *minion_id* alone if given.

        *host*, *publish_port* and *ret_port* are where the new host finds this master; one that runs puts its own
        ports where they are left out. Raises ``IdError`` for what is no host name or address, or no minion's own id.
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


def _ids(value: object) -> list[str]:
    """Return a list of ids that was given. Raises ``KeyStoreError`` for anything else."""
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return list(value)
    raise KeyStoreError(f"{shown(value, 80)} is no list of ids: give {{state: [ids]}}, as key.list_all returns it")


def _check_hash(hash_type: str | None) -> None:
    if hash_type not in (None, "sha256"):
        raise KeyStoreError(f"hash_type {shown(hash_type, 20)}: fingerprints are SHA-256: leave it out")


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
