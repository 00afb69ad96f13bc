"""Answers of devices that are odd, and right: in pieces, packed, in other alphabets, with nothing in them."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from saltern.errors import CommandError
from saltern_modules import _device_http as device
from saltern_modules import _http_json as declared

JSON = b'{"a": 1}'
OK = b"HTTP/1.1 200 OK\r\n"


class Recorded:
    """Answers each connection with the next of *answers*, byte for byte; ``asked`` are the requests."""

    def __init__(self) -> None:
        self.answers: list[bytes | list[bytes]] = []
        self.asked: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                asked = b""
                while b"\r\n\r\n" not in asked:
                    asked += connection.recv(65536)
                self.asked.append(asked)
                answer = self.answers.pop(0)
                for piece in answer if isinstance(answer, list) else [answer]:
                    connection.sendall(piece)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def far() -> Iterator[Recorded]:
    recorded = Recorded()
    yield recorded
    recorded.close()


def ask(far: Recorded, *answers: bytes | list[bytes], **how: Any) -> device.Answer:
    far.answers += answers
    return device.ask(device.far({"url": far.url, "timeout": 10}), "/x", **how)


def with_length(body: bytes, *headers: bytes, status: bytes = OK) -> bytes:
    return status + b"".join(header + b"\r\n" for header in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def raw_deflate(body: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(body) + packing.flush()


@pytest.mark.parametrize(
    "answer",
    [
        with_length(JSON),
        OK + b"\r\n" + JSON,
        b"HTTP/1.0 200\r\n\r\n" + JSON,
        [
            OK + b"Transfer-Encoding: chunked\r\n\r\n",
            b"3;x=y\r\n" + JSON[:3] + b"\r\n5\r\n",
            JSON[3:] + b"\r\n0\r\nT: 1\r\n\r\n",
        ],
        with_length(b"\xef\xbb\xbf" + JSON),
        with_length(JSON.decode().encode("utf-16")),
        with_length(JSON + b"\0"),
        with_length(b"\r\n" + JSON + b"\r\n\0"),
        with_length(gzip.compress(JSON, mtime=0), b"Content-Encoding: gzip"),
        with_length(gzip.compress(JSON, mtime=0), b"Content-Encoding: X-GZIP"),
        with_length(zlib.compress(JSON), b"Content-Encoding: deflate"),
        with_length(raw_deflate(JSON), b"Content-Encoding: deflate"),
        with_length(JSON, b"Content-Encoding: identity"),
        with_length(JSON, b"Content-Type: text/html; charset=no-such-one"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + with_length(JSON),
    ],
)
def test_json_is_read_however_it_comes(far: Recorded, answer: Any) -> None:
    assert ask(far, answer).json() == {"a": 1}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"n": "Büro"}'.encode(), b"application/json"),
        ('{"n": "Büro"}'.encode("latin-1"), b"application/json"),
        ('{"n": "Büro"}'.encode("latin-1"), b'application/json; charset="ISO-8859-1"'),
        ('{"n": "Büro"}'.encode("cp850"), b"text/plain; x=y; Charset = cp850"),
    ],
)
def test_other_alphabets_are_read(far: Recorded, body: bytes, kind: bytes) -> None:
    answer = ask(far, with_length(body, b"Content-Type: " + kind))
    assert answer.json() == {"n": "Büro"}
    assert "Büro" in answer.text


def test_no_content_is_nothing_and_an_empty_page_is_no_json(far: Recorded) -> None:
    assert ask(far, b"HTTP/1.1 204 No Content\r\n\r\n").json() is None
    with pytest.raises(CommandError, match="the answer is no JSON"):
        ask(far, with_length(b"")).json()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (OK + b"Content-Length: 20\r\n\r\n" + JSON, "the answer ends 12 bytes too early"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\n" + JSON, "it speaks no HTTP: IncompleteRead"),
        (with_length(JSON, b"Content-Encoding: br"), "packed by 'br', which nobody asked for"),
        (with_length(b"x", b"Content-Encoding: gzip"), "the answer is no gzip"),
        (with_length(gzip.compress(JSON, mtime=0)[:-9], b"Content-Encoding: gzip"), "it ends too early"),
        (with_length(gzip.compress(bytes(1 << 20), mtime=0), b"Content-Encoding: gzip"), "more than 1,000 bytes"),
    ],
)
def test_what_is_no_whole_answer_is_said(far: Recorded, answer: bytes, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        ask(far, answer, limit=1000)


@pytest.mark.parametrize(
    ("status", "method"), [(b"301", b"GET"), (b"302", b"GET"), (b"303", b"GET"), (b"307", b"POST"), (b"308", b"POST")]
)
def test_a_form_that_was_sent_is_sent_again_only_where_that_is_said(
    far: Recorded, status: bytes, method: bytes
) -> None:
    moved = with_length(b"", b"Location: /done", status=b"HTTP/1.1 " + status + b" Moved\r\n")
    assert ask(far, moved, with_length(JSON), method="POST", body={"x": 1}).json() == {"a": 1}
    assert [asked.split()[:2] for asked in far.asked] == [[b"POST", b"/api/x"], [method, b"/done"]]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("42", 42.0),
        (" 41.5 °C", 41.5),
        ("12%", 12.0),
        ("-3.5e2 rpm", -350.0),
        ("5V", 5.0),
        (".5 A", 0.5),
        (float("nan"), None),
        ("NaN", None),
        ("1e999", None),
        (2**64 - 1, float(2**64 - 1)),
        (2**62, 2**62),
        ("10.0.0.1", None),
        ("2024-01-01", None),
        ("12:30", None),
        ("0x1F", None),
        ("1,234", None),
        ("12 000", None),
        ("1.2.3", None),
        ("n/a", None),
        ("9" * 500, None),
        ([1], None),
        (None, None),
    ],
)
def test_numbers_are_what_is_plainly_one(value: Any, number: float | None) -> None:
    metric = next(iter(declared.metrics({"metrics": {"m": {"path": "/x", "value": "v"}}})))
    assert declared.numbers_of(metric, {"v": value})[0] == number


@pytest.mark.parametrize(
    ("each", "label", "values", "found"),
    [
        ("", 0, {"v": 1}, {"a": {"v": 1}, "b": {"v": 2}}),
        ("", "0", {"v": "2.0"}, {"a": {"v": 7}}),
        ("0", None, {}, {"1": 1}),
    ],
)
def test_lists_in_lists_are_gone_into(each: str, label: Any, values: dict[str, Any], found: dict[str, Any]) -> None:
    said: dict[str, Any] = {"path": "/x", "each": each} | ({"values": values} if values else {})
    said |= {} if label is None else {"label": label}
    metric = next(iter(declared.metrics({"metrics": {"m": said}})))
    assert declared.numbers_of(metric, [["a", 1, [7]], ["b", 2, []]])[0] == found
