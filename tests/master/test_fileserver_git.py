"""The git backend against real repositories."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import FileServerError
from saltern_master.fileserver.gitfs import program, repository
from saltern_master.fileserver.gitfs import tree as gitfs_tree
from saltern_master.fileserver.gitfs.backend import GitBackend
from saltern_master.fileserver.ignored import Ignored
from saltern_master.fileserver.roots.backend import RootsBackend

IDENTITY = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]


@pytest.fixture(autouse=True)
def _no_settings_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


class Origin:
    """A repository with a work tree, as an operator has one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> str:
        argv = ["git", *IDENTITY, "-C", str(self.path), *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, **files: str | None) -> str:
        """Write files (``a__b`` is ``a/b.py``; ``None`` removes one), commit and return the commit."""
        for name, text in files.items():
            file = self.path / f"{name.replace('__', '/')}.py"
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        return self.commit_all()

    def commit_all(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "m")
        return self.git("rev-parse", "HEAD")

    @property
    def url(self) -> str:
        return f"file://{self.path}"


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


@pytest.fixture
def backend(tmp_path: Path) -> Callable[..., GitBackend]:
    return lambda *remotes, **kwargs: GitBackend(remotes, str(tmp_path / "cache"), **kwargs)


def text(backend: GitBackend, path: str, saltenv: str = "base") -> str | None:
    entry = backend.entry(saltenv, path)
    if entry is None:
        return None
    data = backend.read(saltenv, path, entry.hsum, 0, 1 << 20)
    assert data is not None
    assert entry.hsum == hashlib.sha256(data).hexdigest()
    assert entry.size == len(data)
    return data.decode()


def test_main_is_served_with_its_commit(origin: Origin, backend: Any) -> None:
    commit = origin.commit(_modules__mypkg="def f(): return 1")
    served = backend(origin.url)
    assert served.paths("base") == []
    assert served.update() is True
    assert served.update() is False
    assert served.paths("base") == ["_modules/mypkg.py"]
    assert text(served, "_modules/mypkg.py") == "def f(): return 1"
    assert served.entry("base", "_modules/mypkg.py").commit == commit
    assert served.entry("base", "_modules/other.py") is None
    assert served.paths("dev") == []
    counts = served.counts()
    assert {name: counts[name] for name in ("files", "remotes", "failing", "failures")} == {
        "files": 1,
        "remotes": 1,
        "failing": 0,
        "failures": 0,
    }


def test_without_main_the_remotes_head_is_served(origin: Origin, backend: Any) -> None:
    origin.git("checkout", "--quiet", "-b", "trunk")
    origin.commit(a="1")
    served = backend(str(origin.path))
    assert served.update() is True
    assert text(served, "a.py") == "1"


def test_a_branch_moves(origin: Origin, backend: Any) -> None:
    origin.commit(a="1", b="same")
    served = backend({"url": origin.url, "ref": "main"})
    served.update()
    second = origin.commit(a="2")
    assert text(served, "a.py") == "1"
    assert served.update() is True
    assert text(served, "a.py") == "2"
    assert text(served, "b.py") == "same"
    assert served.entry("base", "b.py").commit == second
    assert served.origin("base", "b.py") == (served.remotes[0].spec.name, second)
    assert served.origin("base", "c.py") is None


def test_other_branches_and_tags_are_not_fetched(origin: Origin, backend: Any, tmp_path: Path) -> None:
    origin.commit(a="1")
    origin.git("tag", "-m", "x", "v0")
    origin.commit(a="2")
    origin.git("checkout", "--quiet", "-b", "side")
    side = origin.commit(a="3")
    served = backend(origin.url)
    served.update()
    (repository,) = (tmp_path / "cache").glob("*/repo.git")
    refs = subprocess.check_output(["git", f"--git-dir={repository}", "for-each-ref", "--format=%(refname)"], text=True)
    assert refs.split() == ["refs/saltern/current"]
    history = subprocess.check_output(["git", f"--git-dir={repository}", "rev-list", "refs/saltern/current"], text=True)
    assert len(history.split()) == 1
    assert subprocess.run(["git", f"--git-dir={repository}", "cat-file", "-e", side], capture_output=True).returncode


