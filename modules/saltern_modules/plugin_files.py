"""The plugin *files*: whether files are there, whose they are, and whether they are what they should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, SalternError
from saltern_modules import _plugin

__salt__: Mapping[str, Callable[..., Any]]

__version__ = "1.0"
__powers__ = {"run": "reads"}

FACTS = ("type", "size", "mode", "user", "group", "mtime", "target")
MIB = 1024 * 1024


def run(parameters: Any = None, version: str = "", configuration: Any = None) -> dict[str, Any]:
    """Return what is known of files; one that is missing, or has another digest than it should, is an error.

    *parameters*: ``{"files": [{"path": "/etc/hosts", "sha256": ""}]}``; *configuration*: ``{"most_mib": 64}``, the
    largest file whose digest is taken. ``data``: ``{"missing": 0, "different": 0, "files": [{"path", "there",
    "type", "size", "mode", "user", "group", "mtime", "sha256"}]}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' plugin_files.run '{"files": [{"path": "/etc/hosts"}]}'
    """
    most_mib = _plugin.given("plugin_files.run", configuration).get("most_mib", 64)
    wanted = _plugin.rows("plugin_files.run", _plugin.given("plugin_files.run", parameters), "files")
    if isinstance(most_mib, bool) or not isinstance(most_mib, int):
        raise ArgumentError("plugin_files.run: most_mib must be a number")
    for row in wanted:
        if not str(row.get("path", "")).startswith("/"):
            raise ArgumentError(f"plugin_files.run: name a file by its whole path, not {row.get('path')!r:.80}")
    files = [_looked_at(str(row["path"]), str(row.get("sha256") or "").lower(), most_mib * MIB) for row in wanted]
    missing = sum(not one["there"] for one in files)
    different = sum(one.get("different", False) for one in files)
    data = {"missing": missing, "different": different, "files": files}
    return _plugin.answer(_plugin.ERROR if missing or different else _plugin.OK, data, __version__)


def _looked_at(path: str, sha256: str, most_bytes: int) -> dict[str, Any]:
    try:
        stats = __salt__["file.stats"](path)
    except (SalternError, OSError):
        return {"path": path, "there": False}
    found: dict[str, Any] = {"path": path, "there": True, **{key: stats[key] for key in FACTS if stats.get(key) != ""}}
    if found.get("type") == "file" and found.get("size", 0) <= most_bytes:
        try:
            found["sha256"] = __salt__["file.get_hash"](path, "sha256")
        except (SalternError, OSError) as error:
            found["said"] = str(error)[:200]
    if sha256:
        found["different"] = found.get("sha256") != sha256
    return found
