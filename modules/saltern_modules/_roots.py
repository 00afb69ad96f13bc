"""Files of this host in place of the master's: ``file_client: local`` and ``file_roots: {base: [/srv/saltern]}``.

The first folder of an environment that has a file wins. What a link leads to outside of its folder isn't there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any

from saltern.digest import sha256
from saltern.errors import CommandError
from saltern.named import NamedTuple

BASE = "base"
CHUNK_BYTES = 256 * 1024
MAX_ENTRIES = 100_000
"""Files and folders of one environment; what is beyond them isn't listed."""

HIDDEN = frozenset({".git", ".hg", ".svn", "__pycache__"})


class Listing(NamedTuple):
    """What is in an environment, each sorted: paths of files and folders, empty ones, and where links lead to."""

    files: list[str]
    folders: list[str]
    empty: list[str]
    links: dict[str, str]


class Roots:
    """Answers as the master does, for files of this host."""

    def __init__(self, roots: Any) -> None:
        """*roots* is the option ``file_roots``. Raises ``CommandError`` for one that can't be understood."""
        if not isinstance(roots, Mapping) or not all(isinstance(folders, list) for folders in roots.values()):
            raise CommandError(f"file_roots must be a map of lists, as in {{base: [/srv/saltern]}}, not {roots!r:.80}")
        for env, folders in roots.items():
            if not all(isinstance(folder, str) and folder for folder in folders):
                raise CommandError(f"file_roots: {env}: must be a list of folders, as in [/srv/saltern]")
        self._roots = {str(env): [os.path.realpath(folder) for folder in roots[env]] for env in roots}

    def request(self, command: str, **kwargs: Any) -> Any:
        """Answer as the master does. Raises ``CommandError`` for what only a master can answer."""
        saltenv = kwargs.get("saltenv", BASE)
        if command == "file_list":
            return self.listing(saltenv).files
        if command == "file_dirs":
            return {"dirs": (found := self.listing(saltenv)).folders, "empty": found.empty, "links": found.links}
        if command == "file_envs":
            return sorted(self._roots)
        if command == "file_hash":
            return self.hash(kwargs["path"], saltenv)
        if command == "file_chunk":
            return self.chunk(kwargs["path"], kwargs["offset"], saltenv)
        raise CommandError(f"{command} needs the master: there is none with file_client: local")

    def listing(self, saltenv: str = BASE) -> Listing:
        """Return what is in an environment, nothing for one that isn't there."""
        files: set[str] = set()
        folders: set[str] = set()
        empty: set[str] = set()
        links: dict[str, str] = {}
        for root in self._roots.get(saltenv, ()):
            for path, kind, target in _below(root, "", frozenset({root})):
                if len(files) + len(folders) >= MAX_ENTRIES:
                    break
                if target:
                    links.setdefault(path, target)
                (files if kind == "file" else folders).add(path)
                if kind == "empty":
                    empty.add(path)
        return Listing(sorted(files), sorted(folders), sorted(empty), dict(sorted(links.items())))

    def hash(self, path: str, saltenv: str = BASE) -> dict[str, Any]:
        """Return ``{"hash_type", "hsum", "size", "commit", "mode"}`` of a file, an empty map when it isn't there."""
        place = self._place(path, saltenv)
        if place is None:
            return {}
        digest, size = sha256(), 0
        with open(place, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            while data := file.read(CHUNK_BYTES):
                digest.update(data)
                size += len(data)
        return {"hash_type": "sha256", "hsum": digest.hexdigest(), "size": size, "commit": None, "mode": mode}

    def chunk(self, path: str, offset: int, saltenv: str = BASE) -> dict[str, Any]:
        """Return what a file has at *offset* as ``data``, nothing when it isn't there, and its ``size``."""
        place = self._place(path, saltenv)
        if place is None:
            return {"data": b"", "size": 0}
        with open(place, "rb") as file:
            file.seek(offset)
            return {"data": file.read(CHUNK_BYTES), "size": os.fstat(file.fileno()).st_size}

    def _place(self, path: str, saltenv: str) -> str | None:
        for root in self._roots.get(saltenv, ()):
            place = os.path.realpath(os.path.join(root, path))
            if place.startswith(f"{root.rstrip('/')}/") and os.path.isfile(place):
                return place
        return None


def _below(root: str, folder: str, above: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """Yield path, kind (``file``, ``folder``, ``empty``) and a link's target of what is below *folder* of *root*.

    *above* are the real places of the folders that it is in: a link to one of them leads round in a circle.
    """
    try:
        entries = sorted(os.scandir(os.path.join(root, folder)), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.name in HIDDEN:
            continue
        try:
            target = os.readlink(entry.path) if entry.is_symlink() else ""
            place = os.path.realpath(entry.path)
            mode = os.stat(place).st_mode
            path.encode()  # a name that is no UTF-8 can't be asked for
        except (OSError, UnicodeEncodeError):
            continue
        if not place.startswith(f"{root.rstrip('/')}/"):
            continue
        if stat.S_ISREG(mode):
            yield path, "file", target
        elif stat.S_ISDIR(mode) and place not in above:
            yield path, "folder" if os.listdir(place) else "empty", target
            yield from _below(root, path, above | {place})
