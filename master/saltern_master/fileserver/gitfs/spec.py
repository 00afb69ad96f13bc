"""One entry of ``gitfs_remotes``, checked.

An entry is a URL, or a map of options with ``url`` among them, or, as Salt writes it, a map from the URL to a list
of one-key maps::

    gitfs_remotes:
      - https://example.org/modules.git
      - url: git@example.org:ops/modules.git
        ref: v1.2
      - https://example.org/all.git:
          - root: saltern/
          - mountpoint: salt://shared
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from saltern.config.load import nearest
from saltern.errors import ConfigError, IdError
from saltern.ids import check_env, check_path
from saltern_master.fileserver.backend import BASE

KEYS = ("url", "ref", "base", "root", "mountpoint", "saltenv", "name")

GITS_OWN = frozenset({"user", "password", "insecure_auth", "pubkey", "privkey", "passphrase", "ssl_verify", "refspecs"})
"""Keys that Salt has because its libraries can't read git's own configuration."""

SCHEMES = ("https", "ssh", "file", "http", "git")
PLAINTEXT = ("http", "git")
"""Schemes on which anyone between here and the remote can change what arrives."""

WITH_PASSWORDS = ("https", "http")
"""Schemes whose addresses may have a name and a password."""

_SCP_LIKE = re.compile(r"(?:[\w.+-]+@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+):(?!:).+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REF = re.compile(r"(?!-|/|\.)(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)|[/.]$))[^\x00-\x20\x7f~^:?*\[\\]{1,255}")
_SECRET_QUERY = re.compile(r"(?i)token|secret|passw|auth|key")
_CREDENTIALS = re.compile(r"://[^/\s]+@")
_SECRET_VALUE = re.compile(r"(?i)([?&][^=&\s]*(?:token|secret|passw|auth|key)[^=&\s]*=)[^&\s]+")


class Access(NamedTuple):
    """How a remote is asked: its URL without a secret, and the credentials for the *site* that it is on."""

    url: str
    site: str = ""
    username: str = ""
    password: str = ""

    @property
    def secret(self) -> bool:
        """Whether there are credentials."""
        return bool(self.username or self.password)


class RemoteSpec(NamedTuple):
    """One remote: what to fetch and where its files appear.

    ``ref`` is a branch, a tag or a commit's 40 hex digits; empty: the branch ``main`` or, without one, the remote's
    ``HEAD``. Only the folder ``root`` of it is served, below ``mountpoint``; both are relative paths without slashes
    at their ends, empty for the top.
    """

    url: str
    ref: str
    root: str
    mountpoint: str
    saltenv: str
    name: str

    @property
    def is_commit(self) -> bool:
        """Whether ``ref`` pins a commit, which can never change."""
        return _COMMIT.fullmatch(self.ref) is not None

    @property
    def access(self) -> Access:
        """The URL and its credentials apart. The user of an ssh address is none: it says whom to log in as."""
        parts = urlsplit(self.url)
        user_info, at, host = parts.netloc.rpartition("@")
        if not at or parts.scheme not in WITH_PASSWORDS:
            return Access(self.url)
        username, _, password = user_info.partition(":")
        site = f"{parts.scheme}://{host}"
        url = parts._replace(netloc=host).geturl()
        return Access(url, site, unquote(username), unquote(password))

    @property
    def digest(self) -> str:
        """The name of this remote's folder in the cache: another url, ref, root … is another folder."""
        return hashlib.sha256("\0".join(self[:5]).encode()).hexdigest()[:32]


def parse_remotes(entries: Iterable[Any]) -> list[RemoteSpec]:
    """Return the remotes of the option ``gitfs_remotes``. Raises ``ConfigError`` naming the remote and the key."""
    specs = [parse_remote(entry, number) for number, entry in enumerate(entries, 1)]
    for number, spec in enumerate(specs, 1):
        for earlier_number, earlier in enumerate(specs[: number - 1], 1):
            if spec.digest == earlier.digest:
                raise ConfigError(
                    f"gitfs_remotes: remote {number} ({spec.name}) is the same as remote {earlier_number}: remove one"
                )
    return specs


