"""An agent whose own minion is a device, by a key of its own: what saltern-proxy runs."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from saltern.config import MinionOptions
from saltern_agent.devices.proxy_host import ProxyHost
from saltern_agent.host import Host
from support.device_bench import Bench


class ProxyBench(Bench):
    """It is one, and *proxy* is its option."""

    def __init__(self, folder: Path, proxy: dict[str, Any] | None = None) -> None:
        self._proxy = proxy
        super().__init__(folder)
        self.host.loop.ask(lambda: self.host.own.begin())

    def make(self, options: Any, master_key: str) -> Host:
        own = cast(MinionOptions, {**options, "proxyid": options["id"], "proxy": self._proxy or {}})
        return ProxyHost(own, self.keys, master_key)

    def own_job(self, fun: str, *arg: Any) -> dict[str, Any]:
        jid = self._jids.next()
        self.say("job", jid=jid, fun=fun, arg=list(arg), kwarg={}, user="fred")
        found: dict[str, Any] = self.wait(lambda: self.returns(jid).get(""))
        return found


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("saltern_agent.executor.Executor.capture_output", lambda executor: None)
    builtins.__dict__.setdefault("toaster_gates", {}).clear()
    yield
    threading.stack_size(0)


def test_its_messages_go_as_they_are(tmp_path: Path) -> None:
    bench = ProxyBench(tmp_path)
    bench.welcome(pillar={"proxy": {"proxytype": "toaster", "url": "own/"}})
    bench.wait(lambda: bench.host.attachment()["grains"].get("os") == "Toaster")
    assert bench.own_job("toast.toast", 3)["return"] == ["host", "own/", 3]
    assert bench.own_job("test.ping")["return"] is True
    assert "it acts on a host" in bench.own_job("cmd.run", "true")["return"]
    assert bench.events("") == ["device/up"]
    assert not [name for name, _ in bench.ret if name]
    assert bench.host.attachment()["grains"]["device"]["up"] is True
    bench.stop()


def test_it_is_opened_before_the_master_is_found_when_its_options_say_how(tmp_path: Path) -> None:
    bench = ProxyBench(tmp_path, {"proxytype": "toaster", "url": "mine/"})
    bench.wait(lambda: bench.devices.members["host"].connection.up)
    bench.welcome(pillar={"role": "kitchen"})
    assert bench.own_job("toast.toast")["return"] == ["host", "mine/", 1]
    bench.stop()


def test_it_speaks_for_others_too(tmp_path: Path) -> None:
    bench = ProxyBench(tmp_path)
    bench.welcome(pillar={"proxy": {"proxytype": "deltaproxy", "ids": ["sw1"]}})
    bench.serve("sw1")
    assert bench.run("sw1", "toast.toast")["return"] == ["sw1", "sw1/", 1]
    assert bench.own_job("grains.item", "id")["return"] == {"id": "host"}
    bench.list()
    bench.wait(lambda: bench.said("released") == [{"devices": ["sw1"]}])
    assert list(bench.devices.members) == ["host"]
    assert bench.own_job("test.ping")["return"] is True
    bench.stop()
