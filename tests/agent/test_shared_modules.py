"""Many minions use the modules of one process, and none ever sees what is another's."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import FunctionNotFound
from saltern.plain import Plain
from saltern_agent.executor import Executor
from saltern_agent.jobs import Job
from saltern_agent.loader.bound import CarriedCurrent, Nobodys, carried
from saltern_agent.loader.marks import Marks
from saltern_agent.loader.shared_library import SharedLibrary
from saltern_agent.loader.tenant import Tenant

MINIONS = 300
CURRENT = CarriedCurrent()


def library_of(folder: Path, **modules: str) -> SharedLibrary:
    """Return what loads *modules*, those of a name with ``utils__`` before it as utilities."""
    for kind in ("modules", "utils", "grains", "returners"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for name, text in modules.items():
        kind, _, stem = name.rpartition("__")
        (folder / (kind or "modules") / f"{stem}.py").write_text(text)
    opts = {"id": "host", "cachedir": str(folder), "conf_file": str(folder / "minion"), "roots": {"base": ["/srv"]}}
    folders = {kind: [str(folder / kind)] for kind in ("modules", "utils", "grains", "returners")}
    return SharedLibrary(opts, folders, Marks())


def minion_of(library: SharedLibrary, name: str) -> Tenant:
    tenant = Tenant(library, {"id": name, "proxy": {"url": f"{name}/"}}, CURRENT)
    tenant.set_grains({"id": name, "os": f"{name} os"})
    tenant.set_pillar({"secret": f"{name} secret"})
    return tenant


def call(minion: Tenant, function: str, *args: Any) -> Any:
    outcome = Executor(minion, CURRENT).run(Job("20260101000000000000", function, list(args), {}))
    assert outcome.failed is None, outcome.failed
    return outcome.value


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[Tenant, Tenant]]:
    """Make two minions that share modules."""

    def made(**modules: str) -> tuple[Tenant, Tenant]:
        library = library_of(tmp_path, **modules)
        return minion_of(library, "one"), minion_of(library, "two")

    return made


SEER = """
import asyncio, copy, json, logging, plain
import keeper
from keeper import seen as kept
log = logging.getLogger(__name__)
def see():
    yield from [__opts__["id"], __opts__["proxy"]["url"], __grains__["id"], __grains__["os"], __pillar__["secret"]]
    yield from [__opts__["grains"]["id"], __opts__["pillar"]["secret"], json.loads(json.dumps(__pillar__))["secret"]]
    yield from [dict(__grains__)["id"], {**__pillar__}["secret"], copy.deepcopy(__opts__)["id"], plain.who()]
    yield from [__salt__["grains.get"]("id"), __salt__["keeper.who"](), __salt__.keeper.who(), __utils__["plain.who"]()]
    yield from [*__context__.values(), *kept(), *keeper.seen(), __opts__.get("wrote", __opts__["id"])]
    yield from __opts__["roots"]["base"][1:]
def keep(value):
    __context__["kept"] = value
    __opts__["wrote"] = value
    __opts__["roots"]["base"].append(value)
    keeper.keep(value)
def all_of(peer=None):
    found = list(see())
    keep(__grains__["id"] + " kept")
    if peer is not None:
        found += [(found[0], value) for value in peer()]
    return found + list(see())
async def wander(times, peer=None):
    found = all_of(peer)
    for _ in range(times):
        await asyncio.sleep(0)
        found += all_of()
    inner = await asyncio.gather(*(within() for _ in range(2)))
    return found + [value for values in inner for value in values] + await asyncio.to_thread(all_of)
async def within():
    await asyncio.sleep(0)
    return all_of()
"""
KEEPER = """
import plain
from functools import lru_cache
DETAILS = {}
__proxyenabled__ = ["*"]
last = None
def __init__(opts): DETAILS["url"] = opts["proxy"]["url"]
def keep(value):
    global last
    last = DETAILS["kept"] = value
def seen(): return [*DETAILS.values(), cached(), *([last] if last else [])]
@lru_cache
def cached(): return __grains__["id"]
def who(): return plain.who()
"""
PLAIN = "def who(): return __grains__['id']\n"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> list[Tenant]:
    library = library_of(tmp_path_factory.mktemp("fleet"), seer=SEER, keeper=KEEPER, utils__plain=PLAIN)
    return [minion_of(library, f"m{number:03d}") for number in range(MINIONS)]


def strangers(found: list[Any], name: str) -> list[Any]:
    """Return which of the values found for the minion *name* aren't its own."""
    return [value for value in found if not isinstance(value, tuple) and not value.startswith(name)]


numbers = st.integers(0, MINIONS - 1)
programs = st.lists(st.tuples(numbers, numbers, st.sampled_from(["plain", "peer", "async"])), min_size=50, max_size=200)


