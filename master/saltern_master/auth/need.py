"""What a caller must be granted for a command."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol


class Need(Enum):
    """The kinds of right; ``policy`` says who has them."""

    JOBS = "jobs"
    """The functions that it runs, on all the minions that its target means."""
    TARGET = "target"
    """To be granted anything on minions, if only to see them; it shows those of its target on which something is."""
    RUNNER = "@runner"
    OWN_RUNNER = "@runner by its name"
    """A runner of the operator's own, which runs as the master's user: its exact name, no glob covers it."""
    WHEEL = "@wheel"
    EVENTS = "@events"
    FOLLOW = "events"
    """To see any event; which, and what of them, the command looks at."""
    HOOKS = "@hooks"
    """To post to hooks."""
    LOGIN = "login"
    """To have logged in, and to be granted anything."""
    USER = "user"
    """To be a user who is granted anything: of this host, or logged in."""
    OWNER = "everything"
    """To be one who may do everything: no grant of some runners or wheel functions covers it."""
    OWN_JOB = "own job"
    """To have started the job that it is about, or to see all that others do."""
    OWN_UPLOAD = "own upload"
    """To be someone who may start jobs; the command looks whose the upload is."""
    MINION = "minion"
    """To be a minion; the command is about that minion alone."""
    PEER = "peer"
    """To be a minion, and the functions that it runs, on all the minions that its target means."""


class Needing(Protocol):
    """A command, as far as rights go: *function* is its name without its client's."""

    @property
    def need(self) -> Need:
        """What a caller must be granted."""

    @property
    def function(self) -> str:
        """What grants of some functions alone name it by."""


class Needed(NamedTuple):
    """What to ask about when there is no command at hand."""

    need: Need
    function: str
