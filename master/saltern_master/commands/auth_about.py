"""``auth.about``: who one is here, and what of some functions one may."""

from __future__ import annotations

from typing import Any

from saltern.errors import ArgumentError
from saltern_master.auth.call import NO_KEYWORDS
from saltern_master.auth.need import Need, Needed, Needing
from saltern_master.commands.auth_explain import MASTERS_OWN
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Reach, command

MAX_FUNCTIONS = 500
MAX_NAME_CHARS = 200


@command("runner.auth.about", Need.USER, private=True, reach=Reach.NONE)
async def about(context: Context, functions: list | str | None = None) -> dict[str, Any]:  # type: ignore[type-arg]
    """Say who you are, and which of some functions you may: ``saltern-run auth.about test.ping,runner.jobs.list_jobs``

    *functions*: of execution modules, or of the master, as in ``wheel.key.accept``. Returns ``principal``, ``user``,
    ``eauth``, the ``groups`` of the login, ``roles``, ``everything`` (whether you may all), ``scoped`` (whether your
    token has a scope), and ``may``: of each function whether you may run it with some arguments, on some minions. Each
    call is judged anew all the same.
    """
    caller, policy = context.caller, context.services.policy
    return {
        "principal": caller.principal,
        "user": caller.user,
        "eauth": caller.source or caller.kind.value,
        "groups": sorted(caller.groups) if caller.scope is None else [],
        "roles": policy.roles_of(caller),
        "everything": policy.sees_all(caller),
        "scoped": caller.scope is not None,
        "may": {name: _may(context, name) for name in _names(functions)},
    }


def _names(functions: list[Any] | str | None) -> list[str]:
    names = functions.split(",") if isinstance(functions, str) else functions or []
    if len(names) > MAX_FUNCTIONS or not all(isinstance(one, str) and len(one) <= MAX_NAME_CHARS for one in names):
        raise ArgumentError(
            f"functions must be up to {MAX_FUNCTIONS} names of {MAX_NAME_CHARS} characters, as in test.ping"
        )
    return [name.strip() for name in names if name.strip()]


def _may(context: Context, name: str) -> bool:
    caller, policy, registry = context.caller, context.services.policy, context.services.registry
    client, _, function = name.partition(".")
    if client not in MASTERS_OWN or "." not in function:
        return policy.may_run(caller, name)
    known = registry.get(name)
    asked: Needing = known or Needed(MASTERS_OWN[client], function)
    if not policy.may_call(caller, asked):
        return False
    if known is not None and known.reach is not Reach.EVERY:
        return True
    # Without arguments he may not call it where his grant wants some: then it can't be told how far it goes.
    given = policy.may_give(caller, asked, (), NO_KEYWORDS)
    return not given or policy.limits(caller, asked, (), NO_KEYWORDS, ()) is None
