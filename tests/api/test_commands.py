"""What runs something: answers in Salt's shapes, errors in Salt's statuses."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from saltern.errors import ArgumentError, Busy, CallFailed, InternalError, MasterNotRunning, RequestTimeout, TargetError
from saltern_api.settings import CLIENTS
from support.api import GRAINS, NO_PERMISSION, USER, Api, Elements, Map

PING = {"client": "local", "tgt": "*", "fun": "test.ping"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()


def test_the_welcome_needs_no_session(api: Api) -> None:
    answer = api.get("/", auth=False)
    assert answer.status_code == 200
    assert answer.json() == {"return": "Welcome", "clients": list(CLIENTS)}


def test_chunks_in_order_each_in_its_own_shape(api: Api) -> None:
    api.master.scripts["b"] = lambda low: Elements([{"web1": 1}, {"web2": 2}])
    api.master.scripts["v"] = lambda low: 5
    chunks = [{"client": "runner", "fun": "v"}, {**PING, "client": "local_batch", "fun": "b"}, PING]
    answer = api.post("/", chunks)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"return": [5, {"web1": 1}, {"web2": 2}, {"web1": True, "web2": True}]}
    assert [low["fun"] for _, low in api.master.calls] == ["v", "b", "test.ping"]
    assert {session for session, _ in api.master.calls} == {api.token}


@pytest.mark.parametrize("accept", ["application/json", "application/x-yaml"])
@pytest.mark.parametrize(
    ("given", "returned"),
    [
        ([], []),
        ([Map()], [{}]),
        ([Elements()], []),
        ([Elements(), Map()], [{}]),
        ([Map(), Elements()], [{}]),
        ([Elements([1]), Elements([2, 3]), 4], [1, 2, 3, 4]),
        ([None, Map(a=None), []], [None, {"a": None}, []]),
        ([Map(a={"b": ["x\n\n y\n", {}]}, c="- d"), Map(a=[[1], [[]]])], None),
    ],
)
def test_whatever_there_is_of_parts(api: Api, accept: str, given: list[Any], returned: Any) -> None:
    for number, one in enumerate(given):
        api.master.scripts[f"f{number}"] = lambda low, one=one: one  # type: ignore[misc]  # bound now
    chunks = [{**PING, "fun": f"f{number}"} for number in range(len(given))]
    answer = api.post("/", chunks, headers={"accept": accept})
    assert answer.headers["content-type"] == accept
    read = json.loads(answer.text) if accept.endswith("json") else yaml.safe_load(answer.text)
    assert read == {"return": given if returned is None else returned}


def test_one_chunk_without_a_list(api: Api) -> None:
    assert api.post("/", PING).json() == {"return": [{"web1": True, "web2": True}]}
    assert api.post("/", []).json() == {"return": []}


def test_a_session_says_alone_who_asks(api: Api) -> None:
    """Whatever a chunk of a session says of who asks is nothing."""
    api.post("/", {**PING, **USER, "token": "0" * 64, "__session__": True, "__user": "root"})
    assert api.master.calls == [(api.token, PING)]


@pytest.mark.parametrize("url", ["/", "/minions"])
@pytest.mark.parametrize("headers", [{}, {"X-Auth-Token": "0" * 64}, {"X-Auth-Token": ""}, {"X-Auth-Token": "no hex"}])
def test_nothing_without_a_session(api: Api, url: str, headers: dict[str, str]) -> None:
    answer = api.post(url, PING, auth=False, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Session"
    body = answer.json()
    assert body["status"] == 401
    assert body["return"] in (NO_PERMISSION, "Invalid token")


@pytest.mark.parametrize("url", ["/minions", "/minions/web1", "/jobs", "/jobs/1", "/keys", "/keys/web1", "/stats"])
def test_nothing_is_read_without_a_session(api: Api, url: str) -> None:
    assert api.get(url, auth=False).status_code == 401
    assert api.get(url, auth=False, headers={"X-Auth-Token": "ab" * 32}).status_code == 401


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestTimeout("too late"), 504),
        (Busy("later"), 429),
        (ArgumentError("fun is missing"), 400),
        (TargetError("no target"), 400),
        (InternalError("a fault"), 500),
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_errors_have_salts_statuses(api: Api, error: Exception, status: int, last: bool) -> None:
    """The first refused chunk turns all of the answer into an error, whatever the others gave."""
    api.master.scripts["no"] = lambda low: error
    chunks = [PING, {**PING, "fun": "no"}]
    answer = api.post("/", chunks if last else chunks[::-1])
    assert answer.status_code == status
    assert answer.json() == {"status": status, "return": str(error)}
    assert ("retry-after" in answer.headers) == (status == 429)


def test_without_a_master_it_is_said_whether_something_was_begun(api: Api) -> None:
    api.master.scripts["no"] = lambda low: MasterNotRunning("no master answers in /run/saltern")
    no = {**PING, "fun": "no"}
    answer = api.post("/", [no, PING])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["return"] == "no master answers: try again in a moment"
    answer = api.post("/", [PING, no])
    assert (answer.status_code, answer.headers.get("retry-after")) == (502, None)
    assert answer.json()["return"] == "no master answers any more: 1 of 2 chunks was begun"


def test_unknown_functions_are_the_callers_mistake(api: Api) -> None:
    answer = api.post("/", {"client": "runner", "fun": "no.such"})
    assert answer.status_code == 400
    assert "no.such" in answer.json()["return"]


def test_a_fault_of_ours_tells_nothing_of_itself(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api.master.scripts["no"] = lambda low: 1 // 0
    answer = api.post("/", {**PING, "fun": "no"})
    assert answer.status_code == 500
    assert answer.json() == {"status": 500, "return": "An unexpected error occurred"}
    assert "POST / failed" in caplog.text


@pytest.mark.parametrize("url", ["/", "/run"])
def test_clients_that_are_not_enabled(url: str) -> None:
    api = Api(clients=("local",))
    for client in ("runner", "wheel_async"):
        answer = api.post(url, [PING | USER, {"client": client, "fun": "jobs.list_jobs", **USER}])
        assert answer.status_code == 400
        told = f"Client disabled: '{client}'. Add to 'netapi_enable_clients' master config option to enable."
        assert answer.json()["return"] == told
    for client in ("nonsense", None, ["local"], {}):
        answer = api.post(url, {"client": client, **USER})
        assert answer.status_code == 400
        assert answer.json()["return"].startswith("Invalid client specified: '")
    assert api.post(url, {**USER, "client": "ssh"}).json()["return"].startswith("Client disabled")
    assert api.master.calls == []  # nor was the one before them run
    for path in ("/jobs", "/jobs/1", "/keys", "/keys/x"):
        assert api.get(path).status_code == 400
    api.close()


def test_too_many_chunks(api: Api) -> None:
    assert api.post("/", [PING] * 1001).status_code == 400
    assert api.master.calls == []


def test_run_by_credentials_in_each_chunk(api: Api) -> None:
    answer = api.post("/run", [{**PING, **USER}], auth=False)
    assert answer.json() == {"return": [{"web1": True, "web2": True}]}
    assert api.post("/run", [{**PING, **USER, "password": "wrong"}], auth=False).status_code == 401
    missing = api.post("/run", [{**PING, **USER}, PING], auth=False)
    assert missing.status_code == 401
    assert missing.json()["return"] == "No authentication credentials given"
    assert api.post("/run", [PING]).status_code == 401  # a session is not looked at
    for wrong in ({**USER, "password": ["secret"]}, {**USER, "username": {}}, {"token": [1]}, {"token": None}):
        assert api.post("/run", {**PING, **wrong}, auth=False).status_code == 401


def test_run_by_a_token_of_calls(api: Api) -> None:
    (made,) = api.post("/token", USER, auth=False).json()
    assert api.post("/run", {**PING, "token": made["token"]}, auth=False).status_code == 200
    assert api.post("/run", {**PING, "token": api.token}, auth=False).status_code == 401
    assert api.post("/", PING, auth=False, headers={"X-Auth-Token": made["token"]}).status_code == 401


def test_grains(api: Api) -> None:
    assert api.get("/minions").json() == {"return": [GRAINS]}
    assert api.get("/minions/nobody").json() == {"return": [{}]}
    low = {"client": "local", "tgt": "nobody", "fun": "grains.items"}
    assert api.master.calls[-1] == (api.token, low)


def test_jobs_begun_by_minions(api: Api) -> None:
    api.master.scripts["test.ping"] = lambda low: {"jid": "17", "minions": ["web1"]}
    answer = api.post("/minions", [{"tgt": "*", "fun": "test.ping", "client": "wheel"}])
    assert answer.status_code == 202
    assert answer.json() == {
        "return": [{"jid": "17", "minions": ["web1"]}],
        "_links": {"jobs": [{"href": "/jobs/17"}]},
    }
    assert api.master.calls[-1][1]["client"] == "local_async"
    api.master.scripts["test.ping"] = lambda low: {}
    assert api.post("/minions", [PING]).json() == {"return": [{}], "_links": {"jobs": []}}


def test_jobs(api: Api) -> None:
    assert api.get("/jobs").json() == {"return": [{"20261130101500000000": {"Function": "test.ping"}}]}
    found = api.get("/jobs/20261130101500000000").json()
    assert found["return"] == [{"web1": True}]
    assert found["info"][0]["jid"] == "20261130101500000000"
    api.master.scripts["jobs.list_job"] = lambda low: {"jid": "1", "Error": "gone"}
    assert api.get("/jobs/1/").json() == {"info": [{"jid": "1", "Error": "gone", "Result": {}}], "return": [{}]}


def test_keys(api: Api) -> None:
    assert api.get("/keys").json() == {"return": {"minions": ["web1"]}}
    assert api.get("/keys/web*").json() == {"return": {"minions": {"web*": "aa:bb"}}}
    api.master.scripts["key.list_all"] = lambda low: {"data": {"return": "no disk", "success": False}}
    assert api.get("/keys").status_code == 502


def test_new_keys_as_an_archive(api: Api) -> None:
    answer = api.post("/keys", {"mid": "web9", **USER}, auth=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-tar"
    assert answer.headers["content-disposition"] == 'attachment; filename="saltkeys-web9.tar"'
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert [(one.name, one.mode) for one in archive] == [("minion.pub", 0o644), ("minion.pem", 0o600)]
        assert archive.extractfile("minion.pem").read() == b"PRIV"  # type: ignore[union-attr]  # it is there
    assert api.master.calls[-1][1]["id_"] == "web9"
    assert api.post("/keys", {"mid": "web9", **USER, "password": "x"}, auth=False).status_code == 401
    assert api.post("/keys", {"mid": "../x\r\n", **USER}, auth=False).status_code == 400
    assert api.post("/keys", {"mid": "web9"}, auth=False).status_code == 401
    assert api.post("/keys", [], auth=False).status_code == 400


def test_a_form_is_one_chunk(api: Api) -> None:
    body = b"client=local&tgt=*&fun=test.ping&arg=2&arg=a%3Db&arg=yes&kwarg={a: 1}"
    answer = api.post("/", body, headers=FORM)
    assert answer.status_code == 200
    assert api.master.calls[-1][1] == {**PING, "arg": [2, "a=b", True], "kwarg": {"a": 1}}


def test_what_a_part_breaks_off_by_is_told_while_it_can_be(api: Api) -> None:
    def broken() -> Iterator[Any]:
        raise CallFailed("half way")
        yield

    api.master.scripts["b"] = lambda low: itertools.chain([("a", 1)], broken())
    answer = api.post("/", {**PING, "fun": "b"})
    assert answer.status_code == 502
    assert answer.json()["return"] == "half way"
