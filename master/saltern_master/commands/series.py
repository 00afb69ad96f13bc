"""``login.series``: whose metrics someone sees; the HTTP API asks it for each query of metrics."""

from __future__ import annotations

import asyncio
from typing import Any

from saltern.metric_segment import owner
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command
from saltern_master.shipping.names import Pattern

AT_A_TIME = 500
"""Of so many minions the names are written out before others have a turn."""


@command("login.series", Need.USER)
async def series(context: Context, seen: str = "") -> dict[str, Any]:
    """Tell which series and events of the metric store the caller sees.

    ``{version, principal, fires, all}``, and unless he sees *all*: ``places``, beginnings of the names of the series
    of those minions on which something is granted to him, with ``*`` for some of one element; and ``minions``, their
    names there. ``fires``: whether he may put events on the bus.

    *seen*: the version that he has; if it is this one nothing but ``version`` and ``same`` is answered. What grants by
    grains come to may have changed all the same: he asks without it from time to time.
    """
    services, caller = context.services, context.caller
    policy = services.policy
    minions = services.keyring.minions()
    version = f"{policy.version}-{hash(tuple(minions)) & 0xFFFFFFFFFFFFFFFF:x}"
    if seen == version:
        return {"version": version, "same": True}
    fire = services.registry.get("event.fire")
    told = {
        "version": version,
        "principal": caller.principal,
        "fires": fire is not None and policy.may_call(caller, fire),
        "all": policy.sees_all(caller),
    }
    if told["all"]:
        return told
    pattern = Pattern(services.options["metric_pattern"])
    known = policy.known_to(caller, minions)
    places: list[str] = []
    names: list[str] = []
    for begin in range(0, len(known), AT_A_TIME):
        some = known[begin : begin + AT_A_TIME]
        places += (place for minion in some for place in pattern.places(minion))
        names += map(owner, some)
        await asyncio.sleep(0)
    return {**told, "places": places, "minions": names}
