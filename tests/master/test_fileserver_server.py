"""The file server as the rest of the master sees it."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from saltern.config import MasterOptions
from saltern.errors import ConfigError, FileServerError, IdError
from saltern_master.fileserver import CHUNK_BYTES, FileServer


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def srv(tmp_path: Path) -> Path:
    folder = tmp_path / "srv"
    (folder / "_modules" / "sub").mkdir(parents=True)
    return folder


def serve(tmp_path: Path, **changes: Any) -> FileServer:
    options: dict[str, Any] = {
        "fileserver_backend": ["roots"],
        "file_ignore_glob": [],
        "file_roots": {"base": [str(tmp_path / "srv")]},
        "gitfs_remotes": [],
        "cachedir": str(tmp_path / "cachedir"),
    }
    return FileServer(cast(MasterOptions, options | changes))


def repository(path: Path, files: dict[str, str]) -> str:
    """Make a repository of *files* at *path* and return its commit."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", "-C", str(path)]
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "m"]):
        subprocess.run([*git, *arguments], check=True)
    return subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()


def test_a_file_in_chunks(tmp_path: Path, srv: Path) -> None:
    content = bytes(range(256)) * 4096 * 2 + b"end"
    (srv / "big").write_bytes(content)
    server = serve(tmp_path)
    assert server.file_list("base") == ["big"]
    facts = server.file_hash("base", "big")
    assert facts.pop("mode") == (srv / "big").stat().st_mode
    assert facts == {"hash_type": "sha256", "hsum": sha256(content), "size": len(content), "commit": None}
    received = b""
    while True:
        chunk = server.file_chunk("base", "big", facts["hsum"], len(received))
        assert chunk["size"] == len(content)
        assert len(chunk["data"]) <= CHUNK_BYTES
        if not chunk["data"]:
            break
        received += chunk["data"]
    assert received == content


def test_content_that_changes_between_chunks_is_said(tmp_path: Path, srv: Path) -> None:
    (srv / "a").write_bytes(b"one")
    server = serve(tmp_path)
    facts = server.file_hash("base", "a")
    assert facts is not None
    (srv / "a").write_bytes(b"two")
    with pytest.raises(FileServerError, match=r"salt://a \(base\) changed while being read: ask again"):
        server.file_chunk("base", "a", facts["hsum"], 0)
    (srv / "a").unlink()
    with pytest.raises(FileServerError, match=r"salt://a \(base\) is not there"):
        server.file_chunk("base", "a", facts["hsum"], 0)
    assert server.file_hash("base", "a") is None


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/../b", "", ".", "a\0b", "a\\b", 5, None, b"a"])
def test_hostile_paths_are_refused_before_anything(tmp_path: Path, srv: Path, path: Any) -> None:
    server = serve(tmp_path)
    with pytest.raises(IdError):
        server.file_hash("base", path)
    with pytest.raises(IdError):
        server.file_chunk("base", path, "0" * 64, 0)


@pytest.mark.parametrize("env", ["../x", "", "a/b", None, 5, ["base"], "-x"])
def test_hostile_environments_are_refused(tmp_path: Path, srv: Path, env: Any) -> None:
    server = serve(tmp_path)
    for call in (server.file_list, server.modules, lambda e: server.file_hash(e, "a")):
        with pytest.raises(IdError):
            call(env)


@pytest.mark.parametrize(
    ("hsum", "offset"),
    [
        ("x", 0),
        ("0" * 63, 0),
        (None, 0),
        (5, 0),
        ("0" * 64, -1),
        ("0" * 64, 2**70),
        ("0" * 64, "0"),
        ("0" * 64, True),
        ("0" * 64, 1.5),
    ],
)
def test_junk_arguments_are_refused(tmp_path: Path, srv: Path, hsum: Any, offset: Any) -> None:
    (srv / "a").write_text("x")
    with pytest.raises(FileServerError, match="is not valid"):
        serve(tmp_path).file_chunk("base", "a", hsum, offset)


