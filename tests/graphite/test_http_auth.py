"""Credentials: their file, who is let in, and who is not."""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saltern.errors import ConfigError
from saltern_graphite.commands import passwd
from saltern_graphite.http.app import HttpSettings
from saltern_graphite.http.credentials import Credentials, read_credentials
from saltern_graphite.http.password import PasswordHash
from support.http_api import FolderApi, FolderStore

TOKEN = "0123456789abcdefXYZ"
CHEAP = PasswordHash(2, 1, 1, b"0" * 16, b"")


def cheap_hash(password: str) -> str:
    """A hash that takes no time."""
    digest = hashlib.scrypt(password.encode(), salt=CHEAP.salt, n=2, r=1, p=1, dklen=32)
    return f"scrypt$2$1$1${CHEAP.salt.hex()}${digest.hex()}"


def auth_file(folder: Path, *lines: str, mode: int = 0o600) -> str:
    path = folder / "auth"
    path.write_text("".join(f"{line}\n" for line in lines))
    path.chmod(mode)
    return str(path)


@pytest.fixture
def api(tmp_path: Path) -> FolderApi:
    path = auth_file(tmp_path, "# who", "", f"bearer scripts:{TOKEN}", f"basic grafana:{cheap_hash('päss:wörd')}")
    (tmp_path / "tree").mkdir()
    store = FolderStore(tmp_path / "tree")
    return FolderApi(store, HttpSettings(open_paths=("/health", "/metrics")), Credentials(path))


