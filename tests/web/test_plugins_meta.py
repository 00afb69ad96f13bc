"""``meta.yaml``: what may stand there, and what is said of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_web.plugins.meta import Meta, State, read_meta
from saltern_web.plugins.names import PluginFault, is_name

WHOLE = b"""
title: Services
description: Restart them.
state: debug
version: 1.5
configuration: {most: 5, words: [a]}
changes: false
show: true
schedule: {seconds: 60}
"""


def test_an_empty_one_is_a_plugin_that_is_enabled() -> None:
    assert read_meta(b"", "disk_space") == Meta("Disk space")
    assert read_meta(b"# nothing\n", "x").state is State.ENABLED


def test_all_that_may_stand_there() -> None:
    meta = read_meta(WHOLE, "services")
    assert (meta.title, meta.description, meta.state, meta.version) == ("Services", "Restart them.", State.DEBUG, "1.5")
    assert (meta.configuration, meta.changes, meta.show, meta.seconds) == ({"most": 5, "words": ["a"]}, False, True, 60)
    assert meta.notes == ()


@pytest.mark.parametrize(("said", "state"), [("on", "enabled"), ("off", "disabled"), ("Disabled", "disabled")])
def test_states_as_yaml_reads_them(said: str, state: str) -> None:
    assert read_meta(f"state: {said}".encode(), "x").state == state


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("enabled: true", "enabled"),
        ("enabled: false", "disabled"),
        ("disabled: yes", "disabled"),
        ("debug: on", "debug"),
        ("{debug: true, enabled: true}", "debug"),
        ("{debug: true, enabled: false}", "disabled"),
        ("{debug: false, state: debug}", "debug"),
    ],
)
def test_a_state_may_be_a_key(said: str, state: str) -> None:
    meta = read_meta(said.encode(), "x")
    assert (meta.state, meta.notes) == (state, ())


def test_what_isnt_used_is_told_and_hurts_nothing() -> None:
    assert read_meta(b"titel: X", "x").notes == ("meta.yaml: titel isn't used: did you mean 'title'?",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a: [", "meta.yaml: line 1, column 5: is not YAML"),
        (b"- a", "must be 'key: value' lines"),
        (b"\xff\xfe", "UTF-8"),
        (b"state: maybe", "state: must be enabled, disabled, debug, not 'maybe'"),
        (b"title: [a]", "title: must be a text"),
        (b"title: " + b"x" * 101, "title: is over 100"),
        (b"changes: 3", "changes: must be true or false"),
        (b"configuration: [a]", "configuration: must be 'key: value' lines"),
        (b"configuration: {a b: 1}", "keys must be names"),
        (b"configuration: {a: .nan}", "JSON can't express it"),
        (b"configuration: {a: 2026-11-30}", "JSON can't express it"),
        (b"schedule: {seconds: 0}", "seconds must be 1 to 86400"),
        (b"x" * 70_000, "too large"),
        (b"configuration: &a {b: *a}", "is not YAML"),
        (b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(
            b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 10)) for n in range(8)
        ), "is not YAML"),
    ],
)  # fmt: skip
def test_faults_are_one_line(text: bytes, said: str) -> None:
    with pytest.raises(PluginFault, match=said) as caught:
        read_meta(text, "x")
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text("abc:[]{}&*-? \n'\"!|>%@0123", max_size=60).map(str.encode)))
def test_anything_at_all_is_read_or_refused(text: bytes) -> None:
    try:
        said = read_meta(text, "x").title
    except PluginFault as fault:
        said = str(fault)
    assert "\n" not in said


def test_names() -> None:
    assert all(map(is_name, ("services", "a", "b2_c")))
    assert not any(map(is_name, ("", "2a", "A", "a-b", "a.b", "../a", "a/b", "class", "é", "a\n", "a" * 41)))
