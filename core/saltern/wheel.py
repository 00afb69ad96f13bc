"""Managing a master's keys from Python.

With a running master the call goes through it; without one the key store on disk is used as it is, which a master
picks up when it starts (or within a second, should one be running that this user can't reach).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import FunctionNotFound, MasterNotRunning
from saltern.key_functions import KeyFunctions
from saltern.keystore import KeyStore
from saltern.local import LocalConnection


class Wheel:
    """``Wheel(opts).call_func("key.accept", match="web*")``."""

    def __init__(self, opts: Mapping[str, Any]) -> None:
        self.opts = opts

    def call_func(self, fun: str, **kwargs: Any) -> Any:
        """Call wheel function *fun* and return its result. Raises ``FunctionNotFound``, ``SalternError``."""
        try:
            with LocalConnection(self.opts["sock_dir"]) as connection:
                return connection.call(f"wheel.{fun}", **kwargs)
        except MasterNotRunning:
            return call(KeyFunctions(KeyStore(self.opts["pki_dir"])).table(), fun, kwargs)

    def cmd(self, fun: str, arg: tuple[Any, ...] | list[Any] = (), kwarg: dict[str, Any] | None = None) -> Any:
        """Call *fun* as Salt's ``WheelClient.cmd`` does; the first positional argument is ``match``."""
        kwargs = dict(kwarg or {})
        if arg:
            kwargs["match"] = arg[0]
        return self.call_func(fun, **kwargs)


WheelClient = Wheel


def call(functions: Mapping[str, Callable[..., Any]], fun: str, kwargs: Mapping[str, Any]) -> Any:
    """Call one of *functions* by name. Raises ``FunctionNotFound`` for a name or keyword that isn't there."""
    function = functions.get(fun)
    if function is None:
        raise FunctionNotFound(f"{fun!r} is not a wheel function: there are {', '.join(sorted(functions))}")
    try:
        return function(**kwargs)
    except TypeError as error:
        raise FunctionNotFound(f"{fun} was called wrongly: {error}") from None
