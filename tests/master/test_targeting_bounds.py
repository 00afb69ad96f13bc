"""Hostile targets and grains: refused at once, or given up on; nothing grows with what was written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern import pattern_size
from saltern.errors import TargetError, TargetTooCostly
from saltern_master.targeting import TYPES, DataFacts, Known, Nodegroups, Target, effort, pattern
from saltern_master.targeting.effort import Effort
from saltern_master.targeting.facts import MAX_MEMBERS, MAX_VALUE_CHARS, DataOf
from saltern_master.targeting.nested import MAX_SPLITS
from saltern_master.targeting.selectors import MAX_NAMES
from saltern_master.targeting.ways import literal, quick_chars
from saltern_master.targeting.words import MAX_DEPTH, MAX_LISTED_CHARS, MAX_WORDS

MINIONS = ["web01.frankfurt.example.com", "web02.frankfurt.example.com"]
GRAINS: dict[str, Any] = {"os": "a" * 250, "roles": ["web"]}
KNOWN = Known(DataFacts(lambda _: GRAINS))


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that every pattern is added to as it is compiled."""
    patterns: list[str] = []
    for package in (pattern.re, pattern.regex):
        compile_ = package.compile

        def counting(text: str, flags: int = 0, compile_: Callable[..., Any] = compile_) -> Any:
            patterns.append(text)
            return compile_(text, flags)

        monkeypatch.setattr(package, "compile", counting)
    return patterns


