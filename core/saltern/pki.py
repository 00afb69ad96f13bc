"""Keys on disk: a daemon's own CURVE pair, and a master's store of minions' public keys.

A public key is 40 characters of Z85 (ZeroMQ RFC 32). The store is a folder a state, a file a minion, as Salt's::

    pki/minions/<id>            accepted
    pki/minions_pre/<id>        waiting
    pki/minions_rejected/<id>   rejected
    pki/minions_denied/<id>     a second key that came for an id that is taken
    pki/invites/<digest>        join tokens not used yet, by the SHA-256 of their secret

Every change is one rename or unlink, so a store that a program was killed over is still whole.
"""

from __future__ import annotations

import base64
import fnmatch
import os
import re
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from saltern.digest import sha256
from saltern.errors import IdError, KeyStoreError, WireError
from saltern.files import make_folder, write_private
from saltern.ids import check_minion_id
from saltern.wire import pack_value, unpack_value

ACCEPTED, PENDING, REJECTED, DENIED = "minions", "minions_pre", "minions_rejected", "minions_denied"
STATES = (ACCEPTED, PENDING, REJECTED, DENIED)

INVITE_TTL_S = 3600
_Z85_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
_TOKEN_PREFIX = "saltern1."  # noqa: S105  # names the format


def check_key(value: object) -> str:
    """Return *value* when it is a public key, 40 characters of Z85. Raises ``KeyStoreError``."""
    if isinstance(value, str) and _Z85_KEY.fullmatch(value):
        return value
    raise KeyStoreError(f"{value!r:.60} is not a public key: a key is 40 characters of Z85")


def fingerprint(key: str) -> str:
    """Return a public key's SHA-256 fingerprint, ``ab:cd:…``, 32 pairs."""
    digits = sha256(key.encode()).hexdigest()
    return ":".join(digits[i : i + 2] for i in range(0, 64, 2))


class KeyPair(NamedTuple):
    """A CURVE key pair in Z85."""

    public: str
    secret: str


def own_keys(pki_dir: str, name: str) -> KeyPair:
    """Return the pair in ``<pki_dir>/<name>.key``, made on first use, readable by its owner alone.

    ``<name>.pub`` holds the public half. Raises ``KeyStoreError``.
    """
    path = os.path.join(pki_dir, f"{name}.key")
    try:
        with open(path, encoding="ascii") as stream:
            public, secret = stream.read().split()
        if os.stat(path).st_mode & 0o077:
            raise KeyStoreError(f"{path}: others may read this secret key: run chmod 600 {path}")
        return KeyPair(check_key(public), check_key(secret))
    except FileNotFoundError:
        return _new_keys(pki_dir, name)
    except (OSError, ValueError) as error:
        raise KeyStoreError(f"{path}: can't be used as a key: {error}") from None


def _new_keys(pki_dir: str, name: str) -> KeyPair:
    import zmq  # the command line, which only lists keys, does without

    public, secret = (half.decode() for half in zmq.curve_keypair())
    try:
        make_folder(pki_dir, 0o700)
        write_private(os.path.join(pki_dir, f"{name}.pub"), f"{public}\n".encode())
        write_private(os.path.join(pki_dir, f"{name}.key"), f"{public}\n{secret}\n".encode())
    except OSError as error:
        raise KeyStoreError(f"{pki_dir}: a key can't be made here: {error.strerror}") from None
    return KeyPair(public, secret)


class Invite(NamedTuple):
    """What a join token says: where the master is, its key, and a secret that is good once."""

    host: str
    publish_port: int
    ret_port: int
    master_key: str
    secret: str

    def token(self) -> str:
        """Return the one line to paste on a new host."""
        return _TOKEN_PREFIX + base64.urlsafe_b64encode(pack_value(list(self))).decode().rstrip("=")


