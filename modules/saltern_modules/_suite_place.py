"""Where a suite runs: a private folder of its own, with what the file server has of it, gone afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from saltern.errors import CommandError
from saltern_modules._account import Account

SCHEME = "salt://"
MAX_FILES = 5000
FOLDER_MODE = 0o700
READABLE = 0o600
RUNNABLE = 0o700


@contextmanager
def place(cachedir: str, account: Account | None) -> Iterator[str]:
    """Give a folder of *account*'s alone, which is removed with all that is in it. Raises ``CommandError``."""
    import shutil
    import tempfile

    above = os.path.join(cachedir, "suites")
    try:
        os.makedirs(above, mode=0o711, exist_ok=True)
        folder = tempfile.mkdtemp(dir=above)
        if account is not None and not account.is_own:
            os.chown(folder, account.uid, account.gid)
    except OSError as error:
        raise CommandError(f"suite.run: {above}: {error.strerror}") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetched(
    source: str, folder: str, saltenv: str, functions: Mapping[str, Callable[..., Any]], account: Account | None
) -> str:
    """Fetch the file or folder *source* of the file server into *folder*; return what is to be run.

    A file whose first two bytes are ``#!`` may be executed. Raises ``CommandError`` when there is nothing.
    """
    name = source.removeprefix(SCHEME).rstrip("/")
    every = functions["cp.list_master"](saltenv, f"{name}/") if name else []
    inside = [path for path in every if path.startswith(f"{name}/")]
    if len(inside) > MAX_FILES:
        raise CommandError(f"suite.run: {source} has {len(inside):,} files: a suite has at most {MAX_FILES:,}")
    if not inside:
        target = os.path.join(folder, os.path.basename(name))
        _take(f"{SCHEME}{name}", target, saltenv, functions, account)
        return target
    top = os.path.join(folder, os.path.basename(name))
    for path in inside:
        target = os.path.join(top, *path.removeprefix(f"{name}/").split("/"))
        _make(os.path.dirname(target), folder, account)
        _take(f"{SCHEME}{path}", target, saltenv, functions, account)
    return top


def _take(
    url: str, target: str, saltenv: str, functions: Mapping[str, Callable[..., Any]], account: Account | None
) -> None:
    import shutil

    cached = functions["cp.cache_file"](url, saltenv)
    if not cached:
        raise CommandError(f"suite.run: the file server has no {url} in environment {saltenv}")
    with open(cached, "rb") as stream:
        runnable = stream.read(2) == b"#!"
        stream.seek(0)
        with open(target, "xb") as copy:
            os.fchmod(copy.fileno(), RUNNABLE if runnable else READABLE)
            if account is not None and not account.is_own:
                os.fchown(copy.fileno(), account.uid, account.gid)
            shutil.copyfileobj(stream, copy)


def _make(path: str, top: str, account: Account | None) -> None:
    """Make the folder *path* below *top*, and those between."""
    if path == top or os.path.isdir(path):
        return
    _make(os.path.dirname(path), top, account)
    os.mkdir(path, FOLDER_MODE)
    if account is not None and not account.is_own:
        os.chown(path, account.uid, account.gid)
