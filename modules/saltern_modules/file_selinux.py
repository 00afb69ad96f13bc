"""Files and folders of this host: SELinux contexts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules import _file_selinux

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "file"

__powers__ = {
    "restorecon": "writes",
    "get_selinux_context": "reads",
    "set_selinux_context": "indirect",
}


def restorecon(path: str, recursive: bool = False) -> bool:
    """Give *path*, with *recursive* all below it too, the context that the policy has for it; whether that worked.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.restorecon /home/user/.ssh/authorized_keys
    """
    argv = ["restorecon", "-FR" if recursive else "-F", "--", path]
    return not __salt__["cmd.retcode"](argv, python_shell=False)


def get_selinux_context(path: str) -> str:
    """Return the context of *path* (``system_u:object_r:etc_t:s0``), or a sentence that there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_selinux_context /etc/hosts
    """
    return _file_selinux.context_of(path, salt=__salt__)


def set_selinux_context(
    path: str,
    user: str | None = None,
    role: str | None = None,
    type: str | None = None,
    range: str | None = None,
    persist: bool = False,
) -> str | bool:
    """Set parts of the context of *path*; return the context, ``False`` when that didn't work or none is given.

    *persist* has the policy know it too; it needs the module ``selinux``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.set_selinux_context /etc/yum.repos.d/epel.repo system_u object_r system_conf_t s0
    """
    parts = {"user": user, "role": role, "type": type, "range": range}
    told: str | bool = _file_selinux.set_context(path, parts, persist=persist, salt=__salt__)
    return told