@pytest.fixture
def matches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that every text is added to as a pattern is held against it."""
    texts: list[str] = []
    for kind in (pattern.Exact, pattern.Glob, pattern.Expression):
        under, of = kind.under, kind.of

        def holds_counted(self: Any, effort: Effort, under: Callable[..., Any] = under) -> Callable[[str], object]:
            def holds(text: str) -> object:
                texts.append(text)
                return under(self, effort)(text)

            return holds

        def of_counted(self: Any, many: Collection[str], effort: Effort, of: Callable[..., Any] = of) -> list[str]:
            texts.extend(many)
            return list(of(self, many, effort))

        monkeypatch.setattr(kind, "under", holds_counted)
        monkeypatch.setattr(kind, "of", of_counted)
    return texts


def resolve(target: Any, kind: Any, minions: list[str], grains: DataOf) -> list[str]:
    return Target(target, kind).select(minions, Known(DataFacts(grains)))


def _of(target: Any, kind: Any, grains: dict[str, Any] = GRAINS) -> list[str]:
    return resolve(target, kind, MINIONS, lambda _: grains)


@pytest.mark.parametrize(
    ("kind", "target", "message"),
    [
        ("grain", "os:" + ":" * 1000, f"has 1001 times ':': {MAX_SPLITS} are allowed"),
        ("grain", "os:" + ":" * 8000, "has 8001 times"),
        ("grain_pcre", "os:" + ":" * 8000, "has 8001 times"),
        ("compound", "G@os:" + ":" * 1000, "has 1001 times"),
        ("pcre", "a" * 1001, "has 1001 characters: 1000 are allowed"),
        ("grain_pcre", "os:" + "a" * 1001, "has 1001 characters"),
        ("glob", "*a" * 501, "has 1002 characters"),
        ("pcre", "(a{1000}){1000}", "comes to over 20,000 parts"),
        ("pcre", "a{1000000}", "comes to over 20,000 parts"),
        ("pcre", "((((a{99}){99}){99}){99}){99}", "comes to over 20,000 parts"),
        ("pcre", "(?:" * 25 + "a" + ")+" * 25, "comes to over 20,000 parts"),
        ("pcre", "(?:" * 25 + "a" + "){1,2}" * 25, "comes to over 20,000 parts"),
        ("pcre", "(?x)((a{100})#(\n{100}) {100}", "comes to over 20,000 parts"),
        ("pcre", "[[:alpha:][](a{1000}){1000}]", "comes to over 20,000 parts"),  # read as one class, or as none
        ("grain_pcre", "os:(a{1000}){1000}", "comes to over 20,000 parts"),
        ("compound", "E@(a{1000}){1000}", "comes to over 20,000 parts"),
        ("pcre", "(?R)", "calls a group as a pattern"),
        ("pcre", "(?P<x>(?&x))", "calls a group as a pattern"),
        ("pcre", "(a)(?1)", "calls a group as a pattern"),
        ("pcre", "(?:" * 300, "is not a regular expression"),
        ("list", "," * MAX_NAMES, f"at most {MAX_NAMES:,} names, not {MAX_NAMES + 1:,}"),
        ("list", "n" * (2 * 1024 * 1024 + 1), "text of at most 2,097,152 characters"),
        ("list", ["n"] * (MAX_NAMES + 1), f"at most {MAX_NAMES:,} names"),
        ("list", ["n" * 1000] * 3000, "at most 2,097,152 characters"),
        ("glob", [{"a": 1}], "has a name that isn't text"),
        ("glob", "x" * 65537, "text of at most 65,536 characters"),
        ("compound", "x" * (2 * 1024 * 1024 + 1), "text of at most 2,097,152 characters"),
        ("compound", "( " * 60000, f"over {MAX_WORDS:,} words"),
        ("compound", "( " * 900, f"nested over {MAX_DEPTH} deep"),
        ("compound", "not ( " * 100 + "a" + " )" * 100, f"nested over {MAX_DEPTH} deep"),
        ("compound", "a or " * MAX_WORDS + "a", f"over {MAX_WORDS:,} words"),
        ("compound", "x" * 1_000_000, None),
        ("compound", "*" * 1_000_000, "characters: 1000 are allowed"),
        ("k" * 10_000, "*", "is not known"),
        (None, "*", "is not known"),
        ("glob", None, "must be text"),
    ],
)
def test_what_is_too_much_is_refused_before_anything_is_compiled_of_it(
    kind: Any, target: Any, message: str | None, compiled: list[str], matches: list[str]
) -> None:
    if message is None:  # there is no cost to it
        assert _of(target, kind) == []
        return
    with pytest.raises(TargetError) as refused:
        _of(target, kind)
    assert message in str(refused.value)
    assert len(str(refused.value)) < 400
    assert all(len(text) <= 1000 for text in compiled)
    assert matches == []


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("pcre", r"(.|\w|\.)+[!?]"),
        ("compound", r"db1 or E@(.|\w|\.)+[!?]"),
        ("compound", r"not E@(.|\w|\.)+[!?]"),
        ("grain_pcre", "os:(a|a)+!"),
        ("compound", "P@os:(a|a)+!"),
    ],
)
def test_matching_that_takes_too_long_is_given_up_and_said(
    kind: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    match = Effort.matches
    monkeypatch.setattr(
        Effort, "matches", lambda self, compiled, text: begun.append(text) or match(self, compiled, text)
    )
    with pytest.raises(TargetError, match=r"takes over 0\.05 s of processor time: avoid repeats") as refused:
        Target(target, kind, limit_s=0.05).select(MINIONS, KNOWN)
    assert repr(target) in str(refused.value)
    assert len(begun) == 1


@pytest.mark.parametrize(
    ("kind", "target", "value"),
    [
        ("pcre", "web.*", ""),
        ("glob", "*e*b*", ""),
        ("grain", "os:w*b", "{}"),
        ("grain_pcre", "os:a|b", "{}"),
        ("grain", "os:a:b*", {"a": "{}"}),
        ("grain", "*:a*b", "{}"),
    ],
)
def test_the_limit_is_for_all_matches_together(
    kind: str, target: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[float] = []

    def clock() -> float:
        reads.append(len(reads) * 0.01)
        return reads[-1]

    def grains(minion: str) -> dict[str, Any]:
        return {"os": {"a": minion} if isinstance(value, dict) else minion}

    monkeypatch.setattr(effort.time, "thread_time", clock)
    with pytest.raises(TargetError, match="takes over 1 s"):
        resolve(target, kind, [f"web{n}" for n in range(10_000)], grains)
    assert len(reads) <= 102


class SlowPattern:
    """Matches nothing within any limit, and notes how it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, bool]] = []

    def match(self, text: str, timeout: float, concurrent: bool = False) -> None:
        self.asked.append((timeout, concurrent))
        raise TimeoutError


