"""Which plugins there are: where they come from, which one counts, and that a broken one hurts no other."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import saltern_modules
from saltern_web.plugins.book import SHIPPED, Book, places_of
from saltern_web.plugins.limited import limited
from saltern_web.plugins.names import PluginFault, module_of
from saltern_web.plugins.plugin import Origin, Place, Plugin
from support.console import console_options

pytestmark = pytest.mark.usefixtures("console_site")

FORM = """
from django import forms
class F(forms.Form):
    x = forms.CharField()
class PluginForm(CompoundForm):
    f = SubForm(F)
"""


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def write(folder: Path, name: str, **files: str) -> Path:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    for file, content in {"meta_yaml": "", **files}.items():
        path = place / file.replace("_", ".")
        path.write_text(content)
        path.chmod(0o644)
    return place


def plugins(loop: asyncio.Runner, book: Book) -> dict[str, Plugin]:
    book.look_again()
    return {plugin.name: plugin for plugin in loop.run(book.all())}


def test_the_six_that_come_with_the_console_are_whole(loop: asyncio.Runner) -> None:
    found = plugins(loop, Book([Place(str(SHIPPED), Origin.SHIPPED)]))
    assert sorted(found) == ["disks", "files", "logs", "packages", "services", "users"]
    modules = Path(saltern_modules.__file__).parent
    for name, plugin in found.items():
        assert (plugin.faults, plugin.meta.notes, plugin.can_run) == ((), (), True), name
        text = (modules / f"{module_of(name)}.py").read_text()
        assert f'__version__ = "{plugin.meta.version}"' in text
        assert ("def show(" in text) == plugin.meta.show


def test_each_broken_one_says_why_and_hurts_no_other(loop: asyncio.Runner, tmp_path: Path) -> None:
    write(tmp_path, "whole", forms_py=FORM, result_html="{{ data }}")
    write(tmp_path, "no_yaml", meta_yaml="a: [")
    write(tmp_path, "no_form", forms_py="1 +", meta_yaml="show: true")
    write(tmp_path, "no_page", result_html="{% load x %}")
    write(tmp_path, "ends", forms_py="import sys\nsys.exit(3)")
    write(tmp_path, "gone").joinpath("meta.yaml").unlink()
    os.mkfifo(write(tmp_path, "pipe") / "forms.py")
    write(tmp_path, "Bad-Name")
    book = Book([Place(str(tmp_path), Origin.FOLDER), Place(str(tmp_path / "nowhere"), Origin.FOLDER)])
    found = plugins(loop, book)
    said = {name: " ".join(plugin.faults) for name, plugin in found.items()}
    assert said.pop("whole") == ""
    assert "gone" not in said
    assert "is not YAML" in said["no_yaml"]
    assert "forms.py: line 1: invalid syntax" in said["no_form"]
    assert "result.html: Invalid block tag" in said["no_page"]
    assert "SystemExit" in said["ends"]
    assert "forms.py: is no file" in said["pipe"]
    assert {name: plugin.can_run for name, plugin in found.items()} == {
        "whole": True, "no_yaml": False, "no_form": False, "no_page": True, "ends": False, "pipe": False,
    }  # fmt: skip
    assert [remark.partition(": ")[2][:10] for remark in book.remarks] == ["left out: "]


def test_what_hangs_is_ended_and_said(loop: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("saltern_web.plugins.book.LOADED_WITHIN_S", 0.2)
    write(tmp_path, "hangs", forms_py="while True:\n    pass")
    write(tmp_path, "whole", forms_py=FORM)
    found = plugins(loop, Book([Place(str(tmp_path), Origin.FOLDER)]))
    assert found["hangs"].faults == ("forms.py: it took over 0.2 s, and was ended",)
    assert found["whole"].faults == ()


def test_work_apart_gives_what_it_gives(loop: asyncio.Runner) -> None:
    assert loop.run(limited(lambda: 3, "x", "p")) == 3
    with pytest.raises(ValueError, match="a"):
        loop.run(limited(lambda: int("a"), "x", "p"))
    with pytest.raises(PluginFault, match="StopIteration"):
        loop.run(limited(lambda: next(iter(())), "x", "p"))


def test_what_hangs_for_good_is_begun_twice_and_no_more(loop: asyncio.Runner) -> None:
    ended = threading.Event()
    for _ in range(2):
        with pytest.raises(PluginFault, match="took over 0"):
            loop.run(limited(lambda: ended.wait(50), "x", "/hangs", 0.05))
    with pytest.raises(PluginFault, match="hangs still"):
        loop.run(limited(lambda: 3, "x", "/hangs"))
    assert loop.run(limited(lambda: 3, "x", "/other")) == 3
    ended.set()


def test_changes_are_seen_and_the_first_place_counts(loop: asyncio.Runner, tmp_path: Path) -> None:
    own, others = tmp_path / "own", tmp_path / "others"
    write(others, "users", meta_yaml="title: Theirs")
    book = Book([Place(str(own), Origin.FOLDER), Place(str(others), Origin.SHIPPED)])
    theirs = plugins(loop, book)["users"]
    assert theirs.meta.title == "Theirs"
    assert plugins(loop, book)["users"] is theirs  # nothing is read again that hasn't changed
    write(own, "users", meta_yaml="title: Ours", forms_py=FORM)
    assert (plugins(loop, book)["users"].meta.title, plugins(loop, book)["users"].form is None) == ("Ours", False)
    write(own, "users", meta_yaml="state: disabled", forms_py="raise SystemError")
    assert plugins(loop, book) == {}
    assert loop.run(book.get("users")) is None


def test_code_that_others_may_write_isnt_run(loop: asyncio.Runner, tmp_path: Path) -> None:
    write(tmp_path, "a", forms_py=FORM).joinpath("forms.py").chmod(0o666)
    write(tmp_path, "b", forms_py=FORM).chmod(0o777)
    write(tmp_path / "open", "c", forms_py=FORM)
    (tmp_path / "open").chmod(0o777)
    found = plugins(loop, Book([Place(str(tmp_path), Origin.FOLDER), Place(str(tmp_path / "open"), Origin.FOLDER)]))
    assert len(found) == 3
    for plugin in found.values():
        assert "others may write to it" in plugin.faults[0]
        assert plugin.form is None


def test_the_masters_code_isnt_run_unless_that_is_allowed(loop: asyncio.Runner, tmp_path: Path) -> None:
    options = console_options(tmp_path, config_dir=str(tmp_path / "etc"))
    write(tmp_path / "plugins", "there", forms_py="raise SystemError", result_html="{{ data }}")
    found = plugins(loop, Book(places_of(options)))["there"]
    assert "plugins_from_master: true" in found.faults[0]
    assert (found.can_run, found.template is None) == (False, False)
    write(tmp_path / "etc/plugins", "there", forms_py=FORM)
    assert plugins(loop, Book(places_of(options)))["there"].origin is Origin.FOLDER
    options = console_options(tmp_path, plugins_from_master=True, plugin_dirs=[str(tmp_path / "more")])
    write(tmp_path / "plugins", "there", forms_py=FORM)
    assert plugins(loop, Book(places_of(options)))["there"].form is not None
