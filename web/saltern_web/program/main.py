"""``saltern-web``: the program."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence

from saltern import log, own_environment
from saltern.__about__ import __version__
from saltern.config.remarks import remarks
from saltern.errors import ConfigError, SalternError, exit_code, os_errors, told
from saltern.files import UMASK, write_atomic
from saltern.option_parser import LOG_LEVELS, common_parser
from saltern.visible import visible
from saltern_web.program.settings import WEB, WebOptions, web_options

EX_FAILED = 1

_log = logging.getLogger(__name__)

EXAMPLES = """  saltern-web                            serve the console with the options in /etc/saltern/web
  saltern-web -c ~/saltern/etc           with the configuration in another folder
  saltern-web --ready-file /run/web.json say there where it listens, once it does
  saltern-web plugin new backups         begin a plugin in the folder backups

SIGTERM and SIGINT stop it; SIGHUP reads the certificate again.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve pages until SIGTERM or SIGINT; return the exit code."""
    os.umask(UMASK)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it can be heeded
    parser = common_parser(
        "saltern-web",
        "saltern-web [options] [plugin new NAME]",
        "The console: the fleet in a browser. It has no rights of its own: it asks the HTTP API as whoever logs in.",
        EXAMPLES,
    )
    parser.add_argument("--ready-file", metavar="FILE", help="write where it listens to FILE, as JSON")
    arguments = parser.parse(sys.argv[1:] if argv is None else argv)
    words = arguments.words
    if words[:2] == ["plugin", "new"] and len(words) == 3:
        from saltern_web.plugins.begin import begin_plugin

        return begin_plugin(words[2])
    if words[:1] == ["plugin"]:
        parser.error("write saltern-web plugin new NAME")
    if words:
        parser.error(f"unexpected word: {visible(words[0])}")
    level = (arguments.log_file_level if arguments.log_file else None) or arguments.log_level
    own_environment.settle(os.environ)
    try:
        options = web_options(arguments.config_dir)
        log.setup(
            LOG_LEVELS[level] if level else options["log_level"], arguments.log_file or options["log_file"] or None
        )
        for line in remarks(WEB, options):
            _log.warning("%s", line)
        from saltern_web.program import site  # after the arguments: --help and faults answer at once

        site.configure(options)
        site.migrate()
        asyncio.run(_serve(options, arguments.ready_file))
    except (SalternError, OSError) as error:
        print(f"saltern-web: {told(error)}", file=sys.stderr)
        return exit_code(error) if isinstance(error, SalternError) else EX_FAILED
    logging.shutdown()
    return 0


async def _serve(options: WebOptions, ready_file: str | None) -> None:
    from saltern_web.program.server import Server

    server = Server(options)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, server.reload)
    try:
        url = await server.start()
        gc.collect()
        gc.freeze()  # what is there to stay: to look at it again and again would keep pages waiting
        if ready_file:
            ready = {"http": url, "pid": os.getpid(), "version": __version__}
            with os_errors(ConfigError, ready_file, "can't be written"):
                write_atomic(ready_file, json.dumps(ready, indent=1).encode())
        _log.info("console %s is ready: %s", __version__, url)
        await ended.wait()
        _log.info("stopping")
    finally:
        await server.stop()
        if ready_file:
            with contextlib.suppress(OSError):
                os.unlink(ready_file)


if __name__ == "__main__":
    sys.exit(main())
