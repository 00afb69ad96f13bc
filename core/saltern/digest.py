"""SHA-256 without OpenSSL.

``hashlib`` loads libcrypto, which costs an agent 3.6 MB of its 22; the interpreter carries the same algorithm
in a module of its own (as the standard library's ``random`` uses it).
"""

from __future__ import annotations

from typing import Any, Protocol, cast

from saltern.wire import pack_value


class Hash(Protocol):
    """What we use of a hash object."""

    def update(self, data: bytes, /) -> None:
        """Add *data* to what is hashed."""

    def hexdigest(self) -> str:
        """Return the digest so far as 64 lower-case hex digits."""


def sha256(data: bytes = b"") -> Hash:
    """Return a SHA-256 object that has already seen *data*."""
    return cast(Hash, _sha256(data))


def digest_of(value: Any) -> str:
    """Return a digest of a plain value, secrets included, 32 hex digits: the same on both ends of the wire."""
    return sha256(pack_value(value, secrets=True)).hexdigest()[:32]


try:
    from _sha256 import sha256 as _sha256  # CPython 3.11
except ImportError:
    try:
        from _sha2 import sha256 as _sha256  # CPython 3.12 and later
    except ImportError:
        from hashlib import sha256 as _sha256
