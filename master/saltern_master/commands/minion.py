"""What a minion may ask of the master: what is about itself; and of others what ``peer`` and the mine allow it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from saltern.errors import ArgumentError, MessageTooLarge, TargetError, TargetTooCostly, UnknownNodegroup
from saltern.ids import check_env
from saltern.wire import pack_value, unpack_value
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Reach, command
from saltern_master.jobs.follower import Follower
from saltern_master.jobs.publisher import JobRequest
from saltern_master.mine import MAX_FUNCTIONS, MAX_NAME_CHARACTERS

MAX_PUBLISHED_BYTES = 1024 * 1024
"""Of the arguments that a minion publishes."""
MAX_OVERRIDE_BYTES = 1024 * 1024
MAX_GATHERED_BYTES = 8 * 1024 * 1024
"""Of the returns that it gets for them."""
MAX_PUBLISH_S = 25.0
MAX_ALLOWED_TARGETS = 100
"""Of the entries in the mine that one question comes upon; what is beyond them isn't shown."""

_EXACT = {"pillar": "pillar_exact", "pillar_pcre": "pillar_exact", "compound": "compound_pillar_exact"}


def exact(kind: str) -> str:
    """Return the kind of target that holds no patterns against pillar: minions would find out values bit by bit."""
    return _EXACT.get(kind, kind)


Env = Annotated[str, check_env]
Kind = Annotated[str, exact]


@command("minion.ping", Need.MINION)
async def ping(context: Context) -> bool:
    """Answer."""
    return True


@command("minion.pillar", Need.MINION)
async def pillar(
    context: Context,
    fresh: bool = False,
    saltenv: Annotated[str | None, check_env] = None,
    pillarenv: Annotated[str | None, check_env] = None,
    override: dict[str, Any] | None = None,
    ext: dict[str, Any] | None = None,
    apart: bool = False,
) -> dict[str, Any]:
    """Return the minion's pillar; with *fresh* by what files say now.

    With *override* (laid over it), an environment, *ext* (an external pillar on demand) or *apart* it is compiled for
    this answer alone, and ``_errors`` in it are what is wrong.
    """
    pillars, minion_id = context.services.briefing.pillars, context.caller.name
    if apart or override or ext or saltenv or pillarenv:
        if len(pack_value(override, secrets=True)) > MAX_OVERRIDE_BYTES:
            raise MessageTooLarge(f"a pillar is overridden by at most {MAX_OVERRIDE_BYTES:,} bytes")
        how = {"saltenv": saltenv, "pillarenv": pillarenv, "override": override, "ext": ext}
        return await pillars.made(minion_id, **how)
    return await (pillars.fresh(minion_id) if fresh else pillars.current(minion_id))


@command("minion.schedule", Need.MINION)
def schedule(context: Context) -> dict[str, Any]:
    """Return the minion's schedule."""
    return context.services.briefing.schedule_of(context.caller.name)


@command("minion.modules", Need.MINION)
def modules(context: Context, saltenv: Env = "base") -> dict[str, Any]:
    """Return the modules that minions sync: ``{"digest": …, "files": {path: {"hsum", "size", "commit"}}}``."""
    return context.services.briefing.modules(saltenv)


@command("minion.publish", Need.PEER, changes=True)
async def publish(
    context: Context,
    tgt: str | list,  # type: ignore[type-arg]  # members are checked where they are used
    fun: str,
    arg: list[Any] | None = None,
    kwarg: dict[str, Any] | None = None,
    tgt_type: Kind = "glob",
    timeout: float = 5.0,
) -> dict[str, Any]:
    """Run a function on other minions and return ``{id: {"ret": …, "out"?}}`` of those that answer within *timeout*.

    For a minion that the option ``peer`` allows it. Raises ``MessageTooLarge``.
    """
    size = len(pack_value([arg, kwarg]))
    if size > MAX_PUBLISHED_BYTES:
        raise MessageTooLarge(f"{size:,} bytes of arguments to publish: {MAX_PUBLISHED_BYTES:,} are allowed")
    request = JobRequest(tgt, tgt_type, fun, arg or [], kwarg or {})
    _, follower = context.services.publisher.publish(
        request, context.minions, context.caller, sees_all=False, follow=True
    )
    return {} if follower is None else await _gathered(follower, min(max(timeout, 0.0), MAX_PUBLISH_S))


