"""Bringing a file to what it should hold and be, as ``file.get_managed`` and ``file.manage_file`` do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern.files import open_folder
from saltern.named import NamedTuple
from saltern_modules import _file_compare, _file_sources, _keywords
from saltern_modules._file_compare import TEMPORARY, Ignored
from saltern_modules._file_hashes import hash_of
from saltern_modules._file_perms import Wanted, checked
from saltern_modules._rewriting import NEW_MODE, Place, fill, new_file, rewrite, write_all

Salt = Mapping[str, Callable[..., Any]]

PRIVATE_MODE = 0o600
TEMPLATES = ("jinja",)


class Task(NamedTuple):
    """What ``file.manage_file`` is given."""

    name: str
    sfn: Any
    source: str | None
    source_sum: dict[str, str]
    wanted: Wanted
    saltenv: str
    backup: Any
    makedirs: bool
    show_changes: bool
    contents: bytes | None
    dir_mode: Any
    follow_symlinks: bool
    skip_verify: bool
    keep_mode: bool
    verify_ssl: bool
    use_etag: bool
    signature: Any
    sig_backend: str
    ignored: Ignored
    new_file_diff: bool
    salt: Salt
    opts: Mapping[str, Any]

    @classmethod
    def of(cls, given: Mapping[str, Any], **dunders: Any) -> Task:
        """Return what the arguments of ``file.manage_file`` say. *dunders*: salt, opts."""
        contents, source_sum = given["contents"], given["source_sum"] or {}
        if isinstance(contents, str):
            contents = contents.encode(given["encoding"] or "utf-8", given["encoding_errors"])
        if "hsum" in source_sum:
            source_sum = {**source_sum, "hsum": source_sum["hsum"].lower()}
        made = {
            "name": os.path.expanduser(given["name"]),
            "source_sum": source_sum,
            "wanted": Wanted.of(given),
            "contents": contents,
            "ignored": Ignored.of(given),
        }
        return cls(**{**_keywords.fitting(cls._fields, given), **made, **dunders})

    @property
    def test(self) -> bool:
        """Whether nothing is to be changed."""
        return bool(self.opts.get("test"))


class _Refused(Exception):
    """It can't be done: the text is the comment."""


def managed(task: Task, ret: dict[str, Any] | None) -> dict[str, Any]:
    """Return *ret* with what was changed, and how that went."""
    ret = ret or {"name": task.name, "changes": {}, "comment": "", "result": True}
    try:
        task = _with_source(task)
        if os.path.isfile(task.name) or os.path.islink(task.name):
            return _existing(task, ret)
        return _new(task, ret)
    except _Refused as error:
        ret["result"] = False
        ret["comment"] = str(error)
        return ret
    finally:
        _file_compare.remove_temporary(task.sfn)


def _with_source(task: Task) -> Task:
    """Return *task* with its source at hand, and its mode where that is to be kept."""
    if not task.source:
        return task
    if not task.sfn:
        sfn = _file_sources.cached(task.source, task.saltenv, salt=task.salt, verify_ssl=task.verify_ssl)
        if not sfn:
            raise _Refused(f"Source file '{task.source}' not found")
        kind = (task.source_sum or {}).get("hash_type", "sha256")
        task = task._replace(sfn=sfn, source_sum={"hash_type": kind, "hsum": hash_of(str(sfn), kind)})
    source = task.source or ""
    if task.keep_mode and _file_sources.scheme_of(source) in ("salt", "file", ""):
        mode = _file_sources.octal_mode(source, task.saltenv, salt=task.salt)
        task = task._replace(wanted=task.wanted._replace(mode=mode)) if mode is not None else task
    return task


def _verify(task: Task, *, there: bool = True) -> None:
    """Raise ``_Refused`` when what was fetched isn't what was meant. *there*: something is at the name."""
    source = task.source or ""
    if _file_sources.scheme_of(source) != "salt" and not task.skip_verify and not task.use_etag:
        kind, hsum = task.source_sum["hash_type"], task.source_sum["hsum"]
        found = hash_of(task.sfn, kind)
        if found != hsum:
            said = f"Specified {kind} checksum for {source if there else task.name} ({hsum}) does not match actual"
            hint = (
                ". If the 'source_hash' value refers to a remote file with multiple possible matches, then it may be "
                "necessary to set 'source_hash_name'."
            )
            raise _Refused(f"{said} checksum ({found}){hint if there else ''}")
    if task.signature:
        try:
            _file_sources.check_signature(task.sig_backend, salt=task.salt)
        except CommandError as error:
            raise _Refused(f"Failed checking new file's signature: {error}") from None


def _existing(task: Task, ret: dict[str, Any]) -> dict[str, Any]:
    a_link = os.path.islink(task.name)
    real = os.path.realpath(task.name) if a_link and task.follow_symlinks else task.name
    itself = a_link and not task.follow_symlinks
    matters = False
    if task.source and (itself or _differs(task, real)):
        _verify(task)
        matters = _show(task, ret, real)
        _commit(task, real, None, itself=itself)
    if task.contents is not None:
        matters, told = _contents_diff(task, ret, real)
        if told:
            ret["changes"]["diff"] = told
            _commit(task, real, task.contents, itself=itself and os.path.islink(real))
    ret, _ = checked(task.name, ret, task.wanted, task.follow_symlinks, salt=task.salt, test=task.test)
    if ret["changes"]:
        ret["comment"] = f"File {task.name} updated"
        if task.ignored.any and not matters:
            ret["skip_req"] = True
    elif ret["result"]:
        ret["comment"] = f"File {task.name} is in the correct state"
    return ret


