"""Works on git checkouts: this part changes a checkout and what is committed.

What many functions of the module take:

``cwd``
    the checkout, an absolute path or one below the home of *user*.
``opts``, ``git_opts``
    options for git's command, and for git itself (``-c user.name=x``): a text split as a shell would, or a list. They
    may make git run programs: that is why what takes them has the power ``runs``.
``user``
    run as this user.
``identity``
    private SSH keys to log in with: a path or ``salt://…``, or a list of them, of which each is tried. A host that
    isn't known is taken for what it says it is, one whose key has changed isn't.
``https_user``, ``https_pass``
    who logs in at an address that begins with ``https``.
``ignore_retcode``
    don't count git's failure as the job's.
``password``, ``output_encoding``
    taken, and do nothing: output is read as UTF-8.

Errors: ``CommandError`` with ``Command 'git …' failed: …`` and git's own words, in which no password is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError
from saltern_modules import _git
from saltern_modules._git import git_in, only, options, plain

__salt__: Mapping[str, Callable[..., Any]]

__func_alias__ = {"rm_": "rm"}

__powers__ = {
    "add": "runs",
    "branch": "runs",
    "checkout": "runs",
    "commit": "runs",
    "discard_local_changes": "writes",
    "init": "runs",
    "merge": "runs",
    "rebase": "runs",
    "reset": "runs",
    "rm": "runs",
    "stash": "runs",
    "tag": "runs",
    "version": "reads",
}

MESSAGE = "-m"
"""git's option for the text of a commit or tag."""


def __virtual__() -> bool | tuple[bool, str]:
    """Only where git is."""
    return _git.here()


