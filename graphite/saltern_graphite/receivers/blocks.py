"""What the receivers of lines and of pickles have in common: bytes become blocks of points. Nothing is answered."""

from __future__ import annotations

from abc import abstractmethod

from saltern.errors import StoreError
from saltern_graphite.receivers.connection import Connection
from saltern_graphite.receivers.formats.line import Block
from saltern_graphite.receivers.intake import Intake
from saltern_graphite.receivers.listener import Listener


class BlockConnection(Connection):
    """One sender of points. Drivers say in :meth:`read` which points bytes hold, and what was bad."""

    ends_by_reset = True

    def __init__(self, intake: Intake, listener: Listener) -> None:
        super().__init__(intake, listener)
        self._held: Block | None = None

    @abstractmethod
    def read(self, data: bytes) -> Block:
        """Return the points that *data* completes."""

    def take(self, data: bytes) -> bool:
        """Take points; ``False`` when the store has no room and a block is held."""
        block = self.read(data) if data else Block()
        self.intake.refused(block, self.peer)
        if self._held is not None:
            self._held.extend(block)
            block, self._held = self._held, None
        if not len(block.names) or self._store(block):
            return True
        self._held = block
        return False

    def _store(self, block: Block) -> bool:
        """Give *block* to the store, if there is room."""
        if self.intake.gate.closed:
            return False
        try:
            accepted = self.intake.accept(block)
        except StoreError:  # the store says why
            return False
        self.intake.received(accepted, self.peer)
        return True
