"""What modules ask of others by way of the master, and how a caller writes arguments for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern_modules import _agent


def arguments(arg: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return what *arg*, one argument or a list of them, means: texts are read as the command line reads words."""
    from saltern.arguments import parse_arguments, parse_value

    if arg is None or arg == "":
        return [], {}
    if isinstance(arg, str):
        value = parse_value(arg)
        arg = value if isinstance(value, list) else [arg]
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for one in arg if isinstance(arg, list) else [arg]:
        if isinstance(one, str):
            args, kwargs = parse_arguments([one])
            positional += args
            keywords.update(kwargs)
        else:
            positional.append(one)
    return positional, keywords


def publish(
    opts: Mapping[str, Any], function: str, tgt: Any, fun: str, arg: list[Any], kwarg: dict[str, Any], **more: Any
) -> dict[str, dict[str, Any]]:
    """Have the master run *fun* on other minions; return ``{id: {'ret': …, 'out'?}}``.

    Raises ``NotAuthorised`` when the master's ``peer`` doesn't allow it, ``ChannelError``.
    """
    agent = _agent.connected(opts, function)
    return dict(agent.request("publish", tgt=tgt, fun=fun, arg=arg, kwarg=kwarg, **more))


def runner(opts: Mapping[str, Any], function: str, fun: str, arg: list[Any], kwarg: dict[str, Any]) -> Any:
    """Have the master run the runner's function *fun* and return what it returns.

    Raises ``NotAuthorised`` when the master's ``peer_run`` doesn't allow it, ``ChannelError``.
    """
    return _agent.connected(opts, function).request(f"runner.{fun}", arg=arg, kwarg=kwarg)
