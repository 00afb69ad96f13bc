"""Devices by what their pillar declares of an HTTP interface: numbers, grains and functions without code."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import CommandError
from saltern.secret import MASK, Secret
from saltern_modules import _http_json as declared
from saltern_modules.proxy import http_json as proxymodule
from support.device_server import DeviceServer, Reply, Request
from support.one_device import OneDevice, library_of

STATS = {"cpu": {"load": [0.125, 0.5]}, "fan": {"state": "ok"}, "temp": "41.5", "on": True, "a.b": 7, "big": 10**30}
PORTS = {"ports": [{"name": "eth0", "counters": {"rx": 1, "tx": 2}}, {"name": "eth1", "counters": {"rx": 3}}, {}]}


@pytest.fixture
def server() -> Iterator[DeviceServer]:
    with DeviceServer() as server:
        server.pages = {
            "/api/stats": STATS,
            "/api/ports": PORTS,
            "/api/system": {
                "hardware": {"model": "X1", "serial": None},
                "disks": {"sda": {"used": 5}, "sdb": {"used": 6}},
            },
            "/api/health": {"ok": True},
        }
        yield server


def device(server: DeviceServer, folder: Path, **proxy: Any) -> OneDevice:
    return OneDevice(library_of(folder), {"proxytype": "http_json", "url": f"{server.url}api", **proxy})


def test_numbers_of_every_kind_by_one_request_a_path(server: DeviceServer, tmp_path: Path) -> None:
    metrics = {
        "load": {"path": "/stats", "value": "cpu.load.0", "scale": 100},
        "last": {"path": "/stats", "value": "cpu.load.-1"},
        "env.temperature": {"path": "/stats", "value": "temp"},
        "env.fan": {"path": "/stats", "value": "fan.state", "states": {"ok": 1, "failed": 0}},
        "on": {"path": "/stats", "value": "on"},
        "dots": {"path": "/stats", "value": ["a.b"]},
        "big": {"path": "/stats", "value": "big"},
        "nothing": {"path": "/stats", "value": "cpu.idle"},
        "text": {"path": "/stats", "value": "fan.state"},
        "port": {
            "path": "/ports",
            "each": "ports",
            "label": "name",
            "values": {"rx": "counters.rx", "tx": "counters.tx"},
        },
        "rx": {"path": "/ports", "each": "ports", "label": "name", "value": "counters.rx", "scale": 0.5},
        "disk": {"path": "/system", "each": "disks", "values": {"used": "used"}},
        "nth": {"path": "/ports", "each": "ports", "value": "counters.rx"},
    }
    one = device(server, tmp_path, metrics=metrics, ping="/health").open()
    server.requests.clear()
    found = one.call("stats.collect")
    assert found == {
        "load": 12.5,
        "last": 0.5,
        "env": {"temperature": 41.5, "fan": 1},
        "on": 1,
        "dots": 7,
        "big": 1e30,
        "port": {"eth0": {"rx": 1, "tx": 2}, "eth1": {"rx": 3}},
        "rx": {"eth0": 0.5, "eth1": 1.5},
        "disk": {"sda": {"used": 5}, "sdb": {"used": 6}},
        "nth": {"0": 1, "1": 3},
        "http_json": {"requests": 3, "failed": 0},
        "device": {"up": 1, "type": {"http_json": 1}, "success": 1},
    }
    assert server.paths == ["/api/stats", "/api/ports", "/api/system"]


def test_items_with_one_label_are_all_there(server: DeviceServer, tmp_path: Path) -> None:
    rows = [{"n": "eth0", "rx": 1}, {"n": "eth1", "rx": 2}, {"n": "eth0", "rx": 3}, {"rx": 4}, {"n": "eth0"}]
    server.pages["/api/rows"] = rows
    one = device(server, tmp_path, metrics={"rx": {"path": "/rows", "each": "", "label": "n", "value": "rx"}}).open()
    assert one.call("stats.collect")["rx"] == {"eth0#0": 1, "eth1": 2, "eth0#2": 3}


def test_items_that_are_not_wanted_are_passed_over(server: DeviceServer, tmp_path: Path) -> None:
    kinds = (
        ("a", "eth", True, 1),
        ("b", "lo", True, 2),
        ("c", "eth", False, 3),
        ("d", 6, True, 4),
        ("e", None, True, 5),
    )
    server.pages["/api/rows"] = [{"n": name, "is": {"type": kind}, "up": up, "rx": rx} for name, kind, up, rx in kinds]
    each = {"path": "/rows", "each": "", "label": "n", "value": "rx"}
    metrics = {
        "up": {**each, "where": {"up": True, "is.type": ["eth", 6]}},
        "down": {**each, "where": {"up": False}},
        "none": {**each, "where": {"no.such": "x"}},
    }
    found = device(server, tmp_path, metrics=metrics).open().call("stats.collect")
    assert (found["up"], found["down"], "none" in found) == ({"a": 1, "d": 4}, {"c": 3}, False)


@pytest.mark.parametrize(
    ("said", "steps"),
    [
        ("$.ports[0].name", ("ports", 0, "name")),
        ("ports[-1][2]", ("ports", -1, 2)),
        ("$[1].a", (1, "a")),
        ("[1]", (1,)),
        ("$", ("$",)),
        ("price.$", ("price", "$")),
        ("a[b]", ("a[b]",)),
        (["a[0]"], ("a[0]",)),
        ("a.0", ("a", 0)),
        ("", ()),
    ],
)
def test_a_path_may_be_written_as_jsonpath_is(said: Any, steps: tuple[str | int, ...]) -> None:
    assert declared.steps_of(said, "value") == steps


def test_a_list_without_end_is_cut_and_counted(server: DeviceServer, tmp_path: Path) -> None:
    server.pages["/api/many"] = list(range(declared.MAX_ITEMS + 5))
    one = device(server, tmp_path, metrics={"n": {"path": "/many", "each": ""}}).open()
    found = one.call("stats.collect")
    assert len(found["n"]) == declared.MAX_ITEMS
    assert found["http_json"]["left_out"] == 5


def test_what_fails_hurts_no_other_path_and_is_counted(server: DeviceServer, tmp_path: Path) -> None:
    metrics = {"a": {"path": "/stats", "value": "on"}, "b": {"path": "/none"}, "c": {"path": "/bad"}}
    server.pages["/api/bad"] = "{"
    one = device(server, tmp_path, metrics=metrics).open()
    found = one.call("stats.collect")
    assert (found["a"], found["http_json"]) == (1, {"requests": 3, "failed": 2})
    server.status = 503
    outcome = one.run("stats.collect")
    assert outcome.retcode == 1
    assert outcome.value["error"] == f"GET {server.url}api/stats: 503 Service Unavailable"


def test_all_paths_together_take_no_longer_than_one_call_may(server: DeviceServer, tmp_path: Path) -> None:
    metrics = {name: {"path": f"/p{name}"} for name in "abcdefgh"}
    one = device(server, tmp_path, metrics=metrics, ping="/health", timeout=0.2).open()
    server.requests.clear()
    server.hang()
    assert one.run("stats.collect").retcode == 1
    assert server.paths == ["/api/pa"]


def test_grains_are_kept_until_they_are_asked_for_anew(server: DeviceServer, tmp_path: Path) -> None:
    grains = {
        "model": {"path": "/system", "value": "hardware.model"},
        "serial": {"path": "/system", "value": "hardware.serial"},
        "hw.disks": {"path": "/system", "value": "disks"},
        "os": {"path": "/none", "value": "os"},
    }
    one = device(server, tmp_path, grains=grains).open()
    found = one.call("grains.item", "model", "serial", "hw:disks:sda:used", "os")
    assert found == {"model": "X1", "serial": "", "hw:disks:sda:used": 5, "os": "proxy"}
    server.pages["/api/system"] = {"hardware": {"model": "X2"}}
    assert one.grains()["model"] == "X1"
    assert one.grains(fresh=True)["model"] == "X2"


FUNCTIONS = {
    "down": {"method": "post", "path": "/ports/{name}/admin?w={wait}", "defaults": {"wait": 1}, "result": "said.0"},
    "note": {
        "method": "PUT",
        "path": "/note",
        "body": {"text": "it is {text}!", "days": "{days}", "tags": ["{tags}", 1]},
        "headers": {"X-Why": "test"},
        "defaults": {"days": 7},
    },
    "plain": "/plain",
}


def test_functions_are_what_is_declared(server: DeviceServer, tmp_path: Path) -> None:
    seen: list[Request] = []

    def page(request: Request) -> Any:
        seen.append(request)
        return {"said": ["done"]}

    server.pages |= {"/api/note": page, "/api/plain": "just text"}
    server.pages["/api/ports/a%2Fb%3Fx/admin"] = page
    one = device(server, tmp_path, functions=FUNCTIONS, ping="/health").open()
    assert one.call("http_json.call", "down", name="a/b?x", __pub_jid="1") == "done"
    assert (seen[0].method, seen[0].path, seen[0].body) == ("POST", "/api/ports/a%2Fb%3Fx/admin?w=1", b"")
    assert one.call("http_json.call", "note", text="late", tags={"a": True}) == {"said": ["done"]}
    assert json.loads(seen[1].body) == {"text": "it is late!", "days": 7, "tags": [{"a": True}, 1]}
    assert (seen[1].headers["x-why"], seen[1].headers["content-type"]) == ("test", "application/json")
    assert one.call("http_json.call", "plain") == "just text"
    assert one.call("http_json.functions")["down"] == {
        "method": "POST",
        "path": "/ports/{name}/admin?w={wait}",
        "arguments": ["name", "wait"],
        "defaults": {"wait": 1},
    }
    said = {
        ("down",): "http_json.call down: give name=",
        ("nothing",): "http_json.call: there is no function 'nothing': there are down, note, plain",
    }
    for args, why in said.items():
        assert why in one.run("http_json.call", *args).value
    strange = one.run("http_json.call", "down", name="x", port=1).value
    assert "http_json.call down: it has no argument port: it takes name, wait" in strange
    assert "stand for no thing" in one.run("http_json.call", "down", name="..").value


def test_asking_for_what_is_not_declared(server: DeviceServer, tmp_path: Path) -> None:
    one = device(server, tmp_path, ping="/health").open()
    assert one.call("http_json.get", "/stats", value="fan.state") == "ok"
    assert one.call("http_json.get", "health") == {"ok": True}
    server.pages["/api/empty"] = ""
    assert one.call("http_json.get", "/empty") is None
    server.pages["/api/no"] = Reply(409, "it\nis locked")
    assert one.run("http_json.get", "/no").value == f"ERROR: GET {server.url}api/no: 409 Conflict: it is locked"
    for path in ("http://elsewhere/", "//elsewhere/", "/../x", "/a b", ""):
        assert "http_json.get: path: " in one.run("http_json.get", path).value


@pytest.mark.parametrize(
    ("body", "found"),
    [('{"a": [1]}', {"a": [1]}), (" [1, 2]", [1, 2]), ("{not", "{not"), ("12", "12"), ("<html>", "<html>")],
)
def test_json_is_known_whatever_it_is_said_to_be(
    server: DeviceServer, tmp_path: Path, body: str, found: object
) -> None:
    server.pages["/api/page"] = body  # a text is served as text/html
    assert device(server, tmp_path).run("http_json.get", "/page").value == found


def test_ping(server: DeviceServer, tmp_path: Path) -> None:
    bare = device(server, tmp_path / "bare").open()
    assert bare.call("test.ping") is True
    one = device(server, tmp_path / "one", ping="/health").open()
    assert one.call("test.ping") is True
    server.pages["/api/health"] = Reply(500)
    assert (one.call("test.ping"), one.proxied.alive()) == (False, False)
    with pytest.raises(CommandError, match="api/none: 404 Not Found"):
        device(server, tmp_path / "none", ping="/none").open()


def test_it_logs_in(server: DeviceServer, tmp_path: Path) -> None:
    server.token = "t0ken"
    with pytest.raises(CommandError, match="401"):
        device(server, tmp_path, ping="/health").open()
    assert device(server, tmp_path, ping="/health", token="t0ken").open().call("test.ping") is True
    server.token, server.login = "", ("monitor", "pä:ss")
    one = device(server, tmp_path, ping="/health", username="monitor", password="pä:ss", headers={"X-T": "dc1"}).open()
    assert one.call("test.ping") is True
    assert server.requests[-1].headers["x-t"] == "dc1"


def test_its_secrets_are_the_proxymodules_alone(server: DeviceServer, tmp_path: Path) -> None:
    server.token = "hunter2hunter2"
    server.pages["/api/echo"] = lambda request: request.headers["authorization"]
    one = device(server, tmp_path, ping="/health", token=Secret("hunter2hunter2")).open()
    assert one.call("test.ping") is True
    assert one.call("http_json.get", "/echo") == f"Bearer {MASK}"
    assert one.call("config.get", "proxy")["token"] == MASK
    server.token = "another"
    assert "hunter2" not in one.run("http_json.get", "/echo").value


def test_the_login_is_shown_in_no_encoding_when_a_device_says_what_it_was_asked(
    server: DeviceServer, tmp_path: Path
) -> None:
    server.pages["/api/echo"] = lambda request: request.headers["authorization"]
    login = {"username": "monitor", "password": Secret("hunter2hunter2")}
    one = device(server, tmp_path, ping="/health", **login).open()
    assert one.call("http_json.get", "/echo") == f"Basic {MASK}"


@pytest.mark.parametrize("location", ["http://[::1/", "http://127.0.0.1:99999/"])
def test_a_redirection_to_nowhere_is_said(server: DeviceServer, tmp_path: Path, location: str) -> None:
    server.pages["/api/away"] = Reply(302, headers={"Location": location})
    with pytest.raises(CommandError, match=r"api/away: it redirects to 'http://.*, which is no URL"):
        device(server, tmp_path, ping="/away").open()


WRONG = [
    ({"metric": {}}, "metric: there is no such key: there are proxytype, id"),
    ({"metrics": [1]}, "metrics: must be a mapping"),
    ({"metrics": {"a b": "/x"}}, "metrics: 'a b': a name is made of letters"),
    ({"metrics": {"a": 3}}, "metrics: a: must be a mapping, as in"),
    ({"metrics": {"a": {}}}, "metrics: a: path: is needed"),
    ({"metrics": {"a": {"path": "http://x/"}}}, "metrics: a: path: 'http://x/' is not valid"),
    ({"metrics": {"a": {"path": "/x", "vlaue": "b"}}}, "metrics: a: vlaue: there is no such key: there are each"),
    ({"metrics": {"a": {"path": "/x", "value": {}}}}, "metrics: a: value: must be a path"),
    (
        {"metrics": {"a": {"path": "/x", "value": "b[*].c"}}},
        "metrics: a: value: 'b[*].c' is not valid: a path leads to one",
    ),
    ({"metrics": {"a": {"path": "/x", "scale": "2"}}}, "metrics: a: scale: '2' is not valid"),
    ({"metrics": {"a": {"path": "/x", "states": {"up": "1"}}}}, "metrics: a: states: up: '1' is not valid"),
    ({"metrics": {"a": {"path": "/x", "label": "n"}}}, "metrics: a: label: it goes with each"),
    ({"metrics": {"a": {"path": "/x", "values": {"b": "b"}}}}, "metrics: a: values: it goes with each"),
    ({"metrics": {"a": {"path": "/x", "each": "y", "values": 3}}}, "metrics: a: values: must be a mapping"),
    ({"metrics": {"a": {"path": "/x", "where": {"b": 1}}}}, "metrics: a: where: it goes with each"),
    ({"metrics": {"a": {"path": "/x", "each": "y", "where": "up"}}}, "metrics: a: where: must be a mapping of paths"),
    ({"metrics": {"a": {"path": "/x", "each": "y", "where": {"b": {}}}}}, "metrics: a: where: b: must be a value, or"),
    ({"grains": {"a": {"path": "/x", "scale": 1}}}, "grains: a: scale: there is no such key"),
    ({"functions": {"a": {"path": "/x", "method": "BREW"}}}, "functions: a: method: 'BREW' is not valid"),
    ({"functions": {"a": {"path": "/x", "defaults": {"y": 1}}}}, "functions: a: defaults: y: {y} is neither in path"),
    ({"functions": {"a": {"path": "/x", "headers": 1}}}, "functions: a: headers: must be a mapping"),
    ({"ping": "x y"}, "ping: 'x y' is not valid"),
    ({"url": "nowhere"}, "url: 'nowhere' is not valid"),
]


@pytest.mark.parametrize(("proxy", "said"), WRONG)
def test_what_is_declared_wrongly_is_named_in_one_line(
    server: DeviceServer, tmp_path: Path, proxy: dict[str, Any], said: str
) -> None:
    with pytest.raises(CommandError, match=re.escape(f"proxy: {said}")) as raised:
        device(server, tmp_path, **proxy).open()
    assert "\n" not in str(raised.value)
    assert server.connections == 0


def test_the_example_that_teaches_it_is_right(server: DeviceServer) -> None:
    text = (proxymodule.__doc__ or "").partition("For example::\n")[2].partition("\nWith that")[0]
    proxy = yaml.safe_load(re.sub(r"\{\{.*?\}\}", "secret", text))["proxy"]
    declared.check(proxy)
    assert {one.name for one in declared.functions(proxy)} == {"port_down", "note"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)
steps = st.lists(st.text("ab0", max_size=2) | st.integers(-2, 3), max_size=3)


@given(answer=json_values, value=steps, each=st.none() | steps, scale=st.floats(allow_nan=False, allow_infinity=False))
def test_whatever_comes_makes_numbers_or_nothing(answer: Any, value: Any, each: Any, scale: float) -> None:
    said = {"path": "/x", "value": value, "scale": scale, **({} if each is None else {"each": each, "label": value})}
    (metric,) = declared.metrics({"metrics": {"m": said}})
    found, left_out = declared.numbers_of(metric, answer)
    assert left_out == 0
    leaves = found.values() if isinstance(found, dict) else [] if found is None else [found]
    assert all(type(leaf) in (int, float) and leaf - leaf == 0 for leaf in leaves)


def test_certificates_are_checked_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    making = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    into = ["-keyout", tmp_path / "key", "-out", tmp_path / "cert"]
    subprocess.run([*making.split(), *into], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with DeviceServer(tls=tls) as server:
        server.pages["/api/health"] = {"ok": True}
        with pytest.raises(CommandError, match=r"/api/health: self.signed certificate.*: see verify and ca$"):
            device(server, tmp_path, ping="/health").open()
        assert device(server, tmp_path, ping="/health", verify=False).open().call("test.ping") is True
        ca = str(tmp_path / "cert")
        assert device(server, tmp_path, ping="/health", ca=ca).open().call("test.ping") is True
        with pytest.raises(CommandError, match=r"proxy: ca: .*/cert\.gone: No such file"):
            device(server, tmp_path, ping="/health", ca=f"{ca}.gone").open()
        with pytest.raises(CommandError, match=r"proxy: ca: .*/key: NO_CERTIFICATE"):
            device(server, tmp_path, ping="/health", ca=str(tmp_path / "key")).open()
