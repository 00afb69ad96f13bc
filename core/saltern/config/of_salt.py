"""Options of Salt's that Saltern doesn't have, with what stands in their place: for who brings his configuration.

One that only has another name here is refused: what it says would be lost. So is one that keeps somebody out. The
others do nothing here and are told in one line of the log. ``saltern-run config.from_salt`` says the same of a whole
configuration, and converts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from saltern.config.idle_of_salt import IDLE

_NO_STATES = "Saltern has no states: it measures and runs commands"
_NO_REACTOR = "follow events by a program (saltern-run state.event, saltern.event), or alerts with a script"
_OF_A_REMOTE = "say it of a remote, in gitfs_remotes"
_UNIT = "the service's unit says it: User=, LimitNOFILE="
_HEARTBEATS = "heartbeat_interval and heartbeat_timeout find dead connections"
_BOTH: dict[str, str] = {
    "user": _UNIT,
    "max_open_files": _UNIT,
    "log_level_logfile": "log_level is for the file, too",
    "log_fmt_console": "lines have one form",
    "log_fmt_logfile": "lines have one form",
    "log_datefmt": "lines have one form",
    "log_granular_levels": "log_level is for all of it",
    "hash_type": "digests are SHA-256",
    "transport": "the channel is always encrypted ZeroMQ",
    "keysize": "keys are Curve25519",
    "ipv6": "an address or a name with one will do",
    "tcp_keepalive": _HEARTBEATS,
    "tcp_keepalive_idle": _HEARTBEATS,
    "tcp_keepalive_intvl": _HEARTBEATS,
    "state_verbose": _NO_STATES,
    "state_output": _NO_STATES,
    "state_top": _NO_STATES,
    "failhard": _NO_STATES,
    "renderer": "the master's option renderer is for pillar",
    "multiprocessing": "jobs run in threads, or with --isolate in a process of their own",
    "return_retry_timer": "returns are kept on disk and sent until they are acknowledged",
}

RETURNER_KEYS: Mapping[str, tuple[str, ...]] = {
    "mysql": ("host", "user", "pass", "db", "port", "ssl_ca", "ssl_cert", "ssl_key"),
    "pgjsonb": ("host", "user", "pass", "db", "port", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl"),
    "postgres": ("host", "user", "pass", "passwd", "db", "port"),
    "sqlite3": ("database",),
}
"""Options of Salt's returners, as in ``mysql.host`` and ``returner.mysql.host`` of a master's file."""
_OF_RETURNERS = re.compile(r"(?:returner\.)?(?:mysql|pgjsonb|postgres|sqlite3)\.[a-z_]+")
"""Options of Salt's returners, which those of ours with such a driver read."""


MASTER_INSTEAD: Mapping[str, str] = _BOTH | {
    "pillar_opts": "templates of pillar see the master's options as opts",
    "client_acl": "publisher_acl grants functions to users of this host",
    "sudo_acl": "publisher_acl grants functions to users of this host",
    "rest_tornado": "there is no HTTP API for commands",
    "open_mode": "auto_accept accepts new minions; saltern-key --invite lets one join",
    "autosign_file": "auto_accept accepts new minions; saltern-key --invite lets one join",
    "autosign_timeout": "saltern-key --invite lets a host join, for --ttl seconds",
    "autosign_grains_dir": "auto_accept accepts new minions; saltern-key --invite lets one join",
    "autoreject_file": "saltern-key -r rejects",
    "keep_jobs": "keep_jobs_hours",
    "keep_jobs_seconds": "keep_jobs_hours",
    "job_cache": "jobs are always kept, in job_db, for keep_jobs_hours",
    "ext_job_cache": "returners writes what minions return to databases, in Salt's tables",
    "returner": "points go to carbon_host, jobs to job_db",
    "gather_job_timeout": "timeout is for this, too",
    "worker_threads": "one process serves all: there is nothing to set",
    "zmq_backlog": "max_pending_keys and event_queue_length bound what waits",
    "pub_hwm": "event_queue_length bounds what waits for those who follow events",
    "salt_event_pub_hwm": "event_queue_length bounds what waits for those who follow events",
    "event_publisher_pub_hwm": "event_queue_length bounds what waits for those who follow events",
    "ping_on_rotate": "keys need no rotation",
    "rotate_aes_key": "keys need no rotation",
    "publish_session": "keys need no rotation",
    "reactor": _NO_REACTOR,
    "engines": _NO_REACTOR,
    "beacons": "schedule a function with metrics: true, and set an alert on what it measures",
    "order_masters": "there are no syndics",
    "syndic_master": "there are no syndics",
    "fileserver_limit_traversal": "file_roots are served from what they hold alone",
    "file_ignore_regex": "name such files in file_ignore_glob",
    "gitfs_base": _OF_A_REMOTE,
    "gitfs_root": _OF_A_REMOTE,
    "gitfs_mountpoint": _OF_A_REMOTE,
    "gitfs_update_interval": "fileserver_update_interval",
    "gitfs_provider": "the git program is used",
    "gitfs_privkey": "git and ssh use what their own configuration says",
    "gitfs_pubkey": "git and ssh use what their own configuration says",
    "top_file_merging_strategy": _NO_STATES,
    "master_tops": _NO_STATES,
    "jinja_trim_blocks": 'a template says it: its first line is #jinja2: {"trim_blocks": true}',
    "jinja_lstrip_blocks": 'a template says it: its first line is #jinja2: {"lstrip_blocks": true}',
    "winrepo_dir": _NO_STATES,
}
"""Of a master's file."""