def read_token(token: str) -> Invite:
    """Return what a join token says. Raises ``KeyStoreError`` for anything else."""
    problem = "this is not a join token: paste the whole line that saltern-key --invite printed"
    if not token.startswith(_TOKEN_PREFIX):
        raise KeyStoreError(problem)
    try:
        text = token[len(_TOKEN_PREFIX) :]
        fields: Any = unpack_value(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        host, publish_port, ret_port, key, secret = fields
        return Invite(str(host), int(publish_port), int(ret_port), check_key(key), str(secret))
    except (ValueError, TypeError, WireError):
        raise KeyStoreError(problem) from None


class KeyStore:
    """The minions' keys of one master, under *pki_dir*."""

    def __init__(self, pki_dir: str) -> None:
        self.pki_dir = pki_dir

    def create(self) -> None:
        """Make the folders that are missing. Raises ``KeyStoreError``."""
        try:
            for state in (*STATES, "invites"):
                make_folder(os.path.join(self.pki_dir, state), 0o700)
        except OSError as error:
            raise KeyStoreError(f"{self.pki_dir}: folders for keys can't be made: {error.strerror}") from None

    def stamp(self) -> tuple[int, ...]:
        """Return a value that changes when a key is added, moved or removed by anyone."""
        return tuple(self._mtime(state) for state in STATES)

    def ids(self, state: str) -> list[str]:
        """Return the ids in *state*, sorted; files outside the ids' grammar are not ours."""
        try:
            names = os.listdir(os.path.join(self.pki_dir, state))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise KeyStoreError(f"{self.pki_dir}/{state}: can't be read: {error.strerror}") from None
        return sorted(name for name in names if _is_id(name))

    def list_all(self) -> dict[str, list[str]]:
        """Return the ids of each state: ``{"minions": […], "minions_pre": […], …}``."""
        return {state: self.ids(state) for state in STATES}

    def key(self, state: str, minion_id: str) -> str | None:
        """Return the key of a minion in *state*, or ``None``."""
        try:
            with open(self._path(state, minion_id), encoding="ascii") as stream:
                return check_key(stream.read().strip())
        except (OSError, UnicodeDecodeError, KeyStoreError):
            return None

    def put(self, state: str, minion_id: str, key: str) -> None:
        """Store a minion's key in *state*. Raises ``KeyStoreError``, ``IdError``."""
        try:
            write_private(self._path(state, minion_id), f"{check_key(key)}\n".encode())
        except OSError as error:
            raise KeyStoreError(f"{self._path(state, minion_id)}: can't be written: {error.strerror}") from None

    def move(self, pattern: str, source: Iterable[str], target: str) -> list[str]:
        """Move the ids that match the glob *pattern* from the *source* states to *target*; return them."""
        moved = []
        for state in source:
            for minion_id in fnmatch.filter(self.ids(state), pattern):
                try:
                    os.replace(self._path(state, minion_id), self._path(target, minion_id))
                except FileNotFoundError:
                    continue  # another program was quicker
                except OSError as error:
                    raise KeyStoreError(f"{minion_id}: its key can't be moved: {error.strerror}") from None
                moved.append(minion_id)
        return sorted(moved)

    def delete(self, pattern: str, states: Iterable[str] = STATES) -> dict[str, list[str]]:
        """Delete the keys of the ids that match the glob *pattern*; return them by state."""
        deleted: dict[str, list[str]] = {}
        for state in states:
            for minion_id in fnmatch.filter(self.ids(state), pattern):
                try:
                    os.unlink(self._path(state, minion_id))
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise KeyStoreError(f"{minion_id}: its key can't be deleted: {error.strerror}") from None
                deleted.setdefault(state, []).append(minion_id)
        return deleted

    def match(self, match: str) -> dict[str, list[str]]:
        """Return the ids that the glob *match* means, by state, states without one left out."""
        found = {state: fnmatch.filter(ids, match) for state, ids in self.list_all().items()}
        return {state: ids for state, ids in found.items() if ids}

    def fingers(self, match: str) -> dict[str, dict[str, str]]:
        """Return the fingerprints of the keys whose ids the glob *match* means, by state and id."""
        return {
            state: {minion_id: fingerprint(key) for minion_id in ids if (key := self.key(state, minion_id))}
            for state, ids in self.match(match).items()
        }

    def invite(self, host: str, publish_port: int, ret_port: int, ttl_s: float = INVITE_TTL_S) -> Invite:
        """Return a new invitation, good once within *ttl_s* seconds. Raises ``KeyStoreError``."""
        self.create()
        master_key = self.master_key()
        secret = base64.urlsafe_b64encode(os.urandom(18)).decode()
        path = self._invite_path(secret)
        try:
            write_private(path, f"{time.time() + ttl_s:.0f}\n".encode())
        except OSError as error:
            raise KeyStoreError(f"{path}: can't be written: {error.strerror}") from None
        return Invite(host, publish_port, ret_port, master_key, secret)

    def redeem(self, secret: str) -> bool:
        """Use up an invitation; return whether *secret* was one that was still good."""
        path = self._invite_path(secret)
        try:
            with open(path, encoding="ascii") as stream:
                expires_at = float(stream.read())
            os.unlink(path)  # whoever unlinks it has it: a second redeemer fails here
        except (OSError, ValueError):
            return False
        return time.time() <= expires_at

    def master_key(self) -> str:
        """Return the master's own public key. Raises ``KeyStoreError`` when it has none yet."""
        path = os.path.join(self.pki_dir, "master.pub")
        try:
            with open(path, encoding="ascii") as stream:
                return check_key(stream.read().strip())
        except OSError as error:
            raise KeyStoreError(
                f"{path}: the master's key can't be read ({error.strerror}): start saltern-master once to make it"
            ) from None

    def _invite_path(self, secret: str) -> str:
        return os.path.join(self.pki_dir, "invites", sha256(secret.encode("utf-8", "replace")).hexdigest())

    def _path(self, state: str, minion_id: str) -> str:
        return os.path.join(self.pki_dir, state, check_minion_id(minion_id))

    def _mtime(self, state: str) -> int:
        try:
            return os.stat(os.path.join(self.pki_dir, state)).st_mtime_ns
        except OSError:
            return 0


def _is_id(name: str) -> bool:
    try:
        check_minion_id(name)
    except IdError:
        return False
    return True
