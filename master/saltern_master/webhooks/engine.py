"""The engine of webhooks: a sender for each hook, begun, changed and ended as the configuration says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable

from saltern.config import MasterOptions
from saltern.config.located import located
from saltern.errors import ConfigError
from saltern_master.annotations.places import Places
from saltern_master.bus import EventBus
from saltern_master.webhooks.hook import hooks_of
from saltern_master.webhooks.sender import Sender

log = logging.getLogger(__name__)


class WebhookEngine:
    """Posts the events of *bus* that the option ``webhooks`` asks for; no receiver waits for another."""

    def __init__(self, options: MasterOptions, bus: EventBus, minions: Callable[[], Iterable[str]]) -> None:
        """Raises ``ConfigError`` for hooks that can't be understood."""
        self._bus = bus
        places = Places(options["metric_pattern"], minions)
        self._places = lambda: places
        # From the start, so that nothing that comes with the master is missed.
        found = hooks_of(options["webhooks"], self._places)
        self._senders = {name: Sender(hook, bus) for name, hook in found.items()}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    def reread(self, options: MasterOptions) -> None:
        """Put the hooks of *options* into force; what waits for one that is changed goes to what it is now.

        Where they can't be understood, the log says so, and all stay as they were.
        """
        try:
            found = hooks_of(options["webhooks"], self._places)
        except ConfigError as error:
            log.error("the webhooks stay as they were: %s", located(error, options["conf_file"]))
            return
        for name in self._senders.keys() - found.keys():
            self._senders.pop(name).close()
            if (task := self._tasks.pop(name, None)) is not None:
                task.cancel()
        for name, hook in found.items():
            sender = self._senders.get(name)
            if sender is None:
                self._senders[name] = Sender(hook, self._bus)
            elif sender.hook.given != hook.given:
                sender.take(hook)
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                self._changed.clear()
                for name, sender in self._senders.items():
                    if name not in self._tasks:
                        self._tasks[name] = asyncio.create_task(sender.run())
                await self._changed.wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            tasks, self._tasks = self._tasks, {}
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks.values(), return_exceptions=True)
            for sender in self._senders.values():
                if sender.waiting:
                    log.warning("webhook %s: stopped with %d events undelivered", sender.hook, sender.waiting)

    def metrics(self) -> dict[str, float]:
        """Return the counters, by ``<hook>.<name>``."""
        return {
            f"{hook}.{name}": value
            for hook, sender in self._senders.items()
            for name, value in sender.metrics().items()
        }
