"""``salt.minion``: what a module asks for to call others; it is what its own loader has."""

from __future__ import annotations

from typing import Any

from saltern_compat import loader


class SMinion:
    """The calling module's minion: ``functions``, ``returners`` and ``opts`` of it."""

    def __init__(self, opts: Any = None, **kwargs: Any) -> None:
        self.opts = opts
        self.functions = loader.minion_mods(opts)
        self.returners = loader.returners(opts)


MasterMinion = SMinion
