"""``validate``: every mistake by file, line and reason, and no complaint about what Carbon's own check accepts."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import whisper
from hypothesis import example, given
from hypothesis import strategies as st

from saltern_graphite.main import main
from saltern_graphite.rules.schemas import Retention, parse_retentions

CARBONS_EXAMPLE = """\
# Schema definitions for Whisper files. Entries are scanned in order,
# and first match wins. This file is scanned for changes every 60 seconds.

[carbon]
pattern = ^carbon\\.
retentions = 60:90d

[default_1min_for_1day]
pattern = .*
retentions = 60s:1d
"""


def validate(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[str]]:
    status = main(["validate", "--conf", str(folder), *more])
    return status, capsys.readouterr().out.replace(f"{folder}/", "").splitlines()


def test_carbons_own_example_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "storage-schemas.conf").write_text(CARBONS_EXAMPLE)
    assert validate(tmp_path, capsys) == (0, [f"{tmp_path}: 2 schemas, 0 aggregations, nothing wrong"])


def test_every_mistake_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "storage-schemas.conf").write_text(
        "[both]\npattern = (\nretentions = 1m\n[empty]\n[steps]\npattern = a\nretentions = 60s:1d,90s:2d\n"
    )
    (tmp_path / "storage-aggregation.conf").write_text(
        "[all]\npattern = [\nxFilesFactor = 1.5\naggregationMethod = mean\n"
    )
    status, lines = validate(tmp_path, capsys)
    assert status == 1
    assert [line.split(": ")[0] for line in lines] == [
        "storage-schemas.conf:2",
        "storage-schemas.conf:3",
        "storage-schemas.conf:4",
        "storage-schemas.conf:4",
        "storage-schemas.conf:7",
        "storage-aggregation.conf:2",
        "storage-aggregation.conf:3",
        "storage-aggregation.conf:4",
    ]
    assert lines[4].endswith("a step of 60 s does not divide the next, 90 s")


def test_what_is_hardly_meant_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "storage-schemas.conf").write_text(
        "[first]\npattern = ^a\nretension = 1m:1d\nretentions = 1m:1d\n"
        "[same]\npattern = ^a\nretentions = 1m:2d\n"
        "[quoted]\npattern = '^q'\nretentions = 1m:1d\nretentions = 1m:2d\n"
        "[all]\npattern = .*\nretentions = 1m:1d\n"
        "[late]\npattern = ^late\nretentions = 1m:1d\n"
    )
    (tmp_path / "storage-aggregation.conf").write_text(
        "[DEFAULT]\nfactor = 1\n[x]\npattern = ^x\npriority = 1\n[y]\npattern = ^y\n"
    )
    status, lines = validate(tmp_path, capsys)
    assert status == 0
    assert lines[:-1] == [
        "warning: storage-schemas.conf:3: key 'retension' in [first] means nothing: did you mean retentions?",
        "warning: storage-schemas.conf:5: section [same] is never reached: [first] in line 1 has the same pattern",
        "warning: storage-schemas.conf:9: pattern '^q' in [quoted] is in quotes, which are part of it: "
        "no name has them",
        "warning: storage-schemas.conf:11: retentions is said again in [quoted]: the last one counts "
        "(Carbon refuses such a file)",
        "warning: storage-schemas.conf:15: section [late] is never reached: [all] in line 12 takes every name",
        "warning: storage-aggregation.conf:2: key 'factor' in [x] means nothing: did you mean xFilesFactor?",
        "warning: storage-aggregation.conf:5: key 'priority' in [x] means nothing here: the first section that fits "
        "counts, as in Carbon; go-carbon goes by this number first",
    ]
    assert validate(tmp_path, capsys, "--strict")[0] == 1


def test_no_files_are_no_fault_but_no_folder_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = validate(tmp_path, capsys)
    assert status == 0
    assert lines[0].startswith("warning: storage-schemas.conf: there is no such file: every metric gets 15s:2d")
    assert main(["validate", "--root", str(tmp_path / "nowhere"), "a.b"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/nowhere/conf: there is no such folder: every metric gets 15s:2d,1m:14d,10m:1y, average, "
        "xFilesFactor 0",
        "a.b: [built-in default] 15s:11520,60s:20160,600s:52560; [built-in default] average, xFilesFactor 0",
    ]
    (tmp_path / "file").touch()
    assert main(["validate", "--conf", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err == f"saltern-graphite: {tmp_path}/file: is no folder\n"


def test_lists_of_names_are_checked_and_asked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 1m:1d\n")
    (tmp_path / "blacklist.conf").write_text("^spam\n*oops\n")
    (tmp_path / "whitelist.conf").write_bytes(b"\xef\xbb\xbf^good\n")
    status, lines = validate(tmp_path, capsys, "spam.a", "other", "good.a")
    assert status == 1
    assert lines[0].startswith("blacklist.conf:2: '*oops' is no regular expression: ")
    assert lines[1:3] == ["spam.a: refused (blacklistMatches)", "other: refused (whitelistRejects)"]
    assert lines[3].startswith("good.a: [all] ")


def test_a_folder_or_a_file_is_no_metric(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for what in (tmp_path, tmp_path / "storage-schemas.conf"):
        assert main(["validate", str(what)]) == 2
        assert capsys.readouterr().err.endswith(f"for the files of a folder: --conf {tmp_path}\n")


def test_files_of_carbon_that_would_change_what_is_stored_are_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 1m:1d\n")
    (tmp_path / "rewrite-rules.conf").write_text("# rules\n[pre]\n^a\\. = b.\n")
    (tmp_path / "aggregation-rules.conf").write_text("# none\n\n")
    status, lines = validate(tmp_path, capsys)
    assert status == 0
    assert lines[:-1] == ["warning: rewrite-rules.conf: is not read here: metrics keep the names they come with"]


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf[all]\r\npattern = .*\r\nretentions = 1m:1d\r\n",
        b"[all] # everything\npattern = .*\nretentions = 1m:1d\n",
    ],
    ids=["a mark and carriage returns", "a comment after the header"],
)
def test_what_editors_and_configparser_take_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    (tmp_path / "storage-schemas.conf").write_bytes(text)
    assert validate(tmp_path, capsys, "a")[1] == ["a: [all] 60s:1440; [built-in default] average, xFilesFactor 0"]


def test_a_pattern_beyond_all_bounds_costs_its_section_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "storage-schemas.conf").write_text(
        "[huge]\npattern = a{99999999999}\nretentions = 1m:1d\n[all]\npattern = .*\nretentions = 1m:2d\n"
    )
    status, lines = validate(tmp_path, capsys, "a")
    assert (status, lines[1][:8]) == (1, "a: [all]")
    assert lines[0].startswith("storage-schemas.conf:2: pattern 'a{99999999999}' in [huge] is not a regular expression")


def test_tagged_names_are_shown_as_they_are_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "storage-schemas.conf").write_text("[disk]\npattern = ;host=a\nretentions = 1m:1d\n")
    status, (line,) = validate(tmp_path, capsys, "disk;rack=1;host=a")
    assert (status, line) == (0, "disk;host=a;rack=1: [disk] 60s:1440; [built-in default] average, xFilesFactor 0")


_lengths = st.builds(
    "{}{}".format,
    st.integers(0, 90),
    st.sampled_from(["", "s", "m", "min", "h", "hour", "d", "days", "w", "y", "x", "M"]),
)
_definitions = st.lists(st.builds("{}:{}".format, _lengths, _lengths), min_size=1, max_size=3).map(",".join)


def librarys(text: str) -> tuple[Retention, ...] | None:
    """What the library makes of *text*; ``None`` where it refuses it, or would make a file that can't work."""
    try:
        archives = sorted(whisper.parseRetentionDef(part) for part in text.split(","))
        whisper.validateArchiveList(archives)
    except (ValueError, ZeroDivisionError, whisper.InvalidConfiguration):
        return None
    if not all(step and points and step * points < 2**32 for step, points in archives):
        return None
    if sum(points for _, points in archives) * 12 > 2**32 - 4096:
        return None
    return tuple(Retention(*archive) for archive in archives)


@given(_definitions)
@example("10s:1d,1min:7days")
@example("60:10,5m:20")
def test_retentions_are_right_where_the_library_says_so(text: str) -> None:
    found: tuple[Retention, ...] | None = None
    with contextlib.suppress(ValueError):
        found = parse_retentions(text)
    assert found == librarys(text)
