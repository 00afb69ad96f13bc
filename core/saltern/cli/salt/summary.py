"""``--summary``: how many answered, failed, or didn't answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.batch import retcode_of
from saltern.cli.salt.shown import SILENT
from saltern.visible import visible

LINE = "-" * 43


def print_summary(answers: Mapping[str, Mapping[str, Any]], *, verbose: bool) -> None:
    """Print the numbers of *answers*; with *verbose* also the names."""
    silent = {name: str(text) for name, data in answers.items() if _is_silent(text := data.get("ret"))}
    failed = [minion_id for minion_id, data in answers.items() if minion_id not in silent and retcode_of(dict(data))]
    print(f"\n\n{LINE}\nSummary\n{LINE}")
    print(f"# of minions targeted: {len(answers)}")
    print(f"# of minions returned: {len(answers) - len(silent)}")
    print(f"# of minions that did not return: {len(silent)}")
    print(f"# of minions with errors: {len(failed)}")
    if verbose:
        _print_names("Minions not connected", [name for name, text in silent.items() if "Not connected" in text])
        _print_names("Minions not responding", [name for name, text in silent.items() if "No response" in text])
        _print_names("Minions with failures", failed)
    print(LINE)


def _is_silent(text: Any) -> bool:
    return isinstance(text, str) and text.startswith(SILENT)


def _print_names(title: str, names: list[str]) -> None:
    if names:
        print(f"{title}: {' '.join(map(visible, names))}")
