"""The output options of a program, and how it shows values by them.

::

    parser = common_parser(…)
    add_output_arguments(parser)
    options = parser.parse(words)
    output = Output(options)
    output.show({"web01": value}, out=what_the_return_asks_for, retcode=0)
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Literal, TextIO

from saltern.errors import UsageError
from saltern.output import OUTPUTS, display


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--out`` and what goes with it to *parser*."""
    group = parser.add_argument_group("output")
    group.add_argument("--out", "--output", metavar="FORM", help=f"nested (the default), {', '.join(OUTPUTS[1:])}")
    group.add_argument(
        "--out-indent", "--output-indent", type=int, metavar="N", help="columns a level; negative: one line"
    )
    group.add_argument("--out-file", "--output-file", metavar="FILE", help="write to FILE, not to standard output")
    group.add_argument(
        "--out-file-append", "--output-file-append", action="store_true", help="add to FILE, don't empty it first"
    )
    group.add_argument("--no-color", "--no-colour", action="store_true", help="no colours")
    group.add_argument("--force-color", "--force-colour", action="store_true", help="colours, on a terminal or not")
    # There are no states; scripts have these all the same.
    group.add_argument("--state-output", "--state_output", help=argparse.SUPPRESS)
    group.add_argument("--state-verbose", "--state_verbose", help=argparse.SUPPRESS)


class Output:
    """Shows values as a program's options say."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Empty the file of ``--out-file``, if there is one. Raises ``UsageError`` when that can't be done."""
        self.chosen: str | None = options.out or None
        """The form of ``--out``; ``None`` without."""

        self.indent: int | None = options.out_indent
        self.color = True if options.force_color else False if options.no_color else None
        """``None``: on a terminal only."""

        self._path: str | None = options.out_file or None
        if self._path and not options.out_file_append:
            self._write(None, "w")

    def show(self, value: Any, *, out: str | None = None, retcode: int = 0) -> None:
        """Show *value* in the form of ``--out``, else in the form *out*, else nested.

        *out*: what the function that returned it asks for; a failed call passes none. *retcode*: of that call.
        Raises ``UsageError`` when the file can't be written, ``OSError`` for standard output.
        """
        form = self.chosen or out
        if self._path:
            self._write((value, form, retcode), "a")
        else:
            self._display(value, form, retcode, sys.stdout, self.color)

    def _display(self, value: Any, form: str | None, retcode: int, stream: TextIO, color: bool | None) -> None:
        """Show *value* on *stream*; *color*: ``None`` on a terminal only."""
        display(value, form, color=color, indent=self.indent, retcode=retcode, stream=stream)

    def _write(self, shown: tuple[Any, str | None, int] | None, mode: Literal["w", "a"]) -> None:
        try:
            with open(str(self._path), mode, encoding="utf-8", errors="backslashreplace") as file:
                if shown is not None:
                    value, form, retcode = shown
                    self._display(value, form, retcode, file, bool(self.color))
        except OSError as error:
            raise UsageError(f"{self._path}: can't be written: {error.strerror}") from None
