"""Jobs as they are asked for."""

from __future__ import annotations

import pytest

from saltern.errors import ArgumentError
from saltern_master.jobs.request import MAX_FUNCTIONS, MAX_NAME_CHARS, functions_of
from saltern_master.shape import RETURN


@pytest.mark.parametrize("fun", [None, 5, "", [], [None], ["test.ping", ""], [["test.ping"]], {"test.ping": 1}])
def test_a_job_has_a_function(fun: object) -> None:
    with pytest.raises(ArgumentError, match="a job needs a function"):
        functions_of({"fun": fun})


@pytest.mark.parametrize("name", ["x" * (MAX_NAME_CHARS + 1), "test.ping\n", "test.\x1b[2J", "\ud800", "a\u202eb"])
def test_a_name_that_no_function_has_is_refused(name: str) -> None:
    for fun in (name, ["test.ping", name]):
        with pytest.raises(ArgumentError, match="is no function: a name has at most"):
            functions_of({"fun": fun})


def test_a_job_has_a_bounded_number_of_functions() -> None:
    """Each is held against every grant while the event loop waits."""
    assert len(functions_of({"fun": ["test.ping"] * MAX_FUNCTIONS})) == MAX_FUNCTIONS
    with pytest.raises(ArgumentError, match="at most 100 functions, not 1,000,000"):
        functions_of({"fun": ["test.ping"] * 1_000_000})


def test_whatever_may_be_asked_may_be_answered() -> None:
    fun = ["x" * MAX_NAME_CHARS] * MAX_FUNCTIONS
    assert functions_of({"fun": fun}) == fun
    assert RETURN.checked({"jid": "2" * 20, "fun": fun, "return": {}})["fun"] == fun
