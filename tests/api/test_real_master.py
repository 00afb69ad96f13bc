"""The program between real clients and a real master with a minion."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.stacks import Parts

ACCESS = """
external_auth:
  sharedsecret:
    fred: [".*", "@runner", "@wheel", "@events", "@hooks"]
    ann: ["test\\\\.ping"]
sharedsecret: s3cret
schedule: {stats: false}
netapi_enable_clients: [local, local_async, local_batch, local_subset, runner, runner_async, wheel, wheel_async]
"""


class Api:
    """One client of the program."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.url = parts.stack.api_url
        self.token = ""

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        told = {"Accept": "application/json", **({"X-Auth-Token": self.token} if self.token else {}), **headers}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json", **told})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def login(self, name: str = "fred") -> None:
        status, answer = self.ask("/login", {"username": name, "password": "s3cret", "eauth": "sharedsecret"})
        assert status == 200, answer
        self.token = answer["return"][0]["token"]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    made = Parts(tmp_path_factory.mktemp("stack") / "r", 2, master=ACCESS)
    with made.running():
        yield made


@pytest.fixture
def api(parts: Parts) -> Api:
    made = Api(parts)
    made.login()
    return made


def test_commands(api: Api) -> None:
    ids = api.parts.stack.minion_ids
    chunks = [
        {"client": "local", "tgt": "*", "fun": "test.ping"},
        {"client": "local_batch", "tgt": "*", "fun": "test.ping", "batch": 1},
        {"client": "runner", "fun": "manage.up"},
        {"client": "local", "tgt": ids[0], "fun": "test.echo", "arg": ["ä"], "full_return": True},
    ]
    status, answer = api.ask("/", chunks)
    assert status == 200
    local, *batch, up, full = answer["return"]
    assert local == dict.fromkeys(ids, True)
    assert sorted(map(str, batch)) == sorted(str({one: True}) for one in ids)
    assert sorted(up) == sorted(ids)
    assert full[ids[0]]["ret"] == "ä"
    status, answer = api.ask("/minions/" + ids[0])
    assert answer["return"][0][ids[0]]["id"] == ids[0]
    status, answer = api.ask("/minions", [{"tgt": "*", "fun": "test.ping"}])
    assert status == 202
    href = answer["_links"]["jobs"][0]["href"]
    deadline = time.monotonic() + 30
    while (found := api.ask(href)[1])["return"] != [dict.fromkeys(ids, True)]:
        assert time.monotonic() < deadline, found
    assert found["info"][0]["Function"] == "test.ping"
    assert found["info"][0]["jid"] in api.ask("/jobs")[1]["return"][0]
    assert sorted(api.ask("/keys")[1]["return"]["minions"]) == sorted(ids)
    assert list(api.ask("/keys/" + ids[0])[1]["return"]["minions"]) == [ids[0]]


def test_who_may_not(api: Api) -> None:
    nobody = Api(api.parts)
    assert nobody.ask("/", {"client": "local", "tgt": "*", "fun": "test.ping"})[0] == 401
    assert nobody.ask("/login", {"username": "fred", "password": "x", "eauth": "sharedsecret"})[0] == 401
    ann = Api(api.parts)
    ann.login("ann")
    assert ann.ask("/", {"client": "local", "tgt": "*", "fun": "test.ping"})[0] == 200
    for chunk in (
        {"client": "local", "tgt": "*", "fun": "test.echo", "arg": ["x"]},
        {"client": "local_async", "tgt": "*", "fun": "cmd.run", "arg": ["id"]},
        {"client": "local", "tgt": "*", "fun": ["test.ping", "cmd.run"], "arg": [[], ["id"]]},
        {"client": "runner", "fun": "manage.up"},
        {"client": "wheel", "fun": "key.list_all"},
        {"client": "wheel_async", "fun": "key.list_all"},
    ):
        status, answer = ann.ask("/", [chunk])
        assert status == 401, (chunk, answer)
    assert ann.ask("/keys")[0] == 401
    assert api.ask("/", {"client": "runner", "fun": "no.such"})[0] == 400
    assert api.ask("/", {"client": "local", "fun": "test.ping"})[0] == 400


def test_a_logout_ends_the_session_and_its_events(api: Api) -> None:
    host = urllib.parse.urlsplit(api.url).netloc
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("GET", "/events", headers={"Cookie": f"session_id={api.token}"})
    events = connection.getresponse()
    assert events.status == 200
    assert events.readline() == b"retry: 400\n"
    assert api.ask("/hook/a/b", {"x": 1}) == (200, {"success": True})
    lines = [events.readline() for _ in range(4)]
    assert lines[0] == b"\n"
    assert lines[2] == b"tag: salt/netapi/hook/a/b\n"
    told = json.loads(lines[3].removeprefix(b"data: "))
    assert told["data"]["post"] == {"x": 1}
    assert api.token not in lines[3].decode()
    assert api.ask("/logout", {})[0] == 200
    assert events.read().strip() == b""  # to its end
    connection.close()
    assert api.ask("/jobs")[0] == 401


def test_events_since(api: Api) -> None:
    host = urllib.parse.urlsplit(api.url).netloc
    for number in range(3):
        api.ask(f"/hook/since/{number}", {})
    first = http.client.HTTPConnection(host, timeout=20)
    first.request("GET", "/events", headers={"X-Auth-Token": api.token, "Last-Event-ID": "1"})
    answer = first.getresponse()
    found: list[tuple[int, str]] = []
    number = 0
    while not found or found[-1][1] != "salt/netapi/hook/since/2":
        line = answer.readline().decode().strip()
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("tag: "):
            found.append((number, line[5:]))
    first.close()
    assert [number for number, _ in found] == sorted({number for number, _ in found})
    after = next(number for number, tag in found if tag.endswith("since/0"))
    again = http.client.HTTPConnection(host, timeout=20)
    again.request("GET", "/events", headers={"X-Auth-Token": api.token, "Last-Event-ID": str(after)})
    answer = again.getresponse()
    tags = [line for line in (answer.readline() for _ in range(7)) if line.startswith(b"tag: ")]
    assert tags == [b"tag: salt/netapi/hook/since/1\n"]
    again.close()


def test_a_client_that_leaves_does_not_end_its_job(api: Api, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    ids = api.parts.stack.minion_ids
    command = f"while [ ! -e {tmp_path}/gone ]; do sleep 0.05; done; touch {mark}"
    body = {"client": "local", "tgt": ids[0], "fun": "cmd.run", "arg": [command]}
    host = urllib.parse.urlsplit(api.url).netloc
    connection = http.client.HTTPConnection(host, timeout=20)
    headers = {"Content-Type": "application/json", "X-Auth-Token": api.token}
    connection.request("POST", "/", json.dumps(body), headers)
    deadline = time.monotonic() + 30
    while not any(ids[0] in one for one in _running(api)):
        assert time.monotonic() < deadline
    connection.close()
    (tmp_path / "gone").touch()
    while not mark.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _running(api: Api) -> list[str]:
    (active,) = api.ask("/", {"client": "runner", "fun": "jobs.active"})[1]["return"]
    return [str(job) for job in active.values()]


def test_a_master_that_goes_and_comes_back(api: Api) -> None:
    api.parts.stop("master")
    assert api.ask("/jobs")[0] == 503
    assert api.ask("/health")[0] == 503
    api.parts.start("master")
    deadline = time.monotonic() + 30
    while api.ask("/health")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert api.ask("/jobs")[0] == 200  # the session is the master's
