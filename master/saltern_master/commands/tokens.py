"""``auth.token``: tokens for programs, of a user's own or of services."""

from __future__ import annotations

import re
from typing import Annotated, Any

from saltern.errors import ArgumentError, NotAuthorised
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.need import Need
from saltern_master.auth.token import Token, Use
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

DEFAULT_DAYS = 90.0
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw]?)")
_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def check_label(label: str) -> str:
    """Return *label* when a token may have it. Raises ``ArgumentError``."""
    if _LABEL.fullmatch(label):
        return label
    raise ArgumentError(f"a token's name is up to 64 letters, digits, '_', '.' and '-', not {label!r:.80}")


def seconds_of(span: str | int | float) -> float:
    """Return the seconds in ``3600``, ``"12h"`` or ``"90d"``. Raises ``ArgumentError``."""
    found = _SPAN.fullmatch(str(span).strip())
    if found is None or float(found[1]) <= 0:
        raise ArgumentError(f"expires must be a time as in 12h, 90d or 3600 (seconds), not {span!r:.40}")
    return float(found[1]) * _UNITS_S[found[2]]


@command("runner.auth.token_create", Need.USER, changes=True, private=True)
async def create(
    context: Context,
    name: Annotated[str, check_label],
    scope: list[Any] | None = None,
    expires: str | int | float = f"{DEFAULT_DAYS:g}d",
    service: bool = False,
) -> dict[str, Any]:
    """Make a token for a program: ``saltern-run auth.token_create backup scope='["test.ping"]' expires=30d``

    It acts as the user who makes it, within *scope*, which is written as grants in external_auth are. With *service*
    it is a caller of its own, token:NAME, and may what roles say whose members that is; only who may do everything
    makes such a one. Its text is shown this once.
    """
    caller, services = context.caller, context.services
    if scope is not None:
        services.policy.check_scope(f"the scope of token {name}", scope)
    if caller.token and _use(context) is not Use.SESSION:  # one that is over, too
        raise NotAuthorised("a token makes no tokens: log in, or run this on the master's host")
    if service and not services.policy.sees_all(caller):
        raise NotAuthorised(f"{caller} may not make tokens of services: only who may do everything does")
    if any(one.label == name for one in _made_by(context, caller, service=service)):
        raise ArgumentError(f"there is a token {name} already: revoke it first, or choose another name")
    source, owner = ("token", name) if service else (caller.source or caller.kind.value, caller.name)
    text, token = await services.tokens.make(
        Use.SERVICE if service else Use.PERSONAL,
        source,
        owner,
        seconds=seconds_of(expires),
        groups=frozenset() if service else caller.groups,
        entries=() if service else caller.entries,
        label=name,
        scope=scope,
        origin=caller.address or caller.principal,
        uid=caller.uid if caller.kind is Kind.LOCAL and not service else -1,
    )
    return {"token": text, **token.shown()}


@command("runner.auth.token_list", Need.USER)
async def listed(context: Context) -> list[dict[str, Any]]:
    """List one's own tokens and logins, the newest first: ``saltern-run auth.token_list``

    Who may do everything sees those of all. *last_used* is to the minute.
    """
    return [token.shown() for token in _seen(context) if token.use is not Use.PASSING]


@command("runner.auth.token_revoke", Need.USER, changes=True)
async def revoke(context: Context, name: str) -> bool:
    """End a token by its name or id, at once: ``saltern-run auth.token_revoke backup``"""
    everybody = context.services.policy.sees_all(context.caller)
    token = context.services.tokens.named(name, None if everybody else context.caller.principal)
    if token not in _seen(context):
        raise ArgumentError(f"there is no such token of this one's own: {name[:80]!r}")
    await context.services.tokens.revoke([token])
    return True


@command("runner.auth.logout", Need.RUNNER, changes=True)
async def logout(context: Context, user: str) -> int:
    """End all logins and tokens of a user, and return how many: ``saltern-run auth.logout ldap:fred``"""
    if not context.services.policy.sees_all(context.caller):
        raise NotAuthorised(f"{context.caller} may not log others out: only who may do everything does")
    tokens = context.services.tokens.of(user)
    await context.services.tokens.revoke(tokens)
    return len(tokens)


def _seen(context: Context) -> list[Token]:
    """Return the tokens that are the caller's to see and revoke: one with a scope is so for itself alone."""
    tokens, caller = context.services.tokens, context.caller
    if context.services.policy.sees_all(caller):
        return tokens.of()
    own = tokens.of(caller.principal)
    return own if caller.scope is None else [token for token in own if token.digest == caller.token]


def _use(context: Context) -> Use | None:
    own = context.services.tokens.of(context.caller.principal)
    return next((token.use for token in own if token.digest == context.caller.token), None)


def _made_by(context: Context, caller: Caller, *, service: bool) -> list[Token]:
    wanted = None if service else caller.principal
    use = Use.SERVICE if service else Use.PERSONAL
    return [token for token in context.services.tokens.of(wanted) if token.use is use]
