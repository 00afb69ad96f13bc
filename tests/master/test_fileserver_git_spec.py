"""Entries of gitfs_remotes: all the ways to write one, and every fault named."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ConfigError
from saltern_master.fileserver.gitfs.spec import RemoteSpec, parse_remotes, redact

WAYS = """
- https://h/a.git
- url: https://h/b.git
  ref: v1.2
  root: /saltern/
  mountpoint: salt://x/y
  saltenv: dev
  name: n
- https://h/c.git:
    - base: master
    - root: deep/er
    - mountpoint: salt://
- git@h:ops/d.git
- ssh://git@h:2222/e.git
- file:///srv/f.git
- /srv/g.git
"""


def test_every_way_to_write_a_remote() -> None:
    a, b, c, d, e, f, g = parse_remotes(yaml.safe_load(WAYS))
    assert a == RemoteSpec("https://h/a.git", "", "", "", "base", "https://h/a.git")
    assert b == RemoteSpec("https://h/b.git", "v1.2", "saltern", "x/y", "dev", "n")
    assert c == RemoteSpec("https://h/c.git", "master", "deep/er", "", "base", "https://h/c.git")
    assert [d.url, e.url, f.url, g.url] == [
        "git@h:ops/d.git",
        "ssh://git@h:2222/e.git",
        "file:///srv/f.git",
        "/srv/g.git",
    ]


def test_ref_is_more_exact_than_base() -> None:
    (spec,) = parse_remotes([{"https://h/a.git": [{"base": "main"}, {"ref": "v1.2"}]}])
    assert spec.ref == "v1.2"


def test_a_commit_is_known_as_one() -> None:
    (pin,) = parse_remotes([{"url": "https://h/a", "ref": "0123456789" * 4}])
    (branch,) = parse_remotes([{"url": "https://h/a", "ref": "release/1.2"}])
    assert pin.is_commit
    assert not branch.is_commit


def test_the_same_repository_may_serve_two_parts() -> None:
    one, two = parse_remotes([{"url": "https://h/a", "root": "x"}, {"url": "https://h/a", "root": "y"}])
    assert one.digest != two.digest


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c 'touch /tmp/pwned'",
        "ext::sh",
        "fd::7",
        "--upload-pack=touch /tmp/pwned",
        "-oProxyCommand=x",
        "ssh://-oProxyCommand=x/y",
        "-oProxyCommand=x:y",
        "ftp://h/x",
        "javascript://h/x",
        "relative/path",
        "https://",
        "https://[bad/x",
        "https://h/a b",
        "https://h/a\nb",
        "host::path",
        "transport::https://h/x",
    ],
)
def test_what_git_would_take_for_a_program_or_an_option_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"gitfs_remotes: remote 1 .*: url must begin with one of") as fault:
        parse_remotes([url])
    assert "\n" not in str(fault.value).replace(url, "")


@pytest.mark.parametrize(
    "ref", ["-x", "--upload-pack=x", "a..b", "a b", "a:b", "+a", "a~1", "a^", "a*", "x/", "a.lock"]
)
def test_what_is_no_ref_is_refused(ref: str) -> None:
    if ref == "+a":  # a legal name of a branch; it is never put at the start of a refspec
        assert parse_remotes([{"url": "https://h/a", "ref": ref}])[0].ref == ref
        return
    with pytest.raises(ConfigError, match="is not a branch, a tag or a commit"):
        parse_remotes([{"url": "https://h/a", "ref": ref}])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"url": "https://h/a", "brnach": "x"}, "remote 1 (https://h/a): unknown key 'brnach'"),
        ({"url": "https://h/a", "rooot": "x"}, "unknown key 'rooot': did you mean 'root'?"),
        ({"url": "https://h/a", "privkey": "x"}, "privkey is not used here: git reads its own credentials"),
        ({"url": "https://h/a", "ref": 1.2}, "ref must be text, not 1.2: put it in quotes"),
        ({"url": 5}, "url must be text, not 5"),
        ({"ref": "x", "root": "y"}, "remote 1: url is missing"),
        ({"url": "https://h/a", "root": "../x"}, "root '../x' must be a folder inside"),
        ({"url": "https://h/a", "root": "a/./b"}, "root 'a/./b' must be a folder inside"),
        ({"url": "https://h/a", "mountpoint": "salt://../x"}, "mountpoint 'salt://../x' must be a folder inside"),
        ({"url": "https://h/a", "saltenv": "../x"}, "saltenv: environment '../x' is not valid"),
        ({"https://h/a": ["ref"]}, "remote 1 (https://h/a): must be followed by a list of 'key: value', not 'ref'"),
        (7, "remote 1: must be a URL, or a map with a url, not 7"),
        ({}, "remote 1: must be a URL, or a map with a url, not {}"),
        ({"url": "https://me:hunter2@h/a", "x": "y"}, "remote 1 (https://***@h/a): unknown key"),
    ],
)
def test_a_fault_names_the_remote_and_the_key(entry: Any, message: str) -> None:
    with pytest.raises(ConfigError) as fault:
        parse_remotes([entry])
    assert message in str(fault.value)
    assert "hunter2" not in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_remote_given_twice_is_a_fault() -> None:
    with pytest.raises(ConfigError, match=r"remote 2 \(b\) is the same as remote 1"):
        parse_remotes([{"url": "https://h/a", "name": "a"}, {"url": "https://h/a", "name": "b"}])


def test_credentials_are_struck_out() -> None:
    assert redact("fatal: https://u:p@h/x and ssh://t@h/y") == "fatal: https://***@h/x and ssh://***@h/y"


YAMLISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(YAMLISH, max_size=3))
def test_any_yaml_gives_remotes_or_a_configuration_error(entries: list[Any]) -> None:
    with contextlib.suppress(ConfigError):
        assert all(not spec.url.startswith("-") for spec in parse_remotes(entries))
