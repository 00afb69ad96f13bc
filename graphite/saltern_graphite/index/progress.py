"""How far a scan of the tree is, and how the index follows the tree afterwards."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """``running`` is False before and after; ``complete`` is True once all of the tree was seen."""

    running: bool = False
    complete: bool = False
    metrics: int = 0
    folders: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Followed:
    """Since the start *found* names came into the index because others made files, *gone* ones left it.

    *looked* is when the last look at the whole tree ended, in epoch seconds, 0 before the first; it took *seconds*.
    *folders* are looked at, of which *watches* are watched and *unread* can't be read. *overflows*: times that the
    system had more to tell than it keeps, so that all was looked at.
    """

    looked: float = 0.0
    seconds: float = 0.0
    folders: int = 0
    watches: int = 0
    unread: int = 0
    overflows: int = 0
    found: int = 0
    gone: int = 0

    def told(self) -> dict[str, object]:
        """Return what ``/health`` tells of it."""
        return {
            "last_look": round(self.looked),
            "look_seconds": round(self.seconds, 3),
            "watched_folders": self.watches,
            "folders_now": self.folders,
            "unreadable_folders": self.unread,
            "overflows": self.overflows,
            "found": self.found,
            "gone": self.gone,
        }
