"""``auth.explain``: who may what, and which line of the configuration says so."""

from __future__ import annotations

import pwd
from collections.abc import Mapping
from typing import Any

from saltern.errors import ArgumentError, NotAuthorised
from saltern_master.auth.call import Call
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.need import Need, Needed, Needing
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Command, Reach, command
from saltern_master.jobs.request import functions_of

MASTERS_OWN = {"runner": Need.OWN_RUNNER, "wheel": Need.WHEEL}
MAX_GROUPS = 1000


@command("runner.auth.explain", Need.USER)
def explain(
    context: Context,
    user: str,
    function: str,
    target: str | list = "*",  # type: ignore[type-arg]  # members are checked where they are used
    tgt_type: str = "glob",
    groups: str | list | None = None,  # type: ignore[type-arg]
    arg: list[Any] | None = None,
    kwarg: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Say whether a user may run a function, and why: ``saltern-run auth.explain ldap:fred cmd.run 'web*'``

    *user*: a principal, ``ldap:fred``, ``local:joe``, ``token:ci``; a name without its source is looked for in each.
    *function*: of an execution module, or of the master, as in ``runner.jobs.list_jobs`` and ``wheel.key.accept``.
    *groups*: those that he is in, where only a login tells it; otherwise those of his last login that holds still.
    *arg*, *kwarg*: what the function is given. Returns ``user``, ``function``, ``target``, how many ``minions`` that
    is, ``allowed``, ``because`` (the line that decides) and ``also``: the power of the function. Who may not do
    everything is told of himself alone.
    """
    services = context.services
    if not (services.policy.sees_all(context.caller) or user == context.caller.principal):
        raise NotAuthorised(
            f"{context.caller} may ask what he may himself alone: auth.explain {context.caller.principal}"
        )
    functions_of({"fun": function})
    callers = [context.caller] if user == context.caller.principal else _callers(context, user, _groups(groups))
    client, _, name = function.partition(".")
    given = {"arg": arg or [], "kwarg": kwarg or {}}
    if client in MASTERS_OWN and "." in name:
        told = [_of_master(context, caller, client, name, given) for caller in callers]
    else:
        everyone = services.keyring.minions()
        select = services.targets.target(target, tgt_type, reads_pillar=services.policy.sees_all(context.caller)).select
        meant = select(everyone, services.targets.known)
        told = [_on_minions(context, caller, Call(function, **_as_call(given)), meant) for caller in callers]
    found = next((one for one in told if one["allowed"]), told[0])
    tried = {"tried": [one["user"] for one in told]} if len(told) > 1 else {}
    return {"user": found["user"], "function": function, "target": target, **found, **tried}


def _as_call(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"args": given["arg"], "kwargs": given["kwarg"]}


def _on_minions(context: Context, caller: Caller, call: Call, meant: list[str]) -> dict[str, Any]:
    policy = context.services.policy
    allowed, because = policy.explained(caller, call, meant)
    seen = meant if policy.sees_all(context.caller) else policy.known_to(caller, meant)
    power = policy.power_of(call.function)
    return {"user": caller.principal, "minions": len(seen), "allowed": allowed, "because": because, "also": power}


def _of_master(context: Context, caller: Caller, client: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    policy = context.services.policy
    known = context.services.registry.get(f"{client}.{name}")
    called: Needing = known or Needed(MASTERS_OWN[client], name)
    allowed, because = policy.explained_own(caller, called, given["arg"], given["kwarg"])
    limits = policy.limits(caller, called, given["arg"], given["kwarg"], context.services.keyring.minions())
    if allowed and limits is not None and (known is None or known.reach is Reach.EVERY):
        allowed, because = False, f"refused: it is about all minions, and this is good for some groups: {because}"
    minions = len(context.services.keyring.minions()) if limits is None else len(limits)
    return {
        "user": caller.principal,
        "target": None,
        "minions": minions if policy.sees_all(context.caller) or limits is not None else None,
        "allowed": allowed,
        "because": because,
        "also": _also(known),
    }


def _also(known: Command | None) -> str:
    if known is None:
        return "a runner of the operator's own: its exact name alone grants it"
    return "changes" if known.changes else "reads"


def _callers(context: Context, user: str, groups: frozenset[str] | None) -> list[Caller]:
    """Return who *user* may be: one for each source that could know the name. Raises ``ArgumentError``."""
    source, colon, name = user.partition(":")
    options: Mapping[str, Any] = context.services.options
    known = [*dict.fromkeys(("local", *map(str, options["external_auth"]), "token"))]
    if not colon:
        found = [one for source in known if (one := _caller(context, source, user, groups)) is not None]
        if not found:
            raise ArgumentError(f"nobody is known who is called {user:.80}: write source:name, as in ldap:fred")
        return found
    if source == Kind.MINION.value or not name:
        raise ArgumentError(f"{user:.80}: write source:name, as in ldap:fred or local:joe; what minions may, peer says")
    one = _caller(context, source, name, groups)
    if one is None:
        raise ArgumentError(f"{user:.80}: this host has no such user, or there is no such token")
    return [one]


def _caller(context: Context, source: str, name: str, groups: frozenset[str] | None) -> Caller | None:
    tokens = context.services.tokens.of(f"{source}:{name}")
    if source == Kind.LOCAL.value:
        try:
            return Caller(Kind.LOCAL, name, pwd.getpwnam(name).pw_uid)
        except (KeyError, ValueError):  # or no name at all
            return None
    if source == "token" and not tokens:
        return None
    last = tokens[0] if tokens else None
    if groups is None:
        groups = last.groups if last is not None else frozenset()
    scope = tuple(last.scope) if last is not None and source == "token" and last.scope is not None else None
    entries = tuple(last.entries) if last is not None else ()
    return Caller(Kind.LOGIN, name, source=source, groups=groups, entries=entries, scope=scope)


def _groups(given: str | list[Any] | None) -> frozenset[str] | None:
    if given is None:
        return None
    names = given.split(",") if isinstance(given, str) else given
    if len(names) > MAX_GROUPS or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"groups must be up to {MAX_GROUPS:,} names, as in groups=ops,web")
    return frozenset(name.strip() for name in names if name.strip())
