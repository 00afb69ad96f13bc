"""Modules are fetched by digest, whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from saltern.digest import sha256
from saltern.errors import ChannelError, ModuleError
from saltern_agent import sync_run
from saltern_agent.sync import NOTHING, Sync, module_folders
from support.descriptors import exhausted


class Source:
    """A master's files, answered in small chunks."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.digest = "tree-1"
        self.fetched: list[str] = []
        self.changed: list[list[str]] = []
        self.refused: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self.unused: dict[str, str] = {}
        self.away = False

    def request(self, command: str, **args: Any) -> Any:
        if self.away:
            raise ChannelError(f"{command}: the master is away")
        if command == "modules":
            facts = {
                path: {"hsum": sha256(data).hexdigest(), "size": len(data), "commit": "abc"}
                for path, data in self.files.items()
            }
            plain = {path for path in facts if str(path).startswith("_modules/") and str(path).count("/") == 1}
            return {
                "digest": self.digest,
                "files": {path: facts[path] for path in facts if path in plain},
                "others": {path: facts[path] for path in facts if path not in plain},
                "left_out": self.left_out,
            }
        self.fetched.append(args["path"])
        data = self.files[args["path"]]
        assert args["hsum"] == sha256(data).hexdigest()
        return {"data": data[args["offset"] :][:7], "size": len(data)}

    def on_change(self, changed: list[str], refused: dict[str, str]) -> dict[str, str]:
        self.changed.append(changed)
        self.refused = refused
        return self.unused


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def sync(source: Source, tmp_path: Path) -> Sync:
    return Sync(str(tmp_path), source.request, source.on_change)


def files(tmp_path: Path, kind: str = "modules") -> dict[str, bytes]:
    folder = tmp_path / "extmods" / kind
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(sync: Sync) -> list[str]:
    synced = sync.run()
    return [*synced.changed, *synced.told]