def ask(api: FolderApi, authorization: str | None, url: str = "/render?target=constantLine(1)&format=json") -> int:
    headers = {} if authorization is None else {"authorization": authorization}
    return api.send("GET", url, headers=headers).status_code


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_who_is_let_in(api: FolderApi) -> None:
    assert ask(api, f"Bearer {TOKEN}") == 200
    assert ask(api, f"bearer  {TOKEN} ") == 200
    assert ask(api, basic("grafana", "päss:wörd")) == 200
    assert ask(api, basic("grafana", "päss:wörd")) == 200  # remembered


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer scripts:{TOKEN}",
        f"Basic {TOKEN}",
        f"Digest {TOKEN}",
        "Basic ====",
        "Basic /w==",
        basic("grafana", ""),
        basic("grafana", "wrong"),
        basic("nobody", "päss:wörd"),
        basic("", ""),
        basic("grafana", cheap_hash("päss:wörd")),
        "Bearer " + "x" * 100_000,
    ],
)
def test_who_is_not(api: FolderApi, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = api.send("GET", "/render?target=constantLine(1)&format=json", headers=headers)
    assert (answer.status_code, answer.text.count("\n")) == (401, 1)
    assert answer.headers.get_list("www-authenticate") == [
        'Basic realm="saltern-graphite", charset="UTF-8"',
        'Bearer realm="saltern-graphite"',
    ]
    assert api.totals()["requestsUnauthorized"] == 1


def test_nothing_is_answered_to_strangers(api: FolderApi) -> None:
    paths = [getattr(route, "path", "") for route in api.app.routes]
    assert len(paths) > 20
    for path in [*paths, "/nowhere", "//render", "/render/health", "/Health", "/health/x"]:
        status = ask(api, None, path.replace("{name}", "sum"))
        assert status == (200 if path.rstrip("/") in ("/health", "/metrics") else 401), path
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert api.send(method, "/health").status_code == 401
    assert ask(api, None, "/metrics?query=*") == 401  # that finds metrics, as in Graphite
    assert ask(api, None, "/metrics/?query=*") == 401
    assert api.send("POST", "/metrics", data={"query": "*"}).status_code == 401


def test_by_default_nothing_is_open(tmp_path: Path) -> None:
    api = FolderApi(FolderStore(tmp_path), HttpSettings(), Credentials(auth_file(tmp_path, f"bearer {TOKEN}")))
    answer = api.get("/health")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="saltern-graphite"')


def test_a_changed_file(tmp_path: Path) -> None:
    path = auth_file(tmp_path, f"bearer {TOKEN}", f"basic a:{cheap_hash('12345678')}")
    credentials = Credentials(path)
    api = FolderApi(FolderStore(tmp_path), HttpSettings(), credentials)
    assert [ask(api, f"Bearer {TOKEN}"), ask(api, basic("a", "12345678"))] == [200, 200]
    auth_file(tmp_path, "bearer newer-token-of-enough-letters")
    credentials.reload()
    assert [ask(api, f"Bearer {TOKEN}"), ask(api, basic("a", "12345678"))] == [401, 401]
    auth_file(tmp_path, "nonsense")
    with pytest.raises(ConfigError):
        credentials.reload()
    assert ask(api, "Bearer newer-token-of-enough-letters") == 200


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("bearer short", ":2: expected 'bearer TOKEN' or 'bearer NAME:TOKEN', a token being 16 characters or more"),
        ("bearer", ":2: expected 'bearer TOKEN'"),
        ("bearer a b c d e f g h i j k l m", ":2: expected 'bearer TOKEN'"),
        ("basic grafana", ":2: expected 'basic USER:HASH', see saltern-graphite passwd"),
        ("basic grafana:secret", ":2: the hash is not of the form scrypt$N$R$P$SALT$HASH: make it with"),
        ("basic a:scrypt$x$8$1$00$00", ":2: N, R and P of the hash must be numbers"),
        ("basic a:scrypt$3$8$1$00$00", ":2: N of the hash must be a power of two, and 128 * N * R * P at most"),
        ("basic a:scrypt$1048576$8$1$00$00", ":2: N of the hash must be a power of two"),
        ("basic a:scrypt$16384$8$1$00$00", ":2: the hash needs 16 bytes of salt or more, and 32 to 64 of hash"),
        ("digest a:b", ":2: a line starts with 'bearer' or 'basic'"),
        ("", ": no credentials are in it, so that nobody could ask anything"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, line: str, words: str) -> None:
    path = auth_file(tmp_path, "# who", line)
    with pytest.raises(ConfigError) as caught:
        read_credentials(path)
    assert f"{path}{words}" in str(caught.value)
    assert "secret" not in str(caught.value)  # what stands there may be one


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o602, 0o601])
def test_a_file_that_others_may_read_or_write(tmp_path: Path, mode: int) -> None:
    path = auth_file(tmp_path, f"bearer {TOKEN}", mode=mode)
    with pytest.raises(ConfigError, match=rf"is open to others \(mode {mode:04o}\): chmod 600 it"):
        read_credentials(path)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "nix", "No such file"),
        (tmp_path, "Is a directory"),
        (Path(os.devnull), "regular"),
    ):
        with pytest.raises(ConfigError, match=words):
            read_credentials(str(path))
    (tmp_path / "long").write_bytes(b"#" * (2 << 20))
    (tmp_path / "latin").write_bytes(b"# \xff")
    for name, words in (("long", "is longer than"), ("latin", "is not UTF-8")):
        (tmp_path / name).chmod(0o640)
        with pytest.raises(ConfigError, match=words):
            read_credentials(str(tmp_path / name))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=100))
def test_any_file_is_read_or_refused_with_a_line(tmp_path: Path, text: str) -> None:
    path = auth_file(tmp_path, text)
    told = ""
    try:
        read_credentials(path)
    except ConfigError as error:
        told = str(error)
    assert "\n" not in told


def run(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    passwd.add(parser.add_subparsers())
    arguments = parser.parse_args(["passwd", *argv])
    status: int = arguments.run(arguments)
    return status


def test_the_command_makes_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(passwd.sys, "stdin", io.StringIO("correct horse\n"))
    assert run("grafana") == 0
    assert run("--token", "scripts") == 0
    lines = capsys.readouterr().out.splitlines()
    known = read_credentials(auth_file(tmp_path, *lines))
    assert known.users["grafana"].fits("correct horse")
    assert not known.users["grafana"].fits("correct horse ")
    assert list(known.tokens.values()) == ["scripts"]
    assert PasswordHash.parse(str(known.users["grafana"])) == known.users["grafana"]
    monkeypatch.setattr(passwd.sys, "stdin", io.StringIO("short\n"))
    assert run("grafana") == 1
    assert capsys.readouterr() == ("", "saltern-graphite: a password has 8 characters or more\n")
    with pytest.raises(SystemExit):
        run("a:b")
    assert "'a:b' is no name" in capsys.readouterr().err