def test_an_unknown_environment_names_the_known_ones(tmp_path: Path, srv: Path) -> None:
    server = serve(tmp_path, file_roots={"dev": [str(srv)]})
    assert server.envs() == ["base", "dev"]
    assert server.file_list("base") == []
    assert server.modules("base")["files"] == {}
    with pytest.raises(FileServerError, match="environment 'prod' is not served: there are base, dev"):
        server.file_list("prod")


def test_modules_are_the_python_files_of_one_folder(tmp_path: Path, srv: Path) -> None:
    for name in ("a.py", "b.py", "notes.txt", "sub/c.py"):
        (srv / "_modules" / name).write_text(name)
    (srv / "d.py").write_text("no module")
    server = serve(tmp_path)
    modules = server.modules("base")
    assert modules["files"] == {
        "_modules/a.py": {"hsum": sha256(b"a.py"), "size": 4, "commit": None},
        "_modules/b.py": {"hsum": sha256(b"b.py"), "size": 4, "commit": None},
    }
    (srv / "d.py").write_text("still none")
    assert server.modules("base")["digest"] == modules["digest"]
    (srv / "_modules" / "a.py").write_text("new")
    changed = server.modules("base")
    assert changed["digest"] != modules["digest"]
    (srv / "_modules" / "a.py").write_text("a.py")
    assert server.modules("base") == modules


def test_the_first_backend_that_has_a_file_wins(tmp_path: Path, srv: Path) -> None:
    origin = tmp_path / "origin"
    commit = repository(origin, {"_modules/both.py": "git", "_modules/git.py": "git", "only": "git"})
    (srv / "_modules" / "both.py").write_text("roots")
    (srv / "_modules" / "roots.py").write_text("roots")
    remotes = [f"file://{origin}"]
    for order, winner in ((["roots", "git"], b"roots"), (["git", "roots"], b"git")):
        server = serve(tmp_path, fileserver_backend=order, gitfs_remotes=remotes)
        assert server.update() is True
        assert server.update() is False
        files = server.modules("base")["files"]
        assert list(files) == ["_modules/both.py", "_modules/git.py", "_modules/roots.py"]
        assert files["_modules/both.py"]["hsum"] == sha256(winner)
        assert files["_modules/git.py"]["commit"] == commit
        assert files["_modules/roots.py"]["commit"] is None
        facts = server.file_hash("base", "_modules/both.py")
        assert facts is not None
        assert server.file_chunk("base", "_modules/both.py", facts["hsum"], 0)["data"] == winner
        assert server.file_list("base") == [
            "_modules/both.py",
            "_modules/git.py",
            "_modules/roots.py",
            "only",
        ]


