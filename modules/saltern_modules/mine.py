"""The mine: what this minion lets others read on the master, and what others have there.

``mine_functions``, in the minion's configuration or pillar, says what is put there at the start, every
``mine_interval`` minutes, and with the pillar; by the name of a function or one of its own::

    mine_functions:
      status.diskusage: []
      grains.get: [os]                            arguments
      addresses:                                  another name
        mine_function: grains.get
        key: ipv4
        allow_tgt: 'web*'                         only for these
      both: [{mine_function: test.arg}, 1, {k: 2}]
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from saltern.named import NamedTuple
from saltern_modules import _agent, _keywords

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]
__pillar__: Mapping[str, Any]

__proxyenabled__ = ["*"]

__powers__ = {
    "update": "indirect",
    "send": "indirect",
    "get": "reads",
    "delete": "writes",
    "flush": "writes",
    "valid": "reads",
}

OPTION = "mine_functions"

_log = logging.getLogger(__name__)


class Definition(NamedTuple):
    """What an entry is of: *named* is empty when its own name is the function's."""

    named: str
    args: list[Any]
    kwargs: dict[str, Any]
    allow: dict[str, Any]


def update(clear: bool = False, mine_functions: Any = None) -> bool | None:
    """Put the values of the configured functions, or of *mine_functions*, into the mine; ``None`` when there are none.

    *mine_functions* is a dict of the configuration's form, or a list of functions. With *clear* they take the place of
    all that is there. A function that is missing or fails is left out, and the log says so.

    CLI Example:

    .. code-block:: bash

        saltern '*' mine.update
    """
    if isinstance(mine_functions, list):
        mine_functions = {str(name): {} for name in mine_functions}
    wanted = mine_functions or _configured()
    if not isinstance(wanted, dict) or not wanted:
        return None
    data = {}
    for name, given in wanted.items():
        definition = _definition(given)
        function = definition.named or name
        if function not in __salt__:
            _log.error("mine: there is no function %s, for %s", function, name)
            continue
        try:
            value = __salt__[function](*definition.args, **definition.kwargs)
        except Exception as error:
            _log.error("mine: %s failed: %s", function, str(error).split("\n")[0])
            continue
        data[str(name)] = {"value": value, **definition.allow}
    return _store(data, clear)


def send(name: str, *args: Any, **kwargs: Any) -> bool:
    """Put the value of the function *name*, called with the rest, into the mine; ``False`` when it is missing or fails.

    ``mine_function`` names the function when *name* is another one, ``allow_tgt`` and ``allow_tgt_type`` who may read.

    CLI Example:

    .. code-block:: bash

        saltern '*' mine.send addresses mine_function=grains.get key=ipv4
    """
    own = _keywords.own(kwargs)
    definition = _definition(own)
    function = definition.named or name
    if function not in __salt__:
        _log.error("mine: there is no function %s", function)
        return False
    try:
        value = __salt__[function](*args, **definition.kwargs)
    except Exception as error:
        _log.error("mine: %s failed: %s", function, str(error).split("\n")[0])
        return False
    return _store({name: {"value": value, **definition.allow}}, False)


def get(tgt: Any, fun: str | list[str], tgt_type: str = "glob", exclude_minion: bool = False) -> dict[str, Any]:
    """Return what other minions have in the mine as *fun*: ``{id: value}``; of several ``{fun: {id: value}}``.

    *fun* is a name, several in a text with commas, or a list. *exclude_minion* leaves this minion out.

    CLI Example:

    .. code-block:: bash

        saltern web1 mine.get 'db*' addresses
    """
    found = _agent.connected(__opts__, "mine.get").request("mine_get", tgt=tgt, fun=fun, tgt_type=tgt_type)
    found = dict(found)
    if exclude_minion:
        own = __opts__.get("id")
        several = isinstance(fun, list) or "," in fun
        for values in found.values() if several else (found,):
            values.pop(own, None)
    return found


def delete(fun: str) -> bool:
    """Delete what this minion has in the mine as *fun*.

    CLI Example:

    .. code-block:: bash

        saltern '*' mine.delete addresses
    """
    return bool(_agent.connected(__opts__, "mine.delete").request("mine_delete", fun=fun))


def flush() -> bool:
    """Delete all that this minion has in the mine.

    CLI Example:

    .. code-block:: bash

        saltern '*' mine.flush
    """
    return bool(_agent.connected(__opts__, "mine.flush").request("mine_flush"))


def valid() -> dict[str, Any] | None:
    """Return the configured functions that are there: ``{name: arguments}``, or ``{name: {function: arguments}}``.

    ``None`` when none are configured.

    CLI Example:

    .. code-block:: bash

        saltern '*' mine.valid
    """
    wanted = _configured()
    if not wanted:
        return None
    found: dict[str, Any] = {}
    for name, given in wanted.items():
        definition = _definition(given)
        if (definition.named or name) not in __salt__:
            continue
        arguments = [*definition.args, *({key: value} for key, value in definition.kwargs.items())]
        found[name] = {definition.named: arguments} if definition.named else given
    return found


def _configured() -> dict[str, Any]:
    """Return what pillar and configuration say, the configuration over the pillar."""
    sources = (__pillar__.get(OPTION), __opts__.get(OPTION))
    return {name: given for source in sources if isinstance(source, Mapping) for name, given in source.items()}


def _definition(given: Any) -> Definition:
    kwargs: dict[str, Any] = {}
    args: list[Any] = []
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, Mapping):
            kwargs.update(one)
        elif one is not None:
            args.append(one)
    named = str(kwargs.pop("mine_function", None) or "")
    allow = {key: value for key in ("allow_tgt", "allow_tgt_type") if (value := kwargs.pop(key, None))}
    return Definition(named, args, kwargs, allow)


def _store(data: dict[str, Any], clear: bool) -> bool:
    return bool(_agent.connected(__opts__, "mine.send").request("mine", data=data, clear=clear))
