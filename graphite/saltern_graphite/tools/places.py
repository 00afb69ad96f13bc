"""Where a command finds the tree and the rules: the arguments that the commands share."""

from __future__ import annotations

import argparse
import os

from saltern.errors import GraphiteError, UsageError
from saltern.files import make_folder
from saltern_graphite.rules.metric_name import BadName
from saltern_graphite.rules.rollup import Aggregations
from saltern_graphite.rules.schemas import SCHEMAS_FILE, Schemas
from saltern_graphite.tools.tree import Selection
from saltern_graphite.whisper.file import Layout, layout_of

_PARTS_OF_A_ROOT = ("whisper", "log", "run")


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add ``--root`` and ``--whisper``."""
    parser.add_argument("--root", metavar="DIR", help="the folder that serve has as its --root")
    parser.add_argument("--whisper", metavar="DIR", help="the Whisper tree (default: ROOT/whisper)")


def add_conf(parser: argparse.ArgumentParser) -> None:
    """Add ``--conf``."""
    parser.add_argument("--conf", metavar="DIR", help="folder of the schema files (default: ROOT/conf)")


def whisper_dir(arguments: argparse.Namespace) -> str:
    """Return the tree that the command line names; raises :class:`UsageError` when it names none that is there."""
    path: str | None = arguments.whisper or (os.path.join(arguments.root, "whisper") if arguments.root else None)
    if path is None:
        raise UsageError("say where the files are: --root DIR, or --whisper DIR")
    return checked_tree(path)


def checked_tree(path: str) -> str:
    """Return *path*; raises :class:`UsageError` when it is no folder, or what serve has as its --root."""
    checked_folder(path)
    if all(os.path.isdir(os.path.join(path, part)) for part in _PARTS_OF_A_ROOT):
        raise UsageError(f"{path} is the root of a store: its tree is {os.path.join(path, 'whisper')}")
    return path


def made_folder(path: str) -> str:
    """Return *path*, made if it wasn't there; raises :class:`UsageError` when it is no folder and can't be one."""
    try:
        make_folder(path, 0o750)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{path} can't be made: something above it is no folder") from None
    except OSError as error:
        raise UsageError(f"{path} can't be made: {error.strerror}") from None
    return path


def checked_folder(path: str) -> str:
    """Return *path*; raises :class:`UsageError` when it is no folder."""
    if not path:
        raise UsageError("an empty text names no folder")
    if not os.path.isdir(path):
        why = "is no folder" if os.path.exists(path) else "there is no such folder"
        raise UsageError(f"{path}: {why}")
    return path


def selection(patterns: list[str]) -> Selection:
    """Return what *patterns* select; raises :class:`UsageError` for one that can't be understood."""
    for pattern in patterns:
        try:
            Selection([pattern])
        except BadName as bad:
            hint = "a glob is like servers.*.cpu.** , a tagged name like disk;host=web1"
            raise UsageError(f"{pattern!r} selects nothing ({bad.cause}): {hint}") from None
        except GraphiteError as error:
            raise UsageError(str(error)) from None
    return Selection(patterns)


def said_rules(conf: str) -> Rules | None:
    """Return the rules in the folder *conf*, ``None`` where no retentions are said: then a file may be any way."""
    rules = Rules(conf, needed=False)
    return rules if rules.said else None


class Rules:
    """What the schema files of the folder *conf* say that a metric's file should be.

    Raises :class:`UsageError` when *needed* and no retentions are said there, or anything in them is wrong.
    """

    def __init__(self, conf: str, *, needed: bool) -> None:
        if needed and not os.path.isfile(os.path.join(conf, SCHEMAS_FILE)):
            raise UsageError(f"{conf}: there is no {SCHEMAS_FILE} to apply; name its folder with --conf")
        self._schemas, self._aggregations = Schemas.load(conf), Aggregations.load(conf)
        problems = self._schemas.problems + self._aggregations.problems
        if problems:
            more = f" (and {len(problems) - 1} more: see validate)" if len(problems) > 1 else ""
            raise UsageError(f"{problems[0]}{more}; nothing was done")
        self.said = bool(self._schemas.schemas)
        """Whether any retentions are said."""
        if needed and not self.said:  # the built-in retentions for a whole tree are hardly meant
            raise UsageError(f"{os.path.join(conf, SCHEMAS_FILE)} has no section: nothing to apply")
        self._layouts: dict[tuple[int, int], Layout] = {}

    def layout(self, metric: str) -> Layout:
        """Return the layout of a new file for *metric*. One object for each pair of rules."""
        schema, rule = self._schemas.match(metric), self._aggregations.match(metric)
        key = (schema.line, rule.line)
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._layouts[key] = layout_of(schema.retentions, rule.method, rule.x_files_factor)
        return layout


def conf_dir(arguments: argparse.Namespace) -> str | None:
    """Return the folder of the schema files that the command line names, if it names one."""
    conf: str | None = arguments.conf or (os.path.join(arguments.root, "conf") if arguments.root else None)
    return conf


def describe(layout: Layout) -> str:
    """Return *layout* as one reads it: ``15s:11520,60s:20160 average 0``."""
    archives = ",".join(f"{archive.step}s:{archive.points}" for archive in layout.archives)
    return f"{archives} {layout.method} {layout.x_files_factor:g}"
