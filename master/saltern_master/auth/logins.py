"""Who calls by a token, or by name and password: the caller that the one door then asks about.

A program on this host may speak for others: the HTTP API, as the master's own user or as ``api_user``. It says by what
they log in and where they call from; it has no rights by that, and what anybody else says of an address is not heeded.
"""

from __future__ import annotations

import asyncio
import pwd
from collections.abc import Mapping
from typing import Any, Protocol

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, ConfigError, NotAuthorised, SalternError
from saltern_master.audit.record import REFUSED
from saltern_master.auth.audit import Audit
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.token import Token, Use
from saltern_master.auth.tokens import Tokens

MAX_ADDRESS_CHARS = 64
EVERYWHERE = (Use.PERSONAL, Use.SERVICE)
USES = {
    "": (Use.CALL, Use.PASSING, *EVERYWHERE),
    "session": (Use.SESSION, *EVERYWHERE),
    "any": tuple(Use),
}
"""Which tokens count, by what ``for`` of a request's ``auth`` says: a call names its own, as Salt has it."""


class Asking(Protocol):
    """What asks a driver for a password: ``auth.authenticator.Authenticator``."""

    async def authenticate(self, source: str, username: str, password: str, address: str) -> Identity:
        """Return who that is. Raises ``NotAuthorised``, ``Busy``."""


class Logins:
    """Makes callers of what they show."""

    def __init__(self, options: MasterOptions, authenticator: Asking, tokens: Tokens, audit: Audit) -> None:
        """Raises ``ConfigError`` for an ``api_user`` that this host doesn't have."""
        self._audit = audit
        self._authenticator = authenticator
        self._tokens = tokens
        self.speaker_uid = _uid_of(options["api_user"])
        """The number of the user that the HTTP API runs as; -1: the master's own."""
        self.reread(options)

    def reread(self, options: MasterOptions) -> None:
        """Put the options of tokens in force."""
        self._expire_s = options["token_expire"]
        self._override = options["token_expire_user_override"]

    def seconds(self, caller: Caller, wanted: Any) -> float:
        """Return how long a login of *caller* holds; what he *wants* counts where the master says so, as in Salt.

        Raises ``ArgumentError`` for what is no time.
        """
        override = self._override
        of_his = override.get(caller.source, []) if isinstance(override, dict) else []
        if wanted is None or not (override is True or caller.name in (of_his if isinstance(of_his, list) else [])):
            return self._expire_s
        try:
            seconds = float(wanted)
        except (TypeError, ValueError):
            raise ArgumentError(f"token_expire must be a number of seconds, not {wanted!r:.40}") from None
        if not seconds >= 1:
            raise ArgumentError(f"token_expire must be a second or more, not {seconds:g}")
        return seconds

    async def caller(self, auth: Mapping[str, Any], via: Caller, origin: str, *, owner: bool) -> Caller:
        """Return who shows *auth* through the program of *via*, from *origin* if that may say so.

        *owner*: whether *via* may do everything. Raises ``NotAuthorised``, ``Busy``, ``ArgumentError``.
        """
        speaks = owner or via.uid == self.speaker_uid
        address = origin[:MAX_ADDRESS_CHARS] if speaks and origin else via.principal
        if "token" in auth:
            uses = USES.get(str(auth.get("for", "")))
            if uses is None:
                raise ArgumentError(
                    f"a token is for {', '.join(filter(None, USES))} or nothing, not {auth['for']!r:.80}"
                )
            return caller_of(self._tokens.find(auth["token"], uses, address), address)
        username, password, source = (auth.get(name) for name in ("username", "password", "eauth"))
        if not (isinstance(username, str) and isinstance(password, str) and isinstance(source, str)):
            raise NotAuthorised("No authentication credentials given")
        try:
            found = await self._authenticator.authenticate(source, username, password, address)
        except SalternError as error:
            self._audit.note(f"{source}:{username}", "login", REFUSED, address=address, via=source, code=error.code)
            raise
        return Caller(
            Kind.LOGIN, found.name, source=source, groups=found.groups, entries=tuple(found.entries), address=address
        )

    def ended(self, caller: Caller) -> asyncio.Event | None:
        """Return what is set when the token that *caller* showed ends; ``None`` when he showed none."""
        return self._tokens.ended(caller.token) if caller.token else None


def caller_of(token: Token, address: str) -> Caller:
    """Return who calls by *token*."""
    scope = None if token.scope is None else tuple(token.scope)
    if token.source == Kind.LOCAL.value:
        return Caller(Kind.LOCAL, token.name, token.uid, token=token.digest, scope=scope, address=address)
    return Caller(
        Kind.LOGIN,
        token.name,
        source=token.source,
        groups=token.groups,
        entries=tuple(token.entries),
        token=token.digest,
        scope=scope,
        address=address,
    )


def _uid_of(name: str) -> int:
    if not name:
        return -1
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ConfigError(f"api_user: this host has no user {name!r}: name the one that saltern-api runs as") from None
