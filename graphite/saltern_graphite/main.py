"""``saltern-graphite``: the command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import signal
import sys

import saltern.log
from saltern.__about__ import __version__
from saltern.errors import SalternError
from saltern_graphite import cache, wal
from saltern_graphite.durability import FSYNC_POLICIES
from saltern_graphite.metric_name import BadName, canonical
from saltern_graphite.options import FLUSH_INTERVAL_S, MAX_CONNECTIONS, ServerOptions, StoreOptions
from saltern_graphite.rollup import AGGREGATION_FILE, Aggregations
from saltern_graphite.schemas import DEFAULT_RETENTIONS_TEXT, SCHEMAS_FILE, Schemas
from saltern_graphite.server import Server
from saltern_graphite.store import Store

log = logging.getLogger(__name__)

_EXAMPLES = """\
examples:
  saltern-graphite serve --root /var/lib/saltern/graphite
      Receive on 127.0.0.1:2003 (plaintext) and :2005 (batches), answer HTTP on 127.0.0.1:8080.
  saltern-graphite serve --root /var/lib/saltern/graphite --line 0.0.0.0:2003 --udp 0.0.0.0:2003 --http 0.0.0.0:8080
      The same for the whole network, and UDP too.
  saltern-graphite serve --root /tmp/look --whisper /opt/graphite/storage/whisper --read-only
      Look at another Carbon's files; nothing is written.
  echo "a.b 42 $(date +%s)" | nc -q0 127.0.0.1 2003
  saltern-graphite validate --conf /etc/carbon servers.web1.load
"""
_SERVE_EPILOG = f"""\
Everything is under --root: whisper/ (the files), log/ (what isn't in them yet), conf/ ({SCHEMAS_FILE},
{AGGREGATION_FILE}; without them every metric gets {DEFAULT_RETENTIONS_TEXT}, average), run/graphite.json
(where it listens, written when it does).

What is promised: an accepted point survives kill -9 of this process, always. A power cut loses at most the last
second with --fsync interval, nothing with always, what the kernel had not written yet with never.

SIGTERM and SIGINT stop it cleanly; SIGHUP reads the schema files again. Port 0 means any free one.
"""


def address(text: str) -> tuple[str, int]:
    """Return ``HOST:PORT`` (an IPv6 host in brackets) as a pair; for argparse."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT such as 127.0.0.1:2003")
    return host.strip("[]"), int(port)


def address_or_off(text: str) -> tuple[str, int] | None:
    """Return an :func:`address`, or ``None`` for ``off``; for argparse."""
    return None if text == "off" else address(text)


