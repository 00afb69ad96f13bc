"""Who may ask: the file of ``--auth-file``.

::

    # a comment
    bearer TOKEN                    or NAME:TOKEN, the name being for the access log; a token has 16 characters or more
    basic USER:scrypt$N$R$P$SALT$HASH      as ``saltern-graphite passwd USER`` makes it

Nobody but its owner may write the file, and not everybody may read it: the tokens in it are as good as passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio
from anyio import CapacityLimiter

from saltern.errors import ConfigError, about, os_errors
from saltern_graphite.http.password import PasswordHash

MAX_FILE_BYTES = 1 << 20
MIN_TOKEN_CHARS = 16
_TOKEN = re.compile(rf"(?:([^:\s]{{1,100}}):)?([A-Za-z0-9._~+/-]{{{MIN_TOKEN_CHARS},1000}}=*)")
_MAX_HEADER_CHARS = 4096
_REMEMBERED = 1000
_HASHING = 2
"""Passwords hashed at a time: each takes its tens of milliseconds, on purpose."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a file says: users' password hashes, and tokens by their digest, each with its name."""

    users: Mapping[str, PasswordHash] = field(default_factory=dict)
    tokens: Mapping[bytes, str] = field(default_factory=dict)

    @property
    def challenges(self) -> list[str]:
        """The schemes by which one can be let in, as ``WWW-Authenticate`` says them."""
        basic = ['Basic realm="saltern-graphite", charset="UTF-8"'] if self.users else []
        return [*basic, *(['Bearer realm="saltern-graphite"'] if self.tokens else [])]


class Credentials:
    """The credentials in the file *path*, read now and at each :meth:`reload`. Raises ``ConfigError``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._secret = secrets.token_bytes(32)
        self._hashing = CapacityLimiter(_HASHING)
        self._verified: dict[bytes, str] = {}
        self.known = read_credentials(path)

    def reload(self) -> None:
        """Read the file again. On ``ConfigError`` what was known stays in force."""
        self.known = read_credentials(self._path)
        self._verified = {}

    async def who(self, header: str) -> str | None:
        """The name of whoever sends *header*, the value of ``Authorization``; None if it lets nobody in."""
        scheme, _, value = header[:_MAX_HEADER_CHARS].partition(" ")
        if scheme.lower() == "bearer":
            return self._bearer(value.strip())
        return await self._basic(value.strip()) if scheme.lower() == "basic" else None

    def _bearer(self, token: str) -> str | None:
        digest, found = _digest(token), None
        for known, name in self.known.tokens.items():  # all of them: the time it takes tells nothing
            if hmac.compare_digest(digest, known):
                found = name
        return found

    async def _basic(self, encoded: str) -> str | None:
        try:
            user, _, password = b64decode(encoded, validate=True).decode().partition(":")
        except (Base64Error, ValueError):
            return None
        known, verified = self.known, self._verified
        proof = hashlib.blake2b(encoded.encode(), key=self._secret).digest()
        if proof in verified:
            return verified[proof]
        wanted = known.users.get(user) or PasswordHash.nobodys()
        fits = await anyio.to_thread.run_sync(wanted.fits, password, limiter=self._hashing)
        if not fits or user not in known.users:
            return None
        if len(verified) >= _REMEMBERED:
            verified.clear()
        verified[proof] = user
        return user


def read_credentials(path: str) -> Known:
    """Read the file *path*. Raises ``ConfigError`` with the line; it never quotes a secret."""
    with about(path=path):
        return _parsed(path, _private_text(path))


def _parsed(path: str, text: str) -> Known:
    users: dict[str, PasswordHash] = {}
    tokens: dict[bytes, str] = {}
    for number, raw in enumerate(text.split("\n"), start=1):
        kind, _, value = raw.strip().partition(" ")
        value = value.strip()
        if not kind or kind.startswith("#"):
            continue
        if kind == "bearer":
            match = _TOKEN.fullmatch(value)
            if match is None:
                raise ConfigError(
                    f"{path}:{number}: expected 'bearer TOKEN' or 'bearer NAME:TOKEN', a token being "
                    f"{MIN_TOKEN_CHARS} characters or more of letters, digits and . _ ~ + / -"
                )
            tokens[_digest(match[2])] = match[1] or "bearer"
        elif kind == "basic":
            user, separator, told = value.partition(":")
            if not user or not separator:
                raise ConfigError(f"{path}:{number}: expected 'basic USER:HASH', see saltern-graphite passwd")
            try:
                users[user] = PasswordHash.parse(told)
            except ConfigError as error:
                raise ConfigError(f"{path}:{number}: {error}") from None
        else:
            raise ConfigError(f"{path}:{number}: a line starts with 'bearer' or 'basic'")
    if not users and not tokens:
        raise ConfigError(f"{path}: no credentials are in it, so that nobody could ask anything")
    return Known(users, tokens)


def _private_text(path: str) -> str:
    with os_errors(ConfigError, path, "can't be read"), open(path, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path} is no regular file")
        if status.st_mode & 0o027:
            mode = stat.S_IMODE(status.st_mode)
            raise ConfigError(f"{path} is open to others (mode {mode:04o}): chmod 600 it, or 640 for a group")
        data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{path} is longer than {MAX_FILE_BYTES} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
