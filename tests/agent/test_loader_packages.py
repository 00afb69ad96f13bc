"""Which functions of a package are its own to callers."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern_agent.jobs import Current
from saltern_agent.loader import Loader

INNER = "from json import dumps\ndef work():\n    return dumps(__opts__['id'])\ndef _hidden():\n    pass\n"


def functions(folder: Path, init: str) -> list[str]:
    """Return what can be called of a package that has a file ``inner``, and a module ``other`` beside it."""
    package = folder / "pack"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(init)
    (package / "inner.py").write_text(INNER)
    (folder / "other.py").write_text("def theirs():\n    pass\n")
    loader = Loader({"id": "host01"}, [str(folder)], Current())
    return sorted(name for name in loader.functions() if name.startswith("pack."))


@pytest.mark.parametrize(
    ("init", "told"),
    [
        ("from .inner import work", ["pack.work"]),
        ("from . import inner\ndef own():\n    return inner.work()", ["pack.own"]),
        ("from .inner import *", ["pack.work"]),
        ("from .inner import work as do, _hidden", ["pack.do"]),
        ("from .inner import work\n__func_alias__ = {'work': 'set'}", ["pack.set"]),
        ("from .inner import work\n__load__ = []", []),
        ("from other import theirs\nfrom .inner import dumps\nfrom json import loads", []),
        ("from json import dumps\n__load__ = ['dumps']", ["pack.dumps"]),
    ],
)
def test_what_a_package_takes_from_its_own_files_is_its_own(module_dir: Path, init: str, told: list[str]) -> None:
    assert functions(module_dir, init) == told


def test_it_works_and_sees_what_modules_see(module_dir: Path) -> None:
    functions(module_dir, "from .inner import work")
    assert Loader({"id": "host01"}, [str(module_dir)], Current()).function("pack.work")() == '"host01"'


def test_a_file_of_a_name_that_begins_like_a_modules_is_another(module_dir: Path) -> None:
    module_dir.mkdir(parents=True, exist_ok=True)
    (module_dir / "one.py").write_text("from one_more import f\ndef own():\n    pass\n")
    (module_dir / "one_more.py").write_text("def f():\n    pass\n")
    loader = Loader({"id": "host01"}, [str(module_dir)], Current())
    assert [name for name in loader.functions() if name.startswith("one")] == ["one.own", "one_more.f"]
