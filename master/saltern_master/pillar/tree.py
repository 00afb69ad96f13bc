"""The files of pillar's environments: which there are, and what is in them.

A file is opened below its root without following a link that leads out of it (``fileserver/roots/confined.py``). What
was read is kept for as long as the file is the same one; what was asked for is noted, so that it is known whose
pillar a change is about.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping, Sequence
from typing import Any

from saltern.errors import FileServerError, IdError
from saltern.ids import check_path
from saltern_master.fileserver.ignored import Ignored
from saltern_master.fileserver.roots.confined import Identity, open_inside, scan
from saltern_master.pillar.settings import roots_of

MAX_FILES = 50_000
"""Below one root."""
MAX_FILE_BYTES = 4 * 1024 * 1024
LOOKED_AT_BYTES = 64 * 1024
LISTED = "*"
"""Noted when it counts which files there are."""
ANY_FILE = "**"
"""Noted when it isn't known on which files something hangs: each counts."""

Stamps = dict[str, Identity]


def stamps(
    roots: Mapping[str, Sequence[str]], hidden: Sequence[str], left_out: dict[str, str] | None = None
) -> dict[str, Stamps]:
    """Return the files of each environment by ``path``, of the first root that has it, with what tells changes.

    *left_out* takes by ``env:path`` why something that is there isn't a file of it.
    """
    ignored = Ignored(list(hidden))
    found: dict[str, Stamps] = {}
    for env, folders in roots.items():
        files = found[env] = {}
        for folder in folders:
            listing = scan(folder, "", MAX_FILES, ignored)
            for path, identity in listing.files.items():
                files.setdefault(path, identity)
            if left_out is not None:
                left_out.update({f"{env}:{path}": why for path, why in listing.left_out.items()})
                if listing.cut:
                    left_out[f"{env}:"] = f"{folder} has over {MAX_FILES:,} files"
    return found


class Found:
    """One file: the path in its environment, where it is, and its text."""

    __slots__ = ("path", "place", "text")

    def __init__(self, path: str, place: str, text: str) -> None:
        self.path = path
        self.place = place
        self.text = text


class Tree:
    """The files of all environments. ``asked`` holds ``env:path`` of every file that was looked for, found or not."""

    def __init__(self, roots: Mapping[str, Sequence[str]], hidden: Sequence[str]) -> None:
        self._roots = roots
        self._hidden = hidden
        self._ignored = Ignored(list(hidden))
        self._stamps: dict[str, Stamps] = {}
        self._texts: dict[tuple[str, str], tuple[Identity, Found]] = {}
        self._names: dict[str, list[str]] = {}
        self._matches: dict[tuple[str, str], list[str]] = {}
        self.asked: set[str] = set()
        self.left_out: dict[str, str] = {}
        """By ``env:path``: why something that is there isn't a file of the environment."""

    def why_missing(self, env: str, name: str) -> str:
        """Return why an sls isn't there though something of its name is, or nothing."""
        base = name.replace(".", "/").lstrip("/")
        folders = [base, *(base.rsplit("/", up)[0] for up in range(1, base.count("/") + 1))]
        for path in (f"{base}.sls", f"{base}/init.sls", *folders, *(f"{folder}/" for folder in folders), ""):
            if why := self.left_out.get(f"{env}:{path}"):
                return why
        return ""

    def look(self) -> None:
        """See which files there are now."""
        self.left_out = {}
        fresh = stamps(self._roots, self._hidden, self.left_out)
        if fresh != self._stamps:
            self._stamps = fresh
            self._names.clear()
            self._matches.clear()

    @property
    def envs(self) -> list[str]:
        """The environments, ``base`` first, there or not."""
        return ["base", *(env for env in self._roots if env != "base")]

    def has(self, env: str) -> bool:
        """Return whether an environment has folders."""
        return bool(self._roots.get(env))

    def matching(self, env: str, glob: str) -> list[str]:
        """Return the sls names of an environment that a glob means, sorted. Raises ``KeyError`` for one unknown."""
        if env not in self._roots and env != "base":
            raise KeyError(env)
        known = self._matches.get((env, glob))
        if known is None:
            if env not in self._names:
                self._names[env] = sls_names(self._stamps.get(env, {}))
            known = self._matches[env, glob] = fnmatch.filter(self._names[env], glob)
        self.asked.add(LISTED if any(sign in glob for sign in "*?[") else f"{env}:{glob.replace('.', '/')}.sls")
        return known

    def find(self, env: str, path: str) -> Found | None:
        """Return a file. Raises ``FileServerError`` for one that is there and can't be read, with the reason."""
        try:
            check_path(path)
        except IdError:
            return None
        self.asked.add(f"{env}:{path}")
        identity = self._stamps.get(env, {}).get(path)
        if identity is None:
            return None
        kept = self._texts.get((env, path))
        if kept is None or kept[0] != identity:
            found = self._read(env, path)
            if found is None:
                return None
            kept = self._texts[env, path] = (identity, found)
        return kept[1]

    def sls(self, env: str, name: str) -> Found | None:
        """Return the file of an sls: ``a.b`` is ``a/b.sls``, or else ``a/b/init.sls``."""
        base = name.replace(".", "/").lstrip("/")
        return self.find(env, f"{base}.sls") or self.find(env, f"{base}/init.sls")

    def _read(self, env: str, path: str) -> Found | None:
        for root in self._roots.get(env, ()):
            try:
                descriptor = open_inside(root, path, self._ignored)
            except FileNotFoundError:
                continue
            with open(descriptor, "rb") as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
            place = os.path.join(root, path)
            if len(content) > MAX_FILE_BYTES:
                raise FileServerError(f"{place}: is over {MAX_FILE_BYTES:,} bytes: too large for pillar", path=place)
            try:
                return Found(path, place, content.decode())
            except UnicodeDecodeError:
                raise FileServerError(f"{place}: is not UTF-8 text", path=place) from None
        return None


def sls_names(paths: Mapping[str, object]) -> list[str]:
    """Return the names of the sls files among *paths*, sorted."""
    names = set()
    for path in paths:
        if path.endswith("/init.sls"):
            names.add(path.replace("/", ".")[:-9])
        elif path.endswith(".sls"):
            names.add(path.replace("/", ".")[:-4])
    return sorted(names)


def secret_files(options: Mapping[str, Any]) -> list[str]:
    """Return the files of ``pillar_roots`` that mark a secret. Raises ``ConfigError`` for what are no folders."""
    found = []
    for folder in (folder for folders in roots_of(options["pillar_roots"] or {}).values() for folder in folders):
        for path in scan(folder, "", MAX_FILES).files:
            try:
                with open(os.path.join(folder, path), "rb") as stream:
                    if b"!secret" in stream.read(LOOKED_AT_BYTES):
                        found.append(os.path.join(folder, path))
            except OSError:
                continue
    return found
