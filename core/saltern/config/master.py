"""A master's options. ``master/master.yaml`` says what each is for; a test holds the two together."""

from __future__ import annotations

import os
from typing import Any, TypedDict

from saltern.config.schema import Schema
from saltern.errors import ConfigError
from saltern.wire import MAX_MESSAGE_BYTES


class MasterOptions(TypedDict):
    """Everything that the file ``master`` may hold; paths are absolute after loading."""

    conf_file: str
    config_dir: str
    default_include: str
    include: list[str]
    interface: str
    publish_port: int
    ret_port: int
    root_dir: str
    pki_dir: str
    cachedir: str
    sock_dir: str
    log_level: str
    log_file: str
    auto_accept: bool
    max_pending_keys: int
    max_pending_keys_per_address: int
    pending_key_hours: float
    max_message_bytes: int
    max_clock_skew: float
    heartbeat_interval: float
    heartbeat_timeout: float
    publisher_acl: dict[str, Any]
    publisher_acl_blacklist: dict[str, Any]
    external_auth: dict[str, Any]
    token_expire: float
    token_expire_user_override: Any
    roles: dict[str, Any]
    groups: dict[str, Any]
    api_user: str
    netapi_enable_clients: list[str]
    rest_cherrypy: dict[str, Any]
    webhooks: dict[str, Any]
    peer: dict[str, Any]
    peer_run: dict[str, Any]
    mine_get: dict[str, Any]
    timeout: float
    keep_jobs_hours: float
    keep_suites_days: float
    suites_max_bytes: int
    audit_log: str
    keep_audit_days: float
    audit_max_bytes: int
    job_db: str
    job_db_max_bytes: int
    returners: dict[str, Any]
    master_job_cache: str
    event_return: Any
    event_return_queue: int
    event_return_queue_max_seconds: float
    event_return_whitelist: list[str]
    event_return_blacklist: list[str]
    store_metric_returns: bool
    journal_max_bytes: int
    journal_max_hours: float
    event_queue_length: int
    presence_events: bool
    fileserver_backend: list[str]
    file_roots: dict[str, Any]
    file_ignore_glob: list[str]
    file_recv: bool
    file_recv_max_size: int
    file_recv_max_total: int
    gitfs_remotes: list[Any]
    fileserver_update_interval: float
    sync_on_change: bool
    runner_dirs: list[str]
    outputter_dirs: list[str]
    extension_modules: str
    pillar_files: dict[str, Any]
    pillar_roots: dict[str, Any]
    renderer: str
    pillarenv: str
    pillarenv_from_saltenv: bool
    env_order: list[str]
    state_top: str
    pillar_source_merging_strategy: str
    pillar_merge_lists: bool
    pillar_includes_override_sls: bool
    pillar_safe_render_error: bool
    pillar_secrets_by_grains: bool
    pillar_timeout: float
    pillar_workers: int
    pillar_cache_ttl: float
    ext_pillar: list[Any]
    ext_pillar_first: bool
    on_demand_ext_pillar: list[str]
    git_pillar_update_interval: float
    jinja_env: dict[str, Any]
    jinja_sls_env: dict[str, Any]
    nodegroups: dict[str, Any]
    schedule: dict[str, Any]
    carbon_host: str
    carbon_port: int
    carbon_protocol: str
    metric_pattern: str
    max_metric_names: int
    max_point_age_hours: float
    render_url: str
    self_metrics_interval: float
    alerts: dict[str, Any]
    alerts_interval: float
    alerts_script_timeout: float
    events_url: str
    events_of: list[str]
    events_token: str


DEFAULT_SCHEDULE: dict[str, Any] = {
    "stats": {"function": "stats.collect", "seconds": 15, "target": "*", "metrics": True},
}

