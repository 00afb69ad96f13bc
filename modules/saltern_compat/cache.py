"""``salt.cache``: values kept below ``cachedir``, by bank and key."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from saltern.errors import CommandError
from saltern.files import make_folder, write_atomic
from saltern.wire import pack_value, unpack_value


class Cache:
    """Keeps plain values in files: a bank is a folder, a key a file in it."""

    def __init__(self, opts: Any, cachedir: str | None = None, **kwargs: Any) -> None:
        self.opts = opts
        self._root = os.path.join(cachedir or opts["cachedir"], "cache")

    def _path(self, bank: str, key: str = "") -> str:
        parts = [part for part in bank.split("/") if part] + ([f"{key}.p"] if key else [])
        if any(part in (".", "..") or "\0" in part or "/" in part for part in parts):
            raise CommandError(f"{bank!r}, {key!r} is no place in the cache")
        return os.path.join(self._root, *parts)

    def store(self, bank: str, key: str, data: Any, expires: Any = None) -> None:
        """Keep a value. Raises ``OSError``."""
        path = self._path(bank, key)
        folder = self._root
        make_folder(folder, 0o700)
        for part in os.path.relpath(os.path.dirname(path), folder).split(os.sep):
            folder = os.path.join(folder, part)
            make_folder(folder, 0o700)
        write_atomic(path, pack_value(data), mode=0o600)

    def fetch(self, bank: str, key: str) -> Any:
        """Return a value; ``{}`` when there is none."""
        try:
            with open(self._path(bank, key), "rb") as stream:
                return unpack_value(stream.read())
        except FileNotFoundError:
            return {}

    def updated(self, bank: str, key: str) -> int | None:
        """Return when a value was kept, in seconds, or ``None``."""
        try:
            return int(os.stat(self._path(bank, key)).st_mtime)
        except OSError:
            return None

    def flush(self, bank: str, key: str | None = None) -> bool:
        """Forget a value, or a whole bank; return whether there was one."""
        path = self._path(bank, key or "")
        try:
            if key is None:
                from shutil import rmtree

                rmtree(path)
            else:
                os.unlink(path)
        except FileNotFoundError:
            return False
        return True

    def list(self, bank: str) -> list[str]:
        """Return the keys and banks in a bank."""
        try:
            return sorted(name.removesuffix(".p") for name in os.listdir(self._path(bank)))
        except OSError:
            return []

    def contains(self, bank: str, key: str | None = None) -> bool:
        """Return whether there is a value, or a bank."""
        return os.path.exists(self._path(bank, key or ""))

    def cache(self, bank: str, key: str, fun: Callable[..., Any], loop_fun: Any = None, **kwargs: Any) -> Any:
        """Return a value, made by *fun* and kept when there is none."""
        found = self.fetch(bank, key)
        if not found:
            found = fun(**{name: value for name, value in kwargs.items() if name != "expire_seconds"})
            self.store(bank, key, found)
        return found


def factory(opts: Any, **kwargs: Any) -> Cache:
    """Return what keeps values."""
    return Cache(opts, **kwargs)
