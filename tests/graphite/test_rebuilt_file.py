"""What the tools make in a tree that belongs to another user than who runs them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from saltern_graphite.tools.rebuilt_file import _make_folders
from support.strangers import NAME, folder_of_a_stranger, link_of_a_stranger, needs_root


@needs_root
def test_new_folders_are_the_trees_owners(tmp_path: Path) -> None:
    tree = folder_of_a_stranger(tmp_path / "tree")
    _make_folders(str(tree / "a/b"))
    assert {(tree / name).stat().st_uid for name in ("a", "a/b")} == {pwd.getpwnam(NAME).pw_uid}


@needs_root
def test_the_trees_owner_can_not_be_given_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, ours = folder_of_a_stranger(tmp_path / "tree"), tmp_path / "ours"
    ours.mkdir()
    monkeypatch.setattr(os, "mkdir", lambda name, mode, *, dir_fd: link_of_a_stranger(tree / name, ours))
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        _make_folders(str(tree / "new"))
    assert ours.stat().st_uid == os.geteuid()
