"""What a minion takes of what a user of the master's host sends: whatever the listing says."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError
from saltern_modules._receive import Entry, Upload, receive


class Sent:
    """An agent whose master has *data*."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def request(self, name: str, *, upload: str, offset: int) -> dict[str, Any]:
        return {"data": self.data[offset : offset + 7]}


def listed(packed: bytes) -> list[Entry]:
    return Upload(Sent(packed), "x").listing(len(packed), hashlib.sha256(packed).hexdigest())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "listing",
    [
        "[" * 100_000,
        '[{"path": "a", "mode": Infinity}]',
        '[{"path": "a", "mode": NaN}]',
        '[{"path": "a", "mode": "x"}]',
        '[{"path": 5, "mode": 1}]',
        '[{"path": "../a", "mode": 1}]',
        '[{"path": "/a", "mode": 1}]',
        '[{"path": "a\\u0000", "mode": 1}]',
        '[{"path": "a", "mode": 1, "size": -1, "hsum": ""}]',
        json.dumps([{"path": "a", "mode": 1, "size": 1, "hsum": ("../" * 22)[:64]}]),
        json.dumps([{"path": "a", "mode": 1, "size": 1, "hsum": "A" * 64}]),
        '{"path": "a"}',
        "5",
    ],
)
def test_a_listing_that_is_none_is_one_line(listing: str) -> None:
    with pytest.raises(CommandError) as caught:
        listed(listing.encode())
    assert "\n" not in str(caught.value)


def test_a_listing_that_is_another_one_is_refused() -> None:
    packed = b'[{"path": "a", "mode": 1}]'
    with pytest.raises(CommandError, match="damaged on its way"):
        Upload(Sent(packed), "x").listing(len(packed), "0" * 64)  # type: ignore[arg-type]


def test_a_name_more_of_a_file_is_not_written_through(tmp_path: Path) -> None:
    data = b"new content"
    hsum = hashlib.sha256(data).hexdigest()
    entry = Entry("a", 0o755, len(data), hsum)
    (tmp_path / "same").write_bytes(data)
    (tmp_path / "same").chmod(0o600)
    os.link(tmp_path / "same", tmp_path / "a")
    receive(Upload(Sent(data), "x"), [entry], 0, str(tmp_path / "a"))  # type: ignore[arg-type]
    assert (tmp_path / "same").stat().st_mode & 0o777 == 0o600
    (tmp_path / "a").unlink()
    (tmp_path / "precious").write_bytes(b"old")
    os.link(tmp_path / "precious", tmp_path / f".saltern-{hsum[:32]}.part")
    with pytest.raises(CommandError, match="something else is in the way"):
        receive(Upload(Sent(data), "x"), [entry], 0, str(tmp_path / "a"))  # type: ignore[arg-type]
    assert (tmp_path / "precious").read_bytes() == b"old"


def test_set_id_bits_are_not_sent(tmp_path: Path) -> None:
    data = b"#!/bin/sh"
    (entry,) = listed(
        json.dumps(
            [{"path": "a", "mode": 0o6755, "size": len(data), "hsum": hashlib.sha256(data).hexdigest()}]
        ).encode()
    )
    receive(Upload(Sent(data), "x"), [entry], 0, str(tmp_path / "a"))  # type: ignore[arg-type]
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "others",
    [
        [Entry("passwd", 0o644, 4, hashlib.sha256(b"evil").hexdigest())],
        [Entry("app.conf", 0o644, 4, hashlib.sha256(b"evil").hexdigest()), Entry("cron.d", 0o755, 0, "")],
        [Entry("cron.d", 0o755, 0, ""), Entry("cron.d/x", 0o644, 4, hashlib.sha256(b"evil").hexdigest())],
        [Entry("cron.d/x", 0o644, 4, hashlib.sha256(b"evil").hexdigest())],
    ],
)
def test_a_minion_that_sends_chooses_no_names(tmp_path: Path, others: list[Entry]) -> None:
    """Else who owns one host, of which a file is asked for into /etc, would have all that get it."""
    (tmp_path / "passwd").write_text("root")
    upload = Upload(Sent(b"evil"), "x")  # type: ignore[arg-type]
    with pytest.raises(CommandError, match="isn't what was asked for"):
        receive(upload, others, 0, f"{tmp_path}/", ["app.conf"])
    assert [path.name for path in tmp_path.iterdir()] == ["passwd"]
    assert (tmp_path / "passwd").read_text() == "root"
    receive(upload, [Entry("app.conf", 0o644, 4, others[-1].hsum or others[0].hsum)], 0, f"{tmp_path}/", ["app.conf"])
    assert (tmp_path / "app.conf").read_bytes() == b"evil"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs links of another user")
def test_the_owner_of_the_destination_turns_nothing_elsewhere(tmp_path: Path) -> None:
    precious, home = tmp_path / "precious", tmp_path / "home"
    precious.mkdir()
    home.mkdir()
    data = b"evil"
    hsum = hashlib.sha256(data).hexdigest()
    (home / "conf").symlink_to(precious)
    (home / "file").symlink_to(precious / "file")
    (home / f".saltern-{hsum[:32]}.part").symlink_to(precious / "part")
    for name in os.listdir(home):
        os.lchown(home / name, 60000, 60000)
    os.chown(home, 60000, 60000)
    upload = Upload(Sent(data), "x")  # type: ignore[arg-type]
    for entries in (
        [Entry("conf", 0o755, 0, ""), Entry("conf/a", 0o644, 4, hsum)],
        [Entry("conf", 0o755, 0, ""), Entry("conf/deep", 0o755, 0, "")],
        [Entry("file", 0o644, 4, hsum)],
    ):
        with pytest.raises(CommandError):
            receive(upload, entries, 0, f"{home}/")
    assert list(precious.iterdir()) == []
