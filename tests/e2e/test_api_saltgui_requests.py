"""What SaltGUI asks of each page, as a browser sends it, over a real stack: every field that the page reads is there.

``by_hand/saltgui.py`` drives SaltGUI itself, of which these requests are a record.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from saltern import __version__
from saltern.keystore import ACCEPTED, KeyStore
from support.stacks import Parts, wait_for

MINIONS = ["db1", "web1"]
PENDING = "new1"
PASSWORD = "hunter2"
LEAST = [
    "beacons.list", "grains.items", "pillar.items", "pillar.obfuscate", "schedule.list",
    {"@runner": ["jobs.active", "jobs.list_job", "jobs.list_jobs", "manage.versions"]},
    {"@wheel": ["config.values", "key.finger", "key.list_all", "minions.connected"]},
]  # fmt: skip
"""The least that its documents grant."""
GRANTS = {"ann": [".*", "@events", "@runner", "@wheel"], "least": LEAST, "nobody": []}
TEMPLATES = {"ping": {"description": "Ask all", "target": "*", "command": "test.ping", "key": "p"}}
PAGE = "<!DOCTYPE html><title>A console</title><script type=module src=static/scripts/index.js></script>"
EVENTS_WITHIN_S = 40.0


class Browser:
    """Sends what Chromium does for SaltGUI's scripts: its headers, its cookie, JSON that is called plain text."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = ""
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._always = {
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Dest": "empty",
            "Referer": f"{url}/",
            "Accept-Language": "en-US,en;q=0.9",
            "Accept-Encoding": "gzip, deflate, br, zstd",
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/156.0.0.0",
        }

    def navigate(self, path: str) -> httpx.Response:
        """As a person who types the address."""
        accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
        headers = {
            "Accept": accept,
            "Sec-Fetch-Site": "none",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        }
        return self.http.get(path, headers=headers)

    def load(self, path: str) -> httpx.Response:
        """As a page does with its scripts."""
        return self.http.get(path, headers={**self._always, "Accept": "*/*", "Sec-Fetch-Dest": "script"})

    def fetch(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """As ``fetch`` does: SaltGUI names no type for its text."""
        headers = {
            **self._always,
            "Accept": "application/json",
            "Cache-Control": "no-cache",
            "Pragma": "no-cache",
            "X-Auth-Token": self.token,
            "Sec-Fetch-Mode": "cors",
        }
        if method == "POST":
            headers |= {"Content-Type": "text/plain;charset=UTF-8", "Origin": self.url}
        return self.http.request(method, path, headers=headers, content=json.dumps(body) if body is not None else None)

    def login(self, user: str, password: str = PASSWORD) -> httpx.Response:
        answer = self.fetch("POST", "/login", {"eauth": "file", "password": password, "username": user})
        if answer.status_code == 200:
            self.token = answer.json()["return"][0]["token"]
        return answer

    def ask(self, client: str, fun: str, **more: Any) -> Any:
        """The one element of what a call returns."""
        answer = self.fetch("POST", "/", {"client": client, "fun": fun, **more})
        assert answer.status_code == 200, (fun, answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/json"
        (element,) = answer.json()["return"]
        return element

    def wheel(self, fun: str, **more: Any) -> Any:
        data = self.ask("wheel", fun, **more)["data"]
        assert data["success"] is True
        return data["return"]

    def local(self, fun: str, tgt: str = "*", **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("local", fun, tgt=tgt, tgt_type=more.pop("tgt_type", "glob"), **more)
        return found

    def events(self, within_s: float = EVENTS_WITHIN_S) -> Iterator[dict[str, Any]]:
        """As ``EventSource`` does: of what SaltGUI has there is the cookie alone."""
        headers = {**self._always, "Accept": "text/event-stream", "Cache-Control": "no-cache", "Sec-Fetch-Mode": "cors"}
        until = time.monotonic() + within_s
        with self.http.stream("GET", "/events", headers=headers, timeout=within_s) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
            assert answer.headers["x-accel-buffering"] == "no"
            for line in answer.iter_lines():
                assert time.monotonic() < until
                if line.startswith("retry:"):
                    yield {"tag": "", "data": {}}
                elif line.startswith("data: "):
                    yield json.loads(line[6:])


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("gui")
    (folder / "static/scripts").mkdir(parents=True)
    (folder / "static/scripts/index.js").write_text("export const here = 1;\n")
    (folder / "static/icon.png").write_bytes(b"\x89PNG")
    (folder / "index.html").write_text(PAGE)
    (folder / "pillar").mkdir()
    (folder / "pillar/top.sls").write_text("base: {'*': [all]}\n")
    (folder / "pillar/all.sls").write_text("role: web\nhidden: {deep: [1, two]}\n")
    users = folder / "users"
    users.write_text("".join(f"{user}:{PASSWORD}\n" for user in GRANTS))
    users.chmod(0o600)
    options = {
        "rest_cherrypy": {
            "app": str(folder / "index.html"), "static": str(folder / "static"), "static_path": "/static",
            "collect_stats": True,
        },
        "external_auth": {"file": {"^filename": str(users), **GRANTS}},
        "nodegroups": {"web": "web*", "none": "nosuch"},
        "pillar_roots": {"base": [str(folder / "pillar")]},
        "saltgui_templates": TEMPLATES,
        "saltgui_preview_grains": ["kernel"],
    }  # fmt: skip
    minion = json.dumps({"mine_functions": {"grains.get": ["os"]}})
    started = Parts(folder / "stack", ids=[*MINIONS, PENDING], master=json.dumps(options), minion=minion)
    KeyStore(f"{started.stack.root}/pki/master").remove(ACCEPTED, PENDING)
    try:
        started.start(*(name for name in started.names if name != f"agent {PENDING}"))
        wait_for(lambda: sorted(started.up()) == MINIONS, "the agents", 60)
        yield started
    finally:
        started.stop_all()


@pytest.fixture
def browser(parts: Parts) -> Iterator[Browser]:
    made = Browser(parts.stack.api_url)
    with made.http:
        yield made


@pytest.fixture
def ann(browser: Browser) -> Browser:
    assert browser.login("ann").status_code == 200
    return browser


def test_the_page_and_its_files(browser: Browser) -> None:
    page = browser.navigate("/")
    assert (page.status_code, page.text) == (200, PAGE)
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "style-src 'self' 'unsafe-inline'" in policy, "SaltGUI sets styles of its elements"
    assert "img-src 'self' data:" in policy
    assert "script-src" not in policy
    script = browser.load("/static/scripts/index.js")
    assert script.headers["content-type"].partition(";")[0] == "text/javascript"
    assert browser.load("/static/icon.png").headers["content-type"] == "image/png"
    for name in ("minions.txt", "salt-auth.txt", "salt-motd.txt", "salt-motd.html"):
        assert browser.fetch("GET", f"/static/{name}").status_code == 404


def test_login(browser: Browser) -> None:
    refused = browser.login("ann", "wrong")
    assert refused.status_code == 401
    assert browser.fetch("POST", "/", {"client": "wheel", "fun": "config.values"}).status_code == 401
    before = time.time()
    answer = browser.login("ann")
    (session,) = answer.json()["return"]
    assert re.fullmatch("[0-9a-f]+", session["token"])
    assert before - 2 <= session["start"] <= time.time() < session["expire"]
    assert (session["user"], session["eauth"]) == ("ann", "file")
    assert session["perms"] == GRANTS["ann"]
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"session_id={session['token']};")
    for part in ("HttpOnly", "Path=/", "SameSite=strict"):
        assert part in cookie
    assert "Secure" not in cookie
    assert browser.login("nobody").status_code == 401, "who is granted nothing is told what anybody is"


def test_after_login(ann: Browser) -> None:
    options = ann.wheel("config.values")
    assert options["nodegroups"] == {"web": "web*", "none": "nosuch"}
    assert options["saltgui_templates"] == TEMPLATES
    assert options["saltgui_preview_grains"] == ["kernel"]
    assert "hunter2" not in json.dumps(options)
    (steps,) = ann.ask("runner", "state.orchestrate_show_sls", arg=["*"]).values()
    assert steps == {}, "of steps, each would have its .salt"
    available = ann.local("beacons.list_available", kwarg={"return_yaml": False})
    assert available == {minion: {"beacons": {}} for minion in MINIONS}


def test_the_list_of_jobs_beside_each_page(ann: Browser) -> None:
    ann.local("test.ping", "web1")
    jobs = ann.ask("runner", "jobs.list_jobs")
    jid, job = next((jid, job) for jid, job in jobs.items() if job["Function"] == "test.ping")
    assert re.fullmatch(r"\d{20}", jid)
    assert (job["Target"], job["Target-type"], job["Arguments"], job["User"]) == ("web1", "glob", [], "ann")
    assert re.fullmatch(r"\d{4}, [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d\.\d{6}", job["StartTime"])
    begun = ann.ask("local_async", "test.sleep", tgt="*", tgt_type="glob", arg=[60])

    def running() -> Any:
        found = ann.ask("runner", "jobs.active").get(begun["jid"], {"Running": []})
        return found if sorted(next(iter(one)) for one in found["Running"]) == MINIONS else None

    active = wait_for(running, "the job to run on both")
    assert all(isinstance(pid, int) for one in active["Running"] for pid in one.values())
    assert active["Returned"] == []
    assert (active["Function"], active["Target"], active["Arguments"]) == ("test.sleep", "*", [60])


def test_minions(ann: Browser) -> None:
    keys = ann.wheel("key.list_all")
    assert keys["minions"] == MINIONS
    assert keys["minions_pre"] == []
    assert ann.wheel("minions.connected") == MINIONS
    grains = ann.local("grains.items")
    cached = ann.ask("runner", "cache.grains", tgt="*")
    for minion in MINIONS:
        for found in (grains[minion], cached[minion]):
            assert isinstance(found["fqdn_ip4"], list)
            assert found["saltversion"] == __version__
            assert {"os", "osrelease", "kernel"} <= found.keys()
    assert ann.ask("runner", "manage.versions") == {
        "Master": __version__,
        "Up to date": dict.fromkeys(MINIONS, __version__),
    }


def test_keys(ann: Browser, parts: Parts) -> None:
    stream = ann.events()
    assert next(stream)["tag"] == ""
    parts.start(f"agent {PENDING}")
    auth = next(event for event in stream if event["tag"] == "salt/auth")["data"]
    assert (auth["id"], auth["act"], auth["result"]) == (PENDING, "pend", True)
    assert len(auth["pub"]) > 20
    keys = ann.wheel("key.list_all")
    assert {"minions", "minions_pre", "minions_rejected", "minions_denied", "local"} <= keys.keys()
    assert keys["minions_pre"] == [PENDING]
    fingers = ann.wheel("key.finger", match="*")
    assert set(fingers) - {"local"} == {"minions", "minions_pre"}
    assert all(re.fullmatch("[0-9a-f:]+", one) for state in fingers.values() for one in state.values())
    for fun, more, act, state in (
        ("key.reject", {}, "reject", "minions_rejected"),
        ("key.accept", {"include_rejected": True}, "accept", "minions"),
        ("key.reject", {"include_accepted": True}, "reject", "minions_rejected"),
        ("key.delete", {}, "delete", None),
    ):
        if fun == "key.delete":  # it would ask again
            parts.stop(f"agent {PENDING}")
        ann.wheel(fun, match=PENDING, **more)
        event = next(event for event in stream if event["tag"] == "salt/key")["data"]
        assert (event["id"], event["act"], event["result"]) == (PENDING, act, True)
        keys = ann.wheel("key.list_all")
        assert [name for name, ids in keys.items() if PENDING in ids] == ([state] if state else [])


def test_a_minion_that_is_away(ann: Browser, parts: Parts) -> None:
    parts.start(f"agent {PENDING}")
    wait_for(lambda: ann.wheel("key.list_all")["minions_pre"], "the key")
    ann.wheel("key.accept", match=PENDING)
    wait_for(lambda: PENDING in parts.up(), "the agent")
    parts.stop(f"agent {PENDING}")
    try:
        wait_for(lambda: PENDING not in ann.wheel("minions.connected"), "the agent to be gone")
        assert ann.local("grains.items")[PENDING] == "Minion did not return. [Not connected]"
        assert ann.ask("runner", "manage.versions")["Minion offline"] == {PENDING: False}
        assert PENDING in ann.wheel("key.list_all")["minions"]
    finally:
        ann.wheel("key.delete", match=PENDING)


def test_a_job(ann: Browser) -> None:
    ann.local("test.arg", "web1,db1", tgt_type="list", arg=["a"], kwarg={"b": 1}, full_return=True)
    jobs = ann.ask("runner", "jobs.list_jobs")
    jid = next(jid for jid, job in jobs.items() if job["Function"] == "test.arg")
    job = ann.ask("runner", "jobs.list_job", jid=jid)
    assert (job["jid"], job["Function"], sorted(job["Minions"])) == (jid, "test.arg", MINIONS)
    assert job["Arguments"] == ["a", {"__kwarg__": True, "b": 1}]
    assert job["Target-type"] == "list"
    assert isinstance(job["StartTime"], str)
    for minion in MINIONS:
        result = job["Result"][minion]
        assert (result["return"]["args"], result["retcode"], result["success"]) == (["a"], 0, True)
    unknown = ann.ask("runner", "jobs.list_job", jid="20200101000000000000")
    assert unknown["Error"] == "Cannot contact returner or no job with this jid"
    assert unknown["Result"] == {}


@pytest.mark.parametrize("named", [["state.apply", "state.highstate", "state.sls_id"], ["test.ping", "test.version"]])
def test_jobs_of_some_functions(ann: Browser, named: list[str]) -> None:
    """A list; a job of several functions at once is no trouble."""
    ann.fetch("POST", "/", {"client": "local", "tgt": "*", "fun": ["test.ping", "test.true"], "arg": [[], []]})
    ann.local("test.version")
    jobs = ann.ask("runner", "jobs.list_jobs", search_function=named)
    assert bool(jobs) == ("test.version" in named)
    assert all(job["Function"] in named or "test.ping" in job["Function"] for job in jobs.values())


@pytest.mark.parametrize("one", [False, True])
def test_what_minions_have(ann: Browser, one: bool) -> None:
    """Pillar, schedule, beacons, mine: of all, and of one."""
    target: dict[str, Any] = {"tgt": "web1", "tgt_type": "list"} if one else {}
    minions = ["web1"] if one else MINIONS
    found: Callable[..., dict[str, Any]] = lambda fun, **more: ann.local(fun, **target, **more)  # noqa: E731
    pillars, hidden = found("pillar.items"), found("pillar.obfuscate")
    schedules = found("schedule.list", kwarg={"return_yaml": False})
    beacons = found("beacons.list", kwarg={"return_yaml": False})
    mines = found("mine.valid")
    for minion in minions:
        assert pillars[minion] == {"role": "web", "hidden": {"deep": [1, "two"]}}
        assert hidden[minion] == {"role": "<str>", "hidden": {"deep": ["<int>", "<str>"]}}
        assert schedules[minion]["stats"]["function"] == "stats.collect"
        assert beacons[minion] == {"beacons": {}}
        assert mines[minion] == {"grains.get": ["os"]}
    assert all(sorted(of_all) == minions for of_all in (pillars, hidden, schedules, beacons, mines))
    mine = found("mine.get", arg=["web1", "grains.get"])
    assert mine["web1"] == {"web1": ann.local("grains.get", "web1", arg=["os"])["web1"]}
    assert ann.ask("runner", "cache.pillar", tgt="web1").keys() == {"web1"}


def test_nodegroups(ann: Browser) -> None:
    members = ann.local("test.version", "N@web", tgt_type="compound", full_return=True)
    assert list(members) == ["web1"]
    assert (members["web1"]["retcode"], members["web1"]["ret"]) == (0, __version__)
    assert ann.local("test.version", "N@none", tgt_type="compound", full_return=True) == {}
    assert list(ann.local("test.providers", "web1")["web1"])


def test_stats(ann: Browser) -> None:
    stats = ann.fetch("GET", "/stats").json()
    assert stats["Saltern API"]["requests"] > 0


def test_the_command_box_and_events(ann: Browser) -> None:
    """What was begun is followed by its events, which say all that is shown of them."""
    stream = ann.events()
    assert next(stream)["tag"] == ""
    begun = ann.ask("local_async", "test.ping", tgt="*", tgt_type="glob", full_return=True)
    assert begun["minions"] == MINIONS
    returned = {}
    for event in stream:
        tag, data = event["tag"], event["data"]
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", data["_stamp"])
        if tag.startswith(f"salt/job/{begun['jid']}/ret/"):
            assert len(tag.split("/")) == 5
            returned[data["id"]] = data
            assert (data["fun"], data["jid"], data["return"]) == ("test.ping", begun["jid"], True)
            assert (data["success"], data["retcode"]) == (True, 0)
        if len(returned) == len(MINIONS):
            break
    assert sorted(returned) == MINIONS
    assert ann.local("test.nosuch", "web1")["web1"] == "'test.nosuch' is not available."
    assert ann.ask("local_async", "test.ping", tgt="nosuch", tgt_type="glob") == {}
    assert sorted(ann.ask("runner", "manage.up")) == MINIONS
    full = ann.ask("local", "test.ping", tgt="web1", tgt_type="glob", full_return=True)
    assert full["web1"]["ret"] is True


def test_logout(ann: Browser) -> None:
    assert ann.fetch("POST", "/logout", {}).json() == {"return": "Your token has been cleared"}
    assert ann.fetch("POST", "/", {"client": "runner", "fun": "jobs.active"}).status_code == 401
    assert ann.fetch("POST", "/logout", {}).status_code == 401
    ann.token = ""
    assert ann.fetch("GET", "/events").status_code == 401


def test_who_has_the_least_grants(browser: Browser) -> None:
    (session,) = browser.login("least").json()["return"]
    assert session["perms"] == LEAST
    assert browser.wheel("config.values").keys() == {"nodegroups", "saltgui_preview_grains", "saltgui_templates"}
    assert browser.wheel("key.list_all")["minions"] == MINIONS
    assert browser.wheel("key.finger", match="*")["minions"].keys() == set(MINIONS)
    assert browser.wheel("minions.connected") == MINIONS
    for fun in ("grains.items", "pillar.items", "pillar.obfuscate", "schedule.list", "beacons.list"):
        assert sorted(browser.local(fun)) == MINIONS
    for fun in ("jobs.active", "jobs.list_jobs", "manage.versions"):
        assert isinstance(browser.ask("runner", fun), dict)
    assert next(browser.events())["tag"] == ""
    for client, fun, more in (
        ("local", "test.ping", {"tgt": "*"}),
        ("local_async", "cmd.run", {"tgt": "*", "arg": ["id"]}),
        ("runner", "cache.pillar", {}),
        ("runner", "state.orchestrate_show_sls", {"arg": ["*"]}),
        ("wheel", "key.accept", {"match": "*"}),
    ):
        assert browser.fetch("POST", "/", {"client": client, "fun": fun, **more}).status_code == 401


def test_another_page_has_nothing_of_its_session(ann: Browser) -> None:
    """The browser sends the cookie along, and no token."""
    ann.token = ""
    foreign = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
    low = json.dumps({"client": "local", "tgt": "*", "fun": "test.ping"})
    assert ann.http.post("/", headers=foreign, content=low).status_code == 403
    ann.http.headers["Cookie"] = f"session_id={ann.http.cookies['session_id']}"
    assert ann.http.post("/logout", headers=foreign, content="{}").status_code == 403
