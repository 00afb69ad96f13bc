"""Times that users give functions."""

from __future__ import annotations

from saltern.errors import FunctionError, GraphiteError
from saltern_graphite.render.context import Context
from saltern_graphite.render.times import parse_time


def moment(param: str, text: str, context: Context) -> int:
    """The time that *text* means in *context*, in epoch seconds; ``FunctionError`` names *param* if it means none."""
    try:
        return parse_time(text, context.zone, context.now)
    except GraphiteError as error:
        raise FunctionError(f"{param}: {error}") from None
