"""What hooks are in the configuration, which events they are for, and what these become."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.config import master_config
from saltern.errors import ConfigError
from saltern.secret import Secret
from saltern_master.annotations.places import Places
from saltern_master.bus import MASTER, Event, EventBus
from saltern_master.webhooks.choice import Choice
from saltern_master.webhooks.engine import WebhookEngine
from saltern_master.webhooks.forms.form import MAX_BODY_BYTES, FormError
from saltern_master.webhooks.forms.pagerduty import dedup_key
from saltern_master.webhooks.hook import MAX_HOOKS, Hook, hooks_of
from saltern_master.webhooks.signature import signature

PLACES = Places("saltern.[minion_id].[module]", lambda: ["web01"])
ROUTE = {"form": "pagerduty", "routing_key": Secret("R0"), "events": ["alerts"]}


def hook(**given: Any) -> Hook:
    return hooks_of({"a": {"url": "https://h.example/x", "events": ["*"], **given}}, lambda: PLACES)["a"]


def event(tag: str, data: dict[str, Any] | None = None, origin: str = MASTER, **more: Any) -> Event:
    return Event(tag, {**(data or {}), **more, "from": origin, "_stamp": "2026-01-31T12:00:00.000000+00:00"})


def alert(state: str = "crit", **more: Any) -> Event:
    data = {"name": "cpu", "series": "saltern.web01.stats.cpu", "state": state, "value": 97.0, "threshold": "> 90"}
    return event(f"salt/alert/cpu/{state}", {**data, **more})


def body(made: Hook, one: Event) -> Any:
    return json.loads(made.form.body(one))


# configuration


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("x", "webhooks: a: must be a map with url and events"),
        ({"url": "ftp://u:sesame@h/"}, "webhooks: a: events: must be a list of alerts, jobs, presence, keys and globs"),
        ({"events": ["alerts"]}, "webhooks: a: url must be like 'https://hooks.example/services/…'"),
        ({"url": "ftp://h/sesame", "events": ["alerts"]}, "webhooks: a: url must be like"),
        ({"url": "https://h/ses\r\name", "events": ["alerts"]}, "webhooks: a: url must be like"),
        ({"url": Secret("sesame"), "events": ["alerts"]}, "webhooks: a: url must be like"),
        ({"url": "http://h/", "events": []}, "events: must be a list"),
        ({"url": "http://h/", "events": ["alarms"]}, "events: 'alarms' is no kind of events: did you mean 'alerts'?"),
        ({"url": "http://h/", "events": ["x" * 256]}, "events: is too long"),
        ({"url": "http://h/", "events": ["*"], "form": "teams"}, "form must be one of json, pagerduty, slack"),
        ({"url": "http://h/", "events": ["*"], "secret": "x"}, "'secret' is not an option"),
        ({"url": "http://h/", "events": ["*"], "retrys": 1}, "'retrys' is not an option: did you mean 'retries'?"),
        ({"url": "http://h/", "events": ["*"], "severity": "info"}, "severity means nothing for form json"),
        (
            {"url": "http://h/", "events": ["*"], "form": "slack", "template": "x"},
            "template means nothing for form slack",
        ),
        ({"url": "http://h/", "events": ["*"], "timeout": 0}, "timeout must be a number between 0.1 and 120"),
        ({"url": "http://h/", "events": ["*"], "retries": True}, "retries must be a number between 0 and 100"),
        ({"url": "http://h/", "events": ["*"], "sign_token": "short"}, "sign_token must have 8 to 1,000 characters"),
        ({"url": "http://h/", "events": ["*"], "sign_token": 12345678}, "sign_token must be text: write it in quotes"),
        ({"url": "http://h/", "events": ["*"], "headers": {"Host": "x"}}, "headers: Host is set by Saltern"),
        ({"url": "http://h/", "events": ["*"], "headers": {"X-Saltern-Signature": "x"}}, "is set by Saltern"),
        ({"url": "http://h/", "events": ["*"], "headers": {"A b": "x"}}, "'A b' is no name of a header"),
        (
            {"url": "http://h/", "events": ["*"], "headers": {"A": "sesame\r\nB: x"}},
            "A must be of ASCII characters, in one",
        ),
        ({"url": "http://u:p@h/", "events": ["*"], "headers": {"authorization": "x"}}, "give one of the two"),
        ({"url": "http://h/", "events": ["*"], "enabled": "no"}, "enabled must be true or false"),
        ({"url": "http://h/", "events": ["*"], "template": {"a": "{{ x"}}, "template: unexpected end of template"),
        ({"url": "http://h/", "events": ["*"], "template": "a", "text": "b"}, "has a template and a text"),
        (
            {"url": "http://h/", "events": ["*"], "form": "pagerduty"},
            "events must be alerts, or globs below salt/alert/",
        ),
        ({"form": "pagerduty", "events": ["alerts"]}, "routing_key must be the integration's key"),
        ({**ROUTE, "severity": "bad"}, "severity must be one of critical, error, warning, info, not 'bad'"),
        ({**ROUTE, "severity": {"ok": "info"}}, "severity must be one of"),
    ],
)
def test_what_is_wrong_is_one_clear_line_without_secrets(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=r"^webhooks: a:? ?") as caught:
        hooks_of({"a": given}, lambda: PLACES)
    assert message in str(caught.value)
    assert not re.search("sesame|\n", str(caught.value))


def test_names_and_numbers_of_hooks_are_bounded() -> None:
    one = {"url": "http://h/", "events": ["*"]}
    with pytest.raises(ConfigError, match=r"webhooks: 'a\.b' is no name"):
        hooks_of({"a.b": one}, lambda: PLACES)
    with pytest.raises(ConfigError, match=f"webhooks: there are {MAX_HOOKS + 1}: {MAX_HOOKS} at most"):
        hooks_of({f"a{number}": one for number in range(MAX_HOOKS + 1)}, lambda: PLACES)
    assert hooks_of({"a": {**one, "enabled": False}}, lambda: PLACES) == {}


def test_a_file_has_its_secrets_marked_and_the_hook_shows_none(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(
        """
