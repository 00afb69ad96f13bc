"""A master in a temporary folder: its options, and its objects that nobody started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.config import MasterOptions, master_config
from support.database_servers import MariaDb, Postgres, Server, running
from support.keys import Door


@pytest.fixture
def options(tmp_path: Path) -> MasterOptions:
    """Options of a master below tmp_path, on free ports, without Carbon."""
    (tmp_path / "srv" / "_modules").mkdir(parents=True)
    (tmp_path / "master").write_text(
        f"""
root_dir: {tmp_path}
interface: 127.0.0.1
publish_port: 0
ret_port: 0
sock_dir: {tmp_path}/run
file_roots: {{base: [{tmp_path}/srv]}}
carbon_protocol: none
heartbeat_interval: 0.2
heartbeat_timeout: 1
fileserver_update_interval: 0.5
"""
    )
    return master_config(tmp_path)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """The objects of a master, and what it sends."""
    door = Door(tmp_path)
    yield door
    door.close()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """A MariaDB for all tests of a worker."""
    with running(MariaDb) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL for all tests of a worker."""
    with running(Postgres) as server:
        yield server


@pytest.fixture(params=["mariadb", "postgres"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of both; alive, whatever the test before did with it."""
    found: Server = request.getfixturevalue(request.param)
    found.revive()
    return found
