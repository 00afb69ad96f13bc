"""``saltern -d`` and ``sys.doc``: what functions are for, each once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from saltern.cli.command import EX_OK
from saltern.cli.salt.shown import EX_NOTHING, Shown
from saltern.visible import HIDDEN, escape, visible

NO_MINIONS = "No minions found to gather docs from"


def print_docs(answers: Mapping[str, Any], shown: Shown) -> int:
    """Print the documentation in *answers*, by minion, and return the exit code."""
    if not answers:
        sys.stdout.flush()
        print(NO_MINIONS, file=sys.stderr)
        return EX_NOTHING
    for name, text in merged(answers).items():
        if shown.chosen:
            shown.value({name: text})
        else:
            print(f"{visible(name)}:\n{HIDDEN.sub(escape, text)}\n")
    return EX_OK


def merged(answers: Mapping[str, Any]) -> dict[str, str]:
    """Return each function's documentation once, sorted by name; of several minions' the first one's by id."""
    docs: dict[str, str] = {}
    for _, told in sorted(answers.items()):
        if isinstance(told, Mapping):
            for name, text in told.items():
                if text and isinstance(text, str):
                    docs.setdefault(str(name), text)
    return dict(sorted(docs.items()))