def test_fetches_only_what_changed(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = {"_modules/mypkg.py": b"def f(): return 1\n", "_modules/other.py": b"x = 1"}
    assert run(sync) == ["modules.mypkg", "modules.other"]
    assert files(tmp_path) == {"mypkg.py": b"def f(): return 1\n", "other.py": b"x = 1"}
    assert sync.digest == "tree-1"
    assert sync.version("mypkg") == {"digest": sha256(b"def f(): return 1\n").hexdigest(), "commit": "abc"}
    source.fetched.clear()
    assert run(sync) == []
    assert source.fetched == []
    source.files["_modules/mypkg.py"] = b"def f(): return 2\n"
    assert run(sync) == ["modules.mypkg"]
    assert set(source.fetched) == {"_modules/mypkg.py"}
    assert source.changed == [["mypkg", "other"], [], ["mypkg"]]


def test_removes_what_is_gone(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = {"_modules/a.py": b"", "_modules/b.py": b"y = 2"}
    sync.run()
    del source.files["_modules/a.py"]
    assert run(sync) == ["modules.a"]
    assert files(tmp_path) == {"b.py": b"y = 2"}
    assert sync.versions().keys() == {"b"}


def test_a_file_that_does_not_compile_is_refused_and_the_old_one_stays(
    sync: Sync, source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source.files = {"_modules/mod.py": b"def f(): return 1"}
    sync.run()
    old = sync.version("mod")
    source.files = {"_modules/mod.py": b"x = 1\ndef f(:", "_modules/good.py": b"z = 3"}
    result = run(sync)
    assert result[0] == "modules.good"
    assert result[1].startswith("modules.mod: refused: line 2: SyntaxError: ")
    assert files(tmp_path) == {"mod.py": b"def f(): return 1", "good.py": b"z = 3"}
    assert sync.version("mod") == old
    assert source.refused.keys() == {"mod"}
    assert "the version before it stays" in caplog.text
    assert sync.digest == "tree-1"  # asking again would not help


def test_what_does_not_match_its_digest_is_not_taken(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = {"_modules/mod.py": b"x = 1"}
    request = sync._request

    def lying(command: str, **args: Any) -> Any:
        answer = request(command, **args)
        return {"data": b"evil = 1", "size": 8} if command == "file_chunk" else answer

    sync._request = lying
    assert run(sync) == ["modules.mod: refused: what came does not match its digest"]
    assert files(tmp_path) == {}
    assert sync.digest == ""  # it is tried again at the next welcome


@pytest.mark.parametrize(
    "path",
    [
        "../../evil.py",
        "_modules/../b.py",
        "_modules/x/../../b.py",
        "_modules/-y.py",
        "_modules/x y/__init__.py",
        "_modules/x.txt",
        "_modules/class.py",
        "_modules/__init__.py",
        "_modules/.py",
        "_states/x.py",
        "modules/x.py",
        "x.py",
        "_modules/x//y.py",
        "_modules/x\\y.py",
        "",
        ".py",
        7,
        "/etc/p.py",
    ],
)
def test_no_path_from_the_master_leaves_the_folder(sync: Sync, source: Source, tmp_path: Path, path: Any) -> None:
    source.files = {path: b"x = 1"}
    synced = sync.run()
    assert synced.failed == bool(synced.told)  # a folder without its first file is no package, and nothing to tell of
    assert all(": refused: " in line for line in synced.told)
    assert files(tmp_path) == {}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["extmods"]
    assert sorted(p.name for p in (tmp_path / "extmods").iterdir()) == [
        "grains",
        "index",
        "lock",
        "modules",
        "proxy",
        "returners",
        "utils",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"files": 3},
        {"digest": 1, "files": {"_modules/m.py": 3}},
        {"files": {"_modules/m.py": {"hsum": 1}}},
    ],
)
def test_answers_that_make_no_sense(tmp_path: Path, answer: Any) -> None:
    sync = Sync(str(tmp_path), lambda *_, **__: answer, lambda *_: {})
    if isinstance(answer, dict) and isinstance(answer.get("files"), dict):
        assert run(sync) == ["_modules/m.py: refused: the master does not tell its digest"]
    else:
        with pytest.raises(ModuleError, match="makes no sense"):
            sync.run()


@pytest.mark.parametrize("chunk", [None, {}, {"data": "text", "size": 4}, {"data": b"x", "size": 10**9}, {"data": b""}])
def test_chunks_that_make_no_sense(sync: Sync, source: Source, chunk: Any) -> None:
    source.files = {"_modules/mod.py": b"x = 1"}
    request = sync._request
    sync._request = lambda command, **args: chunk if command == "file_chunk" else request(command, **args)
    (line,) = run(sync)
    assert line.startswith("modules.mod: refused: ")


def test_a_master_that_is_away(sync: Sync, source: Source) -> None:
    source.away = True
    with pytest.raises(ChannelError, match="the master is away"):
        sync.run()


def test_the_index_is_kept(sync: Sync, source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source.files = {"_modules/mod.py": b"x = 1"}
    sync.run()
    again = Sync(str(tmp_path), source.request, source.on_change)
    assert (again.digest, again.versions()) == (sync.digest, sync.versions())
    (tmp_path / "extmods" / "index").write_bytes(b"\x93junk")
    broken = Sync(str(tmp_path), source.request, source.on_change)
    assert broken.digest == ""
    assert "can't be read" in caplog.text
    source.fetched.clear()
    assert run(broken) == []
    assert source.fetched == []
    assert broken.version("mod") is not None


@pytest.mark.parametrize("whole", [True, False])
def test_modules_that_were_removed_are_noticed_and_come_back(
    sync: Sync, source: Source, tmp_path: Path, whole: bool
) -> None:
    source.files = {"_modules/mod.py": b"x = 1", "_modules/other.py": b"x = 2"}
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


PACK = {
    "_modules/pack/__init__.py": b"from .one import a",
    "_modules/pack/one.py": b"a = 1",
    "_modules/pack/data/table.csv": b"1,2",
    "_utils/shared.py": b"x = 1",
    "_utils/deep/__init__.py": b"",
}


def test_packages_and_utils(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = dict(PACK)
    assert run(sync) == ["modules.pack", "utils.deep", "utils.shared"]
    assert files(tmp_path) == {
        "pack/__init__.py": b"from .one import a",
        "pack/one.py": b"a = 1",
        "pack/data/table.csv": b"1,2",
    }
    assert files(tmp_path, "utils") == {"shared.py": b"x = 1", "deep/__init__.py": b""}
    assert source.changed == [["pack", "deep", "shared"]]
    assert run(sync) == []
    assert not sync.vanished()
    assert sync.versions().keys() == {"pack"}
    source.files["_modules/pack/one.py"] = b"a = 2"
    del source.files["_modules/pack/data/table.csv"]
    assert run(sync) == ["modules.pack"]
    assert files(tmp_path) == {"pack/__init__.py": b"from .one import a", "pack/one.py": b"a = 2"}
    (tmp_path / "extmods" / "modules" / "pack" / "one.py").unlink()
    assert sync.vanished()
    assert run(sync) == ["modules.pack"]
    source.files = {"_modules/pack.py": b"now = 'a file'"}
    assert run(sync) == ["modules.pack", "utils.deep", "utils.shared"]
    assert files(tmp_path) == {"pack.py": b"now = 'a file'"}
    source.files = dict(PACK)
    run(sync)
    assert "pack.py" not in files(tmp_path)


def test_a_package_is_taken_whole_or_not_at_all(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = dict(PACK)
    run(sync)
    before = files(tmp_path)
    source.files["_modules/pack/__init__.py"] = b"from .one import b"
    source.files["_modules/pack/one.py"] = b"def b(:"
    assert run(sync) == ["modules.pack: refused: pack/one.py: line 1: SyntaxError: invalid syntax"]
    assert files(tmp_path) == before
    assert source.refused.keys() == {"pack"}
    source.files["_modules/pack/one.py"] = b"b = 1"
    assert run(sync) == ["modules.pack"]


def test_one_kind_alone(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = dict(PACK)
    assert sync.run(["utils"]).changed == ["utils.deep", "utils.shared"]
    assert sync.digest == NOTHING  # the rest is still to come
    assert sync.run(["modules"]).changed == ["modules.pack"]
    assert run(sync) == []
    assert sync.digest == "tree-1"


def test_what_the_master_left_out_and_what_is_not_used_is_told_each_time(
    sync: Sync, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    source.files = {"_modules/cmd.py": b"x = 1"}
    source.left_out = {"_modules/389ds.py": "no name", "_modules/README": "no module", "_utils/a-b.py": "no\nname"}
    source.unused = {"cmd": "not used: no moon; the bundled one stays in place"}
    told = [
        "modules.cmd: not used: no moon; the bundled one stays in place",
        "_modules/389ds.py: left out: no name",
        "_modules/README: left out: no module",
        "_utils/a-b.py: left out: no\\nname",
    ]
    assert sync.run() == (["modules.cmd"], told, True)
    assert source.refused == {"389ds": "left out: no name"}
    assert sync.run(["modules"]) == ([], told[:3], True)
    source.left_out = {"_modules/README": "no module"}
    assert sync.run() == ([], [told[0], told[2]], False)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_what_another_program_synced_is_noticed(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = {"_modules/mod.py": b"x = 1", "_modules/same.py": b"", "_utils/lib.py": b"a = 1"}
    sync.run()
    read, sync.index.read = sync.index.read, None  # type: ignore[method-assign, assignment]  # it costs a look alone
    assert sync.changed_by_others() == []
    sync.index.read = read  # type: ignore[method-assign]
    other = Sync(str(tmp_path), source.request, source.on_change)
    source.files = {"_modules/mod.py": b"x = 2", "_modules/same.py": b"", "_modules/new.py": b""}
    source.digest = "tree-2"
    assert other.run().changed == ["modules.mod", "modules.new", "utils.lib"]
    assert sync.changed_by_others() == ["mod", "new", "lib"]
    assert sync.changed_by_others() == []
    assert sync.digest == "tree-2"
    assert run(sync) == []


def test_files_that_another_program_brought_count_as_changed_here(sync: Sync, source: Source, tmp_path: Path) -> None:
    """Between two looks: what is loaded is what was known, not what lies on disk."""
    source.files = {"_modules/mod.py": b"x = 1"}
    sync.run()
    source.files = {"_modules/mod.py": b"x = 2"}
    Sync(str(tmp_path), source.request, source.on_change).run()
    assert run(sync) == ["modules.mod"]


def test_two_syncs_do_not_work_at_once(
    sync: Sync, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.run()
    monkeypatch.setattr(sync_run, "OTHER_SYNC_S", 0.1)
    descriptor = os.open(tmp_path / "extmods" / "lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(ModuleError, match="another program syncs modules"):
        sync.run()
    os.close(descriptor)
    sync.run()


def test_the_index_of_an_earlier_release_is_taken_for_none(
    sync: Sync, source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source.files = {"_modules/mod.py": b"x = 1"}
    sync.run()
    sync.index.write({"digest": "tree-1", "files": {"mod": ["ab", None]}})
    again = Sync(str(tmp_path), source.request, source.on_change)
    assert (again.digest, again.versions()) == ("", {})
    assert not caplog.records
    source.fetched.clear()
    again.run()
    assert source.fetched == []


def test_folders_in_order(tmp_path: Path) -> None:
    opts = {"module_dirs": ["/a", "/b"], "cachedir": str(tmp_path)}
    assert module_folders(opts) == ["/a", "/b", str(tmp_path / "extmods" / "modules")]


@pytest.mark.parametrize("by", ["retry", "run"])
def test_an_index_that_cannot_be_read_at_the_start_is_read_later(
    sync: Sync, source: Source, tmp_path: Path, by: str
) -> None:
    source.files = {"_modules/a.py": b"A = 1", "_modules/b.py": b"B = 1"}
    sync.run()
    with exhausted():
        again = Sync(str(tmp_path), source.request, source.on_change)
    assert again.versions() == {}
    if by == "retry":
        again.index.retry()
        assert sorted(again.versions()) == ["a", "b"]
        return
    del source.files["_modules/b.py"]
    source.digest = "tree-2"
    source.fetched.clear()
    again.run()
    assert source.fetched == []
    assert sorted(files(tmp_path)) == ["a.py"]
    assert sorted(Sync(str(tmp_path), source.request, source.on_change).versions()) == ["a"], "it was written"


def test_proxymodules_are_taken_by_themselves_or_with_all(sync: Sync, source: Source, tmp_path: Path) -> None:
    source.files = {"_proxy/dev.py": b"x = 1\n", "_proxy/bad.py": b"def", "_modules/m.py": b"y = 1\n"}
    synced = sync.run(["proxy"])
    assert (synced.changed, files(tmp_path, "proxy")) == (["proxy.dev"], {"dev.py": b"x = 1\n"})
    assert synced.told[0].startswith("proxy.bad: refused: line 1: SyntaxError")
    assert files(tmp_path) == {}
    assert sync.run().changed == ["modules.m"]
    del source.files["_proxy/dev.py"]
    assert sync.run(["proxy"]).changed == ["proxy.dev"]
    assert files(tmp_path, "proxy") == {}
