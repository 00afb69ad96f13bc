"""The console's options: each checked, none silently wrong; and the sample of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.errors import ConfigError
from saltern_web.program.database import database_settings
from saltern_web.program.settings import WEB, web_options

SAMPLE = Path(__file__).parents[2] / "web" / "web.yaml"


def test_by_default(tmp_path: Path) -> None:
    options = web_options(tmp_path)
    assert (options["host"], options["port"], options["api"]) == ("127.0.0.1", 8090, "http://127.0.0.1:8000")
    assert options["logins"] == ["file"]


def test_paths_are_below_the_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "web").write_text("{ssl_crt: a.crt, ssl_key: /b.key, state_dir: s, api_ca: ca.pem, api: 'https://h/'}")
    options = web_options(tmp_path)
    assert (options["ssl_crt"], options["ssl_key"]) == (f"{tmp_path}/a.crt", "/b.key")
    assert (options["state_dir"], options["api_ca"]) == (f"{tmp_path}/s", f"{tmp_path}/ca.pem")
    assert options["api"] == "https://h"


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ({"host": "0.0.0.0"}, "host: 0.0.0.0 is reached from elsewhere"),
        ({"host": "::"}, "host: :: is reached from elsewhere"),
        ({"ssl_crt": "/a"}, "ssl_crt and ssl_key belong together"),
        ({"ssl_key": "/a"}, "ssl_crt and ssl_key belong together"),
        ({"api": "127.0.0.1:8000"}, "api: must be the API's URL"),
        ({"api": "ftp://h"}, "api: must be the API's URL"),
        ({"api": "http://u:p@h"}, "api: must be the API's URL"),
        ({"logins": []}, "logins: must name at least one kind"),
        ({"logins": ["fil"]}, "logins must be some of file, pam, ldap"),
        ({"prot": 5}, "prot is not an option: did you mean 'port'?"),
        ({"port": 70000}, "line 1: port must be between 0 and 65,535"),
        ({"max_streams_per_user": 0}, "max_streams_per_user must be between 1"),
        ({"log_level": "loud"}, "log_level must be one of"),
        ({"hosts": "a b"}, "hosts must be"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, rest: dict[str, Any], told: str) -> None:
    (tmp_path / "web").write_text(json.dumps(rest))
    with pytest.raises(ConfigError) as raised:
        web_options(tmp_path)
    assert told in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path}/web:")


def test_the_sample_holds_every_option_with_its_default() -> None:
    lines = [
        line[1:] if line.startswith("#") and line[1:2] not in (" ", "") else line
        for line in SAMPLE.read_text().split("\n")
    ]
    defaults = {name: value for name, value in WEB.defaults.items() if name not in ("conf_file", "config_dir")}
    assert yaml.safe_load("\n".join(lines)) == defaults
    assert set(WEB.types()) == set(WEB.defaults)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("oracle://u:hidden@h/n", "database: oracle://…: must be postgresql://"),
        ("file", "must be postgresql://"),
        ("sqlite://", "must be postgresql://"),
        ("mysql://u:hidden@h/", "must name a database"),
        ("mysql://u:hidden@h:x/n", "the port must be a number"),
        ("mysql://u:hidden@h/n?sslmode=1", "'sslmode' isn't known behind the question mark: unix_socket, ssl_ca are"),
    ],
)
def test_urls_of_databases_that_cannot_be_used(url: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        database_settings(url, "/state")
    assert told in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_urls_of_databases() -> None:
    assert database_settings("", "/state")["NAME"] == "/state/console.sqlite3"
    assert database_settings("sqlite:///elsewhere/file", "/state")["NAME"] == "/elsewhere/file"
    found = database_settings("postgresql://a%40b:p%2Fw@db.example:5433/name?sslmode=verify-full", "/state")
    assert (found["USER"], found["PASSWORD"], found["NAME"]) == ("a@b", "p/w", "name")
    assert (found["HOST"], found["PORT"]) == ("db.example", "5433")
    assert found["OPTIONS"]["sslmode"] == "verify-full"
    found = database_settings("mariadb://u:p@/n?unix_socket=/run/s&ssl_ca=/ca", "/state")
    assert (found["HOST"], found["OPTIONS"]["ssl_ca"], found["OPTIONS"]["charset"]) == ("/run/s", "/ca", "utf8mb4")
