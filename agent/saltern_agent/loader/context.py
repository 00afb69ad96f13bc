"""``__context__``: what a module remembers between calls, and the return code of the call that is running."""

from __future__ import annotations

from typing import Any

from saltern_agent.jobs import Current

RETCODE = "retcode"


class Context(dict[str, Any]):
    """A module's memory. ``retcode`` alone belongs to the running job, so that two at once don't mix theirs up."""

    def __init__(self, current: Current) -> None:
        super().__init__()
        self._current = current

    def __setitem__(self, key: str, value: Any) -> None:
        if key == RETCODE and self._current.job is not None:
            self._current.job.retcode = value
        else:
            super().__setitem__(key, value)

    def __getitem__(self, key: str) -> Any:
        if key == RETCODE and self._current.job is not None:
            return self._current.job.retcode
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        if key == RETCODE and self._current.job is not None:
            return bool(self._current.job.retcode)
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of *key*, else *default*."""
        try:
            return self[key]
        except KeyError:
            return default

    def pop(self, key: str, *default: Any) -> Any:
        """Remove *key* and return its value, else *default*, else raise ``KeyError``."""
        if key == RETCODE and self._current.job is not None:
            value, self._current.job.retcode = self._current.job.retcode, 0
            return value
        return super().pop(key, *default)
