"""Powers are declared in the modules' files, and read without running them."""

from __future__ import annotations

import gc
import importlib
import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import saltern_modules
from saltern.power import Power
from saltern_agent.loader.module import _functions
from saltern_master.auth import powers as powers_module
from saltern_master.auth.powers import Powers, bundled_sources, declaration

BUNDLED = sorted(path.stem for path in Path(saltern_modules.__path__[0]).glob("[!_]*.py"))


@pytest.mark.parametrize("stem", BUNDLED)
def test_every_function_of_a_bundled_module_is_declared_and_nothing_else(stem: str) -> None:
    module = importlib.import_module(f"saltern_modules.{stem}")
    said = declaration(stem, bundled_sources()[stem])
    assert set(said.powers) == set(_functions(module))
    assert said.name == getattr(module, "__virtualname__", stem)


@pytest.mark.parametrize(
    ("function", "power"),
    [
        ("test.ping", "reads"),
        ("test.true", "reads"),
        ("sys.doc", "reads"),
        ("saltutil.sync_modules", "writes"),
        ("cmd.run", "runs"),
        ("cmd.script", "runs"),
        ("cmd.which", "reads"),
        ("cp.get_file", "indirect"),
        ("schedule.add", "indirect"),
        ("schedule.run_job", "indirect"),
        ("event.send", "indirect"),
        ("sysmod.doc", "indirect"),
        ("test.new", "indirect"),
        ("test", "indirect"),
        ("", "indirect"),
        ("test.*", "indirect"),
        (".ping", "indirect"),
    ],
)
def test_powers_of_bundled_functions_and_of_what_is_none(function: str, power: str) -> None:
    assert Powers().of(function) == power


def test_globs_cover_the_first_two_powers_alone() -> None:
    assert [power.by_glob for power in Power] == [True, True, False, False]


def test_the_bundled_modules_are_read_without_being_imported_and_may_be_missing() -> None:
    code = (
        "import sys; from saltern_master.auth.powers import Powers; p = Powers(); "
        "print(p.of('cmd.run'), [m for m in sys.modules if m.startswith('saltern_modules')])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "runs []\n"


def test_a_host_without_the_modules_knows_no_powers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powers_module, "BUNDLED_PACKAGE", "saltern_is_not_there")
    assert Powers().of("test.ping") == "indirect"


def test_custom_modules_come_beside_the_bundled_ones_and_weaken_none_that_they_override() -> None:
    powers = Powers({"disk": "__powers__ = {'usage': 'reads', 'wipe': 'runs'}"})
    powers.learn({"mypkg": "__powers__ = {'list': 'reads', '*': 'writes'}", "disk": "def usage(): ..."})
    assert powers.of("mypkg.list") == "reads"
    assert powers.of("mypkg.install") == "writes"
    assert powers.of("disk.usage") == "indirect"  # the custom file says nothing, and it is the one that runs
    powers.learn({"disk": "__powers__ = {'usage': 'writes', 'wipe': 'reads'}"})
    assert powers.of("disk.usage") == "writes"
    assert powers.of("disk.wipe") == "runs"  # a minion where the custom file can't be loaded runs the bundled one
    powers.learn({})
    assert powers.of("disk.usage") == "reads"
    assert powers.of("mypkg.list") == "indirect"


def test_of_files_that_share_a_name_the_strongest_word_holds() -> None:
    apt = "__virtualname__ = 'pkg'\n__powers__ = {'list': 'reads', 'install': 'writes', 'hold': 'writes'}"
    yum = "__virtualname__ = 'pkg'\n__powers__ = {'list': 'reads', 'install': 'runs'}"
    for order in ({"aptpkg": apt, "yumpkg": yum}, {"yumpkg": yum, "aptpkg": apt}):
        powers = Powers(order)
        assert [powers.of(f"pkg.{name}") for name in ("list", "install", "hold")] == ["reads", "runs", "writes"]
        assert powers.of("pkg.other") == "indirect"
        assert powers.of("aptpkg.list") == "indirect"