@settings(max_examples=15, deadline=None)
@given(programs)
def test_no_value_of_one_ever_shows_in_another(fleet: list[Tenant], program: list[tuple[int, int, str]]) -> None:
    names = [minion.grains["id"] for minion in fleet]
    faults: list[Any] = []

    def heed(one: int, other: int, found: list[Any]) -> None:
        faults.extend(strangers(found, names[one]))
        faults.extend(value for whose, value in filter(lambda v: isinstance(v, tuple), found) if whose != names[one])
        nested = [value for value in found if isinstance(value, tuple)]
        faults.extend(value for _, value in nested if not value.startswith(names[other]))

    def in_thread(one: int, other: int, how: str) -> None:
        peer = (lambda: call(fleet[other], "seer.all_of")) if how == "peer" else None
        heed(one, other, call(fleet[one], "seer.all_of", peer))

    async def in_task(one: int, other: int) -> None:
        with fleet[one].bound():
            wander = fleet[one].function("seer.wander")
            heed(one, other, await wander(one % 3, lambda: call(fleet[other], "seer.all_of")))

    async def tasks() -> None:
        await asyncio.gather(*(in_task(one, other) for one, other, how in program if how == "async"))

    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(asyncio.run, tasks())]
        work += [pool.submit(in_thread, *step) for step in program if step[2] != "async"]
        for one in work:
            one.result()
    assert faults == []


def test_a_file_is_run_once_unless_it_keeps_something(make: Callable[..., Any], tmp_path: Path) -> None:
    ran = f"with open({str(tmp_path / 'ran')!r}, 'a') as f: f.write(__name__ + '\\n')\ndel f\n"
    texts = {
        "pure": "import re\nA = (1, 'x')\nB = re.compile('x')\ndef f(a=None): return A",
        "table": "A = {}\ndef f(): return A",
        "counts": "n = 0\ndef f():\n    global n\n    n += 1\n    return n",
        "late": "def f(): globals()['x'] = 1",
        "default": "def f(kept=[]): return kept",
        "asks": "try:\n    WHO = __grains__['id']\nexcept BaseException:\n    WHO = ''\ndef f(): return WHO",
        "imports": "import table\ndef f(): return table.f()",
        "names": "from table import f as g\ndef f(): return g()",
        "closure": "def _make():\n    kept = {}\n    def f(): return kept\n    return f\nf = _make()",
        "attribute": "def f(): return f.kept\nf.kept = []",
        "classy": "class Kept:\n    all = []\ndef f(): return Kept.all",
        "within": "class Fine(Exception):\n    def g(self): return 1\ndef f(): return Fine().g()",
    }
    one, two = make(**{name: ran + text for name, text in texts.items()})
    for minion in (one, two):
        for name in texts:
            call(minion, f"{name}.f")
    times = (tmp_path / "ran").read_text().split()
    once = {name for name in texts if times.count(f"saltern_ext.modules.{name}") == 1}
    assert once == {"pure", "within"}
    assert all(times.count(f"saltern_ext.modules.{name}") == 3 for name in texts.keys() - once)  # first for no minion
    assert (call(one, "asks.f"), call(two, "asks.f")) == ("one", "two")


def test_virtual_is_asked_for_each_minion(make: Callable[..., Any]) -> None:
    text = "def __virtual__(): return 'same' if __grains__['id'] == 'one' else (False, 'not ' + __grains__['id'])"
    one, two = make(mymod=text + "\ndef f(): return __grains__['id']")
    assert call(one, "same.f") == "one"
    with pytest.raises(FunctionNotFound, match="not two"):
        two.function("mymod.f")
    assert (two.load_errors(), one.load_errors()) == ({"mymod": "not two"}, {})
    two.set_grains({"id": "one"})
    two._library.forget(["others"])
    two.settle()
    assert call(two, "same.f") == "one"
    two.set_grains({"id": "two"})
    two.forget()
    with pytest.raises(FunctionNotFound, match="no module same"):
        two.function("same.f")


def test_a_broken_file_is_named_to_each_minion_until_it_is_mended(make: Callable[..., Any], tmp_path: Path) -> None:
    minions = make(bad="x = 1\nimport nothing_at_all\ndef f(): return 1")
    for minion in minions:
        with pytest.raises(FunctionNotFound, match="line 2: ModuleNotFoundError"):
            minion.function("bad.f")
    (tmp_path / "modules" / "bad.py").write_text("def f(): return __opts__['id']")
    minions[0]._library.forget(["bad"])
    for minion in minions:
        minion.settle()
    assert [call(minion, "bad.f") for minion in minions] == ["one", "two"]


@pytest.mark.parametrize("first", ["left", "right"])
def test_files_that_import_each_other(make: Callable[..., Any], first: str) -> None:
    left = "import right\nKEPT = []\ndef f(): return KEPT\ndef g(): KEPT.append(__opts__['id'])\n"
    minions = make(left=left, right="import left\ndef f(): return left.f()")
    for minion in minions:
        call(minion, f"{first}.f")
        call(minion, "left.g")
    assert [call(minion, "right.f") for minion in minions] == [["one"], ["two"]]


