"""What the smallest functions come to; an example of a file of scenarios."""

from __future__ import annotations

from scenario import Scenario, kw

SCENARIOS = {
    "echo": Scenario(
        files={"a.txt": "one\n"},
        grains={"site": {"town": "ulm"}},
        calls=(
            ("test.echo", "{dir}/a.txt"),
            ("test.arg", 1, "a", kw(b=[2])),
            ("test.exception", "no"),
            ("grains.get", "site:town"),
            ("grains.get", "site:land", kw(default="de")),
        ),
    ),
}

DIFFERENT: dict[str, str] = {}