DEFAULTS: dict[str, Any] = {
    "default_include": "master.d/*.conf",
    "include": [],
    "interface": "0.0.0.0",  # noqa: S104  # a master is there to be reached; every peer is authenticated
    "publish_port": 4505,
    "ret_port": 4506,
    "root_dir": "/",
    "pki_dir": "/etc/saltern/pki/master",
    "cachedir": "/var/cache/saltern/master",
    "sock_dir": "/var/run/saltern/master",
    "log_level": "info",
    "log_file": "",
    "auto_accept": False,
    "max_pending_keys": 1000,
    "max_pending_keys_per_address": 50,
    "pending_key_hours": 168.0,
    "max_message_bytes": MAX_MESSAGE_BYTES,
    "max_clock_skew": 5.0,
    "heartbeat_interval": 15.0,
    "heartbeat_timeout": 30.0,
    "publisher_acl": {},
    "publisher_acl_blacklist": {},
    "external_auth": {},
    "token_expire": 43200.0,
    "token_expire_user_override": False,
    "roles": {},
    "groups": {},
    "api_user": "",
    "netapi_enable_clients": [],
    "rest_cherrypy": {},
    "webhooks": {},
    "peer": {},
    "peer_run": {},
    "mine_get": {},
    "timeout": 5.0,
    "keep_jobs_hours": 24.0,
    "keep_suites_days": 90.0,
    "suites_max_bytes": 1024 * 1024 * 1024,
    "audit_log": "",
    "keep_audit_days": 365.0,
    "audit_max_bytes": 1024 * 1024 * 1024,
    "job_db": "",
    "job_db_max_bytes": 1024**3,
    "returners": {},
    "master_job_cache": "local_cache",
    "event_return": [],
    "event_return_queue": 0,
    "event_return_queue_max_seconds": 0.0,
    "event_return_whitelist": [],
    "event_return_blacklist": [],
    "store_metric_returns": False,
    "journal_max_bytes": 2 * 1024**3,
    "journal_max_hours": 72.0,
    "event_queue_length": 10_000,
    "presence_events": False,
    "fileserver_backend": ["roots"],
    "file_roots": {"base": ["/srv/saltern"]},
    "file_ignore_glob": [".env", ".env.*", ".netrc", ".git-credentials", ".ssh", ".gnupg"],
    "file_recv": False,
    "file_recv_max_size": 100,
    "file_recv_max_total": 1000,
    "gitfs_remotes": [],
    "fileserver_update_interval": 60.0,
    "sync_on_change": False,
    "runner_dirs": [],
    "outputter_dirs": [],
    "extension_modules": "",
    "pillar_files": {},
    "pillar_roots": {},
    "renderer": "jinja|yaml",
    "pillarenv": "",
    "pillarenv_from_saltenv": False,
    "env_order": [],
    "state_top": "top.sls",
    "pillar_source_merging_strategy": "smart",
    "pillar_merge_lists": False,
    "pillar_includes_override_sls": False,
    "pillar_safe_render_error": True,
    "pillar_secrets_by_grains": False,
    "pillar_timeout": 10.0,
    "pillar_workers": 2,
    "pillar_cache_ttl": 3600.0,
    "ext_pillar": [],
    "ext_pillar_first": False,
    "on_demand_ext_pillar": ["libvirt", "virtkey"],
    "git_pillar_update_interval": 60.0,
    "jinja_env": {},
    "jinja_sls_env": {},
    "nodegroups": {},
    "schedule": DEFAULT_SCHEDULE,
    "carbon_host": "127.0.0.1",
    "carbon_port": 2005,
    "carbon_protocol": "saltern",
    "metric_pattern": "saltern.[minion_id].[module]",
    "max_metric_names": 20_000,
    "max_point_age_hours": 168.0,
    "render_url": "http://127.0.0.1:8080",
    "self_metrics_interval": 15.0,
    "alerts": {},
    "alerts_interval": 15.0,
    "alerts_script_timeout": 30.0,
    "events_url": "",
    "events_of": ["alerts"],
    "events_token": "",
}

PATHS = ("pki_dir", "cachedir", "sock_dir", "log_file", "audit_log", "job_db", "extension_modules")
"""Options that ``root_dir`` is put before when it isn't ``/``."""


