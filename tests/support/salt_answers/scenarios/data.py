"""What ``data``'s functions come to; ``match.data`` with them."""

from __future__ import annotations

from scenario import Scenario, kw, label

SCENARIOS = {
    "store": Scenario(
        files={".salt/var/cache/salt/minion/": ""},  # Salt needs its cache's folder
        calls=(
            ("data.load",),
            ("data.get", "a"),
            ("data.keys",),
            ("data.update", "a", 1),
            ("data.update", "b", {"c": [1, None, "ü"]}),
            ("data.update", 5, True),
            ("data.items",),
            ("data.keys",),
            ("data.values",),
            ("data.has_key", "a"),
            ("data.has_key", "z"),
            ("data.get", "b"),
            ("data.get", "z"),
            ("data.get", "z", "default"),
            ("data.get", ["a", "z", "b"]),
            ("data.get", ["a", "z"], kw(default=0)),
            ("data.cas", "a", 2, 1),
            ("data.cas", "a", 3, 1),
            ("data.cas", "z", 3, 1),
            ("data.get", "a"),
            ("data.pop", "a"),
            ("data.pop", "a"),
            ("data.pop", "a", "gone"),
            ("data.dump", {"x": "y"}),
            ("data.load",),
            ("data.dump", '{"eggs": "spam", "l": [1, 2]}'),
            ("data.load",),
            ("data.dump", "[1]"),
            ("data.dump", "nonsense words"),
            ("data.load",),
            ("match.data", "eggs:spam"),
            ("match.data", "eggs"),
            ("match.data", "nope:x"),
            ("data.clear",),
            ("data.clear",),
            ("data.load",),
        ),
    ),
}

DIFFERENT = {
    label(("data.dump", "nonsense words")): "an error of its own, not Python's",
    label(("match.data", "eggs:spam")): "it matches; Salt 3008's calls a function that there isn't, and says False",
}
