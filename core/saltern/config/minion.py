"""A minion's options. ``agent/agent.yaml`` says what each is for; a test holds the two together."""

from __future__ import annotations

import os
import socket
from typing import Any, TypedDict

from saltern.config.master import place_under_root
from saltern.config.schema import Schema
from saltern.errors import ConfigError, IdError
from saltern.host_name import check_host
from saltern.ids import check_minion_id, returners_of
from saltern.kept_id import kept_id
from saltern.wire import MAX_MESSAGE_BYTES

_Return = TypedDict("_Return", {"return": Any})  # a word of Python's, which a class can't have


class MinionOptions(_Return):
    """Everything that the file ``minion`` may hold; paths are absolute after loading."""

    conf_file: str
    config_dir: str
    default_include: str
    include: list[str]
    id: str
    id_from: str
    master: str
    publish_port: int
    ret_port: int
    master_key: str
    root_dir: str
    pki_dir: str
    cachedir: str
    log_level: str
    log_file: str
    grains: dict[str, Any]
    grains_deep_merge: bool
    grains_blacklist: list[str]
    grains_refresh_every: float
    module_dirs: list[str]
    file_client: str
    file_roots: dict[str, Any]
    log_paths: list[str]
    sync_on_connect: bool
    stats: dict[str, Any]
    proc_root: str
    sys_root: str
    worker_threads: int
    device_threads: int
    device_slow_threads: int
    device_timeout: float
    proxy_keep_alive: bool
    proxy_keep_alive_interval: float
    mine_functions: dict[str, Any]
    mine_interval: float
    isolate_functions: list[str]
    max_return_bytes: int
    outbox_max_bytes: int
    spool_after: float
    spool_max_bytes: int
    spool_max_hours: float
    correct_clock: bool
    heartbeat_interval: float
    heartbeat_timeout: float
    reconnect_interval: float
    reconnect_interval_max: float
    pending_retry_interval: float


DEFAULTS: dict[str, Any] = {
    "default_include": "minion.d/*.conf",
    "include": [],
    "id": "",
    "master": "127.0.0.1",
    "publish_port": 4505,
    "ret_port": 4506,
    "master_key": "",
    "root_dir": "/",
    "pki_dir": "/etc/saltern/pki/minion",
    "cachedir": "/var/cache/saltern/minion",
    "log_level": "info",
    "log_file": "",
    "grains": {},
    "grains_deep_merge": False,
    "grains_blacklist": [],
    "grains_refresh_every": 0.0,
    "module_dirs": [],
    "file_client": "remote",
    "file_roots": {"base": ["/srv/saltern"]},
    "log_paths": ["/var/log"],
    "sync_on_connect": True,
    "stats": {},
    "proc_root": "/proc",
    "sys_root": "/sys",
    "worker_threads": 8,
    "device_threads": 32,
    "device_slow_threads": 512,
    "device_timeout": 10.0,
    "proxy_keep_alive": True,
    "proxy_keep_alive_interval": 1.0,
    "mine_functions": {},
    "mine_interval": 60.0,
    "isolate_functions": [],
    "max_return_bytes": 8 * 1024 * 1024,
    "outbox_max_bytes": 4 * 1024 * 1024,
    "spool_after": 5.0,
    "spool_max_bytes": 256 * 1024 * 1024,
    "spool_max_hours": 72.0,
    "correct_clock": True,
    "heartbeat_interval": 15.0,
    "heartbeat_timeout": 30.0,
    "reconnect_interval": 0.5,
    "reconnect_interval_max": 20.0,
    "pending_retry_interval": 10.0,
    "return": [],
}

CONFIGURED, KEPT, HOST = "configured", "kept", "host"
"""Where an id comes from (``id_from``): the configuration, the file beside the key, the host's name."""

PATHS = ("pki_dir", "cachedir", "log_file")


def own_name() -> str:
    """Return this host's full name, or its short one where the full one says only ``localhost``.

    It is what the resolver says, without a last dot; of a name that no resolver takes (``a..b``) what the kernel says.
    """
    short = socket.gethostname().lower()
    try:
        full = socket.getfqdn().lower()
    except UnicodeError:
        full = short
    return (short if full.partition(".")[0] == "localhost" else full).removesuffix(".")


def _finish(options: dict[str, Any]) -> None:
    place_under_root(options, PATHS)
    where = options["conf_file"]
    kept = "" if options["id"] else kept_id(options["pki_dir"])
    options["id_from"] = CONFIGURED if options["id"] else KEPT if kept else HOST
    try:
        options["id"] = check_minion_id(options["id"] or kept or own_name())
    except IdError as error:
        hint = "" if options["id_from"] == CONFIGURED else ": it is this host's name: set id: there to another"
        raise ConfigError(f"{where}: id: {error}{hint}") from None
    try:
        options["master"] = check_host(options["master"])
    except IdError as error:
        raise ConfigError(f"{where}: master: {error}") from None
    try:
        options["return"] = returners_of(options["return"])
    except IdError as error:
        raise ConfigError(f"{where}: return: {error}") from None
    options["module_dirs"] = [os.path.join(options["config_dir"], path) for path in options["module_dirs"]]


MINION = Schema(
    name="minion",
    options=MinionOptions,
    defaults=DEFAULTS,
    bounds={
        "publish_port": (1, 65535),
        "ret_port": (1, 65535),
        "worker_threads": (1, 256),
        "device_threads": (1, 1024),
        "device_slow_threads": (1, 8192),
        "device_timeout": (0.1, 3600),
        "proxy_keep_alive_interval": (0.01, 60 * 24),
        "mine_interval": (0.01, 60 * 24 * 366),
        "grains_refresh_every": (0.0, 60 * 24 * 366),
        "max_return_bytes": (4096, MAX_MESSAGE_BYTES),
        "outbox_max_bytes": (64 * 1024, 2**40),
        "spool_after": (0.1, 3600),
        "spool_max_bytes": (1024 * 1024, 2**50),
        "spool_max_hours": (0.01, 24 * 366),
        "heartbeat_interval": (0.1, 3600),
        "heartbeat_timeout": (0.2, 86400),
        "reconnect_interval": (0.05, 3600),
        "reconnect_interval_max": (0.1, 86400),
        "pending_retry_interval": (0.2, 3600),
    },
    choices={"file_client": ("remote", "local"), "log_level": ("debug", "info", "warning", "error", "critical")},
    finish=_finish,
)
