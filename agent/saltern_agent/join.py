"""``saltern-agent --join``: a host introduces itself by an invitation, and hears what becomes of it.

Nothing is written before the master has taken this host in: who was turned away, or reached nobody, can try again.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from saltern.__about__ import __version__
from saltern.errors import Busy, ChannelError, MasterUnreachable, NotAuthorised, UsageError
from saltern.join_token import Invite, read_token
from saltern.pki import KeyPair
from saltern.wire import Message
from saltern_agent import identity
from saltern_agent.cause import KEY, STRANGE
from saltern_agent.channel import PENDING, REFUSED, UP, Address, Channel
from saltern_agent.link import Timing
from saltern_agent.loop import Loop

if TYPE_CHECKING:
    from saltern.config import MinionOptions

log = logging.getLogger(__name__)

WITHIN_S = 15.0
LOOK_INTERVAL_S = 0.02
MAX_BYTES = 64 * 1024
TRY_AGAIN = ("full", "error")
"""States of a refusal that have to do with the master, not with this host or its token."""


def invitation(argument: str | None, file: str | None) -> str:
    """Return the text of an invitation: *argument*, ``-`` for what stdin says, or what is in *file*.

    Raises ``UsageError``.
    """
    if argument is not None and file is not None:
        raise UsageError("--join and --join-file say the same thing: give one of them")
    if file not in (None, "-"):
        return _read(file)
    if argument not in (None, "-"):
        return argument
    if sys.stdin.isatty():
        print("paste the line that saltern-key --invite printed on the master:", file=sys.stderr)
        return sys.stdin.readline(MAX_BYTES)
    return sys.stdin.read(MAX_BYTES)


def _read(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            return stream.read(MAX_BYTES)
    except OSError as error:
        raise UsageError(f"--join-file {file}: can't be read: {error.strerror}") from None


def join(options: MinionOptions, keys: KeyPair, text: str) -> None:
    """Join the master that the invitation in *text* names, and configure this host for it.

    Raises ``KeyStoreError`` when it is none, ``MasterUnreachable``, ``NotAuthorised`` and ``Busy`` when the master does
    not take this host in, ``ConfigError`` when this host has another master's key, or can't be written to.
    """
    invite = read_token(text)
    identity.check_invite(options, invite)
    Joining(options, keys, invite).run()
    identity.pin(options, invite)
    log.info("this host joined the master %s as %s", invite.host, options["id"])


class Joining:
    """One conversation with a master that doesn't know this host yet; no jobs come of it."""

    def __init__(self, options: MinionOptions, keys: KeyPair, invite: Invite) -> None:
        self._options = options
        self._invite = invite
        self._loop = Loop()
        self._late = False
        address = Address(invite.host, invite.publish_port, invite.ret_port, invite.master_key)
        timing = Timing.of(options)
        self._channel = Channel(self._loop, address, keys, timing, self, pending_retry_s=WITHIN_S, attach=False)

    def run(self) -> None:
        """Return when the master has taken this host in. Raises ``ChannelError`` of the kind that fits."""
        self._loop.later(WITHIN_S, self._too_late)
        self._channel.open()
        self._look()
        try:
            self._loop.run()
        finally:
            self._loop.close()
            self._channel.close()
        if self._channel.state != UP:
            raise self._error()

    def _look(self) -> None:
        """See whether it is decided; only a welcome is told by a call."""
        cause = self._channel.cause
        hopeless = cause is not None and cause.kind in (KEY, STRANGE)
        if self._late or hopeless or self._channel.state in (UP, PENDING, REFUSED):
            self._loop.stop()
        else:
            self._loop.later(LOOK_INTERVAL_S, self._look)

    def _too_late(self) -> None:
        self._late = True

    def _error(self) -> ChannelError:
        reason, state = (str(self._channel.answer.get(name) or "") for name in ("reason", "state"))
        master = self._invite.host
        if self._channel.state == PENDING:
            return NotAuthorised(
                f"the master {master} does not take this host in: {reason or 'its key has to be accepted there'}: get "
                f"another invitation (saltern-key --invite); nothing was changed here"
            )
        if self._channel.state == REFUSED:
            kind = Busy if state in TRY_AGAIN else NotAuthorised
            return kind(f"the master {master} refuses this host ({state}): {reason}; nothing was changed here")
        waited = f"gave up after {WITHIN_S:g} s, " if self._late else ""
        return MasterUnreachable(f"{self._channel.reason}; {waited}nothing was changed here")

    # what the channel asks and tells

    def hello(self) -> dict[str, Any]:
        """Return the body of a ``hello``."""
        facts = {"id": self._options["id"], "version": __version__}
        return {**facts, "call": True, "token": self._invite.secret}

    def attachment(self) -> dict[str, Any]:
        """Return nothing: no jobs are asked for."""
        return {}

    def welcomed(self, body: dict[str, Any]) -> None:
        """The master took us in."""

    def attached(self, *, anew: bool) -> None:
        """No jobs are asked for."""

    def lost(self) -> None:
        """The channel is away."""

    def received(self, message: Message) -> None:
        """Nothing else is for us."""
