"""What tells one journal's positions from those of any other: a random word, beside the positions of its readers."""

from __future__ import annotations

import contextlib
import os
import re
import threading

from saltern.errors import JournalError, os_errors
from saltern.files import make_folder, write_private

FILE = "journal.id"
_FORM = re.compile("[0-9a-f]{32}")


class Identity:
    """The word in *folder*, made when it is first asked for; it goes with the positions there. Any thread may ask."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, FILE)
        self._lock = threading.Lock()

    def word(self) -> str:
        """Return it, as 32 hexadecimal digits. Raises ``JournalError``."""
        with self._lock, os_errors(JournalError, self._path, "can't be made"):
            with contextlib.suppress(FileNotFoundError, UnicodeDecodeError), open(self._path, encoding="ascii") as file:
                if _FORM.fullmatch(found := file.read(100).strip()):
                    return found
            make_folder(os.path.dirname(self._path), 0o700)
            made = os.urandom(16).hex()
            write_private(self._path, f"{made}\n".encode())
            return made
