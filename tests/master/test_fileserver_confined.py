"""Files of a root are served from inside it alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern.errors import FileServerError
from saltern_master.fileserver.ignored import Ignored
from saltern_master.fileserver.roots.confined import open_inside, scan
from support.descriptors import open_ones


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "_modules").mkdir(parents=True)
    (folder / "_modules" / "one.py").write_text("ONE")
    (folder / "top.txt").write_text("TOP")
    (tmp_path / "secret").write_text("SECRET")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("SECRET")
    return folder


def content(root: Path, path: str) -> bytes:
    descriptor = open_inside(str(root), path)
    try:
        return os.read(descriptor, 1000)
    finally:
        os.close(descriptor)


def test_files_inside_are_opened_and_listed(root: Path) -> None:
    assert content(root, "top.txt") == b"TOP"
    assert content(root, "_modules/one.py") == b"ONE"
    listing = scan(str(root), "", 100)
    assert sorted(listing.files) == ["_modules/one.py", "top.txt"]
    assert (listing.left_out, listing.cut) == ({}, False)
    assert list(scan(str(root), "_modules", 100).files) == ["_modules/one.py"]


def test_a_link_to_a_file_inside_is_followed(root: Path) -> None:
    (root / "alias.py").symlink_to("_modules/one.py")
    (root / "absolute.py").symlink_to(root / "_modules" / "one.py")
    assert content(root, "alias.py") == content(root, "absolute.py") == b"ONE"
    assert {"alias.py", "absolute.py"} < set(scan(str(root), "", 100).files)


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to(root)
    (root / "inner").symlink_to("top.txt")
    assert content(alias, "inner") == b"TOP"
    assert "inner" in scan(str(alias), "", 100).files


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "_modules/../../secret", "../outside/file"])
def test_a_link_that_leads_outside_is_refused(root: Path, target: str) -> None:
    (root / "leak").symlink_to(target)
    with pytest.raises(FileServerError, match="leads out of its root"):
        open_inside(str(root), "leak")
    listing = scan(str(root), "", 100)
    assert "leak" not in listing.files
    real = os.path.realpath(root / "leak")
    assert listing.left_out == {"leak": f"it is a link to a place out of its root: {real}"}


def test_a_sibling_with_the_roots_name_as_prefix_is_outside(root: Path, tmp_path: Path) -> None:
    (tmp_path / "root2").write_text("SECRET")
    (root / "leak").symlink_to("../root2")
    with pytest.raises(FileServerError, match="leads out"):
        open_inside(str(root), "leak")


def test_folder_links_are_followed_inside_alone_and_once(root: Path) -> None:
    (root / "away").symlink_to("../outside")
    (root / "loop").symlink_to(".")
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "er" / "up").symlink_to("../..")
    (root / "deep" / "er" / "mods").symlink_to("../../_modules")
    (root / "again").symlink_to("deep/er")
    with pytest.raises(FileServerError, match="leads out of its root"):
        open_inside(str(root), "away/file")
    assert content(root, "deep/er/mods/one.py") == b"ONE"
    assert content(root, "again/mods/one.py") == b"ONE"
    listing = scan(str(root), "", 100)
    assert {"_modules/one.py", "top.txt", "deep/er/mods/one.py", "again/mods/one.py"} <= set(listing.files)
    assert not any(path.startswith(("away", "loop")) for path in listing.files)
    assert listing.left_out["away"].startswith("it is a link to a place out of its root: ")
    assert listing.left_out["loop"] == "it is a link in a circle, to its root"
    assert listing.left_out["deep/er/up"] == "it is a link in a circle, to its root"
    assert scan(str(root), "away", 100).files == {}
    assert list(scan(str(root), "again/mods", 100).files) == ["again/mods/one.py"]


def test_links_that_multiply_are_bounded(root: Path) -> None:
    for level in range(20):
        folder = root / f"d{level}"
        folder.mkdir()
        for name in ("a", "b"):
            (folder / name).symlink_to(f"../d{level + 1}")
    (root / "d20").mkdir()
    (root / "d20" / "x").write_text("")
    listing = scan(str(root), "", 100_000)
    assert 0 < len(listing.files) <= 1100
    assert "over 1,000 folders are behind links" in listing.left_out.values()
    assert len(listing.left_out) <= 1000


def test_a_link_through_a_folder_link_that_stays_inside_works(root: Path) -> None:
    """As Kubernetes mounts a ConfigMap: ``x.py -> ..data/x.py``, ``..data -> ..2024``."""
    (root / "..2024").mkdir()
    (root / "..2024" / "x.py").write_text("X")
    (root / "..data").symlink_to("..2024")
    (root / "x.py").symlink_to("..data/x.py")
    assert content(root, "x.py") == b"X"


@pytest.mark.parametrize("path", [".git/config", "sub/.git/config", "_modules/__pycache__/one.pyc"])
def test_a_checkouts_own_records_are_hidden(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text("token")
    (root / "leak").symlink_to(path)
    with pytest.raises(FileNotFoundError):
        open_inside(str(root), path)
    with pytest.raises(FileServerError):
        open_inside(str(root), "leak")
    assert not {path, "leak"} & set(scan(str(root), "", 100).files)


def test_special_files_folders_and_dangling_links_are_no_files(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "dangling").symlink_to("nothing")
    (root / "self").symlink_to("self")
    for path in ("pipe", "_modules", "dangling", "top.txt/x", "missing"):
        with pytest.raises(FileNotFoundError):
            open_inside(str(root), path)
    with pytest.raises(FileServerError):
        open_inside(str(root), "self")
    listing = scan(str(root), "", 100)
    assert sorted(listing.files) == ["_modules/one.py", "top.txt"]
    assert listing.left_out == {
        "pipe": "it is no file, but a device, a socket or a pipe",
        "dangling": "it is a link that leads nowhere",
        "self": "it is a link in a circle",
    }


def test_odd_names_are_skipped(root: Path) -> None:
    os.close(os.open(os.fsencode(root) + b"/\xff.txt", os.O_CREAT | os.O_WRONLY))
    (root / "back\\slash").write_text("")
    (root / "héllo wörld").write_text("")
    listing = scan(str(root), "", 100)
    assert sorted(listing.files) == ["_modules/one.py", "héllo wörld", "top.txt"]
    assert listing.left_out == {
        "\\udcff.txt": "its name is not UTF-8",
        "back\\slash": "no path of it can be asked for: its name has a backslash or a NUL",
    }


def test_what_may_hold_secrets_is_hidden(root: Path) -> None:
    hides = Ignored([".env", ".env.*", "*.key", "private/*"])
    (root / "private" / "deep").mkdir(parents=True)
    names = (".env", "_modules/.env.local", "tls.key", "private/deep/x")
    for name in names:
        (root / name).write_text("SECRET")
    (root / "leak").symlink_to(".env")
    (root / ".envrc").write_text("fine")
    for name in names:
        assert content(root, name) == b"SECRET"
        with pytest.raises(FileNotFoundError):
            open_inside(str(root), name, hides)
    with pytest.raises(FileServerError, match="hidden"):
        open_inside(str(root), "leak", hides)
    assert sorted(scan(str(root), "", 100, hides).files) == [".envrc", "_modules/one.py", "top.txt"]


def test_a_listing_is_bounded(root: Path) -> None:
    listing = scan(str(root), "", 1)
    assert len(listing.files) == 1
    assert listing.cut


def test_a_missing_root_is_empty(tmp_path: Path) -> None:
    assert scan(str(tmp_path / "none"), "", 10).files == {}
    with pytest.raises(FileNotFoundError):
        open_inside(str(tmp_path / "none"), "x")


def test_no_descriptor_is_left_open(root: Path) -> None:
    (root / "leak").symlink_to("../secret")
    before = open_ones()
    for path in ("top.txt", "leak", "missing", "a/b/c", "_modules", "_modules/one.py"):
        try:
            content(root, path)
        except (FileNotFoundError, FileServerError):
            continue
    scan(str(root), "", 100)
    assert len(os.listdir("/proc/self/fd")) == before
