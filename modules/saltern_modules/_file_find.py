"""Looking for files by name, kind, owner, size, time and content, as ``file.find`` does.

Criteria: ``name``, ``iname`` (globs of ``*`` and ``?``), ``regex``, ``iregex`` (of a name's beginning), ``type``,
``owner``, ``group``, ``size``, ``mtime``, ``grep``. Actions: ``print``, ``delete``, ``exec``. Names are looked at
first, then what the system knows of a file, then its content.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saltern.named import NamedTuple
from saltern_modules._file_status import group_of, user_of

Match = Callable[[str, Any], bool]
"""Whether a file at a path, with what is known of it, is meant."""
Act = Callable[[str, Any], Any]
"""What is returned for such a file; ``None``: nothing."""

KINDS = {
    "b": stat.S_IFBLK,
    "c": stat.S_IFCHR,
    "d": stat.S_IFDIR,
    "f": stat.S_IFREG,
    "l": stat.S_IFLNK,
    "p": stat.S_IFIFO,
    "s": stat.S_IFSOCK,
}
_LETTERS = {kind: letter for letter, kind in KINDS.items()}
_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SPANS = (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
_INTERVAL = re.compile(
    r"\s*([+-]?)\s*" + r"\s*".join(rf"(?:(\d+(?:\.\d*)?)\s*{unit})?" for unit, _ in _SPANS) + r"\s*", re.I
)
_DEFAULT_PRINT = "path"


class _Criterion(NamedTuple):
    matches: Match
    looks: int
    """0: at the name, 1: at what is known of the file, 2: at its content."""


class Finder:
    """Criteria and actions, made of options in their order."""

    def __init__(self, options: Mapping[str, Any], run: Callable[[list[str]], str]) -> None:
        """*run* is given a program with its arguments, and returns its output. Raises ``ValueError``, ``re.error``."""
        given = dict(options)
        self._mindepth = given.pop("mindepth", 0)
        self._maxdepth = given.pop("maxdepth", None)
        self._test = given.pop("test", False)
        self._run = run
        criteria: list[_Criterion] = []
        self._actions: list[Act] = []
        for key, value in given.items():
            if key.startswith("_"):
                continue
            if not value:
                raise ValueError(f'missing value for "{key}" option')
            made = getattr(self, f"_by_{key}", None)
            act = getattr(self, f"_act_{key}", None)
            if made is None and act is None:
                raise ValueError(f'invalid option "{key}"')
            if made is not None:
                criteria.append(made(str(value)))
            if act is not None:
                self._actions.append(act(str(value)))
        self._actions = self._actions or [self._act_print(_DEFAULT_PRINT)]
        self._criteria = sorted(criteria, key=lambda one: one.looks)

    def found(self, path: str) -> Iterator[Any]:
        """Yield what the actions come to for each file that is meant, *path* itself first."""
        if self._mindepth < 1:
            yield from self._looked_at(path, os.path.basename(path))
        for top, folders, names in os.walk(path):
            below = os.path.relpath(top, path)
            depth = 1 if below == os.curdir else below.count(os.sep) + 2
            if depth >= self._mindepth and (self._maxdepth is None or self._maxdepth >= depth):
                for name in [*folders, *names]:
                    yield from self._looked_at(os.path.join(top, name), name)
            if self._maxdepth is not None and depth >= self._maxdepth:
                folders.clear()

    def _looked_at(self, path: str, name: str) -> Iterator[Any]:
        status: Any = None
        for criterion in self._criteria:
            if criterion.looks and status is None and (status := _status(path)) is None:
                return
            if not criterion.matches(path if criterion.looks else name, status):
                return
        if status is None and (status := _status(path)) is None:
            return  # it is gone
        for act in self._actions:
            value = act(path, status)
            if value is not None:
                yield value

    def _by_name(self, value: str, flags: int = 0) -> _Criterion:
        pattern = re.compile(value.replace(".", r"\.").replace("?", ".?").replace("*", ".*") + "$", flags)
        return _Criterion(lambda name, status: bool(pattern.match(name)), 0)

    def _by_iname(self, value: str) -> _Criterion:
        return self._by_name(value, re.IGNORECASE)

    def _by_regex(self, value: str, flags: int = 0) -> _Criterion:
        pattern = _regex(value, flags)
        return _Criterion(lambda name, status: bool(pattern.match(name)), 0)

    def _by_iregex(self, value: str) -> _Criterion:
        return self._by_regex(value, re.IGNORECASE)

    def _by_type(self, value: str) -> _Criterion:
        kinds = set()
        for letter in "".join(value.replace(",", "").split()):
            if letter not in KINDS:
                raise ValueError(f'invalid file type "{letter}"')
            kinds.add(KINDS[letter])
        return _Criterion(lambda path, status: stat.S_IFMT(status.st_mode) in kinds, 1)

    def _by_owner(self, value: str) -> _Criterion:
        import pwd

        ids = _ids(value, lambda name: pwd.getpwnam(name).pw_uid, "user")
        return _Criterion(lambda path, status: status.st_uid in ids, 1)

    def _by_group(self, value: str) -> _Criterion:
        import grp

        ids = _ids(value, lambda name: grp.getgrnam(name).gr_gid, "group")
        return _Criterion(lambda path, status: status.st_gid in ids, 1)

    def _by_size(self, value: str) -> _Criterion:
        least, most = size_range(value)
        return _Criterion(lambda path, status: least <= status.st_size <= most, 1)

    def _by_mtime(self, value: str) -> _Criterion:
        seconds, newer = age(value)
        then = time.time() - seconds
        if newer:
            return _Criterion(lambda path, status: int(status.st_mtime) >= then, 1)
        return _Criterion(lambda path, status: int(status.st_mtime) <= then, 1)

    def _by_grep(self, value: str) -> _Criterion:
        from saltern_modules._file_windows import windows

        pattern = _regex(value)

        def matches(path: str, status: Any) -> bool:
            if not stat.S_ISREG(status.st_mode):
                return False
            try:
                return any(pattern.search(window) for window in windows(path))
            except OSError:
                return False

        return _Criterion(matches, 2)

    def _by_delete(self, value: str) -> _Criterion:
        return self._by_type("".join(KINDS) if "a" in value else value)

    def _act_print(self, value: str) -> Act:
        words = value.replace(",", " ").split() or [_DEFAULT_PRINT]

        def act(path: str, status: Any) -> Any:
            values = [_PRINTED[word](path, status) for word in words if word in _PRINTED]
            return values[0] if len(values) == 1 else values

        return act

    def _act_delete(self, value: str) -> Act:
        from saltern_modules._file_moving import remove

        def act(path: str, status: Any) -> str | None:
            try:
                if not self._test:
                    remove(path)
            except OSError:
                return None
            return path

        return act

    def _act_exec(self, value: str) -> Act:
        import shlex

        words = shlex.split(value)

        def act(path: str, status: Any) -> str:
            try:
                output = self._run([word.replace("{}", path) for word in words])
            except Exception:
                return f"{path}: Failed"
            return f"{value.replace('{}', path)}:\n{output}\n"

        return act


def _md5(path: str, status: Any) -> str:
    from saltern_modules._file_hashes import hash_of

    return hash_of(path, "md5") if stat.S_ISREG(status.st_mode) else ""


_PRINTED: Mapping[str, Act] = {
    "path": lambda path, status: path,
    "name": lambda path, status: os.path.basename(path),
    "size": lambda path, status: status.st_size,
    "type": lambda path, status: _LETTERS.get(stat.S_IFMT(status.st_mode), "?"),
    "mode": lambda path, status: status.st_mode & 0o777,
    "mtime": lambda path, status: int(status.st_mtime),
    "user": lambda path, status: user_of(status.st_uid),
    "group": lambda path, status: group_of(status.st_gid),
    "md5": _md5,
}


def _status(path: str) -> os.stat_result | None:
    for look in (os.stat, os.lstat):
        try:
            return look(path)
        except OSError:
            continue
    return None


def _regex(value: str, flags: int = 0) -> re.Pattern[str]:
    try:
        return re.compile(value, flags)
    except re.error:
        raise ValueError(f'invalid regular expression: "{value}"') from None


def _ids(value: str, of_name: Callable[[str], int], what: str) -> set[int]:
    ids = set()
    for name in value.replace(",", " ").split():
        try:
            ids.add(int(name) if name.isdigit() else of_name(name))
        except KeyError:
            raise ValueError(f'no such {what} "{name}"') from None
    return ids


def size_range(value: str) -> tuple[int, int]:
    """Return the least and the most bytes that a size such as ``+10m``, ``-1k`` or ``2k`` means."""
    digits = value.strip()
    sign = digits[0] if digits[:1] in ("+", "-") else "="
    digits = digits.removeprefix(sign)
    unit = _UNITS.get(digits[-1:].lower(), 0)
    try:
        number = float(digits[:-1] if unit else digits)
        count = int(number * (unit or 1))
    except (ValueError, OverflowError):
        raise ValueError(f'invalid size: "{value}"') from None
    if sign == "-":
        return 0, count
    if sign == "+":
        return count, sys.maxsize
    return count, count + (unit or 1) - 1


def age(value: str) -> tuple[int, bool]:
    """Return the seconds that ``[+-][nw][nd][nh][nm][ns]`` means, and whether what is newer is meant.

    It is cut to whole ones of its smallest unit.
    """
    match = _INTERVAL.fullmatch(value)
    counts = (
        [(float(match[number]), span) for number, (_, span) in enumerate(_SPANS, 2) if match[number]] if match else []
    )
    if match is None or not counts:
        raise ValueError(f"invalid time interval: '{value}'")
    smallest = counts[-1][1]
    return int(sum(count * span for count, span in counts) / smallest) * smallest, match[1] == "-"
