"""What is configured for this minion: its options and a user's own keys, grains, pillar, defaults.

A key is looked for in this order, and the first that has it wins:

1. the minion's configuration (``/etc/saltern/minion``, its drop-ins and includes), with the defaults of its options
2. grains
3. pillar
4. the master's options, where pillar carries them under ``master``
5. defaults that functions of Salt's have

Texts marked ``!secret`` in the configuration or in pillar are given to modules, and are ``***`` in every return.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any

from saltern.secret import masked
from saltern.traverse import MISSING, traverse

__opts__: Mapping[str, Any]
__grains__: Mapping[str, Any]
__pillar__: Mapping[str, Any]

__proxyenabled__ = ["*"]

__powers__ = {
    "get": "reads",
    "option": "reads",
    "merge": "reads",
    "dot_vals": "reads",
    "items": "reads",
    "manage_mode": "reads",
    "valid_fileproto": "reads",
    "backup_mode": "reads",
}

PROTOCOLS = ("salt", "file", "http", "https", "ftp", "swift", "s3")

DEFAULTS: dict[str, Any] = {
    "mongo.db": "salt",
    "mongo.password": "",
    "mongo.port": 27017,
    "mongo.user": "",
    "redis.db": "0",
    "redis.host": "salt",
    "redis.port": 6379,
    "test.foo": "unconfigured",
    "ca.cert_base_path": "/etc/pki",
    "solr.cores": [],
    "solr.host": "localhost",
    "solr.port": "8983",
    "solr.baseurl": "/solr",
    "solr.type": "master",
    "solr.request_timeout": None,
    "solr.init_script": "/etc/rc.d/solr",
    "solr.dih.import_options": {"clean": False, "optimize": True, "commit": True, "verbose": False},
    "solr.backup_path": None,
    "solr.num_backups": 1,
    "poudriere.config": "/usr/local/etc/poudriere.conf",
    "poudriere.config_dir": "/usr/local/etc/poudriere.d",
    "ldap.uri": "",
    "ldap.server": "localhost",
    "ldap.port": "389",
    "ldap.tls": False,
    "ldap.no_verify": False,
    "ldap.anonymous": True,
    "ldap.scope": 2,
    "ldap.attrs": None,
    "ldap.binddn": "",
    "ldap.bindpw": "",
    "hosts.file": "/etc/hosts",
    "aliases.file": "/etc/aliases",
    "virt": {"tunnel": False, "images": "/srv/salt-images"},
    "docker.exec_driver": "docker-exec",
    "docker.compare_container_networks": {
        "static": ["Aliases", "Links", "IPAMConfig"],
        "automatic": ["IPAddress", "Gateway", "GlobalIPv6Address", "IPv6Gateway"],
    },
}


def get(
    key: str,
    default: Any = "",
    delimiter: str = ":",
    merge: str | None = None,
    omit_opts: bool = False,
    omit_pillar: bool = False,
    omit_master: bool = False,
    omit_grains: bool = False,
) -> Any:
    """Return what is configured at the path *key*, or *default*.

    *delimiter* stands between the levels of the path. With *merge* (``recurse``, or ``overwrite``) all sources are put
    into one first, the strongest last, and the path is looked up in that; the *omit_* switches leave sources out, but
    not then.

    CLI Example:

    .. code-block:: bash

        saltern '*' config.get mysql:host
        saltern '*' config.get mysql:host merge=recurse
    """
    if merge is None:
        omitted = {"opts": omit_opts, "grains": omit_grains, "pillar": omit_pillar, "master": omit_master}
        found = (traverse(data, key, MISSING, delimiter) for name, data in _sources() if not omitted[name])
        value = next((one for one in found if one is not MISSING), MISSING)
        return traverse(DEFAULTS, key, default, delimiter) if value is MISSING else value
    data: Any = DEFAULTS
    for _, more in reversed(list(_sources())):
        data = {**data, **more} if merge == "overwrite" else _over(data, more)
    return traverse(data, key, default, delimiter)


def option(
    value: str,
    default: Any = None,
    omit_opts: bool = False,
    omit_grains: bool = False,
    omit_pillar: bool = False,
    omit_master: bool = False,
    omit_all: bool = False,
    wildcard: bool = False,
) -> Any:
    """Return what is configured as the key *value*, which isn't taken for a path; else *default*, else ``''``.

    With *wildcard* it is a glob, and ``{key: value}`` of all that match is returned, else *default*, else ``{}``. The
    *omit_* switches leave sources out, *omit_all* all but the defaults.

    CLI Example:

    .. code-block:: bash

        saltern '*' config.option redis.host
        saltern '*' config.option 'mysql.*' wildcard=True
    """
    omitted = {"opts": omit_opts, "grains": omit_grains, "pillar": omit_pillar, "master": omit_master}
    sources = [data for name, data in _sources() if not (omit_all or omitted[name])]
    if not wildcard:
        for data in (*sources, DEFAULTS):
            if value in data:
                return data[value]
        return "" if default is None else default
    found: dict[str, Any] = {}
    for data in (*sources, DEFAULTS):
        keys = (key for key in data if isinstance(key, str) and fnmatch.fnmatch(key, value))
        found.update({key: data[key] for key in keys if key not in found})
    return found or ({} if default is None else default)


def merge(
    value: str, default: Any = "", omit_opts: bool = False, omit_master: bool = False, omit_pillar: bool = False
) -> Any:
    """Return what is configured as the key *value* in all sources but the grains, put together.

    Mappings are, the minion's own options being the strongest, and lists, which follow each other; of a text the
    strongest is returned.

    CLI Example:

    .. code-block:: bash

        saltern '*' config.merge schedule
    """
    omitted = {"opts": omit_opts, "pillar": omit_pillar, "master": omit_master}
    found: Any = None
    for name in ("opts", "master", "pillar"):
        data = dict(_sources())[name]
        if omitted[name] or value not in data:
            continue
        more = data[value]
        if found is None:
            found = more
            if isinstance(found, str):
                return found
        elif isinstance(found, dict) and isinstance(more, dict):
            found = {**more, **found}
        elif isinstance(found, (list, tuple)) and isinstance(more, (list, tuple)):
            found = [*found, *more]
    return DEFAULTS.get(value, default) if found is None else found


def dot_vals(value: str) -> dict[str, Any]:
    """Return the options that begin with *value* and a dot: ``dot_vals mysql`` has ``mysql.host``.

    CLI Example:

    .. code-block:: bash

        saltern '*' config.dot_vals mysql
    """
    sources = dict(_sources())
    both = {**sources["master"], **sources["opts"]}
    return {key: one for key, one in both.items() if isinstance(key, str) and key.startswith(f"{value}.")}


def items() -> dict[str, Any]:
    """Return all options of this minion by name, those with their default too; secrets as ``***``.

    CLI Example:

    .. code-block:: bash

        saltern '*' config.items
    """
    return dict(masked(_own_options()))


def manage_mode(mode: Any) -> str | None:
    """Return a file's *mode* as text of four digits; ``keep`` as it is.

    CLI Example:

    .. code-block:: bash

        saltern '*' config.manage_mode 644
    """
    if mode is None:
        return None
    return str(mode).replace("0o", "0").strip('"').strip("'").lstrip("0").zfill(4)


def valid_fileproto(uri: str) -> bool:
    """Return whether *uri* begins with a protocol that files are fetched by.

    CLI Example:

    .. code-block:: bash

        saltern '*' config.valid_fileproto salt://path/to/file
    """
    from urllib.parse import urlparse  # 0.3 MB, for the few who ask

    return urlparse(uri).scheme in PROTOCOLS


def backup_mode(backup: str = "") -> Any:
    """Return *backup*, or the option ``backup_mode`` when it is empty.

    CLI Example:

    .. code-block:: bash

        saltern '*' config.backup_mode
    """
    return backup or option("backup_mode")


def _own_options() -> dict[str, Any]:
    """Return the options without the services that travel with them."""
    return {key: value for key, value in __opts__.items() if not key.startswith("__")}


def _sources() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the sources by name, the strongest first."""
    yield "opts", _own_options()
    yield "grains", __grains__
    yield "pillar", __pillar__
    of_master = __pillar__.get("master")
    yield "master", of_master if isinstance(of_master, Mapping) else {}


def _over(old: Any, new: Any) -> Any:
    """Return *new* over *old*: mappings within each other, all else *new* alone."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: _over(old[key], value) if key in old else value for key, value in new.items()}}
    return new
