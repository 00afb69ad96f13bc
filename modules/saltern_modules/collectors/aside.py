"""A thread for calls that may never come back: whoever asked goes on without it.

A file system whose server is gone, or a device that is dying, keeps whoever asks it in the kernel, for ever if need be.
So such a call is handed to a thread of its own, which costs 30 µs while all is well. When it doesn't come back in time
the thread is left behind, to end when the kernel lets it go, and the next call gets another. Threads are daemons: a
program ends without those that it left behind.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

Call = Callable[[], None]


class _Hand:
    """The thread at work, and what it shares with who asks; it refers to neither while it waits."""

    def __init__(self, name: str) -> None:
        self.begin = threading.Lock()
        self.begin.acquire()
        self.done = threading.Lock()
        self.done.acquire()
        self.call: Call | None = None
        self.error: BaseException | None = None
        self.pid = os.getpid()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        while True:
            self.begin.acquire()
            call, self.call = self.call, None
            if call is None:
                return
            try:
                call()
            except BaseException as error:  # it is the asker's to handle
                self.error = error
            del call
            self.done.release()


class Aside:
    """Does one call at a time in a thread that is kept from one to the next.

    Not for two threads at once: who uses it has a lock.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._hand: _Hand | None = None

    def do(self, call: Call, timeout_s: float, patience: Callable[[], float] = lambda: 0.0) -> bool:
        """Return whether *call* came back; what it raised is raised.

        After *timeout_s* *patience* says how long to wait on, in seconds; at 0 the thread is left behind.
        """
        hand = self._hand
        if hand is None or hand.pid != os.getpid():  # a fork has no thread but the one that forked
            hand = self._hand = _Hand(self._name)
        hand.call = call
        hand.begin.release()
        while not hand.done.acquire(timeout=timeout_s):
            timeout_s = patience()
            if timeout_s <= 0:
                self._hand = None
                hand.begin.release()  # without a call: it ends when it comes back, or at once if it just did
                return False
        error, hand.error = hand.error, None
        if error is not None:
            raise error
        return True

    def __del__(self) -> None:
        if self._hand is not None:
            self._hand.begin.release()
