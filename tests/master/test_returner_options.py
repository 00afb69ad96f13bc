"""The options of returners: what is understood, and one line for what isn't; never with a password."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Any

import pytest

from saltern.config import master_config
from saltern.config.master import MASTER
from saltern.config.remarks import remarks
from saltern.errors import ConfigError
from saltern_master.jobs.configured import configured_store
from saltern_master.jobs.stores.sqlite import SqliteJobStore
from saltern_master.returners.feeder import Keep
from saltern_master.returners.options import ReturnerOptions, event_options, returner_options
from saltern_master.sql.address import from_url


def read(folder: Path, text: str) -> list[ReturnerOptions]:
    (folder / "master").write_text(f"root_dir: {folder}\n{text}\n")
    return returner_options(master_config(folder))


@pytest.mark.parametrize(
    ("given", "shown", "url"),
    [
        ("mysql://salt:hunter2@db.example/salt", "mysql://db.example/salt", "mysql+pymysql://salt:hunter2@db.example/salt"),
        ("{url: 'mariadb://a@h:3307/d'}", "mysql://h:3307/d", "mysql+pymysql://a@h:3307/d"),
        ("'postgresql://salt@h/d?sslmode=require'", "postgres://h/d", "postgresql+psycopg://salt@h/d?sslmode=require"),
        (
            "{driver: mysql, host: h, user: u, pass: hunter2, db: d, port: 3307, ssl_ca: /ca.pem}",
            "mysql://h:3307/d",
            "mysql+pymysql://u:hunter2@h:3307/d?ssl_ca=%2Fca.pem",
        ),
        ("{driver: pgjsonb, pass: !secret hunter2}", "postgres://localhost/salt", "postgresql+psycopg://salt:hunter2@localhost/salt"),
        ("{driver: sqlite3, database: /x/y.db}", "/x/y.db", "sqlite:////x/y.db"),
        ("sqlite:////x/z.db", "/x/z.db", "sqlite:////x/z.db"),
    ],
)  # fmt: skip
def test_where_a_returner_writes(tmp_path: Path, given: str, shown: str, url: str) -> None:
    (one,) = read(tmp_path, f"returners: {{reports: {given}}}")
    assert (one.name, str(one.address), one.address.url.render_as_string(hide_password=False)) == (
        "reports",
        shown,
        url,
    )
    assert "hunter2" not in f"{one} {one.address!r} {one.address.url}"


def test_sqlite_has_a_file_by_default(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "returners: {here: sqlite}")
    assert str(one.address) == f"{tmp_path}/var/cache/saltern/master/returns.db"


def test_what_is_kept_and_which_returns(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "returners: {x: {url: mysql://h/d, keep_hours: 2.5, max_bytes: 7, metric_returns: true}}")
    assert (one.keep, one.metric_returns) == (Keep(9000.0, 7), True)
    (one,) = read(tmp_path, "returners: {x: {url: mysql://h/d, keep_hours: 0, max_bytes: 0}}")
    assert (one.keep, one.metric_returns) == (Keep(), False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("returners: {Reports: sqlite}", "returners: Reports: a name has up to 32 of a to z"),
        ("returners: {x: 5}", "returners: x: must be a URL, as mysql://user:password@host/database, or a mapping"),
        ("returners: {x: {}}", "returners: x: needs a url, as mysql://user:password@host/database, or a driver"),
        ("returners: {x: mysq://u:hunter2@h/d}", "returners: x: 'mysq' is no kind of database: did you mean 'mysql'?"),
        ("returners: {x: !secret hunter2}", "returners: x: driver: *** is none of mysql, mariadb"),
        ("returners: {x: {driver: !secret hunter2}}", "returners: x: driver: *** is none of mysql, mariadb"),
        ("returners: {x: oracle}", "returners: x: driver: 'oracle' is none of mysql, mariadb"),
        ("returners: {x: mysql://u:hunter2@h}", "returners: x: names no database"),
        ("returners: {x: 'mysql://u:hunter2@h:port/d'}", "returners: x: is no URL of a database"),
        ("returners: {x: {url: mysql://h/d, keep_hour: 1}}", "beside a url: did you mean 'keep_hours'?"),
        ("returners: {x: {url: mysql://h/d, keep_hours: soon}}", "returners: x: keep_hours: must be a number"),
        ("returners: {x: {url: mysql://h/d, max_bytes: -1}}", "returners: x: max_bytes: must be a number"),
        ("returners: {x: {url: mysql://h/d, metric_returns: 1}}", "x: metric_returns: must be true or false"),
        ("returners: {x: {driver: mysql, hst: h}}", "returners: x: hst is not an option: did you mean 'host'?"),
        ("returners: {x: {driver: mysql, port: '1'}}", "returners: x: port must be a number from 1 to 65535"),
        ("returners: {x: {driver: sqlite, host: h}}", "returners: x: host: SQLite takes database, a path, alone"),
        ("returners: {x: {driver: pgjsonb, url: mysql://h/d}}", "returners: x: driver: pgjsonb is not for mysql"),
        ("event_return: y", "event_return: 'y' is no returner"),
        ("returners: {reports: mysql://h/d}\nevent_return: [report]", "did you mean 'reports'?"),
        ("event_return: {a: b}", "event_return: must be a name of returners, or a list"),
        ("returners: {x: sqlite}\nevent_return: x", "event_return: x is SQLite, where Salt has no table of events"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    line = str(caught.value)
    assert said in line
    assert line.startswith(f"{tmp_path}/master: ")
    assert "\n" not in line
    assert "hunter2" not in line


def test_salts_own_options_name_returners_too(tmp_path: Path) -> None:
    text = "mysql.host: h\nmysql.pass: hunter2\nmysql.port: 3307\nmysql.ssl_ca: None\nreturner.pgjsonb.db: d\n"
    (one,) = read(tmp_path, f"{text}master_job_cache: mysql")
    assert (one.name, str(one.address), one.returns, one.events) == ("mysql", "mysql://h:3307/salt", True, False)
    assert one.address.url.password == "hunter2"
    one, other = read(tmp_path, f"{text}returners: {{x: {{driver: mysql, db: y}}}}\nevent_return: [pgjsonb, mysql]")
    assert (one.name, str(one.address), one.returns, one.events) == ("x", "mysql://h:3307/y", True, True)
    assert (other.name, str(other.address), other.returns, other.events) == (
        "pgjsonb",
        "postgres://localhost/d",
        False,
        True,
    )
    (one,) = read(tmp_path, "sqlite3.database: /x/y.db\nmaster_job_cache: sqlite3")
    assert str(one.address) == "/x/y.db"
    with pytest.raises(ConfigError, match="master_job_cache must be one of local_cache, mysql, "):
        read(tmp_path, "master_job_cache: redis")
    assert not list(remarks(MASTER, master_config(tmp_path)) if read(tmp_path, text) == [] else [1])


def test_a_library_that_is_missing_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in ("pymysql", "psycopg") else there(name)
    )
    with pytest.raises(ConfigError, match=r"x: needs PyMySQL, which isn't installed: pip install 'saltern\[mysql\]'$"):
        read(tmp_path, "returners: {x: mysql://h/d}")
    (tmp_path / "master").write_text("job_db: postgresql://h/d")
    with pytest.raises(ConfigError, match=r"job_db: needs psycopg, .*'saltern\[postgres\]'$"):
        configured_store(master_config(tmp_path))


def test_events_go_to_whom_they_are_named_for_by_any_name(tmp_path: Path) -> None:
    text = "returners: {a: mysql://h/d, b: {driver: pgjsonb}, c: sqlite}\nevent_return: [a, pgjsonb]"
    assert [one.name for one in read(tmp_path, text) if one.events] == ["a", "b"]
    assert not any(one.events for one in read(tmp_path, "returners: {a: mysql://h/d}"))
    (tmp_path / "master").write_text(
        "event_return_queue: 5\nevent_return_queue_max_seconds: 2\nevent_return_whitelist: ['a*']"
    )
    assert event_options(master_config(tmp_path)) == (["a*"], [], (5, 2))


@pytest.mark.parametrize(
    ("given", "path"), [("jobs.sqlite", "jobs.sqlite"), ("sqlite:///var/x/jobs.db", "var/x/jobs.db")]
)
def test_a_job_db_is_a_path_or_a_url(tmp_path: Path, given: str, path: str) -> None:
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\njob_db: {given}")
    options = master_config(tmp_path)
    assert isinstance(configured_store(options), SqliteJobStore)
    assert options["job_db"] == f"{tmp_path}/{path}"


def test_no_log_has_a_password(caplog: pytest.LogCaptureFixture) -> None:
    from saltern_master.sql.database import Database

    caplog.set_level(logging.DEBUG)
    database = Database(from_url("mysql://u:hunter2@127.0.0.1:1/d", "x"))
    with pytest.raises(Exception, match="can't be read") as caught, database.connected("can't be read"):
        pass
    told: Any = caught.value
    assert "hunter2" not in f"{told} {told.__cause__} {caplog.text}"
