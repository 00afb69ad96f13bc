"""Where dnf and yum get packages from: a part of the module ``pkg`` of Red Hat's kin.

*basedir*: the folders of ``.repo`` files, a list or comma text, by default as configured.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _keywords, _yum

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "del_repo": "writes",
    "get_repo": "reads",
    "list_repos": "reads",
    "mod_repo": "indirect",
}

FOLDERS = ("/etc/yum/repos.d", "/etc/yum.repos.d")
CONFIGURATIONS = ("/etc/yum/yum.conf", "/etc/yum.conf", "/etc/dnf/dnf.conf", "/etc/tdnf/tdnf.conf")
LINKS = ("baseurl", "mirrorlist", "metalink")


def __virtual__() -> str | tuple[bool, str]:
    """Only on Red Hat's kin."""
    return _yum.here(__grains__)


def _folders(basedir: Any) -> list[str]:
    given = _keywords.split(basedir) if basedir else []
    if given:
        return [str(one) for one in given]
    path = next((path for path in CONFIGURATIONS if os.path.exists(path)), None)
    if path is None:
        raise CommandError(f"No suitable yum config file found in: {CONFIGURATIONS}")
    import configparser  # only repositories need it

    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
        text = parser.get("main", "reposdir", fallback="")
    except configparser.Error:
        text = ""
    return _keywords.split(text) if text else list(FOLDERS)


