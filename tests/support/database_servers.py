"""Real MariaDB and PostgreSQL servers in folders of the tests', on Unix sockets, run by users without rights."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pymysql

from support import ending

START_WITHIN_S = 50.0
END_WITHIN_S = 5.0
NAME, PASSWORD = "salt", "s3cret-of-salt"
_POSTGRES = Path("/usr/lib/postgresql")
_MEMORY = Path("/dev/shm")
_MEMORY_BYTES = 2 << 30
"""Free there, for the servers of all workers: on a busy disk they take seconds to make and to delete."""


class Server:
    """One server; ``url`` has a database of its own for each ``fresh``."""

    socket_name = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.socket = folder / self.socket_name
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.socket.unlink(missing_ok=True)
        with (self.folder / "console").open("ab") as console:
            self._process = subprocess.Popen(
                self._argv(), stdout=console, stderr=console, cwd=self.folder, start_new_session=True, **self._user()
            )
        end = time.monotonic() + START_WITHIN_S
        while True:
            with contextlib.suppress(pymysql.Error, psycopg.Error):
                if self.socket.exists():
                    self.admin("SELECT 1")
                    return
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError((self.folder / "console").read_text(errors="replace")[-3000:])
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash would, with all of its processes."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            ending.kill([self._process])
            self._process = None

    def end(self) -> None:
        """End it for good."""
        self.kill()

    def revive(self) -> None:
        """Start it again if it answers nobody; one that ends by itself may answer for a moment longer."""
        with contextlib.suppress(pymysql.Error, psycopg.Error):
            self.admin("SELECT 1")
            return
        self.kill()
        self.start()

    def pause(self) -> None:
        """Have it answer nobody, as if the way to it were cut."""
        self._signal(signal.SIGSTOP)
        assert self._process is not None
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)  # a thread of its own may be at work still

    def resume(self) -> None:
        """Have it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        """Send a signal to all of its processes: some are in groups of their own."""
        assert self._process is not None
        if self._process.poll() is not None:  # its number may be another's by now
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            main = psutil.Process(self._process.pid)
            for process in [main, *main.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)

    def fresh(self) -> str:
        """Return the name of a new database, which ``salt`` may use."""
        self._databases += 1
        name = f"db{self._databases}"
        self._make(name)
        return name

    def rows(self, database: str, query: str) -> list[tuple[Any, ...]]:
        """Return what a query finds, as the administrator."""
        raise NotImplementedError

    def admin(self, statement: str, database: str = "") -> None:
        """Do a statement as the administrator."""
        raise NotImplementedError

    def connect(self, database: str = "") -> Any:
        """Return a connection of the administrator's."""
        raise NotImplementedError

    def url(self, database: str) -> str:
        """Return what Saltern is told."""
        raise NotImplementedError

    def _make(self, name: str) -> None:
        raise NotImplementedError

    def _argv(self) -> list[str]:
        raise NotImplementedError

    def _user(self) -> dict[str, Any]:
        if os.geteuid():
            return {}
        entry = pwd.getpwnam(self._account())
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def _account(self) -> str:
        raise NotImplementedError

    def _own(self, path: Path) -> None:
        if not os.geteuid():
            shutil.chown(path, self._account(), self._account())


class MariaDb(Server):
    """``mariadbd`` with a small buffer."""

    socket_name = "s"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._own(folder)
        made = subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={self.data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                "--innodb-log-file-size=8M",
            ],
            capture_output=True,
            cwd=folder,
            **self._user(),
        )
        assert made.returncode == 0, made.stderr.decode()[-3000:]
        self.start()
        self.admin(f"CREATE USER '{NAME}'@'%' IDENTIFIED BY '{PASSWORD}'")

    def connect(self, database: str = "") -> pymysql.Connection[Any]:
        return pymysql.connect(
            unix_socket=str(self.socket), user="root", database=database or None, autocommit=True, charset="utf8mb4"
        )

    def rows(self, database: str, query: str) -> list[tuple[Any, ...]]:
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def admin(self, statement: str, database: str = "") -> None:
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def url(self, database: str) -> str:
        return f"mysql://{NAME}:{PASSWORD}@/{database}?unix_socket={self.socket}"

    def _make(self, name: str) -> None:
        self.admin(f"CREATE DATABASE {name}")
        self.admin(f"GRANT ALL ON {name}.* TO '{NAME}'@'%'")

    def _argv(self) -> list[str]:
        return [
            shutil.which("mariadbd") or "/usr/sbin/mariadbd",
            "--no-defaults",
            f"--datadir={self.data}",
            f"--socket={self.socket}",
            "--skip-networking",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=16M",
            "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=2",
            "--max-allowed-packet=1M",
            f"--pid-file={self.folder}/pid",
        ]

    def _account(self) -> str:
        return "mysql"


class Postgres(Server):
    """``postgres`` without fsync: what a kill leaves is what the kernel has."""

    socket_name = ".s.PGSQL.5432"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._own(folder)
        made = subprocess.run(
            [
                self._program("initdb"),
                "-D",
                self.data,
                "-A",
                "trust",
                "-U",
                "root",
                "-N",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ],
            capture_output=True,
            cwd=folder,
            **self._user(),
        )
        assert made.returncode == 0, made.stderr.decode()[-3000:]
        self.start()
        self.admin(f"CREATE ROLE {NAME} LOGIN PASSWORD '{PASSWORD}'")

    def connect(self, database: str = "") -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.folder), user="root", dbname=database or "postgres", autocommit=True)

    def rows(self, database: str, query: str) -> list[tuple[Any, ...]]:
        with self.connect(database) as connection:
            return connection.execute(query.encode()).fetchall()

    def admin(self, statement: str, database: str = "") -> None:
        with self.connect(database) as connection:
            connection.execute(statement.encode())

    def url(self, database: str) -> str:
        return f"postgresql://{NAME}:{PASSWORD}@/{database}?host={self.folder}"

    def _make(self, name: str) -> None:
        self.admin(f"CREATE DATABASE {name} OWNER {NAME}")

    def _argv(self) -> list[str]:
        given = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "autovacuum": "off",
            "dynamic_shared_memory_type": "mmap",  # in its folder: what is killed leaves nothing elsewhere
        }
        given |= {"shared_buffers": "16MB", "max_connections": "20", "log_min_messages": "fatal"}
        return [
            self._program("postgres"),
            "-D",
            str(self.data),
            *(f"--{name}={value}" for name, value in given.items()),
        ]

    def end(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # at once, but it gives its shared memory back
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_WITHIN_S)
        super().end()

    def _program(self, name: str) -> str:
        return shutil.which(name) or str(max(_POSTGRES.glob(f"*/bin/{name}")))

    def _account(self) -> str:
        return "postgres"


@contextlib.contextmanager
def running(kind: type[Server]) -> Iterator[Server]:
    """Give a server of a *kind* that ends with the block."""
    place = _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_BYTES else None
    with tempfile.TemporaryDirectory(prefix="db", dir=place, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = None
        try:
            server = kind(folder)
            yield server
        finally:
            if server is not None:
                server.end()


if __name__ == "__main__":  # how long they take to start
    for kind_ in (MariaDb, Postgres):
        began = time.monotonic()
        with running(kind_) as one:
            print(one.url(one.fresh()), time.monotonic() - began, file=sys.stderr)
