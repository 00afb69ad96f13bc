"""Schema files in Carbon's format: what they mean, and how a bad one is named."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
import whisper
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.main import main
from saltern_graphite.rules.conf_file import parse_sections
from saltern_graphite.rules.rollup import METHODS, Aggregations
from saltern_graphite.rules.schemas import DEFAULT_SCHEMA, Retention, Schemas, parse_retentions
from saltern_graphite.tools.advice import advise


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "archives"),
    [
        ("60:10080", [(60, 10080)]),
        ("15s:2d,1m:14d,10m:1y", [(15, 11520), (60, 20160), (600, 52560)]),
        ("1h:3y, 60s:1d , 5m:30d", [(60, 1440), (300, 8640), (3600, 26280)]),
        ("1w:1y", [(604800, 52)]),
    ],
)
def test_retentions_mean_what_they_mean_to_whisper(text: str, archives: list[tuple[int, int]]) -> None:
    assert parse_retentions(text) == tuple(Retention(*archive) for archive in archives)
    assert sorted(whisper.parseRetentionDef(part) for part in text.split(",")) == archives
    whisper.validateArchiveList(list(archives))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not precision:retention"),
        ("15s", "not precision:retention"),
        ("15x:1d", "not precision:retention"),
        ("15s:-1d", "not precision:retention"),
        ("0s:1d", "is zero"),
        ("1h:1m", "no point at all"),
        ("60:1d,60:2d", "keep one"),
        ("60s:1d,90s:2d", "does not divide"),
        ("60s:1d,300s:1d", "no more than the finer"),
        ("1s:5,10s:100", "too few"),
        ("1s:200y", "136 years"),
        ("1s:20y", "4 GiB"),
    ],
)
def test_bad_retentions_say_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_retentions(text)


def test_first_matching_section_wins_and_the_rest_gets_the_default(tmp_path: Path) -> None:
    write(
        tmp_path,
        "storage-schemas.conf",
        "# comment\n; another\n[carbon]\npattern = ^carbon\\.\nretentions = 60:90d\n"
        "[cpu]\nPattern: \\.cpu\\.\nRETENTIONS: 10s:1d\n[a]\npattern = ^a\nretentions = 1s:1h\n",
    )
    schemas = Schemas.load(str(tmp_path))
    assert schemas.problems == []
    assert schemas.match("carbon.agents.cpu.x").name == "carbon"
    assert schemas.match("a.cpu.b").retentions == (Retention(10, 8640),)
    assert schemas.match("a.b").name == "a"
    assert schemas.match("b") is DEFAULT_SCHEMA


def test_values_go_on_and_defaults_hold_as_in_carbon(tmp_path: Path) -> None:
    write(
        tmp_path,
        "storage-schemas.conf",
        "[DEFAULT]\nretentions = 1m:1d\n[a]\npattern = ^app\\.\n"
        "retentions = 30s:2d,\n    5m:60d,\n\n  # why\n    1h:1y\n"
        "[b]\n  pattern = ^b\n  retentions = 10s:1d\n[c]\npattern = ^c\n",
    )
    schemas = Schemas.load(str(tmp_path))
    assert schemas.problems == []
    assert schemas.match("app.x").retentions == parse_retentions("30s:2d,5m:60d,1h:1y")
    assert schemas.match("b").retentions == parse_retentions("10s:1d")
    assert schemas.match("c").retentions == parse_retentions("1m:1d")
    assert [schema.name for schema in schemas.schemas] == ["a", "b", "c"]


def test_the_section_default_is_one_like_others_where_it_has_a_pattern_as_in_carbon(tmp_path: Path) -> None:
    write(
        tmp_path,
        "storage-schemas.conf",
        "[a]\npattern = ^a\nretentions = 1s:1h\n[DEFAULT]\npattern = ^[ab]\nretentions = 1m:1d\n"
        "[c]\npattern = ^[bc]\n[d]\nretentions = 1s:1m\n",
    )
    schemas = Schemas.load(str(tmp_path))
    assert schemas.problems == []
    assert [schemas.match(name).name for name in "abc"] == ["a", "DEFAULT", "c"]
    assert schemas.match("c").retentions == schemas.match("b").retentions == parse_retentions("1m:1d")
    write(tmp_path, "storage-aggregation.conf", "[DEFAULT]\npattern = .*\naggregationMethod = sum\n")
    rules = Aggregations.load(str(tmp_path))
    assert (rules.problems, rules.match("a").method) == ([], "sum")


def test_values_refer_to_others_as_in_carbon(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "storage-schemas.conf",
        "[DEFAULT]\nfine = 10s:1d\nboth = %(fine)s,%(COARSE)s\ncoarse = 1m:30d\n"
        "[a]\npattern = ^a%%\nretentions = %(both)s\n[b]\npattern = ^b%\nretentions = %(fine)s\ncoarse = 1h:1y\n"
        "[c]\npattern = ^c\nretentions = %(none)s\n[d]\npattern = ^%(pattern)s\nretentions = 1m:1d\n",
    )
    schemas = Schemas.load(str(tmp_path))
    assert schemas.match("a%").retentions == parse_retentions("10s:1d,1m:30d")
    assert schemas.match("b%").retentions == parse_retentions("10s:1d")
    assert [str(problem) for problem in schemas.problems] == [
        f"{path}:14: retentions in [c]: there is no key 'none', to which %(none)s refers",
        f"{path}:16: pattern in [d]: %(pattern)s leads in circles",
    ]
    assert [problem.line for problem in advise(str(tmp_path))] == []


def test_bad_sections_are_named_and_the_others_work(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "storage-schemas.conf",
        "stray = 1\n[regex]\npattern = (\nretentions = 1m:1d\n[none]\npattern = x\n[good]\npattern = ^g\n"
        "retentions = 1m:1d\n[bad]\npattern = ^b\nretentions = 1m\n[good]\npattern = .\n[odd\n[junk]\nwhat is this\n",
    )
    schemas = Schemas.load(str(tmp_path))
    assert [schema.name for schema in schemas.schemas] == ["good"]
    told = [str(problem) for problem in schemas.problems]
    assert [problem.line for problem in schemas.problems] == [1, 3, 5, 12, 13, 15, 17]
    assert all(line.startswith(f"{path}:") for line in told)
    assert "before any [section]" in told[0]
    assert "not a regular expression" in told[1]
    assert "no retentions" in told[2]
    assert "there twice" in told[4]


def test_aggregation_rules_and_their_defaults(tmp_path: Path) -> None:
    write(
        tmp_path,
        "storage-aggregation.conf",
        "[min]\npattern = \\.min$\nxFilesFactor = 0.1\naggregationMethod = min\n"
        "[half]\npattern = ^half\nxFilesFactor = 0.5\n"
        "[bad]\npattern = .\naggregationMethod = mean\n[worse]\npattern = .\nxFilesFactor = 2\n"
        "[empty]\npattern = .\nxFilesFactor =\n",
    )
    rules = Aggregations.load(str(tmp_path))
    assert (rules.match("a.min").method, rules.match("a.min").x_files_factor) == ("min", 0.1)
    assert (rules.match("half").method, rules.match("half").x_files_factor) == ("average", 0.5)
    assert (rules.match("a.b").method, rules.match("a.b").x_files_factor) == ("average", 0.0)
    assert [problem.line for problem in rules.problems] == [10, 13, 16]


def test_methods_are_whispers() -> None:
    assert {place + 1: method for place, method in enumerate(METHODS)} == whisper.aggregationTypeToMethod


def test_missing_folder_is_the_built_in_default(tmp_path: Path) -> None:
    assert Schemas.load(str(tmp_path / "no")).problems == []
    assert Aggregations.load(str(tmp_path / "no")).problems == []


def test_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "storage-schemas.conf").write_bytes(b"\xff\xfe")
    (problem,) = Schemas.load(str(tmp_path)).problems
    assert "not UTF-8" in str(problem)


def test_bytes_of_another_encoding_cost_the_section_that_they_are_in(tmp_path: Path) -> None:
    path = tmp_path / "storage-schemas.conf"
    text = (
        "# für alle\n[a]\npattern = ^a\nretentions = 10s:1h\n[b]\npattern = ^bü\nretentions = 10s:1h\n"
        "[ü]\npattern = ^u\nretentions = 10s:1h\n[c]\npattern = ^c\n; für c\nretentions =\n  10s:1h,\n  1m:1d\n"
    )
    path.write_text(text, encoding="latin-1")
    schemas = Schemas.load(str(tmp_path))
    assert [schema.name for schema in schemas.schemas] == ["a", "c"]
    assert list(map(str, schemas.problems)) == [f"{path}:6: not UTF-8", f"{path}:8: not UTF-8"]
    assert main(["validate", "--conf", str(tmp_path), "a.b"]) == 1
    path.write_text(text, encoding="utf-8")
    assert [schema.name for schema in Schemas.load(str(tmp_path)).schemas] == ["a", "b", "ü", "c"]
    path.write_text(text, encoding="utf-16")
    assert Schemas.load(str(tmp_path)).schemas == []


def test_validate_shows_sections_and_answers_by_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "storage-schemas.conf", "[a]\npattern = ^a\nretentions = 10s:1h\n")
    assert main(["validate", "--conf", str(tmp_path), "a.b", "z"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a.b: [a] 10s:360; [built-in default] average, xFilesFactor 0",
        "z: [built-in default] 15s:11520,60s:20160,600s:52560; [built-in default] average, xFilesFactor 0",
    ]
    assert main(["validate", "--conf", str(tmp_path), "a..b"]) == 1
    assert "refused (empty_segment)" in capsys.readouterr().out
    Path(path).write_text("[a]\npattern = ^a\n")
    assert main(["validate", "--conf", str(tmp_path)]) == 1
    assert f"{path}:1:" in capsys.readouterr().out


_LINES = (
    *("[a]", "[b]", "[DEFAULT]", "[ c ]", "[a] # x", " [d]", "[e]]", "[[f]]", "[h];", "[]"),
    *("# c", "  ; c", "", "   ", "k=v", "k = ", "K: 1", "  k2 = 3", "a=b:c", "a:b=c", "x = a ; b", "=x", "k"),
    *("pattern: x=y", "  more", "\tmore", "  [z]", "retentions = 1s:1d,", "    5m:1y", "  k3=v\t", "\u00a0 odd"),
    *("r = %%", "r2 = a%(K)sb", "  %(r2)s%(r)s", "k4 = %%(k)s"),
)


def _without_blanks(value: str) -> str:
    return "\n".join(line.strip() for line in value.split("\n") if line.strip())


@settings(max_examples=500)
@given(st.lists(st.sampled_from(_LINES), max_size=8).map("\n".join))
def test_what_carbons_parser_takes_is_read_alike(text: str) -> None:
    theirs = configparser.ConfigParser()
    try:
        theirs.read_string(text)
        names = [*(["DEFAULT"] if "pattern" in theirs.defaults() else []), *theirs.sections()]
        read = {name.strip(): {key: _without_blanks(value) for key, value in theirs.items(name)} for name in names}
    except configparser.Error:
        return  # here that costs a section, not the file
    sections, problems = parse_sections(text, "f")
    assert problems == []
    assert {one.name: {key: value for key, (value, _) in one.options.items()} for one in sections} == read
