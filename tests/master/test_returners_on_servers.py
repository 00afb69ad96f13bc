"""Returners on real MariaDB and PostgreSQL servers: Salt's tables, and each return once whatever fails."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from saltern_master.jobs.query import Wanted
from saltern_master.journal.reader import Position
from saltern_master.returners import feeder as feeder_module
from saltern_master.returners.drivers.mysql import MysqlReturner
from saltern_master.returners.drivers.postgres import _PGJSONB
from saltern_master.returners.drivers.salt_tables import SaltTables
from saltern_master.sql import database as database_module
from support import fed_returner
from support.database_servers import MariaDb, Postgres, Server
from support.fed_returner import Fed, jid, job, ret
from support.masters import until
from support.mounts import tmpfs

NASTY = {
    "text": "\0 \ud800 😀 ü \\u0000 ' \" % \\",
    "numbers": [float("nan"), float("inf"), 2**63, -(2**63), 1.5],
    "bytes": b"\xff\0",
    "keys": {1: 2, None: 3, b"x": 4, float("nan"): 5},
}
AS_TEXT = {
    "text": "\0 \ud800 😀 ü \\u0000 ' \" % \\",
    "numbers": ["NaN", "Infinity", 2**63, -(2**63), 1.5],
    "bytes": "\\xff\0",
    "keys": {"1": 2, "null": 3, "x": 4, "NaN": 5},
}


# PyMySQL leaves the socket of a connection that was refused to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(feeder_module, "RETRY_MIN_S", 0.02)
    monkeypatch.setattr(feeder_module, "RETRY_MAX_S", 0.2)
    monkeypatch.setattr(feeder_module, "GATHER_S", 0.0)
    monkeypatch.setattr(database_module, "LOCKED_S", 1)
    yield
    gc.collect()  # while that is passed over


def returner(server: Server, database: str, more: str = "") -> str:
    return f"returners: {{x: {{url: {server.url(database)!r}{more}}}}}"


def once(server: Server, database: str, number: int) -> bool:
    """Whether so many returns are there, each once."""
    rows = server.rows(database, "SELECT jid, id FROM salt_returns")
    return len(rows) == len(set(rows)) == number


def test_the_tables_are_salts(server: Server, tmp_path: Path) -> None:
    database = server.fresh()

    async def scenario() -> None:
        fed = Fed(tmp_path, returner(server, database))
        async with fed.at_work():
            fed.write(job(1), ret(1), ret(1, "web2", {"a": 1}, success=False, retcode=3))
            await fed.stored()

    asyncio.run(scenario())
    columns = server.rows(
        database,
        "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable "
        "FROM information_schema.columns WHERE table_name IN ('jids', 'salt_returns', 'salt_events') "
        f"AND table_schema = '{database if isinstance(server, MariaDb) else 'public'}' "
        "ORDER BY table_name, ordinal_position",
    )
    found: dict[str, list[str]] = {}
    for table, name, kind, length, nullable in columns:
        size = f"({length})" if "char" in kind else ""
        found.setdefault(table, []).append(f"{name} {kind}{size}{'?' if nullable == 'YES' else ''}")
    text, varchar = ("mediumtext", "varchar") if isinstance(server, MariaDb) else ("jsonb", "character varying")
    when = "alter_time timestamp?" if isinstance(server, MariaDb) else "alter_time timestamp with time zone?"
    assert found == {
        "jids": [f"jid {varchar}(255)", f"load {text}"],
        "salt_returns": [
            f"fun {varchar}(50)",
            f"jid {varchar}(255)",
            f"return {text}",
            f"id {varchar}(255)",
            f"success {varchar}(10)",
            f"full_ret {text}",
            when,
        ],
        "salt_events": ["id bigint", f"tag {varchar}(255)", f"data {text}", when, f"master_id {varchar}(255)"],
    }
    quote = "`" if isinstance(server, MariaDb) else '"'
    (one, two) = server.rows(
        database, f"SELECT fun, jid, {quote}return{quote}, id, success, full_ret FROM salt_returns ORDER BY id"
    )
    loaded: Callable[[Any], Any] = json.loads if isinstance(server, MariaDb) else lambda value: value
    yes, no = ("1", "0") if isinstance(server, MariaDb) else ("true", "false")
    assert (one[0], one[1], loaded(one[2]), one[3], one[4]) == ("test.f", jid(1), True, "web1", yes)
    assert (loaded(two[2]), two[3], two[4]) == ({"a": 1}, "web2", no)
    assert loaded(one[5]) == {
        "jid": jid(1),
        "fun": "test.f",
        "return": True,
        "retcode": 0,
        "success": True,
        "fun_args": [],
        "id": "web1",
        "cmd": "_return",
        "_stamp": "2026-09-21T14:13:20.000000+00:00",
    }
    ((stored_jid, load),) = server.rows(database, "SELECT * FROM jids")
    assert (stored_jid, loaded(load)["tgt"], loaded(load)["user"]) == (jid(1), "*", "root")
    assert "owner" not in loaded(load)
    assert server.rows(database, "SELECT alter_time FROM salt_returns")[0][0].timestamp() % 60 == 20


KEYS = {
    MariaDb: {"id", "jid", "fun", "tag"},
    Postgres: {
        *(f"idx_salt_returns_{name}" for name in ("id", "jid", "fun", "return", "full_ret")),
        *("idx_jids_jsonb", "idx_salt_events_tag", "idx_salt_events_data"),
    },
}


def test_the_keys_are_salts(server: Server, tmp_path: Path) -> None:
    database = server.fresh()

    async def scenario() -> None:
        fed = Fed(tmp_path, returner(server, database))
        async with fed.at_work():
            await fed.stored()

    asyncio.run(scenario())
    if isinstance(server, MariaDb):
        query = f"SELECT index_name FROM information_schema.statistics WHERE table_schema = '{database}'"
    else:
        query = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
    assert {row[0] for row in server.rows(database, query)} >= KEYS[type(server)]


SALTS_MYSQL = [
    "CREATE TABLE `jids` (`jid` varchar(255) NOT NULL, `load` mediumtext NOT NULL, UNIQUE KEY `jid` (`jid`)) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb3",
    "CREATE TABLE `salt_returns` (`fun` varchar(50) NOT NULL, `jid` varchar(255) NOT NULL, "
    "`return` mediumtext NOT NULL, `id` varchar(255) NOT NULL, `success` varchar(10) NOT NULL, "
    "`full_ret` mediumtext NOT NULL, `alter_time` TIMESTAMP DEFAULT CURRENT_TIMESTAMP, "
    "KEY `id` (`id`), KEY `jid` (`jid`), KEY `fun` (`fun`)) ENGINE=InnoDB CHARSET=utf8mb3",
]
SALTS_POSTGRES = [
    "CREATE TABLE jids (jid varchar(20) PRIMARY KEY, load text NOT NULL)",
    "CREATE TABLE salt_returns (fun varchar(50) NOT NULL, jid varchar(255) NOT NULL, return text NOT NULL, "
    "full_ret text, id varchar(255) NOT NULL, success varchar(10) NOT NULL, alter_time timestamptz DEFAULT now())",
]


def test_tables_that_salt_made_are_used_as_they_are(server: Server, tmp_path: Path) -> None:
    database = server.fresh()
    mysql = isinstance(server, MariaDb)
    for statement in SALTS_MYSQL if mysql else SALTS_POSTGRES:
        server.admin(statement, database)
    word = "`return`" if mysql else "return"
    server.admin(
        f"INSERT INTO salt_returns (fun, jid, {word}, id, success, full_ret) "
        f"VALUES ('test.f', '{jid(1)}', 'true', 'web1', '1', '{{}}')",
        database,
    )
    if not mysql:
        server.admin("GRANT ALL ON ALL TABLES IN SCHEMA public TO salt", database)

    async def scenario() -> None:
        fed = Fed(tmp_path, returner(server, database))
        async with fed.at_work():
            fed.write(job(1), ret(1), ret(1, "web2", NASTY), ret(2, fun="test." + "x" * 80), job(1), ret(1, "web2"))
            await fed.stored()
            page = fed.returners["x"].query(Wanted())
        assert [(one.jid, one.minion_id) for one in page.found] == [
            (jid(2), "web1"),
            (jid(1), "web2"),
            (jid(1), "web1"),
        ]
        assert page.found[1].result == AS_TEXT
        assert page.found[0].fun == ("test." + "x" * 80)[:50]
        assert fed.dead.count == 0

    asyncio.run(scenario())
    assert once(server, database, 3)
    assert server.rows(database, f"SELECT full_ret FROM salt_returns WHERE id = 'web1' AND jid = '{jid(1)}'") == [
        ("{}",)
    ]


def test_a_user_who_may_make_no_tables_needs_those_of_the_documentation_alone(server: Server, tmp_path: Path) -> None:
    database = server.fresh()
    mysql = isinstance(server, MariaDb)
    document = (Path(__file__).parents[2] / "docs" / "returns.md").read_text()
    ours = re.findall(r"(create table .*?);", document, re.S)
    assert len(ours) == 2
    if mysql:
        server.admin(f"REVOKE ALL ON {database}.* FROM 'salt'@'%'")
        server.admin(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO 'salt'@'%'")
    else:
        server.admin(f"ALTER DATABASE {database} OWNER TO root")

    async def scenario() -> None:
        fed = Fed(tmp_path, returner(server, database, ", max_bytes: 1000000"))
        async with fed.at_work():
            fed.write(job(1), ret(1))
            await until(lambda: fed.feeder().failures)
            for statement in (*MysqlReturner.made_by.values(), ours) if mysql else (*_PGJSONB.values(), ours):
                for one in statement:
                    server.admin(one, database)
            if not mysql:
                server.admin("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO salt", database)
            await fed.stored()

    asyncio.run(scenario())
    assert once(server, database, 1)


def test_whatever_is_returned_is_stored_in_its_nearest_form_or_set_aside(server: Server, tmp_path: Path) -> None:
    database = server.fresh()

    async def scenario() -> None:
        fed = Fed(tmp_path, returner(server, database))
        async with fed.at_work():
            # MariaDB's max_allowed_packet is 1 MiB here.
            too_large = "x" * 600_000 if isinstance(server, MariaDb) else "x"
            quotes = "'" * 200_000
            fed.write(ret(1, value=NASTY, fun="a\0\ud800"), ret(2, value=too_large), ret(3, value=quotes), ret(4))
            await fed.stored()
            found = {one.jid: one for one in fed.returners["x"].query(Wanted()).found}
        wanted = AS_TEXT
        if isinstance(server, Postgres):  # jsonb holds neither NUL nor half of a pair
            wanted = {**AS_TEXT, "text": "\\u0000 \\ud800 😀 ü \\u0000 ' \" % \\", "bytes": "\\xff\\u0000"}
        assert found[jid(1)].result == wanted
        assert found[jid(3)].result == quotes
        assert len(found) == 4 - fed.dead.count
        assert fed.dead.count == isinstance(server, MariaDb)

    asyncio.run(scenario())


def test_a_server_that_is_killed_in_the_middle_has_each_return_once(server: Server, tmp_path: Path) -> None:
    database = server.fresh()
    kills = iter(random.Random(7).sample(range(40), 3))
    next_kill = next(kills)

    async def scenario() -> None:
        nonlocal next_kill
        fed = Fed(tmp_path, returner(server, database))
        longest = 0.0

        def restart() -> None:
            server.kill()
            server.start()

        async with fed.at_work():
            for number in range(40):
                began = time.monotonic()
                fed.write(job(number), *(ret(number, f"web{n}", "x" * 2000) for n in range(10)))
                longest = max(longest, time.monotonic() - began)
                if number == next_kill:
                    await asyncio.to_thread(restart)
                    next_kill = next(kills, -1)
                await asyncio.sleep(0)
            await fed.stored()
        assert fed.dead.count == 0

    asyncio.run(scenario())
    assert once(server, database, 400)
    assert server.rows(database, "SELECT count(*) FROM jids") == [(40,)]


def test_a_locked_table_and_a_server_that_hangs_stall_nobody_else(server: Server, tmp_path: Path) -> None:
    database, other = server.fresh(), tmp_path / "other.db"
    options = f"returners: {{x: {server.url(database)!r}, y: {{driver: sqlite3, database: {other}}}}}"

    async def scenario() -> None:
        fed = Fed(tmp_path, options)
        async with fed.at_work():
            fed.write(job(1), ret(1))
            await fed.stored("xy")
            with server.connect(database) as locking:
                cursor = locking.cursor()
                locks = "LOCK TABLES salt_returns WRITE" if isinstance(server, MariaDb) else "BEGIN; LOCK salt_returns"
                cursor.execute(locks)
                fed.write(ret(2))
                await fed.stored("y")
                await until(lambda: fed.feeder("x").failures > 0)
                assert not fed.is_stored("x")
                cursor.execute("UNLOCK TABLES" if isinstance(server, MariaDb) else "COMMIT")
            await fed.stored("x")
            server.pause()
            try:
                fed.write(ret(3))
                await fed.stored("y")
                assert not fed.is_stored("x")
            finally:
                server.resume()
            await fed.stored("x")

    asyncio.run(scenario())
    assert once(server, database, 3)


def test_a_master_that_is_killed_in_the_middle_leaves_each_return_once(server: Server, tmp_path: Path) -> None:
    database = server.fresh()
    fed = Fed(tmp_path, returner(server, database))
    fed.write(*(ret(number, f"web{n}", "x" * 500) for number in range(150) for n in range(10)))
    fed.journal.close()
    program = [sys.executable, fed_returner.__file__, str(tmp_path), server.url(database)]
    environment = {**os.environ, "PYTHONPATH": str(Path(fed_returner.__file__).parents[1])}

    def there() -> int:
        try:
            return int(server.rows(database, "SELECT count(*) FROM salt_returns")[0][0])
        except Exception:
            return 0

    started = subprocess.Popen(program, env=environment)
    while there() < 1:  # killed as soon as it has stored some
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(0.01)
            break
    started.send_signal(signal.SIGKILL)
    started.wait()
    killed_at = there()

    async def scenario() -> None:
        again = Fed(tmp_path, returner(server, database))
        async with again.at_work():
            await again.stored()

    asyncio.run(scenario())
    assert once(server, database, 1500)
    assert 0 < killed_at < 1500


def test_a_full_disk_is_waited_for(server: Server, tmp_path: Path) -> None:
    if isinstance(server, Postgres):
        place = server.folder / "small"
        place.mkdir()
    else:
        database = server.fresh()
        place = server.data / database
    with tmpfs(place, "size=3m"):
        server._own(place)
        if isinstance(server, Postgres):
            inner = place / "space"
            inner.mkdir()
            server._own(inner)
            server.admin(f"CREATE TABLESPACE small LOCATION '{inner}'")
            database = server.fresh()

        async def scenario() -> None:
            fed = Fed(tmp_path, returner(server, database))
            async with fed.at_work():
                await fed.stored()
                if isinstance(server, Postgres):
                    for table in ("salt_returns", "jids"):
                        server.admin(f"ALTER TABLE {table} SET TABLESPACE small", database)
                made = 0
                while not fed.feeder().failures:
                    body = "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=60_000))
                    fed.write(ret(made, value=body))
                    made += 1
                    await fed.stored_or_failed()
                assert not fed.is_stored()
                subprocess.run(["mount", "-o", "remount,size=60m", str(place)], check=True)
                storing = asyncio.create_task(fed.stored())
                while not storing.done():  # MariaDB ends itself a moment after it could not write its pages
                    await asyncio.to_thread(server.revive)
                    await asyncio.wait([storing], timeout=0.2)
                await storing
            assert fed.dead.count == 0
            server.revive()
            assert once(server, database, made)

        asyncio.run(scenario())
        if isinstance(server, Postgres):
            for table in ("salt_returns", "jids"):
                server.admin(f"DROP TABLE {table}", database)
            server.admin("DROP TABLESPACE small")
        else:
            server.admin(f"DROP TABLE {database}.salt_returns, {database}.jids, {database}.salt_events")
            server.admin(f"DROP TABLE {database}.saltern_positions")


def test_events_are_stored_once_as_their_tags_are_wanted(server: Server, tmp_path: Path) -> None:
    database = server.fresh()
    options = (
        f"{returner(server, database)}\nevent_return: x\nevent_return_queue: 3\n"
        "event_return_whitelist: ['salt/*', 'my/*']\nevent_return_blacklist: ['salt/auth']"
    )

    async def scenario() -> None:
        fed = Fed(tmp_path, options)
        async with fed.at_work():
            await fed.stored()
            for tag in ("salt/job/1/new", "salt/auth", "other", "my/own", "my/" + "x" * 300):
                fed.bus.publish(tag, {"a": NASTY})
            await until(lambda: fed.event_feed().stored == 3)
            fed.bus.publish("salt/last", {})
            assert not await asyncio.sleep(0.05)
            assert fed.event_feed().stored == 3  # it waits for two more
        assert fed.event_feed().metrics()["events_refused"] == 0

    asyncio.run(scenario())
    rows = server.rows(database, "SELECT tag, master_id FROM salt_events ORDER BY id")
    assert [row[0] for row in rows] == ["salt/job/1/new", "my/own", ("my/" + "x" * 300)[:255], "salt/last"]
    assert rows[0][1].endswith("_master")


def test_a_batch_of_events_whose_end_was_not_heard_of_is_stored_once(server: Server, tmp_path: Path) -> None:
    from saltern_master.returners.rows import EventRow

    database = server.fresh()
    fed = Fed(tmp_path, returner(server, database))
    one = fed.returners["x"]
    one.open("j" * 32, Position(0, 0))
    for number in (1, 1, 2, 2):
        one.put_events([EventRow("salt/x", {"n": number}, time.time())], number)
    assert server.rows(database, "SELECT count(*) FROM salt_events") == [(2,)]
    one.close()
    fed.journal.close()


def test_a_transaction_that_a_dead_master_left_is_over_before_the_next(server: Server, tmp_path: Path) -> None:
    database = server.fresh()
    fed = Fed(tmp_path, returner(server, database))
    old, new = fed.returners["x"], Fed(tmp_path / "again", returner(server, database)).returners["x"]
    assert isinstance(old, SaltTables)
    items = fed.feeder()._items([ret(1), ret(2)])
    rows = [item.row for item in items]
    for one in (old, new):
        one.open("j" * 32, Position(0, 0))
    within, go_on = threading.Event(), threading.Event()
    whole = old._missing_returns

    def slow(*given: Any) -> Any:
        missing = whole(*given)
        within.set()
        assert go_on.wait(20)
        return missing

    old._missing_returns = slow  # type: ignore[method-assign]
    first = threading.Thread(target=old.put, args=(rows, Position(1, 10)))
    first.start()
    assert within.wait(20)
    results: list[Any] = []

    def second() -> None:
        for _ in range(2):
            try:
                results.append(new.put(rows, Position(1, 10)))
            except Exception as error:
                results.append(type(error).__name__)
                new.open("j" * 32, Position(0, 0))

    other = threading.Thread(target=second)
    other.start()
    go_on.set()
    for thread in (first, other):
        thread.join(20)
    assert results[-1] == 0
    assert once(server, database, 2)
    old.close()
    new.close()
    fed.journal.close()


def test_old_rows_and_what_is_over_the_bound_go_in_steps(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from saltern_master.returners.drivers import salt_tables

    monkeypatch.setattr(salt_tables, "STEP_ROWS", 7)
    database = server.fresh()
    fed = Fed(tmp_path, returner(server, database, ", max_bytes: 1, keep_hours: 1"))
    one = fed.returners["x"]
    one.open("j" * 32, Position(0, 0))
    of_minutes = [f"202601010{minute // 60}{minute % 60:02d}00000000" for minute in range(20)]
    records = []
    for number, ident in enumerate(of_minutes):
        returned = ret(0, value="x" * 100, received=1767225600.0 + 60 * number)
        records += [record.replace(jid(0).encode(), ident.encode()) for record in (job(0), returned)]
    items = fed.feeder()._items(records)
    one.put([item.row for item in items], Position(1, 10))
    steps = _steps(lambda: one.purge(1767225600.0 + 60 * 10 - 1, None))
    assert max(steps) <= 7
    assert server.rows(database, "SELECT count(*), min(jid) FROM salt_returns") == [(10, of_minutes[10])]
    assert server.rows(database, "SELECT count(*), min(jid) FROM jids") == [(10, of_minutes[10])]
    (total,) = server.rows(database, "SELECT sum(bytes) FROM saltern_sizes")[0]
    _steps(lambda: one.purge(None, int(total) // 2))
    left = server.rows(database, "SELECT count(*), min(jid) FROM salt_returns")
    assert left == [(5, of_minutes[15])]
    assert server.rows(database, "SELECT count(*), min(jid) FROM jids") == left
    one.close()
    fed.journal.close()


def _steps(purge: Callable[[], int]) -> Sequence[int]:
    steps = []
    while step := purge():
        steps.append(step)
    return steps
