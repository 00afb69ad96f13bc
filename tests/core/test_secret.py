"""Secrets show as ``***`` wherever they get to, and pass only where it is said."""

from __future__ import annotations

import copy
import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from saltern import wire
from saltern.cli.secret_args import add_secret_arguments
from saltern.config import master_config, minion_config
from saltern.config.load import read_settings
from saltern.digest import digest_of
from saltern.errors import ConfigError, SalternError, WireError
from saltern.local import frame
from saltern.plain import Plain
from saltern.secret import MASK, MAX_DEPTH, MAX_SECRET_BYTES, Secret, masked, revealed, secret_texts

TEXT = "hunter2-hunter2"
ANY_TEXT = st.text(st.characters(codec=None), max_size=50)


def test_it_shows_as_stars() -> None:
    secret = Secret(TEXT)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r}", "%s" % secret, format(secret, ">5"), repr([secret])]  # noqa: UP031
    assert shown == [MASK, MASK, MASK, MASK, MASK, "  ***", "[***]"]
    assert not isinstance(secret, str)
    assert secret.reveal() == TEXT


def test_equal_texts_are_equal_and_nothing_else() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert hash(Secret(TEXT)) == hash(Secret(TEXT))
    assert Secret(TEXT) != Secret(TEXT + "x")
    assert Secret(TEXT) != TEXT
    assert Secret(MASK) != MASK
    assert hash(Secret(TEXT)) != hash(TEXT)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(Secret(TEXT), protocol)


def test_it_is_copied_and_no_text_of_json_or_yaml() -> None:
    secret = Secret(TEXT)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(yaml.YAMLError):
        yaml.safe_dump(secret)


# within values


def test_masked_and_revealed_copies() -> None:
    value = {"a": [1, Secret("x")], "b": {"c": (Secret("y"),)}, Secret("k"): 2, "d": b"z"}
    assert masked(value) == {"a": [1, MASK], "b": {"c": [MASK]}, MASK: 2, "d": b"z"}
    assert revealed(value) == {"a": [1, "x"], "b": {"c": ["y"]}, MASK: 2, "d": b"z"}
    assert secret_texts(value) == {"x", "y"}
    assert value["a"] == [1, Secret("x")]
    assert masked("plain") == "plain"


def test_what_is_too_deep_is_masked_whole() -> None:
    deep: Any = Secret(TEXT)
    for _ in range(5000):
        deep = [deep]
    shown: Any = masked(deep)
    for _ in range(MAX_DEPTH):
        (shown,) = shown
    assert shown == MASK
    assert secret_texts(deep) == {TEXT}


# on the wire


@given(ANY_TEXT)
def test_it_crosses_the_wire_where_secrets_may_pass(text: str) -> None:
    body = {"arg": [1, Secret(text)], "kwarg": {"k": Secret(text)}}
    for packed in (wire.pack("job", 0, body, secrets=True), wire.pack_any("job", 0, body, secrets=True)):
        assert wire.unpack(packed, secrets=True).body == body
        with pytest.raises(WireError, match=r"max_ext_len|extension 1 is not taken here"):
            wire.unpack(packed)
    odd = wire.pack_value({"set": {1}, **body}, secrets=True)
    assert wire.unpack_value(odd, secrets=True) == {"set": [1], **body}


def test_a_value_with_another_secret_has_another_digest() -> None:
    assert digest_of({"p": Secret("one")}) == digest_of({"p": Secret("one")}) != digest_of({"p": Secret("two")})


def test_elsewhere_it_becomes_stars() -> None:
    body = {"return": {"password": Secret(TEXT)}, "fun_args": [Secret(TEXT)]}
    for packed in (wire.pack_any("ret", 0, body), wire.pack_value(body), frame(body), frame([Secret(TEXT)])):
        assert TEXT.encode() not in packed
    assert wire.unpack(wire.pack_any("ret", 0, body)).body["return"] == {"password": MASK}
    with pytest.raises(WireError, match="can't be packed"):
        wire.pack("event", 0, body)
    assert Plain().of({"a": Secret(TEXT)}) == {"a": MASK}


@pytest.mark.parametrize(
    "packed",
    [
        b"\xc7\x00\x01",  # an empty extension, which no limit on length stops
        b"\xd4\x01x",
        b"\xd4\x02x",
        b"\xd6\xff\x00\x00\x00\x05",  # a time
        b"\xc9\x00\x02\x00\x00\x01",
    ],
)
def test_extensions_are_refused_where_none_is_due(packed: bytes) -> None:
    with pytest.raises(WireError):
        wire.unpack_value(packed)


@given(st.binary(max_size=100))
def test_any_bytes_with_secrets_are_values_or_a_wire_error(data: bytes) -> None:
    for packed in (data, b"\xc7" + bytes((len(data) % 256, 1)) + data, b"\xd6" + data):
        try:
            value = wire.unpack_value(packed, secrets=True)
        except WireError:
            continue
        again = wire.pack_value(value, secrets=True)
        assert wire.pack_value(wire.unpack_value(again, secrets=True), secrets=True) == again


@pytest.mark.parametrize("packed", [b"\xd4\x02x", b"\xd4\x01\xff", b"\xc7\x03\xffabc"])
def test_only_secrets_pass_where_they_may(packed: bytes) -> None:
    with pytest.raises(WireError):
        wire.unpack_value(packed, secrets=True)


