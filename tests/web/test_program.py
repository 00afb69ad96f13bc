"""``saltern-web`` as a process: how it starts, refuses to, keeps what is its own, speaks TLS, and ends."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from support.console import TOKEN
from support.database_servers import MariaDb, Postgres, Server, running
from support.stacks import wait_for

BIN = Path(sys.executable).parent

pytestmark = pytest.mark.timeout(300)  # Django takes 2 s to start, and 40 where others compute
PAGE = {"Accept": "text/html"}


class Program:
    """The program with a configuration of its own."""

    def __init__(self, folder: Path, **rest: Any) -> None:
        self.folder = folder
        self.ready_file = folder / "web.json"
        self._process: subprocess.Popen[bytes] | None = None
        self.write(**rest)

    def write(self, **rest: Any) -> None:
        config = {"port": 0, "state_dir": "state", "api": "http://127.0.0.1:1", **rest}
        (self.folder / "web").write_text(json.dumps(config))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "saltern-web", "-c", str(self.folder), *words], capture_output=True, text=True, timeout=100
        )

    def start(self) -> str:
        with (self.folder / "out.log").open("wb") as output:
            argv = [BIN / "saltern-web", "-c", str(self.folder), "--ready-file", str(self.ready_file)]
            self._process = subprocess.Popen(argv, stdout=output, stderr=output)
        wait_for(lambda: self.ready_file.exists() or self._process.poll() is not None, "the program", 100)
        assert self._process.poll() is None, self.log
        ready: dict[str, Any] = json.loads(self.ready_file.read_text())
        assert ready["pid"] == self._process.pid
        return str(ready["http"])

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait(30)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> str:
        return (self.folder / "out.log").read_text()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path)
    yield made
    made.end()


class _Api(BaseHTTPRequestHandler):
    """Enough of the HTTP API to log in."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        told: Any = {"token": TOKEN, "user": "anna", "expire": 4e9}
        if self.path == "/":
            told = {"principal": "file:anna", "user": "anna", "eauth": "file", "everything": True}
        body = json.dumps({"return": [told]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Api) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def log_in(client: httpx.Client, **headers: str) -> httpx.Response:
    """Send the form; the answer."""
    page = client.get("/login", headers=headers)
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    form = {"csrfmiddlewaretoken": token, "username": "anna", "password": "x", "eauth": "file"}
    return client.post("/login", data=form, headers=headers)


def test_it_serves_until_it_is_told_to_end(program: Program) -> None:
    url = program.start()
    page = httpx.get(f"{url}/login", headers=PAGE, timeout=30)
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    state = program.folder / "state"
    assert sorted(os.listdir(state))[:1] == ["console.sqlite3"]
    assert (state / "secret_key").stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o007 == 0, "what people keep concerns them"
    assert (state / "console.sqlite3").stat().st_mode & 0o007 == 0
    key = (state / "secret_key").read_text()
    program.signal(signal.SIGHUP)
    wait_for(lambda: "SIGHUP: " in program.log, "its word")
    program.signal(signal.SIGTERM)
    assert program.wait() == 0
    assert not program.ready_file.exists()
    assert program.start()
    assert (state / "secret_key").read_text() == key, "forms that are open stay good"


def test_what_is_no_option_is_told(program: Program) -> None:
    program.write(colour="green")
    program.start()
    assert f"{program.folder}/web: these are no options and change nothing: colour" in program.log


def test_static_files_are_kept_for_ever_and_change_their_name_with_what_they_hold(program: Program) -> None:
    url = program.start()
    page = httpx.get(f"{url}/login", timeout=30).text
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(links) >= 4
    assert len({link.split("/")[2] for link in links}) == 1
    with httpx.Client(base_url=url, timeout=30) as client:
        for link in links:
            answer = client.get(link)
            assert (answer.status_code, answer.headers["cache-control"]) == (
                200,
                "public, max-age=31536000, immutable",
            )
            assert answer.headers["x-content-type-options"] == "nosniff"
        folder = links[0].rpartition("css/")[0]
        for path in (f"{folder}../app.py", f"{folder}..%2fapp.py", "/static/0123456789ab/css/base.css"):
            assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("rest", "code", "told"),
    [
        ({"host": "0.0.0.0"}, 78, "host: 0.0.0.0 is reached from elsewhere, and passwords would go there unencrypted"),
        ({"ssl_crt": "/no.crt", "ssl_key": "/no.key"}, 78, "ssl_crt /no.crt: can't be read: No such file"),
        ({"state_dir": "/dev/null/x"}, 78, "can't be used as state_dir"),
        ({"database": "postgresql://u:hidden@127.0.0.1:1/n"}, 1, "the console's database can't be used: "),
        ({"database": "mysql://u:hidden@127.0.0.1:1/n"}, 1, "the console's database can't be used: "),
        (
            {"host": "192.0.2.1", "disable_ssl": True},
            1,
            "192.0.2.1:0 for http: Cannot assign requested address\n",
        ),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(program: Program, rest: dict[str, Any], code: int, told: str) -> None:
    program.write(**rest)
    done = program.run()
    assert done.returncode == code, done
    assert told in done.stderr
    assert done.stderr.startswith("saltern-web: ")
    assert done.stderr.count("\n") == 1
    assert "hidden" not in done.stderr


def test_the_command_line(program: Program) -> None:
    assert program.run("--help").stdout.startswith("Usage: saltern-web [options]")
    assert program.run("word").returncode == 64
    assert program.run("--ready-file", "/no/where/file").returncode == 78


@pytest.mark.parametrize("kind", [Postgres, MariaDb])
def test_a_database_server_holds_what_is_kept(program: Program, api: str, kind: type[Server]) -> None:
    with running(kind) as server:
        name = server.fresh()
        for attempt in range(2):  # the tables are there the second time
            program.write(api=api, database=server.url(name))
            url = program.start()
            with httpx.Client(base_url=url, timeout=30) as client:
                assert log_in(client).status_code == 302
                token = re.findall(r'data-csrf="([^"]+)"', client.get("/preferences").text)[0]
                form = {"csrfmiddlewaretoken": token, "theme": "dark", "zone": "Asia/Tokyo ✓"}
                assert client.post("/preferences", data=form).status_code in (302, 303)
                for board in ("Load ✓ 😀", "load ✓ 😀"):  # as case tells whose something is, too
                    form = {"csrfmiddlewaretoken": token, "name": board}
                    made = client.post("/dashboards/new", data=form)
                    assert made.status_code == (302 if attempt == 0 else 400), made.text
                assert re.findall(r">([Ll]oad ✓ 😀)<", client.get("/dashboards").text) == ["Load ✓ 😀", "load ✓ 😀"]
            program.signal(signal.SIGTERM)
            assert program.wait() == 0
        ((principal,),) = server.rows(name, "SELECT principal FROM kept_preference")
        assert principal == "file:anna"
        assert "console.sqlite3" not in os.listdir(program.folder / "state")


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """A certificate of its own for localhost, and its key."""
    crt, key = folder / f"{name}.crt", folder / f"{name}.key"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        ["openssl", *words.split(), "-addext", f"subjectAltName=DNS:localhost,DNS:{name}", "-keyout", key, "-out", crt],
        check=True, capture_output=True,
    )  # fmt: skip
    return str(crt), str(key)


def test_by_tls_the_cookies_are_for_this_host_alone(program: Program, api: str) -> None:
    crt, key = certificate(program.folder, "one")
    program.write(api=api, host="0.0.0.0", ssl_crt="one.crt", ssl_key="one.key")
    url = program.start().replace("0.0.0.0", "localhost")
    assert url.startswith("https://")
    with httpx.Client(base_url=url, timeout=30, verify=ssl.create_default_context(cafile=crt)) as client:
        answer = log_in(client, Origin=url)
        assert answer.status_code == 302
        cookies = {cookie.name: cookie for cookie in client.cookies.jar}
        assert sorted(cookies) == ["__Host-saltern", "__Host-saltern-csrf"]
        assert all(cookie.secure for cookie in cookies.values())
        elsewhere = log_in(client, Origin="https://evil.example")
        assert elsewhere.status_code == 403
    port = int(url.rpartition(":")[2])
    old = ssl.get_server_certificate(("localhost", port))
    new_crt, new_key = certificate(program.folder, "two")
    Path(crt).write_text("broken")
    program.signal(signal.SIGHUP)
    wait_for(lambda: "the certificate stays as it was" in program.log, "its word")
    Path(new_key).replace(key)
    Path(new_crt).replace(crt)
    program.signal(signal.SIGHUP)
    wait_for(lambda: ssl.get_server_certificate(("localhost", port)) != old, "the new certificate")


def test_behind_a_proxy_that_has_the_certificate(program: Program, api: str) -> None:
    program.write(api=api, disable_ssl=True, trusted_proxies=["127.0.0.1"], hosts=["console.example"])
    url = program.start()
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7", "Host": "console.example"}
    with httpx.Client(base_url=url, timeout=30) as client:
        assert client.get("/login", headers={"Host": "other.example"}).status_code in (400, 403, 421)
        page = client.get("/login", headers=proxied)
        (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        form = {"csrfmiddlewaretoken": token, "username": "anna", "password": "x", "eauth": "file"}
        cookie = page.headers["set-cookie"].partition(";")[0]  # that a client here would not send unencrypted
        sent = {**proxied, "Origin": "https://console.example", "Cookie": cookie}
        answer = client.post("/login", data=form, headers=sent)
        assert answer.status_code == 302, answer.text
        kept = next(one for one in answer.headers.get_list("set-cookie") if TOKEN in one)
        assert kept.startswith("__Host-saltern=")
        assert "; Secure" in kept, "the browser speaks TLS, whoever ends it"
