"""Arguments that must not be on the command line, where every user of the host sees them: ``--secret-arg-file``.

``FILE`` becomes the last positional argument, ``NAME=FILE`` the keyword argument *NAME*; ``-`` is standard input. One
newline at the end is left out. A file whose name looks like ``NAME=…`` is given as ``./NAME=…``.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from typing import Any

from saltern.errors import SalternError
from saltern.secret import MAX_SECRET_BYTES, Secret

FLAG = "--secret-arg-file"
STDIN = "-"
_NAMED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def add_secret_arguments(
    words: Sequence[str], function: str | list[str], args: list[Any], kwargs: dict[str, Any]
) -> None:
    """Add what *words*, the option's values, stand for to *args* and *kwargs*.

    Raises ``SalternError`` for a file that can't be read, and with several functions.
    """
    if not isinstance(function, str):
        raise SalternError(f"{FLAG} can't be used with several functions: call them one by one")
    files = [(named[1], named[2]) if (named := _NAMED.fullmatch(word)) else ("", word) for word in words]
    if [file for _, file in files].count(STDIN) > 1:
        raise SalternError(f"{FLAG} -: standard input can be read once")
    for name, file in files:
        if name in kwargs:
            raise SalternError(f"{FLAG} {name}={file}: {name} is given twice")
        if name:
            kwargs[name] = _read(file)
        else:
            args.append(_read(file))


def _read(file: str) -> Secret:
    try:
        descriptor = os.dup(0) if file == STDIN else os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            data = stream.read(MAX_SECRET_BYTES + 3)  # and a newline
    except OSError as error:
        raise SalternError(f"{FLAG} {file}: can't be read: {error.strerror}") from None
    except ValueError as error:  # a NUL in its name
        raise SalternError(f"{FLAG} {file!r}: can't be read: {error}") from None
    if stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IROTH:
        print(f"saltern: {FLAG} {file}: every user can read it: chmod o= {file}", file=sys.stderr)
    data = data[:-2] if data.endswith(b"\r\n") else data.removesuffix(b"\n")
    try:
        return Secret(data.decode())
    except UnicodeDecodeError:
        raise SalternError(f"{FLAG} {file}: is no text in UTF-8") from None
    except ValueError as error:
        raise SalternError(f"{FLAG} {file}: {error}") from None
