"""Where everything from agents is kept before it is acknowledged."""

from saltern_master.journal.journal import Journal
from saltern_master.journal.reader import NotesReader, Position, Reader

__all__ = ["Journal", "NotesReader", "Position", "Reader"]