async def _gathered(follower: Follower, within_s: float) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    size = 0
    try:
        async with asyncio.timeout(within_s):
            while items := await follower.batch():
                for item in items:
                    size += len(item)
                    if size > MAX_GATHERED_BYTES:
                        raise MessageTooLarge(f"over {MAX_GATHERED_BYTES:,} bytes were returned to what was published")
                    data = unpack_value(item)["data"]
                    if "return" in data:
                        out = {"out": data["out"]} if "out" in data else {}
                        rows[data["id"]] = {"ret": data["return"], **out}
    except TimeoutError:
        pass  # those that answered in time
    finally:
        follower.close()
    return rows


@command("minion.mine", Need.MINION)
def mine(context: Context, data: dict[str, Any], clear: bool = False) -> bool:
    """Put entries into the mine: by name their ``value``, and ``allow_tgt``, ``allow_tgt_type`` of who may read it."""
    context.services.mine.store(context.caller.name, context.caller.key, data, clear=clear)
    return True


@command("minion.mine_delete", Need.MINION)
def mine_delete(context: Context, fun: str) -> bool:
    """Delete one of the minion's entries in the mine."""
    context.services.mine.delete(context.caller.name, context.caller.key, fun)
    return True


@command("minion.mine_flush", Need.MINION)
def mine_flush(context: Context) -> bool:
    """Delete all of the minion's entries in the mine."""
    context.services.mine.forget(context.caller.name)
    return True


@command("minion.mine_get", Need.MINION)
def mine_get(
    context: Context,
    tgt: str | list,  # type: ignore[type-arg]
    fun: str | list,  # type: ignore[type-arg]
    tgt_type: Kind = "glob",
) -> dict[str, Any]:
    """Return what other minions have in the mine, as far as ``mine_get`` and the entries themselves allow it."""
    services, caller = context.services, context.caller
    functions, several = _functions(fun)
    allowed = [name for name in functions if services.policy.may_read_mine(caller, name)]
    if not allowed:
        return {}
    asked: dict[tuple[str, str], bool] = {}

    def may_see(entry: Any) -> bool:
        """Return whether the asker is one of those that an entry is for."""
        if not entry.get("allow_tgt"):
            return True
        target = (str(entry["allow_tgt"]), str(entry.get("allow_tgt_type") or "glob"))
        if target not in asked:
            if len(asked) >= MAX_ALLOWED_TARGETS:
                return False
            asked[target] = _means(context, *target)
        return asked[target]

    found = services.mine.get(_meant(context, tgt, tgt_type), allowed, may_see)
    return found if several else found.get(functions[0], {})


def _means(context: Context, target: str, kind: str) -> bool:
    """Return whether a target that another minion wrote means the caller."""
    try:
        targets = context.services.targets
        return bool(targets.target(target, kind).select([context.caller.name], targets.known))
    except TargetError:
        return False


def _meant(context: Context, tgt: str | list[Any], kind: str) -> list[str]:
    """Return the minions that a target means, none for one that makes no sense.

    Who may not see all finds out no pillar's value by patterns. Raises ``TargetTooCostly``, ``UnknownNodegroup``.
    """
    targets = context.services.targets
    try:
        target = targets.target(tgt, kind, reads_pillar=context.services.policy.sees_all(context.caller))
        return target.select(context.visible(context.services.keyring.minions()), targets.known)
    except (TargetTooCostly, UnknownNodegroup):
        raise
    except TargetError:
        return []


@command("runner.mine.get", Need.RUNNER, reach=Reach.VISIBLE)
def get(
    context: Context,
    tgt: str | list,  # type: ignore[type-arg]
    fun: str | list,  # type: ignore[type-arg]
    tgt_type: str = "glob",
) -> dict[str, Any]:
    """Show what minions have in the mine: ``saltern-run mine.get '*' status.loadavg``"""
    functions, several = _functions(fun)
    found = context.services.mine.get(_meant(context, tgt, tgt_type), functions)
    return found if several else found.get(functions[0], {})


def _functions(fun: str | list[Any]) -> tuple[list[str], bool]:
    """Return the functions that are asked for, and whether the answer is by function: for a list, or several."""
    names = list(dict.fromkeys(fun.split(","))) if isinstance(fun, str) else [str(name) for name in fun]
    if not 0 < len(names) <= MAX_FUNCTIONS or any(len(name) > MAX_NAME_CHARACTERS for name in names):
        raise ArgumentError(f"name 1 to {MAX_FUNCTIONS} functions of up to {MAX_NAME_CHARACTERS} characters")
    return names, isinstance(fun, list) or len(names) > 1
