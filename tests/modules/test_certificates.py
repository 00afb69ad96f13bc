"""The collector certificates: files, and servers that really speak TLS on loopback."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import certificates
from saltern_modules.collectors.asking import tls_look
from saltern_modules.collectors.asking.errand import Errand
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.reading import x509_dates
from saltern_modules.collectors.source import Source
from support.trees import fault_of

LONG_S = 50.0


class Made(NamedTuple):
    """A certificate that openssl made."""

    path: Path
    key: Path
    ends: float


def make(folder: Path, name: str, days: int, *more: str) -> Made:
    path, key = folder / f"{name}.pem", folder / f"{name}.key"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(
        [*argv, "-days", str(days), "-keyout", key, "-out", path, *more], check=True, capture_output=True, timeout=30
    )
    said = subprocess.run(
        ["openssl", "x509", "-noout", "-enddate", "-in", path], check=True, capture_output=True, text=True, timeout=30
    )
    text = said.stdout.strip().removeprefix("notAfter=").removesuffix(" GMT")
    return Made(path, key, datetime.strptime(text, "%b %d %H:%M:%S %Y").replace(tzinfo=UTC).timestamp())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("certificates"), "one", 90)


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One beyond 2049, whose end is written with four digits of the year."""
    return make(tmp_path_factory.mktemp("certificates"), "far", 20_000)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for what is aside, however loaded this machine is."""
    go = Errand.go
    monkeypatch.setattr(Errand, "go", lambda self: go(self, LONG_S))


def watch(*targets: str) -> certificates.Certificates:
    return certificates.Certificates(Source(), {"targets": list(targets)})


@pytest.fixture
def server(made: Made) -> Iterator[int]:
    """A TLS server that shows the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.path, made.key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                link, _ = listening.accept()
                with link:
                    try:
                        context.wrap_socket(link, server_side=True).close()
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        port = listening.getsockname()[1]
        try:
            yield port
        finally:
            ended.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def test_the_end_of_a_certificate_in_any_form(made: Made, far: Made) -> None:
    pem = made.path.read_bytes()
    body = b"".join(pem.split(b"\n")[1:-2])
    assert x509_dates.earliest_end(pem) == made.ends
    assert x509_dates.earliest_end(base64.b64decode(body)) == made.ends
    assert x509_dates.earliest_end(far.path.read_bytes()) == far.ends
    assert x509_dates.earliest_end(far.path.read_bytes() + b"noise\n" + pem) == made.ends
    assert x509_dates.earliest_end(made.key.read_bytes() + pem) == made.ends
    assert x509_dates.earliest_end(pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE")) == made.ends


@pytest.mark.parametrize("data", [b"", b"hello", b"0", b"0\x82", b"\x30\x03\x30\x01\x02", b"0\x80\x00\x00"])
def test_what_is_no_certificate(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"certificate"):
        x509_dates.earliest_end(data)


@pytest.mark.parametrize(
    ("tag", "text", "year"),
    [
        (0x17, b"491231235959Z", 2049),
        (0x17, b"500101000000Z", 1950),
        (0x18, b"99991231235959Z", 9999),
    ],
)
def test_years(tag: int, text: bytes, year: int) -> None:
    assert datetime.fromtimestamp(x509_dates._seconds(tag, text), UTC).year == year


@given(data=st.binary(max_size=60).map(lambda rest: b"\x30" + rest) | st.binary(max_size=60))
def test_garbage_is_a_value_error_at_worst(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(x509_dates.earliest_end(data), float)


@given(at=st.integers(0, 400), byte=st.integers(0, 255))
def test_one_wrong_byte_is_a_value_error_at_worst(made: Made, at: int, byte: int) -> None:
    der = bytearray(ssl.PEM_cert_to_DER_cert(made.path.read_text()))
    der[at % len(der)] = byte
    with contextlib.suppress(ValueError):
        assert isinstance(x509_dates.not_after(bytes(der)), float)


@pytest.mark.usefixtures("patient")
def test_files(made: Made, tmp_path: Path) -> None:
    found = watch(f"web={made.path}", f"gone={tmp_path}/nothing.pem").collect(0.0)
    assert found == {"web": {"read": 1, "days_left": pytest.approx(90.0, abs=1.0)}, "gone": {"read": 0}}
    assert not list(unnamed("certificates", {"a": {"read": 1, "days_left": 1.0, "trusted": 1}}))


@pytest.mark.usefixtures("patient")
def test_what_is_no_file_keeps_no_other(made: Made, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge.pem").touch()
    os.truncate(tmp_path / "huge.pem", 3 << 30)
    (tmp_path / "loop").symlink_to("loop")
    wrong = {f"{name}={tmp_path}/{name}" for name in ("pipe", "loop", "huge.pem")} | {f"folder={tmp_path}"}
    collector = watch(*sorted(name.replace("huge.pem=", "huge=") for name in wrong), f"web={made.path}")
    found = collector.collect(0.0)
    assert not collector._questions.unanswered, "a pipe isn't waited for"
    assert found.pop("web")["read"] == 1
    assert found == {name: {"read": 0} for name in ("pipe", "loop", "huge", "folder")}


@pytest.mark.usefixtures("patient")
def test_a_file_that_never_answers_keeps_no_other(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    read = certificates.end_of_file

    def hang(path: str) -> float | None:
        if path == "/stale/a.pem":
            assert let_go.wait(LONG_S)
        return read(path)

    monkeypatch.setattr(certificates, "end_of_file", hang)
    try:
        found = watch("stale=/stale/a.pem", f"web={made.path}").collect(0.0)
    finally:
        let_go.set()
    assert found["stale"] == {"read": 0}
    assert found["web"]["read"] == 1


@pytest.mark.usefixtures("patient")
def test_a_certificate_that_has_ended_has_days_below_none(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = watch(f"web={made.path}")
    collector.collect(0.0)
    monkeypatch.setattr(certificates.time, "time", lambda: made.ends + 2 * 86400)
    assert collector.collect(1.0)["web"] == {"read": 1, "days_left": -2.0}


@pytest.mark.usefixtures("patient")
def test_a_renewed_file_is_seen_within_the_hour_and_a_missing_one_sooner(made: Made, far: Made, tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    collector = watch(f"a={path}")
    assert collector.collect(0.0)["a"] == {"read": 0}
    path.write_bytes(made.path.read_bytes())
    assert collector.collect(certificates.RETRY_EVERY_S - 1)["a"] == {"read": 0}
    assert collector.collect(certificates.RETRY_EVERY_S)["a"]["days_left"] < 91
    path.write_bytes(far.path.read_bytes())
    assert collector.collect(certificates.RETRY_EVERY_S + certificates.LOOK_EVERY_S)["a"]["days_left"] > 19_000


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("patient")
def test_servers_are_asked_by_a_program_of_its_own(made: Made, server: int) -> None:
    collector = watch(f"tls=127.0.0.1:{server}", "none=127.0.0.1:1")
    found = collector.collect(0.0)
    days = pytest.approx((made.ends - time.time()) / 86400, abs=1)
    assert found["tls"] == {"read": 1, "trusted": 0, "days_left": days}
    assert found["none"] == {"read": 0}


def test_a_trusted_server(made: Made, server: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trusting = ssl.create_default_context(cafile=str(made.path))
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    assert tls_look.look("localhost", server) == (made.ends, True)


def test_a_server_that_speaks_something_else_shows_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert tls_look.look("127.0.0.1", listening.getsockname()[1], timeout_s=0.05) == (None, False)


def test_an_answer_that_was_cut_is_taken_as_far_as_it_goes() -> None:
    data = b'["a", 5.0, true]\n["b", null, false]\n["c", 7'
    assert certificates.parse_answer(data) == {"a": (5.0, True), "b": (None, False)}


@pytest.mark.usefixtures("patient")
def test_a_program_that_can_not_be_started_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "python_module", lambda name: ["/nowhere/python"])
    assert watch("a=127.0.0.1:1").collect(0.0) == {"a": {"read": 0}}


@pytest.mark.parametrize("text", ["web.pem", "db1", "https://a:443", ""])
def test_a_wrong_target_is_one_clear_line(tmp_path: Path, text: str) -> None:
    message = r"stats: certificates: targets: .*neither a file's path nor a server"
    fault = fault_of(tmp_path, {"certificates": {"targets": [text]}})
    assert re.search(message, fault)
    assert "\n" not in fault
