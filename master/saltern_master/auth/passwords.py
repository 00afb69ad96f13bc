"""Passwords as argon2 keeps them: slow to guess, by memory as much as by time.

A hash tells its own parameters, ``$argon2id$v=19$m=65536,t=3,p=1$salt$digest``, so that older ones stay good when
these change.
"""

from __future__ import annotations

import base64
import secrets

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError

MEMORY_KIB = 64 * 1024
"""RFC 9106's second choice, for hosts that have better use for 2 GiB."""
PASSES = 3
LANES = 1
"""One core at most for a login: the master's loop has the others."""
SALT_BYTES, DIGEST_BYTES = 16, 32

MAX_MEMORY_KIB, MAX_PASSES, MAX_LANES = 256 * 1024, 20, 16
"""Of a hash that somebody else made: one that asks for more isn't computed."""

PREFIXES = ("$argon2id$", "$argon2i$", "$argon2d$")
RANDOM_BYTES = 18

_HASHER = PasswordHasher(PASSES, MEMORY_KIB, LANES, DIGEST_BYTES, SALT_BYTES)


def _nobodys() -> str:
    salt, digest = (base64.b64encode(bytes(size)).decode().rstrip("=") for size in (SALT_BYTES, DIGEST_BYTES))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"


NOBODYS = _nobodys()
"""A hash that no password is known to have: trying it takes as long as trying somebody's."""


def hashed(password: str) -> str:
    """Return the hash of *password*, with a salt of its own."""
    return _HASHER.hash(password)


def is_argon2(text: str) -> bool:
    """Return whether *text* is meant as such a hash."""
    return text.startswith(PREFIXES)


def refusal(text: str) -> str:
    """Return why the hash *text* is never tried, or nothing."""
    try:
        asked = extract_parameters(text)
    except (InvalidHashError, ValueError):
        return "it is no hash of argon2"
    if asked.memory_cost > MAX_MEMORY_KIB or asked.time_cost > MAX_PASSES or asked.parallelism > MAX_LANES:
        return f"it takes over {MAX_MEMORY_KIB // 1024} MiB, {MAX_PASSES} passes or {MAX_LANES} lanes"
    return ""


def matches(text: str, password: str) -> bool:
    """Return whether the hash *text*, which isn't refused, is that of *password*."""
    try:
        return _HASHER.verify(text, password)
    except (Argon2Error, ValueError):
        return False


def random_password() -> str:
    """Return a password that nobody guesses: 24 letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(RANDOM_BYTES)
