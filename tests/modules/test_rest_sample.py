"""The device that Salt's samples speak with, both generations of its server, by every function there is."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError
from support.device_server import DeviceServer, Reply
from support.one_device import OneDevice, library_of

SAID = {"os": "RestExampleOS", "kernel": "0.0000001", "housecat": "Are you kidding?"}
NO = {"comment": "not present", "ret": False}


@pytest.fixture(params=["old", "new"])
def server(request: pytest.FixtureRequest) -> Iterator[DeviceServer]:
    with DeviceServer(old=request.param == "old") as server:
        yield server


@pytest.fixture
def newer() -> Iterator[DeviceServer]:
    with DeviceServer() as server:
        yield server


def device_at(url: str, folder: Path, **more: Any) -> OneDevice:
    options = {name: more.pop(name) for name in list(more) if name in ("proxy_named", "device_timeout")}
    return OneDevice(library_of(folder), {"proxytype": "rest_sample", "url": url, **more}, **options)


def test_services(server: DeviceServer, tmp_path: Path) -> None:
    device = device_at(server.url, tmp_path).open()
    listed = {"apache": "stopped", "postgresql": "stopped", "redbull": "running"}
    assert device.call("service.get_all") == device.call("service.list") == listed
    assert [device.call("service.status", name) for name in ("apache", "redbull", "nothing")] == [False, True, False]
    assert device.call("service.status", "*[el]*") == {"apache": False, "postgresql": False, "redbull": True}
    assert device.call("service.running", "redbull") is True
    assert device.call("service.start", "apache") == {"comment": "running", "ret": True}
    assert device.call("service.status", "apache") is True
    assert device.call("service.stop", "apache") == {"comment": "stopped", "ret": True}
    assert device.call("service.restart", "apache") == {"comment": "restarted", "ret": True}
    assert device.call("service.restart", "no") == {"comment": "restart failed: not present", "ret": False}
    assert device.call("service.start", "no") == NO
    assert [device.call("service.enabled", name) for name in ("redbull", "apache")] == [True, False]
    assert (device.call("service.available", "apache"), device.call("service.missing", "apache")) == (True, False)


def test_packages(server: DeviceServer, tmp_path: Path) -> None:
    device = device_at(server.url, tmp_path).open()
    assert device.call("pkg.list_pkgs") == {"coreutils": "1.05"}
    assert device.call("pkg.install", "redbull") == {"comment": "installed", "ret": True}
    assert device.call("pkg.version", "redbull") == "1.0"
    assert device.call("pkg.install", "redbull", version=3.2) == {"comment": "installed", "ret": True}
    assert device.call("pkg.install", pkgs=["a b", {"c/d": "1.10"}]) == {
        name: {"comment": "installed", "ret": True} for name in ("a b", "c/d")
    }
    assert server.packages == {"coreutils": "1.05", "redbull": "3.2", "a b": "1.0", "c/d": "1.10"}
    assert device.call("pkg.version", "c/d", "nothing") == {"c/d": "1.10", "nothing": ""}
    assert (device.call("pkg.version", "nothing"), device.call("pkg.installed", "nothing")) == ("", False)
    assert device.call("pkg.installed", "coreutils", version=1.05) is True
    assert device.call("pkg.installed", "coreutils", version="2") is False
    assert device.call("pkg.remove", "redbull") == {"comment": "removed", "ret": True}
    assert device.call("pkg.remove", pkgs=["a b"]) == {"a b": {"comment": "removed", "ret": True}}
    assert device.call("pkg.install", "zero", version=0) == {"comment": "installed", "ret": True}
    assert device.call("pkg.version", "zero") == "0"
    assert device.call("pkg.remove", "zero") == {"comment": "removed", "ret": True}
    assert device.run("pkg.install", "..").value == "ERROR: '..' is no name"
    assert device.call("pkg.remove", "absent") == {"comment": "removed", "ret": True}
    assert server.packages == {"coreutils": "1.05", "c/d": "1.10"}
    assert "give a package's name" in device.run("pkg.install").value


def test_upgrades_and_outages_are_the_second_generations(newer: DeviceServer, tmp_path: Path) -> None:
    device = device_at(newer.url, tmp_path).open()
    assert device.call("pkg.upgrade") == {"coreutils": {"old": "1.05", "new": "2.05"}}
    assert device.call("pkg.list_pkgs") == {"coreutils": "2.05"}
    newer.outage = True
    assert device.call("rest_sample_utils.fix_outage") == {"body": '{"outage": false}'}
    assert newer.outage is False
    assert device.call("rest_sample_utils.get_test_string") == "testvalue"


def test_what_the_first_generation_has_not_is_said(tmp_path: Path) -> None:
    with DeviceServer(old=True) as old:
        device = device_at(old.url, tmp_path).open()
        assert device.run("pkg.upgrade").value == f"ERROR: GET {old.url}package/uptodate: 404 Not Found"


def test_ping_and_what_it_calls_itself(server: DeviceServer, tmp_path: Path) -> None:
    device = device_at(server.url.rstrip("/"), tmp_path).open()
    assert device.call("test.ping") is True
    assert device.proxied.alive() is True
    assert device.awaited("id", {}) == "rest_sample-localhost"
    server.status = 500
    assert device.call("test.ping") is False
    assert device.proxied.alive() is False
    device.proxied.close()
    assert device.proxied.initialized is False


def test_grains_are_the_devices_over_those_of_its_kind(server: DeviceServer, tmp_path: Path) -> None:
    device = device_at(server.url, tmp_path).open()
    grains = device.call("grains.items")
    assert {name: grains[name] for name in SAID} == SAID
    assert (grains["os_family"], grains["id"], grains["proxytype"]) == ("proxy", "device", "rest_sample")
    assert grains["location"] == "In this darn virtual machine.  Let me out!"
    assert grains["os_data"].startswith("funkyHttp")
    assert grains["proxy_functions"]["details"].startswith("This key is here because")
    server.info["housecat"] = "No"
    assert device.grains()["housecat"] == "Are you kidding?"
    assert device.grains(fresh=True)["housecat"] == "No"


def test_a_device_by_the_form_of_2014_shows_what_it_and_its_kind_say_and_no_more(
    server: DeviceServer, tmp_path: Path
) -> None:
    device = device_at(server.url, tmp_path, proxy_named=True).open()
    items = device.call("grains.items")
    assert sorted(items) == ["housecat", "kernel", "location", "os", "os_family"]
    assert {name: items[name] for name in SAID} == SAID
    assert device.call("grains.get", "id") == "device"
    assert device.call("grains.item", "proxytype", "os") == {"proxytype": "rest_sample", "os": "RestExampleOS"}


def test_numbers(server: DeviceServer, tmp_path: Path) -> None:
    device = device_at(server.url, tmp_path).open()
    assert device.awaited("stats") == {
        "service": {"apache": 0, "postgresql": 0, "redbull": 1},
        "running": 1,
        "packages": 1,
    }


def test_it_logs_in_and_gives_no_other_host_its_password(newer: DeviceServer, tmp_path: Path) -> None:
    newer.login = ("admin", "s:cret")
    with pytest.raises(CommandError, match="401 Unauthorized"):
        device_at(newer.url, tmp_path).open()
    device = device_at(newer.url, tmp_path, username="admin", password="s:cret").open()
    assert device.call("test.ping") is True
    with DeviceServer() as other:
        newer.pages["/service/list"] = Reply(302, headers={"Location": f"{other.url}service/list"})
        said = device.run("service.list").value
        assert said == (
            f"ERROR: GET {newer.url}service/list: it redirects to {other.url[:-1]}, another place: say that one in url"
        )
        assert other.connections == 0
    newer.pages["/service/list"] = Reply(301, headers={"Location": "/service/all"})
    newer.pages["/service/all"] = {"a": "running"}
    assert device.call("service.list") == {"a": "running"}
    newer.pages["/service/all"] = Reply(302, headers={"Location": "/service/list"})
    assert "it redirects over 3 times" in device.run("service.list").value
    assert newer.wait(lambda: newer.open == 0)


def test_each_fault_is_one_line(newer: DeviceServer, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        with pytest.raises(CommandError, match=f"^rest_sample.init failed: GET {url}ping: Connection ref"):
            device_at(url, tmp_path).open()
    device = device_at(newer.url, tmp_path).open()
    faults = {
        "[1": "the answer is no JSON: ",
        "[1]": "the answer is no mapping",
        "x" * (9 << 20): "the answer has more than 8,388,608 bytes",
        "[" * 200_000: "the answer is no JSON: ",
    }
    for text, said in faults.items():
        newer.pages["/service/list"] = text
        answer = device.run("service.list").value
        assert said in answer
        assert "\n" not in answer
    newer.refuse = True
    assert device.run("service.list").value.startswith(f"ERROR: GET {newer.url}service/list: ")
    assert device.call("test.ping") is False


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ({"url": "ftp://here/"}, "url: 'ftp://here/' is not valid"),
        ({"url": ""}, "url: '' is not valid"),
        ({"url": "http://here/?key=secret"}, r"url: it may have no \? and no #: [^']+what is secret$"),
        ({"url": "http://here/#part"}, r"url: it may have no \?"),
        ({"url": "http://me:pw@[x/"}, r"url: '\[x/' is not valid"),
        ({"url": "http://here/a b"}, "url: it has blanks"),
        ({"url": "http://here/", "timeout": "5"}, "timeout: '5' is not valid"),
        ({"url": "http://here/", "verify": "no"}, "verify: must be true or false"),
        ({"url": "https://here/", "ca": "ca.pem"}, "ca: must be the absolute path"),
        ({"url": "http://here/", "headers": 1}, "headers: must be a mapping"),
        ({"url": "http://here/", "token": "t", "username": "u"}, "token: there is a username too"),
    ],
)
def test_what_the_pillar_says_wrong_is_named(tmp_path: Path, proxy: dict[str, Any], said: str) -> None:
    with pytest.raises(CommandError, match=f"proxy: {said}"):
        OneDevice(library_of(tmp_path), {"proxytype": "rest_sample", **proxy}).open()


def test_a_silent_device_is_told_of_before_the_call_is_given_up(newer: DeviceServer, tmp_path: Path) -> None:
    device = device_at(newer.url, tmp_path, timeout=0.2).open()
    newer.hang()
    began = time.monotonic()
    assert device.run("service.list").value == f"ERROR: GET {newer.url}service/list: no answer in 0.18 s"
    assert device.call("test.ping") is False
    assert time.monotonic() - began < 60
    newer.resume()
    assert device.call("test.ping") is True


def test_no_name_leads_to_another_path(newer: DeviceServer, tmp_path: Path) -> None:
    device = device_at(newer.url, tmp_path).open()
    device.call("service.start", "../../fix_outage?x=1#y")
    assert newer.paths[-1] == "/service/start/..%2F..%2Ffix_outage%3Fx%3D1%23y"
    assert device.run("service.start", "..").value == "ERROR: '..' is no name"
