"""How a value is to look, beside its form."""

from __future__ import annotations

from typing import NamedTuple

RESET = "\033[0;0m"
RED = "\033[0;31m"
GREEN = "\033[0;32m"
BLUE = "\033[0;34m"
MAGENTA = "\033[0;35m"
CYAN = "\033[0;36m"
DARK_GREY = "\033[0;1;30m"
LIGHT_RED = "\033[0;1;31m"
LIGHT_GREEN = "\033[0;1;32m"
LIGHT_YELLOW = "\033[0;1;33m"
LIGHT_BLUE = "\033[0;1;34m"
LIGHT_MAGENTA = "\033[0;1;35m"
LIGHT_GREY = "\033[0;37m"
WHITE = "\033[0;1;37m"


class Look(NamedTuple):
    """What a form may heed: colours, the columns of a level (``--out-indent``), the call's return code."""

    color: bool = False
    indent: int | None = None
    """``None``: what the form does by itself; negative: all in one line."""

    retcode: int = 0

    def line(self, indent: int, code: str, text: str, after: str = "") -> str:
        """Return *text* in the colour *code*, *indent* columns in; *after* follows uncoloured."""
        return f"{' ' * indent}{code}{text}{RESET}{after}" if self.color else f"{' ' * indent}{text}{after}"
