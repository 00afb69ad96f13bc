"""Grammars: what may name a minion, a job, an environment, a path."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import IdError
from saltern.ids import (
    JidSource,
    check_env,
    check_jid,
    check_minion_id,
    check_path,
    jid_of,
    names_every_host,
)


@pytest.mark.parametrize("good", ["a", "web01", "web01.example.com", "A-b_c.9", "x" * 253, "web_"])
def test_minion_ids(good: str) -> None:
    assert check_minion_id(good) == good


@pytest.mark.parametrize(
    "bad", ["", ".", "..", "-x", ".x", "a/b", "a..b", "a b", "a\n", "*", "x" * 254, "ü", None, 3, b"web", "a-", "a."]
)
def test_what_is_no_minion_id(bad: object) -> None:
    with pytest.raises(IdError, match="is not valid"):
        check_minion_id(bad)


@given(st.text())
def test_a_checked_path_never_leaves_its_root(text: str) -> None:
    try:
        path = check_path(text)
    except IdError:
        return
    assert os.path.normpath(os.path.join("/root", path)).startswith("/root/")


@pytest.mark.parametrize("bad", ["", "/etc/passwd", "a/../b", "./a", "a//b", "a/", "a\\b", "a\0", 7])
def test_bad_paths(bad: object) -> None:
    with pytest.raises(IdError):
        check_path(bad)


def test_jids_never_repeat() -> None:
    source = JidSource()
    jids = [source.next() for _ in range(10_000)]
    assert len(set(jids)) == len(jids)
    assert all(check_jid(jid) for jid in jids)


def test_jids_are_utc_so_that_no_hour_comes_twice() -> None:
    assert jid_of(1_792_890_000.25) == "20261025010000250000"
    assert jid_of(1_792_890_000.25 + 3600) == "20261025020000250000"


@pytest.mark.parametrize("bad", ["base/../x", "", "..", "a b", None])
def test_bad_environments(bad: object) -> None:
    with pytest.raises(IdError):
        check_env(bad)


@pytest.mark.parametrize("path", ["\ud800", "a/\udcff", "a\0b", "a\\b"])
def test_a_path_can_be_asked_of_the_kernel(path: str) -> None:
    with pytest.raises(IdError, match="is not valid: use a relative path"):
        check_path(path)


@pytest.mark.parametrize("digit", ["\u0662", "\u0967", "\uff11", "\U0001d7d8"])
def test_a_jids_digits_are_ascii(digit: str) -> None:
    with pytest.raises(IdError, match="a jid is 20 digits"):
        check_jid(digit * 20)


def test_names_that_every_host_has() -> None:
    for name in (
        "localhost",
        "LocalHost",
        "localhost.localdomain",
        "localhost.example.com",
        "ip6-localhost",
        "127.0.1.1",
    ):
        assert names_every_host(name), name
    for name in ("localhost1", "web.localhost", "my-localhost", "127.0.0.1.example", "10.127.0.0"):
        assert not names_every_host(name), name
