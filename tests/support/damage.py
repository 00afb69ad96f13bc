"""Damage to files, and what became of their bytes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from saltern.segments import HEAD, RECORD


class Damage(NamedTuple):
    """*data* written over a file at *at*, a share (0…1) of its length."""

    file: int
    at: float
    data: bytes

    def do(self, paths: list[Path]) -> tuple[Path, int, int]:
        """Damage one of *paths*; return it, and the first and last offset where a byte changed (-1: none did)."""
        path = paths[self.file % len(paths)]
        before = path.read_bytes()
        at = int(self.at * (len(before) - 1))
        after = (before[:at] + self.data + before[at + len(self.data) :])[: len(before)]
        path.write_bytes(after)
        changed = [n for n, byte in enumerate(before) if after[n] != byte]
        return path, changed[0] if changed else -1, changed[-1] if changed else -1


damages = st.builds(
    Damage,
    st.integers(0, 100),
    st.floats(0, 1),
    st.sampled_from([b"\xff" * 8, b"\0" * 8, b"\0" * 2000]) | st.binary(min_size=1, max_size=300),
)


def spans(bodies: list[int], start: int = HEAD.size) -> list[tuple[int, int]]:
    """Return where the records with bodies of these lengths lie in one segment."""
    found = []
    for length in bodies:
        found.append((start, start + RECORD.size + length))
        start += RECORD.size + length
    return found
