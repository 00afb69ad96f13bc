"""What is a join token, and where it may stand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import KeyStoreError
from saltern.join_token import Invite, read_token


@pytest.mark.parametrize("bad", ["", "x", "saltern1.", "saltern1.AAAA", "saltern1.!!!", "saltern1.kZGRkZE"])
def test_what_is_no_token(bad: str) -> None:
    with pytest.raises(KeyStoreError, match="this is not a join token: paste the line that saltern-key"):
        read_token(bad)


INVITE = Invite("master.example", 4505, 4506, "k" * 40, "a-secret_of-its-own-0123")


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "  {}\n",
        "echo {} | saltern-agent --join -\n",
        "saltern-agent --join {}",
        "# saltern-agent --join '{}'   # good until noon\n",
        '"{}"',
        "https://wiki.example/?q={}&x=1",
    ],
)
def test_the_whole_line_may_be_pasted(line: str) -> None:
    assert read_token(line.format(INVITE.token())) == INVITE


def test_a_line_that_a_terminal_broke_is_put_together() -> None:
    token = INVITE.token()
    for at in range(9, len(token), 7):
        assert read_token(f"saltern-agent --join {token[:at]}\n{token[at:]}\n") == INVITE


def test_a_token_that_was_cut_off_says_so() -> None:
    for length in (20, 60, len(INVITE.token()) - 1):
        with pytest.raises(KeyStoreError, match="the one here is damaged, perhaps cut off"):
            read_token(INVITE.token()[:length])


@pytest.mark.parametrize(
    "changed", [{"host": "bad host"}, {"host": ""}, {"ret_port": 0}, {"publish_port": 70000}, {"master_key": "short"}]
)
def test_a_token_that_leads_nowhere_is_none(changed: dict[str, Any]) -> None:
    with pytest.raises(KeyStoreError, match="this is not a join token"):
        read_token(INVITE._replace(**changed).token())


@given(st.text())
def test_any_text_is_no_token(text: str) -> None:
    with pytest.raises(KeyStoreError):
        read_token(f"saltern1.{text}")