MINION_INSTEAD: Mapping[str, str] = _BOTH | {
    "extension_modules": "modules go into _modules of file_roots, or module_dirs of a minion",
    "master_port": "ret_port",
    "master_finger": "master_key pins the master's key (saltern-key -F master shows it)",
    "verify_master_pubkey_sign": "master_key pins the master's key",
    "master_type": "a minion has one master",
    "master_alive_interval": _HEARTBEATS,
    "ping_interval": _HEARTBEATS,
    "auth_timeout": "reconnect_interval and reconnect_interval_max",
    "random_reauth_delay": "reconnect_interval and reconnect_interval_max",
    "recon_default": "reconnect_interval and reconnect_interval_max",
    "recon_max": "reconnect_interval_max",
    "acceptance_wait_time": "pending_retry_interval",
    "acceptance_wait_time_max": "pending_retry_interval",
    "schedule": "the master's option schedule, with a target; or schedule.add on the minion",
    "beacons": "schedule a function with metrics: true, and set an alert on what it measures",
    "engines": "schedule a function, or run the program as a service",
    "startup_states": _NO_STATES,
    "sls_list": _NO_STATES,
    "top_file": _NO_STATES,
    "returner": "the master ships points (carbon_host) and keeps jobs (job_db)",
    "pillar_roots": "the master's option of this name",
    "environment": "saltenv says which files are taken; modules are those of base",
    "append_domain": "id",
    "minion_id_lowercase": "id",
    "minion_id_caching": "the id is kept beside the key",
    "disable_modules": "put a module of that name into _modules whose __virtual__ returns False",
    "disable_returners": "the master ships points and keeps jobs",
    "sudo_user": "runas of the functions in cmd",
    "cython_enable": "modules are Python files",
    "autoload_dynamic_modules": "sync_on_connect",
    "grains_dirs": "_grains on the master's file server",
    "process_count_max": "worker_threads",
    "metaproxy": "pillar says it: proxy: {proxytype: deltaproxy, ids: [...]}",
    "proxy": "the host's pillar names its devices, or saltern-proxy --proxyid runs one by the file proxy",
    "metadata_server_grains": "grains in this file",
}
"""Of a minion's file."""

HEEDED = {
    "minion": {
        *("allow_undefined", "jinja_env", "jinja_lstrip_blocks", "jinja_sls_env", "jinja_trim_blocks"),
        *("http_max_body", "http_request_timeout", "no_proxy"),
        *("proxy_host", "proxy_password", "proxy_port", "proxy_username"),
        *("pillarenv", "saltenv", "test"),
    },
}
"""No options of ours, but bundled modules ask for them as Salt's do: they are kept as keys of a user's own are."""

_NEEDED = {
    "master": {
        "client_acl_blacklist",
        "client_acl",
        "nodegroups",
        "ext_job_cache",
    },
    "minion": {"master_finger", "verify_master_pubkey_sign", "disable_modules", "whitelist_modules"},
}
"""Refused though no option of ours has its place: what is left out would let somebody in, or lose what is relied on."""

_ALSO = {
    "ext_job_cache": "jobs are kept in job_db",
    "client_acl_blacklist": "publisher_acl grants, and what it doesn't grant is refused",
    "whitelist_modules": "put a module of that name into _modules whose __virtual__ returns False",
}


_OF = {"proxy": "minion"}
"""Whose options a program's file has."""


def of_a_returner(key: str) -> bool:
    """Whether *key* is of a returner of Salt's, as ``mysql.host`` or ``returner.pgjsonb.db``."""
    return _OF_RETURNERS.fullmatch(key) is not None


def of_a_console(key: str) -> bool:
    """Whether *key* says what SaltGUI shows its users; it asks for it by ``config.values``."""
    return key.startswith("saltgui_")


def instead_of(program: str, key: str) -> str:
    """Return what stands in the place of Salt's option *key* of a ``master``'s or ``minion``'s file, or nothing."""
    program = _OF.get(program, program)
    if program not in _NEEDED or key in HEEDED.get(program, ()):  # others' files were never Salt's
        return ""
    rows = MINION_INSTEAD if program == "minion" else MASTER_INSTEAD
    return rows.get(key) or _ALSO.get(key) or IDLE.get(key, "")


def refused(program: str, key: str) -> str:
    """Return what stands in the place of Salt's option *key* when it can't be passed over, or nothing."""
    instead = instead_of(program, key)
    renamed = instead.replace("_", "").isalpha()  # one word: an option of ours
    return instead if renamed or key in _NEEDED.get(_OF.get(program, program), ()) else ""


def idle(program: str, keys: list[str]) -> Iterator[tuple[str, str]]:
    """Yield those of *keys* that are Salt's and do nothing here, each with the reason."""
    for key in keys:
        if instead := instead_of(program, key):
            yield key, instead
