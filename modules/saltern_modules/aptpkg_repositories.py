"""Where apt gets packages from: a part of the module ``pkg`` for apt.

A repository is named by its line, as in sources.list(5): ``deb [options] address suite components``. It may be in a
``.list`` or a ``.sources`` file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _apt, _apt_sources, _keywords
from saltern_modules._apt_sources import Line, Source, Sources, Stanza, boolean

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "del_repo": "writes",
    "get_repo": "reads",
    "list_repos": "reads",
    "mod_repo": "indirect",
}

OF_A_LINE = ("uri", "comps", "architectures", "disabled", "file", "dist", "signedby", "trusted")
OF_A_STANZA = (*OF_A_LINE, "uris", "suites", "types")
UBUNTU = ("Ubuntu", "Mint", "neon")


def __virtual__() -> str | tuple[bool, str]:
    """Only on Debian and its kin."""
    return _apt.here(__grains__)


def _sources() -> Sources:
    """Return the sources from where apt's configuration says that they are."""
    words = ["apt-config", "shell", "LIST", "Dir::Etc::sourcelist/f", "PARTS", "Dir::Etc::sourceparts/d"]
    output = str(__salt__["cmd.run_stdout"](words, python_shell=False, ignore_retcode=True))
    found = {key: value.strip("'") for key, _, value in (line.partition("=") for line in output.splitlines())}
    parts = found.get("PARTS") or _apt_sources.PARTS
    return Sources(found.get("LIST") or _apt_sources.LIST, parts)


