"""``saltern-run config.from_salt``: a configuration of Salt's, as ours.

It is read as Salt reads it, with drop-ins and includes, and nothing of it is executed or rendered. It needs no master.
"""

from __future__ import annotations

import os
from typing import Any

from saltern.cli.from_salt.conversion import Conversion, given_in
from saltern.cli.from_salt.document import document
from saltern.cli.from_salt.of_master import MASTER_CONVERTERS
from saltern.cli.from_salt.of_minion import MINION_CONVERTERS
from saltern.config import DEFAULT_CONFIG_DIR
from saltern.config.master import MASTER
from saltern.config.minion import MINION
from saltern.errors import ArgumentError, ConfigError

FUNCTION = "config.from_salt"
DOC = """Print a configuration of Salt's as ours: ``saltern-run config.from_salt /etc/salt``

*path*: a folder with Salt's ``master``, ``minion`` or both, or one of those files. *program*: ``master`` or ``minion``,
where there are both or the file is called otherwise. What has no equivalent is listed, with what it means. Nothing is
executed, and no master is needed."""

SALTS_FOLDER = "/etc/salt"
PROGRAMS = {"master": (MASTER, MASTER_CONVERTERS), "minion": (MINION, MINION_CONVERTERS)}


def converted(args: list[Any], kwargs: dict[str, Any]) -> str:
    """Return the configuration that *args* and *kwargs* of the command name, as ours, in YAML.

    One document for each of Salt's programs whose file is there. Raises ``ArgumentError``, ``ConfigError``.
    """
    try:
        path, program = _bound(*args, **kwargs)
    except TypeError as error:
        said = str(error).partition("() ")[2]
        usage = f"{FUNCTION}(path={SALTS_FOLDER!r}, program='')"
        raise ArgumentError(f"{FUNCTION} was called wrongly: {said}: it is {usage}") from None
    if program and program not in PROGRAMS:
        raise ArgumentError(f"{FUNCTION}: program must be master or minion, not {program!r:.80}")
    return "\n---\n".join(_converted(name, file) for name, file in _files(path, program))


def _bound(path: str = SALTS_FOLDER, program: str = "") -> tuple[str, str]:
    return str(path), str(program)


def _files(path: str, program: str) -> list[tuple[str, str]]:
    """Return the files to convert, each with the program that it is of. Raises ``ConfigError``."""
    if not os.path.isdir(path):
        name = program or os.path.basename(path)
        if not os.path.exists(path):
            raise ConfigError(f"{path}: there is no such file or folder")
        if name not in PROGRAMS:
            raise ConfigError(f"{path}: is it a master's or a minion's? say program=master or program=minion")
        return [(name, path)]
    found = [(name, os.path.join(path, name)) for name in PROGRAMS if program in ("", name)]
    there = [(name, file) for name, file in found if os.path.exists(file) or os.path.isdir(f"{file}.d")]
    if not there:
        raise ConfigError(f"{path}: there is no {program or 'master and no minion'} file of Salt's in it")
    return there


def _converted(program: str, file: str) -> str:
    schema, converters = PROGRAMS[program]
    given, files = given_in(file)
    conversion = Conversion(schema, given)
    conversion.run(converters)
    return document(conversion, files, os.path.join(DEFAULT_CONFIG_DIR, program))
