"""What the sockets answer for an error: one line, whatever the error quotes."""

from __future__ import annotations

from saltern.errors import MAX_ANSWERED, FunctionNotFound, answer_of, error_of


def test_an_answer_is_one_line_and_steers_no_terminal() -> None:
    answer = answer_of(FunctionNotFound("'a\nb\x1b[2J\u202e\ud800' is not there", path="/x"))
    assert answer == {
        "error": "'a\\nb\\x1b[2J\\u202e\\ud800' is not there",
        "code": "no_function",
        "fields": {"path": "/x"},
    }
    assert isinstance(error_of(answer), FunctionNotFound)


def test_an_answer_is_not_long() -> None:
    assert len(answer_of(FunctionNotFound("x" * 10_000_000))["error"]) == MAX_ANSWERED
