"""``salt.utils.minions``: minions that a target means. Only the master knows them."""

from __future__ import annotations

from typing import Any

from saltern.errors import CommandError

TARGET_REX = r"(?:(?P<engine>[GPIJLNSER]|[NR])@)?(?P<pattern>.+)$"


def get_minion_data(minion: Any, opts: Any) -> tuple[Any, Any, Any]:
    """Return id, grains and pillar of the calling module's minion; three times ``None`` for another one."""
    from saltern_compat._caller import dunder

    grains = dunder("__grains__", {})
    return (minion, grains, dunder("__pillar__", {})) if minion == grains.get("id") else (None, None, None)


class CkMinions:
    """Raises ``CommandError`` when it is made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise CommandError("salt.utils.minions.CkMinions isn't here: ask the master by publish.publish")
