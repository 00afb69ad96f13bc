"""Options whose ``cachedir`` is made when somebody asks for it: a folder takes longer than to open a device."""

from __future__ import annotations

import os
from typing import Any

from saltern.errors import CommandError
from saltern_agent.loader.overlay import Overlay

FOLDER = "cachedir"
MODE = 0o700


class OwnFolder(Overlay):
    """What modules for Salt have as options: in Salt a minion's own ``cachedir`` exists."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        """Return the value of *key*. Raises ``CommandError`` when the folder that it is can't be made."""
        found = super().__getitem__(key)
        if key == FOLDER and found and found == self._live.get(FOLDER):
            _make(found)
        return found


def _make(folder: str) -> None:
    if os.path.isdir(folder):
        return
    try:
        os.makedirs(folder, MODE, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{folder}: can't be made: {error.strerror}") from None
