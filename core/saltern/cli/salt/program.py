"""The program's way from its words to its exit code."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from saltern.cli.command import OptionParser, run_command, set_up_log
from saltern.cli.login import access_of
from saltern.cli.salt.parser import PROG, salt_parser
from saltern.cli.salt.shown import EX_NOTHING, NOBODY, Shown
from saltern.cli.salt.stopped import Stopped
from saltern.cli.salt.wanted import wanted
from saltern.config import client_config
from saltern.errors import MasterNotRunning, SalternError
from saltern.local import Access, LocalConnection
from saltern.order import Order

NO_MASTER = "The salt master could not be contacted. Is master running?"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what a terminal can't show is shown as an escape
    parser = salt_parser()
    options = parser.parse(sys.argv[1:] if argv is None else argv)
    stopped = Stopped()
    faults: list[MasterNotRunning] = []

    def work() -> int:
        try:
            return _run(parser, options, stopped)
        except KeyboardInterrupt:
            return stopped.say()
        except MasterNotRunning as error:
            faults.append(error)
            raise
        except SalternError:
            stopped.hint()
            raise

    code = run_command(PROG, work, traceback=options.traceback, config_dir=options.config_dir)
    return EX_NOTHING if faults else code


def _run(parser: OptionParser, options: argparse.Namespace, stopped: Stopped) -> int:
    set_up_log(options)
    if options.config_dump:
        from saltern.cli.salt.preview import dump

        return dump(options)
    order = wanted(parser, options)
    opts = client_config(options.config_dir)
    shown = Shown(options)
    try:
        return _done(options, order, access_of(options, opts), shown, stopped)
    except MasterNotRunning:
        shown.value(NO_MASTER)
        raise


def _done(options: argparse.Namespace, order: Order, access: Access, shown: Shown, stopped: Stopped) -> int:
    """Do what is asked for in the way that the options say, and return the exit code."""
    if options.kind == "range":
        print("saltern: -R: there are no range servers here: use -L, -G, -N or -C", file=sys.stderr)
        if options.async_:
            print(NOBODY)
            return shown.started("0")
        return shown.nothing([]) if options.preview_target else shown.nobody()
    if options.preview_target:
        from saltern.cli.salt.preview import show_preview

        return show_preview(order, access, shown)
    if options.batch or options.static:
        from saltern.cli.salt.waves import run_static, run_waves

        static = options.static and not (options.async_ and options.batch)
        return (run_static if static else run_waves)(options, order, access, shown, stopped)
    if options.batch_safe_limit > 1:
        from saltern.cli.salt.preview import preview
        from saltern.cli.salt.waves import run_waves

        with LocalConnection(access) as connection:
            many = len(preview(connection, order)[0]) >= options.batch_safe_limit
        if many:
            print("\nNOTICE: Too many minions targeted, switching to batch execution.")
            options.batch = options.batch_safe_size
            return run_waves(options, order, access, shown, stopped)
    from saltern.cli.salt.plain import run_plain

    return run_plain(options, order, access, shown, stopped)
