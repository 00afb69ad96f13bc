"""What git does with other repositories: the module ``git``'s part for it.

What all take is told in the module's first part. Addresses of ``ext::`` and ``fd::`` are refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _git
from saltern_modules._git import address, git_in, only, options, plain

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "git"

__powers__ = {
    "clone": "runs",
    "fetch": "runs",
    "ls_remote": "runs",
    "pull": "runs",
    "push": "runs",
    "remote_get": "indirect",
    "remote_refs": "indirect",
    "remote_set": "indirect",
    "remotes": "indirect",
    "submodule": "runs",
}


def __virtual__() -> bool | tuple[bool, str]:
    """Only where git is."""
    return _git.here()


_UPDATED = re.compile(r"[\s*]*(?:([0-9a-f]+)\.\.([0-9a-f]+)|\[(?:new (tag|branch)|tag update)\])\s+(.+)->")


def clone(
    cwd: str,
    url: str | None = None,
    name: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: str | None = None,
) -> bool:
    """Clone the repository *url* to *cwd*, or into a folder *name* of it; ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.clone /path/to/repo_parent_dir https://example.com/repo.git
    """
    where = _git.place(cwd, user)
    if not url:
        raise ArgumentError("Missing 'url' argument")
    words = [*options(opts), "--", address(url, https_user, https_pass), where if name is None else str(name)]
    if name is not None and not os.path.exists(where):
        os.makedirs(where)
    # where git runs doesn't matter with an absolute path, but it must be there
    git = _git.Git(__salt__, "/" if name is None else where, user, ignore_retcode, identity, saltenv)
    git.run("clone", *words, git_opts=git_opts)
    return True


def fetch(
    cwd: str,
    remote: str | None = None,
    force: bool = False,
    refspecs: Any = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: str | None = None,
) -> dict[str, Any]:
    """Fetch from *remote*, by default as configured, and return what is new.

    ``{"new branches": […], "new tags": […], "updated branches": {name: {"old": id, "new": id}}, "updated tags": […]}``,
    only what there is. *refspecs*: a list or comma text.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.fetch /path/to/repo upstream
    """
    words = ["--force"] if force else []
    words += [word for word in options(opts) if word not in ("-f", "--force")]
    words += [address(remote, what="remote")] if remote else []
    if refspecs is not None:
        specs = refspecs if isinstance(refspecs, list | tuple) else str(refspecs).split(",")
        words += [plain("refspecs", spec) for spec in specs]
    git = git_in(__salt__, cwd, user, ignore_retcode, identity, saltenv)
    return _fetched(git.output("fetch", *words, git_opts=git_opts, merge=True))


def _fetched(output: str) -> dict[str, Any]:
    """Return what ``git fetch`` printed as ``git.fetch`` returns it."""
    found: dict[str, Any] = {}
    for line in output.split("\n"):
        if not (match := _UPDATED.match(line)):
            continue
        old, new, kind, name = match.groups()
        name = name.rstrip()
        if kind is not None:
            found.setdefault("new tags" if kind == "tag" else "new branches", []).append(name)
        elif old is not None:
            found.setdefault("updated branches", {})[name] = {"old": old, "new": new}
        else:
            found.setdefault("updated tags", []).append(name)
    return found


def ls_remote(
    cwd: str | None = None,
    remote: str = "origin",
    ref: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    saltenv: str = "base",
) -> dict[str, str]:
    """Return ``{ref: id}`` of *remote*, a name that the checkout knows or an address; of those like *ref* alone.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.ls_remote /path/to/repo origin master
        saltern '*' git.ls_remote remote=https://example.com/repo.git
    """
    words = [*options(opts), address(remote, https_user, https_pass, what="remote")]
    words += [plain("ref", ref)] if ref else []
    where = None if cwd is None else _git.place(cwd, user)
    git = _git.Git(__salt__, where, user, ignore_retcode, identity, saltenv)
    return _refs(git.output("ls-remote", *words, git_opts=git_opts))


def pull(
    cwd: str,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: str | None = None,
) -> str:
    """Fetch and merge as configured, and return what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.pull /path/to/repo opts='--rebase origin master'
    """
    git = git_in(__salt__, cwd, user, ignore_retcode, identity, saltenv)
    return git.output("pull", *options(opts), git_opts=git_opts)


def push(
    cwd: str,
    remote: str | None = None,
    ref: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: str | None = None,
    **kwargs: Any,
) -> str:
    """Push *ref* (``branch``, ``HEAD:branch``, ``:branch`` to delete it) to *remote*, and return what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.push /path/to/repo origin issue21:upstream_issue21
    """
    only(kwargs)
    words = [*options(opts), address(remote, what="remote"), plain("ref", ref)]
    return git_in(__salt__, cwd, user, ignore_retcode, identity, saltenv).output("push", *words, git_opts=git_opts)


def remote_get(
    cwd: str,
    remote: str = "origin",
    user: str | None = None,
    password: str | None = None,
    redact_auth: bool = True,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> dict[str, str]:
    """Return ``{"fetch": address, "push": address}`` of *remote*. Raises ``CommandError`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.remote_get /path/to/repo upstream
    """
    found = remotes(cwd, user, redact_auth=redact_auth, ignore_retcode=ignore_retcode)
    if remote not in found:
        raise CommandError(f"Remote '{remote}' not present in git checkout located at {_git.place(cwd, user)}")
    return found[remote]


def remote_refs(
    url: str,
    heads: bool = False,
    tags: bool = False,
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    saltenv: str = "base",
    **kwargs: Any,
) -> dict[str, str]:
    """Return ``{ref: id}`` of the repository *url*: of branches (*heads*), *tags*, those like ``filter``, or of all.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.remote_refs https://example.com/repo.git heads=True
    """
    (like,) = only(kwargs, filter=None)
    words = [*(["--heads"] if heads else []), *(["--tags"] if tags else []), address(url, https_user, https_pass)]
    words += [plain("filter", like)] if like else []
    return _refs(_git.Git(__salt__, None, user, ignore_retcode, identity, saltenv).output("ls-remote", *words))


def remote_set(
    cwd: str,
    url: str,
    remote: str = "origin",
    user: str | None = None,
    password: str | None = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    push_url: str | None = None,
    push_https_user: str | None = None,
    push_https_pass: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> dict[str, str]:
    """Let *remote* be *url*, to push *push_url* if given, and return it as ``git.remote_get`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.remote_set /path/to/repo git@example.com:me/repo.git remote=upstream
    """
    fetches = address(url, https_user, https_pass)
    pushes = address(push_url, push_https_user, push_https_pass, what="push_url") if push_url else None
    git, name = git_in(__salt__, cwd, user, ignore_retcode), plain("remote", remote)
    if remote in remotes(cwd, user):
        git.run("remote", "rm", name)
    git.run("remote", "add", name, fetches)
    if pushes:
        git.run("remote", "set-url", "--push", name, pushes)
    return remote_get(cwd, remote, user, ignore_retcode=ignore_retcode)


def remotes(
    cwd: str,
    user: str | None = None,
    password: str | None = None,
    redact_auth: bool = True,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> dict[str, dict[str, str]]:
    """Return ``{remote: {"fetch": address, "push": address}}``, without who logs in unless not *redact_auth*.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.remotes /path/to/repo
    """
    found: dict[str, dict[str, str]] = {}
    for line in git_in(__salt__, cwd, user, ignore_retcode).output("remote", "--verbose").split("\n"):
        name, _, rest = line.partition("\t")
        where, _, action = rest.rpartition(" ")
        action = action.strip("()").lower()
        if where and action in ("fetch", "push"):
            found.setdefault(name, {})[action] = _git.redacted(where) if redact_auth else where
    return found


def submodule(
    cwd: str,
    command: str,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: str | None = None,
    **kwargs: Any,
) -> str:
    """Do *command* (``add``, ``init``, ``update``, …) with submodules, and return what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.submodule /path/to/repo/sub/repo update opts='--init'
    """
    (init,) = only(kwargs, init=False)
    where = _git.place(cwd, user)
    if init:
        raise ArgumentError(
            "The 'init' argument is no longer supported. Either set 'command' to 'init', or include '--init' in the"
            " 'opts' argument and set 'command' to 'update'."
        )
    git = _git.Git(__salt__, where, user, ignore_retcode, identity, saltenv)
    return git.output("submodule", plain("command", command), *options(opts), git_opts=git_opts)


def _refs(output: str) -> dict[str, str]:
    """Return ``{ref: id}`` of the lines ``id ref``."""
    return {parts[1]: parts[0] for line in output.splitlines() if len(parts := line.split(None, 1)) == 2}
