"""Run: whom and what is shown before anything runs, and what runs is what was shown."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pytest

from support.console import Call, ConsoleClient, Refusal, overview

JID = "20261128194400000001"
HOSTS = ["db1", "web1", "web2"]
SPEC = {"cmd.run": {"args": ["cmd"], "defaults": None, "varargs": True, "kwargs": True}}


@pytest.fixture
def run(console: ConsoleClient) -> ConsoleClient:
    """Anna, who may everything on three hosts, one of which is away."""
    console.login(everything=True)
    console.api.answers |= {
        "runner.manage.overview": overview(HOSTS, up=[True, True, False], groups={"web": [1, 2]}),
        "runner.manage.resolve": _resolve,
        "runner.doc.runner": {"manage.up": "List the minions that are connected."},
        "local.sys.list_functions": lambda call: {call.chunk["tgt"][0]: ["cmd.run", "test.ping"]},
        "local.sys.doc": lambda call: {call.chunk["tgt"][0]: {"cmd.run": "Run *cmd* <b>now</b>."}},
        "local.sys.argspec": lambda call: {call.chunk["tgt"][0]: {k: v for k, v in SPEC.items() if k == call.arg[0]}},
        "local_async.cmd.run": {"jid": JID, "minions": HOSTS},
    }
    return console


def _resolve(call: Call) -> Any:
    tgt, kind = call.kwarg["tgt"], call.kwarg["tgt_type"]
    if kind == "list":
        return {
            "minions": [one for one in HOSTS if one in tgt],
            "unknown": [one for one in tgt if one not in HOSTS],
            "problem": "",
        }
    if kind == "compound":
        return "Exception occurred in runner manage.resolve: that is no target"
    return {
        "minions": [one for one in HOSTS if tgt == "*" or one.startswith(tgt.rstrip("*"))],
        "unknown": [],
        "problem": "",
    }


def signed(page: httpx.Response) -> str:
    found = re.search(r'action="/run/start".*?name="call" value="([^"]+)"', page.text, re.DOTALL)
    assert found, page.text
    return html.unescape(found[1])


def confirmed(run: ConsoleClient, **fields: Any) -> httpx.Response:
    return run.post("/run/confirm", {"tgt": "*", "tgt_type": "glob", "fun": "cmd.run", "a.cmd": "df -h", **fields})


def test_who_and_what_are_shown_before_anything_runs(run: ConsoleClient) -> None:
    page = run.get("/run?tgt=*&fun=cmd.run")
    assert page.status_code == 200, page.text
    assert "<strong>3 hosts</strong>" in page.text
    assert "1 away" in page.text
    assert 'name="a.cmd"' in page.text
    assert "Run *cmd* &lt;b&gt;now&lt;/b&gt;." in page.text
    assert '<option value="test.ping">' in page.text
    assert '<option value="runner.manage.up">' in page.text
    assert run.api.called("local.sys.argspec")[0].chunk["tgt"] == ["db1"]
    assert not run.api.called("local_async.cmd.run")


def test_what_runs_is_what_was_shown(run: ConsoleClient) -> None:
    page = confirmed(run)
    assert page.status_code == 200, page.text
    assert "On 3 hosts" in page.text
    assert "&quot;df -h&quot;" in page.text
    assert re.search(r"[0-9a-f]{64}", page.text)
    run.api.answers["runner.manage.resolve"] = {"minions": ["other"], "unknown": [], "problem": ""}
    answer = run.post("/run/start", {"call": signed(page), "tgt": "other", "fun": "test.ping"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{JID}")
    (call,) = run.api.called("local_async.cmd.run")
    assert (call.chunk["tgt"], call.chunk["tgt_type"], call.arg, call.kwarg) == (HOSTS, "list", ["df -h"], {})


def test_a_second_press_runs_nothing_again(run: ConsoleClient) -> None:
    call = signed(confirmed(run))
    assert {run.post("/run/start", {"call": call}).headers["location"] for _ in range(2)} == {f"/jobs/{JID}"}
    assert len(run.api.called("local_async.cmd.run")) == 1


def test_what_was_to_be_confirmed_can_be_changed(run: ConsoleClient) -> None:
    page = run.post("/run", {"edit": signed(confirmed(run, batch="2", kn="cwd", kv="/tmp"))})
    assert page.status_code == 200
    assert ">df -h</textarea>" in page.text
    assert 'value="/tmp"' in page.text
    assert 'name="batch" value="2"' in page.text


def test_a_changed_or_borrowed_confirmation_is_refused(run: ConsoleClient) -> None:
    call = signed(confirmed(run))
    changed = run.post("/run/start", {"call": call[:-1] + ("a" if call[-1] != "a" else "b")})
    assert changed.status_code == 400
    assert "look at it again" in changed.text
    run.login("eve", everything=True, token="b" * 64)
    borrowed = run.post("/run/start", {"call": call})
    assert borrowed.status_code == 400
    assert "another login" in borrowed.text
    assert run.post("/run/start", {"call": call}, csrf=False).status_code == 403
    assert not run.api.called("local_async.cmd.run")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tgt": ""}, "choose the hosts"),
        ({"tgt": "nobody*"}, "no host is meant by this target"),
        ({"tgt": "(", "tgt_type": "compound"}, "that is no target"),
        ({"fun": "ping"}, "a function has a name such as test.ping"),
        ({"a.cmd": ""}, "cmd: must be given"),
        ({"batch": "0"}, "batch is a number of hosts"),
        ({"batch": "5", "wait": "soon"}, "the time to wait is a number of seconds"),
        ({"tgt_type": "nonsense"}, "nonsense is no kind of target"),
    ],
)
def test_what_is_wrong_is_said_beside_the_form(run: ConsoleClient, fields: dict[str, str], said: str) -> None:
    page = confirmed(run, **fields)
    assert page.status_code == 400
    assert said in page.text
    assert not run.api.called("local_async.cmd.run")


def test_what_the_master_refuses_is_said_beside_the_confirmation(run: ConsoleClient) -> None:
    run.api.answers["local_async.cmd.run"] = Refusal("Authorization error occurred.", 401)
    page = run.post("/run/start", {"call": signed(confirmed(run))})
    assert page.status_code == 400
    assert "Authorization error occurred." in page.text
    assert "On 3 hosts" in page.text
    run.api.answers["local_async.cmd.run"] = {"jid": JID, "minions": HOSTS}
    assert run.post("/run/start", {"call": signed(page)}).status_code == 303


def test_hosts_chosen_in_a_table_are_the_target(run: ConsoleClient) -> None:
    page = run.post("/run", {"minion": ["web1", "gone"]})
    assert page.status_code == 200
    assert "<strong>1 host</strong>" in page.text
    assert re.search(r"No host that you may command.*gone", page.text)
    assert "<strong>2 hosts</strong>" in run.get("/run?minions=web1,db1").text
    assert "<strong>2 hosts</strong>" in run.get("/run?tgt_type=group&tgt=web").text


def test_a_function_of_the_master_asks_no_host(run: ConsoleClient) -> None:
    run.api.answers["runner_async.manage.up"] = {"jid": JID, "tag": f"salt/run/{JID}"}
    page = confirmed(run, tgt="", fun="runner.manage.up", **{"a.cmd": ""}, line="show_ip=true")
    assert "On the master" in page.text
    assert run.post("/run/start", {"call": signed(page)}).status_code == 303
    (call,) = run.api.called("runner_async.manage.up")
    assert call.kwarg == {"show_ip": True}


def test_a_few_at_a_time(run: ConsoleClient) -> None:
    run.api.answers["local_batch.cmd.run"] = {"web1": ""}
    run.api.answers["runner.jobs.list_jobs"] = {JID: {"Function": "cmd.run"}}
    answer = run.post("/run/start", {"call": signed(confirmed(run, batch="50%", wait="5"))})
    assert answer.headers["location"] == f"/jobs/{JID}"
    run.console._held.clear()
    (call,) = run.api.called("local_batch.cmd.run")
    assert (call.chunk["tgt"], call.chunk["batch"], call.chunk["timeout"]) == (HOSTS, "50%", 5.0)


def test_without_documentation_the_line_is_left(run: ConsoleClient) -> None:
    run.api.answers["local.sys.argspec"] = Refusal("Authorization error occurred.", 401)
    page = run.get("/run?tgt=*&fun=cmd.run")
    assert "its documentation isn&#x27;t known" in page.text
    assert 'name="line"' in page.text
    assert run.post("/run/confirm", {"tgt": "*", "fun": "cmd.run", "line": "uptime"}).status_code == 200


def test_a_function_that_isnt_there_is_said_before_it_runs(run: ConsoleClient) -> None:
    page = run.post("/run/confirm", {"tgt": "*", "fun": "cmd.rnu", "line": "uptime"})
    assert "db1 has no function cmd.rnu" in page.text
    assert signed(page)


def test_a_secret_is_never_shown(run: ConsoleClient) -> None:
    page = confirmed(run, kn="password", kv="hunter2")
    assert "hunter2" not in page.text
    assert "***" in page.text


def test_a_template_is_kept_shared_used_and_deleted(run: ConsoleClient) -> None:
    from saltern_web.kept.models import Template

    call = signed(confirmed(run, kn=["password", "cwd"], kv=["hunter2", "/tmp"]))
    assert run.post("/run/templates", {"act": "save", "call": call, "name": "disks"}).status_code == 302
    kept = run.run(Template.objects.aget())
    assert kept.content["kwarg"] == {"cwd": "/tmp"}
    assert kept.content["tgt"] == "*"
    run.api.answers["runner.manage.resolve"] = {"minions": ["web1"], "unknown": [], "problem": ""}
    page = run.get(f"/run?template={kept.id}")
    assert "<strong>1 host</strong>" in page.text
    assert 'value="/tmp"' in page.text
    assert "df -h" in page.text
    run.login("eve", everything=True, token="b" * 64)
    assert run.get(f"/run?template={kept.id}").status_code == 404
    run.login("anna", everything=True)
    run.post("/run/templates", {"act": "share", "id": str(kept.id)})
    run.login("eve", everything=True, token="b" * 64)
    assert run.get(f"/run?template={kept.id}").status_code == 200
    assert run.post("/run/templates", {"act": "delete", "id": str(kept.id)}).status_code == 403
    run.login("anna", everything=True)
    run.post("/run/templates", {"act": "delete", "id": str(kept.id)})
    assert run.run(Template.objects.acount()) == 0


def test_a_schedule_is_added_on_these_very_hosts_and_deleted_there(run: ConsoleClient) -> None:
    call = signed(confirmed(run, tgt="web*"))
    wrong = run.post("/run/schedules/add", {"call": call, "name": "d", "every": "soon", "unit": "hours"})
    assert wrong.status_code == 400
    assert "an interval is a whole number" in wrong.text
    assert 'id="s-name" name="name" value="d"' in wrong.text
    assert 'value="soon"' in wrong.text
    assert "<option selected>hours</option>" in wrong.text
    page = run.post("/run/schedules/add", {"call": call, "name": "disks", "every": "5", "unit": "minutes"})
    run.api.answers["local_async.schedule.add"] = {"jid": JID, "minions": ["web1", "web2"]}
    assert run.post("/run/start", {"call": signed(page)}).status_code == 303
    (made,) = run.api.called("local_async.schedule.add")
    assert made.chunk["tgt"] == ["web1", "web2"]
    assert made.arg == ["disks"]
    assert made.kwarg == {"function": "cmd.run", "minutes": 5, "job_args": ["df -h"]}

    item = {"function": "cmd.run", "seconds": 300, "args": ["df -h"], "enabled": True}
    run.api.answers["local.schedule.list"] = {"db1": {}, "web1": {"disks": item}}
    page = run.get("/run/schedules?tgt=*")
    assert run.api.called("local.schedule.list")[0].chunk["tgt"] == ["db1", "web1"]
    assert "5 min" in page.text
    assert "1 away" in page.text
    delete = re.search(r'action="/run/schedules/delete".*?name="call" value="([^"]+)"', page.text, re.DOTALL)
    assert delete
    page = run.post("/run/schedules/delete", {"call": html.unescape(delete[1])})
    run.api.answers["local_async.schedule.delete"] = {"jid": JID, "minions": ["web1"]}
    assert run.post("/run/start", {"call": signed(page)}).status_code == 303
    (made,) = run.api.called("local_async.schedule.delete")
    assert made.chunk["tgt"] == ["web1"]
    assert made.arg == ["disks"]
    run.api.answers["local.schedule.list"] = Refusal("nothing grants it", 401)
    assert run.get("/run/schedules?tgt=*").status_code == 403
