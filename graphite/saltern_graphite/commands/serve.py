"""``saltern-graphite serve``: receive, store and answer until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import signal
import sys
from collections.abc import Sequence

import saltern.log
from saltern.errors import SalternError, exit_code, told
from saltern.folder_lock import locked
from saltern_graphite.commands.argument_types import address, address_or_off, positive, seconds, whole_or_auto
from saltern_graphite.commands.http_options import add_http_options, http_settings
from saltern_graphite.process.allocator import give_back_freed_memory, keep_freed_memory
from saltern_graphite.process.options import (
    FLUSH_AT_MOST_S,
    FLUSH_INTERVAL_S,
    MAX_CONNECTIONS,
    ServerOptions,
    StoreOptions,
)
from saltern_graphite.process.server import Server
from saltern_graphite.rules.name_lists import BLACKLIST_FILE, WHITELIST_FILE
from saltern_graphite.rules.rollup import AGGREGATION_FILE
from saltern_graphite.rules.sample_conf import write_samples
from saltern_graphite.rules.schemas import DEFAULT_RETENTIONS_TEXT, SCHEMAS_FILE
from saltern_graphite.store import cache
from saltern_graphite.store.store import Store
from saltern_graphite.store.wal import wal
from saltern_graphite.tools.places import checked_folder
from saltern_graphite.whisper.durability import FSYNC_POLICIES

ROOT_MODE = 0o755
SWITCH_S = 0.0005
"""How long a thread may keep others waiting: an answer takes a few turns, and receiving would take ten times that."""

log = logging.getLogger(__name__)

_EPILOG = f"""\
Everything is under --root: whisper/ (the files), log/ (what isn't in them yet), conf/ ({SCHEMAS_FILE},
{AGGREGATION_FILE}: without sections in them, as they are at first, every metric gets {DEFAULT_RETENTIONS_TEXT},
average; {WHITELIST_FILE} and {BLACKLIST_FILE}: which names are let in), run/graphite.json (where it
listens, written when it does).

What is promised: an accepted point survives kill -9 of this process, always. A power cut loses at most the last
second with --fsync interval, nothing with always, what the kernel had not written yet with never.

