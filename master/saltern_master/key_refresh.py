"""Takes in what changes in the key store, whoever changes it: the wheel, ``saltern-key`` without a master, ``mv``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from saltern_master.account.accounting import Accounting
from saltern_master.keyring import Change, Keyring

LOOK_EVERY_S = 1.0


class KeyRefresh:
    """Looks in a thread, and puts what it found into force on the loop."""

    def __init__(self, keyring: Keyring, accounting: Accounting, tell: Callable[[Change], None]) -> None:
        """*tell* says to those who are connected what changed."""
        self._keyring = keyring
        self._tell = tell
        self._accounting = accounting

    async def now(self) -> None:
        """Look now. Raises ``KeyStoreError``."""
        look = await asyncio.to_thread(self._keyring.look)
        with self._keyring.delegations.later():  # a minion whose key went may be a device from now on
            change = self._keyring.take(look)
            if change.added or change.removed or self._keyring.freed:
                self._tell(change)
                self._accounting.forget(set(change.removed.values()) - set(change.added.values()))

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.now()
            await asyncio.sleep(LOOK_EVERY_S)
