"""What minions returned to a plugin: a status, data, a version; or what came instead of it.

::

    {"status": "ok", "data": {…}, "version": "1.2"}      # and, for metrics, "level": 0
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from saltern.visible import HIDDEN, escape
from saltern_web.plugins.names import module_of

OK, WARNING, ERROR, UNKNOWN = "ok", "warning", "error", "unknown"
STATUSES = (ERROR, WARNING, UNKNOWN, OK)
"""The worst first."""
WAITING, NO_ANSWER = "waiting", "no answer"
ORDER = (ERROR, WARNING, NO_ANSWER, UNKNOWN, WAITING, OK)
RANK = {status: rank for rank, status in enumerate(ORDER)}
MAX_DEPTH = 32
MAX_SHOWN = 64 * 1024
MAX_VERSION, MAX_SAID = 40, 2000
_MISSING = "is not available"


class Result(NamedTuple):
    """One minion's. *said*: what is wrong with it, in words; *raw* is what came back, as it came."""

    minion: str
    status: str
    version: str = ""
    said: str = ""
    raw: Any = None

    @property
    def whole(self) -> Any:
        """What came back, with visible characters alone."""
        return plain(self.raw)

    @property
    def data(self) -> Any:
        """The data, with visible characters alone; of what isn't the interface all that came."""
        if not self.said and isinstance(self.raw, dict):
            return plain(self.raw.get("data"))
        return None if isinstance(self.raw, str) and self.status == ERROR else self.whole

    @property
    def text(self) -> str:
        """The data as JSON, to be shown where no template does."""
        text = json.dumps(self.data, ensure_ascii=False, indent=2, default=str)
        return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}\n… {len(text) - MAX_SHOWN:,} more characters"


def read_result(minion: str, told: Mapping[str, Any], plugin: str) -> Result:
    """Return what a minion's return says: *told* has ``return``, ``retcode``, ``success``."""
    value = told.get("return")
    status = value.get("status") if isinstance(value, dict) else None
    if isinstance(value, dict) and isinstance(status, str) and status in STATUSES:
        version = value.get("version")
        version = "" if version is None or isinstance(version, dict | list) else str(version)[:MAX_VERSION]
        return Result(minion, status, version, "", value)
    failed = bool(told.get("retcode")) or told.get("success") is False
    if isinstance(value, str) and failed:
        return Result(minion, ERROR, "", _missing(value, plugin) or value[:MAX_SAID] or "it failed", value)
    if isinstance(value, dict) and "status" in value:
        why = f"its status is {str(status)!r:.60}: it must be one of {', '.join(sorted(STATUSES))}"
    else:
        why = 'it returned no {"status": …, "data": …}'
    said = f"{module_of(plugin)} doesn't keep to the interface of plugins: {why}"
    return Result(minion, ERROR if failed else UNKNOWN, "", said, value)


def _missing(said: str, plugin: str) -> str:
    if _MISSING not in said:
        return ""
    return f"the module {module_of(plugin)} isn't on this minion: sync it, by saltutil.sync_modules ({said[:200]})"


def plain(value: Any, depth: int = 0) -> Any:
    """Return *value* with visible characters alone; nested too deeply, it is cut."""
    if isinstance(value, str):
        return value if value.isprintable() else HIDDEN.sub(escape, value)
    if isinstance(value, dict | list):
        if depth >= MAX_DEPTH:
            return "…"
        if isinstance(value, list):
            return [plain(one, depth + 1) for one in value]
        return {plain(str(key)): plain(one, depth + 1) for key, one in value.items()}
    return value


def worst(statuses: Iterable[str]) -> str:
    """Return the worst; of none: unknown, never ok."""
    return min(statuses, key=RANK.__getitem__, default=UNKNOWN)


def versions_apart(results: Iterable[Result], version: str) -> dict[str, list[str]]:
    """Return the minions whose module has another version than the plugin here, by that version."""
    apart: dict[str, list[str]] = {}
    if version:
        for one in results:
            if one.status in STATUSES and one.version and one.version != version:
                apart.setdefault(one.version, []).append(one.minion)
    return apart
