"""The options of ``saltern-proxy``, a device's own minion: a minion's, and what ``agent/proxy.yaml`` says.

::

    proxy                     of all of them on this host
    proxy.d/*.conf            likewise, in order of their names
    proxy.d/<proxyid>/*.conf  of this one alone: wins over all else
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from saltern.config.minion import MINION, MinionOptions
from saltern.config.schema import Schema
from saltern.errors import ConfigError
from saltern.ids import check_minion_id

NAME = "proxy"


class ProxyOptions(MinionOptions):
    """Everything that the file ``proxy`` may hold."""

    proxyid: str
    """Set by the program: the device."""
    proxy: dict[str, Any]
    """What pillar says of the device where it says nothing: ``{proxytype: …}``."""


DEFAULTS: dict[str, Any] = {
    **MINION.defaults,
    "default_include": "proxy.d/*.conf",
    "proxy": {},
    "pki_dir": "/etc/saltern/pki/proxy",
    "cachedir": "/var/cache/saltern/proxy",
}

ITS_OWN = ("pki_dir", "cachedir")
"""Folders of which each device has one, below the one that the configuration names."""


def own_files(proxyid: str) -> Sequence[str]:
    """Return the globs of the files that are for the device *proxyid* alone."""
    return (f"proxy.d/{check_minion_id(proxyid)}/*.conf",)


def proxy_schema(proxyid: str) -> Schema:
    """Return the options of the device *proxyid*'s own minion. Raises ``IdError``."""
    check_minion_id(proxyid)

    def finish(options: dict[str, Any]) -> None:
        if options["id"] not in ("", proxyid):
            raise ConfigError(f"{options['conf_file']}: id: is what --proxyid says ({proxyid}): take it out")
        options["id"] = options["proxyid"] = proxyid
        for name in ITS_OWN:
            options[name] = os.path.join(options[name], proxyid)
        MINION.finish(options)

    return MINION._replace(name=NAME, options=ProxyOptions, defaults=DEFAULTS, finish=finish)