def test_a_file_that_takes_the_name_of_a_bundled_one_weakens_nothing() -> None:
    powers = Powers({"cmd": "__powers__ = {'run': 'runs'}"})
    powers.learn({"nice": "__virtualname__ = 'cmd'\n__powers__ = {'*': 'reads'}"})
    assert powers.of("cmd.run") == "runs"


@pytest.mark.parametrize(
    "source",
    [
        "__powers__ = {'f': 'reads'}\ndef f(:",
        "__powers__ = dict(f='reads')",
        "__powers__ = ['f']",
        "__powers__ = {'f': 'harmless', '*': 'reads'}",
        "__powers__ = {'f': ['reads'], '*': 'reads'}",
        "__powers__ = {'f': 'reads'}\n__powers__ = {'f': 'runs'[:4] }",
        "def g():\n    __powers__ = {'f': 'reads'}",
        "__powers__: dict[str, str]",
        "\0",
        "__powers__ = {'f': 'reads'}\nx = " + "(" * 5000 + ")" * 5000,
        "__powers__ = {'f': 'reads'}\n" + "#" * powers_module.MAX_SOURCE_CHARACTERS,
        "__virtualname__ = name()\n__powers__ = {'g': 'reads'}",
    ],
)
def test_what_is_not_said_plainly_is_not_said(source: str) -> None:
    assert Powers({"mod": source}).of("mod.f") == "indirect"


def test_a_wrong_word_is_named_with_the_right_ones(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        declaration("mod", "__powers__ = {'f': 'harmless'}")
    assert caplog.messages == [
        "module mod: __powers__: 'harmless' is no power: use one of reads, writes, runs, indirect"
    ]


def test_the_number_of_modules_is_bounded(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(powers_module, "MAX_MODULES", 2)
    powers = Powers({f"m{n}": "__powers__ = {'*': 'reads'}" for n in range(3)})
    assert [powers.of(f"m{n}.f") for n in range(3)] == ["reads", "reads", "indirect"]
    assert "the powers of 1 modules aren't read: 2 are" in caplog.messages


def test_a_module_with_odd_escapes_is_read_without_a_warning() -> None:
    assert Powers({"mod": "x = '\\d'\n__powers__ = {'f': 'reads'}"}).of("mod.f") == "reads"


NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)


@given(st.dictionaries(NAMES, st.sampled_from([*Power, "nonsense", 3, None])), NAMES)
def test_a_declaration_gives_back_what_it_says(said: dict[str, object], asked: str) -> None:
    source = f"__powers__ = { {name: getattr(word, 'value', word) for name, word in said.items()}!r}"
    known = {name: word if isinstance(word, Power) else Power.INDIRECT for name, word in said.items()}
    powers = Powers({"mod": source})
    assert all(powers.of(f"mod.{name}") == power for name, power in known.items())
    assert powers.of(f"mod.{asked}") == known.get(asked, Power.INDIRECT)


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_text_is_a_module_that_says_something_or_nothing(source: str, function: str) -> None:
    powers = Powers({})
    powers.learn({"mod": source, "other": f"__powers__ = {source}"})
    assert powers.of(function) == Power.INDIRECT
    assert isinstance(powers.of("mod.f"), Power)


class _Yields:
    """Lets another thread run when it is collected, as a file or a lock may."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0)


def test_modules_are_read_in_several_threads_at_once() -> None:
    sources = bundled_sources()
    before = gc.get_threshold()

    def read(_: int) -> dict[str, set[str]]:
        found = {}
        for stem in BUNDLED[:40]:
            _Yields()
            found[stem] = set(declaration(stem, sources[stem]).powers)
        return found

    gc.set_threshold(50)
    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(read, range(8)))
    finally:
        gc.set_threshold(*before)
    assert all(answers[0].values())
    assert answers == answers[:1] * 8
