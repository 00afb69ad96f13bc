"""Record how Salt shows values.

By hand, with the Python of an environment that has Salt 3008 in it::

    python tests/support/salt_answers/record_output.py

writes ``output.json`` beside it: ``[[value, {how: text}], …]``. A value is its ``repr``; *how* is the outputter, and
behind it ``/N`` for an indent, ``+color``, and ``!`` for a return code that isn't 0; a text ``=x`` is that of ``x``.
"""

# ruff: noqa: E501

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import salt.config
import salt.output

LEAVES: list[Any] = [
    True, False, None, 0, 1, -3, 1.5, 1e22, 1e-7, 2**63, "", "a", "one line", "two\nlines", "end\n", "a\n\nb", "\n", " x ",
    "tab\tx", "a\r\nb", "10%\r20%", "a\x0bb\x0cc\x1cd\x85e\u2028f", "é ☃", "1", "true", "null", "yes", "2026-01-31", "12:30", "0644", "a: b",
    "- a", "# c", "it's", 'say "x"', "{a}", "[b]", "*x", "&x", "!x", "%x", "@x", "'", "---", "a" * 90, "word " * 30, "=",
    "x\n y\n  z", " lead\nline", "trail \nline", "<b>&amp;</b>", "\\n", "~", "1e3", ".5", "1_000", "0x1f", "null\n", ":",
]  # fmt: skip

VALUES: list[Any] = [
    [], {}, [[]], [{}], {"a": {}}, {"a": []}, {"a": ""}, {"b": 1, "a": 2}, {"B": 1, "a": 2, "_": 3, "1": 4}, ["x", [1, 2], {"k": {}}],
    [["a"], "b\nc"], [[["deep"]]], [1, "a", None, True, 1.5], {"k": {"a": [1, {"b": [2, {"c": None}]}]}},
    {1: "x", 2: "y"}, {1: "x", "a": "y"}, {10: "y", 2: "x"}, {None: 1}, {True: 1}, {1.5: 1}, {"a:b": "c: d"}, {"": 1},
    {"a b": {"c d": "e f"}}, {"retcode": 1, "stdout": "x\ny", "stderr": "", "pid": 4}, {"eth0": {"up": True, "inet": [{"address": "10.0.0.1"}]}},
    [{"name": "a", "size": 1}, {"name": "bb", "size": 22}], [{"first_name": "x", "b": "word " * 20}], ["a", "bb", "c d"],
    {"out": [{"name": "a", "size": 1}], "result": True}, {"l": ["x"]}, {"/": {"used": "1", "capacity": "63%"}},
    {"long": {"key " * 5: "v" * 100, "list": list(range(30))}}, [{"a": 1, "b": [1, 2]}, {"a": 2, "b": {"c": 3}}],
    {"a": {"b": {"c": {"d": {"e": "f"}}}}}, {"é": "☃"}, [[1, 2], [3, 4]], [[[1], [2]], [[3]]], [["a", "b"], ["c", "d"]],
    "Minion did not return. [No response]\nsee\n\nsalt-run jobs.lookup_jid 1", {"m2": "Minion did not return. [Not connected]"},
    {"minions": ["b", "a"], "minions_pre": [], "minions_rejected": ["c"], "minions_denied": ["d"]},
    {"minions": {"b": "aa:bb", "a": "cc"}, "local": {"master.pub": "dd"}}, {"minions_pre": ["x"]},
]  # fmt: skip
GENERATED = 50

INDENTED = ("json", "yaml", "pprint")
INDENTS = (-2, 0, 1, 2, 3, 8, 12)


def generated(chance: random.Random, depth: int) -> Any:
    kind = chance.random()
    if depth and kind < 0.3:
        return [generated(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    if depth and kind < 0.7:
        return {
            chance.choice("abcdefgh") * chance.randint(1, 3): generated(chance, depth - 1)
            for _ in range(chance.randint(0, 3))
        }
    return chance.choice(LEAVES)


def values() -> list[Any]:
    chance = random.Random(7)
    bare = [*LEAVES, *VALUES, *(generated(chance, 4) for _ in range(GENERATED))]
    return [*bare, *({"m1": value} for value in bare)]


def is_tabular(value: Any) -> bool:
    """Return whether there is nothing but tables in *value*, without long cells: what else is there Salt's lose."""
    if isinstance(value, dict):
        return bool(value) and all(map(is_tabular, value.values()))
    if not isinstance(value, list) or not value:
        return False
    if any(len(str(cell)) > 45 for row in value if isinstance(row, dict) for cell in row.values()):
        return False
    if all(isinstance(row, dict) and row for row in value):
        return len({tuple(sorted(map(str, row))) for row in value}) == 1
    return all(isinstance(row, str) for row in value)


def main() -> None:
    opts = salt.config.master_config("/nowhere")

    def shown(value: Any, out: str, indent: int | None = None, color: bool = False, retcode: int = 0) -> str:
        chosen = {**opts, "color": color, **({} if indent is None else {"output_indent": indent})}
        return salt.output.out_format(value, out, chosen, _retcode=retcode)

    recorded = []
    for number, value in enumerate(values()):
        told = {out: shown(value, out) for out in ("nested", "json", "yaml", "txt", "raw", "pprint", "key")}
        if "did not return" in str(value):
            told["no_return"] = shown(value, "no_return")
            told["no_return+color"] = shown(value, "no_return", color=True)
        if is_tabular(value):
            told["table"] = shown(value, "table")
            told["table+color"] = shown(value, "table", color=True)
        if "minions" in str(value):
            told["key+color"] = shown(value, "key", color=True)
        out = INDENTED[number % len(INDENTED)]
        indent = INDENTS[number % len(INDENTS)]
        told[f"{out}/{indent}"] = shown(value, out, indent)
        out = ("json", "yaml")[number % 2]
        told[f"{out}/-1"] = shown(value, out, -1)
        if number % 3 == 0:
            told["nested+color"] = shown(value, "nested", color=True)
            told["nested+color!"] = shown(value, "nested", color=True, retcode=1)
        first: dict[str, str] = {}
        for how, text in told.items():
            told[how] = f"={first[text]}" if text in first else text
            first.setdefault(text, how)
        recorded.append([repr(value), told])
    path = Path(__file__).parent / "output.json"
    path.write_text(json.dumps(recorded, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(len(recorded), "values,", sum(len(told) for _, told in recorded), "texts,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
