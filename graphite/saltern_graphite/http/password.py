"""Passwords as they may be kept: ``scrypt$N$R$P$SALT$HASH``.

N, R and P are scrypt's cost, block size and parallelisation (RFC 7914) in decimal, salt and hash are in hexadecimal.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from saltern.errors import ConfigError

COST, BLOCK, PARALLEL = 1 << 14, 8, 1
"""What a new hash takes: 16 MiB and about 50 ms."""

MAX_BYTES = 64 << 20
"""Memory that a hash of a file may ask for."""

_SALT_BYTES = 16
_HASH_BYTES = 32
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """The hash of a password, and how it was made."""

    cost: int
    block: int
    parallel: int
    salt: bytes
    hash: bytes

    @classmethod
    def make(cls, password: str) -> PasswordHash:
        """Hash *password* with a new salt."""
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(COST, BLOCK, PARALLEL, salt, _scrypt(password, salt, COST, BLOCK, PARALLEL, _HASH_BYTES))

    @classmethod
    def parse(cls, text: str) -> PasswordHash:
        """Read what ``str`` wrote. ``ConfigError`` if it is none, or would take over :data:`MAX_BYTES`."""
        fields = text.split("$")
        if len(fields) != _FIELDS or fields[0] != "scrypt":
            raise ConfigError(
                "the hash is not of the form scrypt$N$R$P$SALT$HASH: make it with saltern-graphite passwd"
            )
        try:
            cost, block, parallel = (int(one) for one in fields[1:4])
            salt, digest = bytes.fromhex(fields[4]), bytes.fromhex(fields[5])
        except ValueError:
            raise ConfigError("N, R and P of the hash must be numbers, SALT and HASH hexadecimal") from None
        if cost < 2 or cost & (cost - 1) or min(block, parallel) < 1 or 128 * cost * block * parallel > MAX_BYTES:
            raise ConfigError(f"N of the hash must be a power of two, and 128 * N * R * P at most {MAX_BYTES}")
        if len(salt) < _SALT_BYTES or not _HASH_BYTES <= len(digest) <= 64:
            raise ConfigError(f"the hash needs {_SALT_BYTES} bytes of salt or more, and {_HASH_BYTES} to 64 of hash")
        return cls(cost, block, parallel, salt, digest)

    @classmethod
    @functools.cache
    def nobodys(cls) -> PasswordHash:
        """A hash that no password fits, for users who don't exist: they take as long as those who do."""
        return cls(COST, BLOCK, PARALLEL, secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_HASH_BYTES))

    def fits(self, password: str) -> bool:
        """Whether *password* is the one. It takes its time; call it in a thread."""
        made = _scrypt(password, self.salt, self.cost, self.block, self.parallel, len(self.hash))
        return hmac.compare_digest(made, self.hash)

    def __str__(self) -> str:
        return f"scrypt${self.cost}${self.block}${self.parallel}${self.salt.hex()}${self.hash.hex()}"


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int, size: int) -> bytes:
    secret = password.encode(errors="replace")
    return hashlib.scrypt(secret, salt=salt, n=cost, r=block, p=parallel, dklen=size, maxmem=2 * MAX_BYTES)