def test_a_long_match_leaves_the_interpreter_to_others() -> None:
    slow = SlowPattern()
    with pytest.raises(TargetError, match="takes over 1 s"):
        Effort("x", KNOWN, limit_s=1.0).matches(slow, "text")  # type: ignore[arg-type]  # all that is used
    (short, locked), (rest, free) = slow.asked
    assert (locked, free) == (False, True)
    assert short <= 0.005
    assert 0 < rest <= 1.0


def test_a_split_is_compiled_only_when_a_minion_has_grains_for_it(compiled: list[str]) -> None:
    known: dict[str, Any] = {}
    many = [f"web{n}" for n in range(100)]
    assert resolve("os:" + "a:b?" * 15, "grain", many, lambda _: known) == []
    assert compiled == []
    known["os"] = "x"
    assert resolve("os:" + "a:b?" * 15, "grain", many, lambda _: known) == []
    assert len(compiled) == 1


def test_a_split_that_is_no_expression_is_none() -> None:
    assert _of("os:(b:c|a+)$", "grain_pcre", {"os": "aa", "os2": 1}) == MINIONS
    assert _of("os:(b:c|a+)$", "grain_pcre", {"os": {"(b": "c"}}) == []


def test_most_globs_are_no_patterns(compiled: list[str], matches: list[str]) -> None:
    ids = [f"web{n}" for n in range(1000)]
    assert resolve("*", "glob", ids, lambda _: {}) == ids
    assert resolve("web7", "glob", ids, lambda _: {}) == ["web7"]
    assert resolve(" or ".join(ids[:500]), "compound", ids, lambda _: {}) == ids[:500]
    assert (compiled, matches) == ([], [])


def test_globs_that_would_backtrack_are_matched_once_a_value(matches: list[str]) -> None:
    assert resolve("*a*a*a*a*a*a*a*a*b", "glob", ["a" * 253], lambda _: {}) == []
    assert resolve("os:*a*a*a*a*a*a*a*a*b", "grain", MINIONS, lambda _: GRAINS) == []
    assert len(matches) == 2


def test_later_parts_of_a_compound_see_only_what_is_left(matches: list[str]) -> None:
    ids = [f"web{n}" for n in range(100)]
    assert resolve("web5 and E@web.*", "compound", ids, lambda _: {}) == ["web5"]
    assert matches == ["web5"]
    assert resolve("* or E@web.*", "compound", ids, lambda _: {}) == ids
    assert matches == ["web5"]


@pytest.mark.parametrize(
    ("claimed", "most"),
    [
        (["x"] * 100_000, 1),
        (list(range(100_000)), MAX_MEMBERS),
        ([{}, *range(100_000)], 2 * MAX_MEMBERS),
        (dict.fromkeys(map(str, range(100_000)), 1), 2 * MAX_MEMBERS),
        ("x" * 1_000_000, 1),
        ([["x"] * 100_000] * 10, 0),
        ({"a": {"b": {"c": 1}}}, 2),
        ({}, 0),
        ([], 0),
        (b"x" * 100_000, 0),
    ],
)
def test_what_a_minion_claims_is_looked_at_within_bounds(claimed: Any, most: int, matches: list[str]) -> None:
    assert _of("os:no*", "grain", {"os": claimed}) == []
    assert len(matches) == most
    assert all(len(text) <= MAX_VALUE_CHARS for text in matches)


def test_a_target_is_compiled_once_for_many_resolutions(compiled: list[str]) -> None:
    target = Target("G@os:Deb* or E@web\\d+ or db*", "compound")
    assert [target.matches(minion, Known(DataFacts(lambda _: {"os": "x"}))) for minion in ("web1", "db1", "x")] == [
        True,
        True,
        False,
    ]
    assert len(compiled) == 3