def _parsed(text: str, strict: bool = True) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the remarks at the top of a ``.repo`` file, and ``{repository: {option: text}}``.

    Remarks within a repository are its ``comments``. Nonsense, and with *strict* one that is there twice: nothing.
    """
    import configparser  # only repositories need it

    parser = configparser.ConfigParser(strict=strict, interpolation=None)
    try:
        parser.read_string(text)
    except configparser.MissingSectionHeaderError:
        return "", {}
    except configparser.Error as error:
        raise CommandError(f"a .repo file can't be understood: {error.message.splitlines()[0]}") from None
    found: dict[str, dict[str, Any]] = {name: dict(parser.items(name)) for name in parser.sections()}
    header, section = "", None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            if section is None:
                header += f"{line}\n"
            elif section in found:
                found[section].setdefault("comments", []).append(line[1:].lstrip())
        elif line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
    return header, found


def _read(path: str, kwargs: Mapping[str, Any]) -> tuple[str, dict[str, dict[str, Any]]]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return _parsed(file.read(), bool(kwargs.get("strict_config", True)))
    except OSError as error:
        raise CommandError(f"{path}: can't be read: {error.strerror or error}") from None


def _write(path: str, header: str, repositories: Mapping[str, Mapping[str, Any]]) -> None:
    from saltern import files

    text = header
    for name, options in repositories.items():
        text += f"[{name}]\n"
        for key, value in options.items():
            if key != "comments":
                value = str(int(value)) if isinstance(value, bool) else "\n ".join(str(value).split("\n"))
                text += f"{key}={value}\n"
        comments = options.get("comments", [])
        for comment in comments if isinstance(comments, list) else [comments]:
            text += f"# {str(comment).lstrip('#').lstrip()}\n"
        text += "\n"
    try:
        with files.replacement(path, 0o644, keep_mode=True) as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise CommandError(f"{path}: can't be written: {error.strerror or error}") from None


def list_repos(basedir: Any = None, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """Return the repositories, ``{name: {option: text, "file": path}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_repos
    """
    found: dict[str, dict[str, Any]] = {}
    for folder in _folders(basedir):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if name.endswith(".repo"):
                path = f"{folder}/{name}"
                found |= {repo: {**options, "file": path} for repo, options in _read(path, kwargs)[1].items()}
    return found


def _name(repo: str) -> str:
    """Return the repository that ``copr:owner/name`` is."""
    if not repo.startswith("copr:"):
        return repo
    owner, _, name = repo[5:].partition("/")
    return f"copr:copr.fedorainfracloud.org:{owner}:{name}"


def get_repo(repo: str, basedir: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Return the options of the repository *repo*, ``{}`` for none.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.get_repo epel
    """
    found = list_repos(basedir, **kwargs).get(_name(repo), {})
    return {key: value for key, value in found.items() if key != "file"}


def del_repo(repo: str, basedir: Any = None, **kwargs: Any) -> str:
    """Remove the repository *repo*, and its file when nothing else is in it, and say so.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.del_repo myrepo
    """
    repo, folders = _name(repo), _folders(basedir)
    found = list_repos(folders, **kwargs).get(repo)
    if found is None:
        return f"Error: the {repo} repo does not exist in {folders}"
    path = found["file"]
    header, repositories = _read(path, kwargs)
    if set(repositories) == {repo}:
        os.unlink(path)
        return f"File {path} containing repo {repo} has been removed"
    _write(path, header, {name: options for name, options in repositories.items() if name != repo})
    return f"Repo {repo} has been removed from {path}"


def mod_repo(repo: str, basedir: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Add the repository *repo*, or change options of it, and return ``{file: {repository: options}}``.

    Options are keywords, ``""`` removes one. A new one needs ``name`` and one of ``baseurl``, ``mirrorlist``,
    ``metalink``, of which it has one. ``copr:owner/name`` is enabled by dnf's plug-in.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.mod_repo reponame enabled=1 gpgcheck=1
    """
    given = {key: value for key, value in _keywords.own(kwargs).items() if key not in ("saltenv", "strict_config")}
    if sum(link in given for link in LINKS) >= 2:
        raise ArgumentError(f"One and only one of {', '.join(LINKS)} can be used")
    repo, asked = _name(repo), repo
    if any(mark in repo for mark in "/\n[]") or repo.startswith("."):
        raise ArgumentError(f"pkg.mod_repo: no repository can be called {repo!r}")
    options = {key: value for key, value in given.items() if value == 0 or value}
    gone = [key for key in given if key not in options]
    gone += [other for link in LINKS if link in options for other in LINKS if other != link]
    if "name" in gone:
        raise ArgumentError("The repo name cannot be deleted")
    folders = _folders(basedir)
    present = list_repos(folders, **kwargs)
    if repo in present:
        path = present[repo]["file"]
        header, repositories = _read(path, kwargs)
    else:
        path, header, repositories = _new(asked, repo, folders, options, kwargs)
    for link in LINKS:
        others = [other for other in LINKS if other != link]
        if link in gone and not any(other in options or other in repositories[repo] for other in others):
            raise ArgumentError(f"Cannot delete {link} without specifying {' or '.join(others)}")
    kept = {key: value for key, value in repositories[repo].items() if key not in gone}
    repositories[repo] = {**kept, **options}
    _write(path, header, repositories)
    return {path: {name: {k: v for k, v in of.items() if k != "comments"} for name, of in repositories.items()}}


def _new(
    asked: str, repo: str, folders: list[str], options: Mapping[str, Any], kwargs: Mapping[str, Any]
) -> tuple[str, str, dict[str, dict[str, Any]]]:
    """Return the file, remarks and repositories to which *repo* is to be added. Raises ``ArgumentError``."""
    folder = next((folder for folder in folders if os.path.exists(folder)), None)
    if folder is None:
        raise ArgumentError(
            "The repo does not exist and needs to be created, but none of the following basedir directories exist:"
            f" {folders}"
        )
    if asked != repo:
        done = _yum.call(__salt__, ["copr", "enable", asked[5:], "-y"])
        if done["retcode"]:
            raise CommandError(
                f"Unable to add COPR '{asked[5:]}'. '{_yum.program()}' exited with status {done['retcode']}:"
                f" '{done['stderr']}' "
            )
        path = list_repos(folders, **kwargs)[repo]["file"]
        return (path, *_read(path, kwargs))
    if "name" not in options:
        raise ArgumentError("The repo does not exist and needs to be created, but a name was not given")
    if not any(link in options for link in LINKS):
        raise ArgumentError(
            f"The repo does not exist and needs to be created, but none of {', '.join(LINKS)} was given"
        )
    return f"{folder}/{repo}.repo", "", {repo: {}}
