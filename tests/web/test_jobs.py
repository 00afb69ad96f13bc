"""Jobs: answers grouped and shown whatever they hold, who is missing, and the list."""

from __future__ import annotations

import html
import json
import re
import time
from typing import Any

import pytest

from saltern.ids import jid_of
from saltern.look import LOOK
from support.console import ConsoleClient, Refusal, overview

JID = "20261128194400000001"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202egnp.exe\n" + "x" * 5000


def told(results: dict[str, Any], minions: list[str], jid: str = JID, **more: Any) -> dict[str, Any]:
    """Return what ``jobs.list_job`` says."""
    whole = {
        minion: one if isinstance(one, dict) and "retcode" in one else {"return": one, "retcode": 0, "success": True}
        for minion, one in results.items()
    }
    job = {"jid": jid, "Function": "cmd.run", "Arguments": ["df -h"], "Target": minions, "Target-type": "list"}
    return {**job, "User": "anna", "Minions": minions, "Result": whole, "StartTime": "", **more}


@pytest.fixture
def jobs(console: ConsoleClient) -> ConsoleClient:
    """Anna, who sees four hosts, one of which is away."""
    console.login(everything=True)
    ids = ["db1", "web1", "web2", "web3"]
    console.api.answers["runner.manage.overview"] = overview(ids, up=[True, True, True, False])
    console.api.answers["runner.jobs.active"] = {}
    return console


def test_equal_answers_are_shown_once_and_what_failed_first(jobs: ConsoleClient) -> None:
    failed = {"return": "no such file", "retcode": 2, "success": False}
    results = {"db1": failed, "web1": "same", "web2": "same"}
    jobs.api.answers["runner.jobs.list_job"] = told(results, ["db1", "web1", "web2", "web3", "web9"])
    page = jobs.get(f"/jobs/{JID}")
    assert page.status_code == 200, page.text
    groups = re.findall(r'<article class="group card( bad)?".*?</article>', page.text, re.DOTALL)
    assert groups == [" bad", ""]
    assert page.text.index("failed (2)") < page.text.index("2 hosts")
    assert page.text.count(">same") == 1
    assert "<strong>3</strong> of 5 answered" in page.text
    assert "1 away" in page.text
    assert "1 without an answer" in page.text


def test_who_works_on_it_still_is_told_and_can_be_stopped(jobs: ConsoleClient) -> None:
    jobs.api.answers["runner.jobs.list_job"] = told({"db1": True}, ["db1", "web1", "web2"])
    jobs.api.answers["runner.jobs.active"] = {JID: {"Running": [{"web2": 4711}], "Returned": ["db1"]}}
    page = jobs.get(f"/jobs/{JID}")
    assert "1 at work" in page.text
    page = jobs.get(f"/jobs/{JID}/stop")
    jobs.api.answers["local_async.saltutil.term_job"] = {"jid": JID[:-1] + "2", "minions": ["web2"]}
    call = re.search(r'name="call" value="([^"]+)"', page.text)
    assert call
    answer = jobs.post("/run/start", {"call": html.unescape(call[1])})
    assert answer.headers["location"] == f"/jobs/{JID}?sent={JID[:-1]}2"
    (made,) = jobs.api.called("local_async.saltutil.term_job")
    assert (made.chunk["tgt"], made.arg) == (["web2"], [JID])


def test_what_asked_for_is_gone_is_said(jobs: ConsoleClient) -> None:
    jobs.api.answers["runner.jobs.list_job"] = told({"db1": True}, ["db1"], Target=["db1", "gone"])
    assert re.search(r"Asked for, and not run there.*<code>gone</code>", jobs.get(f"/jobs/{JID}").text)


