"""A key store and the master's objects over it, without sockets; keys are single letters, forty times."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from saltern.config import master_config
from saltern.keystore import ACCEPTED, KeyStore
from saltern.pki import own_keys
from saltern.wire import Message, pack_any, unpack
from saltern_master.entrances.channel.port import Peer
from saltern_master.master import Master

A, B, C, D = "A" * 40, "B" * 40, "C" * 40, "D" * 40


class CountingStore(KeyStore):
    """Counts the files that are read and the folders that are listed."""

    def __init__(self, pki_dir: str) -> None:
        super().__init__(pki_dir)
        self.reads: list[str] = []
        self.listings: list[str] = []

    def key(self, state: str, minion_id: str) -> str | None:
        self.reads.append(f"{state}/{minion_id}")
        return super().key(state, minion_id)

    def listing(self, state: str) -> Any:
        self.listings.append(state)
        return super().listing(state)

    def settle(self) -> None:
        """Set the folders' times back, as if the last change were long ago."""
        for name in os.listdir(self.pki_dir):
            path = os.path.join(self.pki_dir, name)
            if os.path.isdir(path):
                os.utime(path, (1, 1))


def made_store(folder: Path) -> CountingStore:
    own_keys(str(folder), "master")
    store = CountingStore(str(folder))
    store.create()
    return store


class Wire:
    """Stands for a port: keeps what was sent to each peer."""

    def __init__(self) -> None:
        self.sent: dict[Peer, list[Message]] = {}

    def send(self, peer: Peer, frame: bytes) -> bool:
        self.sent.setdefault(peer, []).append(unpack(frame, secrets=True))
        return True

    def peer(self, key: str, address: str = "") -> Peer:
        return Peer(self, b"%d" % len(self.sent), key, 0, address)  # type: ignore[arg-type]  # all that a peer uses of it

    def to(self, peer: Peer) -> list[Message]:
        """Return, and forget, what was sent to *peer*."""
        return self.sent.pop(peer, [])


class Door:
    """A master that nobody started: its objects around the channel, put together as it does it itself."""

    def __init__(self, folder: Path) -> None:
        (folder / "master").write_text(f"root_dir: {folder}\nsock_dir: {folder}/run\ncarbon_protocol: none\n")
        self.master = Master(master_config(folder))
        self.wire = Wire()
        self.store = self.master.keystore
        self.keyring = self.master.keyring
        self.fleet = self.master.fleet
        self.hub = self.master.hub
        self.enrolment = self.hub._enrolment
        self.fleet.load()
        self.events = self.master.bus.subscribe()

    def close(self) -> None:
        for part in (self.master.dispatcher, self.master.journal, self.master.job_store):
            part.close()

    def accept(self, minion_id: str, key: str) -> None:
        """Accept a key as an operator does it by ``mv``."""
        self.store.put(ACCEPTED, minion_id, key)
        self.refresh()

    def refresh(self) -> None:
        self.hub.keys_changed(self.keyring.refresh())

    def hello(self, peer: Peer, minion_id: str, **more: Any) -> list[Message]:
        """Say hello, past the bound of frames a second, and return what is answered."""
        message = unpack(pack_any("hello", 0, {"id": minion_id, "version": "test", **more}))
        self.enrolment.hello(peer, message.body)
        return self.wire.to(peer)

    def minion(self, minion_id: str, key: str) -> Peer:
        """Return the connection for returns of an accepted minion that is there; what was told of that is forgotten."""
        self.accept(minion_id, key)
        peer = self.wire.peer(key)
        (answer,) = self.hello(peer, minion_id)
        assert answer.type == "welcome", answer
        self.attach(self.wire.peer(key))
        self.told()
        return peer

    def attach(self, peer: Peer, **body: Any) -> Peer:
        self.hub.on_publish_message(peer, pack_any("attach", 0, body))
        return peer

    def told(self, prefix: str = "") -> list[tuple[str, dict[str, Any]]]:
        """Return, and forget, the events that were published."""
        events = self.events._queue.turn()
        return [(event.tag, event.data) for event in events if event.tag.startswith(prefix)]
