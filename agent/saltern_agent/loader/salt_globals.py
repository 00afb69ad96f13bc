"""What modules written for Salt expect among their globals, beside what all modules have.

Of Salt's options those that modules read: real values where there are such here, else Salt's usual ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

PLACES: Mapping[str, Any] = {
    "append_domain": None,
    "environment": None,
    "file_buffer_size": 262144,
    "file_ignore_glob": [],
    "file_ignore_regex": [],
    "fileserver_backend": ["roots"],
    "ipv6": None,
    "multiprocessing": True,
    "providers": {},
    "renderer": "jinja|yaml",
    "renderer_blacklist": [],
    "renderer_whitelist": [],
    "sock_dir": "/var/run/salt/minion",
    "state_top": "top.sls",
    "transport": "zeromq",
    "user": "root",
}
"""Options of Salt's that mean nothing here, and its values."""


def salt_globals(opts: Mapping[str, Any], grains: Mapping[str, Any], pillar: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``__opts__`` and the rest for one module."""
    cachedir = str(opts.get("cachedir", ""))
    conf_file = str(opts.get("conf_file", ""))
    master, port = opts.get("master", ""), opts.get("ret_port", 4506)
    places = {
        **PLACES,
        "config_dir": os.path.dirname(conf_file),
        "extension_modules": os.path.join(cachedir, "extmods"),
        "file_roots": {"base": ["/srv/salt"]},
        "master_ip": master,
        "master_port": port,
        "master_uri": f"tcp://{master}:{port}",
        "pillar_roots": {"base": ["/srv/pillar"]},
        "pki_dir": os.path.join(os.path.dirname(conf_file), "pki", "minion"),
        "root_dir": "/",
    }
    return {
        "__opts__": {**places, **opts, "grains": grains, "pillar": pillar},
        "__proxy__": {},
        "__states__": NoStates(),
        "__env__": opts.get("saltenv") or "base",
        "__file_client__": None,
    }


class NoStates(Mapping[str, Any]):
    """What modules have as ``__states__``: nothing, said of each that is asked for."""

    def __getitem__(self, name: str) -> Any:
        raise KeyError(f"{name}: Saltern has no states")

    def __contains__(self, name: object) -> bool:
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
