"""Names as Salt's options have them: a name, a glob or a regular expression, whichever it is."""

from __future__ import annotations

import fnmatch
import re

from saltern.errors import ConfigError
from saltern_master.auth.expression import Expression

_SIGNS = re.compile(r"[*?\[\](){}|\\^$]|\.\+")
"""What makes a name a pattern; a dot, a hyphen or a plus may be in a name."""
_ONLY_OF_EXPRESSIONS = re.compile(r"[(){}|^$]|\.\+")
"""What no glob has, and no name: a backslash may stand before a user's in a domain."""


class NamePattern:
    """Means a name that it equals, or that it is a glob or a regular expression of, as a whole."""

    __slots__ = ("_expression", "text")

    def __init__(self, where: str, text: str) -> None:
        """*where* it stands is for messages. Raises ``ConfigError`` for a faulty expression."""
        self.text = text
        self._expression: Expression | None = None
        if _SIGNS.search(text):
            try:
                self._expression = Expression(where, text)
            except ConfigError:
                if _ONLY_OF_EXPRESSIONS.search(text):
                    raise

    def means(self, name: str, *, in_doubt: bool = False) -> bool:
        """Return whether *name* is meant; *in_doubt* when that would take too long to find out."""
        if name == self.text or fnmatch.fnmatchcase(name, self.text):
            return True
        return self._expression is not None and self._expression.holds(name, in_doubt=in_doubt)
