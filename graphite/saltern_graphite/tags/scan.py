"""Tagged series that are in a Whisper tree already, by the names of their files.

Carbon names the file of a tagged series by the hash of its name, which tells nothing, or, with
``TAG_HASH_FILENAMES = False``, by the name itself. Only the latter can be found here.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from saltern_graphite.rules.metric_name import SUFFIX
from saltern_graphite.tags.tagged_name import FOLDER, name_of_file

SLACK_S = 5.0
"""A file may come a moment after its folder, and clocks of file systems tick slowly."""
MAX_HOLLOW = 100_000
"""So many folders that a file is still to come into are remembered."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Scanned:
    """What a scan found: files whose name tells their series, and files that tell nothing."""

    named: int = 0
    hashed: int = 0


def scan(
    whisper_dir: str,
    found: Callable[[str], None],
    stop: threading.Event,
    since: float = 0.0,
    hollow: set[str] | None = None,
) -> Scanned:
    """Call *found* with every series that the files under *whisper_dir* name; ends early when *stop* is set.

    With *since*, in epoch seconds, folders that did not change after that are passed over, :data:`SLACK_S` earlier to
    be sure. That costs a status for each of 4096 folders, however many series there are. Those without a Whisper file
    are looked at again all the same: *hollow* has them, and keeps those that are so now; whoever copies a tree may make
    the folders first. A missing folder is an empty one; one that can't be read is named in the log and passed over.
    """
    scanned = Scanned()
    for relative in _files(whisper_dir, stop, since - SLACK_S, set() if hollow is None else hollow):
        name = name_of_file(relative)
        if name is None:
            scanned.hashed += 1
        else:
            scanned.named += 1
            found(name)
    if not since and (scanned.named or scanned.hashed):
        log.info("tagged files: %d named by their series, %d by its hash", scanned.named, scanned.hashed)
    return scanned


def _files(whisper_dir: str, stop: threading.Event, since: float, hollow: set[str]) -> Iterator[str]:
    """The Whisper files two folders down in ``_tagged``, as ``_tagged/xxx/yyy/file.wsp``, of those that changed."""
    before = sorted(hollow)
    hollow.clear()
    if _changed(whisper_dir, FOLDER, since):  # it was moved here, or a folder to it, with all there is below
        since = 0.0
    for first in _entries(whisper_dir, FOLDER):
        if stop.is_set():
            return
        if not _changed(whisper_dir, f"{FOLDER}/{first}", since):
            continue
        for second in _entries(whisper_dir, f"{FOLDER}/{first}"):
            folder = f"{FOLDER}/{first}/{second}"
            if _changed(whisper_dir, folder, since):
                yield from _files_in(whisper_dir, folder, hollow)
    for folder in before:
        if folder not in hollow and not stop.is_set():
            yield from _files_in(whisper_dir, folder, hollow)


def _files_in(whisper_dir: str, folder: str, hollow: set[str]) -> list[str]:
    """The Whisper files in *folder*, which is *hollow* without any."""
    names = [name for name in _entries(whisper_dir, folder) if name.endswith(SUFFIX)]
    if not names and len(hollow) < MAX_HOLLOW and os.path.isdir(os.path.join(whisper_dir, folder)):
        hollow.add(folder)
    return [f"{folder}/{name}" for name in names]


def _changed(whisper_dir: str, folder: str, since: float) -> bool:
    if since <= 0:
        return True
    try:
        return os.stat(os.path.join(whisper_dir, folder)).st_ctime >= since
    except OSError:  # gone, or to be complained about by who reads it
        return True


def _entries(whisper_dir: str, folder: str) -> list[str]:
    try:
        return os.listdir(os.path.join(whisper_dir, folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        log.warning("tags: %s can't be read: %s", folder, error.strerror)
        return []