def parse_remote(entry: Any, number: int) -> RemoteSpec:
    """Return entry *number* (from 1) of ``gitfs_remotes``. Raises ``ConfigError``."""
    keys = _keys(entry, f"gitfs_remotes: remote {number}")
    url = keys.get("url", "")
    where = f"gitfs_remotes: remote {number} ({_shown(url)})" if url else f"gitfs_remotes: remote {number}"
    for key, value in keys.items():
        _check_key(where, key, value)
    if not url:
        raise ConfigError(f"{where}: url is missing: give the repository's address, as in https://host/repo.git")
    _check_url(where, url)
    ref = keys.get("ref") or keys.get("base", "")  # base: Salt's word for the ref that serves the environment base
    if ref and not _REF.fullmatch(ref):
        raise ConfigError(f"{where}: ref {ref!r:.80} is not a branch, a tag or a commit")
    try:
        saltenv = check_env(keys.get("saltenv", BASE))
    except IdError as error:
        raise ConfigError(f"{where}: saltenv: {error}") from None
    root = _folder(where, "root", keys.get("root", ""))
    mountpoint = _folder(where, "mountpoint", keys.get("mountpoint", ""))
    return RemoteSpec(url, ref, root, mountpoint, saltenv, keys.get("name") or redact(url))


def redact(text: str) -> str:
    """Return *text* with the credentials in its URLs struck out: it is for logs and messages."""
    return _SECRET_VALUE.sub(r"\1***", _CREDENTIALS.sub("://***@", text))


def _shown(url: object) -> str:
    """Return a URL that may be anything as a short piece of one line, without credentials."""
    return "".join(character if character.isprintable() else "?" for character in redact(str(url))[:200])


def _keys(entry: Any, where: str) -> dict[str, Any]:
    """Return an entry's options, whichever way they are written. Raises ``ConfigError``."""
    if isinstance(entry, str):
        return {"url": entry}
    if not isinstance(entry, dict) or not entry:
        raise ConfigError(f"{where}: must be a URL, or a map with a url, not {entry!r:.60}")
    (first, options), *more = entry.items()
    if more or first in KEYS:
        return {str(key): value for key, value in entry.items()}
    keys: dict[str, Any] = {"url": str(first)}
    if options is None:
        return keys
    for option in options if isinstance(options, list) else [options]:
        if not isinstance(option, dict):
            raise ConfigError(
                f"{where} ({_shown(first)}): must be followed by a list of 'key: value', not {option!r:.60}"
            )
        keys.update((str(key), value) for key, value in option.items())
    return keys


def _check_key(where: str, key: str, value: Any) -> None:
    if key in GITS_OWN:
        raise ConfigError(f"{where}: {key} is not used here: git reads its own credentials and ssh configuration")
    if key not in KEYS:
        raise ConfigError(f"{where}: unknown key {key!r:.60}{nearest(key, list(KEYS)) or ': use ' + ', '.join(KEYS)}")
    if not isinstance(value, str):
        raise ConfigError(f"{where}: {key} must be text, not {value!r:.60}: put it in quotes")


def _check_url(where: str, url: str) -> None:
    """Let through what names a place. Raises ``ConfigError`` for what git would take as an option or a program."""
    scheme, separator, _ = url.partition("://")
    if not url.isprintable() or " " in url or url.startswith("-"):
        known = False
    elif separator:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            host = "-"
        known = scheme in SCHEMES and not host.startswith("-") and bool(host or scheme == "file")
    else:
        match = _SCP_LIKE.fullmatch(url)
        known = os.path.isabs(url) or (match is not None and not match["host"].startswith("-"))
    if known and separator and scheme not in WITH_PASSWORDS and ":" in urlsplit(url).netloc.rpartition("@")[0]:
        raise ConfigError(f"{where}: url has a password, which {scheme} doesn't take: every process here would show it")
    if known and _SECRET_QUERY.search(urlsplit(url).query):
        raise ConfigError(
            f"{where}: url has a secret behind its '?', which every process here would show: put it before the host, "
            "as in https://name:secret@host/repo.git"
        )
    if known and scheme in WITH_PASSWORDS and not unquote(url).isprintable():
        raise ConfigError(f"{where}: url has credentials with a line break or another control character")
    if not known:
        raise ConfigError(
            f"{where}: url must begin with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}, "
            "or be user@host:path or an absolute path"
        )


def _folder(where: str, key: str, value: str) -> str:
    """Return a folder inside the repository, or ``salt://folder`` of the environment, without slashes at its ends."""
    folder = value.removeprefix("salt://").strip("/")
    try:
        return check_path(folder) if folder else ""
    except IdError:
        raise ConfigError(f"{where}: {key} {value!r:.60} must be a folder inside, without '.' or '..'") from None
