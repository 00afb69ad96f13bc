"""Partial results, CORS, and the access log."""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.appended_file import AppendedFile
from saltern.errors import ConfigError
from saltern.http import access_log
from saltern.http.access_log import AccessLog
from saltern_graphite.commands.http_options import add_http_options, host_name, http_settings, origin
from saltern_graphite.http.app import HttpSettings
from saltern_graphite.http.credentials import Credentials
from saltern_graphite.telemetry.counters import Counters
from support.http_api import FolderApi, FolderStore, strict_json, window

GRAFANA = "https://grafana.example.org"
DEADLINE_S = 40.0


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


BAD = "sum(servers.web1.load"


@pytest.mark.parametrize("asked", ["1", "true", "True"])
def test_a_bad_target_hurts_no_other(store: FolderStore, asked: str) -> None:
    targets = ["servers.web1.load", BAD, "sumSeres(a)", "constantLine(1)", "servers.nowhere", "consolidateBy(a.b)"]
    answer = FolderApi(store).get("/render", target=targets, partial=asked, **window())
    assert answer.status_code == 200
    whole = strict_json(answer.text)
    assert [series["target"] for series in whole["series"]] == ["servers.web1.load", "1.0"]
    assert [(error["target"], error["column"]) for error in whole["errors"]] == [(2, 22), (3, 1), (6, 1)]
    assert whole["errors"][1]["message"].startswith("there is no function 'sumSeres': did you mean 'sumSeries'")
    assert set(whole["errors"][0]) == {"target", "column", "message"}


def test_partial_in_its_variants(store: FolderStore) -> None:
    api = FolderApi(store)
    fine = api.get("/render", target="servers.web1.load", partial="1", **window())
    plain = api.get("/render", target="servers.web1.load", **window())
    assert strict_json(fine.text) == {"series": plain.json(), "errors": []}
    script = api.get("/render", target=BAD, partial="1", jsonp="f", **window())
    assert script.text.startswith('f({"series": [], "errors": [{"target": 1')
    assert script.headers["content-type"].startswith("text/javascript")
    long = api.post("/render", f"partial=1&target={'x' * 70_000}").json()
    assert long["errors"] == [{"target": 1, "column": None, "message": "70000 characters: 64000 are allowed"}]
    other = api.get("/render", target="a", partial="1", format="csv")
    assert (other.status_code, other.text) == (400, "partial results come as json only, not as csv\n")


@pytest.mark.parametrize("asked", ["", "0", "false"])
def test_without_it_one_bad_target_is_400(store: FolderStore, asked: str) -> None:
    answer = FolderApi(store).get("/render", target=["servers.web1.load", BAD], partial=asked, **window())
    assert (answer.status_code, answer.text.startswith("target 2, column 22: ")) == (400, True)


def cors(api: FolderApi, method: str, origin: str, **headers: str) -> dict[str, str]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.send(method, "/render?target=constantLine(1)&format=json", headers={"origin": origin, **told})
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control")} | {
        "status": str(answer.status_code)
    }


def test_no_page_reads_answers_unless_told(store: FolderStore) -> None:
    assert cors(FolderApi(store), "GET", GRAFANA) == {"status": "200"}
    assert cors(FolderApi(store), "OPTIONS", GRAFANA, access_control_request_method="POST") == {"status": "405"}


