"""What a command tells of many files: lines of text, or one JSON document, either written as it comes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TextIO

from saltern.visible import visible


class Listing:
    """Writes records to *stream*, and counts at the end.

    As JSON it is ``{"<name>": [record, …], "counts": {…}}``, one record a line, also when the work is stopped midway.
    """

    def __init__(self, name: str, *, as_json: bool, stream: TextIO | None = None) -> None:
        self._json = as_json
        self._stream = stream or sys.stdout
        self._records = 0
        if as_json:
            self._stream.write(f'{{"{name}": [')

    def add(self, record: Mapping[str, object], text: str) -> None:
        """Write *record*, or the line *text* that says the same."""
        if self._json:
            separator = "," if self._records else ""
            self._stream.write(f"{separator}\n{json.dumps(record)}")
        else:
            self._stream.write(visible(text) + "\n")
        self._records += 1

    def end(self, counts: Mapping[str, object], text: str) -> None:
        """Write *counts*, or the line *text*; nothing comes after it."""
        if self._json:
            self._stream.write(f'\n], "counts": {json.dumps(counts)}}}\n')
        else:
            self._stream.write(visible(text) + "\n")
        self._stream.flush()
