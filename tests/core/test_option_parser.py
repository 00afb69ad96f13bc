"""Command lines as Salt's programs take them."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest

from saltern.cli.command import add_argument_options, add_output_arguments, command_parser, set_up_log
from saltern.errors import UsageError
from saltern.option_parser import OptionParser
from saltern.output.options import Output


def parser() -> OptionParser:
    parser = command_parser("saltern", "saltern [options] <words>", "Say words.", "  saltern hello")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("-E", "--pcre", action="store_true")
    kinds.add_argument("-G", "--grain", action="store_true")
    parser.add_argument("-t", "--timeout", type=float)
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--return", dest="returner")
    parser.add_argument("--return_config")
    add_output_arguments(parser)
    add_argument_options(parser)
    return parser


@pytest.mark.parametrize(
    ("words", "others", "options"),
    [
        (["*", "test.ping"], ["*", "test.ping"], {"timeout": None}),
        (["-vE", "*", "-t", "5", "a", "--verbose"], ["*", "a"], {"verbose": True, "pcre": True, "timeout": 5.0}),
        (["-t5", "*"], ["*"], {"timeout": 5.0}),
        (["-vt5", "*"], ["*"], {"timeout": 5.0, "verbose": True}),
        (["--time", "5", "*"], ["*"], {"timeout": 5.0}),
        (["--timeout=5", "*"], ["*"], {"timeout": 5.0}),
        (["--return", "-x", "*"], ["*"], {"returner": "-x"}),
        (["--return=-x=y z", "*"], ["*"], {"returner": "-x=y z"}),
        (["--return=", "*"], ["*"], {"returner": ""}),
        (["--return", "-", "*"], ["*"], {"returner": "-"}),
        (["a", "-", "--", "-1", "--", "-v"], ["a", "-", "-1", "--", "-v"], {"verbose": False}),
        (["", "a b", "k=-1"], ["", "a b", "k=-1"], {}),
        (["--no-parse", "a, b", "x"], ["x"], {"no_parse": ("a", "b")}),
        (["--out-indent", "-1", "--output=json"], [], {"out_indent": -1, "out": "json"}),
    ],
)
def test_options_stand_anywhere(words: list[str], others: list[str], options: dict[str, object]) -> None:
    parsed = parser().parse(words)
    assert parsed.words == others
    assert {name: getattr(parsed, name) for name in options} == options


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-1"], "no such option: -1"),
        (["*", "test.echo", "- a"], "no such option: - "),
        (["---"], "no such option: ---"),
        (["--oops=3"], "no such option: --oops"),
        (["-vx"], "no such option: -x"),
        (["-\x1b"], "no such option: -\\x1b"),
        (["--retu", "x"], "ambiguous option: --retu (--return, --return_config?)"),
        (["--verbose=1"], "--verbose option does not take a value"),
        (["-t"], "-t option requires 1 argument"),
        (["-c", "", "*", "test.ping"], "option -c: must name a folder or a file, not nothing"),
        (["--config-dir="], "option --config-dir: must name a folder or a file, not nothing"),
        (["-t", "x"], "option -t: invalid floating-point value: 'x'"),
        (["-E", "-G"], "The options --pcre/--grain are mutually exclusive. Please only choose one of them"),
        (["--grain", "x", "-E"], "The options --pcre/--grain are mutually exclusive. Please only choose one of them"),
        (["-l", "loud"], "option -l: invalid choice: 'loud'"),
    ],
)
def test_wrong_usage_is_said_in_salts_words(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse(words)
    assert end.value.code == 64
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("Usage: saltern [options] <words>\n\n")
    assert f"\nsaltern: error: {said}" in shown.err


@pytest.mark.parametrize(("word", "part"), [("-V", "pyzmq: "), ("--version", "saltern 0"), ("-h", "Usage: saltern")])
def test_what_is_told_instead_of_done(word: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse([word, "*"])
    assert end.value.code == 0
    assert part in capsys.readouterr().out


def test_more_words_come_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("b c\n-t\n7\r\n\n"))
    parsed = parser().parse(["a", "-v", "--args-stdin"])
    assert (parsed.words, parsed.timeout, parsed.verbose) == (["a", "b c", ""], 7.0, True)


def options(*words: str) -> argparse.Namespace:
    return parser().parse(list(words))


def test_output_goes_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out"
    path.write_text("old\n")
    output = Output(options("--out-file", str(path)))
    assert path.read_text() == ""
    output.show({"a": True})
    output.show({"b": "ü\ud800"}, retcode=1)
    assert path.read_text() == "a:\n    True\nb:\n    ü\\ud800\n"
    Output(options("--out-file", str(path), "--out-file-append", "--out", "json", "--out-indent=-1")).show({"c": [1]})
    assert path.read_text().splitlines()[-1] == '{"c": [1]}'
    assert capsys.readouterr() == ("", "")
    with pytest.raises(UsageError, match="can't be written: Is a directory"):
        Output(options("--out-file", str(tmp_path)))


def test_out_beats_what_a_return_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    Output(options()).show({"a": "x"}, out="txt")
    Output(options("--out", "json", "--out-indent", "0")).show({"a": "x"}, out="txt")
    Output(options("--force-color")).show({"a": 1}, retcode=1)
    Output(options("--force-color", "--no-color")).show({"a": 1})
    assert capsys.readouterr().out == (
        'a: x\n{\n"a": "x"\n}\n'
        "\x1b[0;31ma\x1b[0;0m:\n    \x1b[0;1;33m1\x1b[0;0m\n\x1b[0;36ma\x1b[0;0m:\n    \x1b[0;1;33m1\x1b[0;0m\n"
    )


def test_the_log_goes_where_it_is_asked_for(tmp_path: Path) -> None:
    import logging

    try:
        set_up_log(options("--log-file", str(tmp_path / "log"), "--log-file-level", "info", "-l", "quiet"))
        logging.getLogger("saltern.test").info("hello")
        assert "hello" in (tmp_path / "log").read_text()
    finally:
        set_up_log(options())
