"""Managing a master from Python: keys, configuration, files.

With a running master the call goes through it; without one functions of keys use the key store on disk as it is, which
a master picks up when it starts (or within a second, should one be running that this user can't reach). Not so for
who logs in: it is the master that knows who he is, and what he may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.delegation_functions import devices_on_disk
from saltern.errors import ArgumentError, MasterNotRunning
from saltern.key_functions import KeyFunctions
from saltern.keystore import KeyStore
from saltern.master_client import MasterClient, MissingFunction


class WheelClient(MasterClient):
    """Calls wheel functions: ``saltern.master_client`` says how. ``call_func("key.accept", match="web*")``."""

    client = "wheel"
    tag_prefix = "wheel"

    def call_func(self, fun: str, **kwargs: Any) -> Any:
        """Call *fun* and return its value; raises whatever went wrong (``FunctionNotFound``, ``SalternError``)."""
        return self.call(fun, (), kwargs)

    def _run(self, fun: str, args: list[Any], kwargs: dict[str, Any], timeout: float) -> dict[str, Any]:
        try:
            return super()._run(fun, args, kwargs, timeout)
        except MasterNotRunning:
            if self.auth or fun.partition(".")[0] != "key":
                raise  # whether who logs in may, only a master knows
            store, cachedir = KeyStore(self.opts["pki_dir"]), self.opts.get("cachedir", "")
            functions = KeyFunctions(store, lambda: devices_on_disk(store, cachedir)).table()
            return {"fun": f"wheel.{fun}", "return": call(functions, fun, args, kwargs), "success": True}


Wheel = WheelClient


def call(functions: Mapping[str, Callable[..., Any]], fun: str, args: list[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call one of *functions* by name. Raises ``FunctionNotFound`` for a name that isn't there, ``ArgumentError``."""
    function = functions.get(fun)
    if function is None:
        raise MissingFunction(f"{fun!r} is not a wheel function: there are {', '.join(sorted(functions))}")
    try:
        return function(*args, **kwargs)
    except TypeError as error:
        raise ArgumentError(f"{fun} was called wrongly: {error}") from None
