"""What a join token says, and finding it in the line that was pasted."""

from __future__ import annotations

import base64
import re
from typing import Any, NamedTuple

from saltern.errors import KeyStoreError, SalternError, WireError
from saltern.host_name import check_host
from saltern.pki import check_key
from saltern.wire import pack_value, unpack_value

MAX_CHARACTERS = 4096

_PREFIX = "saltern1."
_TOKEN = re.compile(r"saltern1\.[A-Za-z0-9_-]+")


class Invite(NamedTuple):
    """What a join token says: where the master is, its key, and a secret that is good once."""

    host: str
    publish_port: int
    ret_port: int
    master_key: str
    secret: str

    def token(self) -> str:
        """Return the one word that brings all this to a new host."""
        return _PREFIX + base64.urlsafe_b64encode(pack_value(list(self))).decode().rstrip("=")


def read_token(text: str) -> Invite:
    """Return what the join token in *text* says: the token, or a line or command that holds it.

    One that a terminal broke into lines is put together again. Raises ``KeyStoreError`` for anything else.
    """
    whole = _TOKEN.search(text[:MAX_CHARACTERS])
    joined = _TOKEN.search("".join(text[:MAX_CHARACTERS].split()))
    for found in (whole, joined):
        try:
            if found is not None:
                return _read_token(found.group())
        except (ValueError, TypeError, WireError, SalternError):
            continue
    damaged = "; the one here is damaged, perhaps cut off" if whole else ""
    raise KeyStoreError(
        f"this is not a join token: paste the line that saltern-key --invite printed, or the word in it that begins "
        f"with {_PREFIX}{damaged}"
    )


def _read_token(token: str) -> Invite:
    text = token.removeprefix(_PREFIX)
    fields: Any = unpack_value(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    host, publish_port, ret_port, key, secret = fields
    for port in (publish_port, ret_port):
        if not (isinstance(port, int) and 0 < port < 65536):
            raise ValueError("a port")
    return Invite(check_host(host), publish_port, ret_port, check_key(key), str(secret))
