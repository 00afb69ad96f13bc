"""Folders of this host in place of the master's files: ``saltern-call --local --file-root DIR``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from saltern.digest import sha256
from saltern.errors import CommandError
from saltern_agent.jobs import Current
from saltern_agent.services import LocalServices

BASE = "base"
CHUNK_BYTES = 256 * 1024


class LocalFiles:
    """The files in *roots*, the first of them first; what isn't below its root is not served."""

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = [os.path.realpath(root) for root in roots]

    def request(self, command: str, kwargs: dict[str, Any]) -> Any:
        """Answer as the master does. Raises ``CommandError`` for what only a master can answer."""
        if command == "file_list":
            return self.names(kwargs.get("saltenv", BASE))
        if command == "file_hash":
            return self.hash(kwargs["path"], kwargs.get("saltenv", BASE))
        if command == "file_chunk":
            return {"data": self.chunk(kwargs["path"], kwargs["offset"], kwargs.get("saltenv", BASE))}
        raise CommandError(f"{command} needs the master: call it without --local")

    def names(self, saltenv: str = BASE) -> list[str]:
        """Return the paths of all files, sorted; there is one environment."""
        return sorted({name for root in self._roots for name in _below(root)}) if saltenv == BASE else []

    def hash(self, path: str, saltenv: str = BASE) -> dict[str, Any]:
        """Return ``{"hash_type", "hsum", "size", "commit"}`` of a file, an empty map when it isn't there."""
        place = self._place(path, saltenv)
        if place is None:
            return {}
        digest, size = sha256(), 0
        with open(place, "rb") as file:
            while data := file.read(CHUNK_BYTES):
                digest.update(data)
                size += len(data)
        return {"hash_type": "sha256", "hsum": digest.hexdigest(), "size": size, "commit": None}

    def chunk(self, path: str, offset: int, saltenv: str = BASE) -> bytes:
        """Return what a file has at *offset*; nothing when it isn't there."""
        place = self._place(path, saltenv)
        if place is None:
            return b""
        with open(place, "rb") as file:
            file.seek(offset)
            return file.read(CHUNK_BYTES)

    def _place(self, path: str, saltenv: str) -> str | None:
        for root in self._roots if saltenv == BASE else []:
            place = os.path.realpath(os.path.join(root, path))
            if place.startswith(f"{root}{os.sep}") and os.path.isfile(place):
                return place
        return None


class FileServices(LocalServices):
    """What ``saltern-call --local --file-root`` offers: files of this host in place of the master's."""

    def __init__(self, current: Current, files: LocalFiles) -> None:
        super().__init__(current)
        self._files = files

    def request(self, command: str, **kwargs: Any) -> Any:
        """Answer as the master does: ``file_list``, ``file_hash``, ``file_chunk``. Raises ``CommandError``."""
        return self._files.request(command, kwargs)

    def connected(self) -> bool:
        """Say that there is no master."""
        return False

    def __getattr__(self, name: str) -> Any:
        raise CommandError(f"{name} needs the master or the running agent: call it without --local")


def _below(root: str) -> Iterator[str]:
    for folder, _, files in os.walk(root):
        for name in files:
            yield os.path.relpath(os.path.join(folder, name), root)