webhooks:
  ops: {url: !secret "https://hooks.example:8443/services/sesame?key=open", form: slack, events: [alerts]}
  ci:
    url: https://fred:sesame@ci.example/
    events: ["salt/job/*/ret/*"]
    sign_token: !secret sesame-sesame
    headers: {X-Key: !secret sesame}
"""
    )
    hooks = hooks_of(master_config(tmp_path)["webhooks"], lambda: PLACES)
    assert [str(one) for one in hooks.values()] == ["ops (https://hooks.example:8443)", "ci (https://ci.example)"]
    assert "sesame" not in repr(hooks)
    assert hooks["ci"].headers == {"X-Key": "sesame"}


def test_a_hook_that_is_wrong_keeps_a_master_from_starting(tmp_path: Path) -> None:
    (tmp_path / "master").write_text("webhooks: {ops: {url: 'https://h/', events: [alert]}}\n")
    with pytest.raises(ConfigError, match="webhooks: ops: events: 'alert' is no kind"):
        WebhookEngine(master_config(tmp_path), EventBus(10), list)


# which events


@pytest.mark.parametrize(
    ("wanted", "tag", "data", "is_wanted"),
    [
        ("alerts", "salt/alert/cpu/crit", {}, True),
        ("alerts", "salt/job/1/new", {}, False),
        ("jobs", "salt/job/1/new", {"fun": "test.ping"}, True),
        ("jobs", "salt/job/1/done", {"fun": ["test.ping", "cmd.run"]}, True),
        ("jobs", "salt/job/1/new", {"fun": "saltutil.find_job"}, False),
        ("jobs", "salt/job/1/ret/web1", {"fun": "test.ping"}, False),
        ("jobs", "salt/job/1/publish", {"fun": "test.ping"}, False),
        ("presence", "salt/presence/change", {}, True),
        ("presence", "salt/presence/present", {}, False),
        ("keys", "salt/key", {}, True),
        ("keys", "salt/auth", {}, True),
        ("alerts", "salt/alert/cpu/crit", {"silenced": True}, False),
        ("salt/alert/*", "salt/alert/cpu/crit", {"silenced": True}, False),
        ("salt/alert/*", "salt/alert/cpu/crit", {"silenced": False}, True),
        ("salt/job/*/ret/web*", "salt/job/1/ret/web1", {}, True),
        ("salt/job/*/ret/web*", "salt/job/1/ret/db1", {}, False),
        ("salt/job/*/ret/web*", "x/salt/job/1/ret/web1", {}, False),
        ("salt/minion/?1/[st]*", "salt/minion/a1/start", {}, True),
    ],
)
def test_events_are_chosen_by_kind_and_by_glob(wanted: str, tag: str, data: dict[str, Any], is_wanted: bool) -> None:
    assert Choice([wanted], "x").wants(event(tag, data)) is is_wanted


def test_what_others_fire_under_the_masters_tags_is_of_no_kind() -> None:
    for origin in ("user:fred", "minion:web1"):
        assert not Choice(["alerts", "keys"], "x").wants(event("salt/alert/cpu/crit", origin=origin))
        assert Choice(["salt/alert/*"], "x").wants(event("salt/alert/cpu/crit", origin=origin))


# forms


def test_a_chat_is_told_in_words_and_nobody_is_called_by_what_a_host_says() -> None:
    made = hook(form="slack")
    assert body(made, alert()) == {"text": "cpu is CRITICAL on web01 (97 &gt; 90)"}
    assert body(made, alert("ok", message="see the wiki"))["text"] == "cpu is OK on web01 (97)\nsee the wiki"
    assert body(made, alert(message="<!channel> & \x1b[2J\u202e"))["text"].endswith(
        "\n&lt;!channel&gt; &amp; \\x1b[2J\\u202e"
    )
    assert body(made, event("salt/job/1/new", fun="test.ping", minions=["a", "b"], user="root"))["text"] == (
        "test.ping on 2 minions by root"
    )
    assert body(made, event("salt/presence/change", new=["a"], lost=["b"]))["text"] == "a is connected\nb is gone"
    assert body(made, event("salt/key", act="accept", id="web1"))["text"] == "key of web1: accept"
    told = body(made, event("my/tag", password=Secret("sesame"), n=1))["text"]
    assert told == 'my/tag: {"password": "***", "n": 1, "from": "master"}'
    many = body(made, event("salt/presence/change", new=[f"web{n}" for n in range(1000)], lost=[]))["text"]
    assert many.split("\n")[-1] == "and 981 more"
    assert len(body(made, event("my/tag", x="y" * 10_000))["text"]) == 2000


def test_a_chat_may_have_words_of_its_own() -> None:
    made = hook(form="slack", text="{{ data.name }} <b> {{ text }} {{ hook }} {{ tag }}")
    assert body(made, alert())["text"] == "cpu &lt;b&gt; cpu is CRITICAL on web01 (97 &gt; 90) a salt/alert/cpu/crit"


def test_a_pager_is_triggered_and_resolved_under_one_key() -> None:
    made = hook(**ROUTE, url="https://h/")
    told = body(made, alert())
    assert told["routing_key"] == "R0"
    assert (told["event_action"], told["payload"]["severity"]) == ("trigger", "critical")
    assert told["payload"]["summary"] == "cpu is CRITICAL on web01 (97 > 90)"
    assert told["payload"]["source"] == "web01"
    assert told["payload"]["timestamp"] == "2026-01-31T12:00:00.000000+00:00"
    assert told["payload"]["custom_details"]["value"] == 97.0
    resolved = body(made, alert("ok"))
    assert resolved == {"routing_key": "R0", "event_action": "resolve", "dedup_key": told["dedup_key"]}
    assert body(made, alert("warn"))["payload"]["severity"] == "warning"
    assert body(made, alert("nodata", value=None))["payload"]["severity"] == "error"
    own = hook(**{**ROUTE, "severity": {"warn": "info"}})
    assert [body(own, alert(state))["payload"]["severity"] for state in ("warn", "crit")] == ["info", "critical"]
    assert body(hook(**{**ROUTE, "severity": "info"}), alert())["payload"]["severity"] == "info"
    with pytest.raises(FormError, match="it is no alert"):
        made.form.body(event("salt/alert/x/y"))


def test_an_incident_has_a_key_that_pagers_take() -> None:
    assert dedup_key("cpu", "a.b") == "saltern/cpu/a.b"
    long = {dedup_key("cpu", f"{'x' * 300}{number}") for number in range(3)} | {dedup_key("ü", "x")}
    assert len(long) == 4
    assert all(len(key) <= 255 and key.isascii() for key in long)


def test_a_pager_has_a_url_of_its_own() -> None:
    made = hooks_of({"a": ROUTE}, lambda: PLACES)["a"]
    assert made.end.url == "https://events.pagerduty.com/v2/enqueue"


def test_a_program_gets_the_event_or_what_a_template_makes_of_it() -> None:
    ret = event("salt/job/1/ret/web1", {"id": "web1", "return": {"a": [1, b"\xff", Secret("sesame")]}})
    assert body(hook(), ret) == {"tag": ret.tag, "data": {**ret.data, "return": {"a": [1, "\\xff", "***"]}}}
    template = {
        "who": "{{ data.id }}",
        "n": 5,
        "l": ["{{ data['return'].a[0] + 1 }}", None],
        "s": "{{ data['return'].a[2] }}",
    }
    assert body(hook(template=template), ret) == {"who": "web1", "n": 5, "l": ["2", None], "s": "***"}
    text = hook(text="{{ tag }}: {{ data.id }}\n")
    assert (text.form.body(ret), text.form.content_type) == (
        b"salt/job/1/ret/web1: web1\n",
        "text/plain; charset=utf-8",
    )


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ data.nothing.there }}", "Jinja variable 'dict object' has no attribute 'nothing'"),
        ("{{ data.__class__.__mro__ }}", "unsafe|has no attribute"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}", "more than 1000000 steps"),
        ("{{ 'x' * 20000000 }}", "comes to more than"),
        ("{{ 'x' * 2000000 }}", "its body is over 1,048,576 bytes"),
        ("{{ raise('no') }}", "no"),
    ],
)
def test_a_template_that_fails_is_an_error_of_one_kind(template: str, message: str) -> None:
    with pytest.raises(FormError, match=message):
        hook(text=template).form.body(event("x"))


def test_a_template_can_not_change_what_others_get() -> None:
    shared = event("x", list=[1])
    assert (
        hook(text="{% do data.list.append(2) %}{% do data.update({'y': 1}) %}{{ data.list }}").form.body(shared)
        == b"[1, 2]"
    )
    assert shared.data["list"] == [1]
    assert "y" not in shared.data


def test_a_body_is_bounded() -> None:
    with pytest.raises(FormError, match="over 1,048,576 bytes"):
        hook().form.body(event("x", x="y" * MAX_BODY_BYTES))
    large = Event("x", {"x": math.pi}, 5 * MAX_BODY_BYTES)
    with pytest.raises(FormError, match="over 1,048,576 bytes"):
        hook().form.body(large)


def test_a_signature_is_of_the_time_and_the_body() -> None:
    # echo -n '1700000000.{}' | openssl dgst -sha256 -hmac sesame-sesame
    known = "t=1700000000,v1=6ddb866b651ddddf8f6abbe711d225a4c2fb8f1e5795b2f105aae4fe6004eac5"
    assert signature("sesame-sesame", b"{}", 1700000000) == known
    assert len({signature(t, b, a) for t, b, a in [("x", b"", 1), ("y", b"", 1), ("x", b"1", 1), ("x", b"", 2)]}) == 4


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.binary() | st.integers(), inner),
    max_leaves=12,
)
KEYS = [
    "name",
    "state",
    "series",
    "value",
    "threshold",
    "when",
    "_stamp",
    "fun",
    "minions",
    "new",
    "lost",
    "act",
    "message",
]
TAGS = ["salt/alert/x/crit", "salt/job/1/new", "salt/job/1/ret/a", "salt/presence/change", "salt/key", "x"]


@given(tag=st.sampled_from(TAGS), data=st.dictionaries(st.sampled_from(KEYS) | st.text(), ANY, max_size=8))
def test_whatever_a_program_fires_becomes_json_or_a_form_error(tag: str, data: dict[str, Any]) -> None:
    for made in HOOKS:
        made.choice.wants(Event(tag, data))
        try:
            json.loads(made.form.body(Event(tag, data)))
        except FormError:
            assert made.form.__class__.__name__ == "PagerDuty"


HOOKS = [hook(), hook(form="slack"), hook(**ROUTE), hook(template={"x": "{{ data }}", "y": "{{ text }}"})]
