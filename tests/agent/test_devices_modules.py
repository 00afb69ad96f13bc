"""Which modules a device has, what they may do, and what its proxymodule may be."""

from __future__ import annotations

import ast
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import saltern_modules
from saltern.errors import CommandError, FunctionNotFound
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader
from saltern_modules._served_as import FOR_DEVICES
from support.device_server import DeviceServer
from support.one_device import OneDevice, library_of

BUNDLED = Path(saltern_modules.__file__).parent
PLAIN = "__proxyenabled__ = ['mine']\ndef init(opts): pass\ndef shutdown(opts): pass\ndef ping(): return True\n"

OF_2014 = """
import urllib.request, json
__proxyenabled__ = ["rest_2014"]
class Proxyconn(object):
    def __init__(self, details):
        self.url = details["url"]
        self.grains_cache = {}
    def _get(self, path):
        with urllib.request.urlopen(self.url + path) as answer:
            return answer.read().decode()
    def id(self, opts): return self._get("id")
    def proxytype(self): return "rest_example"
    def grains(self):
        if not self.grains_cache:
            self.grains_cache = json.loads(self._get("info"))
        return self.grains_cache
    def grains_refresh(self):
        self.grains_cache = {}
        return self.grains()
    def service_status(self, name): return json.loads(self._get("service/status/" + name))
    def ping(self): return json.loads(self._get("ping"))["ret"]
"""
SERVICE_OF_2014 = """
__virtualname__ = "service"
def __virtual__():
    return "service" if __grains__["os"] in ("RestExampleOS", "proxy") else False
def status(name): return {name: __opts__["proxyobject"].service_status(name)["comment"] == "running"}
"""
RUNS = """
def who(): return __salt__["cmd.run"]("echo $0", shell="/bin/sh", python_shell=True), __salt__.cmd.retcode("false")
def there(name): return name in __salt__
def calls(name): return __salt__[name]("true")
"""


def test_the_table_of_modules_for_devices_is_what_they_say_themselves() -> None:
    said = {}
    for path in BUNDLED.glob("*.py"):
        for statement in ast.parse(path.read_text()).body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__proxyenabled__":
                said[path.stem] = tuple(ast.literal_eval(statement.value))
    assert said == dict(FOR_DEVICES)


@pytest.mark.parametrize("stem", sorted(stem for stem, names in FOR_DEVICES.items() if "*" not in names))
def test_a_host_has_none_of_what_is_for_devices(stem: str) -> None:
    loader = Loader({"id": "host"}, [], Current())
    own = [slot for slots in loader._modules.slots.values() for slot in slots if slot.source.stem == stem]
    assert [loader._modules.load(slot) for slot in own] == [None]
    assert [slot.python for slot in own] == [None]
    assert "it is for devices of the proxytypes" in str(own[0].error)


def test_no_bundled_module_that_acts_on_the_host_is_even_imported_for_a_device(tmp_path: Path) -> None:
    library = library_of(tmp_path, {"_proxy/mine.py": PLAIN})
    device = OneDevice(library, {"proxytype": "mine"}).open()
    assert "it acts on a host" in device.run("pkg.version", "bash").value
    functions = device.call("sys.list_functions")
    assert {"test.ping", "grains.items", "saltutil.sync_all"} <= set(functions)
    assert not [name for name in functions if name.startswith(("cmd.", "file.", "pkg.", "service.", "rest_sample"))]
    ran = {slot.source.stem for slot in library.slots() if slot.source.bundled and slot.python is not None}
    assert ran <= {stem for stem, names in FOR_DEVICES.items() if "*" in names}


def test_a_devices_own_module_runs_commands_on_the_host_and_nobody_else_does(tmp_path: Path) -> None:
    files = {"_proxy/mine.py": PLAIN, "_modules/runs.py": RUNS}
    device = OneDevice(library_of(tmp_path, files), {"proxytype": "mine"}).open()
    assert device.call("runs.who") == ("/bin/sh", 1)
    assert device.call("runs.there", "cmd.run") is True
    assert device.call("runs.there", "file.remove") is False
    assert "KeyError: 'file.remove'" in device.run("runs.calls", "file.remove").value
    for function, args in {
        "cmd.run": ["true"],
        "test.cross_test": ["cmd.run", "true"],
        "test.try": ["cmd.run", "true"],
        "saltutil.cmd": ["*", "cmd.run"],
    }.items():
        outcome = device.run(function, *args)
        assert outcome.retcode != 0 or outcome.value is None or "cmd.run" in str(outcome.value), outcome
    with pytest.raises(FunctionNotFound, match="it acts on a host"):
        device.tenant.function("cmd.run")
    host = Loader({"id": "host"}, [], Current())
    assert callable(host.function("cmd.run"))


