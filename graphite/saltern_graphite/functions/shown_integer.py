"""A parameter that takes more than it says."""

from __future__ import annotations

from saltern_graphite.functions.params import Argument, Param


class ShownInteger(Param):
    """A number that ``/functions`` calls an integer, as Graphite does, where fractions work as well."""

    __slots__ = ()

    def accept(self, argument: Argument) -> Argument:
        """*argument* itself if it is a float, else an integer; ``FunctionError`` says why it doesn't fit."""
        return argument if isinstance(argument, float) else super().accept(argument)
