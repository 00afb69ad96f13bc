"""What ``environ``'s functions come to; each variable is removed again."""

from __future__ import annotations

from scenario import Scenario, kw

V = "SALTERN_SCENARIO_A"
W = "SALTERN_SCENARIO_B"

SCENARIOS = {
    "variables": Scenario(
        calls=(
            ("environ.get", V),
            ("environ.get", V, "none"),
            ("environ.get", 5),
            ("environ.has_value", V),
            ("environ.setval", V, "one"),
            ("environ.get", V),
            ("environ.has_value", V),
            ("environ.has_value", V, "one"),
            ("environ.has_value", V, "two"),
            ("environ.has_value", 1),
            ("environ.setval", V, 5),
            ("environ.setval", V, None),
            ("environ.setval", V, True),
            ("environ.setval", V, ["a"]),
            ("environ.setval", 5, "x"),
            ("environ.setval", "a=b", "x"),
            ("environ.setval", "", "x"),
            ("environ.setval", V, "a\0b"),
            ("environ.setval", V, False),
            ("environ.get", V, "default"),
            ("environ.setval", V, False, kw(false_unsets=True)),
            ("environ.get", V, "default"),
            ("environ.setenv", {V: "1", W: "2"}),
            ("environ.item", [V, W, "NOPE_NOPE"]),
            ("environ.item", V),
            ("environ.item", ["NOPE_NOPE"], kw(default=None)),
            ("environ.item", 5),
            ("environ.setenv", {V: False}),
            ("environ.setenv", {V: False, W: "3"}, kw(false_unsets=True)),
            ("environ.setenv", {V: 5}),
            ("environ.setenv", "text"),
            ("environ.setenv", {V: "x"}, kw(permanent=True)),
            ("environ.item", [V, W]),
            ("environ.setenv", {V: False, W: False}, kw(false_unsets=True)),
            ("environ.item", [V, W]),
        ),
    ),
}

DIFFERENT: dict[str, str] = {}
