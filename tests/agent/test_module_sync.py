"""Modules are fetched by digest, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from saltern.digest import sha256
from saltern.errors import ChannelError, ModuleError
from saltern_agent.sync import Sync, module_folders


class Source:
    """A master's files, answered in small chunks."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.digest = "tree-1"
        self.fetched: list[str] = []
        self.changed: list[list[str]] = []
        self.refused: dict[str, str] = {}
        self.away = False

    def request(self, command: str, **args: Any) -> Any:
        if self.away:
            raise ChannelError(f"{command}: the master is away")
        if command == "modules":
            return {
                "digest": self.digest,
                "files": {
                    path: {"hsum": sha256(data).hexdigest(), "size": len(data), "commit": "abc"}
                    for path, data in self.files.items()
                },
            }
        self.fetched.append(args["path"])
        data = self.files[args["path"]]
        assert args["hsum"] == sha256(data).hexdigest()
        return {"data": data[args["offset"] :][:7], "size": len(data)}

    def on_change(self, changed: list[str], refused: dict[str, str]) -> None:
        self.changed.append(changed)
        self.refused = refused


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def sync(source: Source, tmp_path: Path) -> Sync:
    return Sync(str(tmp_path), source.request, source.on_change)


def files(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "extmods" / "modules").iterdir()}


def test_fetches_only_what_changed(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = {"_modules/mypkg.py": b"def f(): return 1\n", "_modules/other.py": b"x = 1"}
    assert sync.run() == ["modules.mypkg", "modules.other"]
    assert files(tmp_path) == {"mypkg.py": b"def f(): return 1\n", "other.py": b"x = 1"}
    assert sync.digest == "tree-1"
    assert sync.version("mypkg") == {"digest": sha256(b"def f(): return 1\n").hexdigest(), "commit": "abc"}
    source.fetched.clear()
    assert sync.run() == []
    assert source.fetched == []
    source.files["_modules/mypkg.py"] = b"def f(): return 2\n"
    assert sync.run() == ["modules.mypkg"]
    assert set(source.fetched) == {"_modules/mypkg.py"}
    assert source.changed == [["mypkg", "other"], [], ["mypkg"]]


def test_removes_what_is_gone(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = {"a.py": b"", "b.py": b"y = 2"}
    sync.run()
    del source.files["a.py"]
    assert sync.run() == ["modules.a"]
    assert files(tmp_path) == {"b.py": b"y = 2"}
    assert sync.versions().keys() == {"b"}


def test_a_file_that_does_not_compile_is_refused_and_the_old_one_stays(
    sync: Sync, source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source.files = {"mod.py": b"def f(): return 1"}
    sync.run()
    old = sync.version("mod")
    source.files = {"mod.py": b"x = 1\ndef f(:", "good.py": b"z = 3"}
    result = sync.run()
    assert result[0] == "modules.good"
    assert result[1].startswith("modules.mod: refused: line 2: SyntaxError: ")
    assert files(tmp_path) == {"mod.py": b"def f(): return 1", "good.py": b"z = 3"}
    assert sync.version("mod") == old
    assert source.refused.keys() == {"mod"}
    assert "the version before it stays" in caplog.text
    assert sync.digest == "tree-1"  # asking again would not help


def test_what_does_not_match_its_digest_is_not_taken(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = {"mod.py": b"x = 1"}
    request = sync._request

    def lying(command: str, **args: Any) -> Any:
        answer = request(command, **args)
        return {"data": b"evil = 1", "size": 8} if command == "file_chunk" else answer

    sync._request = lying
    assert sync.run() == ["modules.mod: refused: what came does not match its digest"]
    assert files(tmp_path) == {}
    assert sync.digest == ""  # it is tried again at the next welcome


@pytest.mark.parametrize(
    "path", ["../../evil.py", "a/../b.py", "_hidden.py", "x-y.py", "x.txt", "", ".py", 7, "/etc/p.py"]
)
def test_no_path_from_the_master_leaves_the_folder(sync: Sync, source: Source, tmp_path: Path, path: Any) -> None:
    source.files = {path: b"x = 1"}
    sync.run()
    assert set(files(tmp_path)) <= {"evil.py", "b.py", "p.py"}  # by their last segment, inside the folder
    assert sorted(p.name for p in tmp_path.iterdir()) == ["extmods"]


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"files": 3}, {"digest": 1, "files": {"m.py": 3}}, {"files": {"m.py": {"hsum": 1}}}]
)
def test_answers_that_make_no_sense(tmp_path: Path, answer: Any) -> None:
    sync = Sync(str(tmp_path), lambda *_, **__: answer, lambda *_: None)
    if isinstance(answer, dict) and isinstance(answer.get("files"), dict):
        assert sync.run() == ["modules.m: refused: the master does not tell its digest"]
    else:
        with pytest.raises(ModuleError, match="makes no sense"):
            sync.run()


@pytest.mark.parametrize("chunk", [None, {}, {"data": "text", "size": 4}, {"data": b"x", "size": 10**9}, {"data": b""}])
def test_chunks_that_make_no_sense(sync: Sync, source: Source, chunk: Any) -> None:
    source.files = {"mod.py": b"x = 1"}
    request = sync._request
    sync._request = lambda command, **args: chunk if command == "file_chunk" else request(command, **args)
    (line,) = sync.run()
    assert line.startswith("modules.mod: refused: ")


def test_a_master_that_is_away(sync: Sync, source: Source) -> None:
    source.away = True
    with pytest.raises(ChannelError, match="the master is away"):
        sync.run()


def test_the_index_is_kept(sync: Sync, source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source.files = {"mod.py": b"x = 1"}
    sync.run()
    again = Sync(str(tmp_path), source.request, source.on_change)
    assert (again.digest, again.versions()) == (sync.digest, sync.versions())
    (tmp_path / "extmods" / "index").write_bytes(b"\x93junk")
    broken = Sync(str(tmp_path), source.request, source.on_change)
    assert broken.digest == ""
    assert "can't be read" in caplog.text
    source.fetched.clear()
    assert broken.run() == []
    assert source.fetched == []
    assert broken.version("mod") is not None


@pytest.mark.parametrize("whole", [True, False])
def test_modules_that_were_removed_are_noticed_and_come_back(
    sync: Sync, source: Source, tmp_path: Path, whole: bool
) -> None:
    source.files = {"mod.py": b"x = 1", "other.py": b"x = 2"}
    sync.run()
    assert not sync.vanished()
    folder = tmp_path / "extmods" / "modules"
    shutil.rmtree(folder) if whole else (folder / "mod.py").unlink()
    assert sync.vanished()
    again = Sync(str(tmp_path), source.request, source.on_change)
    assert again.digest == "", "the master is asked for them at the next start"
    sync.run()
    assert not sync.vanished()
    assert (folder / "mod.py").read_bytes() == b"x = 1"


def test_folders_in_order(tmp_path: Path) -> None:
    opts = {"module_dirs": ["/a", "/b"], "cachedir": str(tmp_path)}
    assert module_folders(opts) == ["/a", "/b", str(tmp_path / "extmods" / "modules")]
