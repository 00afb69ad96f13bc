"""The minions as the master knows them now: who is connected, and their grains.

Grains are kept on disk too, so that a minion that is away can still be targeted by them.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from saltern.errors import WireError
from saltern.files import make_folder, write_private
from saltern.ids import check_minion_id
from saltern.wire import pack_value, unpack_value
from saltern_master.channel.port import Peer

log = logging.getLogger(__name__)

MAX_GRAINS_BYTES = 1024 * 1024


class Link:
    """One minion's connections and what it said of itself."""

    __slots__ = ("boot", "grains", "jobs", "returns", "since")

    def __init__(self) -> None:
        self.returns: Peer | None = None
        """Its connection to the ret port."""
        self.jobs: Peer | None = None
        """Its connection to the publish port; with it the minion is present."""
        self.grains: dict[str, Any] = {}
        self.boot = 0.0
        self.since = 0.0


class Fleet:
    """All minions that have a connection or grains."""

    def __init__(self, grains_dir: str) -> None:
        self._grains_dir = grains_dir
        self._links: dict[str, Link] = {}

    def load(self) -> None:
        """Read the grains kept on disk; a file that can't be read is passed over with a line in the log."""
        make_folder(self._grains_dir, 0o700)
        for name in os.listdir(self._grains_dir):
            try:
                check_minion_id(name)
                with open(os.path.join(self._grains_dir, name), "rb") as stream:
                    grains = unpack_value(stream.read(MAX_GRAINS_BYTES))
            except (OSError, ValueError, WireError) as error:
                log.warning("grains of %s can't be read: %s", name, error)
                continue
            if isinstance(grains, dict):
                self.link(name).grains = grains

    def link(self, minion_id: str) -> Link:
        """Return the minion's link, new when there was none."""
        link = self._links.get(minion_id)
        if link is None:
            link = self._links[minion_id] = Link()
        return link

    def grains(self, minion_id: str) -> dict[str, Any]:
        """Return what is known of a minion's grains."""
        link = self._links.get(minion_id)
        return link.grains if link else {}

    def set_grains(self, minion_id: str, grains: dict[str, Any]) -> None:
        """Remember a minion's grains, in memory and on disk."""
        link = self.link(minion_id)
        if grains == link.grains:
            return
        packed = pack_value(grains)
        if len(packed) > MAX_GRAINS_BYTES:
            log.warning(
                "grains of %s are %d bytes: over %d they are not kept", minion_id, len(packed), MAX_GRAINS_BYTES
            )
            return
        link.grains = grains
        try:
            write_private(os.path.join(self._grains_dir, check_minion_id(minion_id)), packed)
        except OSError as error:
            log.warning("grains of %s can't be written: %s", minion_id, error.strerror)

    def forget(self, minion_id: str) -> None:
        """Drop everything about a minion whose key is gone."""
        self._links.pop(minion_id, None)
        try:
            os.unlink(os.path.join(self._grains_dir, check_minion_id(minion_id)))
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning("grains of %s can't be deleted: %s", minion_id, error.strerror)

    def present(self) -> list[str]:
        """Return the ids of the minions that jobs can reach now, sorted."""
        return sorted(name for name, link in self._links.items() if link.jobs is not None)

    def is_present(self, minion_id: str) -> bool:
        """Return whether a job can reach the minion now."""
        link = self._links.get(minion_id)
        return link is not None and link.jobs is not None

    def attach(self, minion_id: str, peer: Peer) -> bool:
        """Note the minion's connection for jobs; return whether it was away before."""
        link = self.link(minion_id)
        was_away = link.jobs is None
        link.jobs = peer
        if was_away:
            link.since = time.time()
        return was_away

    def gone(self, peer: Peer) -> bool:
        """Note a closed connection; return whether its minion is away by that."""
        link = self._links.get(peer.minion_id) if peer.minion_id else None
        if link is None:
            return False
        if link.returns is peer:
            link.returns = None
        if link.jobs is peer:
            link.jobs = None
            return True
        return False
