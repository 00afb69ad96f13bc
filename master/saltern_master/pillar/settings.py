"""What of the master's options pillar goes by, as plain values: they are sent to the processes that compile it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from saltern.config.exposure import holds_secret
from saltern.errors import ConfigError
from saltern.secret import Secret
from saltern_master.pillar.merging import STRATEGIES

OPTIONS = (
    "pillar_roots",
    "renderer",
    "pillar_source_merging_strategy",
    "pillar_merge_lists",
    "pillar_includes_override_sls",
    "pillar_safe_render_error",
    "pillarenv",
    "pillarenv_from_saltenv",
    "env_order",
    "state_top",
    "nodegroups",
    "ext_pillar",
    "ext_pillar_first",
    "on_demand_ext_pillar",
    "pillar_secrets_by_grains",
    "pillar_timeout",
    "file_ignore_glob",
    "file_roots",
    "extension_modules",
    "conf_file",
    "cachedir",
)
HIDDEN = (
    *("pass", "token", "secret", "key", "credential", "auth", "bindpw"),
    *("job_db", "returners", "ext_pillar", "gitfs", "webhooks"),
)
"""Words in the names of options that templates aren't shown, whatever is in them."""


class Settings(NamedTuple):
    """The options in force."""

    roots: dict[str, list[str]]
    renderer: str
    strategy: str
    merge_lists: bool
    includes_override: bool
    safe_errors: bool
    pillarenv: str | None
    pillarenv_from_saltenv: bool
    env_order: list[str]
    top: str
    nodegroups: dict[str, Any]
    ext: list[Any]
    ext_first: bool
    on_demand: list[str]
    secrets_by_grains: bool
    timeout_s: float
    hidden: list[str]
    file_roots: dict[str, Any]
    extension_modules: str
    conf_file: str
    cachedir: str
    opts: dict[str, Any]
    """What templates see as ``opts``."""

    @property
    def used(self) -> bool:
        """Whether anything is compiled at all."""
        return bool(self.roots or self.ext)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Return the settings of a master's options. Raises ``ConfigError``."""
        given = {key: options.get(key) for key in OPTIONS}
        strategy = given["pillar_source_merging_strategy"] or "smart"
        if strategy not in STRATEGIES:
            raise ConfigError(f"pillar_source_merging_strategy must be one of {', '.join(STRATEGIES)}")
        ext = given["ext_pillar"] or []
        if not (isinstance(ext, list) and all(isinstance(one, dict) and one for one in ext)):
            raise ConfigError("ext_pillar must be a list of 'name: arguments': - cmd_yaml: cat /srv/{}.yaml")
        return cls(
            roots=roots_of(given["pillar_roots"] or {}),
            renderer=given["renderer"] or "jinja|yaml",
            strategy=strategy,
            merge_lists=bool(given["pillar_merge_lists"]),
            includes_override=bool(given["pillar_includes_override_sls"]),
            safe_errors=bool(given["pillar_safe_render_error"]),
            pillarenv=given["pillarenv"] or None,
            pillarenv_from_saltenv=bool(given["pillarenv_from_saltenv"]),
            env_order=list(given["env_order"] or []),
            top=(given["state_top"] or "top.sls").removeprefix("salt://").lstrip("/"),
            nodegroups=dict(given["nodegroups"] or {}),
            ext=ext,
            ext_first=bool(given["ext_pillar_first"]),
            on_demand=list(given["on_demand_ext_pillar"] or []),
            secrets_by_grains=bool(given["pillar_secrets_by_grains"]),
            timeout_s=float(given["pillar_timeout"] or 0),
            hidden=list(given["file_ignore_glob"] or []),
            file_roots=dict(given["file_roots"] or {}),
            extension_modules=given["extension_modules"] or "",
            conf_file=given["conf_file"] or "",
            cachedir=given["cachedir"] or "",
            opts=shown_options(options),
        )


def roots_of(roots: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the folders of each environment of ``pillar_roots``. Raises ``ConfigError``."""
    found: dict[str, list[str]] = {}
    for env, folders in roots.items():
        folders = [folders] if isinstance(folders, str) else folders
        if not (isinstance(folders, list) and all(_is_folder(one) for one in folders)):
            raise ConfigError(f"pillar_roots: {env}: must be a list of absolute folders: [/srv/pillar]")
        found[str(env)] = folders
    return found


def _is_folder(value: object) -> bool:
    return isinstance(value, str) and os.path.isabs(value) and "\0" not in value


def shown_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that templates may see: none that holds a secret, or is called as if it did."""
    return {
        key: value
        for key, value in options.items()
        if not any(word in key for word in HIDDEN)
        and not holds_secret(key)
        and not _has_secret(value)
        and not key.startswith("__")
    }


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict) and any(holds_secret(str(key)) for key in value):
        return True
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, Secret) or any(_has_secret(member) for member in members)
