"""The stack's folder: configuration, keys, ports, and the programs to start.

::

    DIR/etc/master            yours to edit; made on the first start
    DIR/etc/master.d/up.conf  written at every start: ports and folders
    DIR/etc/web, web.d/       the same for the console
    DIR/etc/minions/<id>/     the same for each agent
    DIR/srv/                  files for minions; modules go in DIR/srv/_modules
    DIR/pki  DIR/cache  DIR/graphite  DIR/web  DIR/log
    DIR/run/endpoints.json    where everything listens
    DIR/run/api-admin.json    who may use the HTTP API at first (api_access)
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from saltern.config import master_config, minion_config
from saltern.errors import ConfigError
from saltern.files import make_folder, write_atomic
from saltern.ids import check_minion_id, names_every_host
from saltern.keystore import ACCEPTED, KeyStore
from saltern.own_python import python_module
from saltern.pki import own_keys
from saltern_master.up.api_access import ApiAccess
from saltern_master.up.own_options import UP_FILE, own_option

HOST = "127.0.0.1"
PREFERRED_PORTS = {"publish": 4505, "ret": 4506, "line": 2003, "batch": 2005, "http": 8080, "api": 8000, "web": 8090}
DEMO_IDS = ("web01", "db01")
EVENTS_OF = ["alerts", "jobs", "presence"]

MASTER_FILE = """# The master of this stack. master.d/up.conf holds what saltern-up decides; the rest is yours.
# Who may log in and do what (external_auth, roles) is in master.d/access.conf; files there win over this one.
# Every option with its default: master/master.yaml in Saltern's sources.
{extra}"""

DEMO_EXTRA = """auto_accept: true
fileserver_update_interval: 2
sync_on_change: true
alerts_interval: 5
"""

DEMO_ALERTS = """# An alert: a metric glob or a Graphite target, levels, and a script if you like (JSON on its stdin).
load:
  metric: saltern.*.stats.load.1m
  warn: "> {warn}"
  crit: "> {crit}"
  for: 30s
disk_full:
  metric: saltern.*.stats.disk.root.percent
  warn: "> 85"
  crit: "> 95"
silent:
  metric: saltern.*.stats.uptime.seconds
  crit: "< 0"
  nodata: crit
