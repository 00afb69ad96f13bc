"""A master's store of minions' public keys: a folder a state, a file a minion, as Salt's.

::

    pki/minions/<id>            accepted
    pki/minions_pre/<id>        waiting
    pki/minions_rejected/<id>   rejected
    pki/minions_denied/<id>     a second key that came for an id that is taken
    pki/invites/<digest>        join tokens not used yet (``saltern.invites``)
    pki/delegated/<device>      the hosts that speak for a device (``saltern.delegated``)

Every change is made of renames and unlinks, and only ever to the key that was meant: the file is first renamed away,
then read, so nobody can put another in its place meanwhile. A store that a program was killed over is still whole;
at worst a key is missing in it, which its agent brings again.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple

from saltern.delegated import Delegated
from saltern.errors import IdError, KeyChanged, KeyStoreError, os_errors
from saltern.files import make_private_folder, write_private
from saltern.ids import check_minion_id
from saltern.invites import INVITE_TTL_S, Invites
from saltern.join_token import Invite
from saltern.pki import check_key, fingerprint

ACCEPTED, PENDING, REJECTED, DENIED = "minions", "minions_pre", "minions_rejected", "minions_denied"
STATES = (ACCEPTED, PENDING, REJECTED, DENIED)
WORDS = {ACCEPTED: "accepted", PENDING: "pending", REJECTED: "rejected", DENIED: "denied"}
"""What a key in each state is called in a sentence, and after ``saltern-key --state``."""


class KeyRef(NamedTuple):
    """One key as it was shown: its state, its minion's id, and its fingerprint (``""``: not readable as a key)."""

    state: str
    minion_id: str
    fingerprint: str


class FileStamp(NamedTuple):
    """What changes with a key's file: times in ns (``changed_ns`` also when it is moved), and its inode."""

    modified_ns: int
    changed_ns: int
    inode: int


