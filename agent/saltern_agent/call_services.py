"""What modules may ask of ``saltern-call``, by the same contract as of the agent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from saltern.errors import ChannelError, CommandError, WireError
from saltern_agent import grains
from saltern_agent.jobs import Current
from saltern_agent.services import LocalServices
from saltern_agent.sync import Sync

if TYPE_CHECKING:
    from saltern.config import MinionOptions
    from saltern_modules._agent import Synced


class CallServices(LocalServices):
    """What ``saltern-call`` offers while it is connected: what can be asked of the master, but no schedule, no jobs.

    *fire* sends an event's message and returns when the master has it. What is synced is for the running agent too.
    """

    def __init__(
        self,
        current: Current,
        options: MinionOptions,
        request: Callable[[str, dict[str, Any]], Any],
        fire: Callable[[bytes], None],
    ) -> None:
        super().__init__(current)
        self._options = options
        self._request = request
        self._fire = fire

    def sync_modules(self, kinds: Sequence[str]) -> Synced:
        """Fetch what the master has of *kinds*: ``modules``, ``utils``. The running agent uses it from then on."""
        return self._sync().run(kinds)

    def module_versions(self) -> dict[str, dict[str, str | None]]:
        """Return the synced modules as ``{name: {'digest': sha256 hex, 'commit': git id or None}}``."""
        return self._sync().versions()

    def refresh_grains(self) -> bool:
        """Collect the grains again, for this call; the running agent sees by itself when their file has changed."""
        self.loader.set_grains(grains.of_a_call(self._options, self.loader))
        return True

    def refresh_pillar(self) -> bool:
        """Fetch the pillar again, for this call; the running agent is told by the master when it has changed."""
        pillar = self.request("pillar", fresh=True)
        self.loader.set_pillar(pillar if isinstance(pillar, dict) else {})
        return True

    def fire_event(self, data: dict[str, Any], tag: str) -> bool:
        """Send an event to the master's bus. Raises ``CommandError`` when it is too large, or the master refuses it."""
        try:
            self._fire(self.event_frame(1, data, tag, self._options["max_return_bytes"]))
        except (WireError, ChannelError) as error:
            raise CommandError(f"event {tag} was not sent: {error}") from None
        return True

    def _sync(self) -> Sync:
        return Sync(self._options["cachedir"], self.request, self.loader.take)

    def request(self, command: str, **kwargs: Any) -> Any:
        """Call the master: ``file_list``, ``file_hash``, ``file_chunk``, ``pillar``. Raises ``ChannelError``."""
        return self._request(command, kwargs)

    def connected(self) -> bool:
        """Say whether the channel to the master is up."""
        return True

    def __getattr__(self, name: str) -> Any:
        raise CommandError(f"{name} needs the running agent: use saltern on the master instead of saltern-call")
