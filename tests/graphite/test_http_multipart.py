"""Forms as curl -F and many libraries send them."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import GraphiteError
from saltern_graphite.http.params import multipart_pairs

TYPE = "multipart/form-data; boundary=xx-yy"


def form(*fields: tuple[str, str]) -> bytes:
    """A body as curl makes it."""
    parts = [
        f'--xx-yy\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    return b"".join(parts) + b"--xx-yy--\r\n"


def test_fields_come_in_order() -> None:
    fields = [("target", "a.b"), ("target", "sumSeries(c.*,\r\nd)"), ("from", "-1h"), ("x", "")]
    assert multipart_pairs(TYPE, form(*fields), 10) == fields
    assert multipart_pairs('multipart/form-data; charset=utf-8; boundary="xx-yy"', form(*fields), 10) == fields


@given(st.lists(st.tuples(st.text("abcé", min_size=1), st.text().filter(lambda text: "--xx-yy" not in text))))
def test_any_text_comes_through(fields: list[tuple[str, str]]) -> None:
    assert multipart_pairs(TYPE, form(*fields), 100) == [(n, v.encode().decode()) for n, v in fields]


@pytest.mark.parametrize(
    ("content_type", "body", "why"),
    [
        ("multipart/form-data", form(("a", "b")), "names no boundary"),
        (TYPE, form(("a", "b"))[:-6], "ends before its last boundary"),
        (TYPE, b"", "ends before its last boundary"),
        (TYPE, b"--xx-yy\r\n\r\nvalue\r\n--xx-yy--", "has no name"),
        (TYPE, form(*[("a", "b")] * 11), "has over 10 parts"),
    ],
)
def test_what_is_no_form_is_told(content_type: str, body: bytes, why: str) -> None:
    with pytest.raises(GraphiteError, match=re.escape(why)):
        multipart_pairs(content_type, body, 10)


@given(st.binary(max_size=300), st.text(max_size=40))
def test_no_bytes_make_another_error(body: bytes, boundary: str) -> None:
    with contextlib.suppress(GraphiteError):
        pairs = multipart_pairs(f"multipart/form-data; boundary={boundary}", body, 10)
        assert len(pairs) <= 10
