"""What a git checkout holds: the module ``git``'s part that reads. What all take is told in the module's first part."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _git
from saltern_modules._git import git_in, only, options, plain

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "git"

__powers__ = {
    "archive": "runs",
    "current_branch": "reads",
    "describe": "reads",
    "diff": "runs",
    "list_branches": "reads",
    "list_tags": "reads",
    "merge_base": "runs",
    "merge_tree": "reads",
    "rev_parse": "runs",
    "revision": "reads",
    "status": "reads",
    "symbolic_ref": "runs",
}


def __virtual__() -> bool | tuple[bool, str]:
    """Only where git is."""
    return _git.here()


STATES = {"M": "modified", "A": "new", "D": "deleted", "??": "untracked"}


def archive(
    cwd: str,
    output: str,
    rev: str = "HEAD",
    prefix: str | None = None,
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> bool:
    """Write the files of *rev* below *cwd* into the archive *output*; ``True``.

    ``format`` (``tar``, ``zip``, …) is by default told from the name. *prefix* goes before each name, by default
    that of the folder *cwd*; ``""`` for none.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.archive /path/to/repo /path/to/archive.tar
    """
    where, output = _git.place(cwd, user), _git.place(output, user)
    (form,) = only(kwargs, format=None)
    words = [] if prefix == "" else ["--prefix", prefix or os.path.basename(where) + os.sep]
    words += ["--format", str(form)] if form else []
    git = git_in(__salt__, where, user, ignore_retcode)
    git.run("archive", *words, "--output", output, plain("rev", rev), git_opts=git_opts)
    return True


def current_branch(
    cwd: str,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Return the name of the branch that is checked out, ``HEAD`` when it is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.current_branch /path/to/repo
    """
    return git_in(__salt__, cwd, user, ignore_retcode).output("rev-parse", "--abbrev-ref", "HEAD")


