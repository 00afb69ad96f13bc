"""The HTTP API between real clients and a real master that fail: killed, hung, away, out of descriptors, restarted."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import resource
import signal
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from saltern.ids import JID_FORMAT
from saltern.local import LENGTH, SOCKET_NAME, frame
from saltern.wire import unpack_value
from support.stacks import Parts, wait_for

PASSWORD = "hunter2"
GRANTS = {"ann": [".*", "@runner", "@wheel", "@events"], "fred": ["test.ping"]}
MINIONS = ["db1", "web1"]
LOST = "salt/events/lost"
SPEAKER, ANYBODY = "nobody", "daemon"
MIB = 1 << 20


class Session:
    """Someone who is logged in."""

    def __init__(self, url: str, user: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=30)
        answer = self.client.post("/login", json={"username": user, "password": PASSWORD, "eauth": "file"})
        assert answer.status_code == 200, answer.text
        self.token = str(answer.json()["return"][0]["token"])
        self.client.headers["X-Auth-Token"] = self.token

    def low(self, **chunk: Any) -> httpx.Response:
        return self.client.post("/", json=[chunk])

    def ping(self) -> httpx.Response:
        return self.low(client="local", tgt="*", fun="test.ping")

    def runner(self, fun: str, **more: Any) -> Any:
        return self.low(client="runner", fun=fun, **more).json()["return"][0]


class Stream:
    """One who follows ``/events``."""

    def __init__(self, session: Session, after: int | None = None) -> None:
        self.tags: list[str] = []
        self.ids: list[int] = []
        self.ended = ""
        self._headers = {"X-Auth-Token": session.token} | ({} if after is None else {"Last-Event-ID": str(after)})
        self._url = session.url
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self._begun.wait(20)

    def _read(self) -> None:
        timeout = httpx.Timeout(20, read=60)
        try:
            with httpx.stream("GET", f"{self._url}/events", headers=self._headers, timeout=timeout) as answer:
                assert answer.status_code == 200
                for line in answer.iter_lines():
                    self._begun.set()
                    if line.startswith("id: "):
                        self.ids.append(int(line[4:]))
                    elif line.startswith("tag: "):
                        self.tags.append(line[5:])
            self.ended = "whole"
        except httpx.HTTPError as error:
            self.ended = type(error).__name__

    def heard(self, words: str) -> bool:
        return any(words in tag for tag in self.tags)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("faults")
    users = folder / "users"
    users.write_text("".join(f"{user}:{PASSWORD}\n" for user in GRANTS))
    users.chmod(0o600)
    options = {
        "external_auth": {"file": {"^filename": str(users), **GRANTS}},
        "schedule": {"stats": False},
        "api_user": SPEAKER,
    }
    started = Parts(folder / "stack", ids=MINIONS, master=json.dumps(options))
    with started.running():
        yield started


Login = Callable[[str], Session]


@pytest.fixture
def login(parts: Parts) -> Iterator[Login]:
    """Logs someone in for one test."""
    with contextlib.ExitStack() as stack:

        def session(user: str) -> Session:
            made = Session(parts.stack.api_url, user)
            stack.callback(made.client.close)
            return made

        yield session


@pytest.fixture
def ann(login: Login) -> Session:
    return login("ann")


def back(parts: Parts) -> None:
    """Wait until the agents are there."""
    wait_for(lambda: sorted(parts.up()) == MINIONS, "the agents")


def test_streams_go_on_over_a_restart_of_the_master_and_say_what_is_lost(
    parts: Parts, ann: Session, login: Login
) -> None:
    fred = login("fred")
    streams = [Stream(ann), Stream(fred)]
    ann.ping()
    fred.ping()
    for stream in streams:
        wait_for(lambda stream=stream: stream.heard("/ret/web1"), "an event")  # type: ignore[misc]
        stream.tags.clear()
    parts.stop("master", signal.SIGKILL)
    killed = datetime.now(UTC).strftime(JID_FORMAT)
    refused = ann.ping()
    assert (refused.status_code, refused.json()["return"]) == (503, "no master answers: try again in a moment")
    assert refused.headers["Retry-After"] == "1"
    for _ in range(20):
        assert ann.client.post("/login", json={}).status_code == 401
        assert ann.ping().status_code == 503
    assert parts.log("api").count("no master answers at ") == 1, "it is said once"
    parts.start("master")
    back(parts)
    assert ann.ping().json() == {"return": [{"db1": True, "web1": True}]}, "the session holds"
    fred.ping()
    for stream in streams:
        # What the jobs before gave may come after the list was cleared.
        def fresh(stream: Stream = stream) -> list[str]:
            return [tag for tag in stream.tags if not (tag.startswith("salt/job/") and tag.split("/")[2] < killed)]

        wait_for(lambda fresh=fresh: any("/ret/web1" in tag for tag in fresh()), "an event of the new master")  # type: ignore[misc]
        assert fresh()[0] == LOST
        assert stream.ids == sorted(set(stream.ids))
        assert not stream.ended


def test_a_job_under_way_when_the_master_is_killed_is_no_answer_and_is_found_later(parts: Parts, ann: Session) -> None:
    answers: list[httpx.Response] = []
    sleeping = threading.Thread(
        target=lambda: answers.append(ann.low(client="local", tgt="*", fun="test.sleep", arg=[5]))
    )
    sleeping.start()
    wait_for(lambda: "test.sleep" in parts.log("master"), "the job")
    parts.stop("master", signal.SIGKILL)
    sleeping.join(30)
    assert answers[0].status_code == 502
    assert "Retry-After" not in answers[0].headers, "it would run twice"
    parts.start("master")
    back(parts)
    jobs = ann.runner("jobs.list_jobs", search_function="test.sleep")
    jid = next(iter(jobs))
    done = dict.fromkeys(MINIONS, True)
    wait_for(lambda: ann.client.get(f"/jobs/{jid}").json()["return"] == [done], "what it returned")


def test_a_master_that_hangs_is_not_healthy(parts: Parts, ann: Session) -> None:
    os.kill(parts.pid("master"), signal.SIGSTOP)
    try:
        wait_for(lambda: ann.client.get("/health").status_code == 503, "the last answer to count no more")
    finally:
        os.kill(parts.pid("master"), signal.SIGCONT)
    wait_for(lambda: ann.client.get("/health").status_code == 200, "its health")


@pytest.mark.parametrize("client", ["local", "local_async", "local_batch", "local_subset", "runner", "wheel"])
def test_a_time_that_is_none_is_refused_in_one_line(ann: Session, client: str) -> None:
    fun = {"runner": "manage.up", "wheel": "key.list_all"}.get(client, "test.ping")
    chunk = {"client": client, "tgt": "db1", "fun": fun}
    for timeout in ("NaN", "Infinity", "1" + "0" * 400, "1e300", "-1", "0.000001"):
        body = json.dumps([{**chunk, "timeout": "?"}]).replace('"?"', timeout)
        answer = ann.client.post("/", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (200, 400, 504), (timeout, answer.text)
        if answer.status_code == 400:
            assert answer.json()["return"].startswith("timeout must be a number of seconds, not "), timeout


@pytest.mark.parametrize("program", ["api", "master"])
def test_no_descriptor_left_is_said_in_a_line_and_heals(parts: Parts, login: Login, program: str) -> None:
    pid, before = parts.pid(program), len(parts.log(program))
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    url = urllib.parse.urlsplit(parts.stack.api_url)
    clients = []
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + 8, limits[1]))
    try:
        for _ in range(40):
            one = socket.socket(socket.AF_INET if program == "api" else socket.AF_UNIX)
            one.connect((url.hostname, url.port) if program == "api" else f"{parts.stack.sock_dir}/master.sock")
            clients.append(one)
        wait_for(lambda: "new connections wait: Too many open files" in parts.log(program), "its word")
        time.sleep(1.2)  # asyncio has tried again by then
        assert len(parts.log(program)) - before < 5000
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        for one in clients:
            one.close()
    time.sleep(1.2)
    assert login("ann").ping().json() == {"return": [{"db1": True, "web1": True}]}


def test_what_is_revoked_while_the_store_of_tokens_is_damaged_stays_so(
    parts: Parts, ann: Session, login: Login
) -> None:
    store = Path(parts.stack.root) / "cache/master/tokens.db"
    other = login("ann")
    store.write_bytes(b"nonsense" * 1000)
    assert other.client.post("/logout").status_code == 200
    assert other.ping().status_code == 401
    parts.stop("master")
    parts.start("master")
    back(parts)
    assert other.ping().status_code == 401
    assert ann.ping().status_code == 200


def test_at_its_end_every_stream_is_whole_and_every_request_is_answered(parts: Parts, ann: Session) -> None:
    streams = [Stream(ann) for _ in range(3)]
    answers: list[httpx.Response] = []
    sleeping = threading.Thread(
        target=lambda: answers.append(ann.low(client="local", tgt="*", fun="test.sleep", arg=[120]))
    )
    before = parts.log("master").count("test.sleep")
    sleeping.start()
    wait_for(lambda: parts.log("master").count("test.sleep") > before, "the job")
    assert parts.stop("api") == 0
    sleeping.join(30)
    assert answers[0].status_code == 502
    assert answers[0].json()["return"].startswith("saltern-api stops: ")
    wait_for(lambda: all(stream.ended for stream in streams), "the ends")
    assert {stream.ended for stream in streams} == {"whole"}
    assert "Traceback" not in parts.log("api")
    parts.start("api")
    assert ann.ping().status_code == 200


@contextlib.contextmanager
def connected(parts: Parts, user: str) -> Iterator[socket.socket]:
    """A connection to the master's socket of another user of this host."""
    with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(parts.stack.sock_dir):  # those above are closed to him
        made.settimeout(20)
        os.seteuid(pwd.getpwnam(user).pw_uid)
        try:
            made.connect(SOCKET_NAME)
        finally:
            os.seteuid(0)
        yield made


