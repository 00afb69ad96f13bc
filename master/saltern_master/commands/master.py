"""``test.*`` and ``config.*`` on the master: what callers look at it with."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from saltern.errors import ArgumentError, NotAuthorised
from saltern.secret import masked
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.params import NAMED, POSITIONAL
from saltern_master.commands.registry import Reach, command

MAX_SLEEP_S = 3600.0

Args = Annotated[list[Any], POSITIONAL]
Kwargs = Annotated[dict[str, Any], NAMED]


def check_sleep(seconds: float) -> float:
    """Return *seconds* when it may be slept for so long. Raises ``ArgumentError``."""
    if 0 <= seconds <= MAX_SLEEP_S:
        return seconds
    raise ArgumentError(f"s_time must be between 0 and {MAX_SLEEP_S:g} seconds, not {seconds}")


@command("runner.test.arg", Need.RUNNER, reach=Reach.NONE)
async def arg(context: Context, args: Args, kwargs: Kwargs) -> dict[str, Any]:
    """Return what is given: ``saltern-run test.arg 1 two a=3``"""
    return {"args": args, "kwargs": {name: value for name, value in kwargs.items() if not name.startswith("__")}}


@command("runner.test.raw_arg", Need.RUNNER, reach=Reach.NONE)
async def raw_arg(context: Context, args: Args, kwargs: Kwargs) -> dict[str, Any]:
    """Return what is given, and leave nothing out: ``saltern-run test.raw_arg 1 __a=3``"""
    return {"args": args, "kwargs": kwargs}


@command("runner.test.sleep", Need.RUNNER, reach=Reach.NONE)
async def sleep(context: Context, s_time: Annotated[float, check_sleep] = 10) -> bool:
    """Return True after *s_time* seconds: ``saltern-run test.sleep 5``"""
    await asyncio.sleep(s_time)
    return True


@command("runner.config.get", Need.RUNNER, private=True)
async def get(context: Context, key: str, default: Any = "", delimiter: str = ":") -> Any:
    """Return an option of the master, for who may do everything: ``saltern-run config.get file_roots:base``"""
    if not context.services.policy.sees_all(context.caller):
        raise NotAuthorised(f"{context.caller} may not see the master's options: config.get is for who may do all")
    value: Any = context.services.options
    for name in key.split(delimiter) if delimiter else [key]:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name[:9]) < len(value):
            value = value[int(name[:9])]
        else:
            return default
    return masked(value)
