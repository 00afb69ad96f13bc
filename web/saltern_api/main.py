"""``saltern-api``: the program."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from saltern import log, own_environment
from saltern.__about__ import __version__
from saltern.config import MasterOptions, client_config
from saltern.errors import ConfigError, SalternError, exit_code, os_errors, told
from saltern.files import UMASK, write_atomic
from saltern.option_parser import LOG_LEVELS, common_parser
from saltern.visible import visible
from saltern_api.settings import ApiSettings, api_settings

if TYPE_CHECKING:
    from saltern_api.server import Server

EX_FAILED = 1
SWITCH_INTERVAL_S = 0.0005
"""How long a thread that reads a master's answers may keep the interpreter from the loop; a tenth of Python's own."""

_log = logging.getLogger(__name__)

EXAMPLES = """  saltern-api                            answer with the options in /etc/saltern/master
  saltern-api -c ~/saltern/etc           with the configuration in another folder
  saltern-api --ready-file /run/api.json say there where it listens, once it does

SIGTERM and SIGINT stop it; SIGHUP reads the certificate again. Logs may be renamed at any time.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Answer HTTP until SIGTERM or SIGINT; return the exit code."""
    os.umask(UMASK)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it can be heeded
    parser = common_parser(
        "saltern-api",
        "saltern-api [options]",
        "The HTTP API for commands, in Salt's wire format. It has no rights of its own: the master decides.",
        EXAMPLES,
    )
    parser.add_argument("--ready-file", metavar="FILE", help="write where it listens to FILE, as JSON")
    arguments = parser.parse(sys.argv[1:] if argv is None else argv)
    if arguments.words:
        parser.error(f"unexpected word: {visible(arguments.words[0])}")
    level = (arguments.log_file_level if arguments.log_file else None) or arguments.log_level
    own_environment.settle(os.environ)
    try:
        options = client_config(arguments.config_dir)
        settings = api_settings(options)
        usual = "debug" if settings.debug else options["log_level"]
        log.setup(LOG_LEVELS[level] if level else usual, arguments.log_file or settings.log_error_file or None)
        _raise_descriptor_limit()
        asyncio.run(_serve(options, settings, arguments.ready_file))
    except (SalternError, OSError) as error:
        print(f"saltern-api: {told(error)}", file=sys.stderr)
        return exit_code(error) if isinstance(error, SalternError) else EX_FAILED
    # A thread may still wait for the master; what it was to answer is of no use any more.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


async def _serve(options: MasterOptions, settings: ApiSettings, ready_file: str | None) -> None:
    from saltern_api.server import Server  # after the arguments: --help and faults answer at once

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    server = Server(options, settings)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, server)
    try:
        url = await server.start()
        _say_ready(url, ready_file)
        await ended.wait()
        _log.info("stopping")
    finally:
        await server.stop()
        if ready_file:
            with contextlib.suppress(OSError):
                os.unlink(ready_file)


def _say_ready(url: str, ready_file: str | None) -> None:
    """Log where we listen, and write it to *ready_file*. Raises ``ConfigError``."""
    if ready_file:
        told_all = {"http": url, "pid": os.getpid(), "version": __version__}
        with os_errors(ConfigError, ready_file, "can't be written"):
            write_atomic(ready_file, json.dumps(told_all, indent=1).encode())
    _log.info("api %s is ready: %s", __version__, url)


def _reload(server: Server) -> None:
    _log.info("SIGHUP: the certificate is read again; what the configuration says needs a restart")
    server.reload()


def _raise_descriptor_limit() -> None:
    """Allow as many open files as the system lets us: each client needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
