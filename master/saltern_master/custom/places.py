"""Where runners and outputters of the operator's own are, on the master's host."""

from __future__ import annotations

import os

from saltern.config import MasterOptions
from saltern.own_code import distrusted
from saltern_master.complaints import Complaints

RUNNERS, OUTPUT, UTILS, MODULES = KINDS = ("runners", "output", "utils", "modules")
MAX_SEEN = 10_000
"""Names in a folder."""


class Places:
    """The folders of each kind: those of the options, and ``cachedir/extmods``, where what is synced comes to."""

    def __init__(self, options: MasterOptions) -> None:
        self.synced = os.path.join(options["cachedir"], "extmods")
        self._dirs = {RUNNERS: options["runner_dirs"], OUTPUT: options["outputter_dirs"]}
        self._extension_modules = options["extension_modules"]
        self._complaints = Complaints("folders of runners")

    def folders(self, kind: str) -> list[str]:
        """Return the folders of a *kind* that are there and can be trusted, the strongest last. May block."""
        configured = self._dirs.get(kind, [])
        extension = [os.path.join(self._extension_modules, kind)] if self._extension_modules else []
        return [one for one in (*configured, *extension, os.path.join(self.synced, kind)) if self._trusted(one)]

    def all_folders(self) -> dict[str, list[str]]:
        """Return them by kind. May block."""
        return {kind: self.folders(kind) for kind in KINDS}

    def stems(self, kind: str) -> set[str]:
        """Return the names of the modules of a *kind*, as their files are called. May block."""
        found: set[str] = set()
        for folder in self.folders(kind):
            try:
                with os.scandir(folder) as entries:
                    for _, entry in zip(range(MAX_SEEN), entries, strict=False):
                        stem = entry.name.removesuffix(".py")
                        if not stem.startswith((".", "_")) and (stem != entry.name or entry.is_dir()):
                            found.add(stem)
            except OSError:
                continue
        return found

    def _trusted(self, folder: str) -> bool:
        try:
            why = distrusted(os.stat(folder), {0, os.geteuid()})
        except OSError:
            return False
        if why:
            self._complaints.say(folder, "distrusted", f"nothing in it is run: {why}")
        return not why