def test_proxymodules_and_modules_of_the_form_of_2014_work(tmp_path: Path) -> None:
    files = {"_proxy/rest_2014.py": OF_2014, "_modules/rest_service.py": SERVICE_OF_2014}
    with DeviceServer(old=True) as one, DeviceServer(old=True) as two:
        library = library_of(tmp_path, files)
        devices = [
            OneDevice(library, {"proxytype": "rest_2014", "url": server.url}, server.url) for server in (one, two)
        ]
        with pytest.raises(CommandError, match="the device isn't connected"):
            devices[0].awaited("ping")
        two.info["housecat"] = "Two"
        two.services["apache"] = "running"
        opened = [device.open() for device in devices]
        assert [device.call("test.ping") for device in opened] == [True, True]
        assert [device.call("grains.get", "housecat") for device in opened] == ["Are you kidding?", "Two"]
        assert [device.call("service.status", "apache") for device in opened] == [{"apache": False}, {"apache": True}]
        assert devices[0].awaited("id", {}) == "rest_sample-localhost"
        devices[0].proxied.close()
        assert [device.proxied.initialized for device in devices] == [False, True]
        with pytest.raises(CommandError, match="the device isn't connected"):
            devices[0].awaited("ping")


def test_a_synced_proxymodule_comes_before_the_bundled_one(tmp_path: Path) -> None:
    text = PLAIN.replace("'mine'", "'rest_sample'")
    device = OneDevice(library_of(tmp_path, {"_proxy/rest_sample.py": text}), {"proxytype": "rest_sample"}).open()
    assert device.call("test.ping") is True


@pytest.mark.parametrize("function", ["grains.setval", "grains.append", "grains.set", "grains.delval"])
def test_no_device_writes_the_grains_of_its_host(tmp_path: Path, function: str) -> None:
    library = library_of(tmp_path, {"_proxy/mine.py": PLAIN}, conf_file=str(tmp_path / "minion"))
    device = OneDevice(library, {"proxytype": "mine"}).open()
    before: Any = sorted(tmp_path.rglob("grains"))
    assert device.run(function, "role", "web").retcode == 1
    assert sorted(tmp_path.rglob("grains")) == before


def test_a_host_and_its_devices_never_have_one_module_between_them(tmp_path: Path) -> None:
    """Both may load a bundled module at the same moment; what is in it is the host's, or the device's."""
    rounds, names = 5, sorted(stem for stem, of in FOR_DEVICES.items() if "*" in of and stem != "device_stats")
    for number in range(rounds):
        library = library_of(tmp_path / str(number), {"_proxy/mine.py": PLAIN})
        device = OneDevice(library, {"proxytype": "mine"}, "device")
        host = Loader({"id": "host"}, [], Current())
        barrier = threading.Barrier(2)
        found: dict[str, list[ModuleType]] = {}

        def load(who: str, loader: Loader, barrier: threading.Barrier, found: dict[str, list[ModuleType]]) -> None:
            with loader.bound():
                for name in names:
                    barrier.wait()
                    slots = loader._modules.slots[name]
                    module = loader._modules.load(slots[0])
                    assert module is not None
                    found.setdefault(who, []).append(module.python)

        both: list[tuple[str, Loader]] = [("host", host), ("device", device.tenant)]
        threads = [threading.Thread(target=load, args=(*one, barrier, found)) for one in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for of_host, of_device in zip(found["host"], found["device"], strict=True):
            assert of_host is not of_device
            assert vars(of_host)["__opts__"]["id"] == "host"
            with device.tenant.bound():
                assert vars(of_device)["__opts__"]["id"] == "device"


def test_a_device_has_its_grains_without_a_thread_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with DeviceServer() as server:
        own = OneDevice(library_of(tmp_path / "own"), {"proxytype": "rest_sample", "url": server.url})
        foreign = {"_grains/more.py": "def more(): return {'more': 1}"}
        more = OneDevice(library_of(tmp_path / "more", foreign), {"proxytype": "rest_sample", "url": server.url})
        own.proxied.open()
        more.proxied.open()
        started: list[str] = []
        start = threading.Thread.start

        def begin(thread: threading.Thread) -> None:
            if thread.name.startswith("grains"):
                started.append(thread.name)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", begin)
        assert own.grains()["location"].startswith("In this darn")
        assert started == []
        assert more.grains()["more"] == 1
        assert started == ["grains", "grains more.more"]
