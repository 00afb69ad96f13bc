"""``saltern -d``: the documentation of functions. Nothing but ``sys.doc`` is ever run, whatever else is typed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from saltern.cli.command import EX_OK, Output
from saltern.client import LocalClient
from saltern.visible import visible

FUNCTION = "sys.doc"
EX_NOBODY = 2


def show_docs(options: argparse.Namespace) -> int:
    """Print what the minions' functions are for, each function once, and return the exit code."""
    target, patterns = asked_for(options.words, has_kind=options.kind is not None)
    client = LocalClient(options.config_dir)
    answers: dict[str, Any] = {}
    for answer in client.cmd_iter(target, FUNCTION, patterns, options.timeout, options.kind or "glob"):
        answers |= {minion_id: data.get("ret", data.get("failed")) for minion_id, data in answer.items()}
    if not answers:
        print("No minions found to gather docs from", file=sys.stderr)
        return EX_NOBODY
    docs = merged(answers)
    if not docs:
        answered = any(isinstance(value, Mapping) for value in answers.values())
        told = (value for _, value in sorted(answers.items()) if isinstance(value, str))
        why = None if answered else next(told, None)
        print(f"saltern: {why or _nothing(target, patterns)}", file=sys.stderr)
    print_docs(docs, Output(options))
    return EX_OK


def print_docs(docs: Mapping[str, str], output: Output) -> None:
    """Print each function's name, and below it its documentation as it was written; ``--out`` chooses another form."""
    for name, text in sorted(docs.items()):
        if output.chosen:
            output.show({name: text})
        else:
            print("\n".join([f"{visible(name)}:", *map(visible, text.split("\n")), ""]))


def asked_for(words: Sequence[str], *, has_kind: bool) -> tuple[str, list[str]]:
    """Return the target and the patterns of functions that *words* mean.

    The words are those of the call that would be made: a target, a function (or ``a,b``), and arguments, which say
    nothing here, but to ``sys.doc`` itself. A word alone is a function or a module; it is the target when there is a
    flag that says how targets are meant.
    """
    if len(words) == 1 and not has_kind:
        words = ["*", *words]
    target, function, *rest = [*words, *("*", FUNCTION)[len(words) :]] if len(words) < 2 else words
    if function == FUNCTION:
        return target, rest
    return target, [name for name in function.split(",") if name]


def merged(answers: Mapping[str, Any]) -> dict[str, str]:
    """Return each function's documentation once, sorted by name; of several minions' the first one's by id."""
    docs: dict[str, str] = {}
    for _, told in sorted(answers.items()):
        if isinstance(told, Mapping):
            for name, text in told.items():
                if text and isinstance(text, str):
                    docs.setdefault(str(name), text)
    return dict(sorted(docs.items()))


def _nothing(target: str, patterns: Sequence[str]) -> str:
    wanted = " ".join(patterns) or "anything"
    hint = f"; if {wanted} is a minion: saltern -d {wanted} {FUNCTION}" if target == "*" and len(patterns) == 1 else ""
    return f"no function or module {wanted} has documentation{hint}"
