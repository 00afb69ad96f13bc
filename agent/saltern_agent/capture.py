"""What a function prints must not end up in the agent's own output: it is caught, thread by thread."""

from __future__ import annotations

import io
from typing import TextIO

from saltern_agent.jobs import Current

MAX_PRINTED_CHARACTERS = 2000


class ThreadOutput(io.TextIOBase):
    """Stands in for ``sys.stdout``: keeps what a thread with a job writes, passes on the rest."""

    def __init__(self, original: TextIO, current: Current) -> None:
        self._original = original
        self._current = current

    def write(self, text: str) -> int:
        """Keep or pass on *text*; return its length."""
        printed = self._current.printed
        if printed is None:
            return self._original.write(text)
        if sum(map(len, printed)) < MAX_PRINTED_CHARACTERS:
            printed.append(text[:MAX_PRINTED_CHARACTERS])
        return len(text)

    def flush(self) -> None:
        """Flush the original."""
        self._original.flush()

    def writable(self) -> bool:
        """Return true."""
        return True

    def fileno(self) -> int:
        """Return the original's descriptor."""
        return self._original.fileno()
