"""The pages of plugins, before an API that answers as the real one does."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from saltern_web.plugins.book import SHIPPED, Book
from saltern_web.plugins.plugin import Origin, Place
from support.console import Call, ConsoleClient, Refusal, overview

JID = "20261130061546124869"
HOSTS = ("db1", "web1", "web2")
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def write(folder: Path, name: str, **files: str) -> None:
    place = folder / name
    place.mkdir(parents=True)
    place.chmod(0o755)
    for file, content in {"meta_yaml": "", **files}.items():
        (place / file.replace("_", ".")).write_text(content)
        (place / file.replace("_", ".")).chmod(0o644)


@pytest.fixture
def site(console: ConsoleClient, tmp_path: Path) -> ConsoleClient:
    """A console of an administrator with three hosts, the shipped plugins, and those below *tmp_path*."""
    places = [Place(str(tmp_path), Origin.FOLDER), Place(str(SHIPPED), Origin.SHIPPED)]
    console.console.plugins = Book(places)
    console.login(everything=True)
    answers = console.api.answers
    about = answers["runner.auth.about"]
    answers["runner.auth.about"] = lambda call: {**about, "may": dict.fromkeys(call.kwarg.get("functions", []), True)}
    answers["runner.manage.overview"] = overview(HOSTS, groups={"web": [1, 2]})
    answers["runner.manage.resolve"] = {"minions": ["web1", "web2"], "unknown": [], "problem": ""}
    answers["runner.jobs.list_jobs"] = {}
    answers["runner.jobs.active"] = {}
    for function in ("services.run", "services.show", "disks.run", "mine.run"):
        answers[f"local_async.plugin_{function}"] = {"jid": JID, "minions": ["web1", "web2"]}
    return console


def job(site: ConsoleClient, returns: dict[str, Any], function: str = "plugin_services.run", **more: Any) -> None:
    site.api.answers["runner.jobs.list_job"] = {
        "jid": JID,
        "Function": function,
        "Arguments": [
            {"parameters": '{"action": {"action": "stop"}, "services": [{"name": "nginx"}]}', "__kwarg__": True}
        ],
        "Target": list(HOSTS),
        "Minions": list(HOSTS),
        "User": "anna",
        "Result": {
            name: value if isinstance(value, dict) and "return" in value else {"return": value, "retcode": 0}
            for name, value in returns.items()
        },
        **more,
    }


def answer(status: str, data: Any = None, version: str = "1.0") -> dict[str, Any]:
    return {"status": status, "data": data, "version": version}


def hidden(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found is not None
    return unescape(found.group(1))


SENT = {
    "minions": "web1,web2", "tgt": "web*", "tgt_type": "glob", "action-action": "restart",
    "services-TOTAL_FORMS": "1", "services-INITIAL_FORMS": "0", "services-0-name": "nginx",
}  # fmt: skip


def test_the_list_shows_each_with_its_state(site: ConsoleClient, tmp_path: Path) -> None:
    write(tmp_path, "broken", meta_yaml="a: [")
    write(tmp_path, "inside", meta_yaml="state: debug")
    write(tmp_path, "users", meta_yaml="state: disabled")
    write(tmp_path, "mine", meta_yaml="title: <b>Mine</b>")
    text = site.get("/plugins").text
    assert "Packages and updates" in text
    assert "&lt;b&gt;Mine" in text
    assert text.count('class="state s-error"') == 1
    assert "/plugins/inside" in text
    assert "/plugins/users" not in text
    assert "Take over" in text
    site.login("bob", roles=["watcher"])
    text = site.get("/plugins").text
    assert "/plugins/inside" not in text
    assert "Take over" not in text
    assert site.get("/plugins/inside").status_code == 404
    assert site.get("/plugins/nothing").status_code == 404
    assert "is not YAML" in site.get("/plugins/broken").text


def test_from_a_target_to_a_job_on_exactly_what_was_shown(site: ConsoleClient) -> None:
    page = site.get("/plugins/services", params={"tgt": "web*"}).text
    assert hidden(page, "minions") == "web1,web2"
    assert 'name="services-0-name"' in page
    confirm = site.post("/plugins/services", SENT).text
    assert "Run on 2 hosts" in confirm
    assert "nginx" in confirm
    assert not site.api.called("local_async.plugin_services.run")
    order = {"do": "run", "order": hidden(confirm, "order"), "minions": hidden(confirm, "minions")}
    begun = site.post("/plugins/services", order)
    assert (begun.status_code, begun.headers["location"]) == (302, f"/plugins/services/jobs/{JID}")
    (call,) = site.api.called("local_async.plugin_services.run")
    assert (call.chunk["tgt"], call.chunk["tgt_type"]) == (["web1", "web2"], "list")
    assert json.loads(call.kwarg["parameters"]) == {"action": {"action": "restart"}, "services": [{"name": "nginx"}]}
    assert (call.kwarg["version"], call.kwarg["configuration"]) == ("1.0", {"watched": []})
    again = site.post("/plugins/services", {**order, "do": "change"}).text
    assert 'name="services-0-name" value="nginx"' in again
    assert len(site.api.called("local_async.plugin_services.run")) == 1


def test_what_was_confirmed_cant_be_another_thing(site: ConsoleClient) -> None:
    order = hidden(site.post("/plugins/services", SENT).text, "order")
    for given in ({"order": order[:-2]}, {"order": ""}, {}):
        page = site.post("/plugins/services", {"do": "run", "minions": "web1", **given})
        assert page.status_code == 400
        assert "fill the form in again" in page.text
    assert site.post("/plugins/services", {"do": "run", "order": order, "minions": "*"}).status_code == 400
    assert site.post("/plugins/services", {"do": "run", "order": order, "minions": ""}).status_code == 400
    assert not site.api.called("local_async.plugin_services.run")
    assert site.post("/plugins/services", SENT, csrf=False).status_code == 403


def test_the_form_is_judged_here_and_rows_come_without_scripts(site: ConsoleClient) -> None:
    wrong = site.post("/plugins/services", {**SENT, "action-action": "fly", "services-0-name": ""})
    assert wrong.status_code == 400
    assert "fly is not one of the available choices" in wrong.text
    none = site.post("/plugins/services", {**SENT, "services-0-name": ""}).text
    assert "Name at least one service." in none
    assert hidden(none, "minions") == "web1,web2"
    more = site.post("/plugins/services", {**SENT, "do": "add:services", "action-action": ""}).text
    assert hidden(more, "services-TOTAL_FORMS") == "2"
    assert "errorlist" not in more
    two = {**SENT, "services-TOTAL_FORMS": "2", "services-1-name": "php"}
    less = site.post("/plugins/services", {**two, "do": "remove:services:0"}).text
    assert hidden(less, "services-TOTAL_FORMS") == "1"
    assert 'name="services-0-name" value="php"' in less
    for odd in ("add:nothing", "remove:services:x", "remove:action:0", "remove:services:99999999", "add"):
        assert site.post("/plugins/services", {**SENT, "do": odd}).status_code == 200
    assert site.post("/plugins/services", {"do": "cancel"}).headers["location"] == "/plugins/services"


def test_what_only_looks_runs_at_once_and_show_needs_no_form(site: ConsoleClient) -> None:
    assert site.post("/plugins/disks", {"minions": "web1", "do": "save"}).status_code == 302
    (call,) = site.api.called("local_async.plugin_disks.run")
    assert call.kwarg["configuration"] == {"warning": 85, "error": 95}
    assert site.post("/plugins/services", {"minions": "web1", "do": "show"}).status_code == 302
    assert site.api.called("local_async.plugin_services.show")[0].chunk["tgt"] == ["web1"]


def test_targets_that_mean_nobody_and_refusals_stand_on_the_page(site: ConsoleClient) -> None:
    site.api.answers["runner.manage.resolve"] = Refusal("target '(': ) is missing")
    page = site.get("/plugins/services", params={"tgt": "(", "tgt_type": "compound"}).text
    assert ") is missing" in page
    assert "disabled" in page
    assert "there is no group" in site.get("/plugins/services?tgt=x&tgt_type=group").text
    site.api.answers["runner.manage.resolve"] = lambda call: {"minions": call.arg[0].split(","), "unknown": ["gone"]}
    page = site.get("/plugins/services?tgt=web&tgt_type=group").text
    assert hidden(page, "minions") == "web1,web2"
    assert "gone" in page
    site.api.answers["local_async.plugin_disks.run"] = Refusal("not granted", 401)
    page = site.post("/plugins/disks", {"minions": "web1"})
    assert page.status_code == 400
    assert "not begun: not granted" in page.text
    about = site.api.answers["runner.auth.about"]
    site.api.answers["runner.auth.about"] = lambda call: {
        **about(call),
        "may": {"plugin_services.show": True, "plugin_services.run": False},
    }
    assert "Your login may not run" in site.get("/plugins/services?tgt=web*").text


def test_results_have_the_worst_first_and_stay_text(site: ConsoleClient) -> None:
    data = {"action": "stop", "services": [{"name": HOSTILE, "done": False, "runs": True, "said": HOSTILE}]}
    job(site, {"db1": answer("ok", data), "web1": answer("error", data), "web2": HOSTILE})
    page = site.get(f"/plugins/services/jobs/{JID}").text
    assert page.index('data-minion="web1"') < page.index('data-minion="web2"') < page.index('data-minion="db1"')
    assert "<script>alert" not in page
    assert not {"\x1b", "\u202e"} & set(page)
    assert "3 of 3" in page
    assert re.search(r"web 2 <span class=\"state s-error\">error", page)
    assert "&quot;name&quot;: &quot;nginx&quot;" in page
    part = site.get(f"/plugins/services/jobs/{JID}?status=error", htmx=True).text
    assert part.startswith('<div id="summary"')
    assert 'data-minion="web1"' in part
    assert 'data-minion="db1"' not in part
    assert 'data-minion="db1"' not in site.get(f"/plugins/services/jobs/{JID}?group=web").text


def test_who_hasnt_answered_and_who_never_will(site: ConsoleClient) -> None:
    job(site, {"db1": answer("ok")}, Target=[*HOSTS, "gone"])
    site.api.answers["runner.jobs.active"] = {JID: {}}
    page = site.get(f"/plugins/services/jobs/{JID}").text
    assert 'data-running="1"' in page
    assert page.count('<p class="card result">') == 2
    assert "Not begun on 1 of the hosts that were shown: gone" in page
    site.api.answers["runner.jobs.active"] = {}
    site.api.answers["runner.manage.overview"] = overview(HOSTS, up=[True, False, True])
    site.console.fleet.forget(site.console.api("a" * 64))
    page = site.get(f"/plugins/services/jobs/{JID}").text
    assert 'data-running="0"' in page
    assert "it is away" in page
    assert "the job is over without it" in page


def test_an_answer_that_comes_while_the_page_is_made_is_on_it(site: ConsoleClient) -> None:
    def ends(call: Call) -> dict[str, Any]:
        job(site, dict.fromkeys(HOSTS, answer("ok")))
        return {}

    job(site, {"db1": answer("ok")})
    site.api.answers["runner.jobs.active"] = ends
    page = site.get(f"/plugins/services/jobs/{JID}").text
    assert "3 of 3" in page
    assert "over without it" not in page


def test_versions_modules_and_returns_that_dont_fit_are_said(site: ConsoleClient) -> None:
    missing = {"return": "'plugin_services.run' is not available.", "retcode": 1}
    job(site, {"db1": answer("ok", version="0.9"), "web1": missing, "web2": [1]})
    page = unescape(site.get(f"/plugins/services/jobs/{JID}").text)
    assert "The plugin here is 1.0; 1 host ran 0.9: db1." in page
    assert "the module plugin_services isn't on this minion" in page
    assert "doesn't keep to the interface of plugins" in page


def test_a_template_that_fails_costs_its_html_alone(site: ConsoleClient, tmp_path: Path) -> None:
    write(tmp_path, "mine", result_html="{{ data.size|in_bytes }} <p>fine</p>")
    job(site, {"db1": answer("ok", {"size": 1}), "web1": answer("ok", {"size": "x"})}, "plugin_mine.run")
    page = unescape(site.get(f"/plugins/mine/jobs/{JID}").text)
    assert "1 B <p>fine</p>" in page
    assert "result.html: ValueError: could not convert string to float: 'x'" in page
    assert '"size": "x"' in page


def test_a_form_that_fails_says_so_on_its_own_page(site: ConsoleClient, tmp_path: Path) -> None:
    source = (
        "from django import forms\nclass F(forms.Form):\n    x = forms.CharField()\n    def clean(self):\n"
        "        raise KeyError('odd')\nclass PluginForm(CompoundForm):\n    f = SubForm(F)\n"
    )
    write(tmp_path, "mine", forms_py=source)
    assert site.get("/plugins/mine").status_code == 200
    page = site.post("/plugins/mine", {"minions": "web1", "f-x": "1"})
    assert page.status_code == 400
    assert "forms.py: line 5: KeyError: &#x27;odd&#x27;" in page.text
    assert not site.api.called("local_async.plugin_mine.run")


def test_what_is_too_large_for_one_page_is_shown_alone(site: ConsoleClient) -> None:
    names = [f"web{number:02}" for number in range(80)]
    job(site, {name: answer("ok", ["x" * 70_000]) for name in names}, "plugin_disks.run", Minions=names)
    site.console.plugins._places = site.console.plugins._places[:1]  # no template: text
    write(Path(site.console.plugins._places[0].path), "disks")
    page = site.get(f"/plugins/disks/jobs/{JID}").text
    assert len(page) < 5_000_000
    assert page.count("too large to be shown among others") == 80 - 63
    alone = site.get(f"/plugins/disks/jobs/{JID}?minion=web79").text
    assert alone.count("data-minion=") == 1
    assert "x" * 60_000 in alone


def test_jobs_of_others_are_none_of_a_plugins(site: ConsoleClient) -> None:
    job(site, {}, "cmd.run")
    assert site.get(f"/plugins/services/jobs/{JID}").status_code == 404
    assert site.get("/plugins/services/jobs/1").status_code == 404
    assert site.get("/plugins/services?again=1").status_code == 200


def test_once_more_begins_with_what_it_had(site: ConsoleClient) -> None:
    job(site, {})
    page = site.get(f"/plugins/services?again={JID}").text
    assert '<option value="stop" selected>' in page
    assert 'name="services-0-name" value="nginx"' in page
    assert site.api.called("runner.manage.resolve")[-1].arg == ["db1,web1,web2"]


def test_an_administrator_configures_it(site: ConsoleClient) -> None:
    page = site.get("/plugins/disks/settings").text
    assert 'name="warning" value="85"' in page
    saved = site.post("/plugins/disks/settings", {"warning": "70", "error": "95"})
    assert saved.headers["location"] == "/plugins/disks"
    site.post("/plugins/disks", {"minions": "web1"})
    assert site.api.called("local_async.plugin_disks.run")[0].kwarg["configuration"] == {"warning": 70, "error": 95}
    assert "warning: 70" in site.get("/plugins/disks").text  # the lines for the schedule
    assert site.post("/plugins/disks/settings", {"warning": "x", "error": "95"}).status_code == 400
    site.post("/plugins/disks/settings", {"do": "own"})
    assert 'name="warning" value="85"' in site.get("/plugins/disks/settings").text
    site.login("bob")
    assert site.get("/plugins/disks/settings").status_code == 403
    assert site.post("/plugins/disks/settings", {"warning": "1", "error": "2"}).status_code == 403


def test_plugins_of_the_master_are_taken_over_when_told(site: ConsoleClient) -> None:
    files = {
        "_plugins/mine/meta.yaml": "title: Of the master",
        "_plugins/mine/result.html": "x",
        "_plugins/mine/plugin_mine.py": "raise SystemError",
        "_plugins/odd/forms.py": "no meta, no plugin",
        "_plugins/../x/meta.yaml": "no",
        "_plugins/Bad/meta.yaml": "no",
        "_modules/x.py": "",
    }

    def read(call: Call) -> Any:
        return files.get(call.arg[0]) or Refusal("no such file")

    site.api.answers["runner.fileserver.file_list"] = sorted(files)
    site.api.answers["runner.fileserver.read"] = read
    assert site.post("/plugins").headers["location"] == "/plugins?taken=1"
    kept = Path(site.options["state_dir"]) / "plugins"
    assert sorted(str(path.relative_to(kept)) for path in kept.rglob("*.*")) == ["mine/meta.yaml", "mine/result.html"]
    site.api.answers["runner.fileserver.file_list"] = []
    site.post("/plugins")
    assert list(kept.iterdir()) == []
    site.api.answers["runner.fileserver.file_list"] = Refusal("nothing is served")
    failed = site.post("/plugins")
    assert failed.status_code == 400
    assert "nothing is served" in failed.text
    site.login("bob")
    assert site.post("/plugins").status_code == 403


def test_pages_of_many_hosts(site: ConsoleClient) -> None:
    names = [f"web{number:05}" for number in range(5000)]
    site.api.answers["runner.manage.overview"] = overview(names, groups={"web": list(range(5000))})
    site.api.answers["runner.manage.resolve"] = {"minions": names, "unknown": [], "problem": ""}
    job(
        site,
        {name: answer("ok", {"installed": 3}) for name in names},
        "plugin_services.show",
        Minions=names,
        Target=names,
    )
    page = site.get(f"/plugins/services/jobs/{JID}?page=2").text
    assert "Page 2 of 50" in page
    assert page.count("data-minion=") == 100
    assert "<details" in page
    assert site.get("/plugins/services?tgt=*").text.count('class="badge"') < 5100
    sent = site.post("/plugins/disks", {"minions": ",".join(names)})
    assert sent.status_code == 302
    assert len(site.api.called("local_async.plugin_disks.run")[0].chunk["tgt"]) == 5000
