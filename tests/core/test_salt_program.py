"""``saltern`` against what Salt's ``salt`` printed for the same words and the same minions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import support.salt_answers
from support.salt_answers.scripted_fleet import FLEETS
from support.salt_program import Program
from support.scripted_master import ScriptedMaster

FOLDER = Path(support.salt_answers.__file__).parent
CASES = json.loads((FOLDER / "salt_program.json").read_text())

OURS = ("saltern: ", "Minion ", "[ERROR ")
"""How lines on standard error begin that Salt hasn't, or has in its log."""

FEWER_FLAGS = "a flag may be shortened as far as it is the only one, and we have none for states"
ALL_THAT_CAME = "Salt prints one answer of those that have come when a batch ends by --failhard, and takes its retcode"
A_FUNCTION = "a lone word after -d that is no minion's id is taken for a function, as the help of both says"
QUIET = "quiet is still a form here: it prints nothing"
AIDS_JID = "Salt also prints the jid of the job that asks who has the function"
PREVIEW = "--preview-target runs nothing; Salt runs a job with -s or -b, and fails with -d"
DIFFERENT = {
    "three: --subset 2 -v * test.ping": AIDS_JID,
    "three: --subset 2 --show-jid * test.ping": AIDS_JID,
    "three: --preview-target -b 1 *": PREVIEW,
    "three: --preview-target -s *": PREVIEW,
    "three: --preview-target -s * test.ping": PREVIEW,
    "three: --preview-target -d *": PREVIEW,
    "three: -s --failhard * test.mixed": ALL_THAT_CAME,
    "three: --sta m1 test.ping": FEWER_FLAGS,
    "three: --s m1 test.ping": FEWER_FLAGS,
    "three: m1 test.quiet": QUIET,
    "three: -d test.ping": A_FUNCTION,
    "three: -d nosuch.fun": A_FUNCTION,
    "seven: -b 3 * test.mixed --failhard": ALL_THAT_CAME,
    "seven: -b 100% * test.mixed --failhard": ALL_THAT_CAME,
}
"""Command lines that differ on purpose, with the reason; by fleet and words."""


def title(case: dict[str, Any]) -> str:
    return f"{case['fleet']}: {' '.join(case['argv'])}"


def as_ours(text: str) -> str:
    """Return Salt's text with our program's names, and jids as J."""
    text = text.replace("salt-run", "saltern-run").replace("Usage: salt ", "Usage: saltern ")
    return _jids(text.replace("salt: error", "saltern: error"))


def _jids(text: str) -> str:
    return re.sub(r"(?<!\d)\d{20}(?!\d)", "J", text)


def normal(out: str) -> str:
    return "<help>\n" if out.startswith("Usage:") else _jids(out)


def compare(case: dict[str, Any], program: Program) -> str:
    """Return how ours differs from a recorded answer."""
    ours = program(*case["argv"], master=ScriptedMaster(FLEETS[case["fleet"]]))
    theirs = (as_ours(case["out"]), case["code"])
    if (normal(ours.out), ours.code) != theirs:
        return f"{theirs} is Salt's, ours {(normal(ours.out), ours.code)}; said: {ours.err}"
    said = [line for line in ours.err.splitlines() if not line.startswith(OURS) or "error" in line]
    wanted = [line for line in as_ours(case["err"]).splitlines() if not line.startswith("SaltInvocationError")]
    return "" if said == wanted else f"on stderr {wanted} is Salt's, ours {said}"


def test_what_is_printed_is_what_salt_prints(program: Program) -> None:
    different = {}
    for case in CASES:
        if how := compare(case, program):
            different[title(case)] = how
    unexpected = {name: how for name, how in different.items() if name not in DIFFERENT}
    assert not unexpected, "\n".join(f"{name}: {how}" for name, how in unexpected.items())
    assert sorted(different) == sorted(DIFFERENT)
