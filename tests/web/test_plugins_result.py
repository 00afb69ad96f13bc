"""What minions return to plugins, and what they return instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_web.plugins.call import Order, read_job, seal, unseal
from saltern_web.plugins.meta import Meta
from saltern_web.plugins.names import PluginFault
from saltern_web.plugins.result import ORDER, STATUSES, plain, read_result, versions_apart, worst

pytestmark = pytest.mark.usefixtures("console_site")


def test_the_interface() -> None:
    value = {"status": "warning", "level": 1, "data": {"a": 1}, "version": "1.0"}
    found = read_result("web1", {"return": value, "retcode": 0, "success": True}, "x")
    assert (found.status, found.data, found.version, found.said) == ("warning", {"a": 1}, "1.0", "")
    assert found.whole == value
    assert read_result("web1", {"return": {"status": "ok"}}, "x").data is None


@pytest.mark.parametrize(
    ("told", "status", "said"),
    [
        ({"return": "'plugin_x.run' is not available.", "retcode": 1}, "error", "isn't on this minion: sync it"),
        ({"return": "ArgumentError: no", "retcode": 1, "success": False}, "error", "ArgumentError: no"),
        ({"return": True, "retcode": 0}, "unknown", "doesn't keep to the interface"),
        ({"return": None}, "unknown", "doesn't keep to the interface"),
        ({"return": {"status": "fine"}}, "unknown", "its status is 'fine': it must be one of error, ok"),
        ({"return": {"status": ["ok"]}}, "unknown", "its status is"),
        ({"return": {"data": 1}, "retcode": 2}, "error", "doesn't keep to the interface"),
        ({}, "unknown", "doesn't keep to the interface"),
    ],
)
def test_what_isnt_the_interface_is_never_ok(told: dict[str, Any], status: str, said: str) -> None:
    found = read_result("web1", told, "x")
    assert found.status == status
    assert said in found.said


PLAIN = st.none() | st.booleans() | st.text(max_size=5) | st.integers()
KEYS = st.sampled_from(["status", "data", "version", "x"])


@settings(max_examples=100, deadline=None)
@given(st.recursive(PLAIN, lambda one: st.lists(one, max_size=3) | st.dictionaries(KEYS, one, max_size=3)))
def test_any_return_at_all_is_read(value: Any) -> None:
    found = read_result("web1", {"return": value, "retcode": 0}, "x")
    assert found.status in STATUSES
    assert found.text


def test_what_steers_and_what_is_too_deep() -> None:
    assert plain({"a\x1b": ["\u202eb", 1, None]}) == {"a\\x1b": ["\\u202eb", 1, None]}
    assert plain("two\nlines\t") == "two\nlines\t"
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    assert "…" in str(plain(deep))
    assert read_result("w", {"return": {"status": "ok", "data": "x" * 100_000}}, "x").text.endswith("more characters")


def test_the_worst() -> None:
    assert worst(["ok", "warning", "unknown"]) == "warning"
    assert worst(["ok", "unknown"]) == "unknown"
    assert worst([]) == "unknown"
    assert set(STATUSES) < set(ORDER)


def test_versions_that_differ() -> None:
    results = [read_result(name, {"return": {"status": "ok", "version": v}}, "x") for name, v in (("a", 1), ("b", "2"))]
    assert versions_apart(results, "2") == {"1": ["a"]}
    assert versions_apart(results, "") == {}


def test_an_order_comes_back_whole_or_not_at_all() -> None:
    order = Order("services", {"a": [1]})
    text = seal(order)
    assert unseal(text, "services") == order
    for other in (text[:-1] + ("A" if text[-1] != "A" else "B"), "", "x:y:z"):
        with pytest.raises(PluginFault, match="fill the form in again"):
            unseal(other, "services")
    with pytest.raises(PluginFault, match="another plugin's"):
        unseal(text, "users")


def test_jobs_as_the_master_tells_of_them() -> None:
    told = {
        "Function": "plugin_x.run",
        "Arguments": [{"parameters": '{"a": 1}', "version": "1.0", "__kwarg__": True}],
        "Target": ["a", "b"],
        "Minions": ["a"],
        "User": "anna",
        "Result": {"a": {"return": 1, "retcode": 0}, "b": "odd"},
    }
    job = read_job(told, "x", 5.0)
    assert job is not None
    assert (job.function, job.parameters, job.asked, job.minions) == ("run", {"a": 1}, ["a", "b"], ["a"])
    assert list(job.returns) == ["a"]
    assert read_job(told, "y", None) is None
    assert read_job({"jid": "1", "Error": "no such job", "Result": {}}, "x", None) is None
    hidden = read_job({**told, "Arguments": "***", "Target": "***"}, "x", None)
    assert hidden is not None
    assert (hidden.parameters, hidden.asked) == (None, [])


def test_a_configuration_follows_the_plugin_but_for_what_was_set() -> None:
    from saltern_web.plugins.configuration import configuration_form, overlaid  # the tables need Django's settings

    own = {"most": 5, "ratio": 0.5, "on": True, "words": ["a"], "text": "x", "nothing": None}
    kept = {"most": 7, "ratio": 1, "on": 1, "words": "b", "text": "y", "gone": 3}
    assert overlaid(own, kept) == {**own, "most": 7, "ratio": 1, "text": "y"}
    form = configuration_form(Meta("x", configuration=own))({
        "most": "8", "ratio": "0.25", "words": '["b"]', "text": "", "nothing": "n",
    })  # fmt: skip
    assert form.is_valid(), form.errors
    assert form.cleaned_data == {"most": 8, "ratio": 0.25, "on": False, "words": ["b"], "text": "", "nothing": "n"}
    form = configuration_form(Meta("x", configuration=own))({"most": "many", "ratio": "1", "words": "{}"})
    assert sorted(form.errors) == ["most", "words"]
