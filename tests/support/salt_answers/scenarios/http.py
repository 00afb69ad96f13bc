"""What ``http.query`` comes to where nothing answers; the rest needs a server: ``tests/modules/test_http.py``."""

from __future__ import annotations

from scenario import Scenario, kw

NOBODY = "http://127.0.0.1:1/"

SCENARIOS = {
    "nobody": Scenario(
        calls=(
            ("http.query", NOBODY),
            ("http.query", NOBODY, kw(status=True)),
            ("http.query", NOBODY, kw(status=True, text=True, headers=True, decode=True)),
            ("http.query", NOBODY, kw(test=True)),
            ("http.query", NOBODY, kw(method="POST", data={"a": 1})),
            ("http.query", "file:///etc/passwd"),
            ("http.query", "nonsense"),
            ("http.wait_for_successful_query", NOBODY, kw(wait_for=0.1)),
        ),
        tree=False,
    ),
}

DIFFERENT: dict[str, str] = {}
