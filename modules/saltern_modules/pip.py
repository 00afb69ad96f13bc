"""Python packages, by pip: this part installs and removes them.

What the functions of the module take:

``bin_env``
    whose pip: the folder of a virtual environment, or a program (a Python, or pip itself); the agent's Python's by
    default. What is given is run: that is why all have the power ``runs``.
``user``, ``cwd``
    run as this user, in this folder.
``env_vars``
    a dict of variables for pip.

Errors: ``CommandNotFoundError`` when there is no pip there, ``CommandError`` with what pip says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _keywords, _pip

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]

__powers__ = {
    "install": "runs",
    "uninstall": "runs",
    "upgrade": "runs",
}

ACTIONS = ("s", "i", "w", "b")
GONE = ("allow_all_external", "allow_external", "allow_unverified", "process_dependency_links")


def install(
    pkgs: Any = None,
    requirements: Any = None,
    bin_env: str | None = None,
    use_wheel: bool = False,
    no_use_wheel: bool = False,
    log: str | None = None,
    proxy: Any = None,
    timeout: Any = None,
    editable: Any = None,
    find_links: Any = None,
    index_url: str | None = None,
    extra_index_url: str | None = None,
    no_index: bool = False,
    mirrors: Any = None,
    build: str | None = None,
    target: str | None = None,
    download: str | None = None,
    download_cache: str | None = None,
    source: str | None = None,
    upgrade: bool = False,
    force_reinstall: bool = False,
    ignore_installed: bool = False,
    exists_action: str | None = None,
    no_deps: bool = False,
    no_install: bool = False,
    no_download: bool = False,
    global_options: Any = None,
    install_options: Any = None,
    user: str | None = None,
    cwd: str | None = None,
    pre_releases: bool = False,
    cert: str | None = None,
    allow_all_external: bool = False,
    allow_external: Any = None,
    allow_unverified: Any = None,
    process_dependency_links: bool = False,
    saltenv: str = "base",
    env_vars: Mapping[str, Any] | None = None,
    use_vt: bool = False,
    trusted_host: str | None = None,
    no_cache_dir: bool = False,
    extra_args: Any = None,
    cache_dir: str | None = None,
    no_binary: Any = None,
    disable_version_check: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """Install *pkgs* (a list or comma text), files of *requirements* (``salt://…`` too) or *editable* ones.

    The others are pip's options of these names (those before its version 10 too), *extra_args* more: texts and one-key
    dicts. Returns as ``cmd.run_all`` does; ``{"result": False, "comment": text}`` when the master has no such file.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.install 'pip, supervisor' requirements=salt://all.txt bin_env=/srv/venv
    """
    return _installed(dict(locals()))


def _installed(given: Mapping[str, Any]) -> dict[str, Any]:
    user, cwd = given["user"], given["cwd"]
    try:
        with _pip.requirements_of(__salt__, given["requirements"], given["saltenv"], user, cwd) as files:
            words = ["install", *files, *_options(given)]
            if given["pkgs"]:
                words += _pip.names(given["pkgs"])
            elif not given["requirements"] and not given["editable"]:
                return {"retcode": 0, "stdout": "No packages to install."}
            for one in _pip.listed(given["editable"]) if given["editable"] else ():
                words += ["--editable", _editable(one)]
            words += ["--trusted-host", str(given["trusted_host"])] if given["trusted_host"] else []
            words += _pip.further(given["extra_args"])
            options = _keywords.fitting(("env",), given["kwargs"])
            return _pip.run(__salt__, words, given["bin_env"], user, cwd, given["env_vars"], **options)
    except _pip.Missing as missing:
        return {"result": False, "comment": f"pip requirements file '{missing}' not found"}


def _options(given: Mapping[str, Any]) -> list[str]:
    """Return pip's options of ``pip.install``'s arguments. Raises for those that can't be."""
    words = ["--no-binary", ",".join(_pip.listed(given["no_binary"]))] if given["no_binary"] else []
    words += ["--log", _log(str(given["log"]))] if given["log"] else []
    words += _pip.proxy_of(given["proxy"], __opts__)
    words += ["--timeout", _pip.seconds(given["timeout"])] if given["timeout"] else []
    for link in _pip.listed(given["find_links"]) if given["find_links"] else ():
        words += ["--find-links", _pip.address(link, path=True)]
    if given["no_index"] and (given["index_url"] or given["extra_index_url"]):
        raise CommandError("'no_index' and ('index_url' or 'extra_index_url') are mutually exclusive.")
    for name in ("index_url", "extra_index_url"):
        words += [f"--{name.replace('_', '-')}", _pip.address(given[name])] if given[name] else []
    if given["mirrors"]:
        raise CommandError(
            "pip >= 7.0.0 does not support mirror argument: use index_url and/or extra_index_url instead"
        )
    words += ["--no-index"] if given["no_index"] else []
    words += ["--disable-pip-version-check"] if given["disable_version_check"] else []
    target = given["target"] or (None if given["bin_env"] else os.environ.get("VENV_PIP_TARGET"))
    cache = given["download_cache"] or given["cache_dir"]
    valued = {"build": given["build"], "target": target, "download": given["download"], "cache-dir": cache}
    valued |= {"source": given["source"], "exists-action": _action(given["exists_action"]), "cert": given["cert"]}
    words += [word for name, value in valued.items() if value for word in (f"--{name}", str(value))]
    for name in (
        "upgrade",
        "force_reinstall",
        "ignore_installed",
        "no_deps",
        "no_install",
        "no_download",
        "no_cache_dir",
    ):
        words += [f"--{name.replace('_', '-')}"] if given[name] else []
    words += ["--pre"] if given["pre_releases"] else []
    for name in ("global_options", "install_options"):
        for one in _pip.listed(given[name]) if given[name] else ():
            words += [f"--{name.removesuffix('s').replace('_', '-')}", one]
    if old := [name for name in GONE if given[name]]:
        raise ArgumentError(f"pip.install: {', '.join(old)}: pip has no such option since its version 10")
    return words


def _action(value: Any) -> str | None:
    if value and str(value).lower() not in ACTIONS:
        raise CommandError(
            f"The exists_action pip option only supports the values s, i, w, and b. '{value}' is not valid."
        )
    return str(value) if value else None


def _editable(entry: str) -> str:
    """Return an address or folder to be installed as it stands. Raises ``CommandError`` for one without a name."""
    import re

    if entry != "." and not entry.startswith(("file://", "/")) and not re.search(r"(?:#|#.*?&)egg=([^&]+)", entry):
        raise CommandError("You must specify an egg for this editable")
    return entry


def _log(path: str) -> str:
    """Return where pip's log goes. Raises ``OSError`` when it can't."""
    parent = os.path.dirname(path)
    if os.path.isdir(path):
        raise OSError(f"'{path}' is a directory. Use --log path_to_file")
    if not os.path.exists(path) and not os.path.exists(parent):
        raise OSError(f"Trying to create '{path}' but parent directory '{parent}' does not exist.")
    if not os.access(path if os.path.exists(path) else parent, os.W_OK):
        raise OSError(f"'{path}' is not writeable")
    return path


def uninstall(
    pkgs: Any = None,
    requirements: Any = None,
    bin_env: str | None = None,
    log: str | None = None,
    proxy: Any = None,
    timeout: Any = None,
    user: str | None = None,
    cwd: str | None = None,
    saltenv: str = "base",
    use_vt: bool = False,
    extra_args: Any = None,
) -> dict[str, Any]:
    """Remove *pkgs* (a list or comma text), or what files of *requirements* name; returns as ``cmd.run_all`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.uninstall 'requests,urllib3' bin_env=/srv/venv
    """
    try:
        with _pip.requirements_of(__salt__, requirements, saltenv, user, cwd) as files:
            words = ["uninstall", "-y", *files, *(["--log", str(log)] if log else [])]
            words += _pip.proxy_of(proxy, __opts__)
            words += ["--timeout", _pip.seconds(timeout)] if timeout else []
            words += _pip.names(pkgs) if pkgs else []
            return _pip.run(__salt__, [*words, *_pip.further(extra_args)], bin_env, user, cwd)
    except _pip.Missing as missing:
        return {"result": False, "comment": f"pip requirements file '{missing}' not found"}


def upgrade(
    bin_env: str | None = None, user: str | None = None, cwd: str | None = None, use_vt: bool = False
) -> dict[str, Any]:
    """Upgrade all that can be, one by one: ``{"changes": {name: {"old", "new"}}, "result": bool, "comment": errors}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.upgrade bin_env=/srv/venv
    """
    old = __salt__["pip.list"](bin_env=bin_env, user=user, cwd=cwd)
    result, comment = True, ""
    for name in __salt__["pip.list_upgrades"](bin_env=bin_env, user=user, cwd=cwd):
        done = _pip.run(__salt__, ["install", "-U", "--disable-pip-version-check", name], bin_env, user, cwd)
        result = result and not done["retcode"]
        comment += done["stderr"]
    new = __salt__["pip.list"](bin_env=bin_env, user=user, cwd=cwd)
    return {"changes": _keywords.changes(old, new), "result": result, "comment": comment}
