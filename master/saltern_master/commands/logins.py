"""``login.*``: sessions and tokens of those who log in; programs reach them through the HTTP API."""

from __future__ import annotations

import time
from typing import Any

from saltern.errors import NotAuthorised
from saltern_master.auth.need import Need
from saltern_master.auth.token import Token, Use
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

PASSING_S = 3600.0
"""How long a token for one call holds, should nobody end it."""


@command("login.begin", Need.LOGIN, changes=True, private=True)
async def begin(context: Context, token_expire: str | int | float | None = None) -> dict[str, Any]:
    """Log in: ``{token, expire, start, user, eauth, perms}``. *token_expire*: seconds, for who may say so."""
    text, token = await _made(context, Use.SESSION, token_expire)
    caller = context.caller
    perms = context.services.policy.perms(caller)
    return {**_times(token), "token": text, "user": caller.name, "eauth": caller.source, "perms": perms}


@command("login.token", Need.LOGIN, changes=True, private=True)
async def call_token(context: Context, token_expire: str | int | float | None = None) -> dict[str, Any]:
    """Make a token that calls name: ``{token, expire, start, name, eauth, groups}``."""
    text, token = await _made(context, Use.CALL, token_expire)
    caller = context.caller
    groups = {"groups": sorted(caller.groups)} if caller.groups else {}
    return {**_times(token), "token": text, "name": caller.name, "eauth": caller.source, **groups}


@command("login.passing", Need.LOGIN, private=True)
async def passing_token(context: Context) -> dict[str, Any]:
    """Make a token for one call that is made with a password, and comes to several messages: ``{token}``."""
    text, _ = await _made(context, Use.PASSING, PASSING_S)
    return {"token": text}


@command("login.pass", Need.LOGIN)
async def end_passing(context: Context) -> bool:
    """End the token for one call by which this is asked."""
    own = context.services.tokens.of(context.caller.principal)
    await context.services.tokens.revoke(
        [token for token in own if token.digest == context.caller.token and token.use is Use.PASSING]
    )
    return True


@command("login.end", Need.LOGIN, changes=True)
async def end(context: Context) -> bool:
    """Log out: the token by which this is asked ends, and what is open by it."""
    tokens = context.services.tokens
    await tokens.revoke(
        [token for token in tokens.of(context.caller.principal) if token.digest == context.caller.token]
    )
    return True


@command("login.about", Need.LOGIN)
async def about(context: Context) -> dict[str, Any]:
    """Tell who has this token: ``{user, eauth, principal, expire, perms}``."""
    caller = context.caller
    own = (one for one in context.services.tokens.of(caller.principal) if one.digest == caller.token)
    expire = next((token.expires for token in own), None)
    perms = context.services.policy.perms(caller)
    return {
        "user": caller.name,
        "eauth": caller.source,
        "principal": caller.principal,
        "expire": expire,
        "perms": perms,
    }


async def _made(context: Context, use: Use, seconds: Any) -> tuple[str, Token]:
    caller = context.caller
    if caller.token:
        raise NotAuthorised("Could not authenticate using provided credentials: a token makes no token")
    if use is not Use.PASSING:
        seconds = context.services.logins.seconds(caller, seconds)
    return await context.services.tokens.make(
        use,
        caller.source,
        caller.name,
        seconds=seconds,
        groups=caller.groups,
        entries=caller.entries,
        origin=caller.address,
    )


def _times(token: Token) -> dict[str, float]:
    return {"start": token.created, "expire": max(token.expires, time.time())}