def _finish(options: dict[str, Any]) -> None:
    options["schedule"] = {**DEFAULT_SCHEDULE, **options["schedule"]}
    for name in ("runner_dirs", "outputter_dirs"):
        options[name] = [os.path.join(options["config_dir"], path) for path in options[name]]
    if options["extension_modules"]:
        options["extension_modules"] = os.path.join(options["config_dir"], options["extension_modules"])
    if not options["job_db"]:
        options["job_db"] = os.path.join(options["cachedir"], "jobs.db")
    if not options["audit_log"]:
        options["audit_log"] = os.path.join(options["cachedir"], "audit.log")
    scheme, _, path = options["job_db"].partition("://")
    if scheme == "sqlite":
        options["job_db"] = path.removeprefix("/")
    under_root = tuple(key for key in PATHS if key != "job_db" or "://" not in options["job_db"])
    place_under_root(options, under_root)


def place_under_root(options: dict[str, Any], paths: tuple[str, ...]) -> None:
    """Put ``root_dir`` before each path option that isn't below it already, and make them absolute.

    Raises ``ConfigError`` for an empty one that there must be: it would be whatever folder a program is started in.
    """
    for key in ("root_dir", "pki_dir", "cachedir", "sock_dir"):
        if options.get(key) == "":
            raise ConfigError(f"{key} must be a folder, not an empty text")
    root = os.path.abspath(options["root_dir"])
    for key in paths:
        if options[key]:
            path = os.path.join(root, options[key])
            if os.path.commonpath([root, path]) != root:
                path = os.path.join(root, path.lstrip("/"))
            options[key] = path


MASTER = Schema(
    name="master",
    options=MasterOptions,
    defaults=DEFAULTS,
    bounds={
        "publish_port": (0, 65535),
        "ret_port": (0, 65535),
        "carbon_port": (0, 65535),
        "max_pending_keys": (1, 1_000_000),
        "max_pending_keys_per_address": (1, 1_000_000),
        "pending_key_hours": (0.1, 24 * 366),
        "max_message_bytes": (64 * 1024, MAX_MESSAGE_BYTES),
        "max_clock_skew": (0.05, 86400),
        "heartbeat_interval": (0.1, 3600),
        "heartbeat_timeout": (0.2, 86400),
        "timeout": (0.1, 86400),
        "token_expire": (1, 86400 * 366),
        "keep_jobs_hours": (0.01, 24 * 366 * 10),
        "keep_suites_days": (0.01, 3660),
        "suites_max_bytes": (1024 * 1024, 2**50),
        "keep_audit_days": (0.01, 3660),
        "audit_max_bytes": (1024 * 1024, 2**50),
        "job_db_max_bytes": (1024 * 1024, 2**50),
        "event_return_queue": (0, 10_000),
        "event_return_queue_max_seconds": (0, 3600),
        "journal_max_bytes": (1024 * 1024, 2**50),
        "journal_max_hours": (0.01, 24 * 366),
        "event_queue_length": (10, 10_000_000),
        "file_recv_max_size": (1, 1024 * 1024),
        "file_recv_max_total": (1, 1024 * 1024),
        "fileserver_update_interval": (0.5, 86400),
        "pillar_timeout": (0.1, 600),
        "pillar_workers": (1, 64),
        "pillar_cache_ttl": (1, 86400 * 366),
        "git_pillar_update_interval": (1, 86400),
        "max_metric_names": (0, 10_000_000),
        "max_point_age_hours": (0.1, 24 * 366 * 10),
        "self_metrics_interval": (1, 3600),
        "alerts_interval": (1, 3600),
        "alerts_script_timeout": (0.1, 3600),
    },
    choices={
        "fileserver_backend": ("roots", "git"),
        "carbon_protocol": ("saltern", "plaintext", "none"),
        "pillar_source_merging_strategy": ("smart", "recurse", "overwrite", "aggregate", "none", "list"),
        "events_of": ("alerts", "jobs", "presence"),
        "log_level": ("debug", "info", "warning", "error", "critical"),
    },
    finish=_finish,
)
