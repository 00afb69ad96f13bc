"""The journal's records: written from what came, or packed anew, they read the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import WireError
from saltern.wire import body_of, pack, pack_value, unpack
from saltern_master.record import FOR_JOBS, JOB, METRICS, POINTS, read_record, write_record

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(
    st.sampled_from(["ret", "event", "r", "x" * 31, "x" * 40]),
    st.integers(0, 2**64 - 1),
    st.dictionaries(st.text(), PLAIN, max_size=20),
    st.text(),
    st.floats(0, 2**40),
)
def test_a_body_is_kept_as_it_came(type_: str, seq: int, body: dict[str, Any], minion: str, received: float) -> None:
    frame = pack(type_, seq, body)
    as_it_came = body_of(frame)
    assert (as_it_came is None) == (len(type_) > 31)
    if as_it_came is not None:
        assert as_it_came == pack_value(unpack(frame).body)
    record = write_record(FOR_JOBS | METRICS, minion, received, body, as_it_came)
    assert read_record(record, METRICS) == (FOR_JOBS | METRICS, minion, received, body)
    assert record == write_record(FOR_JOBS | METRICS, minion, received, body)


def test_a_record_is_for_whom_its_flags_say() -> None:
    record = write_record(JOB, "", 1.0, {})
    assert read_record(record, JOB) is not None
    assert read_record(record, FOR_JOBS | METRICS | POINTS) is None
    assert read_record(b"", JOB) is None


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", pack_value([1, 2]), pack_value(["a", "b", {}]), pack_value(["a", 1.0, []]), b"\x93\xa1a"]
)
def test_what_should_be_ours_and_can_not_be_read_is_said(payload: bytes) -> None:
    with pytest.raises(WireError):
        read_record(bytes((FOR_JOBS,)) + payload, FOR_JOBS)
