"""Devices by Salt's contract for proxymodules, many in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError, FunctionNotFound
from saltern_agent.executor import Executor
from saltern_agent.jobs import Job, Outcome
from saltern_agent.loader.bound import CarriedCurrent
from saltern_agent.loader.marks import Marks
from saltern_agent.loader.shared_library import SharedLibrary
from saltern_agent.loader.tenant import Tenant
from saltern_agent.proxied import Proxied

CURRENT = CarriedCurrent()
OPTS = {"master": "m", "grains": {"rack": 1}, "grains_blacklist": ["hidden"], "grains_deep_merge": False}

OLD = """
__proxyenabled__ = ["old"]
GRAINS_CACHE = {}
DETAILS = {}
def init(opts):
    DETAILS["url"] = opts["proxy"]["url"]
    DETAILS["initialized"] = True
def initialized(): return DETAILS.get("initialized", False)
def alive(opts): return opts["proxy"]["url"] == DETAILS["url"]
def id(opts): return "of the device"
def grains():
    if not GRAINS_CACHE: GRAINS_CACHE.update(os="Old", url=DETAILS["url"], hidden=1)
    return GRAINS_CACHE
def grains_refresh():
    GRAINS_CACHE.clear()
    return grains()
def fns(): return {"details": DETAILS["url"]}
def ping(): return DETAILS["url"].endswith("/")
def service_status(name): return {"ret": name, "url": DETAILS["url"]}
def shutdown(opts): DETAILS.clear()
"""
NEW = """
__proxyenabled__ = ["new"]
def init(opts): __context__["new"] = {"url": opts["proxy"]["url"]}
def initialized(): return "new" in __context__
def grains(): return {"os": "New", "url": __context__["new"]["url"]}
def ping(): return __context__["new"]["url"]
def service_status(name): return {"ret": name, "url": __context__["new"]["url"]}
def shutdown(opts): __context__.clear()
"""
SERVICE = """
import salt.utils.platform
__virtualname__ = "service"
__proxyenabled__ = ["old", "new"]
def __virtual__():
    if salt.utils.platform.is_proxy() and __opts__["proxy"]["proxytype"] in __proxyenabled__:
        return __virtualname__
    return False, "only for them"