@pytest.mark.parametrize(
    "value",
    [HOSTILE, {HOSTILE: HOSTILE}, [HOSTILE], [{HOSTILE: HOSTILE}] * 2, "\n".join("y" * 100 for _ in range(20_000))],
)
def test_hostile_answers_do_nothing(jobs: ConsoleClient, value: Any) -> None:
    jobs.api.answers["runner.jobs.list_job"] = told({"web1": value, HOSTILE: value}, ["web1", HOSTILE])
    page = jobs.get(f"/jobs/{JID}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert not set("\x1b\u202e") & set(page.text)
    assert len(page.text) < 200_000


def test_a_deep_answer_is_cut_where_it_is_too_deep(jobs: ConsoleClient) -> None:
    deep: Any = "end"
    for _ in range(100):
        deep = {"in": deep, "n": [[deep]] if deep == "end" else 1}
    jobs.api.answers["runner.jobs.list_job"] = told({"web1": deep}, ["web1"])
    assert "too deep to be shown" in jobs.get(f"/jobs/{JID}").text


def test_thousands_of_answers_are_paged_and_bounded(jobs: ConsoleClient) -> None:
    minions = [f"web{number:04}" for number in range(3000)]
    results = {minion: f"{minion}\n" + "x" * 1000 for minion in minions}
    jobs.api.answers["runner.jobs.list_job"] = told(results, minions)
    page = jobs.get(f"/jobs/{JID}?page=150")
    assert "page 150 of 150: 3000 kinds" in page.text
    assert "web2999" in page.text
    assert len(page.text) < 200_000
    assert "web1234" in jobs.get(f"/jobs/{JID}?host=web1234").text
    jobs.console._held.clear()
    jobs.api.answers["runner.jobs.list_job"] = told(dict.fromkeys(minions, True), minions)
    page = jobs.get(f"/jobs/{JID}")
    assert "3000 hosts" in page.text
    assert "and 976 that aren&#x27;t named here" in page.text or "and 976 that aren't named here" in page.text


def test_too_large_a_job_is_said_to_be(jobs: ConsoleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saltern_web.pages.jobs.job.MAX_ANSWER_BYTES", 1000)
    jobs.api.answers["runner.jobs.list_job"] = told({"web1": "x" * 2000}, ["web1"])
    page = jobs.get(f"/jobs/{JID}")
    assert "more than a page can hold" in page.text
    assert json.loads(jobs.get(f"/jobs/{JID}/download").text)["return"][0]["Result"]["web1"]["return"] == "x" * 2000


def test_what_a_page_has_is_not_sent_again(jobs: ConsoleClient) -> None:
    jobs.api.answers["runner.jobs.list_job"] = told({"web1": "long answer", "web2": "other"}, ["web1", "web2"])
    versions = re.findall(r'data-version="([^"]+)"', jobs.get(f"/jobs/{JID}").text)
    part = jobs.get(f"/jobs/{JID}/part", params={"have": versions[0]}, htmx=True).text
    assert part.count("data-same") == 1
    assert len([text for text in ("long answer", "other") if text in part]) == 1
    assert "<html" not in part


def test_answers_are_compared_line_by_line(jobs: ConsoleClient) -> None:
    results = {"web1": {"a": 1, "b": "x"}, "web2": {"a": 1, "b": "<i>y"}}
    jobs.api.answers["runner.jobs.list_job"] = told(results, ["web1", "web2"])
    keys = re.findall(r'id="g-([0-9a-f]+)"', jobs.get(f"/jobs/{JID}").text)
    page = jobs.get(f"/jobs/{JID}/differs", params={"a": keys[0], "b": keys[1]}).text
    assert '<span class="l-left">- b: x</span>' in page
    assert '<span class="l-added">+ b: &lt;i&gt;y</span>' in page
    assert "isn&#x27;t there any more" in jobs.get(f"/jobs/{JID}/differs?a=x").text.replace("'", "&#x27;")


def test_a_run_on_the_master_and_a_job_that_is_not_there(jobs: ConsoleClient) -> None:
    whole = {"fun": "runner.manage.up", "return": ["web1"], "success": True}
    job = {"Function": "runner.manage.up", "Target": "m_master", "Result": {"m_master": {"return": whole}}}
    jobs.api.answers["runner.jobs.list_job"] = {**job, "User": "anna", "Arguments": []}
    page = jobs.get(f"/jobs/{JID}").text
    assert "[web1]" in page or ">web1<" in page
    assert "the master" in page
    jobs.console._held.clear()
    jobs.api.answers["runner.jobs.list_job"] = {"Error": "Cannot contact returner", "Result": {}}
    assert jobs.get(f"/jobs/{JID}").status_code == 404
    assert jobs.get("/jobs/nonsense").status_code == 404


def test_a_job_said_to_have_done_nothing_has_failed(jobs: ConsoleClient) -> None:
    jobs.api.answers["runner.jobs.list_job"] = told({"web1": {"result": False, "comment": "exists"}}, ["web1"])
    assert "done, 1 failed" in jobs.get(f"/jobs/{JID}").text


def test_a_repeat_is_filled_in_and_its_secrets_are_not(jobs: ConsoleClient) -> None:
    given = ["df -h", {"password": "***", "cwd": "/tmp", "__kwarg__": True}]
    jobs.api.answers |= {
        "runner.jobs.list_job": told({}, ["web1"], Arguments=given),
        "runner.manage.resolve": {"minions": ["web1"], "unknown": [], "problem": ""},
        "runner.doc.runner": {},
        "local.sys.list_functions": {"web1": ["cmd.run"]},
        "local.sys.doc": {"web1": {}},
        "local.sys.argspec": {"web1": {"cmd.run": {"args": ["cmd"], "varargs": True, "kwargs": True}}},
    }
    page = jobs.get(f"/run?repeat={JID}").text
    assert 'value="/tmp"' in page
    assert ">df -h</textarea>" in page
    assert "***" not in page
    jobs.console._held.clear()
    jobs.api.answers["runner.jobs.list_job"] = told({}, ["web1"], Arguments="***")
    assert "isn&#x27;t shown to you" in jobs.get(f"/run?repeat={JID}").text


def test_a_watcher_is_offered_nothing_that_runs(jobs: ConsoleClient) -> None:
    jobs.login("wanda", may={"runner.jobs.list_jobs": True})
    jobs.api.answers["runner.jobs.list_job"] = told({"db1": True}, ["db1", "web1"], Arguments="***")
    jobs.api.answers["runner.jobs.active"] = {JID: {"Running": [{"web1": 4711}]}}
    page = jobs.get(f"/jobs/{JID}").text
    assert "1 at work" in page
    assert "Run again" not in page
    assert re.search(r'id="stop"[^>]* hidden', page)


def row(fun: str, user: str = "anna", **more: Any) -> dict[str, Any]:
    return {"Function": fun, "Arguments": ["x"], "Target": "*", "Target-type": "glob", "User": user, **more}


def test_the_list_is_searched_and_paged(jobs: ConsoleClient) -> None:
    now = time.time()
    found = {jid_of(now - number): row("sys.doc" if number % 2 else f"f.{number}") for number in range(200)}
    found |= {jid_of(now - 300): row("ps.top", Metadata=LOOK), jid_of(now - 301): row("ps.kill", Metadata="***")}
    jobs.api.answers["runner.jobs.list_jobs"] = lambda call: dict(list(found.items())[: call.kwarg["limit"]])
    page = jobs.get("/jobs")
    assert page.text.count('href="/jobs/2') == 50
    assert "sys.doc" not in page.text
    assert "page=2" in page.text
    assert "f.198" in jobs.get("/jobs?page=2").text
    assert "sys.doc" in jobs.get("/jobs?lookups=1").text
    last = jobs.get("/jobs?page=3").text
    assert "ps.kill" in last
    assert "ps.top" not in last
    assert "ps.top" in jobs.get("/jobs?fun=ps.*&page=5").text
    jobs.get("/jobs?fun=pkg.*&target=web&since=2026-11-28T19:44&until=2026-11-29")
    asked = jobs.api.called("runner.jobs.list_jobs")[-1].kwarg
    assert asked["search_function"] == "pkg.*"
    assert asked["search_target"] == "*web*"
    assert (asked["start_time"], asked["end_time"]) == ("2026-11-28T19:44:00+00:00", "2026-11-29T00:00:00+00:00")
    assert "No job like that" in jobs.get("/jobs?user=eve").text
    wrong = jobs.get("/jobs?since=yesterday")
    assert wrong.status_code == 400
    assert "a time is written as" in wrong.text


def test_times_are_told_in_utc_to_be_shown_in_the_readers_zone(jobs: ConsoleClient) -> None:
    jobs.api.answers["runner.jobs.list_jobs"] = {}
    page = jobs.get("/jobs", params={"since": "2026-11-28T19:44+01:00", "until": "2026-11-29"}).text
    asked = jobs.api.called("runner.jobs.list_jobs")[-1].kwarg
    assert (asked["start_time"], asked["end_time"]) == ("2026-11-28T18:44:00+00:00", "2026-11-29T00:00:00+00:00")
    assert 'value="2026-11-28T18:44:00" data-zoned="1795891440.0"' in page
    assert 'value="2026-11-29T00:00:00" data-zoned=' in page
    assert 'value="9999&quot;&gt;" data-zoned=""' in jobs.get("/jobs", params={"since": '9999">'}).text
    assert jobs.get("/jobs?since=0001-01-01T00:00%2B23:00").status_code == 400


def test_jobs_that_run_now(jobs: ConsoleClient) -> None:
    jobs.api.answers["runner.jobs.active"] = {JID: row("pkg.upgrade", Running=[{"web1": 1}], Returned=[])}
    assert "pkg.upgrade" in jobs.get("/jobs?state=running").text
    assert jobs.get("/jobs/active").json() == {"running": 1}


def test_what_may_not_be_seen_is_said_to_be_so(jobs: ConsoleClient) -> None:
    jobs.api.answers["runner.jobs.list_jobs"] = Refusal("Authorization error occurred.", 401)
    page = jobs.get("/jobs")
    assert page.status_code == 403
    assert "Authorization error occurred." in page.text
    assert "No job yet" not in page.text
