"""What is said of a minion that did not answer: Salt's words, which scripts look for."""

from __future__ import annotations

EX_MINION = 1
"""The retcode of a minion that did not answer."""

NOT_CONNECTED = "Minion did not return. [Not connected]"
NO_ANSWER = "Minion did not return. [No response]"
NOT_STORED = "The answer came, and isn't stored yet: saltern-run jobs.lookup_jid {} shows it when it is"

_ADVICE = (
    "The minions may not have all finished running and any remaining minions will return upon completion. "
    "To look up the return data for this job later, run the following command:\n\nsaltern-run jobs.lookup_jid {}"
)


def no_response(why: str, jid: str) -> str:
    """Return what is shown of a minion that *why* tells of: with what to do when it may still answer."""
    return f"{why}\n{_ADVICE.format(jid)}" if why == NO_ANSWER else why