def status(name): return __proxy__[__opts__["proxy"]["proxytype"] + ".service_status"](name), __context__.get("new")
"""
FACTS = """
__proxyenabled__ = ["old"]
def facts(proxy=None): return {"os": "no", "fns": proxy["old.fns"]() if proxy else "early"}
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[Tenant, Proxied]]:
    """Make a device of a proxytype at a URL, all with one library."""
    texts = {
        "proxy/old": OLD,
        "proxy/new": NEW,
        "proxy/careless": "def init(opts): pass\ndef shutdown(opts): pass",
        "proxy/bad": "__proxyenabled__ = ['*']\ndef init(opts): raise OSError('no route')\ndef shutdown(opts): pass",
        "proxy/sayer": "__proxyenabled__ = ['sayer']\ndef shutdown(opts): pass\n"
        "def init(opts): return opts['id'] != 'no'",
        "proxy/silent": "__proxyenabled__ = ['silent']\ndef shutdown(opts): pass\nTRIES = []\n"
        "def init(opts): TRIES.append(1)\ndef initialized(): return len(TRIES) > 1",
        "proxy/keeps": "__proxyenabled__ = ['keeps']\nimport os\ndef shutdown(opts): pass\n"
        "def init(opts): open(os.path.join(opts['cachedir'], 'kept'), 'w').close()",
        "proxy/half": "__proxyenabled__ = 'half'\ndef init(opts): pass",
        "modules/rest_service": SERVICE,
        "modules/any": "def f(): return __grains__['id']",
        "modules/others": "__proxyenabled__ = ['other']\ndef f(): return 1",
        "grains/facts": FACTS,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text(text)
    kinds = ("modules", "utils", "returners", "grains", "proxy")
    library = SharedLibrary({"id": "host", **OPTS}, {kind: [str(tmp_path / kind)] for kind in kinds}, Marks())

    def made(proxytype: str, name: str) -> tuple[Tenant, Proxied]:
        proxy = {"proxytype": proxytype, "url": f"{name}/"}
        own = {"id": name, "proxyid": name, "proxy": proxy, "cachedir": str(tmp_path / "cache" / name)}
        tenant = Tenant(library, own, CURRENT)
        return tenant, Proxied(tenant)

    return made


def run(tenant: Tenant, function: str, *args: Any) -> Outcome:
    return Executor(tenant, CURRENT).run(Job("20260101000000000000", function, list(args), {}))


def test_each_device_is_spoken_with_as_itself(make: Callable[..., Any]) -> None:
    devices = {name: make(kind, name) for kind in ("old", "new") for name in (f"{kind}1", f"{kind}2")}
    for tenant, device in devices.values():
        assert device.initialized is False
        device.open()
        assert (device.initialized, device.alive(), device.ping()) == (True, True, True)
        assert run(tenant, "test.ping").value is True
    for name, (tenant, device) in devices.items():
        grains = device.grains({**OPTS, "id": name})
        assert (grains["id"], grains["url"], grains["os"]) == (name, f"{name}/", name[:3].capitalize())
        assert (grains["kernel"], grains["rack"], "hidden" in grains) == ("proxy", 1, False)
        assert grains.get("fns") == ({"details": f"{name}/"} if name.startswith("old") else None)
        assert run(tenant, "service.status", "apache").value == ({"ret": "apache", "url": f"{name}/"}, None)
    tenant, device = devices["old1"]
    device.close()
    device.close()
    assert device.initialized is False
    assert [one.ping() for name, (_, one) in devices.items() if name != "old1"] == [True, True, True]


def test_a_proxymodule_that_asks_for_its_folder_finds_it(make: Callable[..., Any], tmp_path: Path) -> None:
    make("keeps", "keeps")[1].open()
    make("new", "new1")[1].open()
    with pytest.raises(CommandError, match="no such option"):
        make("dummy", "dummy")[1].open()
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["keeps"]  # others keep nothing
    assert (tmp_path / "cache" / "keeps" / "kept").exists()
    (tmp_path / "cache" / "file").write_text("")
    with pytest.raises(CommandError, match=r"file: can't be made: File exists$"):
        make("keeps", "file")[1].open()


def test_grains_come_before_the_connection_too(make: Callable[..., Any]) -> None:
    _, device = make("old", "early")
    grains = device.grains({**OPTS, "id": "early"})
    assert (grains["fns"], grains["os"], "url" in grains) == ("early", "no", False)


@pytest.mark.parametrize(
    ("proxytype", "said"),
    [
        ("careless", "there is no proxymodule careless: .*no __proxyenabled__ that names"),
        ("nothing", "there is no proxymodule nothing: "),
        ("half", "the proxymodule half has no function shutdown"),
        ("bad", "bad.init failed: OSError: no route"),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_line(make: Callable[..., Any], proxytype: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        make(proxytype, "one")[1].open()


def test_an_init_that_only_says_that_it_failed_opened_nothing(make: Callable[..., Any]) -> None:
    with pytest.raises(CommandError, match=r"^sayer\.init failed: it returned False$"):
        make("sayer", "no")[1].open()
    said = make("sayer", "yes")[1]
    said.open()
    assert said.alive() is True
    silent = make("silent", "one")[1]
    with pytest.raises(CommandError, match=r"^silent\.init failed: silent\.initialized says False after it$"):
        silent.open()
    silent.open()  # as its connection does after a while
    assert silent.initialized is True


@pytest.mark.parametrize("becomes", ["", "__proxyenabled__ = ['opens']\ndef init(opts): pass\ndef shutdown(opts): X"])
def test_what_opened_a_device_closes_it_though_its_file_is_another_by_then(
    make: Callable[..., Any], tmp_path: Path, becomes: str
) -> None:
    path = tmp_path / "proxy" / "opens.py"
    path.write_text(
        "__proxyenabled__ = ['opens']\nFAR = {}\n"
        "def init(opts): FAR['to'] = open(opts['cachedir'] + '.far', 'w')\n"
        "def shutdown(opts): print('bye', opts['id'], file=FAR['to']); FAR.pop('to').close()\n"
    )
    (tmp_path / "cache").mkdir()
    tenant, device = make("opens", "one")
    tenant._library.forget(["opens"])
    device.open()
    if becomes:
        path.write_text(becomes)
    else:
        path.unlink()
    tenant._library.forget(["opens"])
    tenant.settle()
    device.close()
    assert (tmp_path / "cache" / "one.far").read_text() == "bye one\n"


def test_functions_that_act_on_the_host_are_refused_for_a_device(make: Callable[..., Any]) -> None:
    tenant, _ = make("new", "one")
    tenant.set_grains({"id": "one"})
    assert run(tenant, "any.f").value == "one"
    for name, why in {
        "cmd.run": "it acts on a host",
        "others.f": "for the proxytypes other",
        "new.ping": "no module new",
    }.items():
        with pytest.raises(FunctionNotFound, match=why):
            tenant.function(name)
    assert run(tenant, "grains.setval", "a", 1).missing
    assert "it acts on a host" in run(tenant, "cmd.run", "true").value
