"""Join tokens: good once, for a time, for whom they were made."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from saltern.errors import IdError, KeyStoreError
from saltern.invites import KEPT_S, Invites


@pytest.fixture
def invites(tmp_path: Path) -> Invites:
    return Invites(str(tmp_path))


def test_a_token_is_good_once(invites: Invites, tmp_path: Path) -> None:
    secret = invites.new()
    assert invites.redeem(secret, "web01").good
    again = invites.redeem(secret, "web01")
    assert not again.good
    assert "was used before, at 20" in again.reason
    assert "is not known here" in Invites(str(tmp_path / "other")).redeem(secret, "web01").reason


def test_a_token_ends_and_says_when(invites: Invites) -> None:
    secret = invites.new(ttl_s=-2)
    for _ in range(2):
        ended = invites.redeem(secret, "web01")
        assert not ended.good
        assert "its join token ended at 20" in ended.reason


def test_a_token_ends_at_the_instant_that_was_asked_for(invites: Invites, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.6)  # the nearest second is still to come
    secret = invites.new(ttl_s=-0.001)
    assert not invites.redeem(secret, "web01").good


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


def test_the_secret_is_not_on_disk(invites: Invites, tmp_path: Path) -> None:
    secret = invites.new()
    (name,) = os.listdir(tmp_path / "invites")
    assert secret not in name + (tmp_path / "invites" / name).read_text()


def test_used_and_ended_ones_are_told_apart_for_a_week_and_then_tidied_away(
    invites: Invites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, ended = invites.new(), invites.new(ttl_s=-2)
    assert invites.redeem(used, "web01").good
    for within_s in (0.0, KEPT_S - 3600):
        now = time.time() + within_s
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now)
            invites.new()
        assert "was used before" in invites.redeem(used, "web01").reason
        assert "ended at" in invites.redeem(ended, "web01").reason
    late = time.time() + KEPT_S + 7200
    monkeypatch.setattr(time, "time", lambda: late)
    invites.new()
    for secret in (used, ended):
        assert "is not known here" in invites.redeem(secret, "web01").reason


def test_what_is_kept_is_bounded_and_closes_no_door(
    invites: Invites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saltern.invites.MAX_INVITES", 3)
    for _ in range(20):
        assert invites.redeem(invites.new(), "web01").good
        assert len(os.listdir(tmp_path / "invites")) <= 7
    for _ in range(3):
        invites.new()
    with pytest.raises(KeyStoreError, match="3 invitations are open: delete files there"):
        invites.new()


def test_of_two_who_redeem_at_once_one_is_taken(invites: Invites) -> None:
    secret = invites.new()
    with ThreadPoolExecutor(8) as pool:
        good = list(pool.map(lambda number: invites.redeem(secret, f"web{number}").good, range(8)))
    assert good.count(True) == 1


@pytest.mark.parametrize("name", ["localhost", "localhost.localdomain"])
def test_nobody_is_invited_by_a_name_that_every_host_has(invites: Invites, name: str) -> None:
    with pytest.raises(IdError, match="every host"):
        invites.new(minion_id=name)
