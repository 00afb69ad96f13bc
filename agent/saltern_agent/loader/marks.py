"""What is being loaded now, on disk: a file that ends the process is known by its mark at the next start.

``os._exit``, a signal to itself or a fault in an extension can't be caught. Whoever starts the agent again would have
it end again, for ever. So each file of a folder is marked for as long as it is run, with the digest of what it holds. A
mark that is found at a start makes its file a suspect; one that is found again, for the same file, has it refused until
it changes. The first is forgiven because an agent may be killed from outside at any moment; a load that comes to an end
takes away all suspicion. Suspects are loaded one at a time, so that what was loaded beside one is not refused for it.

The file is msgpack: ``{"loading": [[name, digest], …], "ended": {name: [digest, times], …}}``; there is none while
nothing is loaded and nothing suspect.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from saltern.errors import WireError
from saltern.files import make_folder, open_file, write_atomic
from saltern.wire import pack_value, unpack_value
from saltern_agent.loader.module import Deadly

log = logging.getLogger(__name__)

REFUSED_AFTER = 2  # times that the agent ended
MAX_ENDED = 100  # suspects and refused ones; the oldest are forgotten
MAX_FILE_BYTES = 1024 * 1024
ALONE_S = 2.0  # how long a suspect waits for another one; less than one waits for a module

Mark = tuple[str, str]
"""What is loaded, a path or a step of its load, and its digest."""


def virtual_of(path: str) -> str:
    """Return what the call of ``__virtual__`` of the module at *path* is marked as."""
    return f"{path}: __virtual__"


def init_of(path: str) -> str:
    """Return what the call of ``__init__`` of the module at *path* is marked as."""
    return f"{path}: __init__"


class Marks:
    """The marks in the file *path* (``""``: none are kept). Safe for several threads.

    With *keep* those that are found count, and new ones are made; else, in a process whose end hurts nobody, it is only
    looked up what is refused. Nothing here fails when the file can't be read or written.
    """

    def __init__(self, path: str = "", *, keep: bool = False) -> None:
        self._path = path
        self._keep = keep and bool(path)
        self._lock = threading.Lock()
        self._alone = threading.RLock()
        self._stacks: dict[int, list[Mark]] = {}  # by thread, the innermost last
        self._ended: dict[str, tuple[str, int]] | None = None  # read when it is first asked for

    @contextmanager
    def loading(self, name: str, digest: str) -> Iterator[None]:
        """Mark *name* while the block runs. Raises ``Deadly`` when just this has ended the agent before."""
        known, times = self._known().get(name, ("", 0))
        if known != digest:
            times = 0
        if times >= REFUSED_AFTER:
            raise Deadly(name)
        if not self._keep or (times and not self._alone.acquire(timeout=ALONE_S)):
            yield  # beside another suspect, that one is marked alone
            return
        try:
            self._begin((name, digest))
            try:
                yield
            finally:
                self._end()
        finally:
            if times:
                self._alone.release()

    def times(self, name: str) -> int:
        """Return how often the agent ended with *name*, as far as that matters still, whatever it holds now."""
        return self._known().get(name, ("", 0))[1]

    def refuses(self, path: str) -> bool:
        """Return whether the file at *path*, or a function of its load, was refused when this process looked first."""
        return max(self.times(step) for step in (path, virtual_of(path), init_of(path))) >= REFUSED_AFTER

    def close(self) -> None:
        """Take away the marks: the process ends by its own will, and no load is to blame."""
        with self._lock:
            if self._keep and self._stacks:
                self._save({})
            self._keep = False

    def _begin(self, mark: Mark) -> None:
        with self._lock:
            self._stacks.setdefault(threading.get_ident(), []).append(mark)
            self._save(self._stacks)

    def _end(self) -> None:
        """End the innermost mark of this thread; that of what imported it is the innermost then."""
        me = threading.get_ident()
        with self._lock:
            stack = self._stacks[me]
            name, _ = stack.pop()
            if not stack:
                del self._stacks[me]
            self._known_here().pop(name, None)
            self._save(self._stacks)

    def _known(self) -> dict[str, tuple[str, int]]:
        with self._lock:
            return self._known_here()

    def _known_here(self) -> dict[str, tuple[str, int]]:
        if self._ended is None:
            marks, self._ended = _read(self._path)
            if self._keep and marks:
                self._count(marks)
        return self._ended

    def _count(self, marks: list[Mark]) -> None:
        ended = self._known_here()
        for name, digest in marks:
            known, times = ended.pop(name, ("", 0))
            ended[name] = (digest, times + 1 if known == digest else 1)
            if ended[name][1] < REFUSED_AFTER:
                log.warning(
                    "%s: the agent ended while this was loaded; if that happens again it is not used until it changes",
                    name,
                )
        for name in list(ended)[:-MAX_ENDED]:
            del ended[name]
        self._save({})

    def _save(self, stacks: dict[int, list[Mark]]) -> None:
        if not self._keep:
            return
        state = {"loading": [stack[-1] for stack in stacks.values()], "ended": self._ended or {}}
        try:
            if any(state.values()):
                make_folder(os.path.dirname(self._path), 0o700)
                write_atomic(self._path, pack_value(state), mode=0o600)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path)
        except (OSError, ValueError) as error:  # then it is as it would be without marks
            log.debug("%s can't be written: %s", self._path, error)


def _read(path: str) -> tuple[list[Mark], dict[str, tuple[str, int]]]:
    """Return the marks, and what ended the agent before; nothing when they can't be read."""
    try:
        with open(open_file(path), "rb") as stream:
            state = unpack_value(stream.read(MAX_FILE_BYTES))
        marks = [(str(name), str(digest)) for name, digest in state["loading"]]
        ended = {str(name): (str(digest), int(times)) for name, (digest, times) in state["ended"].items()}
    except (OSError, WireError, LookupError, TypeError, ValueError, AttributeError) as error:
        if path and not isinstance(error, FileNotFoundError):
            log.debug("%s can't be read: %s", path, error)
        return [], {}
    return marks, ended