"""


class Program(NamedTuple):
    """One process of the stack.

    What it is called, its argv, the file that it writes when it listens, and which of the stack's ports it listens on.
    """

    name: str
    argv: list[str]
    ready_file: str | None
    ports: tuple[str, ...] = ()


class Stack:
    """A stack below the folder *root*, with *minions* agents.

    It listens where it did the last time; a new one on the *usual_ports* as far as they are free, or on any.
    """

    def __init__(self, root: str, minions: int, *, demo: bool, usual_ports: Mapping[str, int]) -> None:
        self.root = os.path.abspath(root)
        self.demo = demo
        self.config_dir = os.path.join(self.root, "etc")
        self.sock_dir = os.path.join(self.root, "run")
        self.log_dir = os.path.join(self.root, "log")
        self.graphite_dir = os.path.join(self.root, "graphite")
        self.endpoints_file = os.path.join(self.sock_dir, "endpoints.json")
        own = _own_id()
        more = DEMO_IDS if demo else ()
        others = [more[i] if i < len(more) else f"{own}-{i + 2}" for i in range(minions - 1)]
        self.minion_ids = [own, *others] if minions else []
        self.ports: dict[str, int] = {}
        self.access = ApiAccess(self.root)
        self._usual_ports = usual_ports

    def prepare(self, taken: Collection[str] = ()) -> None:
        """Make folders, keys and configuration, on ports that are free now. Raises ``ConfigError``.

        *taken*: names of ports that another program was quicker to take once they were chosen; any others replace them.
        """
        try:
            for folder in (
                "",
                "etc/master.d",
                "etc/alerts.d",
                "etc/web.d",
                "etc/minions",
                "srv/_modules",
                "run",
                "log",
                "cache",
                "graphite",
            ):
                make_folder(os.path.join(self.root, folder), 0o755)
            self.ports = self._choose_ports(taken)
            self._write_master()
            self.access.prepare()
            self._write_master_ports()
            self._write_web()
            master_key = own_keys(os.path.join(self.root, "pki", "master"), "master").public
            store = KeyStore(os.path.join(self.root, "pki", "master"))
            store.create()
            for minion_id in self.minion_ids:
                self._write_minion(minion_id, master_key, store)
        except (FileExistsError, NotADirectoryError):
            raise ConfigError(f"{self.root}: there is a file where a folder is needed: name another --root") from None
        except OSError as error:
            raise ConfigError(f"{error.filename or self.root}: {error.strerror}") from None

    def programs(self) -> list[Program]:
        """Return what to start, in order."""
        http, line, batch = (f"{HOST}:{self.ports[name]}" for name in ("http", "line", "batch"))
        graphite = python_module("saltern_graphite", "serve", "--root", self.graphite_dir)
        graphite += ["--line", line, "--udp", line, "--batch", batch, "--http", http]
        graphite += ["--pickle", "off", "--writers", "auto"]  # one host needs no more, and may become many
        graphite += ["--log-file", self.log_path("graphite")]
        master = python_module("saltern_master", "-c", self.config_dir, *self._log_file("master", self.config_dir))
        api_ready = os.path.join(self.sock_dir, "api.json")
        api = python_module("saltern_api", "-c", self.config_dir, "--ready-file", api_ready)
        api += ["--log-file", self.log_path("api")]
        web_ready = os.path.join(self.sock_dir, "web.json")
        web = python_module("saltern_web", "-c", self.config_dir, "--ready-file", web_ready)
        web += [] if own_option(self.config_dir, "web", "log_file") else ["--log-file", self.log_path("web")]
        ready = {
            "master": os.path.join(self.sock_dir, "master.json"),
            "graphite": os.path.join(self.graphite_dir, "run", "graphite.json"),
        }
        return [
            Program("graphite", graphite, ready["graphite"], ("line", "batch", "http")),
            Program("master", master, ready["master"], ("publish", "ret")),
            Program("api", api, api_ready, ("api",)),
            Program("web", web, web_ready, ("web",)),
            *[self._agent(minion_id) for minion_id in self.minion_ids],
        ]

    def _agent(self, minion_id: str) -> Program:
        name, config = f"agent {minion_id}", self.minion_config(minion_id)
        return Program(name, python_module("saltern_agent", "-c", config, *self._log_file(name, config)), None)

    def _log_file(self, program: str, config: str) -> list[str]:
        """Return the option that names the log of *program*, whose configuration may name another itself."""
        read: Callable[[str], Any] = master_config if program == "master" else minion_config
        with contextlib.suppress(ConfigError):  # the program says what is wrong with it
            if read(config)["log_file"]:
                return []
        return ["--log-file", self.log_path(program)]

    def log_path(self, program: str) -> str:
        """Return where *program* logs, and where goes what it says before and beside that."""
        return os.path.join(self.log_dir, f"{program.replace(' ', '-')}.log")

    def minion_config(self, minion_id: str) -> str:
        """Return the folder of an agent's configuration."""
        return os.path.join(self.config_dir, "minions", minion_id)

    @property
    def http_url(self) -> str:
        """Where Grafana's data source points."""
        return f"http://{HOST}:{self.ports['http']}"

    @property
    def api_url(self) -> str:
        """Where the HTTP API for commands is."""
        return f"{'https' if self.access.certificate else 'http'}://{HOST}:{self.ports['api']}"

    @property
    def web_url(self) -> str:
        """Where the console is."""
        scheme = "https" if own_option(self.config_dir, "web", "ssl_crt") else "http"
        return f"{scheme}://{HOST}:{self.ports['web']}"

    def write_endpoints(self, pids: dict[str, int]) -> None:
        """Say where everything listens."""
        endpoints = {
            "http": self.http_url,
            "api": self.api_url,
            "web": self.web_url,
            "line": f"{HOST}:{self.ports['line']}",
            "batch": f"{HOST}:{self.ports['batch']}",
            "publish": f"{HOST}:{self.ports['publish']}",
            "ret": f"{HOST}:{self.ports['ret']}",
            "sock_dir": self.sock_dir,
            "config_dir": self.config_dir,
            "minions": self.minion_ids,
            "pids": pids,
        }
        write_atomic(self.endpoints_file, json.dumps(endpoints, indent=1).encode() + b"\n")

    def _choose_ports(self, taken: Collection[str]) -> dict[str, int]:
        """Keep the ports of the last start while they are free; else the usual ones if wanted, else any.

        For those *taken* any: two stacks that begin together would go on taking the usual ones from each other.
        """
        ports_file = os.path.join(self.root, "run", "ports.json")
        last: dict[str, int] = {}
        try:
            with open(ports_file, encoding="ascii") as stream:
                last = {name: int(port) for name, port in json.load(stream).items() if name in PREFERRED_PORTS}
        except (OSError, ValueError, AttributeError):
            pass
        ports = {}
        held = []  # until all are chosen, so that none is chosen twice
        for name in PREFERRED_PORTS:
            for port in (0,) if name in taken else (last.get(name), self._usual_ports.get(name), 0):
                listener = _listen(port) if port is not None else None
                if listener is not None:
                    held.append(listener)
                    ports[name] = listener.getsockname()[1]
                    break
        for listener in held:
            listener.close()
        write_atomic(ports_file, json.dumps(ports).encode())
        return ports

    def _write_master(self) -> None:
        main = os.path.join(self.config_dir, "master")
        if not os.path.exists(main):
            write_atomic(main, MASTER_FILE.format(extra=DEMO_EXTRA if self.demo else "").encode())
            if self.demo:
                cores = os.cpu_count() or 1
                alerts = DEMO_ALERTS.format(warn=2 * cores, crit=4 * cores)
                write_atomic(os.path.join(self.config_dir, "alerts.d", "demo.yaml"), alerts.encode())

    def _write_master_ports(self) -> None:
        _write_options(
            os.path.join(self.config_dir, "master.d", UP_FILE),
            {
                "interface": HOST,
                "publish_port": self.ports["publish"],
                "ret_port": self.ports["ret"],
                "pki_dir": os.path.join(self.root, "pki", "master"),
                "cachedir": os.path.join(self.root, "cache", "master"),
                "sock_dir": self.sock_dir,
                "file_roots": {"base": [os.path.join(self.root, "srv")]},
                "carbon_host": HOST,
                "carbon_port": self.ports["batch"],
                "render_url": self.http_url,
                "events_url": f"{self.http_url}/events/",
                **({} if self.access.said("events_of") is not None else {"events_of": EVENTS_OF}),
                **self.access.options(HOST, self.ports["api"]),
            },
        )

    def _write_web(self) -> None:
        given = {"api": self.api_url, "api_ca": self.access.certificate, "host": HOST}
        own = {name for name in given if own_option(self.config_dir, "web", name) is not None}
        _write_options(
            os.path.join(self.config_dir, "web.d", UP_FILE),
            {
                **{name: value for name, value in given.items() if value and name not in own},
                "port": self.ports["web"],
                "state_dir": os.path.join(self.root, "web"),
            },
        )

    def _write_minion(self, minion_id: str, master_key: str, store: KeyStore) -> None:
        folder = self.minion_config(minion_id)
        make_folder(os.path.join(folder, "minion.d"), 0o755)
        main = os.path.join(folder, "minion")
        if not os.path.exists(main):
            write_atomic(main, b"# This agent's own options; minion.d/up.conf holds what saltern-up decides.\n")
        pki_dir = os.path.join(self.root, "pki", minion_id)
        store.put(ACCEPTED, minion_id, own_keys(pki_dir, "minion").public)
        _write_options(
            os.path.join(folder, "minion.d", UP_FILE),
            {
                "id": minion_id,
                "master": HOST,
                "publish_port": self.ports["publish"],
                "ret_port": self.ports["ret"],
                "master_key": master_key,
                "pki_dir": pki_dir,
                "cachedir": os.path.join(self.root, "cache", minion_id),
            },
        )


def _write_options(path: str, options: dict[str, Any]) -> None:
    """Write options as YAML; JSON is a part of it."""
    lines = [f"{key}: {json.dumps(value)}" for key, value in options.items()]
    write_atomic(path, "\n".join(["# Written by saltern-up at every start.", *lines, ""]).encode())


def _listen(port: int) -> socket.socket | None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1)
    except OSError:
        listener.close()
        return None
    return listener


def _own_id() -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", socket.gethostname().lower()).strip("-._")
    return "this-host" if not name or names_every_host(name) else check_minion_id(name)
