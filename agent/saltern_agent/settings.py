"""The agent's options, read by a child process.

YAML and the checks cost more than a megabyte, and they are needed for the first milliseconds only: the child that
reads the configuration takes them with it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn, cast

from saltern.errors import ConfigError, WireError, answer_of, error_of
from saltern.wire import pack_value, unpack_value

if TYPE_CHECKING:
    from saltern.config import MinionOptions


def load(path: str | None, *, named: bool = False, proxyid: str = "") -> tuple[MinionOptions, list[str]]:
    """Return the options as ``saltern.config.minion_config`` does, and what to warn of. Raises ``ConfigError``.

    *named*: the command line says the minion's id; *proxyid*: that it is this device's own minion, of which they are
    as ``proxy_config`` has them. To be called before any thread is started.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(path, write, named=named, proxyid=proxyid)
    os.close(write)
    return _answered(read, child)


def load_again(path: str | None, *, proxyid: str = "") -> tuple[MinionOptions, list[str]]:
    """Return what ``load`` does, at any time and from any thread. Raises ``ConfigError``, ``OSError``."""
    from saltern_agent.isolate import spawn

    child, to_child, read = spawn("saltern_agent.settings", path or "", proxyid)
    os.close(to_child)
    return _answered(read, child)


def _answered(read: int, child: int) -> tuple[MinionOptions, list[str]]:
    with open(read, "rb") as stream:
        packed = stream.read()
    os.waitpid(child, 0)
    try:
        options, warnings, error = unpack_value(packed, secrets=True)
    except (WireError, ValueError, TypeError):
        raise ConfigError("the configuration could not be read: the process that reads it ended early") from None
    if error:
        raise error_of(error)
    return cast("MinionOptions", options), warnings


def _answer(path: str | None, write: int, *, named: bool = True, proxyid: str = "") -> NoReturn:
    """Write ``[options, warnings, error]`` and end this process, whatever happens."""
    try:
        from saltern.config import minion_config, proxy_config
        from saltern.config.exposure import exposures
        from saltern.config.minion import MINION
        from saltern.config.proxy import own_files, proxy_schema
        from saltern.config.remarks import remarks

        try:
            options = proxy_config(proxyid, path) if proxyid else minion_config(path)
            own = own_files(proxyid) if proxyid else ()
            schema = proxy_schema(proxyid) if proxyid else MINION
            warnings = [*exposures(options["conf_file"], own=own), *remarks(schema, options)]
            answer = [options, [*warnings, *(() if named or proxyid else _renamed(options))], {}]
        except ConfigError as error:
            answer = [{}, [], answer_of(error)]
        with open(write, "wb") as stream:
            stream.write(pack_value(answer, secrets=True))
    finally:
        os._exit(0)


def _renamed(options: MinionOptions) -> Iterator[str]:
    """Yield a line when this host is called otherwise than its id, which it was accepted with."""
    import socket

    from saltern.config.minion import KEPT

    minion_id, name = options["id"], socket.gethostname().lower()
    if options["id_from"] == KEPT and name.partition(".")[0] != minion_id.lower().partition(".")[0]:
        yield (
            f"this host is called {name!r} now and keeps the id {minion_id!r}, which its key was accepted with: to "
            f"rename the minion, set id: in {options['conf_file']} and run saltern-key -d {minion_id} on the master"
        )


if __name__ == "__main__":
    _answer(sys.argv[1] or None, 1, proxyid=sys.argv[2])
