"""``saltern-cp``: send files and folders of this host, or of a minion, to minions.

They go to the master once, and every minion fetches them from there at its own pace; what is interrupted goes on
where it stopped when the command is given again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

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
from saltern.cli.salt.parser import add_target_kinds
from saltern.cli.salt.shown import EX_NOTHING, NOBODY, NOTHING_CAME, explain
from saltern.cli.salt.wanted import target_of
from saltern.client import LocalClient
from saltern.digest import sha256
from saltern.errors import IdError, NotAuthorised, UsageError
from saltern.ids import check_minion_id
from saltern.local import LocalConnection
from saltern.parcel import Parcel
from saltern.visible import visible

PROG = "saltern-cp"
RECEIVER, SENDER = "cp.recv", "cp.send"
MINION, PUSHED = "minion:", "pushed:"
"""Before a source: a minion's own file, and one that it pushed to the master, ``minion:db1:/etc/app.conf``."""
UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}
MIB = 1024 * 1024
MAX_NAMED = 5

EXAMPLES = """  saltern-cp '*' motd /etc/motd
  saltern-cp 'web*' app.conf conf.d /etc/app/         several files and folders, into a folder
  saltern-cp -G os:Debian big.iso /srv/images/        when it is interrupted: again, it goes on where it stopped
  saltern-cp --rate-limit 10M '*' big.iso /srv/       10 MB a second, for all of them together
  saltern-cp 'web*' minion:db1:/etc/app.conf /etc/    from a minion: what it has now
  saltern-cp 'web*' pushed:db1:/etc/app.conf /etc/    what it sent to the master with cp.push
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
    add("--rate-limit", type=_rate, default=0, metavar="B", help="bytes a second for all minions together: 500k, 10M")
    add("--no-progress", action="store_true", help="don't show how far it is")
    add_output_arguments(parser)
    return parser


def _rate(text: str) -> int:
    number, unit = (text[:-1], text[-1].lower()) if text[-1:].isalpha() else (text, "")
    try:
        rate = int(float(number) * UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        rate = 0
    if rate < UNITS["k"] + 24:
        raise argparse.ArgumentTypeError(f"must be bytes a second, at least 1.1k, as in 500k or 10M, not {text!r:.40}")
    return rate


class Source(NamedTuple):
    """What is sent: files and folders of *minion*, or of this host where that is empty."""

    minion: str
    paths: list[str]

    @classmethod
    def of(cls, words: Sequence[str], cachedir: str) -> Source:
        """Return what *words* name. Raises ``UsageError`` for what can't be sent at once."""
        minions = {word.split(":", 2)[1] for word in words if word.startswith(MINION)}
        if not minions:
            return cls("", [_of_pushed(word, cachedir) for word in words])
        if len(minions) > 1 or not all(word.startswith(MINION) for word in words):
            raise UsageError("files of one host at a time: send those of others by a command of their own")
        minion, paths = _checked_id(minions.pop(), words[0]), [word.split(":", 2)[-1] for word in words]
        for word, path in zip(words, paths, strict=True):
            if word.count(":") < 2 or not path.startswith("/"):
                raise UsageError(f"{word}: a minion's file is named as in minion:db1:/etc/app.conf")
        return cls(minion, paths)

    @property
    def names(self) -> list[str]:
        """What a minion may call the files and folders that it sends: no others are taken from it."""
        return [os.path.basename(os.path.normpath(path)) for path in self.paths]

    @property
    def wanted(self) -> str:
        """The digest of what a minion is asked for."""
        return sha256("\0".join([self.minion, *self.paths]).encode("utf-8", "surrogateescape")).hexdigest()


def _of_pushed(word: str, cachedir: str) -> str:
    if not word.startswith(PUSHED):
        return word
    minion, _, path = word.removeprefix(PUSHED).partition(":")
    if not path.startswith("/") or ".." in path.split("/"):
        raise UsageError(f"{word}: what a minion pushed is named as in pushed:db1:/etc/app.conf")
    return os.path.join(cachedir, "minions", _checked_id(minion, word), "files", path.lstrip("/"))


def _checked_id(minion: str, word: str) -> str:
    try:
        return check_minion_id(minion)
    except IdError as error:
        raise UsageError(f"{word}: {error}") from None


class Sent(NamedTuple):
    """What the master has, for ``cp.recv``."""

    hsum: str
    listing_size: int


def _run(options: argparse.Namespace) -> int:
    target, *words, dest = options.words
    set_up_log(options)
    shown = Output(options)
    client = LocalClient(options.config_dir)
    source = Source.of(words, client.opts["cachedir"])
    parcel = None if source.minion else Parcel(source.paths)
    _tell_skipped(parcel.skipped if parcel else ())
    told = Progress(not options.no_progress and sys.stderr.isatty())
    with LocalConnection(client.opts["sock_dir"]) as connection:
        begun = connection.call(
            "upload.begin",
            tgt=target_of(target, options.kind),
            tgt_type=options.kind or "glob",
            delimiter=options.delimiter,
            hsum=parcel.hsum if parcel else source.wanted,
            size=parcel.size if parcel else 0,
            rate=options.rate_limit,
            source=source.minion,
        )
        explain(begun["problem"], begun["unknown"], PROG)
        if not begun["minions"]:
            print(NOBODY)
            print(NOTHING_CAME, file=sys.stderr)
            return EX_NOTHING
        upload = begun["upload"]
        sent: Sent | None
        try:
            if parcel:
                sent = _send(connection, upload, begun["have"], parcel, told)
            else:
                told.show(f"{source.minion} sends it to the master")
                sent = _have_sent(client, connection, upload, source, options)
            if sent is None:
                return EX_GENERIC
            kwarg: dict[str, Any] = {"names": source.names} if source.minion else {}
            kwarg |= {"upload": upload, "hsum": sent.hsum, "listing_size": sent.listing_size, "dest": dest}
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


def _have_sent(
    client: LocalClient, connection: LocalConnection, upload: str, source: Source, options: argparse.Namespace
) -> Sent | None:
    """Have a minion send its files to the master; return what they are, ``None`` once it is said that it can't."""
    kwarg = {"upload": upload, "paths": source.paths, "rate": options.rate_limit}
    job = client.open_job(connection, [source.minion], SENDER, (), "list", kwarg, timeout=options.timeout)
    why = "there is no such minion"
    if job.minions:
        why = "it didn't answer"
        for answer in client.follow(connection, job):
            data = answer.get(source.minion, {})
            found = data.get("ret", data.get("failed"))
            if isinstance(found, dict) and {"hsum", "listing_size"} <= set(found) and not data.get("retcode"):
                _tell_skipped([f"{source.minion}:{path}" for path in found.get("skipped", ())])
                return Sent(found["hsum"], found["listing_size"])
            why = str(found).removeprefix("ERROR: ")
    print(f"{PROG}: {source.minion}: {visible(why)}", file=sys.stderr)
    return None


def _send(connection: LocalConnection, upload: str, have: int, parcel: Parcel, told: Progress) -> Sent:
    """Bring to the master what it doesn't have; return what it has then."""
    at = have
    for data in parcel.chunks(have):
        for start in range(0, len(data), MIB):
            at = connection.call("upload.write", upload, at, data[start : start + MIB])
            told.show(f"sent to the master: {at / MIB:,.0f} of {parcel.size / MIB:,.0f} MiB")
    return Sent(parcel.hsum, len(parcel.listing))


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
