"""``saltern-cp``: send files and folders of this host to minions.

They go to the master once, and every minion fetches them from there at its own pace; what is interrupted goes on
where it stopped when the command is given again.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from saltern.cli.command import (
    EX_GENERIC,
    EX_INTERRUPTED,
    EX_OK,
    OptionParser,
    Output,
    add_output_arguments,
    command_parser,
    run_command,
    seconds,
    set_up_log,
)
from saltern.cli.parcel import Parcel
from saltern.cli.salt.parser import add_target_kinds
from saltern.cli.salt.shown import EX_NOTHING, NOBODY, NOTHING_CAME, explain
from saltern.cli.salt.wanted import target_of
from saltern.client import LocalClient
from saltern.errors import NotAuthorised
from saltern.local import LocalConnection
from saltern.visible import visible

PROG = "saltern-cp"
RECEIVER = "cp.recv"
MIB = 1024 * 1024
MAX_NAMED = 5

EXAMPLES = """  saltern-cp '*' motd /etc/motd
  saltern-cp 'web*' app.conf conf.d /etc/app/         several files and folders, into a folder
  saltern-cp -G os:Debian big.iso /srv/images/        when it is interrupted: again, it goes on where it stopped
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = _parser()
    options = parser.parse(sys.argv[1:] if argv is None else argv)
    if len(options.words) < 3:
        parser.error("a target, sources and a destination are needed")
    return run_command(PROG, lambda: _run(options), traceback=options.traceback, config_dir=options.config_dir)


def _parser() -> OptionParser:
    usage = f"{PROG} [options] '<target>' SOURCE [SOURCE ...] DEST"
    parser = command_parser(PROG, usage, "Send files and folders to the minions that a target means.", EXAMPLES)
    add_target_kinds(parser, without="-C")
    add = parser.add_argument_group("sending").add_argument
    add("-t", "--timeout", type=seconds, metavar="S", help="seconds of silence before asking who still runs")
    add("-C", "--chunked", action="store_true", help="changes nothing: files always go in chunks")
    add("-n", "--no-compression", action="store_true", help="changes nothing: nothing is compressed")
    add("--no-progress", action="store_true", help="don't show how far it is")
    add_output_arguments(parser)
    return parser


def _run(options: argparse.Namespace) -> int:
    target, *sources, dest = options.words
    set_up_log(options)
    shown = Output(options)
    parcel = Parcel(sources)
    _tell_skipped(parcel.skipped)
    client = LocalClient(options.config_dir)
    told = Progress(not options.no_progress and sys.stderr.isatty())
    with LocalConnection(client.opts["sock_dir"]) as connection:
        begun = connection.call(
            "upload.begin",
            tgt=target_of(target, options.kind),
            tgt_type=options.kind or "glob",
            delimiter=options.delimiter,
            hsum=parcel.hsum,
            size=parcel.size,
        )
        explain(begun["problem"], begun["unknown"], PROG)
        if not begun["minions"]:
            print(NOBODY)
            print(NOTHING_CAME, file=sys.stderr)
            return EX_NOTHING
        upload = begun["upload"]
        try:
            _send(connection, upload, begun["have"], parcel, told)
            kwarg = {"upload": upload, "hsum": parcel.hsum, "listing_size": len(parcel.listing), "dest": dest}
            job = client.open_job(connection, begun["minions"], RECEIVER, (), "list", kwarg, timeout=options.timeout)
            failed = _show(client.follow(connection, job), len(job.minions), shown, told)
        except KeyboardInterrupt:
            print(f"\n{PROG}: interrupted: the same command goes on where it stopped", file=sys.stderr)
            return EX_INTERRUPTED
        finally:
            told.end()
    if not failed:  # what a minion failed to get goes on from here when it is sent again
        with contextlib.suppress(NotAuthorised), LocalConnection(client.opts["sock_dir"]) as connection:
            connection.call("upload.forget", upload)
    return EX_GENERIC if failed or begun["unknown"] else EX_OK


def _send(connection: LocalConnection, upload: str, have: int, parcel: Parcel, told: Progress) -> None:
    """Bring to the master what it doesn't have."""
    at = have
    for data in parcel.chunks(have):
        for start in range(0, len(data), MIB):
            at = connection.call("upload.write", upload, at, data[start : start + MIB])
            told.show(f"sent to the master: {at / MIB:,.0f} of {parcel.size / MIB:,.0f} MiB")


def _show(answers: Iterator[dict[str, dict[str, Any]]], minions: int, shown: Output, told: Progress) -> int:
    """Print answers as they come and return how many minions failed."""
    done = failed = 0
    for answer in answers:
        for minion_id, data in answer.items():
            retcode = EX_GENERIC if "failed" in data else data.get("retcode") or 0
            failed += bool(retcode)
            done += 1
            told.end()
            shown.show({minion_id: data.get("ret", data.get("failed"))}, retcode=retcode)
            sys.stdout.flush()
            told.show(f"minions that have it: {done - failed} of {minions}; failed: {failed}")
    return failed


def _tell_skipped(skipped: Sequence[str]) -> None:
    if skipped:
        print(f"{PROG}: not sent, for they are no files: {_some(skipped)}", file=sys.stderr)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return ", ".join(map(visible, names[:MAX_NAMED])) + more


class Progress:
    """One line on a terminal's stderr, written over."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown
        self._width = 0

    def show(self, line: str) -> None:
        """Show *line*, where anybody sees it."""
        if self._shown:
            print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(line)

    def end(self) -> None:
        """Take the line away."""
        if self._width:
            print(f"\r{'':<{self._width}}\r", end="", file=sys.stderr, flush=True)
            self._width = 0


if __name__ == "__main__":
    sys.exit(main())
