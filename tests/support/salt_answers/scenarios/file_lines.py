"""``file.line`` with every mode."""

from __future__ import annotations

from scenario import Scenario, kw

A = "{dir}/a.txt"
TEXT = "[one]\nalpha = 1\nbeta = 2\n[two]\n\tgamma = 3\n    delta = 4\n[three]\nalpha = 5\n"
FILES = {"a.txt": TEXT, "empty": "", "open": "one\ntwo", "crlf": "one\r\ntwo\r\n", "dir/": "", "bin": b"\xff\n"}


def _all(mode, *calls):
    return tuple(("file.line", path, kw(mode=mode, **keywords)) for path, keywords in calls)


SCENARIOS = {
    "insert": Scenario(
        files=FILES,
        calls=_all(
            "insert",
            (A, {"content": "last", "location": "end"}),
            (A, {"content": "first", "location": "start"}),
            (A, {"content": "first\n", "location": "start"}),
            (A, {"content": "before two", "before": r"\[two\]"}),
            (A, {"content": "before two", "before": r"\[two\]"}),
            (A, {"content": "after two", "after": r"^\[two\]"}),
            (A, {"content": "after two", "after": r"^\[two\]"}),
            (A, {"content": "like gamma", "after": "gamma"}),
            (A, {"content": "like delta", "before": "delta"}),
            (A, {"content": "  not like delta", "before": "delta", "indent": False}),
            (A, {"content": "between", "after": "beta", "before": r"\[two\]"}),
            (A, {"content": "x", "before": "alpha"}),
            (A, {"content": "x", "after": "alpha"}),
            (A, {"content": "x", "after": "alpha", "before": r"\["}),
            (A, {"content": "x", "after": "nowhere"}),
            (A, {"content": "x", "before": "nowhere"}),
            (A, {"content": "x", "before": "nowhere", "after": "gamma"}),
            (A, {"content": "x"}),
            (A, {"content": "x", "location": "middle"}),
            (A, {"after": "gamma"}),
            (A, {"content": "x", "after": "("}),
            (A, {"content": "[odd", "after": "[two"}),
            (A, {"content": "quiet", "location": "end", "show_changes": False}),
            ("{dir}/empty", {"content": "x", "location": "end"}),
            ("{dir}/empty", {"content": "y", "location": "start"}),
            ("{dir}/open", {"content": "x", "location": "end"}),
            ("{dir}/open", {"content": "y", "after": "two"}),
            ("{dir}/open", {"content": "z", "location": "start"}),
            ("{dir}/crlf", {"content": "x", "location": "end"}),
            ("{dir}/missing", {"content": "x", "location": "end"}),
            ("{dir}/missing", {"content": "x", "location": "end", "quiet": True}),
            ("{dir}/dir", {"content": "x", "location": "end"}),
            ("{dir}/bin", {"content": "x", "location": "end"}),
        ),
    ),
    "insert into nothing": Scenario(
        files=FILES,
        calls=_all(
            "insert",
            ("{dir}/empty", {"content": "x", "after": "y"}),
            ("{dir}/empty", {"content": "x", "before": "y"}),
            ("{dir}/empty", {"content": "y", "location": "start"}),
        ),
    ),
    "ensure": Scenario(
        files=FILES,
        calls=_all(
            "ensure",
            (A, {"content": "epsilon = 6", "after": r"\[three\]"}),
            (A, {"content": "epsilon = 6", "after": r"\[three\]"}),
            (A, {"content": "zeta = 7", "before": r"\[two\]"}),
            (A, {"content": "zeta = 7", "before": r"\[two\]"}),
            (A, {"content": "eta", "after": "gamma", "before": "delta"}),
            (A, {"content": "theta", "after": "gamma", "before": "delta"}),
            (A, {"content": "theta", "after": "gamma", "before": "delta"}),
            (A, {"content": "iota", "after": r"\[one\]", "before": r"\[two\]"}),
            (A, {"content": "alpha = 5", "after": r"\[one\]", "before": r"\[two\]"}),
            (A, {"content": "x", "after": "alpha"}),
            (A, {"content": "x", "before": "alpha"}),
            (A, {"content": "x", "after": "nowhere"}),
            (A, {"content": "x"}),
            (A, {"content": "x", "match": "gamma"}),
            (A, {"after": "gamma"}),
            (A, {"content": "top", "before": r"\[one\]"}),
            ("{dir}/empty", {"content": "x", "after": "y"}),
            ("{dir}/open", {"content": "x", "after": "two"}),
            ("{dir}/open", {"content": "x", "after": "two"}),
            ("{dir}/crlf", {"content": "x", "after": "one"}),
        ),
    ),
    "replace": Scenario(
        files=FILES,
        calls=_all(
            "replace",
            (A, {"content": "alpha = 9", "match": "alpha"}),
            (A, {"content": "GAMMA", "match": "gamma"}),
            (A, {"content": "DELTA", "match": "delta", "indent": False}),
            (A, {"content": "beta = 2"}),
            (A, {"content": "x", "match": "nowhere"}),
            (A, {"content": "x\n", "match": r"\[two\]"}),
            (A, {"match": "beta"}),
            (A, {"content": "x", "match": "("}),
            (A, {"content": "", "match": "beta"}),
            ("{dir}/empty", {"content": "x", "match": "y"}),
            ("{dir}/open", {"content": "end", "match": "two"}),
            ("{dir}/open", {"content": "start", "match": "one"}),
            ("{dir}/crlf", {"content": "uno", "match": "one"}),
        ),
    ),
    "delete": Scenario(
        files={**FILES, "same": "a\nb\na\nb\n"},
        calls=_all(
            "delete",
            (A, {"match": "gamma"}),
            (A, {"match": "gamma"}),
            (A, {"content": "delta = 4"}),
            (A, {"match": "alpha"}),
            (A, {"match": "x", "content": "beta"}),
            (A, {"match": "x", "before": "beta"}),
            (A, {"match": r"\["}),
            (A, {"match": "[three"}),
            (A, {}),
            ("{dir}/same", {"match": "a"}),
            ("{dir}/empty", {"match": "a"}),
            ("{dir}/open", {"match": "two"}),
            ("{dir}/open", {"match": "one"}),
        ),
    ),
    "modes": Scenario(
        files=FILES,
        calls=(
            ("file.line", A, "x"),
            ("file.line", A, "x", kw(mode="nope")),
            ("file.line", A, "x", kw(mode="")),
            ("file.line", A, "alpha = 3", "alpha", "REPLACE"),
            ("file.line", A, "more", None, "Insert", "end"),
            ("file.line", A, "more", None, "ensure", None, None, "beta"),
            ("file.line", A, kw(mode="delete", content="more", show_changes=False)),
            ("file.line", A, kw(mode="delete", content="more", show_changes=False)),
        ),
    ),
    "test": Scenario(
        files=FILES,
        opts={"test": True},
        calls=_all(
            "insert",
            (A, {"content": "last", "location": "end"}),
            (A, {"content": "last", "location": "end", "show_changes": False, "backup": True}),
        ),
    ),
    "backup": Scenario(
        files=FILES,
        tree=False,
        calls=(*_all("insert", (A, {"content": "last", "location": "end", "backup": True})), ("file.read", A)),
    ),
}

DIFFERENT: dict[str, str] = {}
