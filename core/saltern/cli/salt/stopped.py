"""What is said when a job is no longer waited for: the minions go on, and where their answers will be."""

from __future__ import annotations

import sys

from saltern.cli.command import EX_OK

LATER = """This job's jid is: {0}
The minions may not have all finished running and any remaining minions will return upon completion. To look up the \
return data for this job later, run the following command:

saltern-run jobs.lookup_jid {0}"""


class Stopped:
    """Knows the job that runs, for when the user stops waiting for it, or the master goes."""

    def __init__(self) -> None:
        self.jid = ""
        self.pending = 0
        """Minions whose turn in a batch has not come; it never will then."""

    def say(self) -> int:
        """Say how things stand, and return Salt's exit code for it, 0."""
        print("\nExiting gracefully on Ctrl-c", file=sys.stderr)
        self.hint()
        return EX_OK

    def hint(self) -> None:
        """Say where the answers will be, and on how many minions the job was not started, where there is one."""
        sys.stdout.flush()
        if self.jid:
            print(LATER.format(self.jid), file=sys.stderr)
        if self.pending:
            print(f"saltern: it was not started on {self.pending:,} minions", file=sys.stderr)
