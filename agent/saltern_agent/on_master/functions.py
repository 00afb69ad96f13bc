"""What runners have as ``__salt__`` and ``__jid_event__``.

Functions of the master's own, over its socket; those of other files of the operator's, in this process; and
``salt.cmd``, an execution function run right here, as the master's user, and ``salt.execute``, one run on minions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from saltern.errors import FunctionNotFound, SalternError
from saltern.plain import Plain
from saltern_agent.loader.functions import Functions, OfModule

if TYPE_CHECKING:
    from saltern_agent.loader import Loader

Function = Callable[..., Any]


class RunnerFunctions(Mapping[str, Function]):
    """Runner functions by name: the master's, *built_in*, come before *own* ones of the same name."""

    def __init__(self, own: Functions, built_in: Iterable[str], more: Mapping[str, Function], opts: Any) -> None:
        self._own = own
        self._built_in = frozenset(built_in)
        self._more = more
        self._opts = opts

    def __getitem__(self, name: str) -> Function:
        if name in self._built_in:
            return _of_master(self._opts, name)
        return self._more[name] if name in self._more else self._own[name]

    def __getattr__(self, module: str) -> OfModule:
        if module.startswith("_"):
            raise AttributeError(module)
        return OfModule(self, module)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._built_in | set(self._more) | set(self._own)))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class JidEvent:
    """Tells of the run that is under way, below ``salt/run/<jid>/``."""

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send

    def fire_event(self, data: Any, tag: str) -> None:
        """Have the master publish *data* as the event ``salt/run/<jid>/<tag>``."""
        self._send({"event": str(tag), "data": Plain().of(data)})


def more_functions(loader: Loader, opts: Any) -> dict[str, Function]:
    """Return the functions that only runners have."""

    def cmd(fun: str, *args: Any, with_pillar: bool = False, **kwargs: Any) -> Any:
        """Return what the execution function *fun* returns, run here; *with_pillar* changes nothing."""
        given = {name: value for name, value in kwargs.items() if not name.startswith("__")}
        try:
            function = loader.function(fun)
        except FunctionNotFound:
            return f"'{fun}' is not available."
        return function(*args, **given)

    def execute(
        tgt: Any,
        fun: Any,
        arg: Any = (),
        timeout: Any = None,
        tgt_type: str = "glob",
        ret: str = "",
        jid: str = "",
        kwarg: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Return what *fun* returns on the minions that *tgt* means, by id."""
        from saltern.client import LocalClient

        client = LocalClient(mopts=opts)
        try:
            return client.cmd(tgt, fun, arg, timeout or opts["timeout"], tgt_type, ret, jid, kwarg=kwarg, **kwargs)
        except SalternError:
            return {}

    return {"salt.cmd": cmd, "salt.execute": execute}


def _of_master(opts: Any, name: str) -> Function:
    def call(*args: Any, **kwargs: Any) -> Any:
        from saltern.runner import RunnerClient

        return RunnerClient(opts).call(name, args, kwargs)

    call.__name__ = name.rpartition(".")[2]
    return call
