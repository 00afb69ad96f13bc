"""``saltern-web plugin new NAME``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from saltern_web.plugins.check import check_plugin, fill_in
from saltern_web.plugins.names import PluginFault
from saltern_web.program.main import main

pytestmark = pytest.mark.usefixtures("console_site")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_plugin_works_as_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugin", "new", "back_ups"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("back_ups/ is a plugin that works. Next:")
    assert "saltutil.sync_modules" in said
    folder = here / "back_ups"
    assert sorted(path.name for path in folder.iterdir()) == [
        "forms.py", "meta.yaml", "plugin_back_ups.py", "result.html", "test_back_ups.py",
    ]  # fmt: skip
    assert "PLUGIN_" not in "".join(path.read_text() for path in folder.iterdir())
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}
    spec = importlib.util.spec_from_file_location("test_back_ups", folder / "test_back_ups.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [one for name, one in vars(module).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


@pytest.mark.parametrize("name", ["Backups", "../x", "a-b", "class", ""])
def test_a_bad_name_is_refused_in_one_line(here: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["plugin", "new", name]) == 1
    said = capsys.readouterr().err
    assert said.startswith("saltern-web: a plugin can't be called")
    assert said.count("\n") == 1
    assert list(here.iterdir()) == []


def test_what_is_there_stays(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "backups").mkdir()
    assert main(["plugin", "new", "backups"]) == 1
    assert "is there already" in capsys.readouterr().err
    assert list((here / "backups").iterdir()) == []
    here.chmod(0o755)


def test_a_check_says_what_is_wrong(here: Path) -> None:
    assert main(["plugin", "new", "one"]) == 0
    whole = {"status": "ok", "data": {"files": 1, "path": "/", "oldest_s": 3}, "version": "1.0"}
    assert "<strong>1</strong> file in" in check_plugin(here / "one", whole)
    for returned, said in (({**whole, "version": "2"}, "has version 1.0, the module has 2"), ([], "interface")):
        with pytest.raises(PluginFault, match=said):
            check_plugin(here / "one", returned)
    with pytest.raises(PluginFault, match="Begin with"):
        fill_in(here / "one", {"where-path": "tmp"})
    (here / "one/meta.yaml").write_text("a: [")
    with pytest.raises(PluginFault, match="is not YAML"):
        check_plugin(here / "one", whole)
