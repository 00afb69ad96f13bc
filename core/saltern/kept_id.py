"""The id that a minion's key was accepted with, kept beside the key: ``<pki_dir>/minion.id``.

One line, the id and the public key that it belongs to. A host whose name changes goes on under its id, to which its
metrics, rights and key belong; a new key starts with the host's name of that day.
"""

from __future__ import annotations

import os

from saltern.errors import IdError
from saltern.files import write_private
from saltern.ids import check_minion_id

NAME = "minion.id"
_MAX_BYTES = 1000


def kept_id(pki_dir: str) -> str:
    """Return the id that is kept for the key in *pki_dir*; ``""`` when there is none, or this user may not read it."""
    try:
        with open(os.path.join(pki_dir, NAME), encoding="ascii") as stream:
            minion_id, key = stream.read(_MAX_BYTES).split()
        with open(os.path.join(pki_dir, "minion.pub"), encoding="ascii") as stream:
            return check_minion_id(minion_id) if stream.read(_MAX_BYTES).strip() == key else ""
    except (OSError, ValueError, IdError):
        return ""


def keep_id(pki_dir: str, minion_id: str, public_key: str) -> None:
    """Keep *minion_id* for the key in *pki_dir*. Raises ``OSError``."""
    if kept_id(pki_dir) != minion_id:
        write_private(os.path.join(pki_dir, NAME), f"{minion_id} {public_key}\n".encode())
