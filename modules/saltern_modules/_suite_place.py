"""Where a suite runs: a private folder of its own, with what the file server has of it, gone afterwards.

Whoever runs in a folder holds a lock of it, which the kernel lets go of when he is killed: what is left of such a run
goes when the next one begins.
"""

from __future__ import annotations

import fcntl
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
    lock = -1
    try:
        os.makedirs(above, mode=0o711, exist_ok=True)
        with _held(above):
            _sweep(above)
            folder = tempfile.mkdtemp(dir=above)
            lock = _locked(folder)
        if account is not None and not account.is_own:
            os.chown(folder, account.uid, account.gid)
    except OSError as error:
        if lock >= 0:
            os.close(lock)
        raise CommandError(f"suite.run: {above}: {error.strerror}") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


@contextmanager
def _held(folder: str) -> Iterator[None]:
    """Keep others out while folders come and go in *folder*."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _locked(folder: str) -> int:
    """Return a descriptor that has the lock of *folder*. Raises ``OSError`` when somebody else has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep(above: str) -> None:
    """Remove the folders of runs that are no more."""
    import shutil

    for name in os.listdir(above):
        folder = os.path.join(above, name)
        try:
            lock = _locked(folder)
        except OSError:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


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
