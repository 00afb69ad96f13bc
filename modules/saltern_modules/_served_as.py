"""Which bundled files go by another name than their own, so that none is read or run to find out.

Several files may serve one name: drivers, of which ``__virtual__`` leaves the one that fits the host (``pkg`` by
``aptpkg`` or ``yumpkg``), or parts of a large module, each with its share of the functions. Each file says so itself by
``__virtualname__``; a test holds both together.
"""

from __future__ import annotations

from collections.abc import Mapping

SERVED_AS: Mapping[str, str] = {
    "aptpkg": "pkg",
    "aptpkg_changes": "pkg",
    "aptpkg_holds": "pkg",
    "aptpkg_keys": "pkg",
    "aptpkg_repositories": "pkg",
    "dpkg_lowpkg": "lowpkg",
    "git_config": "git",
    "git_reading": "git",
    "git_remotes": "git",
    "git_worktrees": "git",
    "pip_reading": "pip",
    "rpm_lowpkg": "lowpkg",
    "rpm_lowpkg_files": "lowpkg",
    "sysmod": "sys",
    "syslog_return": "syslog",
    "virtualenv_mod": "virtualenv",
    "yumpkg": "pkg",
    "yumpkg_changes": "pkg",
    "yumpkg_groups": "pkg",
    "yumpkg_holds": "pkg",
    "yumpkg_patches": "pkg",
    "yumpkg_repositories": "pkg",
}