def test_honest_expressions_are_within_the_bounds() -> None:
    for text in (
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}",
        r"(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}",
        r"[a-z]{1,63}(\.[a-z]{1,63})+\.example\.com",
        r"(web|db)-(\d+)-(eu|us)-(west|east)(-[a-z]+)*",
        "|".join(f"web{n:02}" for n in range(100)),
    ):
        assert pattern_size.nodes(text) < pattern_size.MAX_NODES / 10
        pattern.Expression(text)


_piece = st.sampled_from(
    ["(", ")", "(?:", "a", "[", "]", "{3}", "{200}", "{1,9}", "+", "*", "|", "not ", " or ", "@", ":"]
)


@given(st.lists(_piece, max_size=80).map("".join), st.sampled_from(TYPES))
def test_anything_gives_minions_or_a_target_error(text: str, kind: str) -> None:
    with contextlib.suppress(TargetError):
        assert set(Target(text, kind, limit_s=0.1).select(MINIONS, KNOWN)) <= set(MINIONS)


def test_nodegroups_that_grow_without_end_are_given_up() -> None:
    doubled = {f"g{n}": f"N@g{n + 1} or N@g{n + 1}" for n in range(40)} | {"g40": "web*"}
    nothing = {f"g{n}": [f"N@g{n + 1}", f"N@g{n + 1}"] for n in range(40)} | {"g40": []}
    crossed = {f"g{n}": " or ".join(f"N@g{other}" for other in range(12)) for n in range(12)}
    names = {"g0": ["or", *["N@long"] * 1000], "long": [f"host{n}.example.com" for n in range(10_000)]}
    deep = {f"g{n}": f"N@g{n + 1} and web*" for n in range(200)} | {"g200": "web*"}
    for groups, message in (
        (doubled, f"over {MAX_WORDS:,} words"),
        (nothing, f"over {MAX_WORDS:,} words"),
        (crossed, f"over {MAX_WORDS:,} words"),
        (names, f"over {MAX_LISTED_CHARS:,} characters"),
        (deep, f"nested over {MAX_DEPTH} deep"),
    ):
        for kind, target in (("nodegroup", "g0"), ("compound", "web* or N@g0")):
            with pytest.raises(TargetTooCostly, match=message):
                Target(target, kind, nodegroups=Nodegroups(groups, "x"))


def test_what_many_patterns_cost_to_compile_is_limited_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Iterator[int] = iter(range(1_000_000))
    monkeypatch.setattr(effort.time, "thread_time", lambda: next(clock) * 0.01)
    with pytest.raises(TargetTooCostly, match="takes over 1 s"):
        Target(" or ".join(f"E@web{n}" for n in range(1000)), "compound")


def test_a_pattern_is_matched_unstoppably_only_where_it_takes_few_steps() -> None:
    for text in (r"(a|a)+!", r"(?:a*)*", r"(a+){2}", r"(?x)(a) +", "(?=(a+))", "(?P<x>a)*", r"(a|b|ab)*c"):
        assert quick_chars(text) == 0
    assert quick_chars(r"web\d+\.example") >= 255
    assert quick_chars("a*a*a*a*a*a*a*a*a*a*b") < 16
    assert quick_chars("(Deb|Ubu)") >= 1000
    assert quick_chars(r"web(\d)+(?:[a-z])*\.") == quick_chars(r"web\d+[a-z]*\.") > 0
    assert quick_chars(r"((\d)+)+") == quick_chars(r"(a(b)+)*") == 0
    assert quick_chars(r"(web|db)\d+-.*-(eu|us)\d\.example") >= 64
    assert quick_chars("(a|b)" * 100) == 0


