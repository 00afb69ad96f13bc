"""What changed in the key store on disk since the last look, whoever changed it, and nothing else is read.

``look`` goes by the folders' times, then by the files'; it may run in any thread. ``news`` says on the loop what a
look found; what the master itself wrote after that look began is newer and is left out.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from saltern.delegated import DELEGATED
from saltern.keystore import STATES, FileStamp, KeyStore

CLOCK_STEP_NS = 100_000_000
"""A file system's clock may stand still for this long: a folder that changed just now is listed again."""


class KeyFile(NamedTuple):
    """A key's file: its stamp, and the key, ``None`` when it holds none; of a device that is delegated: its hosts."""

    stamp: FileStamp
    key: str | None
    hosts: tuple[str, ...] = ()


class Folder(NamedTuple):
    """One state as a look found it; *stamp* is ``None`` when it may have changed again within the clock's step."""

    stamp: int | None
    files: dict[str, KeyFile]


class Look(NamedTuple):
    """What a look found: the folders that changed, and the ids in each that differ from *base*, the look before."""

    number: int
    base: dict[str, Folder]
    folders: dict[str, Folder]
    differing: dict[str, set[str]]


News = dict[str, dict[str, KeyFile | None]]
"""By state and id: the file that is there now, or ``None`` where there is none any more."""


_EMPTY = Folder(None, {})


class KeyWatch:
    """Watches the folders of *store*."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._folders: dict[str, Folder] = {}  # replaced whole, never changed: a look in a thread reads it
        self._lock = threading.Lock()
        self._begun = 0
        self._taken = 0
        self._written: dict[tuple[str, str], int] = {}

    def look(self, *, force: bool = False) -> Look:
        """Read what changed since the look that was last taken; *force*: all there is. Raises ``KeyStoreError``."""
        with self._lock:
            self._begun += 1
            look = Look(self._begun, self._folders, {}, {})
        for state in (*STATES, DELEGATED):
            stamp = self._store.stamp(state)
            old = look.base.get(state, _EMPTY)
            if stamp == old.stamp and not force:
                continue
            settled = time.time_ns() - stamp > CLOCK_STEP_NS
            files = {}
            for minion_id, file_stamp in self._store.listing(state).items():
                was = old.files.get(minion_id)
                if was is None or was.stamp != file_stamp or force:
                    was = self._read(state, minion_id, file_stamp)
                files[minion_id] = was
            look.folders[state] = Folder(stamp if settled else None, files)
            look.differing[state] = _differing(old, look.folders[state])
        return look

    def _read(self, state: str, minion_id: str, stamp: FileStamp) -> KeyFile:
        if state == DELEGATED:
            return KeyFile(stamp, None, self._store.delegated.hosts(minion_id))
        return KeyFile(stamp, self._store.key(state, minion_id))

    def news(self, look: Look) -> News:
        """Return what *look* found, in order of ids; nothing when a later one was taken before it."""
        news: News = {}
        if look.number <= self._taken:
            return news
        self._taken = look.number
        for state, folder in look.folders.items():
            known = [(name, number) for (in_state, name), number in self._written.items() if in_state == state]
            later = {name for name, number in known if number >= look.number}
            settled = {name for name, _ in known} - later
            differing = look.differing[state]
            if look.base is not self._folders:  # another look was taken while this one was made
                differing = _differing(self._folders.get(state, _EMPTY), folder)
            names = (differing | settled) - later
            news[state] = {name: folder.files.get(name) for name in sorted(names)}
            for name in settled:
                del self._written[state, name]
        self._folders = {**self._folders, **look.folders}
        return news

    def wrote(self, state: str, minion_id: str) -> None:
        """Note that the master itself has just written or removed this file."""
        self._written[state, minion_id] = self._begun


def _differing(old: Folder, new: Folder) -> set[str]:
    """Return the ids whose files aren't the same in both."""
    return {name for name in old.files.keys() | new.files.keys() if old.files.get(name) != new.files.get(name)}
