"""What is called: a function, and what it is given as far as that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from saltern.sent_keywords import sent_keywords
from saltern_master.auth.indirect import named_returners, scheduled_functions

NO_KEYWORDS: Mapping[str, Any] = MappingProxyType({})


class Call(NamedTuple):
    """A function of an execution module, with its arguments as they are sent; ``None``: they can't be told.

    Keywords may be among *args*, as the agent takes them.
    """

    function: str
    args: Sequence[Any] | None = ()
    kwargs: Mapping[str, Any] = NO_KEYWORDS

    def as_run(self) -> tuple[list[Any], dict[str, Any]] | None:
        """Return arguments and keywords as an agent takes them apart; ``None``: they can't be told.

        That is so when a keyword is given twice, too: nobody has to know which of the two counts.
        """
        if self.args is None:
            return None
        positional: list[Any] = []
        keywords = dict(self.kwargs)
        for one in self.args:
            found = sent_keywords(one)
            if found is None:
                positional.append(one)
            elif not keywords.keys().isdisjoint(found):
                return None
            else:
                keywords |= found
        return positional, keywords


def calls_of(
    fun: str | Sequence[str], arg: Sequence[Any] | None, kwarg: Mapping[str, Any] | None, ret: Any = None
) -> list[Call]:
    """Return the calls that a job makes: its own, each function with its arguments, and those that they make run.

    *fun* and *arg* are a job's, checked: of several functions *arg* is a list of lists. *ret*: the returners that it
    names.
    """
    given, keywords = arg or (), kwarg or NO_KEYWORDS
    if isinstance(fun, str):
        calls = [Call(fun, given, keywords)]
    else:
        calls = [Call(name, given[at] if given else (), keywords) for at, name in enumerate(fun)]
    indirect = named_returners(ret)
    indirect += [f for call in calls for f in scheduled_functions(call.function, call.args or (), call.kwargs)]
    return calls + [Call(function, None) for function in indirect]
