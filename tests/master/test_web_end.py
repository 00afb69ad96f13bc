"""Requests to real servers on loopback: what is sent, what of an answer is taken, and when an end is given up."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import ConfigError
from saltern_master.web_end import Answer, AnswerTooLarge, NoAnswer, WebEnd

pytestmark = pytest.mark.anyio
Speak = Callable[[asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def saying(answer: bytes, *, ends: bool = True) -> Speak:
    async def speak(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        if ends:
            writer.write_eof()

    return speak


class Far:
    """A server that reads each request and says what it is told to, until the asking side is gone."""

    def __init__(self, speak: Speak) -> None:
        self.speak = speak
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.connected = asyncio.Event()
        self.gone = asyncio.Event()
        self.port = 0
        self.writer: asyncio.StreamWriter

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.connected.set()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in lines)}
            assert len(headers) == len(lines)  # none twice
            self.asked.append((line, headers, await reader.readexactly(int(headers["content-length"]))))
            await self.speak(writer)
            while await reader.read(65536):
                pass
        writer.transport.abort()
        self.gone.set()


@contextlib.asynccontextmanager
async def far(speak: Speak, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Far]:
    one = Far(speak)
    server = await asyncio.start_server(one.serve, host, 0, ssl=tls)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        if one.connected.is_set():
            await one.gone.wait()  # the asking side holds no connection
        await asyncio.sleep(0)


def end(url: str, timeout_s: float = 20.0, max_answer_bytes: int = 100_000, **more: Any) -> WebEnd:
    return WebEnd("url", url, "http://h", timeout_s=timeout_s, max_answer_bytes=max_answer_bytes, **more)


async def ask(one: Far, place: str = "127.0.0.1", **more: Any) -> Answer:
    return await end(f"http://{place}:{one.port}/x", **more).post("text/plain", b"body")


async def test_what_is_sent_and_what_comes_back() -> None:
    async with far(saying(b"HTTP/1.1 404 Not  Here\r\nX-Said: this\r\nContent-Length: 2\r\n\r\nno")) as one:
        url = f"http://127.0.0.1:{one.port}/a/b%20c?key=1&e"
        answer = await end(url).post("text/plain", b"body", {"user-agent": "me", "X-More": "2"})
    assert answer[:3] == (404, "Not Here", b"no")
    assert answer.headers["x-said"] == "this"
    assert one.asked == [
        (
            "POST /a/b%20c?key=1&e HTTP/1.1",
            {
                "host": f"127.0.0.1:{one.port}",
                "accept": "application/json",
                "accept-encoding": "identity",
                "connection": "close",
                "content-length": "4",
                "content-type": "text/plain",
                "user-agent": "me",
                "x-more": "2",
            },
            b"body",
        )
    ]


async def test_what_is_below_a_url_has_no_query_of_it() -> None:
    async with far(saying(OK + b"\r\n")) as one:
        await end(f"http://127.0.0.1:{one.port}/a/?key=1", below="/render").post("text/plain", b"")
    assert one.asked[0][0] == "POST /a/render HTTP/1.1"


async def test_a_login_or_a_token_is_sent_and_neither_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with far(saying(OK + b"Set-Cookie: c=sesame\r\n\r\n")) as one:
        url = f"127.0.0.1:{one.port}/sesame?key=sesame"
        await end(f"http://me:ses%40me@{url}").post("text/plain", b"")
        await end(f"http://{url}", token="sesame").post("text/plain", b"")
    assert [headers["authorization"] for _, headers, _ in one.asked] == ["Basic bWU6c2VzQG1l", "Bearer sesame"]
    assert str(end(f"http://me:ses%40me@{url}", below="/r")) == f"http://127.0.0.1:{one.port}/sesame/r"
    assert "sesame" not in caplog.text
    assert "ses" not in caplog.text


async def test_an_answer_over_the_limit_is_left_while_it_comes() -> None:
    sent = 0

    async def for_ever(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(OK + b"\r\n")
        while True:
            writer.write(b"x" * 10_000)
            sent += 10_000
            await writer.drain()

    async with far(for_ever) as one:
        with pytest.raises(AnswerTooLarge, match=r"^the answer is over 100,000 bytes$"):
            await ask(one)
    assert 100_000 < sent < 50_000_000  # what the system's buffers took


async def test_the_limit_is_of_the_body_to_the_byte() -> None:
    async with far(saying(OK + b"\r\n" + b"x" * 100)) as one:
        assert len((await ask(one, max_answer_bytes=100)).body) == 100
        with pytest.raises(AnswerTooLarge):
            await ask(one, max_answer_bytes=99)


async def test_a_head_without_an_end_is_given_up() -> None:
    async def for_ever(writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        while True:
            writer.write(b"X: " + b"y" * 1000)
            await writer.drain()

    async with far(for_ever) as one:
        with pytest.raises(NoAnswer, match="isn't HTTP"):
            await ask(one)


async def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    async with far(saying(OK + b"Content-Encoding: gzip\r\n\r\n" + bomb)) as one:
        assert (await ask(one)).body == bomb


async def test_a_chunked_answer_is_read() -> None:
    chunked = b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1;x=y\r\n]\r\n0\r\nT: railer\r\n\r\n"
    async with far(saying(OK + chunked, ends=False)) as one:
        assert (await ask(one)).body == b"[]"


async def test_others_have_their_turn_while_small_pieces_come() -> None:
    pieces = 3000
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += bool(one.asked)

    async with far(saying(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * pieces + b"0\r\n\r\n")) as one:
        task = asyncio.create_task(others())
        assert (await ask(one)).body == b"x" * pieces
        task.cancel()
    assert turns > pieces


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 ", b"HTTP/1.1 100 Continue\r\n\r\n", OK, OK + b"X: ", OK + b"\r\n"])
async def test_the_whole_is_bounded_however_slowly_it_comes(begin: bytes) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while True:
            writer.write(b"HTTP/1.1 100 C\r\n\r\n" if begin.startswith(b"HTTP/1.1 100") else b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with far(drip) as one:
        with pytest.raises(NoAnswer, match=r"^no answer within 0\.3 s$"):
            await ask(one, timeout_s=0.3)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("stops", [False, True])
async def test_an_end_that_hangs_is_left_with_its_connection(scheme: str, *, stops: bool) -> None:
    async with far(saying(b"", ends=False)) as one:  # for https it waits for the end of a head, which is TLS
        url = f"{scheme}://127.0.0.1:{one.port}/"
        asking = asyncio.create_task(end(url, timeout_s=1000 if stops else 0.3).post("text/plain", b""))
        await one.connected.wait()
        if stops:
            asking.cancel()
        with pytest.raises(asyncio.CancelledError if stops else NoAnswer):
            await asking
        await one.gone.wait()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirection_is_an_answer(status: int) -> None:
    async with far(saying(OK + b"\r\n")) as other:
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{other.port}/\r\n\r\n".encode()
        async with far(saying(moved)) as one:
            assert (await ask(one)).status == status
    assert len(one.asked) == 1
    assert other.asked == []


async def test_nothing_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password sesame\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with far(saying(OK + b"\r\n")) as one:
        assert (await ask(one)).status == 200
    assert "authorization" not in one.asked[0][1]


async def test_no_cookie_is_kept() -> None:
    async with far(saying(OK + b"Set-Cookie: a=b\r\n\r\n")) as one:
        same = end(f"http://127.0.0.1:{one.port}/")
        for _ in range(2):
            await same.post("text/plain", b"")
    assert ["cookie" in headers for _, headers, _ in one.asked] == [False, False]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "the answer isn't HTTP: Server disconnected without sending a response."),
        (b"220 mail ESMTP\r\n\r\n", "the answer isn't HTTP: illegal status line"),
        (b"HTTP/1.1 abc ESMTP\r\n\r\n", "the answer isn't HTTP: illegal status line"),
        (OK + b"ESMTP\x00 is: this\r\n\r\n", "the answer isn't HTTP: illegal header line"),
        (OK + b"Content-Length: ESMTP\r\n\r\n", "the answer isn't HTTP: bad Content-Length"),
        (OK + b"Content-Length: 9\r\n\r\n[", "the answer was cut short"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n[]", "the answer was cut short"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nESMTP\r\n", "the answer was cut short"),
        (
            b"HTTP/1.1 301 Moved\r\nLocation: http://h:ESMTP/\r\n\r\n",
            "the answer isn't HTTP: Invalid URL in location header",
        ),
    ],
)
async def test_what_is_no_http_is_told_in_one_line_without_what_came(answer: bytes, said: str) -> None:
    async with far(saying(answer)) as one:
        with pytest.raises(NoAnswer) as caught:
            await ask(one)
    assert str(caught.value) == said


async def test_a_connection_that_breaks_is_told() -> None:
    async def broken(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 9\r\n\r\n[")
        await writer.drain()
        linger_0 = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(1, 13, linger_0)  # SOL_SOCKET, SO_LINGER: reset, no end
        writer.transport.abort()

    async with far(broken) as one:
        with pytest.raises(NoAnswer, match=r"^no answer: Connection reset by peer$"):
            await ask(one)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda rest: OK + rest))
def test_any_bytes_are_read_or_named(answer: bytes) -> None:
    async def main() -> None:
        async with far(saying(answer)) as one:
            with contextlib.suppress(NoAnswer):
                assert isinstance(await ask(one), Answer)

    asyncio.run(main())


def test_one_end_is_asked_from_any_loop_and_by_many_at_once() -> None:
    async def main() -> None:
        async with far(saying(OK + b"\r\nx")) as one:
            same = end(f"http://127.0.0.1:{one.port}/")
            ends.append(same)
            answers = await asyncio.gather(*(each.post("text/plain", b"") for each in [same] * 5))
            assert [answer.body for answer in answers] == [b"x"] * 5
            for before in ends[:-1]:  # whose server is gone
                with pytest.raises(NoAnswer, match="Connect call failed"):
                    await before.post("text/plain", b"")

    ends: list[WebEnd] = []
    for _ in range(3):
        asyncio.run(main())


async def test_an_ipv6_host() -> None:
    try:
        serving = far(saying(OK + b"\r\n"), host="::1")
        one = await serving.__aenter__()
    except OSError:
        pytest.skip("there is no IPv6 here")
    assert (await ask(one, "[::1]")).status == 200
    await serving.__aexit__(None, None, None)
    assert one.asked[0][1]["host"] == f"[::1]:{one.port}"


async def test_nobody_there_is_told_in_the_systems_words() -> None:
    async with far(saying(b"")) as one:
        pass
    with pytest.raises(NoAnswer, match=rf"^no answer: Connect call failed \('127.0.0.1', {one.port}\)$"):
        await ask(one)


@pytest.mark.parametrize("name", ["xn--zzzzz99999", "1.2.3.999", "[::1]x", "xn--" + "a" * 300])
async def test_a_name_that_no_host_has_is_named(name: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        await end(f"http://{name}/sesame").post("text/plain", b"")
    assert (
        str(caught.value) == f"no answer: {name.strip('[]x') if '[' in name else name:.100} can't be the name of a host"
    )


@pytest.mark.parametrize(
    "name", ["a..b", "a" * 64 + ".invalid", "a_b.invalid", 'a"b', "a{b}|c", "%41%00", "*.invalid", "a\\b"]
)
async def test_any_other_is_asked_for(name: str) -> None:
    with pytest.raises(NoAnswer, match=r"^no answer: [^\n]+$"):
        await end(f"http://{name}/").post("text/plain", b"")


@pytest.mark.parametrize("url", ["http://h/a\r\nX: y", "http://h/\0", "http://h\t/", "http://hö/", "http://u:sesame@"])
def test_a_url_that_is_none_is_refused_without_its_credentials(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        end(url)
    assert "\n" not in str(caught.value)
    assert "sesame" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a certificate for 127.0.0.1 that its own key signed, and the key."""
    path = tmp_path_factory.mktemp("tls") / "own.pem"
    words = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout {path} -out {path}.crt"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", *words.split(), *names], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def serving_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_an_authority_that_the_system_does_not_know_is_refused(certificate: Path) -> None:
    async with far(saying(OK + b"\r\n"), tls=serving_tls(certificate)) as one:
        with pytest.raises(NoAnswer, match=r"^no answer: .*certificate verify failed: self.signed certificate"):
            await end(f"https://127.0.0.1:{one.port}/").post("text/plain", b"")
    assert one.asked == []


