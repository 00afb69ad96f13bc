"""How many answered, failed, or didn't answer: for ``--summary``, and for the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.batch import retcode_of
from saltern.cli.salt.shown import SILENT
from saltern.visible import visible

LINE = "-" * 43


class Tally:
    """Counts answers, and keeps who is which; what they answered is not kept."""

    def __init__(self) -> None:
        self.any_failed = False
        """Whether one failed, or didn't answer."""
        self._targeted = 0
        self._failed: list[str] = []
        self._silent: dict[str, str] = {}

    def count(self, minion_id: str, data: Mapping[str, Any]) -> None:
        """Count a minion's answer, or what is said of one that doesn't answer."""
        self._targeted += 1
        self.any_failed = self.any_failed or retcode_of(data) != 0
        text = data.get("ret")
        if isinstance(text, str) and text.startswith(SILENT):
            self._silent[minion_id] = text.partition("\n")[0]
        elif retcode_of(data):
            self._failed.append(minion_id)

    def show(self, *, verbose: bool) -> None:
        """Print the numbers; with *verbose* also the names."""
        silent = self._silent
        print(f"\n\n{LINE}\nSummary\n{LINE}")
        print(f"# of minions targeted: {self._targeted}")
        print(f"# of minions returned: {self._targeted - len(silent)}")
        print(f"# of minions that did not return: {len(silent)}")
        print(f"# of minions with errors: {len(self._failed)}")
        if verbose:
            _print_names("Minions not connected", [name for name, text in silent.items() if "Not connected" in text])
            _print_names("Minions not responding", [name for name, text in silent.items() if "No response" in text])
            _print_names("Minions with failures", self._failed)
        print(LINE)


def _print_names(title: str, names: list[str]) -> None:
    if names:
        print(f"{title}: {' '.join(map(visible, names))}")
