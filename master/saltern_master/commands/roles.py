"""``auth.roles``, ``auth.role_add``, ``auth.role_remove``: roles, and who has them."""

from __future__ import annotations

from typing import Annotated, Any

from saltern.config.load import nearest
from saltern.errors import ArgumentError, CommandError, ConfigError
from saltern.visible import HIDDEN
from saltern_master.auth.members import parse_member
from saltern_master.auth.need import Need
from saltern_master.auth.roles import Role
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

MAX_MEMBER = 512
"""Characters."""


def check_member(member: str) -> str:
    """Return *member* as it is written. Raises ``ArgumentError``."""
    if len(member) > MAX_MEMBER or HIDDEN.search(member) or "\n" in member:
        raise ArgumentError(f"a member is written in up to {MAX_MEMBER} characters, all of them such that can be shown")
    try:
        return str(parse_member("member", member))
    except ConfigError as error:
        raise ArgumentError(str(error)) from None


Member = Annotated[str, check_member]


@command("runner.auth.roles", Need.OWNER)
async def roles(context: Context) -> list[dict[str, Any]]:
    """List the roles, with what they may, on which groups of minions, and their members: ``saltern-run auth.roles``

    ``kept``: those of the members that were added by auth.role_add.
    """
    return context.services.policy.roles()


@command("runner.auth.role_add", Need.OWNER, changes=True)
async def role_add(context: Context, role: str, member: Member) -> list[str]:
    """Give someone a role: ``saltern-run auth.role_add watcher ldap:fred``

    *member*: ``source:name``, or ``source:group%``, with globs in both. It holds at once, for open logins too. The
    master keeps it beside its configuration, which stays as it is. Returns the members of the role.
    """
    policy = context.services.policy
    async with policy.kept.changing:
        found = _role(context, role)
        if member not in _members(context, role):
            kept = policy.kept.members
            await policy.keep(members={**kept, found.name: (*kept.get(found.name, ()), member)})
    return _members(context, role)


@command("runner.auth.role_remove", Need.OWNER, changes=True)
async def role_remove(context: Context, role: str, member: Member) -> list[str]:
    """Take from someone a role that auth.role_add gave: ``saltern-run auth.role_remove watcher ldap:fred``

    Who has it by the configuration keeps it. Returns the members of the role.
    """
    policy = context.services.policy
    async with policy.kept.changing:
        found = _role(context, role)
        kept = policy.kept.members
        given = list(kept.get(found.name, ()))
        if member not in given:
            raise CommandError(_why_not(found, member))
        given.remove(member)
        others = {name: members for name, members in kept.items() if name != found.name}
        await policy.keep(members={**others, found.name: given} if given else others)
    return _members(context, role)


def _role(context: Context, name: str) -> Role:
    found = context.services.policy.role(name)
    if found is None:
        names = [one["role"] for one in context.services.policy.roles()]
        hint = nearest(name, names) or f": there are {', '.join(names[:20])}"
        raise CommandError(f"there is no role {name:.80}{hint}")
    return found


def _members(context: Context, name: str) -> list[str]:
    return next(list(one["members"]) for one in context.services.policy.roles() if one["role"] == name)


def _why_not(role: Role, member: str) -> str:
    if member in map(str, role.members):
        where = role.place or "the option roles"
        return f"{member} has the role {role.name} by {where}: change it there"
    return f"{member} has not been given the role {role.name}"