def _differs(task: Task, real: str) -> bool:
    found = hash_of(real, task.source_sum.get("hash_type", "sha256"))
    return task.source_sum.get("hsum", "sha256") != found


def _show(task: Task, ret: dict[str, Any], real: str) -> bool:
    """Put the diff to the source into *ret*; return whether it matters."""
    hidden = _file_compare.hidden_by(task.salt, show_changes=task.show_changes)
    try:
        matters, told = _file_compare.compared(
            _file_compare.content(real), _file_compare.content(task.sfn), hidden=hidden, ignored=task.ignored
        )
    except CommandError as error:
        matters, told = False, str(error)
    if told:
        ret["changes"]["diff"] = told
    return matters


def _contents_diff(task: Task, ret: dict[str, Any], real: str) -> tuple[bool, str]:
    hidden = _file_compare.hidden_by(task.salt, show_changes=task.show_changes)
    try:
        return _file_compare.compared(
            _file_compare.content(real), task.contents or b"", hidden=hidden, ignored=task.ignored
        )
    except CommandError as error:
        ret.setdefault("warnings", []).append(f"Failed to detect changes to file: {error}")
        return False, ""


def _new(task: Task, ret: dict[str, Any]) -> dict[str, Any]:
    if task.source:
        _verify(task, there=False)
    if not os.path.isdir(os.path.dirname(task.name)):
        if not task.makedirs:
            raise _Refused("Parent directory not present")
        _make_folders(task)
    mode = PRIVATE_MODE if task.source or task.wanted.mode else NEW_MODE
    told = "New file"
    if task.contents is not None or task.source:
        data = task.contents if task.contents is not None else None
        if task.new_file_diff:
            _, told = _file_compare.compared(b"", _file_compare.content(task.sfn) if data is None else data)
        if not task.test or task.source:
            ret["changes"]["diff"] = told
            _write_new(task, mode)
    elif not task.test:
        _touch(task, ret)
    if task.wanted.mode is None:
        task = task._replace(wanted=task.wanted._replace(mode=oct(NEW_MODE)))
    ret, _ = checked(task.name, ret, task.wanted, salt=task.salt, test=task.test)
    if not ret["comment"]:
        ret["comment"] = f"File {task.name} updated"
    if task.test:
        ret["comment"] = f"File {task.name} not updated"
    elif not ret["changes"] and ret["result"]:
        ret["comment"] = f"File {task.name} is in the correct state"
    if task.ignored.any and ret["changes"]:
        ret["skip_req"] = True
    return ret


def _touch(task: Task, ret: dict[str, Any]) -> None:
    try:
        rewrite(task.name, b"", mode=PRIVATE_MODE if task.wanted.mode else NEW_MODE)
    except OSError as error:
        raise CommandError(error.strerror) from None
    ret["changes"]["new"] = f"file {task.name} created"
    ret["comment"] = "Empty file"


def _write_new(task: Task, mode: int) -> None:
    with _opened(task, task.contents) as data:
        rewrite(task.name, data, mode=mode)


def _make_folders(task: Task) -> None:
    """Make the folder that the file is in, open to whom the file is readable, as its owner's."""
    from saltern_modules._file_folders import make_above

    dir_mode = task.dir_mode
    if dir_mode is None and task.wanted.mode is not None:
        digits = str(task.wanted.mode)[-3:]
        dir_mode = "".join(digit if digit == "0" else str(int(digit, 8) | 1) for digit in digits)
    make_above(task.name, task.wanted.user, task.wanted.group, dir_mode)


def _commit(task: Task, real: str, contents: bytes | None, *, itself: bool) -> None:
    """Have *real* hold *contents*, or the source; *itself*: put it in the place of a link. Raises ``_Refused``."""
    try:
        with _opened(task, contents) as data:
            if not itself:
                rewrite(real, data, backup=_backup(task), cachedir=_cachedir(task))
                return
            mode = os.stat(real).st_mode & 0o777 if os.path.exists(real) else PRIVATE_MODE  # of what it leads to
            folder, name = os.path.split(real)
            at = open_folder(folder or ".")
            try:
                with new_file(Place(at, name, real, None), mode) as new:
                    fill(new, data)
            finally:
                os.close(at)
    except OSError as error:
        raise _Refused(f"Failed to commit change: {error}") from None


@contextlib.contextmanager
def _opened(task: Task, contents: bytes | None) -> Iterator[bytes | int]:
    """Yield *contents*, or the source as an open file."""
    if contents is not None:
        yield contents
        return
    source = os.open(task.sfn, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield source
    finally:
        os.close(source)


def _backup(task: Task) -> str:
    mode = task.salt["config.backup_mode"](task.backup)
    return "minion" if mode == "minion" or (mode == "both" and _cachedir(task)) else ""


def _cachedir(task: Task) -> str:
    return str(task.opts.get("cachedir") or "")


def rendered(text: str, engine: str, context: Mapping[str, Any], **dunders: Any) -> str:
    """Return what the template *text* comes to. Raises ``CommandError``."""
    import importlib

    render = importlib.import_module("saltern_modules._template").rendered  # which loads what hosts may not have
    return str(render(text, engine, context, **dunders))


def rendered_file(sfn: str, engine: str, context: Mapping[str, Any], **dunders: Any) -> str:
    """Render the template in the file *sfn*; return the path of a temporary file with what comes of it."""
    import tempfile

    with open(sfn, encoding="utf-8") as stream:
        text = rendered(stream.read(), engine, context, **dunders)
    fd, path = tempfile.mkstemp(prefix=TEMPORARY)
    try:
        write_all(fd, text.encode())
    finally:
        os.close(fd)
    return path