def answered(connection: socket.socket, message: bytes) -> dict[str, Any]:
    """What the master answers to a message."""
    connection.sendall(message)
    stream = connection.makefile("rb")
    answer: dict[str, Any] = unpack_value(stream.read(LENGTH.unpack(stream.read(LENGTH.size))[0]))
    stream.close()
    return answer


@pytest.mark.skipif(os.geteuid() != 0, reason="only root connects as others")
class TestTheApiAsAUserOfItsOwn:
    def test_its_callers_share_no_ordinary_users_bound_and_are_told_when_it_is_reached(
        self, parts: Parts, ann: Session
    ) -> None:
        arguments = {"tgt": "db1", "fun": "test.ping", "metadata": {"x": "y" * (5 * MIB)}}
        auth = {"token": ann.token, "for": "session"}
        asked = frame({"command": "job.publish", "args": [], "kwargs": arguments, "auth": auth}, secrets=True)
        with contextlib.ExitStack() as stack:
            for _ in range(13):
                stack.enter_context(connected(parts, SPEAKER)).sendall(LENGTH.pack(5 * MIB) + b"...")
            with connected(parts, SPEAKER) as one:
                wait_for(lambda: answered(one, asked).get("code") == "busy", "its word")
        with connected(parts, SPEAKER) as one:
            wait_for(lambda: answered(one, asked).get("code") != "busy", "its place")
            assert answered(one, asked)["result"]["minions"] == ["db1"]
        with connected(parts, ANYBODY) as one:
            assert answered(one, asked)["code"] == "too_large"

    def test_its_callers_are_nobody_when_nobody_may_log_in_any_more(self, parts: Parts, ann: Session) -> None:
        path = Path(parts.stack.config_dir) / "master"
        before = path.read_text()
        try:
            path.write_text(json.dumps({**json.loads(before), "external_auth": {}}))
            wait_for(lambda: ann.ping().status_code == 401, "the change")
            assert os.stat(f"{parts.stack.sock_dir}/{SOCKET_NAME}").st_mode & 0o777 == 0o666
        finally:
            path.write_text(before)
        wait_for(lambda: ann.ping().status_code == 200, "the change back")
