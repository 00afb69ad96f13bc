"""Secrets are struck out of logs; prose is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.redaction import redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token=abc", "token=***"),
        ("events_token: abcdef", "events_token: ***"),
        ("EVENTS_TOKEN = abcdef, next", "EVENTS_TOKEN = ***, next"),
        ("password: hunter", "password: ***"),
        ("joined with token: abcdef123456 and password='hunter22'", "joined with token: *** and password=***"),
        ("connect failed, password: hunter was wrong", "connect failed, password: *** was wrong"),
        ("{'password': 'it\\'s, a secret', 'a': 1}", "{'password': ***, 'a': 1}"),
        ('{"api_key":"abc def","b":2}', '{"api_key":***,"b":2}'),
        ("{'secret_key': b'\\x00abc'}", "{'secret_key': ***}"),
        ("password='cut off here", "password=*** off here"),
        ("mysql --password hunter2 -e x", "mysql --password *** -e x"),
        ("x --join-token=abc", "x --join-token=***"),
        ("PGPASSWORD=a;b&c psql", "PGPASSWORD=*** psql"),
        ("can't fetch https://me:p@ss@host/repo.git: no", "can't fetch https://me:***@host/repo.git: no"),
        ("can't fetch https://ghp_abc@github.com/x: no", "can't fetch https://***@github.com/x: no"),
        ("postgresql+psycopg://u:pw@db/jobs", "postgresql+psycopg://u:***@db/jobs"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("{'authorization': 'Basic dTpw'}", "{'authorization': 'Basic ***'}"),
        ("saltern-agent --join saltern1.k6kyAbCdEf-_", "saltern-agent --join saltern1.***"),
        ("token: first\nsecond", "token: ***\nsecond"),
        ("/srv/db/password: hunter2", "/srv/db/password: ***"),
    ],
)
def test_a_secret_is_struck_out(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "minion web01 came with a join token that is used up, expired or unknown",
        "this is not a join token: paste the whole line that saltern-key --invite printed",
        "tokens: 5 left, passwords: none",
        "it is a link to /etc/passwd: it is an absolute one",
        "the password was changed; a secret (of the host) is gone",
        "token 'abc' is no option",
        "no such file: /etc/saltern/password",
        "can't fetch ssh://git@github.com/x: no",
        "http://127.0.0.1:8080/render: refused",
        "fingerprint 12:34:ab of the public key 'abc'",
    ],
)
def test_prose_stays(text: str) -> None:
    assert redacted(text) == text


@given(st.text())
def test_any_text_can_be_redacted_and_again(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


@given(st.text(), st.sampled_from(["token", "x_password", "API_KEY", "private_key"]), st.text("abXY09-_.", min_size=1))
def test_no_value_that_is_given_to_a_name_is_left(before: str, name: str, value: str) -> None:
    assert redacted(f"{before} {name}={value} end").endswith(f"{name}=*** end")
