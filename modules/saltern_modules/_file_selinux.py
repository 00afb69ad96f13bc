"""SELinux contexts of files (``system_u:object_r:etc_t:s0``), by the programs that show and set them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError

Salt = Mapping[str, Callable[..., Any]]
_OPTIONS = {"user": "-u", "role": "-r", "type": "-t", "range": "-l"}


def context_of(path: str, *, salt: Salt) -> str:
    """Return the context of *path*, or a sentence that there is none."""
    told = salt["cmd.run_all"](["stat", "-c", "%C", "--", path], python_shell=False)
    if told["retcode"] == 0:
        return str(told["stdout"])
    return f"No selinux context information is available for {path}"


def parts_of(context: Any) -> list[str] | None:
    """Return user, role, type and range of *context*, ``None`` when it is none."""
    parts = str(context).split(":", 3)
    return parts if len(parts) == 4 else None


def set_context(path: str, parts: Mapping[str, Any], *, persist: bool, salt: Salt) -> Any:
    """Set the *parts* (``user``, ``role``, ``type``, ``range``) of the context; return it, ``False`` if that fails."""
    given = {name: str(parts[name]) for name in _OPTIONS if parts.get(name)}
    if not given:
        return False
    if persist:
        if "selinux.fcontext_add_policy" not in salt:
            raise CommandError("persist needs the module selinux, which isn't here: run semanage fcontext")
        told = salt["selinux.fcontext_add_policy"](
            path, sel_type=given.get("type"), sel_user=given.get("user"), sel_level=given.get("range")
        )
        if told.get("retcode") != 0:
            raise CommandError(f"Problem setting fcontext: {told}")
    argv = ["chcon", *(word for name, value in given.items() for word in (_OPTIONS[name], value)), "--"]
    if salt["cmd.retcode"]([*argv, os.path.expanduser(path)], python_shell=False):
        return False
    return context_of(path, salt=salt)