def test_a_forced_push_is_followed(origin: Origin, backend: Any) -> None:
    origin.commit(a="1")
    origin.commit(a="2")
    served = backend(origin.url)
    served.update()
    origin.git("reset", "--hard", "--quiet", "HEAD~1")
    origin.git("commit", "--quiet", "--amend", "--message", "rewritten", "--allow-empty")
    assert served.update() is True
    assert text(served, "a.py") == "1"


@pytest.mark.parametrize("annotate", [[], ["--message", "x"]])
def test_a_tag_stays_where_it_is(origin: Origin, backend: Any, annotate: list[str]) -> None:
    tagged = origin.commit(a="1")
    origin.git("tag", *annotate, "v1.2")
    origin.commit(a="2")
    served = backend({"url": origin.url, "ref": "v1.2"})
    assert served.update() is True
    assert served.update() is False
    assert text(served, "a.py") == "1"
    assert served.entry("base", "a.py").commit == tagged


def test_a_branch_comes_before_a_tag_of_its_name(origin: Origin, backend: Any) -> None:
    origin.commit(a="tag")
    origin.git("tag", "both")
    origin.git("checkout", "--quiet", "-b", "both")
    origin.commit(a="branch")
    served = backend({"url": origin.url, "ref": "both"})
    served.update()
    assert text(served, "a.py") == "branch"


def test_a_pinned_commit_needs_its_remote_once(origin: Origin, backend: Any) -> None:
    pinned = origin.commit(a="1")
    origin.commit(a="2")
    served = backend({"url": origin.url, "ref": pinned})
    assert served.update() is True
    shutil.rmtree(origin.path)
    assert served.update() is False
    assert text(served, "a.py") == "1"
    assert served.counts()["failing"] == 0


def test_root_mountpoint_and_environment(origin: Origin, backend: Any) -> None:
    origin.commit(top="no", saltern___modules__a="yes", saltern2__b="no")
    remote = {origin.url: [{"root": "saltern/"}, {"mountpoint": "salt://shared"}, {"saltenv": "dev"}]}
    served = backend(remote)
    served.update()
    assert served.envs() == ["dev"]
    assert served.paths("dev") == ["shared/_modules/a.py"]
    assert served.paths("dev", "shared/_modules") == ["shared/_modules/a.py"]
    assert served.paths("dev", "shared/_mod") == []
    assert text(served, "shared/_modules/a.py", "dev") == "yes"


def test_the_first_remote_wins(origin: Origin, backend: Any, tmp_path: Path) -> None:
    other = Origin(tmp_path / "other")
    origin.commit(a="origin")
    other.commit(a="other", b="other")
    served = backend(origin.url, other.url)
    served.update()
    assert served.paths("base") == ["a.py", "b.py"]
    assert (text(served, "a.py"), text(served, "b.py")) == ("origin", "other")


