"""A file of ``user:hash`` lines, edited: one user's line changes, all others stay as they are, byte by byte.

Whoever reads it meanwhile has the old file or the new one, whole. It is its owner's alone afterwards.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from saltern.errors import CommandError, os_errors
from saltern.files import open_file, write_private
from saltern.visible import shown
from saltern_master.auth import passwords

MAX_BYTES = 4 * 1024 * 1024
MAX_NAME = 256
COMMENT = "#"


class PasswordFile:
    """The file at *path*, whose fields *separator* parts."""

    def __init__(self, path: str, separator: str = ":") -> None:
        self.path = path
        self._separator = separator

    def set(self, user: str, password: str) -> None:
        """Give *user*, who need not be there yet, a password.

        Raises ``CommandError`` for a name that can't be in the file, and when that can't be read or written.
        """
        self._check(user)
        line = f"{user}{self._separator}{passwords.hashed(password)}".encode()
        with self._locked():
            lines, at = self._without(user)
            lines.insert(at, line)
            self._write(lines)

    def delete(self, user: str) -> bool:
        """Take *user* out; return whether he was there. Raises ``CommandError``."""
        self._check(user)
        with self._locked():
            before = self._lines()
            lines, _ = self._without(user)
            if len(lines) == len(before):
                return False
            self._write(lines)
            return True

    def users(self) -> list[str]:
        """Return the names in the file, each once. Raises ``CommandError``."""
        names = (self._name(line) for line in self._lines())
        return sorted({name for name in names if name})

    def _without(self, user: str) -> tuple[list[bytes], int]:
        """Return the lines that aren't *user*'s, and where the first of his was, or else a new one goes."""
        lines = self._lines()
        own = [number for number, line in enumerate(lines) if self._name(line) == user]
        return [line for number, line in enumerate(lines) if number not in own], own[0] if own else len(lines)

    def _name(self, line: bytes) -> str:
        text = line.decode("utf-8", "surrogateescape").strip()
        return "" if text.startswith(COMMENT) else text.split(self._separator)[0]

    def _lines(self) -> list[bytes]:
        try:
            with os_errors(CommandError, self.path, "can't be read"):
                try:
                    descriptor = open_file(self.path)
                except FileNotFoundError:
                    return []
                with open(descriptor, "rb") as stream:
                    data = stream.read(MAX_BYTES + 1)
        except ValueError as error:  # a NUL in its name
            raise CommandError(f"{self.path!r}: can't be read: {error}") from None
        if len(data) > MAX_BYTES:
            raise CommandError(f"{self.path}: is over {MAX_BYTES:,} bytes: a file of passwords is smaller")
        return data.removesuffix(b"\n").split(b"\n") if data else []

    def _write(self, lines: list[bytes]) -> None:
        data = b"".join(line + b"\n" for line in lines)
        if len(data) > MAX_BYTES:
            raise CommandError(f"{self.path}: would be over {MAX_BYTES:,} bytes: nothing was changed")
        with os_errors(CommandError, self.path, "can't be written"):
            write_private(self.path, data)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep others who edit it out; the folder is locked, since the file itself is replaced."""
        with os_errors(CommandError, self.path, "can't be written"):
            folder = os.open(os.path.dirname(self.path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _check(self, user: str) -> None:
        if not user or len(user) > MAX_NAME or not user.isprintable() or user != user.strip():
            raise CommandError(f"user {shown(user, 80)} is not valid: use up to {MAX_NAME} letters and signs")
        if self._separator in user or user.startswith((COMMENT, "^")) or user.endswith("%"):
            raise CommandError(
                f"user {shown(user, 80)} is not valid: no {self._separator} in it, no # or ^ before it, no % behind it"
            )
