"""What a command tells of many files: lines of text, or one JSON document, either written as it comes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from saltern.visible import visible
from saltern_graphite.tools.progress import Progress


class Listing:
    """Writes records to the standard output, and counts at the end; a line of *progress* makes room for them.

    As JSON it is ``{"<name>": [record, …], "counts": {…}}``, one record a line, also when the work is stopped midway.
    """

    def __init__(self, name: str, progress: Progress, *, as_json: bool) -> None:
        self._progress = progress
        self._json = as_json
        self._stream = sys.stdout
        self._records = 0
        if as_json:
            self._stream.write(f'{{"{name}": [')

    def add(self, record: Mapping[str, object], text: str) -> None:
        """Write *record*, or the line *text* that says the same."""
        self._progress.clear()
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