async def test_one_that_it_knows_is_taken_for_its_own_name(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # OpenSSL's: where the system's authorities are
    answer = OK + b"Content-Length: 2\r\n\r\n[]"
    async with far(saying(answer, ends=False), tls=serving_tls(certificate)) as one:
        same = end(f"https://127.0.0.1:{one.port}/")
        for _ in range(2):
            assert (await same.post("text/plain", b"")).body == b"[]"
        with pytest.raises(NoAnswer, match="certificate verify failed: Hostname mismatch"):
            await end(f"https://localhost:{one.port}/").post("text/plain", b"")


async def test_a_server_without_tls_is_told() -> None:
    async with far(saying(b"")) as one:
        asking = asyncio.create_task(end(f"https://127.0.0.1:{one.port}/").post("text/plain", b""))
        await one.connected.wait()
        one.writer.write(b"220 mail ESMTP\r\n")
        with pytest.raises(NoAnswer, match=r"^no answer: \[SSL: "):
            await asking


def test_httpx_is_loaded_by_the_first_request_and_aside() -> None:
    program = """
import asyncio, sys, threading
import saltern_master.main
class Noting:
    def find_spec(self, name, *_):
        if threading.current_thread() is threading.main_thread() and name.partition(".")[0] in libraries:
            print(name, "was loaded within the loop")
from saltern_master.web_end import NoAnswer, WebEnd
libraries = {"httpx", "httpcore", "anyio", "h11", "certifi"}
sys.meta_path.insert(0, Noting())
end = WebEnd("url", "http://127.0.0.1:1/", "http://h", timeout_s=9, max_answer_bytes=9)
assert not libraries & set(sys.modules)
try:
    asyncio.run(end.post("text/plain", b""))
except NoAnswer:
    assert "httpx" in sys.modules
    print("good")
"""
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("good\n", "")


def test_a_master_without_httpx_says_so_when_it_starts(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\npublish_port: 0\nret_port: 0\n")
    program = "import sys; sys.modules['httpx'] = None; from saltern.programs import *; sys.exit(saltern_master())"
    argv = [sys.executable, "-P", "-c", program, "-c", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True)
    pip = f"{sys.executable} -m pip"
    assert (done.stdout, done.stderr) == ("", f"saltern-master needs httpx: run {pip} install 'saltern[master]'\n")
    assert done.returncode == 69
