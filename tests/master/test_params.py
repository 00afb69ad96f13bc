"""What a command takes: bound by name and place, typed, checked; and whatever is sent, one clear error."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, IdError
from saltern.ids import check_jid
from saltern.key_functions import KeyFunctions
from saltern.keystore import KeyStore
from saltern.secret import Secret
from saltern_master.auth.need import Need
from saltern_master.commands.params import Param, bind, params_of
from saltern_master.commands.registry import Command, command
from saltern_master.commands.table import command_table


def handler(
    context: Any,
    name: str,
    count: int = 1,
    share: float | None = None,
    deep: bool = False,
    tags: list[str] | None = None,
    extra: dict[str, Any] | None = None,
    jid: Annotated[str | None, check_jid] = None,
    anything: Any = None,
    raw: bytes = b"",
) -> None:
    """Do nothing."""


PARAMS = params_of(handler)
JID = "20260131120000123456"


@pytest.mark.parametrize(
    ("args", "kwargs", "wanted"),
    [
        (["x"], {}, {}),
        ([], {"name": "x"}, {}),
        (["x", 2, 0.5, True, ["a"], {"b": 1}, JID, 5, b"r"], {}, {"count": 2, "jid": JID}),
        (["x"], {"share": 1}, {"share": 1.0}),
        ([815], {}, {"name": "815"}),
        (["x"], {"share": None, "jid": None}, {"share": None, "jid": None}),
    ],
)
def test_what_fits(args: list[Any], kwargs: dict[str, Any], wanted: dict[str, Any]) -> None:
    bound = bind(PARAMS, args, kwargs)
    assert list(bound) == [param.name for param in PARAMS]
    assert {**bound, **wanted} == bound
    assert type(bound["share"]) in (float, type(None))


@pytest.mark.parametrize(
    ("args", "kwargs", "fault"),
    [
        ([], {}, "missing a required argument: 'name'"),
        (["x"] * 10, {}, "takes 9 arguments at most, 10 were given"),
        (["x"], {"name": "y"}, "multiple values for argument 'name'"),
        (["x"], {"nme": "y"}, "got an unexpected keyword argument 'nme'"),
        ([None], {}, "name must be text, not None"),
        ([True], {}, "name must be text, not True"),
        (["x", True], {}, "count must be a whole number, not True"),
        (["x", 1.0], {}, "count must be a whole number, not 1.0"),
        (["x"], {"share": "1"}, "share must be a number, not '1'"),
        (["x"], {"share": 10**400}, "share is too large"),
        (["x"], {"share": math.nan}, "share must be a finite number, not nan"),
        (["x"], {"share": -math.inf}, "share must be a finite number, not -inf"),
        (["x", [0] * 1_000_000], {}, "count must be a whole number, not [0, 0, 0, 0, …]"),
        (["x"], {"deep": 1}, "deep must be true or false, not 1"),
        (["x"], {"tags": {"a": 1}}, "tags must be a list, not {'a': 1}"),
        (["x"], {"extra": []}, "extra must be a map, not []"),
        (["x"], {"raw": "r"}, "raw must be bytes, not 'r'"),
        (["x"], {"jid": "../x"}, "jid '../x' is not valid"),
        (["x", Secret("hunter2")], {}, "count must be a whole number, not ***"),
    ],
)
def test_what_does_not_fit_is_named(args: list[Any], kwargs: dict[str, Any], fault: str) -> None:
    with pytest.raises((ArgumentError, IdError)) as caught:
        bind(PARAMS, args, kwargs)
    assert str(caught.value).startswith(fault)


def test_a_command_says_how_it_is_called() -> None:
    with pytest.raises(ArgumentError) as caught:
        command("runner.a.b", Need.RUNNER)(handler).bind([], {})
    assert str(caught.value).startswith("a.b was called wrongly: missing a required argument: 'name': it is a.b(name, ")


def test_what_a_signature_names_is_what_arrives() -> None:
    def typed(context: Any, many: Sequence[str], by_name: Mapping[str, str], two: str | int) -> None: ...

    assert [param.kinds for param in params_of(typed)] == [(list,), (dict,), (str, int)]
    assert bind(params_of(typed), [[], {}, 5], {})["two"] == 5


# whatever is sent

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=20)
    | st.binary(max_size=20)
    | st.builds(Secret, st.text(max_size=5))
    | st.sampled_from([JID, "base", "a/b", "../x", "x" * 5000]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.integers() | st.binary(), inner, max_size=4)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from([param.name for param in PARAMS]) | st.text(max_size=5)


def bound_or_refused(params: tuple[Param, ...], args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any] | str:
    """Return what binding gives, or its error's line; any other exception gets out."""
    try:
        return bind(params, args, kwargs)
    except (ArgumentError, IdError) as error:
        return str(error)


def check(params: tuple[Param, ...], args: list[Any], kwargs: dict[str, Any]) -> None:
    found = bound_or_refused(params, args, kwargs)
    if isinstance(found, str):
        assert "\n" not in found
        assert len(found) < 500
        return
    assert list(found) == [param.name for param in params]
    given = {**dict(zip(found, args, strict=False)), **kwargs}
    assert all(not p.kinds or type(found[p.name]) in p.kinds for p in params if p.name in given)


@given(st.lists(VALUES, max_size=11), st.dictionaries(NAMES, VALUES, max_size=5))
def test_anything_is_bound_or_an_error_of_one_line(args: list[Any], kwargs: dict[str, Any]) -> None:
    check(PARAMS, args, kwargs)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> list[Command]:
    table = command_table(KeyFunctions(KeyStore(str(tmp_path_factory.mktemp("pki")))))
    return [one for client in ("runner", "wheel", "job", "event", "minion") for one in table.offered_by(client)]


def test_every_command_is_declared_whole(commands: list[Command]) -> None:
    assert len(commands) > 30
    for one in commands:
        assert one.description, one.name
        assert one.is_async is asyncio.iscoroutinefunction(one.handler)
        free = ("arg", "anything", "default", "post")  # values of any kind, or the rest of what is given
        assert all(param.kinds or param.rest or param.name in free for param in one.params), one.name


@given(st.data())
def test_no_command_takes_what_it_was_not_declared_for(commands: list[Command], data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(commands))
    names = [param.name for param in one.params]
    args = data.draw(st.lists(VALUES, max_size=len(names) + 1))
    kwargs = data.draw(st.dictionaries(st.sampled_from([*names, "other"]), VALUES, max_size=4))
    check(one.params, args, kwargs)


def test_the_key_functions_are_typed_too(tmp_path: Path) -> None:
    table = command_table(KeyFunctions(KeyStore(str(tmp_path))))
    accept = table.get("wheel.key.accept")
    assert accept is not None
    with pytest.raises(ArgumentError, match="match must be text, not None"):
        accept.bind([None], {})
