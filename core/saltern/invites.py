"""The join tokens that a master has given out: ``pki/invites/<digest>``, by the SHA-256 of their secret.

A file holds when its token ends (epoch s) and, when it is for one minion alone, that minion's id.
"""

from __future__ import annotations

import base64
import contextlib
import os
import time
from typing import NamedTuple

from saltern.digest import sha256
from saltern.errors import KeyStoreError, os_errors
from saltern.files import make_private_folder, write_private
from saltern.ids import check_minion_id

INVITE_TTL_S = 3600
MAX_INVITES = 10_000
SECRET_BYTES = 18
_MAX_SECRET = 200  # characters; ours have 24, and what a stranger sends is hashed


class Redemption(NamedTuple):
    """What became of a token: whether it was *good*; else the *reason*, and whether it is *another* minion's."""

    good: bool
    reason: str = ""
    another: bool = False


class Invites:
    """The invitations under *pki_dir*."""

    def __init__(self, pki_dir: str) -> None:
        self._folder = os.path.join(pki_dir, "invites")

    def new(self, ttl_s: float = INVITE_TTL_S, minion_id: str = "") -> str:
        """Return the secret of a new invitation, good once within *ttl_s* seconds, for *minion_id* alone if given.

        Raises ``KeyStoreError``, ``IdError``.
        """
        if minion_id:
            check_minion_id(minion_id)
        secret = base64.urlsafe_b64encode(os.urandom(SECRET_BYTES)).decode()
        path = self._path(secret)
        with os_errors(KeyStoreError, path, "can't be written"):
            make_private_folder(self._folder)
            self._tidy()
            write_private(path, f"{time.time() + ttl_s:.0f} {minion_id}\n".encode())
        return secret

    def redeem(self, secret: str, minion_id: str) -> Redemption:
        """Use up an invitation for *minion_id*. One that is another minion's stays good for that one."""
        unknown = Redemption(False, "its join token was used before, has ended or is not this master's")
        if len(secret) > _MAX_SECRET:
            return unknown
        path = self._path(secret)
        try:
            expires_at, bound = _read(path)
            if bound not in ("", minion_id):
                return Redemption(False, f"its join token is for {bound!r} alone, not for {minion_id!r}", another=True)
            if time.time() > expires_at:
                return Redemption(False, f"its join token ended at {clock_time(expires_at)}, the master's time")
            os.unlink(path)  # whoever unlinks it has it: a second redeemer fails here
        except (OSError, ValueError):
            return unknown
        return Redemption(True)

    def _tidy(self) -> None:
        """Delete the invitations that ended. Raises ``KeyStoreError`` when too many are left."""
        left = 0
        for name in os.listdir(self._folder):
            path = os.path.join(self._folder, name)
            left += 1
            with contextlib.suppress(OSError, ValueError):
                if _read(path)[0] < time.time():
                    os.unlink(path)
                    left -= 1
        if left >= MAX_INVITES:
            raise KeyStoreError(
                f"{self._folder}: {MAX_INVITES:,} invitations are open: delete files there", path=self._folder
            )

    def _path(self, secret: str) -> str:
        return os.path.join(self._folder, sha256(secret.encode("utf-8", "replace")).hexdigest())


def clock_time(epoch_s: float) -> str:
    """Return an instant as this host's clock shows it: ``2026-01-31 23:59:59``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch_s))


def _read(path: str) -> tuple[float, str]:
    """Return when an invitation ends and whose it is. Raises ``OSError``, ``ValueError``."""
    with open(path, encoding="ascii") as stream:
        expires_at, _, minion_id = stream.read(1000).strip().partition(" ")
    return float(expires_at), check_minion_id(minion_id) if minion_id else ""
