"""Sending files of this host to the master: to be kept there (``cp.push``), or for other minions (``cp.send``)."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from saltern.errors import CallFailed, ChannelError, CommandError, NotAuthorised, UsageError, os_errors
from saltern.files import open_file, open_folder
from saltern_modules._agent import Agent

log = logging.getLogger(__name__)

CHUNK_BYTES = 512 * 1024
PATIENCE_S = 120.0
"""How long the master may be away before a file is given up."""
AGAIN_S = 0.5
MIN_RATE = 1024

T = TypeVar("T")


def push(agent: Agent, path: str, upload_path: str, remove: str) -> bool:
    """Have the master keep the file *path* as *upload_path*; ``False`` when it takes none, or none that large.

    *remove*: a name of the file that goes when the master has it. Raises ``CommandError``.
    """
    name = os.path.normpath(upload_path.lstrip("/")).lstrip("/")
    with os_errors(CommandError, path, f"can't read {path}", called="cp.push"):
        file = open_file(path)
        try:
            size, hsum = _digest(file)
            about = {"path": name, "hsum": hsum, "size": size}
            answer = _asked(lambda: agent.request("push_begin", **about), path)
            while "done" not in answer:
                if "refused" in answer:
                    log.error("cp.push: %s: %s", path, answer["refused"])
                    return False
                data = os.pread(file, min(CHUNK_BYTES, size - answer["have"]), answer["have"])
                if not data:
                    raise CommandError(f"cp.push: {path} became shorter while it was sent: push it again")
                answer = _written(agent, about, answer["have"], data, path)
            if remove:
                _remove(remove, file)
        finally:
            os.close(file)
    return True


def _remove(path: str, file: int) -> None:
    """Remove *path* when that is still the open *file*: another one isn't on the master."""
    folder, name = os.path.split(path)
    at = open_folder(folder)
    try:
        if not os.path.samestat(os.stat(name, dir_fd=at), os.fstat(file)):
            raise CommandError(f"cp.push: {path} is another file by now: it is kept")
        os.unlink(name, dir_fd=at)
    finally:
        os.close(at)


def _written(agent: Agent, about: dict[str, Any], offset: int, data: bytes, path: str) -> Any:
    """Return the answer to a chunk; after the master was away, or another push wrote to it, to where it stopped."""
    try:
        return agent.request("push_write", **about, offset=offset, data=data)
    except NotAuthorised as error:
        raise CommandError(f"cp.push: {path}: {error}") from None
    except ChannelError as error:
        answer = _asked(lambda: agent.request("push_begin", **about), path)
        if isinstance(error, CallFailed) and answer.get("have") == offset:
            raise CommandError(f"cp.push: {path}: {error}") from None
        return answer


def _asked(ask: Callable[[], T], path: str) -> T:
    """Return what *ask* returns, tried again while the master is away. Raises ``CommandError``."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except (CallFailed, NotAuthorised) as error:
            raise CommandError(f"{path}: {error}") from None
        except ChannelError as error:
            if time.monotonic() > until:
                raise CommandError(f"{path}: {error}: send it again, it goes on from here") from None
            time.sleep(AGAIN_S)


def _digest(file: int) -> tuple[int, str]:
    from saltern.digest import sha256  # loaded when the first file is sent

    digest, size = sha256(), 0
    while data := os.pread(file, CHUNK_BYTES, size):
        digest.update(data)
        size += len(data)
    return size, digest.hexdigest()


def send(agent: Agent, upload: str, paths: list[str], rate: int) -> dict[str, Any]:
    """Send files and folders under the id *upload*, at most *rate* bytes a second (0: no bound).

    Returns what ``cp.send`` does. Raises ``CommandError``.
    """
    from saltern.parcel import Parcel

    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        raise CommandError("cp.send: name the files and folders in a list")
    for path in paths:
        if not os.path.isabs(path):
            raise CommandError(f"{path}: a file of a minion has an absolute path")
    try:
        parcel = Parcel(paths, safely=True)
        have = _announced(agent, upload, parcel)
        while have < parcel.size:
            have = _sent(agent, upload, parcel, have, rate)
    except UsageError as error:
        raise CommandError(str(error)) from None
    listing = len(parcel.listing)
    return {"hsum": parcel.hsum, "listing_size": listing, "size": parcel.size, "skipped": parcel.skipped[:1000]}


def _announced(agent: Agent, upload: str, parcel: Any) -> int:
    about = {"upload": upload, "hsum": parcel.hsum, "size": parcel.size}
    have: int = _asked(lambda: agent.request("upload_announce", **about), "cp.send")
    return have


def _sent(agent: Agent, upload: str, parcel: Any, start: int, rate: int) -> int:
    """Send what there is from *start* on, until the master goes away; return how many bytes it has then."""
    have = start
    began = time.monotonic()
    most = max(MIN_RATE, min(CHUNK_BYTES, rate // 4)) if rate else CHUNK_BYTES
    for data in _small(parcel.chunks(start), most):
        try:
            have = agent.request("upload_write", upload=upload, offset=have, data=data)
        except NotAuthorised as error:
            raise CommandError(f"cp.send: {error}") from None
        except ChannelError as error:
            before, have = have, _announced(agent, upload, parcel)
            if isinstance(error, CallFailed) and have == before:  # else an earlier call of ours is still at it
                raise CommandError(f"cp.send: {error}") from None
            return have
        if rate:
            time.sleep(max(0.0, began + (have - start) / rate - time.monotonic()))
    return have


def _small(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    for chunk in chunks:
        for at in range(0, len(chunk), most):
            yield chunk[at : at + most]