def positive(text: str) -> int:
    """Return a whole number above zero; for argparse."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def seconds(text: str) -> float:
    """Return a number of seconds, zero or more; for argparse."""
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    top = argparse.ArgumentParser(
        prog="saltern-graphite",
        description="Receives metrics as Carbon does, keeps them in Whisper files, answers Graphite's HTTP API.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands.add_parser(
        "serve", help="receive, store and answer", epilog=_SERVE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ))  # fmt: skip
    validate = commands.add_parser(
        "validate",
        help="check the schema files",
        description=f"Names file, line and reason for everything wrong in {SCHEMAS_FILE} and {AGGREGATION_FILE}, "
        "and shows for each METRIC which sections it would get. The exit status is 1 if anything is wrong.",
    )
    validate.add_argument("--conf", metavar="DIR", default="conf", help="folder of the files (default: %(default)s)")
    validate.add_argument("metrics", nargs="*", metavar="METRIC")
    return top


def _add_serve(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--root", metavar="DIR", required=True, help="where everything is kept")
    serve.add_argument("--whisper", metavar="DIR", help="the Whisper tree (default: ROOT/whisper)")
    serve.add_argument("--conf", metavar="DIR", help="folder of the schema files (default: ROOT/conf)")
    where = "HOST:PORT"
    serve.add_argument("--line", metavar=where, type=address_or_off, default=("127.0.0.1", 2003),
                       help="plaintext over TCP, or 'off' (default: 127.0.0.1:2003)")  # fmt: skip
    serve.add_argument("--udp", metavar=where, type=address_or_off, help="plaintext over UDP (default: off)")
    serve.add_argument("--batch", metavar=where, type=address_or_off, default=("127.0.0.1", 2005),
                       help="acknowledged batches over TCP, or 'off' (default: 127.0.0.1:2005)")  # fmt: skip
    serve.add_argument("--http", metavar=where, type=address, default=("127.0.0.1", 8080),
                       help="the Graphite HTTP API (default: 127.0.0.1:8080)")  # fmt: skip
    serve.add_argument("--read-only", action="store_true", help="only answer HTTP; no file is touched")
    serve.add_argument("--fsync", choices=FSYNC_POLICIES, default="interval",
                       help="when the log is forced to the disk: every second, before each acknowledgement, or "
                       "when the kernel likes (default: %(default)s)")  # fmt: skip
    serve.add_argument("--flush-interval", metavar="SECONDS", type=seconds, default=FLUSH_INTERVAL_S,
                       help="longest time until a point is in its file (default: %(default)s)")  # fmt: skip
    serve.add_argument("--cache-max-points", metavar="N", type=positive, default=cache.MAX_POINTS,
                       help="points waiting in memory before senders must wait (default: %(default)s)")  # fmt: skip
    serve.add_argument("--log-max-bytes", metavar="N", type=positive, default=wal.MAX_BYTES,
                       help="size of the log before senders must wait (default: %(default)s)")  # fmt: skip
    serve.add_argument("--max-connections", metavar="N", type=positive, default=MAX_CONNECTIONS,
                       help="connections per port (default: %(default)s)")  # fmt: skip
    serve.add_argument("--idle-timeout", metavar="SECONDS", type=seconds, default=0.0,
                       help="close connections silent for so long; 0: never (default: %(default)s)")  # fmt: skip
    serve.add_argument("--log-level", choices=saltern.log.LEVELS, default="info", help="(default: %(default)s)")


def validate(conf: str, metrics: list[str]) -> int:
    """Print what is wrong in the schema files of the folder *conf* and what *metrics* would get; 0 if all is well."""
    schemas, aggregations = Schemas.load(conf), Aggregations.load(conf)
    problems = schemas.problems + aggregations.problems
    for problem in problems:
        print(problem)
    refused = 0
    for metric in metrics:
        try:
            name = canonical(metric)
        except BadName as bad:
            print(f"{metric}: refused ({bad.cause})")
            refused += 1
            continue
        schema, rule = schemas.match(name), aggregations.match(name)
        archives = ",".join(f"{retention.step}s:{retention.points}" for retention in schema.retentions)
        print(f"{name}: [{schema.name}] {archives}; [{rule.name}] {rule.method}, xFilesFactor {rule.x_files_factor:g}")
    if not metrics and not problems:
        counts = f"{len(schemas.schemas)} schemas, {len(aggregations.rules)} aggregations"
        print(f"{conf}: {counts}, nothing wrong")
    return 1 if problems or refused else 0


async def serve(arguments: argparse.Namespace) -> None:
    """Run a server until SIGTERM or SIGINT."""
    store = Store(
        arguments.root,
        StoreOptions(
            whisper=arguments.whisper,
            conf=arguments.conf,
            fsync=arguments.fsync,
            flush_interval_s=arguments.flush_interval,
            cache_max_points=arguments.cache_max_points,
            log_max_bytes=arguments.log_max_bytes,
        ),
    )
    options = ServerOptions(
        line=arguments.line,
        udp=arguments.udp,
        batch=arguments.batch,
        http=arguments.http,
        read_only=arguments.read_only,
        max_connections=arguments.max_connections,
        idle_timeout_s=arguments.idle_timeout,
    )
    server = Server(arguments.root, store, options)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, store.reload_schemas)
    try:
        await server.start()
        await ended.wait()
        log.info("stopping")
    finally:
        await server.stop()


def main(argv: list[str] | None = None) -> int:
    """Run the command line *argv* and return its exit status."""
    arguments = parser().parse_args(argv)
    if arguments.command == "validate":
        return validate(arguments.conf, arguments.metrics)
    saltern.log.setup(arguments.log_level)
    _raise_descriptor_limit()
    try:
        asyncio.run(serve(arguments))
    except SalternError as error:
        print(f"saltern-graphite: {error}", file=sys.stderr)
        return 1
    # A render or a write to a dead disk may still run in a thread. All points are in files or log: wait for none.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _raise_descriptor_limit() -> None:
    """Allow as many open files as the system lets us: each sender needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
