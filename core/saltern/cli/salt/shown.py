"""What is printed of a job: values, and the sentences that say who is missing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from saltern.cli.command import EX_GENERIC, EX_OK, Output
from saltern.output import form_of
from saltern.visible import visible

EX_NOTHING = 2
"""Nobody is meant, or nothing came; Salt's number for it."""

NOBODY = "No minions matched the target. No command was sent, no jid was assigned."
NOTHING_CAME = "ERROR: No return received"
FAILED = "ERROR: Minions returned with non-zero exit code"
NOT_CONNECTED = "Minion did not return. [Not connected]"
NO_RESPONSE = """Minion did not return. [No response]
The minions may not have all finished running and any remaining minions will return upon completion. To look up the \
return data for this job later, run the following command:

saltern-run jobs.lookup_jid {}"""
SILENT = "Minion did not return"
MAX_NAMED = 20
"""Names in one line."""


class Shown:
    """Prints values in the form that was asked for, or that the function chose."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Raise ``UsageError`` when ``--out-file`` can't be written."""
        self._output = Output(options)

    @property
    def chosen(self) -> bool:
        """Whether the user said in which form to print."""
        return self._output.chosen is not None

    def value(self, value: Any, out: Any = None, retcode: int = 0) -> None:
        """Print *value*; *out*: the form that its function chose, nested when there is no such form."""
        self._output.show(value, out=out if isinstance(out, str) and form_of(out) else None, retcode=retcode)
        sys.stdout.flush()

    def started(self, jid: str) -> int:
        """Say which job was started, and return the exit code."""
        print(f"Executed command with job ID: {jid}")
        return EX_OK

    def nobody(self, problem: str = "", unknown: Sequence[str] = ()) -> int:
        """Say that nobody is meant, and return the exit code."""
        print(NOBODY)
        explain(problem, unknown)
        return self.nothing()

    def nothing(self, value: Any = None) -> int:
        """Say that nothing came, and return the exit code."""
        self.value({} if value is None else value)
        sys.stdout.flush()
        print(NOTHING_CAME, file=sys.stderr)
        return EX_NOTHING


def explain(problem: str, unknown: Sequence[str], prog: str = "saltern") -> None:
    """Say on standard error what is wrong with a target, and which names of it no minion has."""
    if problem:
        print(f"{prog}: {visible(problem)}", file=sys.stderr)
    if unknown:
        names = ", ".join(map(visible, sorted(unknown)[:MAX_NAMED]))
        more = f" and {len(unknown) - MAX_NAMED:,} more" if len(unknown) > MAX_NAMED else ""
        print(f"{prog}: no accepted minion has the id {names}{more}", file=sys.stderr)


def silent(why: str, jid: str) -> dict[str, Any]:
    """Return what is shown of a minion that doesn't return, as if it were an answer."""
    text = NOT_CONNECTED if why == NOT_CONNECTED else NO_RESPONSE.format(jid) if why.startswith(SILENT) else why
    return {"ret": text, "out": "no_return", "retcode": EX_GENERIC}
