"""What ``jinja``'s functions come to."""

from __future__ import annotations

from scenario import Scenario

SCENARIOS = {
    "files": Scenario(
        files={
            "roots/map.jinja": "{% set nginx = {'port': 80, 'names': ['a', 'b']} %}\n{% set n = 5 %}\n",
            "roots/town.jinja": "{% set town = grains.town %}\n",
            "roots/a.yaml": "a: [1, {b: c}]\nd: null\n",
            "roots/t.yaml": "a: {{ grains.town }}\n",
            "roots/a.json": '{"a": [1, null, true]}',
        },
        grains={"town": "ulm"},
        calls=(
            ("jinja.load_map", "map.jinja", "nginx"),
            ("jinja.load_map", "map.jinja", "n"),
            ("jinja.load_map", "town.jinja", "town"),
            ("jinja.import_yaml", "a.yaml"),
            ("jinja.import_yaml", "t.yaml"),
            ("jinja.import_json", "a.json"),
        ),
        tree=False,
    ),
}

DIFFERENT: dict[str, str] = {}