def test_pages_of_an_origin(store: FolderStore, tmp_path: Path) -> None:
    auth = tmp_path / "auth"
    auth.write_text("bearer 0123456789abcdef\n")
    auth.chmod(0o600)
    api = FolderApi(store, HttpSettings(cors_origins=(GRAFANA,)), Credentials(str(auth)))
    known = cors(api, "GET", GRAFANA, authorization="Bearer 0123456789abcdef")
    assert known["access-control-allow-origin"] == GRAFANA
    assert "access-control-allow-credentials" not in known
    assert "access-control-allow-origin" not in cors(api, "GET", "https://evil.example")
    preflight = {"access_control_request_method": "POST", "access_control_request_headers": "authorization"}
    asked = cors(api, "OPTIONS", GRAFANA, **preflight)  # browsers send no credentials with it
    assert (asked["status"], asked["access-control-allow-origin"]) == ("200", GRAFANA)
    assert "POST" in asked["access-control-allow-methods"]
    assert asked["access-control-allow-headers"] == "authorization"
    assert cors(api, "OPTIONS", "https://evil.example", **preflight)["status"] == "400"
    assert cors(api, "GET", GRAFANA)["status"] == "401"
    assert cors(api, "GET", GRAFANA)["access-control-allow-origin"] == GRAFANA  # the page may read why


def test_pages_of_all(store: FolderStore) -> None:
    everyone = cors(FolderApi(store, HttpSettings(cors_origins=("*",))), "GET", GRAFANA)
    assert everyone["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in everyone


@pytest.mark.parametrize("text", ["*", GRAFANA, "http://localhost:3000", "https://[::1]:3000"])
def test_origins(text: str) -> None:
    assert origin(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "grafana.example.org", f"{GRAFANA}/", f"{GRAFANA}/d?x", "ftp://a", "https://", "https://a b/", "https://A.B",
     "https://u@a.b", "https://a:99999", "https://[::1", "null"],
)  # fmt: skip
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no origin such as"):
        origin(text)


def test_the_command_line() -> None:
    parser = argparse.ArgumentParser()
    add_http_options(parser)
    assert http_settings(parser.parse_args([])) == HttpSettings()
    told = parser.parse_args(
        f"--max-series 7 --max-points 8 --max-time 0.5 --cache-seconds 0 --cache-bytes 9 --cors-origin {GRAFANA} "
        "--http-host graphite --http-host a_b.example.org. "
        "--cors-origin * --auth-file F --auth-open /health --access-log -".split()
    )
    settings = http_settings(told)
    assert (settings.limits.series, settings.limits.points, settings.limits.seconds) == (7, 8, 0.5)
    assert (settings.cache_s, settings.cache_bytes, settings.cors_origins) == (0, 9, (GRAFANA, "*"))
    assert settings.hosts == ("graphite", "a_b.example.org.")
    assert (settings.auth_file, settings.open_paths, settings.access_log) == ("F", ("/health",), "-")


