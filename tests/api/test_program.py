"""``saltern-api`` as a process: how it starts, refuses to, hears signals and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.stacks import wait_for

BIN = Path(sys.executable).parent


class Program:
    """The program with a configuration of its own."""

    def __init__(self, folder: Path, **rest: Any) -> None:
        self.folder = folder
        self.ready_file = folder / "api.json"
        self._process: subprocess.Popen[bytes] | None = None
        self.write(**rest)

    def write(self, **rest: Any) -> None:
        config = {"root_dir": str(self.folder), "rest_cherrypy": {"port": 0, **rest}}
        (self.folder / "master").write_text(json.dumps(config))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "saltern-api", "-c", str(self.folder), *words], capture_output=True, text=True, timeout=30
        )

    def start(self, *words: str) -> dict[str, Any]:
        with (self.folder / "out.log").open("wb") as output:
            argv = [BIN / "saltern-api", "-c", str(self.folder), "--ready-file", str(self.ready_file), *words]
            self._process = subprocess.Popen(argv, stdout=output, stderr=output)
        wait_for(self.ready_file.exists, "the program")
        ready: dict[str, Any] = json.loads(self.ready_file.read_text())
        assert ready["pid"] == self._process.pid
        return ready

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


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """A certificate of its own for localhost, and its key."""
    crt, key = folder / f"{name}.crt", folder / f"{name}.key"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        ["openssl", *words.split(), "-addext", f"subjectAltName=DNS:localhost,DNS:{name}", "-keyout", key, "-out", crt],
        check=True, capture_output=True,
    )  # fmt: skip
    return str(crt), str(key)


def test_it_serves_until_it_is_told_to_end(program: Program) -> None:
    url = program.start("-l", "info")["http"]
    with urllib.request.urlopen(f"{url}/", timeout=30) as answer:
        assert json.load(answer) == {"return": "Welcome", "clients": []}
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{url}/health", timeout=30)
    assert raised.value.code == 503  # there is no master
    raised.value.close()
    program.signal(signal.SIGTERM)
    assert program.wait() == 0
    assert not program.ready_file.exists()
    assert f"is ready: {url}" in program.log
    assert "stopping" in program.log


def test_hangups_end_nothing(program: Program) -> None:
    url = program.start("-l", "info")["http"]
    program.signal(signal.SIGHUP)
    wait_for(lambda: "SIGHUP: " in program.log, "its word")
    urllib.request.urlopen(f"{url}/", timeout=30).close()
    program.signal(signal.SIGINT)
    assert program.wait() == 0


@pytest.mark.parametrize(
    ("rest", "code", "told"),
    [
        ({"prt": 1}, 78, "rest_cherrypy: 'prt' is not an option: did you mean 'port'?"),
        ({"host": "0.0.0.0"}, 78, "passwords and tokens would cross the network unencrypted on 0.0.0.0"),
        ({"ssl_crt": "/no.crt", "ssl_key": "/no.key"}, 78, "ssl_crt /no.crt: can't be read: No such file"),
        ({"log_access_file": "/no/where/access.log"}, 78, "access log /no/where/access.log: can't be written"),
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
    assert done.returncode == code
    assert told in done.stderr
    assert done.stderr.startswith("saltern-api: ")
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        program.write(port=taken.getsockname()[1])
        done = program.run()
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_the_command_line(program: Program) -> None:
    assert program.run("--help").stdout.startswith("Usage: saltern-api [options]")
    assert program.run("word").returncode == 64
    assert program.run("-l", "loud").returncode == 64
    assert program.run("--ready-file", "/no/where/file").returncode == 78


@pytest.mark.parametrize("library", ["starlette", "uvicorn", "httptools", "websockets"])
def test_a_library_that_is_not_installed_is_named(program: Program, library: str) -> None:
    blocker = program.folder / "sitecustomize.py"
    blocker.write_text(
        "import sys\n"
        "class No:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {library!r}:\n"
        f"            raise ModuleNotFoundError('no', name=name)\n"
        "sys.meta_path.insert(0, No())\n"
    )
    done = subprocess.run(
        [BIN / "saltern-api", "-c", str(program.folder)],
        capture_output=True, text=True, timeout=30, env={**os.environ, "PYTHONPATH": str(program.folder)},
    )  # fmt: skip
    assert done.stderr.startswith(f"saltern-api needs {library}: run /")
    assert done.stderr.endswith(" -m pip install 'saltern[api]'\n")
    assert done.returncode == 69


def names(ready: dict[str, Any]) -> str:
    """The name in the certificate that is shown now."""
    host, _, port = ready["http"].rpartition("://")[2].rpartition(":")
    return ssl.get_server_certificate((host, int(port)))


def test_tls_and_a_new_certificate_without_a_restart(tmp_path: Path) -> None:
    crt, key = certificate(tmp_path, "one")
    program = Program(tmp_path, ssl_crt=crt, ssl_key=key, host="0.0.0.0")
    try:
        ready = program.start("-l", "info")
        assert ready["http"].startswith("https://0.0.0.0:")
        assert names(ready) == Path(crt).read_text()
        context = ssl.create_default_context(cafile=crt)
        url = ready["http"].replace("0.0.0.0", "localhost")
        request = urllib.request.Request(f"{url}/login", method="GET")
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            assert json.load(answer)["return"] == "Please log in"
        old = Path(crt).read_text()
        Path(crt).write_text("broken")
        program.signal(signal.SIGHUP)
        wait_for(lambda: "the certificate stays as it was" in program.log, "its word")
        assert names(ready) == old
        new_crt, new_key = certificate(tmp_path, "two")
        Path(new_key).replace(key)
        Path(new_crt).replace(crt)
        program.signal(signal.SIGHUP)
        wait_for(lambda: names(ready) == Path(crt).read_text() != old, "the new certificate")
    finally:
        program.end()
