"""The last lines of log files and of the journal, by time and by what is in them.

``saltern-logs`` asks many hosts at once and shows one stream. Files are read below the folders of the minion's option
``log_paths`` alone (``/var/log``): who may call this function reads no other file by it, whatever links there are.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from saltern.errors import ArgumentError, CommandError, os_errors
from saltern.files import open_file, open_folder

__opts__: Mapping[str, Any]
__salt__: Mapping[str, Any]

__powers__ = {"tail": "indirect"}
"""It changes nothing; but what is in logs is not for everybody who may see a host's numbers."""

MAX_LINES = 10_000
MAX_BYTES = 1 << 20
USUAL_BYTES = 1 << 18
JOURNAL = "journal"
MAX_JOURNAL_LINES = 20_000
JOURNAL_TIMEOUT_S = 30
USUAL_PATHS = ("/var/log",)
_UNIT = re.compile(r"[A-Za-z0-9@][A-Za-z0-9:_.@\\*?-]{0,255}")


def tail(
    path: str = "",
    lines: int = 100,
    since: str | float | None = None,
    until: str | float | None = None,
    match: str | None = None,
    unit: str | None = None,
    rotated: bool = False,
    ignore_case: bool = False,
    max_bytes: int = USUAL_BYTES,
    stamped: bool = False,
) -> list[str] | dict[str, Any]:
    """Return the last *lines* (up to 10,000) of the file *path*, or of the journal, the first one first.

    *since*, *until*: an instant as in ``10m`` or ``2h`` (ago), ``today``, ``2026-11-29``, ``2026-11-29T16:22:41Z``, or
    seconds since the epoch. *match*: a part of the line, in which ``*`` stands for anything. *unit*: of the journal,
    the lines of that unit; *path* ``journal`` is all of it. *rotated*: also what the file was before it was rotated,
    packed ones (.gz, .xz, .bz2) too. *max_bytes*: of what is returned, up to 1 MiB. Times are read from the lines, in
    all usual forms; a line without one has that of the line before it. With *stamped* the answer is
    ``{'lines': [[seconds since the epoch or None, text], …], 'cut': why there are fewer than there could be}``.

    Raises ``CommandError`` for a file that can't be read, or isn't below ``log_paths``; ``ArgumentError``.

    CLI Example:

    .. code-block:: bash

        saltern 'web*' logs.tail /var/log/nginx/error.log since=1h match='upstream*timed out'
        saltern 'web*' logs.tail unit=ssh.service lines=20
    """
    from saltern_modules._log_files import Tail, Wanted, parts_of
    from saltern_modules._log_times import instant

    now = time.time()
    try:
        wanted = Wanted(
            _number("lines", lines, MAX_LINES),
            _number("max_bytes", max_bytes, MAX_BYTES),
            None if since in (None, "") else instant(since, now),
            None if until in (None, "") else instant(until, now),
            parts_of(str(match or ""), ignore_case),
            ignore_case,
        )
    except ValueError as error:
        raise ArgumentError(f"logs.tail: {error}") from None
    found = Tail(wanted, now)
    if unit or path == JOURNAL:
        if path not in ("", JOURNAL):
            raise ArgumentError("logs.tail: a unit's lines are in the journal: name a file or a unit")
        _journal(unit, wanted, found)
    else:
        _files(path, rotated, wanted.lines, found)
    found.flush()
    if stamped:
        return {"lines": [[line.at, line.text] for line in found.lines()], "cut": found.cut}
    return [line.text for line in found.lines()]


def _files(path: str, older: bool, lines: int, found: Any) -> None:
    from saltern_modules import _log_files

    _check_path(path)
    _read(path, lines, found, _log_files)
    if not older:
        return
    with os_errors(CommandError, path, f"can't list {os.path.dirname(path)}", called="logs.tail"):
        folder = open_folder(os.path.dirname(path))
        try:
            names = os.listdir(f"/proc/self/fd/{folder}")
        finally:
            os.close(folder)
    for one in _log_files.rotated(path, names):
        if found.full:
            return
        with contextlib.suppress(CommandError):  # it was rotated once more
            _read(one, lines, found, _log_files)