SIGTERM and SIGINT stop it cleanly; SIGHUP reads the files in conf/ and --auth-file again. Logs may be renamed
(logrotate) at any time: a new file is made for the next line. Port 0 means any free one.
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    serve = commands.add_parser(
        "serve",
        help="receive, store and answer",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.set_defaults(run=run)
    serve.add_argument("--root", metavar="DIR", required=True, help="where everything is kept")
    serve.add_argument("--whisper", metavar="DIR", help="the Whisper tree (default: ROOT/whisper)")
    serve.add_argument("--conf", metavar="DIR", help="folder of the schema files (default: ROOT/conf)")
    where = "HOST:PORT"
    serve.add_argument("--line", metavar=where, type=address_or_off, default=("127.0.0.1", 2003),
                       help="plaintext over TCP, or 'off' (default: 127.0.0.1:2003)")  # fmt: skip
    serve.add_argument("--udp", metavar=where, type=address_or_off, help="plaintext over UDP (default: off)")
    serve.add_argument("--pickle", metavar=where, type=address_or_off, default=("127.0.0.1", 2004),
                       help="Carbon's pickles over TCP, or 'off' (default: 127.0.0.1:2004)")  # fmt: skip
    serve.add_argument("--batch", metavar=where, type=address_or_off, default=("127.0.0.1", 2005),
                       help="acknowledged batches over TCP, or 'off' (default: 127.0.0.1:2005)")  # fmt: skip
    serve.add_argument("--http", metavar=where, type=address, default=("127.0.0.1", 8080),
                       help="the Graphite HTTP API (default: 127.0.0.1:8080)")  # fmt: skip
    serve.add_argument("--read-only", action="store_true", help="only answer HTTP; no file is touched")
    serve.add_argument("--fsync", choices=FSYNC_POLICIES, default="interval",
                       help="when the log is forced to the disk: every second, before each acknowledgement, or "
                       "when the kernel likes (default: %(default)s)")  # fmt: skip
    serve.add_argument("--flush-interval", metavar="SECONDS", type=seconds, default=FLUSH_INTERVAL_S,
                       help="how long points wait for their file, longer where there are very many metrics; 0: not "
                       "at all (default: %(default)s)")  # fmt: skip
    serve.add_argument("--flush-at-most", metavar="SECONDS", type=seconds, default=FLUSH_AT_MOST_S,
                       help="how long points wait for their file at the most; the log has them until then, and "
                       "readers see them (default: %(default)s)")  # fmt: skip
    serve.add_argument("--cache-max-bytes", metavar="N", type=positive, default=cache.MAX_BYTES,
                       help="memory for points that wait, before senders must (default: %(default)s)")  # fmt: skip
    serve.add_argument("--cache-max-points", metavar="N", type=positive, default=cache.MAX_POINTS,
                       help="points waiting in memory before senders must wait (default: %(default)s)")  # fmt: skip
    serve.add_argument("--writers", metavar="N", type=whole_or_auto, default=1,
                       help="processes that write files, about 28 MB each; 0: a thread of this one; auto: as many "
                       "as the metrics are worth, none while they are few (default: %(default)s)")  # fmt: skip
    serve.add_argument("--late", choices=("combine", "whisper"), default="combine",
                       help="points older than a file's first archive: rolled up as if they had come in time, or as "
                       "the whisper library does, the last of a slot winning (default: %(default)s)")  # fmt: skip
    serve.add_argument("--log-max-bytes", metavar="N", type=positive, default=wal.MAX_BYTES,
                       help="size of the log before senders must wait (default: %(default)s)")  # fmt: skip
    serve.add_argument("--max-connections", metavar="N", type=positive, default=MAX_CONNECTIONS,
                       help="connections per port (default: %(default)s)")  # fmt: skip
    serve.add_argument("--idle-timeout", metavar="SECONDS", type=seconds, default=0.0,
                       help="close connections silent for so long; 0: never (default: %(default)s)")  # fmt: skip
    serve.add_argument("--log-level", choices=saltern.log.LEVELS, default="info", help="(default: %(default)s)")
    serve.add_argument("--log-file", metavar="FILE", help="where to log; standard error without it")
    add_http_options(serve)


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop; when it can't start, say why and return the error's exit code."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it can be heeded
    try:
        saltern.log.setup(arguments.log_level, arguments.log_file)
    except SalternError as error:
        print(f"saltern-graphite: {told(error)}", file=sys.stderr)
        return exit_code(error)
    _raise_descriptor_limit()
    keep_freed_memory()
    sys.setswitchinterval(SWITCH_S)
    try:
        if arguments.read_only:
            checked_folder(arguments.whisper or os.path.join(arguments.root, "whisper"))
        with contextlib.nullcontext() if arguments.read_only else locked(arguments.root, ROOT_MODE):
            if not arguments.read_only and arguments.conf is None:
                write_samples(os.path.join(arguments.root, "conf"))
            asyncio.run(_serve(arguments))
    except SalternError as error:
        print(f"saltern-graphite: {told(error)}", file=sys.stderr)
        return exit_code(error)
    # A render or a write to a dead disk may still run in a thread. All points are in files or log: wait for none.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


async def _serve(arguments: argparse.Namespace) -> None:
    """Run a server until SIGTERM or SIGINT."""
    store = Store(
        arguments.root,
        StoreOptions(
            whisper=arguments.whisper,
            conf=arguments.conf,
            fsync=arguments.fsync,
            flush_interval_s=arguments.flush_interval,
            flush_at_most_s=arguments.flush_at_most,
            cache_max_points=arguments.cache_max_points,
            cache_max_bytes=arguments.cache_max_bytes,
            log_max_bytes=arguments.log_max_bytes,
            writers=arguments.writers,
            late=arguments.late,
        ),
    )
    store.on_freed = give_back_freed_memory
    options = ServerOptions(
        line=arguments.line,
        udp=arguments.udp,
        pickle=arguments.pickle,
        batch=arguments.batch,
        http=arguments.http,
        http_settings=http_settings(arguments),
        read_only=arguments.read_only,
        max_connections=arguments.max_connections,
        idle_timeout_s=arguments.idle_timeout,
    )
    server = Server(arguments.root, store, options)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    files = [SCHEMAS_FILE, AGGREGATION_FILE, WHITELIST_FILE, BLACKLIST_FILE]
    files += ["the credentials"] if arguments.auth_file else []
    loop.add_signal_handler(signal.SIGHUP, _reload, store, server, files)
    try:
        await server.start()
        await ended.wait()
        log.info("stopping")
    finally:
        await server.stop()


def _reload(store: Store, server: Server, files: Sequence[str]) -> None:
    """Read everything in the conf folder again, and what HTTP has in files; say so: *files* in words."""
    server.reload_http()
    store.reload_schemas()
    if not store.replaying:  # else the server does when it has the time
        store.name_lists.reload()
    log.info(
        "SIGHUP: logs are opened anew; %s are read again, but for what is said above to be at fault; what the command "
        "line says needs a restart",
        ", ".join(files),
    )


def _raise_descriptor_limit() -> None:
    """Allow as many open files as the system lets us: each sender needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