def add(
    cwd: str,
    filename: str,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Put *filename* (a file or folder, relative to *cwd*) into the index, and return what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.add /path/to/repo foo/bar.py
    """
    words = [word for word in options(opts) if word not in ("-v", "--verbose")]
    git = git_in(__salt__, cwd, user, ignore_retcode)
    return git.output("add", "--verbose", *words, "--", str(filename), git_opts=git_opts)


def branch(
    cwd: str,
    name: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> bool:
    """Make the branch *name*, or do with it what *opts* says (``-d``, ``-m new``); ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.branch /path/to/repo newbranch
        saltern '*' git.branch /path/to/repo oldbranch opts='-d'
    """
    words = [*options(opts), *([] if name is None else [plain("name", name)])]
    git_in(__salt__, cwd, user, ignore_retcode).run("branch", *words, git_opts=git_opts)
    return True


def checkout(
    cwd: str,
    rev: str | None = None,
    force: bool = False,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Switch to *rev*, throwing changes away with *force*, and return what git says, errors too.

    Raises ``ArgumentError`` without *rev*, but for *opts* that make a branch (``-b name``).

    CLI Example:

    .. code-block:: bash

        saltern '*' git.checkout /path/to/repo somebranch
        saltern '*' git.checkout /path/to/repo opts='-b newbranch'
    """
    words = options(opts)
    if rev is None and "-b" not in words and "-B" not in words:
        raise ArgumentError("'rev' argument is required unless -b or -B in opts")
    words = [*(["--force"] if force else []), *words, *([] if rev is None else [plain("rev", rev)])]
    return git_in(__salt__, cwd, user, ignore_retcode).output("checkout", *words, git_opts=git_opts, merge=True)


def commit(
    cwd: str,
    message: str,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    filename: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Commit what is in the index, or *filename* alone, and return what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.commit /path/to/repo 'The commit message'
        saltern '*' git.commit /path/to/repo 'The commit message' opts='-a'
    """
    words = [MESSAGE, str(message), *options(opts), *(["--", str(filename)] if filename else [])]
    return git_in(__salt__, cwd, user, ignore_retcode).output("commit", *words, git_opts=git_opts)


def discard_local_changes(
    cwd: str,
    path: str = ".",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Put *path* back to what the index has of it, and return what git says, errors too.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.discard_local_changes /path/to/repo foo
    """
    return git_in(__salt__, cwd, user, ignore_retcode).output("checkout", "--", str(path), merge=True)


def init(
    cwd: str,
    bare: bool = False,
    template: str | None = None,
    separate_git_dir: str | None = None,
    shared: Any = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Make a repository at *cwd*, and return what git says of it.

    *bare*: one without files. *shared*: who else may write to it, ``group``, ``all``, or a mode as a number.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.init /path/to/bare.git bare=True
    """
    words = ["--bare"] if bare else []
    words += [] if template is None else [f"--template={template}"]
    words += [] if separate_git_dir is None else [f"--separate-git-dir={separate_git_dir}"]
    if shared is not None:
        number = isinstance(shared, int) and not isinstance(shared, bool)
        text = f"0{shared}" if number else shared if isinstance(shared, str) else str(shared).lower()
        words.append(f"--shared={text}")
    where = plain("cwd", _git.place(cwd, user))
    return _git.Git(__salt__, None, user, ignore_retcode).output(
        "init", *words, *options(opts), where, git_opts=git_opts
    )


def merge(
    cwd: str,
    rev: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> str:
    """Merge *rev*, by default the branch that this one follows, and return what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.merge /path/to/repo rev=upstream/foo
    """
    only(kwargs)
    words = [*options(opts), *([plain("rev", rev)] if rev else [])]
    return git_in(__salt__, cwd, user, ignore_retcode, identity).output("merge", *words, git_opts=git_opts)


def rebase(
    cwd: str,
    rev: str = "master",
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Rebase the branch onto *rev*, one or two words, and return what git says of it.

    Raises ``ArgumentError`` for an interactive one.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.rebase /path/to/repo 'origin/master mybranch'
    """
    words = options(opts)
    if "-i" in words or "--interactive" in words:
        raise ArgumentError("Interactive rebases are not supported")
    words += [plain("rev", word) for word in _git.split(str(rev))]
    return git_in(__salt__, cwd, user, ignore_retcode).output("rebase", *words, git_opts=git_opts)


def reset(
    cwd: str,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Reset the checkout as *opts* says (``--hard origin/master``), and return what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.reset /path/to/repo opts='--hard ac3ee5c'
    """
    return git_in(__salt__, cwd, user, ignore_retcode, identity).output("reset", *options(opts), git_opts=git_opts)


def rm_(
    cwd: str,
    filename: str,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Remove *filename* from the checkout and the index, and return what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.rm /path/to/repo foo/bar.py
        saltern '*' git.rm /path/to/repo foo/baz opts='-r'
    """
    git = git_in(__salt__, cwd, user, ignore_retcode)
    return git.output("rm", *options(opts), "--", str(filename), git_opts=git_opts)


def stash(
    cwd: str,
    action: str = "save",
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Put changes aside, or do with those put aside what *action* says (``pop``, ``list``, …); what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.stash /path/to/repo save opts='work in progress'
        saltern '*' git.stash /path/to/repo pop
    """
    words = [plain("action", action), *options(opts)]
    return git_in(__salt__, cwd, user, ignore_retcode).output("stash", *words, git_opts=git_opts)


def tag(
    cwd: str,
    name: str,
    ref: str = "HEAD",
    message: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """Give *ref* the tag *name*, with *message* an annotated one, or do what *opts* says (``-d``); what git says of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.tag /path/to/repo v0.1.2
        saltern '*' git.tag /path/to/repo v0.1.2 message='The first'
    """
    words = [word for word in options(opts) if word not in ("-a", "--annotate")]
    if any(word == "-m" or "--message" in word for word in words):
        raise ArgumentError('Tag messages must be passed in the "message" argument')
    deletes = "-d" in words or "--delete" in words
    words = [*([] if message is None else ["-a", MESSAGE, str(message)]), *words, plain("name", name)]
    words += [] if deletes else [plain("ref", ref)]
    return git_in(__salt__, cwd, user, ignore_retcode).output("tag", *words, git_opts=git_opts, merge=True)


def version(versioninfo: bool = False) -> str | list[int | str]:
    """Return git's version, or with *versioninfo* its parts, numbers where they are.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.version
    """
    said = str(_git.Git(__salt__).run("--version", failhard=False)["stdout"])
    found = (said.split("(")[0].split(".windows")[0].split() or ["unknown"])[-1]
    return [int(part) if part.isdigit() else part for part in found.split(".")] if versioninfo else found