def _read(path: str, lines: int, found: Any, reading: Any) -> None:
    with os_errors(CommandError, path, f"can't read {path}", called="logs.tail"):
        file = open_file(path)
        try:
            if not _is_below(os.readlink(f"/proc/self/fd/{file}")):
                raise _not_below(path)
            unpack = reading.unpacker(path)
            if unpack is None:
                reading.read_plain(file, found)
                return
            with contextlib.suppress(EOFError), os.fdopen(os.dup(file), "rb") as stream, unpack(stream) as unpacked:
                reading.read_packed(unpacked, found, lines)
        except (ValueError, RuntimeError) as error:  # what isn't packed as its name says
            raise CommandError(f"logs.tail: can't read {path}: {error}") from None
        finally:
            os.close(file)


def _check_path(path: str) -> None:
    if not isinstance(path, str) or not path.startswith("/") or "\0" in path:
        raise ArgumentError(f"logs.tail: name a file by its whole path, or a unit, not {path!r:.80}")
    if not _is_below(os.path.normpath(path)):
        raise _not_below(path)


def _is_below(path: str) -> bool:
    """Return whether *path* is below a folder of ``log_paths``, by its name or by where that leads to."""
    folders = [str(folder).rstrip("/") for folder in _log_paths()]
    return any(path.startswith(f"{top}/") for folder in folders for top in (folder, os.path.realpath(folder)))


def _log_paths() -> Sequence[str]:
    given = __opts__.get("log_paths", USUAL_PATHS)
    return given if isinstance(given, (list, tuple)) else [given]


def _not_below(path: str) -> CommandError:
    allowed = ", ".join(map(str, _log_paths())) or "nothing"
    return CommandError(f"logs.tail: {path} isn't a file below {allowed}: the minion's option log_paths says what is")


def _journal(unit: str | None, wanted: Any, found: Any) -> None:
    """Have *found* take lines of the journal."""
    if not __salt__["cmd.has_exec"]("journalctl"):
        raise CommandError("logs.tail: there is no journalctl on this host, so no journal: name a file")
    if unit is not None and not _UNIT.fullmatch(str(unit)):
        raise ArgumentError(f"logs.tail: {unit!r:.80} is no unit: use one such as nginx or ssh.service")
    argv = ["journalctl", "--no-pager", "--quiet", "--reverse", "--output=short-unix"]
    argv.append(f"--lines={MAX_JOURNAL_LINES if wanted.parts else wanted.lines}")
    argv += [f"--unit={unit}"] if unit else []
    argv += [f"--since=@{wanted.since:.6f}"] if wanted.since is not None else []
    argv += [f"--until=@{wanted.until:.6f}"] if wanted.until is not None else []
    ran = __salt__["cmd.run_all"](argv, python_shell=False, timeout=JOURNAL_TIMEOUT_S, ignore_retcode=True)
    if ran["retcode"]:
        raise CommandError(f"logs.tail: journalctl failed: {(ran['stderr'] or ran['stdout']).strip()[:300]}")
    shown = _shown(ran["stdout"])
    for line in shown:
        found.take(line.encode("utf-8", "surrogateescape"))
        if found.full:
            return
    if wanted.parts and len(shown) >= MAX_JOURNAL_LINES:
        found.cut = f"{MAX_JOURNAL_LINES:,} lines of the journal were looked at"


def _shown(text: str) -> list[str]:
    """Return the lines of ``journalctl --reverse``, the last first, each with its time as others have it.

    A message of several lines comes with its first one first, and the others indented.
    """
    shown: list[str] = []
    entry: list[str] = []
    for line in text.split("\n"):
        if line[:1].isdigit():
            shown += reversed(entry)
            stamp, _, rest = line.partition(" ")
            try:
                at = float(stamp)
            except ValueError:
                entry = [line]
                continue
            local = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(at))
            entry = [f"{local}.{round(at % 1 * 1e6):06d}{_zone(at)} {rest}"[:100_000]]
        elif line and not line.startswith("-- "):
            entry.append(line)
    return [*shown, *reversed(entry)]


def _zone(at: float) -> str:
    zone = time.strftime("%z", time.localtime(at))
    return f"{zone[:3]}:{zone[3:5]}"


def _number(name: str, value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise ValueError(f"{name} must be 1 to {most:,}, not {value!r:.40}")
    return value
