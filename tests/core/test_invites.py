"""Join tokens: good once, for a time, for whom they were made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern.errors import IdError
from saltern.invites import Invites


@pytest.fixture
def invites(tmp_path: Path) -> Invites:
    return Invites(str(tmp_path))


def test_a_token_is_good_once(invites: Invites) -> None:
    secret = invites.new()
    assert invites.redeem(secret, "web01").good
    again = invites.redeem(secret, "web01")
    assert not again.good
    assert "was used before" in again.reason


def test_a_token_ends_and_says_when(invites: Invites) -> None:
    secret = invites.new(ttl_s=-2)
    for _ in range(2):
        ended = invites.redeem(secret, "web01")
        assert not ended.good
        assert "its join token ended at 20" in ended.reason


def test_a_token_for_one_minion_is_kept_for_it(invites: Invites) -> None:
    secret = invites.new(minion_id="web01")
    refused = invites.redeem(secret, "evil")
    assert (refused.good, refused.another) == (False, True)
    assert "'web01' alone, not for 'evil'" in refused.reason
    assert invites.redeem(secret, "web01").good


@pytest.mark.parametrize("bad", ["", "x", "../../etc/passwd", "y" * 100_000, "\ud800"])
def test_what_is_no_secret(invites: Invites, bad: str) -> None:
    invites.new()
    assert not invites.redeem(bad, "web01").good


def test_the_id_of_a_token_is_an_id(invites: Invites) -> None:
    with pytest.raises(IdError):
        invites.new(minion_id="a b")


def test_the_secret_is_not_on_disk_and_ended_ones_are_tidied_away(invites: Invites, tmp_path: Path) -> None:
    invites.new(ttl_s=-2)
    secret = invites.new()
    names = os.listdir(tmp_path / "invites")
    assert len(names) == 1
    assert secret not in names[0] + (tmp_path / "invites" / names[0]).read_text()
