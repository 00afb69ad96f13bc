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

from saltern.complaints import Complaints
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
    complaints: Complaints | None = None,
) -> Scanned:
    """Call *found* with every series that the files under *whisper_dir* name; ends early when *stop* is set.

    With *since*, in epoch seconds, folders that did not change after that are passed over, :data:`SLACK_S` earlier to
    be sure. That costs a status for each of 4096 folders, however many series there are. Those without a Whisper file
    are looked at again all the same: *hollow* has them, and keeps those that are so now; whoever copies a tree may make
    the folders first. A missing folder is an empty one; one that can't be read is told to *complaints* and passed over.
    """
    scanned = Scanned()
    if complaints is None:
        complaints = Complaints(log, logging.WARNING)
    tree = _Tree(whisper_dir, set() if hollow is None else hollow, complaints)
    for relative in tree.files(stop, since - SLACK_S):
        name = name_of_file(relative)
        if name is None:
            scanned.hashed += 1
        else:
            scanned.named += 1
            found(name)
    if not since and (scanned.named or scanned.hashed):
        log.info("tagged files: %d named by their series, %d by its hash", scanned.named, scanned.hashed)
    return scanned


@dataclass(frozen=True, slots=True)
class _Tree:
    """The tree at *whisper_dir*; paths are relative to it. See :func:`scan`."""

    whisper_dir: str
    hollow: set[str]
    complaints: Complaints

    def files(self, stop: threading.Event, since: float) -> Iterator[str]:
        """Yield the Whisper files two folders down in ``_tagged``, as ``_tagged/xxx/yyy/file.wsp``: those that changed.

        With *since*, of folders that did. Also what is in those that were hollow.
        """
        before = sorted(self.hollow)
        self.hollow.clear()
        if self._changed(FOLDER, since):  # it was moved here, or a folder to it, with all there is below
            since = 0.0
        for first in self._entries(FOLDER):
            if stop.is_set():
                return
            if not self._changed(f"{FOLDER}/{first}", since):
                continue
            for second in self._entries(f"{FOLDER}/{first}"):
                folder = f"{FOLDER}/{first}/{second}"
                if self._changed(folder, since):
                    yield from self._files_in(folder)
        for folder in before:
            if folder not in self.hollow and not stop.is_set():
                yield from self._files_in(folder)

    def _files_in(self, folder: str) -> list[str]:
        names = [name for name in self._entries(folder) if name.endswith(SUFFIX)]
        if not names and len(self.hollow) < MAX_HOLLOW and os.path.isdir(os.path.join(self.whisper_dir, folder)):
            self.hollow.add(folder)
        return [f"{folder}/{name}" for name in names]

    def _changed(self, folder: str, since: float) -> bool:
        if since <= 0:
            return True
        try:
            return os.stat(os.path.join(self.whisper_dir, folder)).st_ctime >= since
        except OSError:  # gone, or to be complained about by who reads it
            return True

    def _entries(self, folder: str) -> list[str]:
        try:
            return os.listdir(os.path.join(self.whisper_dir, folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self.complaints.say("unread", "tags: %s can't be read: %s", folder, error.strerror)
            return []
