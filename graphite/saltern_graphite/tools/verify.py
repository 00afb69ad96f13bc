"""Looking for what is wrong in a tree of Whisper files, without writing anything."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache

from saltern_graphite.rules.metric_name import SUFFIX
from saltern_graphite.store.store import MAX_AHEAD_S
from saltern_graphite.tools.attendance import Stop
from saltern_graphite.tools.contents import opened, read_contents
from saltern_graphite.tools.places import Rules, describe
from saltern_graphite.tools.progress import Progress
from saltern_graphite.tools.tree import Found, Selection, walk
from saltern_graphite.whisper.file import CompressedFile, CorruptFile, Layout, read_layout
from saltern_graphite.whisper.ring import read_base, read_ring

KINDS = ("corrupt", "compressed", "timestamps", "stale", "mismatched", "leftover", "set_aside", "unreadable")
"""What can be wrong:

``corrupt``      the header makes no sense, or the file is shorter than it says
``compressed``   go-carbon's own format (``compressed = true``): the server leaves it as it is, and drops its points
``timestamps``   slots hold times that do not belong there, or are over a day ahead
``stale``        the newest point is older than was asked for
``mismatched``   another layout than the rules say; see resize
``leftover``     a temporary file that its program did not come to remove
``set_aside``    a damaged file that the server renamed, to begin a new one
``unreadable``   the system would not let us look
"""
LEFTOVER_AFTER_S = 60.0  # a younger temporary file may be about to become whole
AGAIN_AFTER_S = 0.1  # a slot seen while it is being written is right a moment later

_SET_ASIDE = re.compile(r"\.corrupt-\d+\Z")
_LEFTOVER = re.compile(r"\A\..*(new|tmp)\Z|\A\.new|\.wsp\.(tmp|bak)\Z")


@dataclass(frozen=True, slots=True)
class Finding:
    """That the file or folder at *path* has a fault of one of :data:`KINDS`, and what it is in words."""

    path: str
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Verify:
    """What is looked for. *rules*: ``None`` for no comparison with schemas; *stale_s*: 0 for any age.

    Headers, and the first slot of each archive, are always looked at; with *deep* every slot is.
    """

    root: str
    selection: Selection
    rules: Rules | None = None
    stale_s: float = 0.0
    deep: bool = False

    def run(self, stop: Stop, progress: Progress) -> Generator[Finding, None, None]:
        """Yield what is wrong, in the order of the tree. Between files *stop* is looked at."""
        unreadable: list[Finding] = []
        found = walk(
            self.root,
            self.selection,
            lambda path, why: unreadable.append(Finding(path, "unreadable", why)),
            others=True,
        )
        for file in found:
            if file.relative.endswith(SUFFIX):
                progress.step()
                yield from self._file(file)
            else:
                yield from _other(file)
            yield from unreadable
            unreadable.clear()
            if stop:
                break
        yield from unreadable

    def _file(self, file: Found) -> Iterator[Finding]:
        try:
            with opened(file.path) as fd:
                yield from self._open_file(fd, file)
        except FileNotFoundError:  # renamed or removed since the folder was read, unless it is a link
            if os.path.islink(file.path):
                yield Finding(file.path, "unreadable", "a link to a file that isn't there")
        except CompressedFile:
            yield Finding(file.path, "compressed", "in go-carbon's compressed format, which is not read here")
        except CorruptFile as error:
            yield Finding(file.path, "corrupt", str(error).removeprefix(f"{file.path}: "))
        except OSError as error:
            yield Finding(file.path, "unreadable", error.strerror or str(error))

    def _open_file(self, fd: int, file: Found) -> Iterator[Finding]:
        now = int(time.time())
        layout = read_layout(fd, file.path)
        refused = _refused(layout)
        if refused:
            raise CorruptFile(refused)
        if why := self._bad_times(fd, file.path, layout, now):
            time.sleep(AGAIN_AFTER_S)
            if self._bad_times(fd, file.path, layout, now):
                yield Finding(file.path, "timestamps", why)
        if self.rules and file.metric:
            wanted = self.rules.layout(file.metric)
            if (is_so := describe(layout)) != (should := describe(wanted)):
                yield Finding(file.path, "mismatched", f"is {is_so}, the rules say {should}")
        if self.stale_s:
            newest = _newest(fd, file.path, layout, now)
            if newest < now - self.stale_s:
                yield Finding(file.path, "stale", f"newest point is {now - newest} s old" if newest else "has no point")

    def _bad_times(self, fd: int, path: str, layout: Layout, now: int) -> str:
        """Return what is wrong with the times in the slots; ``""`` when nothing is."""
        if self.deep:
            impossible = read_contents(fd, path, now).impossible
            return f"{impossible} slots hold a time that can't be there" if impossible else ""
        for number, archive in enumerate(layout.archives):
            base = read_base(fd, path, archive)
            if base % archive.step or base > now + MAX_AHEAD_S:
                return f"archive {number}, of {archive.step} s, begins with the time {base}"
        return ""


def _newest(fd: int, path: str, layout: Layout, now: int) -> int:
    """Return the time of the newest point; the finest archive that has any tells it."""
    for archive in layout.archives:
        times = read_ring(fd, path, archive)["time"]
        times = times[times <= now + MAX_AHEAD_S]
        if len(times) and times.max():
            return int(times.max())
    return 0


def _other(file: Found) -> Iterator[Finding]:
    name = os.path.basename(file.path)
    if _SET_ASIDE.search(name):
        yield Finding(file.path, "set_aside", "damaged, and set aside by the server: look at it, then remove it")
    elif _LEFTOVER.search(name):
        try:
            age_s = time.time() - os.lstat(file.path).st_mtime
        except OSError:
            return
        if age_s > LEFTOVER_AFTER_S:
            yield Finding(file.path, "leftover", f"a temporary file, {age_s:.0f} s old: no metric, may be removed")


@lru_cache(maxsize=256)
def _refused(layout: Layout) -> str:
    """Return why the whisper library would not make a file of these archives; ``""`` when it would."""
    import whisper  # see rebuilt_file

    try:
        whisper.validateArchiveList([(archive.step, archive.points) for archive in layout.archives])
    except whisper.InvalidConfiguration as error:
        return f"the header's archives can't be: {error}"
    return ""
