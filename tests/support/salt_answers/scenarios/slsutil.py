"""What ``slsutil``'s functions come to beside rendering."""

from __future__ import annotations

from scenario import Scenario, kw, label

A = {"foo": "Foo", "deep": {"a": 1, "l": [1, 2], "d": {"x": 1}}, "list": [1, 2]}
B = {"bar": "Bar", "deep": {"b": 2, "l": [2, 3], "d": {"y": 2}}, "list": [2, 3], "foo": "new"}

SCENARIOS = {
    "merging": Scenario(
        calls=(
            ("slsutil.update", A, B),
            ("slsutil.update", A, B, kw(merge_lists=True)),
            ("slsutil.update", A, B, kw(recursive_update=False)),
            ("slsutil.update", {}, {}),
            ("slsutil.update", [1], {}),
            ("slsutil.update", {}, "a"),
            ("slsutil.update", {"a": None}, {"a": {"b": 1}}),
            ("slsutil.update", {"a": {"b": 1}}, {"a": None}),
            *(
                ("slsutil.merge", A, B, strategy)
                for strategy in ("smart", "recurse", "list", "aggregate", "overwrite", "none", "nonesuch")
            ),
            ("slsutil.merge", A, B, "recurse", kw(merge_lists=True)),
            ("slsutil.merge", A, B, "none", kw(merge_lists=True)),
            ("slsutil.merge", A, B, kw(renderer="yamlex")),
            ("slsutil.merge", A, B, kw(renderer="jinja|yamlex")),
            ("slsutil.merge", {}, B, "list"),
            ("slsutil.merge", [1], [1, 2], "aggregate"),
            ("slsutil.merge_all", [A, B, {"foo": None}]),
            ("slsutil.merge_all", []),
            ("slsutil.merge_all", [A, B], kw(merge_lists=True)),
            ("slsutil.merge_all", [A, B], "list"),
        ),
    ),
    "serializers": Scenario(
        calls=(
            ("slsutil.serialize", "json", {"b": [1, None, True, "ü"], "a": 1.5}),
            ("slsutil.serialize", "json", {"b": 1}, kw(indent=2)),
            ("slsutil.serialize", "json", {"b": 1, "a": 2}, kw(sort_keys=True)),
            ("slsutil.serialize", "yaml", {"b": [1, None, True, "ü"], "a": {"x": "y: z"}}),
            ("slsutil.serialize", "yaml", {"b": [1]}, kw(default_flow_style=False)),
            ("slsutil.serialize", "yaml", "text"),
            ("slsutil.serialize", "yaml", None),
            ("slsutil.serialize", "configparser", {"a": {"b": 1, "C": "x"}}),
            ("slsutil.serialize", "configparser", [1]),
            ("slsutil.serialize", "msgpack", {"a": [1, "b"]}),
            ("slsutil.serialize", "nonesuch", {}),
            ("slsutil.deserialize", "json", '{"a": [1, null]}'),
            ("slsutil.deserialize", "json", b"[1]"),
            ("slsutil.deserialize", "json", "{"),
            ("slsutil.deserialize", "yaml", "a: [1, ~, 0x10, yes]\nb: 'c'\n"),
            ("slsutil.deserialize", "yaml", ""),
            ("slsutil.deserialize", "configparser", "[a]\nb = 1\nC: x\n"),
            ("slsutil.deserialize", "configparser", "nonsense"),
            ("slsutil.deserialize", "msgpack", b"\x81\xa1a\x92\x01\xa1b"),
            ("slsutil.deserialize", "nonesuch", ""),
        ),
    ),
    "small": Scenario(
        files={"roots/a/b/c.txt": "1", "roots/a/map.jinja": "2", "roots/top.txt": "3"},
        calls=(
            ("slsutil.banner",),
            ("slsutil.banner", kw(commentchar="//", borderchar="=", width=40)),
            ("slsutil.banner", kw(commentchar=" *", borderchar="*", blockstart="/*", blockend=" */")),
            ("slsutil.banner", kw(title="Mine", text="No touching. " * 9, newline=True)),
            ("slsutil.banner", kw(title="", text="")),
            ("slsutil.banner", kw(width=3)),
            ("slsutil.boolstr", True),
            ("slsutil.boolstr", 0, "yes", "no"),
            ("slsutil.boolstr", "x", kw(true="on", false="off")),
            ("slsutil.file_exists", "a/b/c.txt"),
            ("slsutil.file_exists", "a/b"),
            ("slsutil.file_exists", "nope"),
            ("slsutil.dir_exists", "a/b"),
            ("slsutil.dir_exists", "a"),
            ("slsutil.dir_exists", "a/b/c.txt"),
            ("slsutil.path_exists", "a"),
            ("slsutil.path_exists", "top.txt"),
            ("slsutil.path_exists", "x"),
            ("slsutil.findup", "a/b", "map.jinja"),
            ("slsutil.findup", "a/b", ["no", "c.txt", "map.jinja"]),
            ("slsutil.findup", "a/b/", "top.txt"),
            ("slsutil.findup", "", "top.txt"),
            ("slsutil.findup", "a/b", "nowhere"),
            ("slsutil.findup", "x", "top.txt"),
            ("slsutil.findup", "a", 5),
        ),
    ),
}

DIFFERENT = {
    label(("slsutil.deserialize", "configparser", "nonsense")): "a fault is one line",
}
