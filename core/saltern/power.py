"""What a function of an execution module can do: its power, which grants and watchers go by.

A module says it of each of its functions, by the name that callers use, in a literal that is read without running
the module::

    __powers__ = {"list": "reads", "install": "writes", "shell": "runs"}

``"*"`` stands for the functions that aren't named. Whatever isn't said is ``indirect``: a new function is outside
every grant by glob until someone says what it is.
"""

from __future__ import annotations

from enum import StrEnum


class Power(StrEnum):
    """From the weakest to the strongest."""

    READS = "reads"
    """Shows something of this host that is no secret, whatever the caller gives, and leaves it as it is."""
    WRITES = "writes"
    """Changes this host, in a way that the caller can't widen."""
    RUNS = "runs"
    """Runs what the caller gives: a command, a script, code."""
    INDIRECT = "indirect"
    """Does what another function, a file or a listener makes of it, now or later; shows any file; or isn't known."""

    @property
    def by_glob(self) -> bool:
        """Whether a grant by glob covers it; the others are named exactly."""
        return self in (Power.READS, Power.WRITES)


STRENGTH = {power: strength for strength, power in enumerate(Power)}
"""Powers in order: of several, the one with the highest number is the strongest."""
