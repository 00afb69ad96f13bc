"""``publisher_acl_blacklist``: what nobody runs, whatever is granted, and who runs nothing. As in Salt::

    publisher_acl_blacklist:
      users: [root, "^(?!sudo_).*$"]       # names, globs, regular expressions of whole names
      modules: ["cmd.*", test.echo, git]   # functions likewise; a module's name is all of its functions

Where it takes too long to find out whether someone or something is meant, it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltern.errors import ConfigError
from saltern_master.auth.name_pattern import NamePattern

KEYS = ("users", "modules")


class Blacklist:
    """The option, parsed."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Raises ``ConfigError`` for what can't be understood."""
        for key in given:
            if key not in KEYS:
                raise ConfigError(f"publisher_acl_blacklist: {key!r:.80} is not known: use {' and '.join(KEYS)}")
        self._users, self._modules = (_patterns(key, given.get(key)) for key in KEYS)

    def refuses(self, user: str, functions: Iterable[str]) -> str | None:
        """Return the line that refuses *user*, or the first of *functions* that nobody may run; ``None``: nothing does.

        *user*: a name without its source: whoever is called so, is meant. *functions*: all that a job has, and those
        that they make run.
        """
        if any(one.means(user, in_doubt=True) for one in self._users):
            return f"user {user:.80} may run nothing: publisher_acl_blacklist has him among its users"
        for function in functions:
            module = function.partition(".")[0]  # a pattern may say "all but some", and never means to say it of that
            if any(one.text == module or one.means(function, in_doubt=True) for one in self._modules):
                return f"{function:.80} may be run by nobody: publisher_acl_blacklist has it among its modules"
        return None


def _patterns(key: str, given: Any) -> list[NamePattern]:
    where = f"publisher_acl_blacklist: {key}"
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        raise ConfigError(f"{where}: {given!r:.80} must be a list of names, globs or regular expressions")
    return [NamePattern(where, one) for one in given]
