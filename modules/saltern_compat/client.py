"""``salt.client``: functions called on minions from the master's host; on a minion, by its own loader.

``LocalClient`` is that of ``saltern.client``: it needs the master's socket, and says in one line that no master runs
here where there is none.
"""

from __future__ import annotations

import os
from typing import Any

from saltern_compat._caller import dunder, options


def get_local_client(c_path: Any = None, mopts: Any = None, **kwargs: Any) -> Any:
    """Return a client of the master on this host."""
    from saltern.client import get_local_client as of_master

    return of_master(c_path if not _salts(c_path) else None, mopts)


class LocalClient:
    """The client of the master on this host, with the options of Salt's."""

    def __new__(cls, c_path: Any = None, mopts: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return that of ``saltern.client``."""
        return get_local_client(c_path, mopts)


class Caller:
    """The functions of the calling module's minion; outside of one those of this host's agent."""

    def __init__(self, c_path: Any = None, mopts: Any = None) -> None:
        self._functions = dunder("__salt__")
        if self._functions is None:
            from saltern.client import Caller as of_host

            self._functions = _Called(of_host(c_path, mopts))

    def cmd(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        """Return what the function *fun* returns."""
        return self._functions[fun](*args, **kwargs)

    function = cmd


class _Called:
    def __init__(self, caller: Any) -> None:
        self._caller = caller

    def __getitem__(self, name: str) -> Any:
        return lambda *args, **kwargs: self._caller.cmd(name, *args, **kwargs)


def _salts(path: Any) -> bool:
    """Return whether *path* is one of Salt's own places, which modules name though they mean the usual one.

    So is the file of the master's options, ``__opts__["conf_file"]``, where it has none.
    """
    usual = options().get("conf_file")
    return isinstance(path, str) and (path.startswith("/etc/salt/") or (path == usual and not os.path.exists(path)))
