"""``salt.wheel``: functions that manage the master, run on its host."""

from __future__ import annotations

from typing import Any


class WheelClient:
    """The client of the master on this host."""

    def __new__(cls, opts: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return that of ``saltern.wheel``."""
        from saltern.wheel import WheelClient as of_master

        return of_master(opts)
