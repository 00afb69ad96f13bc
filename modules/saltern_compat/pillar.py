"""``salt.pillar``: the pillar of the calling module's minion, as it was last fetched."""

from __future__ import annotations

from typing import Any

from saltern_compat._caller import dunder, function


class Pillar:
    """The pillar of a minion. ``compile_pillar`` has the master make it anew."""

    def __init__(
        self, opts: Any = None, grains: Any = None, minion_id: Any = None, saltenv: Any = None, **kw: Any
    ) -> None:
        self.opts, self.grains, self.minion_id, self.saltenv = opts, grains, minion_id, saltenv

    def compile_pillar(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the pillar, made anew."""
        found: dict[str, Any] = function("pillar.items")()
        return found

    def fetch_pillar(self) -> dict[str, Any]:
        """Return the pillar as it is known."""
        return dict(dunder("__pillar__", {}))


def get_pillar(
    opts: Any = None, grains: Any = None, minion_id: Any = None, saltenv: Any = None, **kwargs: Any
) -> Pillar:
    """Return what gives the pillar of the calling module's minion."""
    return Pillar(opts, grains, minion_id, saltenv)
