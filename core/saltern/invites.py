"""The join tokens that a master has given out: ``pki/invites/<digest>``, by the SHA-256 of their secret.

A file holds when its token ends (epoch s) and, when it is for one minion alone, that minion's id. Once used it is
renamed to ``<digest>.used``, its time set to that of the use. Used and ended ones are kept for a week, so that a host
that comes with one can be told what is wrong with it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import time
from typing import NamedTuple

from saltern.digest import sha256
from saltern.errors import IdError, KeyStoreError, os_errors
from saltern.files import make_private_folder, write_private
from saltern.ids import check_minion_id, names_every_host

INVITE_TTL_S = 3600
KEPT_S = 7 * 86400.0
MAX_INVITES = 10_000
USED = ".used"
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
        if minion_id and names_every_host(check_minion_id(minion_id)):
            raise IdError(f"minion id {minion_id!r} is what every host calls itself: invite one by a name of its own")
        secret = base64.urlsafe_b64encode(os.urandom(SECRET_BYTES)).decode()
        path = self._path(secret)
        with os_errors(KeyStoreError, path, "can't be written"):
            make_private_folder(self._folder)
            self._tidy()
            write_private(path, f"{time.time() + ttl_s:.3f} {minion_id}\n".encode())
        return secret

    def redeem(self, secret: str, minion_id: str) -> Redemption:
        """Use up an invitation for *minion_id*. One that is another minion's stays good for that one."""
        unknown = Redemption(False, "its join token is not known here: another master gave it, or it ended long ago")
        if len(secret) > _MAX_SECRET:
            return unknown
        path = self._path(secret)
        try:
            expires_at, bound = _read(path)
            if bound not in ("", minion_id):
                return Redemption(False, f"its join token is for {bound!r} alone, not for {minion_id!r}", another=True)
            if time.time() > expires_at:
                return Redemption(False, f"its join token ended at {clock_time(expires_at)}, the master's time")
            os.rename(path, path + USED)  # whoever renames it has it: a second redeemer fails here
            os.utime(path + USED)
        except (OSError, ValueError):
            used_at = _used_at(path)
            if used_at is None:
                return unknown
            return Redemption(False, f"its join token was used before, at {clock_time(used_at)}, the master's time")
        return Redemption(True)

    def _tidy(self) -> None:
        """Delete the invitations that ended long ago. Raises ``KeyStoreError`` when too many are open.

        When there are too many with those that are kept, the ended and used ones go first.
        """
        now = time.time()
        names = os.listdir(self._folder)
        kept_s = KEPT_S if len(names) < 2 * MAX_INVITES else 0.0
        still_open = 0
        for name in names:
            path = os.path.join(self._folder, name)
            with contextlib.suppress(OSError, ValueError):
                ends_at = _read(path)[0]
                if ends_at + kept_s < now or (name.endswith(USED) and not kept_s):
                    os.unlink(path)
                    continue
                if ends_at < now or name.endswith(USED):
                    continue
            still_open += 1
        if still_open >= MAX_INVITES:
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


def _used_at(path: str) -> float | None:
    """Return when the invitation that was at *path* was used (epoch s), ``None`` when it never was."""
    try:
        return os.stat(path + USED).st_mtime
    except OSError:
        return None