def test_a_secret_is_bounded() -> None:
    longest = Secret("x" * MAX_SECRET_BYTES)
    assert wire.unpack_value(wire.pack_value(longest, secrets=True), secrets=True) == longest
    with pytest.raises(ValueError, match="a secret is over 65,536 bytes"):
        Secret("é" * (MAX_SECRET_BYTES // 2 + 1))


# in files


def test_texts_are_marked_in_yaml(tmp_path: Path) -> None:
    (tmp_path / "pillar").write_text(
        "password: !secret hunter2\npin: !secret 0042\nkey: !secret |\n  line one\n  line two\nin: {a: [!secret x]}\n"
    )
    found = {setting.key: setting.value for setting in read_settings(str(tmp_path / "pillar"))}
    assert found == {
        "password": Secret("hunter2"),
        "pin": Secret("0042"),
        "key": Secret("line one\nline two\n"),
        "in": {"a": [Secret("x")]},
    }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: !secret [1]\n", "line 1, column 4: is not YAML: !secret marks a text"),
        ("a:\n  b: !secret {c: d}\n", "line 2, column 6: is not YAML: !secret marks a text"),
        (f"a: !secret {'x' * (MAX_SECRET_BYTES + 1)}\n", "a secret is over 65,536 bytes"),
    ],
)
def test_a_mark_at_fault(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "pillar").write_text(text)
    with pytest.raises(ConfigError) as caught:
        list(read_settings(str(tmp_path / "pillar")))
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_for_secrets_may_be_marked(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(
        "events_token: !secret 12345678\nschedule: {x: {function: a.b, seconds: 60, args: [!secret s]}}\n"
    )
    options = master_config(tmp_path)
    assert options["events_token"] == "12345678"
    assert options["schedule"]["x"]["args"] == [Secret("s")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("log_level: !secret hunter2\n", "log_level is no secret: write it without !secret"),
        ("worker_threads: !secret hunter2\n", "worker_threads must be a whole number, not a secret (***)"),
        ("grains: !secret hunter2\n", "grains must be a mapping, not a secret (***)"),
    ],
)
def test_other_options_may_not(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "minion").write_text(text)
    with pytest.raises(ConfigError) as caught:
        minion_config(tmp_path)
    assert fault in str(caught.value)
    assert "hunter2" not in str(caught.value)


# on the command line


def given_as(*words: str, function: Any = "a.b") -> tuple[list[Any], dict[str, Any]]:
    args: list[Any] = ["first"]
    kwargs: dict[str, Any] = {"taken": 1}
    add_secret_arguments(words, function, args, kwargs)
    return args, kwargs


def test_secret_arguments_from_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, other = tmp_path / "pw", tmp_path / "a=b"
    file.write_bytes(b"hunter2\n\n")
    other.write_bytes(b"\xc3\xa9\r\n")
    file.chmod(0o600)
    other.chmod(0o640)
    assert given_as(str(file), f"pw={file}", str(other)) == (
        ["first", Secret("hunter2\n"), Secret("é")],
        {"taken": 1, "pw": Secret("hunter2\n")},
    )
    assert capsys.readouterr() == ("", "")


def test_a_file_that_everybody_can_read_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pw"
    file.write_text("hunter2")
    file.chmod(0o644)
    assert given_as(str(file))[0][1] == Secret("hunter2")
    told = f"saltern: --secret-arg-file {file}: every user can read it: chmod o= {file}\n"
    assert capsys.readouterr().err == told


@pytest.fixture
def stdin() -> Iterator[int]:
    """Standard input, put back at the end."""
    kept = os.dup(0)
    yield 0
    os.dup2(kept, 0)
    os.close(kept)


def test_standard_input(tmp_path: Path, stdin: int) -> None:
    (tmp_path / "in").write_text("hunter2\n")
    with open(tmp_path / "in") as stream:
        os.dup2(stream.fileno(), stdin)
    assert given_as("pw=-")[1]["pw"] == Secret("hunter2")
    os.close(stdin)
    with pytest.raises(SalternError, match="--secret-arg-file -: can't be read: Bad file descriptor"):
        given_as("-")


@pytest.mark.parametrize(
    ("words", "function", "fault"),
    [
        (["/nowhere/pw"], "a.b", "--secret-arg-file /nowhere/pw: can't be read: No such file or directory"),
        (["DIR"], "a.b", "--secret-arg-file DIR: can't be read: Is a directory"),
        (["-", "a=-"], "a.b", "--secret-arg-file -: standard input can be read once"),
        (["taken=DIR/pw"], "a.b", "taken is given twice"),
        (["a=DIR/pw", "a=DIR/pw"], "a.b", "a is given twice"),
        (["a\0b"], "a.b", "--secret-arg-file 'a\\x00b': can't be read: "),
        (["DIR/big"], "a.b", "big: a secret is over 65,536 bytes"),
        (["DIR/latin"], "a.b", "latin: is no text in UTF-8"),
        (["DIR/pw"], ["a.b", "c.d"], "can't be used with several functions: call them one by one"),
    ],
)
def test_arguments_at_fault(tmp_path: Path, words: list[str], function: Any, fault: str) -> None:
    (tmp_path / "pw").write_text("hunter2")
    (tmp_path / "big").write_text("x" * (MAX_SECRET_BYTES + 1))
    (tmp_path / "latin").write_bytes(b"hunter\xe9")
    with pytest.raises(SalternError) as caught:
        given_as(*[word.replace("DIR", str(tmp_path)) for word in words], function=function)
    assert fault.replace("DIR", str(tmp_path)) in str(caught.value)
    assert "hunter" not in str(caught.value)
    assert "\n" not in str(caught.value)
