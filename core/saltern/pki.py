"""What agent and master both know of keys: their form, and a daemon's own CURVE pair.

A public key is 40 characters of Z85 (ZeroMQ RFC 32). The minions' keys of a master are in ``saltern.keystore``.
"""

from __future__ import annotations

import os
import re

from saltern.digest import sha256
from saltern.errors import KeyStoreError, os_errors
from saltern.files import make_private_folder, write_private
from saltern.named import NamedTuple

NOT_ALLOWED = "permission denied: run as root, or set pki_dir to a folder of this user's"

_Z85_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
MAX_KEY_FILE_BYTES = 4096


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

    ``<name>.pub`` holds the public half. Raises ``KeyStoreError``, which never shows what the file holds.
    """
    path = os.path.join(pki_dir, f"{name}.key")
    try:
        with open(path, "rb") as stream:
            text = stream.read(MAX_KEY_FILE_BYTES).decode("ascii", "replace")
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return _new_keys(pki_dir, name)
    except PermissionError:
        raise KeyStoreError(f"{path}: can't be read: {NOT_ALLOWED}", path=path) from None
    except OSError as error:
        raise KeyStoreError(f"{path}: can't be used as a key: {error}", path=path) from None
    if mode & 0o077:
        raise KeyStoreError(f"{path}: others may read this secret key: run chmod 600 {path}", path=path)
    halves = text.split()
    if len(halves) != 2 or not all(map(_Z85_KEY.fullmatch, halves)):
        raise KeyStoreError(
            f"{path}: {'holds no key pair' if text.strip() else 'is empty'}: bring it back from a backup, or move it "
            "away and a new one is made, which nobody knows yet",
            path=path,
        )
    return KeyPair(*halves)


def new_pair() -> KeyPair:
    """Return a new pair."""
    import zmq  # the command line, which only lists keys, does without

    public, secret = (half.decode() for half in zmq.curve_keypair())
    return KeyPair(public, secret)


def _new_keys(pki_dir: str, name: str) -> KeyPair:
    pair = new_pair()
    with os_errors(KeyStoreError, pki_dir, "a key can't be made here"):
        try:
            make_private_folder(pki_dir)
            write_private(os.path.join(pki_dir, f"{name}.pub"), f"{pair.public}\n".encode())
            write_private(os.path.join(pki_dir, f"{name}.key"), f"{pair.public}\n{pair.secret}\n".encode())
        except PermissionError:
            raise KeyStoreError(f"{pki_dir}: a key can't be made here: {NOT_ALLOWED}", path=pki_dir) from None
    return pair
