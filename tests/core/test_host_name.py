"""What may stand where a host is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import IdError
from saltern.host_name import check_host


@pytest.mark.parametrize(
    "good", ["master", "master.example.com", "master.example.com.", "a_b", "10.0.0.1", "::1", "fd00::1", "fe80::1%eth0"]
)
def test_hosts(good: str) -> None:
    assert check_host(good) == good
    assert check_host(f"[{good}]") == good


def test_a_name_of_other_letters_is_what_dns_has() -> None:
    assert check_host("münchen.example") == "xn--mnchen-3ya.example"


@pytest.mark.parametrize(
    "bad",
    [
        *("", " ", "a b", "-a", "a-", "a..b", ".a", "a/b", "10.0.0", "300.1.1.1", "1.2.3.4.5", "::1::", "12345::1"),
        *("[::1", "::1%", "a" * 64, "x." * 200, "é" * 80, None, 3, b"a", "a\n", "tcp://a", "a@b", "fe80::1%a b"),
    ],
)
def test_what_is_no_host(bad: object) -> None:
    with pytest.raises(IdError, match="is not a host name or an address"):
        check_host(bad)


@pytest.mark.parametrize("bad", ["master:4506", "10.0.0.1:4506", "[::1]:4506"])
def test_a_port_is_set_apart(bad: str) -> None:
    with pytest.raises(IdError, match="ports are set apart"):
        check_host(bad)


@given(st.text())
def test_any_text_is_a_host_or_an_error_of_ours(text: str) -> None:
    try:
        assert check_host(text).isascii()
    except IdError:
        return
