"""The device that isn't there: what it has, how slow, silent and unreachable it can be, with threads and without."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError
from saltern_modules._dummy import Dummy
from support.one_device import OneDevice, library_of

WAYS = pytest.mark.parametrize("way", [{}, {"wait": "async"}], ids=["threads", "coroutines"])


def device(folder: Path, **proxy: Any) -> OneDevice:
    return OneDevice(library_of(folder), {"proxytype": "dummy", **proxy})


@WAYS
def test_what_it_has_is_salts(tmp_path: Path, way: dict[str, str]) -> None:
    one = device(tmp_path, **way)
    one.awaited("init", {})
    assert one.awaited("initialized") is True
    assert (one.awaited("ping"), one.awaited("alive", {})) == (True, True)
    assert one.awaited("grains") == {"dummy_grain_1": "one", "dummy_grain_2": "two", "dummy_grain_3": "three"}
    assert one.awaited("service_list") == ["apache", "ntp", "samba"]
    assert one.awaited("package_list") == {"coreutils": "1.0", "apache": "2.4", "tinc": "1.4", "redbull": "999.99"}
    one.awaited("shutdown", {})
    assert one.awaited("initialized") is False


def test_its_services_and_packages(tmp_path: Path) -> None:
    one = device(tmp_path).open()
    assert one.call("test.ping") is True
    assert one.call("service.list") == ["apache", "ntp", "samba"]
    assert [one.call("service.status", name) for name in ("apache", "samba", "no")] == [True, False, False]
    assert (one.call("service.start", "samba"), one.call("service.running", "samba")) == ("running", True)
    assert (one.call("service.stop", "ntp"), one.call("service.restart", "ntp")) == ("stopped", True)
    assert (one.call("service.enabled", "redbull"), one.call("service.enabled", "ntp")) == (True, False)
    assert one.call("pkg.install", "vim", version=9.1) == {"vim": "9.1"}
    assert one.call("pkg.version", "vim") == "9.1"
    assert one.call("pkg.version", "vim", "tinc", "no") == {"vim": "9.1", "tinc": "1.4"}
    assert (one.call("pkg.version", "no"), one.call("pkg.installed", "vim", version=9.1)) == ("", True)
    assert "vim" not in one.call("pkg.remove", "vim")
    assert one.call("pkg.upgrade")["coreutils"] == {"old": "1.0", "new": "2.0"}
    assert one.call("pkg.list_pkgs")["coreutils"] == "2.0"
    assert one.call("grains.get", "dummy_grain_3") == "three"


def test_two_share_nothing(tmp_path: Path) -> None:
    library = library_of(tmp_path)
    one, two = (OneDevice(library, {"proxytype": "dummy"}, name).open() for name in ("one", "two"))
    one.call("service.start", "samba")
    one.call("pkg.install", "vim")
    assert two.call("service.status", "samba") is False
    assert "vim" not in two.call("pkg.list_pkgs")


@WAYS
def test_it_takes_its_time(tmp_path: Path, way: dict[str, str]) -> None:
    one = device(tmp_path, latency_s=0.05, **way)
    began = time.monotonic()
    assert one.awaited("ping") is True
    assert time.monotonic() - began >= 0.05
    one = device(tmp_path, hang=True, hang_s=0.05, **way)
    began = time.monotonic()
    one.awaited("init", {})
    assert one.awaited("ping") is True
    assert time.monotonic() - began >= 0.05


def test_hanging_for_ever_holds_no_thread_where_it_is_said_so(tmp_path: Path) -> None:
    one = device(tmp_path, hang=True, wait="async")

    async def asked() -> None:
        with one.tenant.bound():
            await asyncio.wait_for(one.tenant.proxymodule().functions["ping"](), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(asked())


def test_a_share_of_the_calls_hang() -> None:
    one = Dummy({"id": "one", "proxy": {"hang": 0.2, "hang_s": 9.0, "latency_s": 1.0}}, {})
    pauses = [one.pause_s("ping") for _ in range(1000)]
    assert set(pauses) == {1.0, 9.0}
    assert 100 < pauses.count(9.0) < 350
    assert one.pause_s("shutdown") == 0.0
    assert Dummy({"proxy": {"fail_init": "hang"}}, {}).pause_s("init") == float("inf")


def test_it_flaps_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("saltern_modules._dummy.time.time", lambda: now[0])
    one = Dummy({"id": "one", "proxy": {"flap_s": 10}}, {})
    said = []
    for now[0] in range(40):
        said.append(one.ping())
    turns = [second for second in range(1, 40) if said[second] != said[second - 1]]
    assert [later - earlier for earlier, later in pairwise(turns)] == [10] * (len(turns) - 1)
    now[0] = next(float(second) for second in range(40) if not said[second])
    with pytest.raises(CommandError, match="can't be reached"):
        one.stats()


@WAYS
@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ({"fail_init": True}, "fail_init says so"),
        ({"fail_init": "no route to host"}, "no route to host"),
        ({"latency": 1}, "proxy: latency: a dummy has no such option: it has fail_init, flap_s"),
        ({"latency_s": "x"}, "proxy: latency_s: 'x' is not valid"),
        ({"flap_s": -1}, "proxy: flap_s: -1 is not valid"),
    ],
)
def test_what_keeps_it_from_being_there_is_said(
    tmp_path: Path, proxy: dict[str, Any], said: str, way: dict[str, str]
) -> None:
    with pytest.raises(CommandError, match=said):
        device(tmp_path, **proxy, **way).awaited("init", {})


@WAYS
def test_it_has_as_many_numbers_as_are_wanted(tmp_path: Path, way: dict[str, str]) -> None:
    found = device(tmp_path, numbers=40, **way).awaited("stats")
    assert len(found["number"]) == 40
    assert all(0 <= value < 100 for value in found["number"].values())
    assert found["service"] == {"apache": 1, "ntp": 1, "samba": 0}
