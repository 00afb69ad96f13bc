"""Which devices the pillars of hosts named last: ``<cachedir>/delegations/<host>``, so that a start knows them.

A file is a JSON map: ``ids`` are the devices with a pillar of their own, ``named`` those whose entry is in the host's
pillar. The entries aren't kept, since they hold what connects to the devices.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping

from saltern.errors import IdError
from saltern.files import make_private_folder, write_private
from saltern.ids import check_minion_id

FOLDER = "delegations"


def _nothing(path: str, why: str) -> None:
    """Take no notice of a file that can't be read."""


class PillarDelegations:
    """The files under *cachedir*."""

    def __init__(self, cachedir: str) -> None:
        self._folder = os.path.join(cachedir, FOLDER)

    def read(self, bad: Callable[[str, str], None] = _nothing) -> dict[str, dict[str, bool]]:
        """Return the devices by host, ``True`` for those whose entry is in its pillar.

        *bad* is told the path of each file that is none of ours, and why.
        """
        found: dict[str, dict[str, bool]] = {}
        names: list[str] = []
        with contextlib.suppress(OSError):
            names = sorted(os.listdir(self._folder))
        for name in names:
            try:
                check_minion_id(name)
            except IdError:
                continue
            path = os.path.join(self._folder, name)
            try:
                with open(path, encoding="utf-8") as stream:
                    kept = json.load(stream)
                found[name] = {
                    check_minion_id(device): key == "named" for key in ("ids", "named") for device in kept[key]
                }
            except OSError as error:
                bad(path, error.strerror or str(error))
            except (ValueError, LookupError, TypeError, IdError, RecursionError):
                bad(path, "it is no file of delegations")
        return found

    def write(self, host: str, devices: Mapping[str, bool]) -> None:
        """Keep what the pillar of *host* named, nothing for no device. Raises ``OSError``, ``IdError``."""
        path = os.path.join(self._folder, check_minion_id(host))
        if not devices:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
        kept = {
            "ids": [device for device, named in sorted(devices.items()) if not named],
            "named": [device for device, named in sorted(devices.items()) if named],
        }
        make_private_folder(self._folder)
        write_private(path, f"{json.dumps(kept)}\n".encode())