def list_repos(**kwargs: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the repositories, ``{address: [{"file", "comps", "dist", "type", "uri", "line", "disabled", …}]}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_repos
    """
    return _apt_sources.told(_sources().valid())


def get_repo(repo: str, **kwargs: Any) -> dict[str, Any]:
    """Return the repository that *repo* names, as ``pkg.list_repos`` does; ``{}`` for none.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.get_repo 'deb http://deb.debian.org/debian bookworm main'
    """
    wanted = Line(_address(repo, kwargs))
    for one in (one for found in list_repos().values() for one in found):
        same = one["type"] == wanted.type and one["dist"] == wanted.dist
        shares = not wanted.comps or bool(set(wanted.comps) & set(one["comps"]))
        if same and shares and one["uri"].rstrip("/") == wanted.uri.rstrip("/"):
            return one
    return {}


def _address(repo: str, kwargs: Mapping[str, Any]) -> str:
    """Return the line that ``ppa:owner/name`` stands for on Ubuntu."""
    if not repo.startswith("ppa:") or __grains__.get("os") not in UBUNTU:
        return repo
    owner, _, name = repo[4:].partition("/")
    dist, login = __grains__.get("oscodename"), kwargs.get("ppa_auth")
    host = f"https://{login}@private-ppa.launchpad.net" if login else "http://ppa.launchpad.net"
    return f"deb {host}/{owner}/{name}/ubuntu {dist} main"


def _is(one: Source, wanted: Line) -> bool:
    addresses = [uri.rstrip("/") for uri in one.uris]
    return wanted.type in one.types and wanted.uri.rstrip("/") in addresses and wanted.dist in one.suites


def del_repo(repo: str, **kwargs: Any) -> str:
    """Remove the repository that *repo* names, or its components from it, and say so; the sources are read anew.

    A file of which nothing is left is removed. Raises ``CommandError`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.del_repo 'deb http://deb.debian.org/debian bookworm contrib'
    """
    wanted, sources = Line(_address(repo, kwargs)), _sources()
    files: list[str] = []
    for one in sources.valid():
        if not _is(one, wanted) or one.architectures != wanted.architectures:
            continue
        left = [comp for comp in one.comps if comp not in wanted.comps]
        if set(one.comps) == set(wanted.comps):
            one.suites = [suite for suite in one.suites if suite != wanted.dist]
            gone = not one.suites
        elif len(left) < len(one.comps):
            one.comps = left
            gone = not left
        else:
            continue
        if gone:
            sources.list.remove(one)
        files += [one.file] if one.file not in files else []
    if not files:
        raise CommandError(f"Repo {repo} doesn't exist in the sources.list(s)")
    sources.save()
    texts = []
    for path in files:
        if "sources.list.d/" in path and not any(one.file == path for one in sources.valid()):
            os.unlink(path)
            texts.append(f"File {path} containing repo '{repo}' has been removed.")
        else:
            texts.append(f"Repo '{repo}' has been removed from {path}.\n")
    __salt__["pkg.refresh_db"]()
    return "".join(texts)


def mod_repo(repo: str, saltenv: str = "base", aptkey: bool = True, **kwargs: Any) -> dict[str, Any]:
    """Add the repository *repo*, or change it, and return ``{repo: …}`` as ``pkg.get_repo`` does.

    ``comps``, ``architectures``: comma texts. ``disabled`` or ``enabled``. ``dist``, ``uri``, ``trusted``. ``file``:
    where it goes, by default sources.list. ``comments``. ``keyid`` with ``keyserver``, ``key_url``, or ``key_text``:
    the key that it is signed by, put where ``signed-by`` of *repo* says, or to apt's own without it (``apt-key``).
    ``refresh=False``: don't read the sources after it.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.mod_repo 'deb [signed-by=/etc/apt/keyrings/x.gpg] https://x.example/debian stable main' key_url=salt://x.gpg
    """
    if repo.startswith("ppa:"):
        return _personal(repo, kwargs)
    if _keywords.is_true(kwargs.get("consolidate", False)):
        raise ArgumentError("pkg.mod_repo: consolidate isn't here: it would rewrite files that nobody named")
    wanted, sources = Line(repo), _sources()
    if wanted.invalid:
        raise ArgumentError(
            f"Name {repo} is not valid. This must be the complete repo entry as seen in the sources file"
        )
    values = _values(wanted, kwargs)
    has_apt_key = bool(aptkey) and _has("apt-key")
    _keys(wanted, kwargs, has_apt_key, saltenv)
    one = _found(sources, wanted, values, kwargs)
    if one is None:
        trusted = boolean(kwargs.get("trusted", "no"))
        if not has_apt_key and not wanted.signedby and not trusted:
            raise ArgumentError("missing 'signedby' or 'trusted' option when apt-key is missing")
        one = _made(repo, wanted, kwargs, sources)
    elif isinstance(one, Line):
        one.read(repo)
    if "comments" in kwargs:
        comments = kwargs["comments"] if isinstance(kwargs["comments"], list) else [kwargs["comments"]]
        one.comment = " ".join(map(str, comments)).strip()
    for name in OF_A_LINE if isinstance(one, Line) else OF_A_STANZA:
        if name in values:
            setattr(one, name, values[name])
    sources.save()
    if kwargs.get("refresh_db", kwargs.get("refresh", True)):
        __salt__["pkg.refresh_db"]()
    return {repo: get_repo(repo)}


def _values(wanted: Line, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be set."""
    values = {name: kwargs[name] for name in OF_A_STANZA if name in kwargs}
    for name in ("uris", "suites", "types"):
        if name in values:
            values[name] = _keywords.split(values[name])
    given = _keywords.split(kwargs["comps"]) if "comps" in kwargs else wanted.comps
    values["comps"] = list(given)
    values["signedby"] = wanted.signedby
    archs = _keywords.split(kwargs["architectures"]) if "architectures" in kwargs else wanted.architectures
    if archs:
        values["architectures"] = archs
    if "disabled" in kwargs:
        values["disabled"] = _keywords.is_true(kwargs["disabled"])
    elif "enabled" in kwargs:
        values["disabled"] = not _keywords.is_true(kwargs["enabled"])
    if "trusted" in values:
        values["trusted"] = boolean(values["trusted"])
    return values


def _found(sources: Sources, wanted: Line, values: Mapping[str, Any], kwargs: Mapping[str, Any]) -> Source | None:
    """Return the source that is meant."""
    comps = {*wanted.comps, *values["comps"]}
    for one in sources.valid():
        by_words = kwargs.get("dist") in one.suites and kwargs.get("type") in one.types
        differs = values.get("architectures", []) != one.architectures
        if (_is(one, wanted) or by_words) and (comps & set(one.comps) or not one.comps or differs):
            return one
    return None


def _made(repo: str, wanted: Line, kwargs: Mapping[str, Any], sources: Sources) -> Source:
    path = str(kwargs.get("file") or sources.main)
    made: Source
    if path.endswith(".sources"):
        made = Stanza("", path)
        made.put("Types", wanted.type)
        made.put("URIs", wanted.uri)
        made.put("Suites", wanted.dist)
        made.put("Components", " ".join(wanted.comps))
        if kwargs.get("trusted") is True or ("trusted" not in kwargs and wanted.trusted):
            made.put("Trusted", "yes")
    else:
        made = Line(repo, path)
    sources.list.append(made)
    return made


def _has(program: str) -> bool:
    import shutil

    return shutil.which(program) is not None


def _keys(wanted: Line, kwargs: Mapping[str, Any], aptkey: bool, saltenv: str) -> None:
    """Get the keys that the repository is signed by. Raises ``CommandError``."""
    folder, _, name = str(wanted.signedby).rpartition("/")
    place = {"aptkey": aptkey and not name, **({"keydir": folder, "keyfile": name} if name else {})}
    if "keyid" in kwargs:
        if not kwargs["keyid"] or not kwargs.get("keyserver"):
            raise ArgumentError("both keyserver and keyid options required.")
        for key in kwargs["keyid"] if isinstance(kwargs["keyid"], list) else [kwargs["keyid"]]:
            key = hex(key) if isinstance(key, int) else str(key)
            if not __salt__["pkg.add_repo_key"](keyid=key, keyserver=kwargs["keyserver"], **place):
                raise CommandError(f"Error: Could not add key: {key}")
    elif "key_url" in kwargs:
        if not __salt__["pkg.add_repo_key"](path=kwargs["key_url"], saltenv=saltenv, **place):
            raise CommandError(f"Error: Could not add key: {kwargs['key_url']}")
    elif "key_text" in kwargs and not __salt__["pkg.add_repo_key"](text=kwargs["key_text"], **place):
        raise CommandError(f"Error: failed to add key:\n{kwargs['key_text']}")


def _personal(repo: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Add a personal archive of Ubuntu's."""
    if __grains__.get("os") not in UBUNTU:
        raise CommandError(f'cannot parse "ppa:" style repo definitions: {repo}')
    if found := get_repo(repo, **kwargs):
        return {repo: found}
    if not _has("apt-add-repository"):
        raise CommandError("pkg.mod_repo: ppa: needs apt-add-repository: install software-properties-common")
    done = _apt.call(__salt__, ["apt-add-repository", "-y", repo])
    if done["retcode"]:
        raise CommandError(f"Unable to add PPA '{repo[4:]}': {done['stderr']}")
    if kwargs.get("refresh_db", kwargs.get("refresh", True)):
        __salt__["pkg.refresh_db"]()
    return {repo: done}
