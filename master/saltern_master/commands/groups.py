"""``manage.groups``, ``manage.group_add``, ``manage.group_remove``: groups of minions, and who is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from saltern.errors import ArgumentError, CommandError, ConfigError
from saltern_master.auth.minion_groups import KEPT, OPTION, GroupBook, MinionGroup, members_of, name_of
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Reach, command
from saltern_master.commands.shown import HIDDEN

MAX_AT_ONCE = 10_000


def check_group(name: str) -> str:
    """Return *name* when a group may be called so. Raises ``ArgumentError``."""
    try:
        return name_of("", name)
    except ConfigError as error:
        raise ArgumentError(str(error)) from None


Group = Annotated[str, check_group]


@command("runner.manage.groups", Need.RUNNER, reach=Reach.VISIBLE)
async def groups(context: Context) -> dict[str, dict[str, Any]]:
    """Show the groups of minions: ``saltern-run manage.groups``

    Of each ``members``, its ids and globs; those of them that were added by manage.group_add (``kept``); the
    ``minions`` that it holds now; its ``place``: ``option``, a file of roles.d, or ``kept``, where all of it was added
    and it is ``editable``. Who sees some minions alone is shown the groups that these are in, without members.
    """
    policy = context.services.policy
    columns = await context.services.overview.columns()
    book = policy.groups()[1]
    seen = frozenset(context.visible(columns.ids)) if context.limited else None
    shown = {}
    for name, rows in columns.groups.items():
        minions = [columns.ids[row] for row in rows if seen is None or columns.ids[row] in seen]
        if seen is None or minions:
            shown[name] = _shown(book, name, minions, hidden=seen is not None)
    return shown


@command("runner.manage.group_add", Need.OWNER, changes=True)
async def group_add(context: Context, group: Group, minions: str | list) -> dict[str, Any]:  # type: ignore[type-arg]
    """Add minions to a group, by ids and globs: ``saltern-run manage.group_add web web9,'cache*'``

    A group that isn't there is made. What roles grant on the group holds for them at once. The master keeps them beside
    its configuration, which stays as it is. Returns the group, as manage.groups shows it.
    """
    wanted = _wanted(group, minions)
    policy = context.services.policy
    kept = policy.kept
    async with kept.changing:
        book = policy.groups()[1]
        there = {*book.configured(group), *book.kept(group)}
        new = [one for one in dict.fromkeys(wanted) if one not in there]
        if new or group not in book.names:
            await policy.keep(groups={**kept.groups, group: (*book.kept(group), *new)})
    return await _now(context, group)


@command("runner.manage.group_remove", Need.OWNER, changes=True)
async def group_remove(context: Context, group: Group, minions: str | list) -> dict[str, Any]:  # type: ignore[type-arg]
    """Take out of a group what manage.group_add put there: ``saltern-run manage.group_remove web web9``

    What the configuration says of it stays. A group without members that is in no configuration is gone, unless a role
    is good for it. Returns the group as manage.groups shows it, nothing for one that is gone.
    """
    wanted = _wanted(group, minions)
    policy = context.services.policy
    kept = policy.kept
    async with kept.changing:
        book = policy.groups()[1]
        if group not in book.names:
            raise CommandError(f"there is no group {group}")
        for one in wanted:
            if one not in book.kept(group):
                raise CommandError(_why_not(book, group, one))
        left = [one for one in book.kept(group) if one not in frozenset(wanted)]
        others = {name: members for name, members in kept.groups.items() if name != group}
        if left or (book.place(group) == KEPT and policy.on_group(group)):
            others[group] = left
        await policy.keep(groups=others)
    return await _now(context, group)


async def _now(context: Context, group: str) -> dict[str, Any]:
    columns = await context.services.overview.columns()
    book = context.services.policy.groups()[1]
    if group not in book.names:
        return {}
    return _shown(book, group, [columns.ids[row] for row in columns.groups.get(group, ())], hidden=False)


def _shown(book: GroupBook, name: str, minions: Sequence[str], *, hidden: bool) -> dict[str, Any]:
    place = book.place(name)
    return {
        "members": HIDDEN if hidden else list(book.members(name)),
        "kept": HIDDEN if hidden else list(book.kept(name)),
        "minions": list(minions),
        "place": HIDDEN if hidden else place,
        "editable": not hidden and place == KEPT,
    }


def _wanted(group: str, given: str | list[Any]) -> list[str]:
    """Return ids and globs. Raises ``ArgumentError``."""
    named = [one.strip() for one in given.split(",")] if isinstance(given, str) else given
    if not 0 < len(named) <= MAX_AT_ONCE:
        raise ArgumentError(f"minions must be 1 to {MAX_AT_ONCE:,} ids and globs, as in web9,'cache*'")
    try:
        return members_of(group, named)
    except ConfigError as error:
        raise ArgumentError(str(error)) from None


def _why_not(book: GroupBook, group: str, member: str) -> str:
    """Return the line on why *member* can't be taken out of *group*."""
    place = book.place(group)
    where = "the option groups" if place == OPTION else place
    if member in book.configured(group):
        return f"{member} is in {group} by {where}: change it there"
    if not book.holds(group, member):
        return f"{member} is not in {group}"
    by = [glob for glob in book.members(group) if MinionGroup((glob,)).holds(member)]
    configured = [glob for glob in by if glob in book.configured(group)]
    if configured:
        return f"{member} is in {group} by {configured[0]} of {where}: change it there"
    return f"{member} is in {group} by {by[0]}: take that out"
