"""What is a secret in ``proxy:`` by its name alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.secret import Secret, revealed, secret_texts
from saltern_agent.credentials import with_credentials

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("proxy", "secrets"),
    [
        ({"proxytype": "x", "password": "hunter22", "username": "fred"}, {"hunter22"}),
        ({"web": {"proxytype": "x", "auth": {"Bearer": "t0ken-of-ours"}}}, {"t0ken-of-ours"}),
        ({"proxytype": "x", "far": [{"api_key": "abcd"}, {"api_key": "efgh"}]}, {"abcd", "efgh"}),
        ({"proxytype": "snmp", "community": "public"}, set()),
        ({"proxytype": "snmp", "community": "our-own-one"}, {"our-own-one"}),
        ({"proxytype": "x", "password": "abc", "token": 12345, "secret": None, "passphrase": ["abcdef"]}, set()),
        ({"proxytype": "x", "password": Secret("marked already")}, {"marked already"}),
        ({"proxytype": "x", "key": "/etc/ssh/id", "url": "http://password/", "host_key": "ssh-ed25519 AAAA"}, set()),
        (
            {"headers": {"X-Api-Key": "k3y-of-ours", "X-Tenant": "dc-one", "X-Auth-Token": "t0ken"}},
            {"k3y-of-ours", "t0ken"},
        ),
        ({"headers": {"Authorization": "Bearer abc", "Cookie": "sid=1234"}}, {"Bearer abc", "sid=1234"}),
        ({"login_password": "hunter22", "token_name": "watcher"}, {"hunter22"}),
        ({"url": "https://fred:hunter22@10.0.0.9/api"}, {"https://fred:hunter22@10.0.0.9/api"}),
        ({"url": "https://fred@10.0.0.9/a:b@c", "other": "http://10.0.0.9/?to=fred:b@c"}, set()),
        ({"key": KEY, "note": "a PRIVATE KEY is a file"}, {KEY}),
    ],
)
def test_credentials_are_known_by_their_names(proxy: dict[str, Any], secrets: set[str]) -> None:
    pillar = {"proxy": proxy, "password": "of nobody"}
    found = with_credentials(pillar)
    assert secret_texts(found) == secrets
    assert revealed(found) == revealed(pillar)


def test_a_pillar_without_any_stays_the_same_object() -> None:
    for pillar in ({}, {"proxy": None}, {"proxy": {"proxytype": "dummy"}}, {"proxy": ["password"]}):
        assert with_credentials(pillar) is pillar


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["password", "a", "token", "proxytype"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(values)
def test_nothing_else_is_changed(proxy: Any) -> None:
    assert revealed(with_credentials({"proxy": proxy})) == {"proxy": proxy}