def describe(
    cwd: str,
    rev: str = "HEAD",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Return what *rev* is called by the last tag before it, or its short id.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.describe /path/to/repo develop
    """
    return git_in(__salt__, cwd, user, ignore_retcode).output("describe", "--always", plain("rev", rev))


def diff(
    cwd: str,
    item1: str | None = None,
    item2: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    no_index: bool = False,
    cached: bool = False,
    paths: Any = None,
    output_encoding: str | None = None,
) -> str:
    """Return the differences of two revisions, or of one and the files, or with *cached* the index.

    *paths* (a list or comma text) limits them; with *no_index* two of them are compared, whatever they are. *cwd* is
    absolute. Raises ``CommandError`` for *no_index* with *cached*.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.diff /path/to/repo HEAD~1 HEAD
        saltern '*' git.diff /path no_index=True paths=a.txt,b.txt
    """
    if no_index and cached:
        raise CommandError("The 'no_index' and 'cached' options cannot be used together")
    words = options(opts)
    items = [plain("revision", item) for item in (item1, item2) if item]
    if no_index:
        words.append("--no-index")
    elif cached:
        words += ["--cached", *([plain("revision", item1)] if item1 else [])]
    else:
        words += items
    if paths is not None and not isinstance(paths, list | tuple):
        paths = str(paths).split(",")
    words += ["--", *map(str, paths)] if paths else []
    git = _git.Git(__salt__, cwd, user, ignore_retcode=no_index)
    return str(git.run("diff", *words, git_opts=git_opts, failhard=not no_index, merge=True)["stdout"])


def list_branches(
    cwd: str,
    remote: bool = False,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> list[str]:
    """Return the names of the branches, or with *remote* of those of remotes (``origin/main``).

    CLI Example:

    .. code-block:: bash

        saltern '*' git.list_branches /path/to/repo remote=True
    """
    return _refs("refs/remotes/" if remote else "refs/heads/", cwd, user, ignore_retcode)


def list_tags(
    cwd: str,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> list[str]:
    """Return the names of the tags.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.list_tags /path/to/repo
    """
    return _refs("refs/tags/", cwd, user, ignore_retcode)


def merge_base(
    cwd: str,
    refs: Any = None,
    octopus: bool = False,
    is_ancestor: bool = False,
    independent: bool = False,
    fork_point: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> Any:
    """Return the best common ancestor of *refs* (a list or comma text), or with ``all=True`` the list of them.

    *is_ancestor*: whether the first of two is an ancestor of the second. *octopus*, *independent*, *fork_point*: as
    git's options. Raises ``ArgumentError`` for those that exclude each other.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.merge_base /path/to/repo HEAD upstream/mybranch
        saltern '*' git.merge_base /path/to/repo 8f2e542,4ad8cab is_ancestor=True
    """
    (everything,) = only(kwargs, all=False)
    if everything and (independent or is_ancestor or fork_point):
        raise ArgumentError("The 'all' argument is not compatible with 'independent', 'is_ancestor', or 'fork_point'")
    names = [] if refs is None else refs if isinstance(refs, list | tuple) else str(refs).split(",")
    names = [plain("refs", str(name).strip()) for name in names]
    if sum(map(bool, (octopus, independent, is_ancestor, fork_point))) > 1:
        raise ArgumentError("Only one of 'octopus', 'independent', 'is_ancestor', and 'fork_point' is permitted")
    if is_ancestor and len(names) != 2:
        raise ArgumentError("Two refs/commits are required if 'is_ancestor' is True")
    if fork_point and len(names) > 1:
        raise ArgumentError("At most one ref/commit can be passed if 'fork_point' is specified")
    words = [*options(opts), *(["--all"] if everything else [])]
    if octopus:
        words.append("--octopus")
    elif is_ancestor:
        words.append("--is-ancestor")
    elif independent:
        words.append("--independent")
    elif fork_point:
        words += ["--fork-point", plain("fork_point", fork_point)]
        names = names or ["HEAD"]
    git = git_in(__salt__, cwd, user, ignore_retcode)
    done = git.run("merge-base", *words, *names, git_opts=git_opts, failhard=not is_ancestor)
    if is_ancestor:
        return done["retcode"] == 0
    bases = done["stdout"].splitlines()
    return bases if everything else bases[0] if bases else ""


def merge_tree(
    cwd: str,
    ref1: str,
    ref2: str,
    base: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Return what a merge of *ref1* and *ref2* would change, in git's words; nothing is merged.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.merge_tree /path/to/repo HEAD upstream/dev
    """
    if base is None:
        try:
            base = merge_base(cwd, refs=[ref1, ref2])
        except CommandError:
            raise CommandError(f"Unable to determine merge base for {ref1} and {ref2}") from None
    words = [plain("base", base), plain("ref1", ref1), plain("ref2", ref2)]
    return git_in(__salt__, cwd, user, ignore_retcode).output("merge-tree", *words)


def rev_parse(
    cwd: str,
    rev: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Return what ``git rev-parse`` says of *rev* and *opts*: an id, a name, a path.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.rev_parse /path/to/repo HEAD
        saltern '*' git.rev_parse /path/to/repo opts='--show-toplevel'
    """
    words = [*options(opts), *([] if rev is None else [plain("rev", rev)])]
    return git_in(__salt__, cwd, user, ignore_retcode).output("rev-parse", *words, git_opts=git_opts)


def revision(
    cwd: str,
    rev: str = "HEAD",
    short: bool = False,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Return the id of *rev*, or with *short* its beginning.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.revision /path/to/repo mybranch
    """
    words = [*(["--short"] if short else []), plain("rev", rev)]
    return git_in(__salt__, cwd, user, ignore_retcode).output("rev-parse", *words)


def status(
    cwd: str,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> dict[str, list[str]]:
    """Return the files that differ, as ``{"new": […], "modified": […], "deleted": […], "untracked": […]}``.

    Only kinds that there are; others by git's letters (``R``, ``MM``).

    CLI Example:

    .. code-block:: bash

        saltern '*' git.status /path/to/repo
    """
    found: dict[str, list[str]] = {}
    for line in git_in(__salt__, cwd, user, ignore_retcode).output("status", "-z", "--porcelain").split("\0"):
        state, *name = line.split(None, 1) or [""]
        if name:
            found.setdefault(STATES.get(state, state), []).append(name[0])
    return found


def symbolic_ref(
    cwd: str,
    ref: str,
    value: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Return what *ref* (``HEAD``) stands for, or let it stand for *value*, a full name of a branch; then ``""``.

    Raises ``ArgumentError`` for a *value* beside ``--delete``.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.symbolic_ref /path/to/repo HEAD refs/heads/main
    """
    words = options(opts)
    if value is not None and ("-d" in words or "--delete" in words):
        raise ArgumentError("Value cannot be set for symbolic ref if -d/--delete is included in opts")
    words += [plain("ref", ref), *([plain("value", value)] if value else [])]
    return git_in(__salt__, cwd, user, ignore_retcode).output("symbolic-ref", *words, git_opts=git_opts)


def _refs(under: str, cwd: str, user: str | None, ignore_retcode: bool) -> list[str]:
    git = git_in(__salt__, cwd, user, ignore_retcode)
    return git.output("for-each-ref", "--format", "%(refname:short)", under).splitlines()