@pytest.mark.parametrize("text", ["", "a:80", "http://a", "a/b", "*.a", "a b", "[::1]", "a..b", ".a"])
def test_what_is_no_host_name(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no host name such as"):
        host_name(text)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_request_is_a_line(store: FolderStore, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(str(path))
    api = FolderApi(store, HttpSettings(cache_s=60), None, log)
    headers = {"x-dashboard-uid": "dash", "x-panel-id": "4", "x-grafana-org-id": "1", "user-agent": 'G"\n'[:2]}
    asked = {"params": {"target": ["servers.*.load", "constantLine(1)"], **window()}, "headers": headers}
    answer = api.send("GET", "/render", **asked)
    api.send("GET", "/render", **asked)
    api.get("/nowhere" + "x" * 500)
    log.close()
    first, second, third = lines(path)
    assert {**first, "time": 0, "seconds": 0} == {
        "time": 0,
        "client": "127.0.0.1",
        "method": "GET",
        "path": "/render",
        "dashboard": "dash",
        "panel": "4",
        "org": "1",
        "agent": 'G"',
        "status": 200,
        "bytes": int(answer.headers["content-length"]),
        "seconds": 0,
        "cache": "miss",
        "targets": 2,
        "series": 3,
        "points": 13,
    }
    assert first["time"][10] == "T"
    assert first["time"].endswith("Z")
    assert 0 < first["seconds"] < 60
    assert (second["cache"], second["series"], second["points"]) == ("hit", 3, 13)
    assert (third["status"], len(third["path"])) == (404, 200)
    assert (path.stat().st_mode & 0o777) == 0o640


def test_nothing_in_a_line_steers_a_terminal(store: FolderStore, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(str(path))
    api = FolderApi(store, access_log=log)
    api.send("GET", "/%1b%5b2J%0a%e2%80%ae%c2%9b", headers={"x-panel-id": b"\x9b2J", "user-agent": b"\x1b[2J"})
    log.close()
    (line,) = path.read_text().splitlines()
    assert all(" " <= character <= "~" for character in line)
    assert json.loads(line)["path"] == "/\x1b[2J\n\u202e\u009b"


def test_the_user_is_in_the_line(store: FolderStore, tmp_path: Path) -> None:
    auth, path = tmp_path / "auth", tmp_path / "access.log"
    auth.write_text("bearer scripts:0123456789abcdef\n")
    auth.chmod(0o600)
    log = AccessLog(str(path))
    api = FolderApi(store, HttpSettings(), Credentials(str(auth)), log)
    api.send("GET", "/version", headers={"authorization": "Bearer 0123456789abcdef"})
    api.get("/version")
    log.close()
    assert [(line["status"], line.get("user")) for line in lines(path)] == [(200, "scripts"), (401, None)]
    assert "0123456789abcdef" not in path.read_text()


def test_a_log_that_is_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(str(path))
    log.write({"n": 1})
    wait_until(lambda: path.read_text() != "")
    path.rename(tmp_path / "old")
    path.touch()  # as logrotate does with "create"
    log.write({"n": 2})
    wait_until(lambda: path.read_text() != "")
    os.truncate(path, 0)  # and with "copytruncate"
    log.write({"n": 3})
    wait_until(lambda: path.read_text() != "")
    path.unlink()
    log.write({"n": 4})
    log.close()
    assert (lines(tmp_path / "old"), lines(path)) == ([{"n": 1}], [{"n": 4}])


def test_what_the_disk_does_not_take_is_counted(tmp_path: Path) -> None:
    """/dev/full is a full disk."""
    counters = Counters()
    log = AccessLog("/dev/full", counters.add)
    log.write({"n": 1})
    log.write({"n": 2})
    wait_until(lambda: counters.totals().get("accessLogDropped") == 2)
    log.close()
    with pytest.raises(ConfigError, match=r"access log .*: can't be written: No such file"):
        AccessLog(str(tmp_path / "no" / "where"))


@pytest.mark.parametrize("most", [2, 100])
def test_a_disk_that_hangs_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    counters, path = Counters(), tmp_path / "log"
    hangs, heals = threading.Event(), threading.Event()
    append = AppendedFile.append

    def hanging(self: AppendedFile, lines: bytes) -> None:
        if lines:
            hangs.set()
            assert heals.wait(DEADLINE_S)
        append(self, lines)

    monkeypatch.setattr(AppendedFile, "append", hanging)
    monkeypatch.setattr(access_log, "MOST_WAITING", most)
    monkeypatch.setattr(access_log, "_CLOSES_S", 0.01)
    log = AccessLog(str(path), counters.add)
    log.write({"n": 0})
    assert hangs.wait(DEADLINE_S)
    for number in range(1, 6):
        log.write({"n": number})
    kept = min(6, 1 + most)
    assert counters.totals().get("accessLogDropped", 0) == 6 - kept
    log.close()  # it gives up
    assert path.read_text() == ""
    heals.set()
    wait_until(lambda: path.read_text().count("\n") == kept)
    monkeypatch.setattr(access_log, "_CLOSES_S", DEADLINE_S)
    log.close()
    log.close()
    assert lines(path) == [{"n": number} for number in range(kept)]


def test_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    log = AccessLog("-")
    for number in range(3):
        log.write({"n": number})
    log.close()
    assert [json.loads(line) for line in capfd.readouterr().out.splitlines()] == [{"n": 0}, {"n": 1}, {"n": 2}]
