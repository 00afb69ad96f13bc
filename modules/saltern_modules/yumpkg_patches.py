"""Advisories, downloads, and what runs outdated: a part of the module ``pkg`` of Red Hat's kin."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _package_targets, _yum

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "diff": "indirect",
    "download": "writes",
    "list_downloaded": "reads",
    "list_installed_patches": "reads",
    "list_patches": "writes",
    "services_need_restart": "reads",
}

CACHE = "/var/cache"


def __virtual__() -> str | tuple[bool, str]:
    """Only on Red Hat's kin."""
    return _yum.here(__grains__)


def list_patches(refresh: bool = False, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """Return the advisories: ``{id: {"installed": bool, "summary": [package, …]}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_patches
    """
    if refresh:
        __salt__["pkg.refresh_db"]()
    return _patches(_yum.call(__salt__, ["--quiet", "updateinfo", "list", "all"])["stdout"])


def list_installed_patches(**kwargs: Any) -> dict[str, dict[str, Any]]:
    """Return the advisories of which all is installed, as ``pkg.list_patches`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_installed_patches
    """
    return {name: about for name, about in list_patches().items() if about["installed"]}


def _patches(output: str) -> dict[str, dict[str, Any]]:
    """Return what ``updateinfo list all`` printed as ``list_patches`` does."""
    found: dict[str, dict[str, Any]] = {}
    for line in output.split("\n"):
        match = re.match(r"([i|\s])? ?([^\s]+) +([^\s]+) +([^\s]+)", line)
        if match:
            about = found.setdefault(match[2], {"installed": True, "summary": []})
            about["summary"].append(match[4])
            about["installed"] = about["installed"] and match[1] == "i"
    return found


def download(*packages: str, **kwargs: Any) -> dict[str, str]:
    """Download packages into the cache, and return ``{name: path}``, with ``_error`` when some couldn't be.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.download httpd postfix
    """
    import shutil

    if shutil.which("yumdownloader") is None:
        raise CommandError("'yumdownloader' command not available")
    if not packages:
        raise ArgumentError("No packages were specified")
    names = [_package_targets.safe(str(name)) for name in packages]
    if bad := [name for name in names if "/" in name]:
        raise ArgumentError(f"pkg.download: no package can be called {bad[0]!r}")
    folder = os.path.join(CACHE, str(_yum.program()), "packages")
    os.makedirs(folder, mode=0o755, exist_ok=True)
    for name in os.listdir(folder):
        if any(name.startswith(f"{one}-") for one in names):
            os.unlink(os.path.join(folder, name))
    words = ["yumdownloader", "-q", f"--destdir={folder}", *names]
    __salt__["cmd.run_all"](words, python_shell=False, timeout=_yum.TIMEOUT_S, env=_yum.ENVIRONMENT)
    found: dict[str, str] = {}
    for name in sorted(os.listdir(folder)):
        of = next((one for one in names if name.endswith(".rpm") and name.startswith(f"{one}-")), None)
        if of is not None:
            found[of] = os.path.join(folder, name)
    if not found:
        raise CommandError(f"Unable to download any of the following packages: {', '.join(names)}")
    if failed := [name for name in names if name not in found]:
        found["_error"] = f"The following package(s) failed to download: {', '.join(failed)}"
    return found


def list_downloaded(**kwargs: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the packages in the cache.

    ``{name: {version: {"path": …, "size": bytes, "creation_date_time_t": unix time, "creation_date_time": ISO 8601}}}``

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_downloaded
    """
    import datetime

    found: dict[str, dict[str, dict[str, Any]]] = {}
    for folder, _, files in os.walk(os.path.join(CACHE, str(_yum.program()))):
        for path in (os.path.join(folder, name) for name in sorted(files) if name.endswith(".rpm")):
            info, made = __salt__["lowpkg.bin_pkg_info"](path), int(os.path.getctime(path))
            if info:
                found.setdefault(info["name"], {})[info["version"]] = {
                    "path": path,
                    "size": os.path.getsize(path),
                    "creation_date_time_t": made,
                    "creation_date_time": datetime.datetime.fromtimestamp(made).isoformat(),
                }
    return found


def diff(*paths: str, **kwargs: Any) -> dict[str, str]:
    """Return how files differ from their packages': ``{path: diff}``, or ``Unchanged``, ``Not managed``, ``N/A``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.diff /etc/apache2/httpd.conf
    """
    found: dict[str, str] = {}
    by_package: dict[str, list[str]] = {}
    for path in paths:
        if package := __salt__["lowpkg.owner"](path):
            by_package.setdefault(package, []).append(path)
        else:
            found[path] = "Not managed" if os.path.exists(path) else "N/A"
    files = download(*by_package) if by_package else {}
    for package, of in by_package.items():
        for path in of:
            text = __salt__["lowpkg.diff"](files[package], path) if package in files else files["_error"]
            found[path] = text or "Unchanged"
    return found


def services_need_restart(**kwargs: Any) -> list[str]:
    """Return the services that still run what an upgrade replaced.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.services_need_restart
    """
    tool = _yum.program()
    if tool not in ("dnf", "dnf5"):
        raise CommandError("dnf or dnf5 is required to list outdated services.")
    if not os.path.isdir("/run/systemd/system"):
        raise CommandError("systemd is required to list outdated services.")
    lines = _yum.call(__salt__, ["--quiet", "needs-restarting"])["stdout"].split("\n")
    pids = [line.partition(":")[0].strip() for line in lines if ":" in line]
    return sorted({name for pid in pids if pid.isdigit() and (name := _service_of(pid))})


def _service_of(pid: str) -> str | None:
    """Return the service that the process *pid* is of."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            match = re.search(r"/([^/\n]+)\.service(?:/|$)", file.read(1 << 16), re.MULTILINE)
    except OSError:
        return None
    return match[1] if match else None
