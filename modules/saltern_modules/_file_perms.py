"""Bringing a file's owner, mode, attributes and SELinux context to what is wanted, and telling what that changed."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import ArgumentError
from saltern.named import NamedTuple
from saltern_modules import _file_status
from saltern_modules._file_status import mode_text

Salt = Mapping[str, Callable[..., Any]]
Labels = tuple[str | None, str | None, str | None, str | None]

LETTERS = "aAcCdDeijPsStTu"
_LETTERS = re.compile(f"[{LETTERS}]+")
_FLAGS = re.compile("[RVfa-z]+")
_LABELS = ("user", "role", "type", "range")


class Wanted(NamedTuple):
    """What a file should have; what is ``None`` stays as it is. *labels*: user, role, type and range of a context."""

    user: Any = None
    group: Any = None
    mode: Any = None
    attrs: str | None = None
    labels: Labels = (None, None, None, None)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Wanted:
        """Return what the arguments of a function of ``file`` ask for."""
        labels = (given["seuser"], given["serole"], given["setype"], given["serange"])
        return cls(given["user"], given["group"], given["mode"], given["attrs"], labels)


def checked(
    name: str, ret: Any, wanted: Wanted, follow_symlinks: bool = False, *, salt: Salt, test: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what ``file.check_perms`` does."""
    name = os.path.expanduser(name)
    wanted = wanted._replace(mode=mode_text(wanted.mode))
    before = ret["comment"] if ret else ""
    ret = ret or {"name": name, "changes": {}, "result": True}
    ret["comment"] = []
    found = _file_status.stats(name, follow_symlinks=follow_symlinks)
    perms = {
        "luser": found["uid"] if isinstance(wanted.user, int) else found["user"],
        "lgroup": found["gid"] if isinstance(wanted.group, int) else found["group"],
        "lmode": found["mode"],
    }
    a_link = os.path.islink(name)
    itself = a_link and not follow_symlinks
    if _is_other(wanted.user, found, "user", "uid"):
        perms["cuser"] = wanted.user
    if _is_other(wanted.group, found, "group", "gid"):
        perms["cgroup"] = wanted.group
    if not test:
        if "cuser" in perms or "cgroup" in perms:
            _give(name, ret, wanted, found, itself=itself, a_link=a_link)
        if wanted.mode is not None and not itself and wanted.mode != found["mode"]:
            perms["cmode"] = wanted.mode
            _file_status.set_mode(name, wanted.mode)
    _compare(name, ret, wanted, perms, follow_symlinks=follow_symlinks, itself=itself, test=test)
    if wanted.attrs is not None and not itself and not os.path.isdir(name):
        _set_attributes(name, ret, wanted.attrs, salt=salt, test=test)
    if any(wanted.labels):
        _label(name, ret, wanted.labels, salt=salt, test=test)
    if isinstance(before, str) and isinstance(ret["comment"], list):
        ret["comment"] = "; ".join([before, *ret["comment"]] if before else ret["comment"])
    if test and ret["changes"]:
        ret["result"] = None
    return ret, perms


def _is_other(wanted: Any, found: Mapping[str, Any], name: str, number: str) -> bool:
    return bool(wanted) and wanted not in (found[name], found[number])


def _give(
    name: str, ret: dict[str, Any], wanted: Wanted, found: Mapping[str, Any], *, itself: bool, a_link: bool
) -> None:
    """Change the owner, and give back the mode's bits that the system takes away then."""
    user = found["user"] if wanted.user is None else wanted.user
    group = found["group"] if wanted.group is None else wanted.group
    try:
        if itself:
            uid, gid, wrong = _file_status.owners(user, group)
            if not wrong:
                _file_status.lchown(name, uid, gid)
            error: str | None = wrong
        else:
            error = _file_status.chown(name, user, group)
        if error:
            ret["result"] = False
            ret["comment"].append(error)
        elif not a_link:
            _file_status.set_mode(name, found["mode"])
    except OSError:
        ret["result"] = False


def _compare(
    name: str,
    ret: dict[str, Any],
    wanted: Wanted,
    perms: Mapping[str, Any],
    *,
    follow_symlinks: bool,
    itself: bool,
    test: bool,
) -> None:
    """Put into *ret* what has changed, or has not though it should."""
    now = _file_status.stats(name, follow_symlinks=follow_symlinks)
    looked = [
        ("user", wanted.user, bool(wanted.user), _is_other(wanted.user, now, "user", "uid"), "cuser" in perms),
        ("group", wanted.group, bool(wanted.group), _is_other(wanted.group, now, "group", "gid"), "cgroup" in perms),
        ("mode", wanted.mode, wanted.mode is not None and not itself, wanted.mode != now["mode"], "cmode" in perms),
    ]
    for what, value, asked, differs, changed in looked:
        if not asked:
            continue
        if differs and not test:
            ret["result"] = False
            ret["comment"].append(f"Failed to change {what} to {value}")
        elif differs or changed:
            ret["changes"][what] = value


