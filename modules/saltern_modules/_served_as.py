"""Which bundled files go by another name than their own, so that none is read or run to find out.

Several files may serve one name: drivers, of which ``__virtual__`` leaves the one that fits the host (``pkg`` by
``aptpkg`` or ``yumpkg``), or parts of a large module, each with its share of the functions. Each file says so itself by
``__virtualname__``; a test holds both together.
"""

from __future__ import annotations

from collections.abc import Mapping

SERVED_AS: Mapping[str, str] = {
    "archive_members": "archive",
    "cmd_elsewhere": "cmd",
    "cp_cache": "cp",
    "cp_lists": "cp",
    "cp_transfer": "cp",
    "ini_manage": "ini",
    "mod_random": "random",
    "ssh_hosts": "ssh",
    "syslog_return": "syslog",
    "sysmod": "sys",
}