def test_a_module_that_cannot_be_read_hurts_no_other(
    tmp_path: Path, srv: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (srv / "_modules" / "good.py").write_text("x")
    with open(srv / "_modules" / "huge.py", "wb") as stream:
        stream.truncate(1024**3 + 1)
    server = serve(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert list(server.modules("base")["files"]) == ["_modules/good.py"]
        assert list(server.modules("base")["files"]) == ["_modules/good.py"]
    (record,) = caplog.records
    assert "_modules/huge.py' is not synced to minions: " in record.getMessage()
    assert "huge.py is over" in record.getMessage()


def test_what_can_be_no_module_is_named_with_its_reason_once(
    tmp_path: Path, srv: Path, caplog: pytest.LogCaptureFixture
) -> None:
    modules = srv / "_modules"
    for name in (
        "389 ds.py",
        "my mod.py",
        "name.with.dot.py",
        "class.py",
        "README.md",
        "both.py",
        "fine.py",
        "_lib.py",
    ):
        (modules / name).write_text("x = 1")
    for name in ("__init__.py", ".hidden.py", ".fine.py.swp", "old.pyc"):  # nobody means these to be modules
        (modules / name).write_text("")
    for name in ("both/__init__.py", "pack/__init__.py", "pack/trainer.py", "pack/data/table.csv", "pack/.x.swp"):
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        (modules / name).write_text("y = 1")
    for name in ("noinit/a.py", "noinit/b.py", "odd pack/__init__.py", "fat/__init__.py"):
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        (modules / name).write_text("")
    for name in ("pack.zip", "fast.so", "fast.pyx"):  # Salt takes these
        (modules / name).write_text("")
    (modules / "dangling.py").symlink_to("nowhere.py")
    (modules / "linked.py").symlink_to("../lib/real.py")
    (srv / "lib").mkdir()
    (srv / "lib" / "real.py").write_text("def f(): return 1")
    (modules / "linkedpack").symlink_to("../lib2")
    (srv / "lib2").mkdir()
    (srv / "lib2" / "__init__.py").write_text("")
    with open(modules / "large.py", "wb") as stream:
        stream.truncate(8 * 1024**2 + 1)
    with open(modules / "fat" / "large.dat", "wb") as stream:
        stream.truncate(8 * 1024**2 + 1)
    (srv / "_utils").mkdir()
    (srv / "_utils" / "shared.py").write_text("")
    (srv / "_utils" / "bad name.py").write_text("")
    (srv / "_proxy").mkdir()
    (srv / "_proxy" / "switch.py").write_text("")
    server = serve(tmp_path)
    found = server.modules("base")
    assert list(found["files"]) == ["_modules/_lib.py", "_modules/fine.py", "_modules/linked.py"]
    assert list(found["others"]) == [
        "_modules/both/__init__.py",
        "_modules/linkedpack/__init__.py",
        "_modules/pack/__init__.py",
        "_modules/pack/data/table.csv",
        "_modules/pack/trainer.py",
        "_proxy/switch.py",
        "_utils/shared.py",
    ]
    assert found["files"]["_modules/linked.py"]["hsum"] == sha256(b"def f(): return 1")
    named = "a module's name has letters, digits, '_' and '-' alone, and begins with no '-'"
    assert found["left_out"] == {
        "_modules/389 ds.py": named,
        "_modules/README.md": "only files that end in .py, and folders with __init__.py, are modules",
        "_modules/both.py": "the package both/ has this name",
        "_modules/class.py": "'class' is a word of Python's own: give it another name",
        "_modules/dangling.py": "it is a link that leads nowhere",
        "_modules/fat/": "a file of it can't be served",
        "_modules/fat/large.dat": "it has 8,388,609 bytes: a module has at most 8,388,608",
        "_modules/fast.pyx": (
            "Cython isn't compiled on minions: install what it makes with pip, and import it from a .py"
        ),
        "_modules/fast.so": (
            "a compiled extension fits one system alone: install it there with pip, and import it from a .py"
        ),
        "_modules/pack.zip": "an archive isn't unpacked on minions: put the folder itself there",
        "_modules/large.py": "it has 8,388,609 bytes: a module has at most 8,388,608",
        "_modules/my mod.py": f"{named}, as in my_mod",
        "_modules/name.with.dot.py": f"{named}, as in name_with_dot",
        "_modules/noinit/": "it is a folder without __init__.py: no package",
        "_modules/odd pack/": f"{named}, as in odd_pack",
        "_utils/bad name.py": f"{named}, as in bad_name",
    }
    assert set(server.module_texts("base")) == {"fine", "linked", "both", "linkedpack", "pack"}
    server.modules("base")
    said = [record.getMessage() for record in caplog.records if "is not synced" in record.getMessage()]
    assert len(said) == len(set(said)) == len(found["left_out"]) - 1
    server.update()
    server.update()
    assert caplog.text.count("_modules/dangling.py") == 1
    before = found["digest"]
    (modules / "pack" / "trainer.py").write_text("y = 2")
    assert server.modules("base")["digest"] != before


def test_the_names_of_what_is_left_out_are_bounded(tmp_path: Path, srv: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(250):
        (srv / "_modules" / f"{number}.x.py").write_text("")
    found = serve(tmp_path).modules("base")
    assert len(found["left_out"]) == 201
    assert found["left_out"]["…"] == "and 50 more"
    assert len(caplog.records) == 201


def test_a_link_out_of_the_root_is_neither_listed_nor_served(tmp_path: Path, srv: Path) -> None:
    (tmp_path / "secret.py").write_text("secret")
    (srv / "_modules" / "leak.py").symlink_to(tmp_path / "secret.py")
    server = serve(tmp_path)
    assert server.modules("base")["files"] == {}
    assert server.file_list("base") == []
    with pytest.raises(FileServerError, match="leads out of its root"):
        server.file_hash("base", "_modules/leak.py")
    with pytest.raises(FileServerError, match="leads out of its root"):
        server.file_chunk("base", "_modules/leak.py", sha256(b"secret"), 0)


def test_faults_of_remotes_are_told(tmp_path: Path, srv: Path) -> None:
    server = serve(
        tmp_path, fileserver_backend=["git"], gitfs_remotes=[{"url": f"file://{tmp_path}/none", "name": "gone"}]
    )
    assert server.faults() == {}
    assert server.update() is False
    assert list(server.faults()) == ["gone"]
    assert server.update_one("gone") is False
    assert list(server.faults("gone")) == ["gone"]
    assert server.faults("other") == {}
    metrics = server.metrics()
    assert (metrics["git.failing"], metrics["git.remotes"], metrics["git.failures"]) == (1, 1, 2)
    assert metrics["git.remotes.gone.failing"] == 1
    assert metrics["git.remotes.gone.failures"] == 2
    assert metrics["git.remotes.gone.success_age_s"] >= 0


def test_update_one_needs_git(tmp_path: Path, srv: Path) -> None:
    with pytest.raises(FileServerError, match="add git to fileserver_backend"):
        serve(tmp_path).update_one("x")


def test_configuration_faults_are_raised_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gitfs_remotes: remote 1"):
        serve(tmp_path, fileserver_backend=["git"], gitfs_remotes=["ext::sh"])
    with pytest.raises(ConfigError, match="file_roots: base"):
        serve(tmp_path, file_roots={"base": "x"})


def test_many_threads_read_while_the_files_change(tmp_path: Path, srv: Path) -> None:
    server = serve(tmp_path)
    contents = [bytes([65 + number]) * 3000 for number in range(4)]
    hsums = {sha256(content): content for content in contents}
    target = srv / "a"
    target.write_bytes(contents[0])
    stop = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not stop.is_set():
            facts = server.file_hash("base", "a")
            if facts is None or facts["hsum"] not in hsums:
                wrong.append(f"hash of {facts}")
                continue
            try:
                chunk = server.file_chunk("base", "a", facts["hsum"], 0)
            except FileServerError:
                continue
            if chunk["data"] != hsums[facts["hsum"]]:
                wrong.append("content")

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(200):
        temporary = tmp_path / "next"
        temporary.write_bytes(contents[number % 4])
        temporary.replace(target)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_folders_and_links(tmp_path: Path, srv: Path) -> None:
    (srv / "a/empty").mkdir(parents=True)
    (srv / "a/run.sh").write_text("x")
    (srv / "a/run.sh").chmod(0o755)
    (srv / "link").symlink_to("a/run.sh")
    (srv / "folder").symlink_to("a")
    (srv / "out").symlink_to("/etc")
    (srv / ".git/x").mkdir(parents=True)
    server = serve(tmp_path)
    assert server.file_dirs("base") == {
        "dirs": ["_modules", "_modules/sub", "a", "a/empty", "folder", "folder/empty"],
        "empty": ["_modules/sub", "a/empty", "folder/empty"],
        "links": {"folder": "a", "link": "a/run.sh"},
    }
    facts = server.file_hash("base", "a/run.sh")
    assert facts is not None
    assert facts["mode"] == 0o100755
    with pytest.raises(FileServerError):
        server.file_dirs("nowhere")
