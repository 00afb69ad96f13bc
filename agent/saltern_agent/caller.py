"""``saltern.client.Caller``: this host's own minion, called from a Python program.

Functions run in the calling thread, and raise what they raise. Pillar and files come over a channel of its own to the
master, as ``saltern-call`` has one; with the option ``file_client: local`` there is none.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from saltern.arguments import parse_arguments
from saltern.config import MinionOptions, minion_config
from saltern.named import NamedTuple
from saltern_agent import grains
from saltern_agent.call_connection import Connection
from saltern_agent.call_services import CallServices
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader
from saltern_agent.loader.marks import Marks
from saltern_agent.sync import grains_folders, marks_file, module_folders, utils_folders

LOCAL = "local"


class SMinion(NamedTuple):
    """This minion: its options, and its functions by ``module.function``, each loaded when it is looked up."""

    opts: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]]


class Caller:
    """Runs functions on this host, as its minion; usable in a ``with`` block.

    *c_path*: the minion's configuration, a file or a folder; or *mopts*: its options, read already. Raises
    ``ConfigError``; ``RequestTimeout`` or ``NotAuthorised`` when the master doesn't take this minion in (no master is
    needed with ``file_client: local`` in *mopts*).
    """

    def __init__(self, c_path: str | os.PathLike[str] | None = None, mopts: Any = None) -> None:
        self.opts: MinionOptions = mopts if mopts else minion_config(c_path)
        self._connection: Connection | None = None
        current = Current()
        opts: dict[str, Any] = {**self.opts}
        services = None
        if opts.get("file_client") != LOCAL:
            self._connection = connection = Connection(self.opts)
            try:
                connection.open()
            except BaseException:
                connection.close()
                raise
            services = CallServices(current, self.opts, connection.calls.request, connection.fire)
            opts["__agent__"] = services
        marks = Marks(marks_file(self.opts))
        loader = Loader(
            opts, module_folders(self.opts), current, utils_folders(self.opts), marks, grains=grains_folders(self.opts)
        )
        if services is not None:
            services.serve(loader)
        loader.set_grains(grains.of_a_call(self.opts, loader))
        if self._connection is not None:
            loader.set_pillar(self._connection.pillar)
        self._loader = loader
        self._closing = threading.Lock()
        self.sminion = SMinion(self.opts, loader.salt)

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the master; safe to call twice."""
        with self._closing:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
                self._loader.close()

    def cmd(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        """Run *fun* here and return what it returns, or raise what it raises; ``KeyError`` when there is none.

        The arguments are taken as they are, ``"k=v"`` too.
        """
        return self.sminion.functions[fun](*args, **kwargs)

    def function(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        """Like ``cmd``, but texts among *args* are read as words of a command line: ``"1"`` is a number, ``"k=v"`` a
        keyword.
        """
        function = self.sminion.functions[fun]
        given: list[Any] = []
        keywords: dict[str, Any] = {}
        for arg in args:
            words, named = parse_arguments([arg]) if isinstance(arg, str) else ([arg], {})
            given += words
            keywords |= named
        return function(*given, **keywords, **kwargs)