def attributes(path: str, *, salt: Salt) -> dict[str, list[str]] | None:
    """Return what ``file.lsattr`` does."""
    import shutil  # which brings the compressors along

    if shutil.which("lsattr") is None:
        return None
    if not os.path.exists(path):
        raise ArgumentError(f"File or directory does not exist: {path}")
    argv = ["lsattr", "--", path]
    return parse_lsattr(str(salt["cmd.run"](argv, ignore_retcode=True, python_shell=False)))


def parse_lsattr(text: str) -> dict[str, list[str]]:
    """Return the attributes by path in the output of ``lsattr``: lines like ``----i---------e------- /etc/hosts``."""
    found = {}
    for line in text.splitlines():
        letters, _, path = line.partition(" ")
        if path.strip() and not line.startswith("lsattr: "):
            found[path.lstrip()] = re.findall(f"[{LETTERS}]", letters)
    return found


def change_attributes(files: Sequence[str], given: Mapping[str, Any], *, salt: Salt) -> bool:
    """Return what ``file.chattr`` does."""
    operator, letters, flags, version = (given.get(key) for key in ("operator", "attributes", "flags", "version"))
    if operator not in ("add", "remove"):
        raise ArgumentError("Need an operator: 'add' or 'remove' to modify attributes.")
    if letters is None:
        raise ArgumentError(f"Need attributes: [{LETTERS}]")
    if not _LETTERS.fullmatch(str(letters)) or (flags is not None and not _FLAGS.fullmatch(str(flags))):
        raise ArgumentError(f"file.chattr: attributes are letters of {LETTERS}, flags of RVf")
    argv = ["chattr", f"{'+' if operator == 'add' else '-'}{letters}"]
    argv += [f"-{flags}"] if flags is not None else []
    argv += ["-v", str(version)] if version is not None else []
    return not salt["cmd.run"]([*argv, "--", *files], python_shell=False)


def attribute_changes(path: str, wanted: str, *, salt: Salt) -> tuple[str | None, str | None] | None:
    """Return the letters to add and to remove; ``None`` where that can't be told. What can't be reset counts not."""
    found = attributes(path, salt=salt)
    if found is None:
        return None
    old = set(found.get(path, ()))
    new = set(wanted) | (old & {"e"})
    return "".join(sorted(new - old)) or None, "".join(sorted(old - new)) or None


def _set_attributes(name: str, ret: dict[str, Any], wanted: str, *, salt: Salt, test: bool) -> None:
    differ = attribute_changes(name, wanted, salt=salt)
    if not differ or not any(differ):
        return

    def letters() -> str:
        return "".join((attributes(name, salt=salt) or {}).get(name, ()))

    changes = {"old": letters(), "new": wanted}
    if not test:
        for operator, some in zip(("add", "remove"), differ, strict=True):
            if some:
                change_attributes([name], {"operator": operator, "attributes": some}, salt=salt)
        left = attribute_changes(name, wanted, salt=salt)
        if left and any(left):
            ret["result"] = False
            ret["comment"].append(f"Failed to change attributes to {wanted}")
            changes["new"] = letters()
    if changes["old"] != changes["new"]:
        ret["changes"]["attrs"] = changes


def _label(name: str, ret: dict[str, Any], wanted: Labels, *, salt: Salt, test: bool) -> None:
    """Change the SELinux context."""
    from saltern_modules import _file_selinux

    found = _file_selinux.parts_of(_file_selinux.context_of(name, salt=salt))
    if found is None:
        ret["result"] = False
        ret["comment"].append("Failed to get selinux attributes")
        return
    asked = {what: new for what, new, old in zip(_LABELS, wanted, found, strict=True) if new and new != old}
    if not asked:
        return
    old = dict(zip(_LABELS, found, strict=True))
    told = {
        "Old": " ".join(f"{what.title()}: {old[what]}" for what in asked),
        "New": " ".join(f"{what.title()}: {new}" for what, new in asked.items()),
    }
    if test:
        ret["comment"] = f"File {name} selinux context to be updated"
        ret["result"] = None
        ret["changes"]["selinux"] = told
        return
    now = None
    with contextlib.suppress(TypeError):
        now = _file_selinux.parts_of(
            _file_selinux.set_context(name, {"type": old["type"], **asked}, persist=True, salt=salt)
        )
    if now is None:
        ret["result"] = False
        ret["comment"].append("Failed to set selinux attributes")
        return
    ret["comment"].append(f"The file {name} is set to be changed")
    for what, part in zip(_LABELS, now, strict=True):
        if what in asked and part != asked[what]:
            ret["comment"].append(f"Unable to update se{what} context")
            ret["result"] = False
    ret["changes"]["selinux"] = told
