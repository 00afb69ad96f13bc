"""What a file server's backend offers, and the limits that all of them keep."""

from __future__ import annotations

from typing import NamedTuple, Protocol

CHUNK_BYTES = 1024 * 1024
"""The most that one read hands out."""

MAX_FILE_BYTES = 1024**3
"""The largest file that is served."""

MAX_FILES = 100_000
"""The most files that one folder or one remote may bring into an environment."""

MAX_NAMED = 1000
"""Of what a folder or a remote can't serve: so many are named."""

BASE = "base"
"""The environment that is always there, empty or not."""


PLAIN_MODE = 0o100644


class FileEntry(NamedTuple):
    """One file as it is now: ``hsum`` is the SHA-256 of its content in hex, ``commit`` where git gave it.

    ``mode`` is as ``stat`` says it: kind and permissions.
    """

    path: str
    hsum: str
    size: int
    commit: str | None
    mode: int = PLAIN_MODE


class Folders(NamedTuple):
    """The folders of an environment, empty ones among them, and where links lead to, all by path."""

    folders: set[str]
    empty: set[str]
    links: dict[str, str]


class Backend(Protocol):
    """A source of files by environment and path; every method may be called from any thread.

    Environments and paths have been checked against their grammars before a backend sees them.
    """

    name: str

    def update(self) -> bool:
        """Look for changes at the source and return whether what is served changed.

        It blocks (disk, network), so it belongs in a thread. A source that fails is logged and keeps what it had.
        """

    def envs(self) -> list[str]:
        """Return the environments that this backend may have files for."""

    def paths(self, saltenv: str, folder: str = "") -> list[str]:
        """Return the sorted paths of the files in *saltenv*, or only those below *folder*."""

    def folders(self, saltenv: str) -> Folders:
        """Return the folders of *saltenv*, and the links in it that are served."""

    def left_out(self, saltenv: str, folder: str = "") -> dict[str, str]:
        """Return what is in *saltenv*, or only below *folder*, and can't be served, by path, each with the reason.

        At most ``MAX_NAMED`` of them. Names that are no text for the wire are made so.
        """

    def entry(self, saltenv: str, path: str) -> FileEntry | None:
        """Return the file at *path*, or ``None`` when there is none.

        Raises ``FileServerError`` for one that is there but can't be served.
        """

    def read(self, saltenv: str, path: str, hsum: str, offset: int, size: int) -> bytes | None:
        """Return up to *size* bytes from *offset* of the content whose SHA-256 is *hsum*.

        ``None`` when the file is gone or has other content by now. Raises ``FileServerError`` when it can't be read.
        """

    def counts(self) -> dict[str, float]:
        """Return the backend's own numbers for the master's metrics, by short name."""
