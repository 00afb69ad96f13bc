"""Further working folders of a repository: the module ``git``'s part for them.

What all take is told in the module's first part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _git
from saltern_modules._git import git_in, only, options, plain

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "git"

__powers__ = {
    "is_worktree": "reads",
    "list_worktrees": "reads",
    "worktree_add": "runs",
    "worktree_prune": "runs",
    "worktree_rm": "writes",
}


def __virtual__() -> bool | tuple[bool, str]:
    """Only where git is."""
    return _git.here()


POINTS = ("worktree", "HEAD", "branch")


def is_worktree(
    cwd: str, user: str | None = None, password: str | None = None, output_encoding: str | None = None
) -> bool:
    """Return whether *cwd* is in a further working folder of a repository that is elsewhere.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.is_worktree /path/to/repo
    """
    try:
        top = git_in(__salt__, cwd, user, ignore_retcode=True).output("rev-parse", "--show-toplevel")
        with open(os.path.join(top, ".git"), encoding="utf-8", errors="replace") as file:
            label, *path = file.readline().split(None, 1) or [""]
    except (CommandError, OSError):
        return False
    return label == "gitdir:" and bool(path) and os.path.isabs(path[0])


def list_worktrees(
    cwd: str,
    stale: bool = False,
    user: str | None = None,
    password: str | None = None,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> dict[str, dict[str, Any]]:
    """Return the working folders as ``{path: {"HEAD": id, "branch": name, "detached": bool, "stale": bool}}``.

    ``branch`` is None for a detached one, which has ``tags`` when its commit has. Those whose folder is gone (stale)
    are returned alone with *stale*, beside the others with ``all=True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.list_worktrees /path/to/repo all=True
    """
    (everything,) = only(kwargs, all=False)
    if everything and stale:
        raise CommandError("'all' and 'stale' cannot both be set to True")
    git = git_in(__salt__, cwd, user)
    found: dict[str, dict[str, Any]] = {}
    for one in _worktrees(git.output("worktree", "list", "--porcelain")):
        gone = not os.path.isdir(one["worktree"])
        if not everything and gone != bool(stale):
            continue
        detached = one["branch"] == "detached"
        branch = None if detached else one["branch"].replace("refs/heads/", "", 1)
        found[one["worktree"]] = {"stale": gone, "HEAD": one["HEAD"], "detached": detached, "branch": branch}
        if detached and (tags := git.output("tag", "--points-at", one["HEAD"]).splitlines()):
            found[one["worktree"]]["tags"] = tags
    return found


def _worktrees(output: str) -> Iterator[dict[str, str]]:
    """Yield what ``git worktree list --porcelain`` says of each that has a commit."""
    for block in output.strip().split("\n\n"):
        found: dict[str, str] = {}
        for line in block.split("\n"):
            kind, *value = line.strip().split(None, 1) or [""]
            if line == "detached":
                kind, value = "branch", ["detached"]
            if value and kind in POINTS:
                found.setdefault(kind, value[0])
        if len(found) == len(POINTS):
            yield found


def worktree_add(
    cwd: str,
    worktree_path: str,
    ref: str | None = None,
    reset_branch: bool | None = None,
    force: bool | None = None,
    detach: bool = False,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> str:
    """Make a further working folder at *worktree_path*, and return what git says, errors too.

    It gets a new branch called ``branch``, by default as its folder, that begins at *ref*; with *detach* none.
    *reset_branch*: the branch may be there. *force*: it may be checked out elsewhere.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.worktree_add /path/to/repo /path/to/hotfix ref=v2.0 branch=hotfix
    """
    (branch,) = only(kwargs, branch=None)
    if branch and detach:
        raise ArgumentError("Only one of 'branch' and 'detach' is allowed")
    if detach:
        words = ["--detach"]
    else:
        words = ["-B" if reset_branch else "-b", plain("branch", branch or os.path.basename(worktree_path))]
        words += ["--force"] if force else []
    words += [*options(opts), plain("worktree_path", worktree_path), *([plain("ref", ref)] if ref else [])]
    git = git_in(__salt__, cwd, user, ignore_retcode)
    return git.output("worktree", "add", *words, git_opts=git_opts, merge=True)


def worktree_prune(
    cwd: str,
    dry_run: bool = False,
    verbose: bool = True,
    expire: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Forget the working folders that are gone, or with *dry_run* say which, and return what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.worktree_prune /path/to/repo dry_run=True
    """
    words = [*(["--dry-run"] if dry_run else []), *(["--verbose"] if verbose else [])]
    words += ["--expire", str(expire)] if expire else []
    git = git_in(__salt__, cwd, user, ignore_retcode)
    done = git.run("worktree", "prune", *words, *options(opts), git_opts=git_opts)
    return str(done["stderr"] or done["stdout"])  # git 2.36 and later say it as an error


def worktree_rm(cwd: str, user: str | None = None, output_encoding: str | None = None) -> bool:
    """Remove the further working folder *cwd*; ``True``. ``git.worktree_prune`` lets its repository forget it.

    Raises ``CommandError`` when it isn't one.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.worktree_rm /path/to/hotfix
    """
    import shutil

    where = _git.place(cwd, user)
    if not os.path.exists(where):
        raise CommandError(f"{where} does not exist")
    if not is_worktree(where):
        raise CommandError(f"{where} is not a git worktree")
    try:
        if os.path.islink(where):
            os.unlink(where)
        else:
            shutil.rmtree(where)
    except OSError as error:
        raise CommandError(f"Unable to remove {where}: {error}") from None
    return True
