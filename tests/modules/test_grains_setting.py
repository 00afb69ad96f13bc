"""Grains that are set on a disk that is full, or cannot be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError
from support.mounts import tmpfs


@pytest.fixture
def setting(minion: Any, tmp_path: Path) -> Any:
    (tmp_path / "etc").mkdir()
    minion.opts["conf_file"] = str(tmp_path / "etc" / "minion")
    return minion.load("grains_setting")


def test_a_full_disk_changes_neither_the_file_nor_what_is_known(setting: Any, minion: Any, tmp_path: Path) -> None:
    with tmpfs(tmp_path / "etc", options="size=64k") as disk:
        kept = tmp_path / "etc" / "grains"
        setting.setval("role", "web")
        before = kept.read_bytes()
        disk.fill()
        with pytest.raises(CommandError, match=r"Unable to write to grains file at .*: No space left"):
            setting.setvals({"role": "db", "notes": "x" * 8192})
        assert kept.read_bytes() == before
        assert minion.grains["role"] == "web"
        assert "notes" not in minion.grains


def test_a_read_only_disk_is_said(setting: Any, minion: Any, tmp_path: Path) -> None:
    with tmpfs(tmp_path / "etc") as disk:
        disk.remount("ro")
        with pytest.raises(CommandError, match="Read-only file system"):
            setting.setval("role", "web")
        assert "role" not in minion.grains