def test_init_is_called_once_for_each_minion(make: Callable[..., Any]) -> None:
    text = (
        "def __init__(opts): __context__[opts['id']] = __context__.get(opts['id'], 0) + 1\n"
        "def __virtual__(): return bool(__context__)\ndef f(): return dict(__context__)"
    )
    one, two = make(begins=text, other="import begins\ndef f(): return begins.f()")
    assert [call(minion, name) for minion in (one, two) for name in ("other.f", "begins.f")] == [
        {"one": 1},
        {"one": 1},
        {"two": 1},
        {"two": 1},
    ]


def test_options_are_each_modules_own_and_those_of_its_file_all_minions(make: Callable[..., Any]) -> None:
    text = (
        "__opts__ = {'own': [1]}\n"
        "def put(x):\n    __opts__['x'] = x\n    __opts__['own'].append(x)\n    __opts__.pop('cachedir')\n"
        "def get(): return __opts__.get('x'), __opts__['own'], 'cachedir' in __opts__, len([*__opts__]) - len(__opts__)"
    )
    one, two = make(a=text, b="def get(): return __opts__.get('x'), 'own' in __opts__")
    call(one, "a.put", 5)
    assert call(one, "a.get") == (5, [1, 5], False, 0)
    assert call(two, "a.get") == (None, [1], True, 0)
    assert call(one, "b.get") == (None, False)


def test_a_thread_is_nobodys_unless_it_is_carried(make: Callable[..., Any]) -> None:
    one, two = make(a="def f(): return __grains__['id'], __salt__['grains.get']('id')")
    faults: list[BaseException] = []
    found: list[Any] = []

    def bare() -> None:
        try:
            function()
        except Nobodys as error:
            faults.append(error)

    with one.bound():
        function = one.function("a.f")
        threads = [threading.Thread(target=bare), threading.Thread(target=carried(lambda: found.append(function())))]
        with two.bound():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert (len(faults), found) == (1, [("one", "one")])


@pytest.fixture
def view(make: Callable[..., Any]) -> Iterator[dict[Any, Any]]:
    one, _ = make(a="def f(): return __pillar__")
    one.set_pillar({"a": 1, "b": {"c": [2]}})
    with one.bound():
        yield one.function("a.f")()


LIKE: dict[str, Callable[[Any], Any]] = {
    "json": json.dumps,
    "json indented": lambda one: json.dumps(one, indent=1, sort_keys=True),
    "msgpack": msgpack.packb,
    "plain": Plain().of,
    "dict": dict,
    "star": lambda one: {**one},
    "call": lambda one: dict(**one),
    "format": lambda one: "%(a)s" % one + "{a}".format(**one),  # noqa: UP031  # modules do that
    "copies": lambda one: [copy.copy(one), copy.deepcopy(one), one.copy()],
    "or": lambda one: [one | {"z": 1}, {"z": 1, "a": 0} | one],
    "equal": lambda one: [one == {"a": 1, "b": {"c": [2]}}, one != {"a": 1}, one == one],
    "size": lambda one: [len(one), bool(one)],
    "asks": lambda one: [isinstance(one, dict), "a" in one, "z" in one, one.get("z", 5), one["b"]],
    "walk": lambda one: [list(one), list(one.keys()), list(one.values()), list(one.items()), list(reversed(one))],
    "repr": lambda one: f"{one} {one!r}",
    "update": lambda one: {"x": 1}.update(one) or one,
    "change": lambda one: [one.setdefault("n", []), one.pop("a"), one.pop("a", 3), one.update(k=1), one],
    "inplace": lambda one: one.__ior__({"q": 1}),
    "empty": lambda one: one.clear() or [json.dumps(one), bool(one), dict(one), one == {}],
}


@pytest.mark.parametrize("name", LIKE)
def test_a_view_is_as_good_as_a_dict(view: dict[Any, Any], name: str) -> None:
    assert LIKE[name](view) == LIKE[name]({"a": 1, "b": {"c": [2]}})


def test_what_was_looked_up_is_looked_up_anew_when_files_or_options_are_others(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    one, _ = make(f="def g(): return 1, __opts__['proxy']['url'], __grains__.get('x'), __opts__['grains'].get('x')\n")
    url = call(one, "f.g")[1]
    assert call(one, "f.g") == (1, url, None, None)
    one.set_grains({"x": 2})
    assert call(one, "f.g") == (1, url, 2, 2)
    one.configure({"id": "one", "proxyid": "one", "proxy": {"proxytype": "dummy", "url": "two/"}})
    assert call(one, "f.g")[1] == "two/"
    (tmp_path / "modules" / "f.py").write_text("__opts__['mine'] = 3\ndef g(): return 22, __opts__['mine']\n")
    one._library.forget(["f"])
    one.settle()
    assert call(one, "f.g") == (22, 3)
    assert one.file_of("f.g") == "f"
