"""Calls of ``pillar.*`` on what a minion has in memory."""

from __future__ import annotations

from scenario import Scenario, kw

PILLAR = {
    "role": "web",
    "n": 0,
    "empty": "",
    "none": None,
    "off": False,
    "db": {"port": 5432, "hosts": ["a", "b"], "deep": {"x": {"y": 1}}},
    "list": [1, 2, 3],
    "maps": [{"name": "x", "v": 1}, {"name": "y", "w": 2}],
    "a:b": "colon",
    8080: "number",
    "text": "grüße",
}


def unmasked(_: str) -> None:
    """Have Salt show values, as templates see them: 3008 masks all that a job asks for."""
    try:
        from salt.utils import secret  # type: ignore[import-not-found]  # in Salt's own environment alone
    except ImportError:
        return
    secret.mask_pillar.set(False)


SCENARIOS = {
    "get": Scenario(
        pillar=PILLAR,
        tree=False,
        setup=unmasked,
        calls=(
            ("pillar.get", "role"),
            ("pillar.get", "db:port"),
            ("pillar.get", "db:deep:x:y"),
            ("pillar.get", "db:hosts:1"),
            ("pillar.get", "db:hosts:-1"),
            ("pillar.get", "db:hosts:7", "d"),
            ("pillar.get", "maps:name"),
            ("pillar.get", "maps:w"),
            ("pillar.get", "maps:1:w"),
            ("pillar.get", "nope"),
            ("pillar.get", "nope", "d"),
            ("pillar.get", "nope", None),
            ("pillar.get", "none", "d"),
            ("pillar.get", "off", "d"),
            ("pillar.get", "n", "d"),
            ("pillar.get", "empty", "d"),
            ("pillar.get", "a:b"),
            ("pillar.get", "8080"),
            ("pillar.get", "db/port", kw(delimiter="/")),
            ("pillar.get", "db", kw(unmask=True)),
            ("pillar.get", "text"),
            ("pillar.get", "role:x", "d"),
            ("pillar.get", ""),
            ("pillar.get", "db", {"port": 1, "more": 2}, True),
            ("pillar.get", "db", {"hosts": ["z"]}, kw(merge=True, merge_nested_lists=True)),
            ("pillar.get", "db", {"hosts": ["z"]}, kw(merge=True)),
            ("pillar.get", "list", [0, 3], kw(merge=True)),
            ("pillar.get", "nope", {"a": 1}, kw(merge=True)),
            ("pillar.get", "nope", [1], kw(merge=True)),
            ("pillar.get", "list", {"a": 1}, kw(merge=True)),
            ("pillar.get", "db", [1], kw(merge=True)),
            ("pillar.get", "db", "x", kw(merge=True)),
            ("pillar.fetch", "db:port"),
            ("pillar.fetch", "nope", "d"),
            ("pillar.get",),
            ("pillar.get", "role", kw(nope=1)),
        ),
    ),
    "others": Scenario(
        pillar=PILLAR,
        tree=False,
        setup=unmasked,
        calls=(
            ("pillar.raw",),
            ("pillar.raw", "role"),
            ("pillar.raw", "db"),
            ("pillar.raw", "db:port"),
            ("pillar.raw", "nope"),
            ("pillar.raw", ""),
            ("pillar.item", "role"),
            ("pillar.item", "role", "db:port", "nope"),
            ("pillar.item", "nope", kw(default="d")),
            ("pillar.item", "db/port", kw(delimiter="/")),
            ("pillar.item",),
            ("pillar.items", "role", "db:port"),
            ("pillar.data", "role"),
            ("pillar.obfuscate", "role", "db"),
            ("pillar.ls", "role", "nope"),
            ("pillar.keys", "db"),
            ("pillar.keys", "db:deep"),
            ("pillar.keys", "nope"),
            ("pillar.keys", "role"),
            ("pillar.keys", "list"),
            ("pillar.keys",),
            ("pillar.keys", "db.deep", kw(delimiter=".")),
            ("pillar.file_exists", "top.sls"),
            ("pillar.filter_by", {"web": 1, "default": 2}, "role"),
            ("pillar.filter_by", {"w*": 1, "default": 2}, "role"),
            ("pillar.filter_by", {"db": {"a": 1}, "default": {"a": 2}}, "role"),
            ("pillar.filter_by", {"web": {"a": 1}, "base": {"b": 2}}, "role", kw(base="base", merge={"c": 3})),
            ("pillar.filter_by", {"x": 1}, "role"),
            ("pillar.filter_by", {"x": 1}, "role", kw(default="x")),
        ),
    ),
    "raise on missing": Scenario(
        pillar=PILLAR,
        tree=False,
        setup=unmasked,
        opts={"pillar_raise_on_missing": True},
        calls=(("pillar.get", "nope"), ("pillar.get", "nope", "d"), ("pillar.get", "role")),
    ),
    "merge lists by the option": Scenario(
        pillar=PILLAR,
        tree=False,
        setup=unmasked,
        opts={"pillar_merge_lists": True},
        calls=(("pillar.get", "db", {"hosts": ["z"]}, kw(merge=True)),),
    ),
}

DIFFERENT: dict[str, str] = {}
