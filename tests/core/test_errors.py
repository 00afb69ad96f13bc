"""The one error tree: as it is drawn, one code each, and the same on both sides of a socket."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern import errors
from saltern.errors import (
    CODES,
    FIELDS,
    MAX_ANSWERED,
    ChannelError,
    ConfigError,
    FunctionNotFound,
    JournalError,
    KeyStoreError,
    RequestTimeout,
    SalternError,
    about,
    answer_of,
    error_of,
    exit_code,
    http_status,
    os_errors,
)
from saltern.visible import visible


def tree(kind: type[SalternError] = SalternError, depth: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the classes of ``errors.py``, depth first in their order, with how deep they are."""
    yield depth, kind.__name__
    for inner in kind.__subclasses__():
        if inner.__module__ == errors.__name__:
            yield from tree(inner, depth + 1)


KINDS = [getattr(errors, name) for _, name in tree()]
some_text = st.text(max_size=50)


def test_the_tree_is_as_it_is_drawn() -> None:
    assert errors.__doc__
    drawing = errors.__doc__.split("::\n", 1)[1].split("Every message", 1)[0]
    drawn = [
        (len(match[1]) // 4, match[2]) for match in re.finditer(r"^    ((?:[│ ]   |[├└]── )*)(\w+)\b", drawing, re.M)
    ]
    assert drawn == list(tree())


def test_every_error_has_a_code_of_its_own_and_every_code_is_an_errors() -> None:
    codes = [kind.__dict__["code"] for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert set(codes) == set(CODES)


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_error_is_elsewhere(kind: type[SalternError]) -> None:
    assert 0 < exit_code(kind()) < 128  # a shell's 128 and above are signals
    assert 400 <= http_status(kind()) < 600


def test_an_error_of_another_file_is_what_its_base_is() -> None:
    class Closer(ConfigError):
        pass

    assert exit_code(Closer()) == 78
    assert type(error_of(answer_of(Closer("x")))) is ConfigError


@given(
    kind=st.sampled_from(KINDS),
    text=some_text,
    fields=st.fixed_dictionaries(
        {},
        optional={"path": some_text, "minion": some_text, "jid": some_text, "position": st.integers(0, 2**53)},
    ),
)
def test_an_error_goes_over_a_socket_whole(kind: type[SalternError], text: str, fields: dict[str, str | int]) -> None:
    error = error_of(answer_of(kind(text, **fields)))  # type: ignore[arg-type]  # one by one they are of their types
    assert (type(error), str(error), error.fields()) == (kind, visible(text), fields)


def test_an_answer_is_one_line_and_steers_no_terminal() -> None:
    answer = answer_of(FunctionNotFound("'a\nb\x1b[2J\u202e\ud800' is not there", path="/x"))
    assert answer == {
        "error": "'a\\nb\\x1b[2J\\u202e\\ud800' is not there",
        "code": "no_function",
        "fields": {"path": "/x"},
    }
    assert isinstance(error_of(answer), FunctionNotFound)


def test_an_answer_is_not_long() -> None:
    answer = answer_of(FunctionNotFound("x" * 10_000_000, path="y" * 10_000_000))
    assert (len(answer["error"]), len(answer["fields"]["path"])) == (MAX_ANSWERED, MAX_ANSWERED)


@given(
    st.dictionaries(
        st.sampled_from(["error", "code", "fields", "x"]),
        st.none() | some_text | st.integers() | st.dictionaries(some_text | st.sampled_from(FIELDS), some_text),
    )
)
def test_any_answer_is_an_error(answer: dict[str, object]) -> None:
    assert isinstance(error_of(answer), SalternError)


def test_an_unknown_code_is_the_channels() -> None:
    assert type(error_of({"error": "x", "code": "of a later version"})) is ChannelError


def test_the_fields_are_those_that_the_constructor_takes() -> None:
    assert set(FIELDS) == set(get_type_hints(SalternError.__init__)) - {"message", "return"}


def test_a_system_error_becomes_one_line_with_its_path() -> None:
    with pytest.raises(JournalError) as caught, os_errors(JournalError, "/spool", "can't be written"):
        raise OSError(errno.ENOSPC, "No space left on device", "/elsewhere")
    assert str(caught.value) == "/spool: can't be written: No space left on device"
    assert caught.value.fields() == {"path": "/spool"}
    assert caught.value.__suppress_context__


def test_a_system_error_without_a_text_is_told_by_what_it_has() -> None:
    with pytest.raises(JournalError) as caught, os_errors(JournalError, "/spool", "can't be written"):
        raise OSError("only this")
    assert str(caught.value) == "/spool: can't be written: only this"


def test_what_users_know_a_file_by() -> None:
    mapped = os_errors(KeyStoreError, "/pki/web", "its key can't be moved", called="web", minion="web")
    with pytest.raises(KeyStoreError) as caught, mapped:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")
    assert str(caught.value) == "web: its key can't be moved: No such file or directory"
    assert caught.value.fields() == {"path": "/pki/web", "minion": "web"}


@pytest.mark.parametrize("error", [RequestTimeout("no answer"), ConfigError("bad"), ValueError("other")])
def test_what_is_no_system_error_passes_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, os_errors(JournalError, "/spool", "can't be written"):
        raise error
    assert caught.value is error


def test_nothing_happens_when_nothing_fails() -> None:
    with os_errors(JournalError, "/spool", "can't be written"), about(path="/x"):
        done = True
    assert done


def test_where_an_error_arose_is_filled_in_and_nothing_replaced() -> None:
    with pytest.raises(ConfigError) as caught, about(path="/outer", minion="web"), about(path="/inner"):
        raise ConfigError("bad", position=3)
    assert caught.value.fields() == {"path": "/inner", "minion": "web", "position": 3}