def test_a_remote_that_vanishes_keeps_its_tree_and_is_said_once(
    origin: Origin, backend: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Origin(tmp_path / "other")
    origin.commit(a="1")
    other.commit(b="1")
    served = backend({"url": origin.url, "name": "mine"}, other.url)
    served.update()
    origin.path.rename(tmp_path / "away")
    other.commit(b="2")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert served.update() is True  # the other one works on
        assert served.update() is False
    (record,) = caplog.records
    assert record.getMessage().startswith("gitfs: mine: ")
    assert "commit" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert (text(served, "a.py"), text(served, "b.py")) == ("1", "2")
    assert served.counts()["failing"] == 1
    (tmp_path / "away").rename(origin.path)
    origin.commit(a="2")
    with caplog.at_level(logging.INFO):
        assert served.update() is True
    assert "mine: works again" in caplog.text
    assert text(served, "a.py") == "2"
    assert served.counts()["failing"] == 0


def test_a_missing_ref_and_an_empty_repository_are_named(
    origin: Origin, backend: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    origin.commit(a="1")
    empty = Origin(tmp_path / "empty")
    served = backend(
        {"url": origin.url, "ref": "nope", "name": "r"},
        {"url": empty.url, "name": "e"},
        {"url": origin.url, "root": "nowhere", "name": "f"},
        {"url": origin.url, "ref": "0" * 40, "name": "z"},
    )
    assert served.update() is False
    assert [remote.fault for remote in served.remotes][:2] == [
        "has no branch or tag 'nope'",
        "has no branch 'main' and no HEAD: is it empty?",
    ]
    assert str(served.remotes[2].fault).startswith("has no folder 'nowhere' at ")
    assert served.remotes[3].fault
    assert len(caplog.records) == 4


def test_what_was_fetched_is_served_after_a_restart_without_the_remote(origin: Origin, backend: Any) -> None:
    origin.commit(a="1")
    backend(origin.url).update()
    shutil.rmtree(origin.path)
    served = backend(origin.url)
    assert served.update() is True
    assert text(served, "a.py") == "1"
    assert served.counts()["failing"] == 1


def test_folders_of_removed_remotes_are_dropped(origin: Origin, backend: Any, tmp_path: Path) -> None:
    origin.commit(a="1")
    backend(origin.url).update()
    (tmp_path / "cache" / "keep.txt").write_text("not ours")
    old = {folder.name for folder in (tmp_path / "cache").iterdir()}
    served = backend({"url": origin.url, "saltenv": "dev"})
    served.update()
    new = {folder.name for folder in (tmp_path / "cache").iterdir()}
    assert old & new == {"keep.txt"}
    assert len(new) == 2


def test_a_damaged_repository_is_replaced(origin: Origin, backend: Any, tmp_path: Path) -> None:
    origin.commit(a="1")
    served = backend(origin.url)
    served.update()
    (repository,) = (tmp_path / "cache").glob("*/repo.git")
    (repository / "shallow").write_text("garbage\n")
    (repository / "shallow.lock").write_text("")  # as a killed git leaves it
    origin.commit(a="2")
    assert served.update() is True
    assert text(served, "a.py") == "2"
    assert sorted(path.name for path in repository.parent.iterdir()) == ["blobs", "repo.git"]


def test_a_damaged_or_missing_blob_is_taken_out_again(origin: Origin, backend: Any, tmp_path: Path) -> None:
    origin.commit(a="content")
    served = backend(origin.url)
    served.update()
    entry = served.entry("base", "a.py")
    (blob,) = (tmp_path / "cache").glob("*/blobs/*")
    blob.unlink()
    assert text(served, "a.py") == "content"
    blob.write_bytes(b"")  # as a crash may leave it
    again = backend(origin.url)
    again.update()
    assert again.entry("base", "a.py") == entry
    assert text(again, "a.py") == "content"


def test_blobs_of_older_trees_are_forgotten(origin: Origin, backend: Any, tmp_path: Path) -> None:
    origin.commit(a="1", b="same")
    served = backend(origin.url)
    served.update()
    old = served.entry("base", "a.py")
    served.entry("base", "b.py")
    origin.commit(a="2")
    served.update()
    assert served.read("base", "a.py", old.hsum, 0, 10) is None
    text(served, "a.py")
    assert len(list((tmp_path / "cache").glob("*/blobs/*"))) == 2


def test_what_is_not_served_is_named_once(origin: Origin, backend: Any, caplog: pytest.LogCaptureFixture) -> None:
    origin.commit(a="1")
    (origin.path / "leak").symlink_to("/etc/passwd")
    (origin.path / "out").symlink_to("../../etc/passwd")
    (origin.path / "dangling").symlink_to("nothing")
    (origin.path / "self").symlink_to("self")
    (origin.path / "loop").symlink_to(".")
    (origin.path / "secret").symlink_to(".env")
    (origin.path / ".env").write_text("x")
    (origin.path / "back\\slash").write_text("x")
    (origin.path / os.fsdecode(b"\xff")).write_text("x")
    (origin.path / "new\nline é").write_text("fine")
    origin.git("add", "--all")
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},submodule")
    origin.git("commit", "--quiet", "--message", "m")
    served = backend(origin.url, ignored=Ignored([".env"]))
    served.update()
    assert served.paths("base") == ["a.py", "new\nline é"]
    assert text(served, "new\nline é") == "fine"
    assert served.left_out("base") == {
        "leak": "it is a link to /etc/passwd: it is an absolute one",
        "out": "it is a link to ../../etc/passwd: it leads out of what is served",
        "dangling": "it is a link to nothing: nothing that is served is there",
        "self": "it is a link to self: it leads round in a circle",
        "loop": "it is a link to .: it leads round in a circle",
        "secret": "it is a link to .env: nothing that is served is there",
        "back\\slash": "no path of it can be asked for: its name has a backslash or dots alone",
        "\\udcff": "its name is not UTF-8",
        "submodule": "it is a submodule (commit 111111111111): add that repository as a remote",
    }
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert all(f"{path}: {why}" in record.getMessage() for path, why in served.left_out("base").items())
    origin.commit(b="2")
    assert served.update() is True
    assert [one for one in caplog.records if one.levelname == "WARNING"] == [record]


def test_links_inside_are_served_as_roots_serves_them(origin: Origin, backend: Any, tmp_path: Path) -> None:
    origin.commit(lib__real="real", lib__deep__er="deeper", a="1")
    (origin.path / "_modules").mkdir()
    for name, target in {
        "_modules/via.py": "../lib/real.py",
        "_modules/twice.py": "via.py",
        "_modules/pack": "../lib",
        "_modules/through.py": "pack/deep/er.py",
        "folder": "./lib//deep/../deep/",
        "lib/up": "../a.py",
        "lib/deep/back": "../../lib",
        "nodir": "a.py/x",
        "updir": "a.py/../lib/real.py",
    }.items():
        (origin.path / name).symlink_to(target)
    origin.commit_all()
    served = backend(origin.url)
    served.update()
    roots = RootsBackend({"base": [str(origin.path)]})
    roots.update()
    assert served.paths("base") == roots.paths("base")
    for path in served.paths("base"):
        entry = roots.entry("base", path)
        assert entry is not None
        assert served.entry("base", path).hsum == entry.hsum
    assert text(served, "_modules/via.py") == text(served, "_modules/twice.py") == "real"
    assert text(served, "_modules/pack/deep/er.py") == text(served, "_modules/through.py") == "deeper"
    assert text(served, "folder/er.py") == "deeper"
    assert text(served, "_modules/pack/up") == "1"
    assert set(served.left_out("base")) == {"lib/deep/back", "nodir", "updir"} | {
        path for path in served.left_out("base") if path.endswith("/back")
    }
    inner = backend({"url": origin.url, "root": "_modules", "saltenv": "dev"})
    inner.update()
    assert inner.paths("dev") == []  # what they lead to is not below the root
    assert "leads out of what is served" in inner.left_out("dev")["via.py"]


def test_links_that_multiply_are_bounded(origin: Origin, backend: Any) -> None:
    for level in range(20):
        folder = origin.path / f"d{level:02}"
        folder.mkdir()
        for name in ("a", "b"):
            (folder / name).symlink_to(f"../d{level + 1:02}")
    (origin.path / "d20").mkdir()
    (origin.path / "d20" / "x").write_text("")
    origin.commit_all()
    served = backend(origin.url)
    assert served.update() is True
    assert 0 < len(served.paths("base")) <= 1100
    assert len(served.left_out("base")) <= 1000


def test_pointers_of_git_lfs_are_not_served_as_files(origin: Origin, backend: Any) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4' * 64}\nsize 12345\n"
    (origin.path / "big.bin").write_text(pointer)
    (origin.path / "like.txt").write_text("version of something else" + "x" * 100)
    origin.commit_all()
    served = backend(origin.url)
    served.update()
    assert "big.bin" in served.paths("base")  # nothing says that it is more than a text
    (origin.path / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    tree = origin.git("rev-parse", "HEAD:big.bin")
    origin.git("add", ".gitattributes")
    origin.git("commit", "--quiet", "--message", "m")
    assert origin.git("rev-parse", "HEAD:big.bin") == tree
    served.update()
    assert served.paths("base") == [".gitattributes", "like.txt"]
    assert served.left_out("base") == {"big.bin": "it is in Git LFS: only a pointer to it is in the repository"}


def test_a_tree_that_unfolds_without_end_is_refused_once(
    origin: Origin, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.commit(a="1")
    served = backend({"url": origin.url, "name": "r"})
    served.update()
    blob = bytes.fromhex(origin.git("rev-parse", "HEAD:a.py"))
    tree = _write_tree(origin, b"".join(b"100644 %d\0" % number + blob for number in range(10)))
    for _ in range(9):  # ten thousand million files
        below = bytes.fromhex(tree)
        tree = _write_tree(origin, b"".join(b"40000 %d\0" % number + below for number in range(10)))
    origin.git("update-ref", "refs/heads/main", origin.git("commit-tree", "-m", "bomb", tree))
    assert served.update() is False
    assert served.remotes[0].fault == "has over 100,000 files: serve a part of it with root"
    assert text(served, "a.py") == "1"
    listings = []
    monkeypatch.setattr(repository.Repository, "tree", lambda *_: listings.append(1))
    assert served.update() is False
    assert served.remotes[0].fault == "has over 100,000 files: serve a part of it with root"
    assert not listings
    assert served.counts()["remotes.r.failures"] == 2
    monkeypatch.undo()
    origin.commit(a="2")
    assert served.update() is True
    assert served.counts()["failing"] == 0


def test_a_repository_too_large_is_not_fetched(
    origin: Origin, backend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MAX_PACK_BYTES", 64 * 1024)
    (origin.path / "noise").write_bytes(os.urandom(512 * 1024))
    origin.commit_all()
    served = backend(origin.url)
    assert served.update() is False
    assert "65,536 bytes: too large to be fetched" in str(served.remotes[0].fault)
    left = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert left < 256 * 1024


def test_files_too_large_in_all_are_not_served(origin: Origin, backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gitfs_tree, "MAX_TREE_BYTES", 1000)
    origin.commit(a="x" * 600, b="y" * 600)
    served = backend(origin.url)
    assert served.update() is False
    assert "its files have 1,200 bytes, over 1,000" in str(served.remotes[0].fault)


def test_a_tree_with_dots_in_its_names_stays_inside(origin: Origin, backend: Any) -> None:
    origin.commit(a="1")
    blob = origin.git("rev-parse", "HEAD:a.py")
    good = b"100644 a.py\0" + bytes.fromhex(blob)
    inner = _write_tree(origin, b"100644 x\0" + bytes.fromhex(blob))
    tree = _write_tree(origin, b"40000 ..\0" + bytes.fromhex(inner) + good)
    commit = origin.git("commit-tree", "-m", "evil", tree)
    origin.git("update-ref", "refs/heads/evil", commit)
    served = backend({"url": origin.url, "ref": "evil"})
    served.update()
    assert set(served.paths("base")) <= {"a.py"}


def _write_tree(origin: Origin, content: bytes) -> str:
    argv = ["git", "-C", str(origin.path), "hash-object", "-t", "tree", "-w", "--stdin", "--literally"]
    return subprocess.run(argv, input=content, check=True, capture_output=True).stdout.decode().strip()


def test_a_helper_transport_never_runs(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    with pytest.raises(program.GitFault, match="not allowed"):
        program.run("ls-remote", "--", f"ext::sh -c 'touch% {marker}'")
    assert not marker.exists()


def test_settings_of_a_calling_git_do_not_leak_in(
    origin: Origin, backend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.commit(a="1")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    served = backend(origin.url)
    assert served.update() is True
    assert not (tmp_path / "objects").exists()


def test_a_remote_that_hangs_is_given_up(origin: Origin, backend: Any) -> None:
    origin.commit(a="1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        served = backend(f"git://127.0.0.1:{port}/x.git", origin.url, list_timeout_s=0.5)
        assert served.update() is True
    assert text(served, "a.py") == "1"
    assert served.remotes[0].fault == "git ls-remote took longer than 0.5 s"


def test_a_git_that_is_ended_may_take_away_its_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = tmp_path / "git"
    git.write_text(f"#!/bin/sh\ntrap 'sleep 0.2; touch {tmp_path}/tidy; exit 1' TERM\nwhile :; do sleep 0.05; done\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(program.GitFault, match=r"git fetch took longer than 0\.3 s"):
        program.run("fetch", bounds=program.Bounds(time_s=0.3))
    assert (tmp_path / "tidy").exists()


def test_output_is_bounded(origin: Origin, tmp_path: Path) -> None:
    origin.commit(a="1" * 5000)
    with pytest.raises(program.GitFault, match="printed over 100 bytes"):
        program.run(
            "cat-file", "blob", "HEAD:a.py", git_dir=str(origin.path / ".git"), bounds=program.Bounds(output_bytes=100)
        )


def test_a_missing_git_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(program.GitFault, match="git program is not installed"):
        program.run("version")


def test_one_remote_can_be_updated_alone(origin: Origin, backend: Any, tmp_path: Path) -> None:
    other = Origin(tmp_path / "other")
    origin.commit(a="1")
    other.commit(b="1")
    served = backend({"url": origin.url, "name": "mine"}, other.url)
    assert served.update_one("mine") is True
    assert served.paths("base") == ["a.py"]
    assert served.update_one(other.url) is True
    with pytest.raises(FileServerError, match=r"no remote 'nope': there are mine, file://"):
        served.update_one("nope")


def test_many_updates_do_not_pile_up_objects(
    origin: Origin, backend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "saltern_master.fileserver.gitfs.repository._COLLECT",
        ("-c", "gc.auto=1", "-c", "gc.pruneExpire=now", "-c", "gc.autoDetach=false"),
    )
    served = backend(origin.url)
    for number in range(8):
        last = origin.commit(a=str(number), **{f"f{n}": f"{number} {n}" for n in range(90)})
        served.update()
    (repository,) = (tmp_path / "cache").glob("*/repo.git")
    counts = subprocess.check_output(["git", f"--git-dir={repository}", "count-objects", "-v"], text=True)
    numbers = dict(line.split(": ") for line in counts.splitlines())
    assert int(numbers["count"]) + int(numbers["in-pack"]) < 500  # of 744
    assert served.entry("base", "a.py").commit == last


def test_folders_links_and_modes_of_a_commit(tmp_path: Path) -> None:
    listed = (
        b"100755 blob 1111111111111111111111111111111111111111       3\ta/run.sh\0"
        b"100644 blob 2222222222222222222222222222222222222222       3\ta/b/c\0"
        b"120000 blob 3333333333333333333333333333333333333333       6\tlink\0"
        b"120000 blob 4444444444444444444444444444444444444444       6\tout\0"
    )
    texts = {"3" * 40: b"a/b/c", "4" * 40: b"../../etc"}
    tree = gitfs_tree.read_tree(
        "0" * 40, listed, "mnt", lambda blobs: {blob.oid: texts.get(blob.oid, b"") for blob in blobs}
    )
    assert tree.links == {"mnt/link": "a/b/c"}
    assert [path for path, blob in tree.files.items() if blob.executable] == ["mnt/a/run.sh"]
    assert set(tree.left_out) == {"mnt/out"}
