"""``format=pickle`` and ``msgpack``: series as plain dicts, as Graphite's servers hand them to one another."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import msgpack

from saltern_graphite.render.formats.base import Answer, Options, nullable
from saltern_graphite.series.series import Series

PICKLE_PROTOCOL = 2
"""Readable by every Python, and by graphite-web's restricted unpickler."""


def pickled(series: Sequence[Series], options: Options) -> Answer:
    """A list of dicts, for other Graphite servers and Python scripts; see :func:`_info`."""
    return Answer(pickle.dumps([_info(one) for one in series], PICKLE_PROTOCOL), "application/pickle")


def packed(series: Sequence[Series], options: Options) -> Answer:
    """The same for any language: a list of maps. Text is packed as text, not as bytes."""
    body: bytes = msgpack.packb([_info(one) for one in series], use_bin_type=True, unicode_errors="surrogatepass")
    return Answer(body, "application/x-msgpack")


def _info(series: Series) -> dict[str, str | int | float | list[float | None]]:
    """``name, start, end`` (exclusive), ``step, values`` (``None`` for no value) and how they would be coarsened.

    Keys and their order are graphite-web's, which has no tags here.
    """
    return {
        "name": series.name,
        "start": int(series.start),
        "end": int(series.end),
        "step": int(series.step),
        "values": nullable(series.values),
        "pathExpression": series.path,
        "valuesPerPoint": 1,
        "consolidationFunc": series.consolidation,
        "xFilesFactor": series.x_files_factor,
    }
