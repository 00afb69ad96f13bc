"""Answers of the API that are too large to be held: they are let go of, and said to be."""

from __future__ import annotations

import pytest

from saltern_web.api import client
from saltern_web.api.errors import Refused
from support.console import TOKEN, ConsoleClient


@pytest.fixture(autouse=True)
def _logged_in(console: ConsoleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    console.login()
    console.get("/preferences")  # who it is is known from now on
    monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 1000)


def test_an_answer_within_the_bound_is_told(console: ConsoleClient) -> None:
    console.api.answers["runner.jobs.list_job"] = "a" * 900
    assert console.run(console.console.api(TOKEN).runner("jobs.list_job")) == "a" * 900


def test_an_answer_that_no_page_can_hold_is_refused(console: ConsoleClient) -> None:
    console.api.answers["runner.jobs.list_job"] = "a" * 1001
    with pytest.raises(Refused, match="ask for less"):
        console.run(console.console.api(TOKEN).runner("jobs.list_job"))


def test_charts_ask_for_less_too(console: ConsoleClient) -> None:
    console.api.answers["POST /render"] = [{"target": "a" * 1001, "datapoints": []}]
    answer = console.get("/metrics/render?target=a", headers={"Accept": "application/json"})
    assert (answer.status_code, "ask for less" in answer.text) == (400, True)


def test_fields_of_a_question_to_the_store_are_passed_on_in_their_order(console: ConsoleClient) -> None:
    console.api.answers["POST /render"] = []
    console.get("/metrics/render?target=a&from=-1h&target=b&format=png")
    assert console.api.called("POST /render")[0].kwarg == {"target": ["a", "b"], "from": ["-1h"], "format": ["json"]}
