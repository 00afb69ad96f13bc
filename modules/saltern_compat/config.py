"""``salt.config``: options. Those of the calling module's minion, or of the master on this host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern_compat._caller import dunder
from saltern_compat.utils.dictupdate import merge_recurse

DEFAULT_MINION_OPTS: dict[str, Any] = {
    "cachedir": "/var/cache/salt/minion",
    "conf_file": "/etc/salt/minion",
    "file_client": "remote",
    "file_roots": {"base": ["/srv/salt"]},
    "hash_type": "sha256",
    "pillar_roots": {"base": ["/srv/pillar"]},
    "renderer": "jinja|yaml",
    "root_dir": "/",
    "saltenv": None,
    "test": False,
}
DEFAULT_MASTER_OPTS: dict[str, Any] = {
    "cachedir": "/var/cache/salt/master",
    "conf_file": "/etc/salt/master",
    "file_roots": {"base": ["/srv/salt"]},
    "hash_type": "sha256",
    "pillar_roots": {"base": ["/srv/pillar"]},
    "renderer": "jinja|yaml",
    "root_dir": "/",
    "sock_dir": "/var/run/salt/master",
}


def minion_config(path: Any = None, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return a minion's options: the calling module's own, else those of the file *path*, else of this host's agent."""
    own = dunder("__opts__")
    if own is not None:
        return dict(own)
    from saltern.config import minion_config as of_agent

    return {**DEFAULT_MINION_OPTS, **of_agent(_ours(path))}


def master_config(path: Any = None, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the options of the master on this host, or of the file *path*."""
    from saltern.config import master_config as of_master

    return {**DEFAULT_MASTER_OPTS, **of_master(_ours(path))}


client_config = master_config


def _ours(path: Any) -> Any:
    """Return ``None``, our usual place, for Salt's usual ones."""
    return None if isinstance(path, str) and (not path or path.startswith("/etc/salt/")) else path


def load_config(
    path: str, env_var: str = "", default_path: str | None = None, exit_on_config_errors: bool = True
) -> Any:
    """Return what the YAML file at *path* says; ``{}`` when it isn't there."""
    import os

    import yaml

    chosen = os.environ.get(env_var, "") or path
    try:
        with open(chosen, encoding="utf-8") as stream:
            found = yaml.safe_load(stream) or {}
    except FileNotFoundError:
        return {}
    found.setdefault("conf_file", chosen)
    return found


def include_config(include: Any, orig_path: str, verbose: bool = False, exit_on_config_errors: bool = False) -> Any:
    """Return what the YAML files that the globs *include* mean say, one over the other."""
    import glob
    import os

    made: dict[str, Any] = {}
    for pattern in [include] if isinstance(include, str) else include or ():
        for path in sorted(glob.glob(os.path.join(os.path.dirname(orig_path), pattern))):
            found = load_config(path)
            found.pop("conf_file", None)
            made = merge_recurse(made, found)
    return made


def get_cloud_config_value(
    name: str, vm_: Any, opts: Mapping[str, Any], default: Any = None, search_global: bool = True
) -> Any:
    """Return an option of a virtual machine: its own, else the global one, else *default*."""
    value = opts.get(name, default) if search_global else default
    return vm_.get(name, value) if isinstance(vm_, Mapping) else value


def get_id(opts: Mapping[str, Any], cache_minion_id: bool = False) -> tuple[str, bool]:
    """Return this minion's id, and whether it is an address."""
    return str(opts.get("id", "")), False


def apply_minion_config(overrides: Any = None, defaults: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Return *defaults* with *overrides* over them."""
    return {**(defaults or DEFAULT_MINION_OPTS), **(overrides or {})}


def apply_master_config(overrides: Any = None, defaults: Any = None) -> dict[str, Any]:
    """Return *defaults* with *overrides* over them."""
    return {**(defaults or DEFAULT_MASTER_OPTS), **(overrides or {})}
