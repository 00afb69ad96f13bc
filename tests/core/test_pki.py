"""A daemon's own keys, and what is a join token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import KeyStoreError
from saltern.pki import Invite, own_keys, read_token


def test_own_keys_are_made_once_and_private(tmp_path: Path) -> None:
    keys = own_keys(str(tmp_path / "pki"), "minion")
    assert own_keys(str(tmp_path / "pki"), "minion") == keys
    assert os.stat(tmp_path / "pki" / "minion.key").st_mode & 0o777 == 0o600
    assert os.stat(tmp_path / "pki").st_mode & 0o777 == 0o700


def test_a_readable_secret_key_is_refused(tmp_path: Path) -> None:
    own_keys(str(tmp_path), "minion")
    os.chmod(tmp_path / "minion.key", 0o644)
    with pytest.raises(KeyStoreError, match="others may read this secret key: run chmod 600"):
        own_keys(str(tmp_path), "minion")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),  # as a full disk or a power cut leaves it
        (b" \n", "is empty"),
        (b"x y\n", "holds no key pair"),
        (b"\xfe\xff" * 40, "holds no key pair"),
        (b"a" * 40 + b"\n", "holds no key pair"),
        (b"a" * 40 + b"\n" + b"s" * 39 + b"\n", "holds no key pair"),
        (b"a" * 40 + b" " + b"b" * 40 + b" c", "holds no key pair"),
    ],
)
def test_a_damaged_key_file_is_named_and_not_shown(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "minion.key").write_bytes(content)
    os.chmod(tmp_path / "minion.key", 0o600)
    with pytest.raises(KeyStoreError) as caught:
        own_keys(str(tmp_path), "minion")
    assert str(caught.value).startswith(f"{tmp_path}/minion.key: {what}: bring it back from a backup, or move it away")
    assert "ssss" not in str(caught.value)
    assert (tmp_path / "minion.key").read_bytes() == content


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.parametrize("made", [True, False])
def test_a_user_who_may_not_is_told_what_would_do(tmp_path: Path, made: bool) -> None:
    if made:
        own_keys(str(tmp_path), "minion")
    os.chmod(tmp_path, 0o700)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(61234)
            os.setuid(61234)
            own_keys(str(tmp_path), "minion")
        except KeyStoreError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with open(read) as stream:
        assert stream.read().endswith("permission denied: run as root, or set pki_dir to a folder of this user's")
