"""``format=pickle``: for other Graphite servers and Python scripts."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

from saltern_graphite.render.formats.base import Answer, Options
from saltern_graphite.render.formats.info import info
from saltern_graphite.series import Series

PROTOCOL = 2
"""Readable by every Python, and by graphite-web's restricted unpickler."""


def render(series: Sequence[Series], options: Options) -> Answer:
    """A list of dicts; see :func:`.info.info`."""
    return Answer(pickle.dumps([info(one) for one in series], PROTOCOL), "application/pickle")
