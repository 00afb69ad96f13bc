"""Each process names the tests alike, or a run that shares them ends before it began."""

from __future__ import annotations

import gzip

import pytest

from conftest import pytest_make_parametrize_id


def name(value: object, config: pytest.Config) -> str | None:
    return pytest_make_parametrize_id(config, value, "answer")


def test_packed_bytes_name_no_test(pytestconfig: pytest.Config) -> None:
    then, now = (name(b"HTTP/1.1 200 OK\r\n\r\n" + gzip.compress(b"{}", mtime=at), pytestconfig) for at in (1, 2))
    assert then == now == "answer"
    assert name(bytearray(b"\xff"), pytestconfig) == "answer"


def test_what_can_be_read_does(pytestconfig: pytest.Config) -> None:
    assert name(b"ping", pytestconfig) is None
    assert name("Büro", pytestconfig) is None
