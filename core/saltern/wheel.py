"""Managing a master's keys from Python.

With a running master the call goes through it; without one the key store on disk is used as it is, which a master
picks up when it starts (or within a second, should one be running that this user can't reach).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from saltern.errors import FunctionNotFound, MasterNotRunning
from saltern.local import LocalConnection
from saltern.pki import ACCEPTED, DENIED, PENDING, REJECTED, KeyStore


class Wheel:
    """``Wheel(opts).call_func("key.accept", match="web*")``."""

    def __init__(self, opts: Mapping[str, Any]) -> None:
        self.opts = opts

    def call_func(self, fun: str, **kwargs: Any) -> Any:
        """Call wheel function *fun* and return its result. Raises ``FunctionNotFound``, ``SalternError``."""
        try:
            with LocalConnection(self.opts["sock_dir"]) as connection:
                return connection.call("wheel", fun=fun, kwargs=kwargs)
        except MasterNotRunning:
            return call(key_functions(KeyStore(self.opts["pki_dir"])), fun, kwargs)

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


def key_functions(store: KeyStore) -> dict[str, Callable[..., Any]]:
    """Return the ``key.*`` functions over *store*; each takes a glob and returns ids by state."""

    def accept(match: str, include_rejected: bool = False, include_denied: bool = False) -> dict[str, list[str]]:
        """Accept pending keys, and rejected or denied ones when asked to."""
        sources = [PENDING, *([REJECTED] if include_rejected else []), *([DENIED] if include_denied else [])]
        return {ACCEPTED: store.move(match, sources, ACCEPTED)}

    def reject(match: str, include_accepted: bool = False, include_denied: bool = False) -> dict[str, list[str]]:
        """Reject pending keys, and accepted or denied ones when asked to."""
        sources = [PENDING, *([ACCEPTED] if include_accepted else []), *([DENIED] if include_denied else [])]
        return {REJECTED: store.move(match, sources, REJECTED)}

    def delete(match: str) -> dict[str, list[str]]:
        """Delete keys of any state."""
        return store.delete(match)

    def list_(match: str) -> list[str]:
        """List the ids of one state, by Salt's words for it: ``acc``, ``un``, ``rej``, ``den``, ``all``."""
        names = {"all": None, "acc": ACCEPTED, "accepted": ACCEPTED, "pre": PENDING, "un": PENDING}
        names |= {"unaccepted": PENDING, "rej": REJECTED, "rejected": REJECTED, "den": DENIED, "denied": DENIED}
        state = names.get(match, match)
        everything = store.list_all()
        return sorted(chain.from_iterable(everything.values())) if state is None else everything.get(state, [])

    return {
        "key.list_all": store.list_all,
        "key.list": list_,
        "key.name_match": store.match,
        "key.accept": accept,
        "key.reject": reject,
        "key.delete": delete,
        "key.finger": store.fingers,
        "key.invite": lambda **kwargs: store.invite(**kwargs).token(),
    }