def test_a_repeated_group_that_takes_a_text_in_one_way_is_as_a_repeated_sign() -> None:
    for text, same in (
        (r"(web|db|\d)+\.frank", r"x+\.frank"),
        (r"([a-z]+\.)+com", "x+com"),
        (r"(?:a|b[0-9]*c)*!", "x*!"),
        (r"([a-z]{1,9}-)+x", "x+x"),
    ):
        assert quick_chars(text) == quick_chars(same) >= 253
    for text in (
        r"(a|a)+!", r"(a|ab)+!", r"(a+)+!",
        r"(a*b?)*!", r"(a?)+!", r"(a*)*!", r"(a+a)+!", r"(a{2})+!", r"(|a)+!", r"()+!",
        r"(\w|\d)+!", r"(.|b)+!", r"([^a]|b)+!", r"(a+b?)+!", r"(a|b+?)+!", r"(a|b++)*!", r"(a|\1)+!", r"(é|É|\w)+!",
        r"(?i)(a|A)+!", r"(a|(b|b))+!", r"((ab)+)+!", r"(a*a*[([abc])*!", r"(a*a*\(b)*!",
        r"(a*a*[](b])*!", r"(a*a*[^](b])*!", r"(a*a*[\](b])*!", r"([ab]|[^c])+!", r"(a{}a|a)+!", r"(x\\(a|a))+!",
    ):  # fmt: skip
        assert quick_chars(text) == 0, text


@given(st.text("ab|.+*?()[^]\\{2}", max_size=12))
def test_what_is_taken_for_quick_is_quick(body: str) -> None:
    expression = f"({body})+!"
    with contextlib.suppress(TargetError):
        compiled = pattern.Expression(expression)
        for text in ("a" * 30, "ab" * 15, "(a" * 15):
            if quick_chars(expression) >= len(text):
                assert compiled._quick(text) is None


@given(
    st.lists(st.sampled_from(["a", "b", ".", "a*", "a+?", "[ab]*", "(a|b)", "(?:ab?)", "|", "a{0,9}", "^"]), max_size=8)
)
def test_quick_and_stoppable_matching_agree(parts: list[str]) -> None:
    text = "".join(parts)
    compiled = pattern.Expression(text)
    for value in ("", "a", "ab" * 20, "b" * 9 + "a"):
        quick = bool(compiled._quick(value))
        assert bool(Effort("x", KNOWN, 5.0).matches(compiled._stoppable(), value)) == quick


@pytest.mark.parametrize("target", ["*:" * 16 + "x", "*:" * 8 + "a:" * 8 + "x", "a:" * 8 + "*:" * 8 + "x"])
def test_wildcards_over_deep_data_end_in_time(target: str) -> None:
    deep: Any = "y"
    for _ in range(12):
        deep = {"a": deep, "b": [deep, {"c": deep}], "*": deep}
    known = Known(DataFacts(lambda _: deep))
    for kind in ("grain", "grain_pcre"):
        with contextlib.suppress(TargetTooCostly):
            assert Target(target, kind, limit_s=0.05).select(MINIONS, known) == []


@given(st.text("ab.*+?(){2}[]\\^$|", max_size=10), st.sets(st.text("ab.", max_size=6), min_size=40))
def test_what_a_pattern_must_have_in_it_is_in_all_that_it_matches(expression: str, texts: set[str]) -> None:
    for kind in (pattern.Expression, pattern.glob):
        with contextlib.suppress(TargetError):
            compiled = kind(expression)
            held = compiled.under(Effort("x", KNOWN, 5.0))
            assert compiled.of(texts, Effort("x", KNOWN, 5.0)) == [text for text in texts if held(text)]


def test_what_a_pattern_must_have_in_it() -> None:
    for text, longest in (
        (r"web\d+7\.frank", "7.frank"), ("deb.*n", "deb"), ("ab?c", "a"), ("ab*", "a"), ("ab+c", "ab"), ("a|bc", ""),
        ("(?i)abc", ""), ("(abc)?d", "d"), ("a(?:bc)*de", "de"), ("[abc]d", "d"), ("(?P<n>abc)", ""),
        ("abc{2}de", "ab"), (r"\wabc", "abc"), ("^abc$", "abc"), ("(?!abc)d", ""), ("", ""),
    ):  # fmt: skip
        assert literal(text) == longest