class KeyStore:
    """The minions' keys of one master, under *pki_dir*."""

    def __init__(self, pki_dir: str) -> None:
        self.pki_dir = pki_dir
        self.invites = Invites(pki_dir)
        self.delegated = Delegated(pki_dir)

    def create(self) -> None:
        """Make the folders that are missing. Raises ``KeyStoreError``."""
        with os_errors(KeyStoreError, self.pki_dir, "folders for keys can't be made"):
            for state in (*STATES, "invites"):
                make_private_folder(os.path.join(self.pki_dir, state))

    def stamp(self, state: str) -> int:
        """Return a time (ns) that changes when a key of *state* is added, moved or removed by anyone."""
        try:
            return os.stat(os.path.join(self.pki_dir, state)).st_mtime_ns
        except OSError:
            return 0

    def listing(self, state: str) -> dict[str, FileStamp]:
        """Return the ids in *state* and their files' stamps; files outside the ids' grammar are not ours.

        Raises ``KeyStoreError``; a folder that is missing holds nothing.
        """
        found = {}
        folder = os.path.join(self.pki_dir, state)
        with (
            os_errors(KeyStoreError, folder, "can't be read"),
            contextlib.suppress(FileNotFoundError),
            os.scandir(folder) as entries,
        ):
            for entry in entries:
                with contextlib.suppress(IdError, FileNotFoundError):
                    minion_id, status = check_minion_id(entry.name), entry.stat()
                    found[minion_id] = FileStamp(status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        return found

    def ids(self, state: str) -> list[str]:
        """Return the ids in *state*, sorted. Raises ``KeyStoreError``."""
        return sorted(self.listing(state))

    def list_all(self) -> dict[str, list[str]]:
        """Return the ids of each state: ``{"minions": […], "minions_pre": […], …}``.

        Raises ``KeyStoreError``, also when no master ever kept keys here.
        """
        self._must_exist()
        return {state: self.ids(state) for state in STATES}

    def own_files(self) -> list[str]:
        """Return the names of the files with the master's own keys, those that are there."""
        return [name for name in ("master.key", "master.pub") if os.path.exists(os.path.join(self.pki_dir, name))]

    def key(self, state: str, minion_id: str) -> str | None:
        """Return the key of a minion in *state*, or ``None``."""
        return _read(self._path(state, minion_id))

    def put(self, state: str, minion_id: str, key: str) -> None:
        """Store a minion's key in *state*. Raises ``KeyStoreError``, ``IdError``."""
        path = self._path(state, minion_id)
        with os_errors(KeyStoreError, path, "can't be written", minion=minion_id):
            write_private(path, f"{check_key(key)}\n".encode())

    def remove(self, state: str, minion_id: str) -> None:
        """Remove a minion's key from *state*, if it is there. Raises ``KeyStoreError``."""
        path = self._path(state, minion_id)
        with _key_errors(path, minion_id, "deleted"), contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def touch(self, state: str, minion_id: str) -> None:
        """Note on a key's file that its agent is there now. Raises ``KeyStoreError``."""
        path = self._path(state, minion_id)
        with _key_errors(path, minion_id, "touched"), contextlib.suppress(FileNotFoundError):
            os.utime(path)

    def resolve(self, match: str, states: Iterable[str] = STATES) -> list[KeyRef]:
        """Return the keys whose ids the glob *match* means, by state, then id; ``a,b`` are several globs.

        Raises ``KeyStoreError``, also when no master ever kept keys here.
        """
        self._must_exist()
        return [
            KeyRef(state, minion_id, fingerprint(key) if (key := self.key(state, minion_id)) else "")
            for state in states
            for minion_id in matching(self.ids(state), match)
        ]

    def keys(self, match: str) -> dict[str, dict[str, str]]:
        """Return the public keys whose ids the glob *match* means, by state and id; what is no key is left out.

        Raises ``KeyStoreError``.
        """
        found: dict[str, dict[str, str]] = {}
        for state, ids in self.match(match).items():
            for minion_id in ids:
                if key := self.key(state, minion_id):
                    found.setdefault(state, {})[minion_id] = key
        return found

    def match(self, match: str) -> dict[str, list[str]]:
        """Return the ids that the glob *match* means, by state, states without one left out."""
        found = {state: matching(ids, match) for state, ids in self.list_all().items()}
        return {state: ids for state, ids in found.items() if ids}

    def move(self, ref: KeyRef, target: str) -> None:
        """Move exactly the key *ref* to the state *target*.

        Raises ``KeyChanged`` when it is another key meanwhile, ``KeyStoreError`` when another has its place there.
        """
        other = self.key(target, ref.minion_id)
        if other is not None and fingerprint(other) != ref.fingerprint:
            raise KeyStoreError(
                f"{ref.minion_id}: another key is {WORDS[target]} for it: delete that one first "
                f"(saltern-key -d {ref.minion_id} --state {WORDS[target]})",
                minion=ref.minion_id,
            )
        taken = self._take(ref)
        with _key_errors(taken, ref.minion_id, "moved"):
            try:
                os.replace(taken, self._path(target, ref.minion_id))
            except OSError:
                self._give_back(taken, ref)
                raise

    def delete(self, ref: KeyRef) -> None:
        """Delete exactly the key *ref*. Raises ``KeyChanged`` when it is another meanwhile, ``KeyStoreError``."""
        taken = self._take(ref)
        with _key_errors(taken, ref.minion_id, "deleted"):
            os.unlink(taken)

    def invite(
        self, host: str, publish_port: int, ret_port: int, ttl_s: float = INVITE_TTL_S, minion_id: str = ""
    ) -> Invite:
        """Return a new invitation, good once within *ttl_s* seconds, for *minion_id* alone if one is given.

        Raises ``KeyStoreError``, ``IdError``.
        """
        master_key = self.master_key()
        return Invite(host, publish_port, ret_port, master_key, self.invites.new(ttl_s, minion_id))

    def master_key(self) -> str:
        """Return the master's own public key. Raises ``KeyStoreError`` when it has none yet."""
        path = os.path.join(self.pki_dir, "master.pub")
        try:
            with open(path, encoding="ascii") as stream:
                return check_key(stream.read().strip())
        except OSError as error:
            raise KeyStoreError(
                f"{path}: the master's key can't be read ({error.strerror}): start saltern-master once to make it",
                path=path,
            ) from None

    def _must_exist(self) -> None:
        if not os.path.isdir(os.path.join(self.pki_dir, ACCEPTED)):
            raise KeyStoreError(
                f"{self.pki_dir}: no master ever kept keys here: start saltern-master, "
                "or name its configuration by --config-dir",
                path=self.pki_dir,
            )

    def _take(self, ref: KeyRef) -> str:
        """Rename the file of *ref* away, where nobody else works on it, and return its path there."""
        text = f"{ref.minion_id}: its {WORDS[ref.state]} key changed meanwhile: look at it again"
        changed = KeyChanged(text, minion=ref.minion_id)
        source = self._path(ref.state, ref.minion_id)
        if not _is(source, ref):
            raise changed
        taken = os.path.join(self.pki_dir, f".key-{os.getpid()}-{threading.get_ident()}")
        with _key_errors(source, ref.minion_id, "moved"):
            try:
                os.rename(source, taken)
            except FileNotFoundError:
                raise changed from None  # another program was quicker
        if not _is(taken, ref):
            self._give_back(taken, ref)
            raise changed
        return taken

    def _give_back(self, taken: str, ref: KeyRef) -> None:
        """Put a file back where it was, unless a newer one is there."""
        with contextlib.suppress(OSError):
            os.link(taken, self._path(ref.state, ref.minion_id))
        with contextlib.suppress(OSError):
            os.unlink(taken)

    def _path(self, state: str, minion_id: str) -> str:
        return os.path.join(self.pki_dir, state, check_minion_id(minion_id))


def matching(ids: list[str], match: str) -> list[str]:
    """Return those of *ids* that *match*, globs with commas between them, means, in their order."""
    meant = {minion_id for glob in match.split(",") for minion_id in fnmatch.filter(ids, glob)}
    return [minion_id for minion_id in ids if minion_id in meant]


def _key_errors(path: str, minion_id: str, done: str) -> AbstractContextManager[None]:
    """Return what says of an ``OSError`` that a minion's key, the file at *path*, can't be *done* (deleted)."""
    return os_errors(KeyStoreError, path, f"its key can't be {done}", called=minion_id, minion=minion_id)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as stream:
            return check_key(stream.read(1000).strip())
    except (OSError, UnicodeDecodeError, KeyStoreError):
        return None


def _is(path: str, ref: KeyRef) -> bool:
    """Return whether the file at *path* holds the key of *ref*."""
    key = _read(path)
    return (fingerprint(key) if key else "") == ref.fingerprint and os.path.exists(path)
