"""The far end of a proxied minion: a device, by the functions of its proxymodule, after Salt's contract.

::

    init(opts)       opens the connection, or raises    grains()          facts of the device
                     or returns False; needed           grains_refresh()  the same, read anew
    shutdown(opts)   closes it; needed                  ping()            what test.ping answers
    initialized()    has init run, and well?            alive(opts)       does the connection still work?

``opts`` are the minion's options, ``opts["proxy"]`` is what its pillar says of the device. Functions may take their
time: none is for the loop's thread. Any may be a coroutine function. Others may be called as
``__proxy__["type.function"]`` by modules, and by nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from saltern.__about__ import __version__
from saltern.errors import CommandError, FunctionNotFound, SalternError
from saltern.plain import Plain
from saltern_agent.fitting_grains import fitting
from saltern_agent.jobs import Killed
from saltern_agent.loader.functions import Functions
from saltern_agent.loader.module import Module
from saltern_agent.loader.tenant import Tenant
from saltern_agent.own_grains import OwnGrains, lay
from saltern_agent.steps import Result, Steps, begun, to_the_end

NEEDED = ("init", "shutdown")
UNKNOWN = "proxy"
"""What a device's kernel and system are until its module says better, as in Salt."""


class Proxied:
    """The device that *loader*'s minion stands for. Raises ``CommandError`` for whatever its module raises.

    The calling thread waits for coroutines of the module; ``begin`` is for who doesn't want to.
    """

    def __init__(self, loader: Tenant) -> None:
        self._loader = loader
        self._type = loader.proxytype
        self._opened: Module | None = None  # what opened it: that is what can close it, whatever is loaded by then
        self._own_grains = OwnGrains(loader.grain_functions, loader.bound, self._functions, self._has_foreign)

    def begin(self, step: Literal["open", "close", "alive", "ping", "grains"], *args: Any, **kwargs: Any) -> Any:
        """Return what the method *step* returns, or a coroutine that comes to it when the module's functions are some.

        That is to be awaited in the context of this call, as ``Lane`` does.
        """
        steps: dict[str, Callable[..., Steps[Any]]] = {
            "open": self._open,
            "close": self._close,
            "alive": self._alive,
            "ping": self._ping,
            "grains": self._grains,
        }
        return begun(steps[step](*args, **kwargs))

    def open(self) -> None:
        """Connect."""
        self._wait(self._open())

    def close(self) -> None:
        """Disconnect; when it isn't connected that does nothing."""
        self._wait(self._close())

    @property
    def initialized(self) -> bool:
        """Whether it is connected, by its module's own word where that gives one."""
        return self._wait(self._initialized())

    def alive(self) -> bool:
        """Return whether the connection still works; a module that can't tell is believed."""
        return self._wait(self._alive())

    def ping(self) -> bool:
        """Return whether the device answers."""
        return self._wait(self._ping())

    def grains(self, opts: Mapping[str, Any], *, fresh: bool = False) -> dict[str, Any]:
        """Return the device's grains, as the options *opts* say; *fresh*: its module is to read them anew.

        Later ones win: what is known of every device, functions of ``_grains``, the proxymodule, ``grains:`` of *opts*.
        """
        return self._wait(self._grains(opts, fresh=fresh))

    def _wait(self, steps: Steps[Result]) -> Result:
        return to_the_end(steps, self._loader.coroutines.wait)

    def _open(self) -> Steps[None]:
        module = self._module()
        missing = [name for name in NEEDED if name not in module.functions]
        if missing:
            raise CommandError(f"the proxymodule {self._type} has no function {missing[0]}")
        if (yield from self._call("init", options=True)) is False:  # as many of Salt's say that it didn't work
            raise CommandError(f"{self._type}.init failed: it returned False")
        self._opened = module
        if not (yield from self._initialized()):
            raise CommandError(f"{self._type}.init failed: {self._type}.initialized says False after it")

    def _close(self) -> Steps[None]:
        opened, self._opened = self._opened, None
        if opened is not None:
            yield from self._call("shutdown", options=True, module=opened)

    def _initialized(self) -> Steps[bool]:
        return self._opened is not None and bool((yield from self._call("initialized", otherwise=True)))

    def _alive(self) -> Steps[bool]:
        initialized = yield from self._initialized()
        return initialized and bool((yield from self._call("alive", options=True, otherwise=True)))

    def _ping(self) -> Steps[bool]:
        return bool((yield from self._call("ping", otherwise=True)))

    def _grains(self, opts: Mapping[str, Any], *, fresh: bool = False) -> Steps[dict[str, Any]]:
        found: dict[str, Any] = {
            "id": opts["id"],
            "master": opts["master"],
            "proxytype": self._type,
            **dict.fromkeys(("kernel", "os", "os_family", "osfullname", "osarch"), UNKNOWN),
            "saltversion": __version__,
        }
        self._own_grains.add(found, opts)
        if self._opened is not None:
            told = (yield from self._call("grains_refresh")) if fresh else None
            told = told if isinstance(told, Mapping) else (yield from self._call("grains"))
            if isinstance(told, Mapping):
                lay(found, told, opts)
        found.update(opts["grains"])
        found["id"] = opts["id"]
        return fitting(Plain().of(found))

    def _has_foreign(self) -> bool:
        return self._loader.adds_foreign_grains

    def _functions(self) -> Functions | None:
        """Return what functions of grains have as ``proxy``: nothing before there is a connection."""
        return self._loader.proxy_functions if self._opened is not None else None

    def _module(self) -> Module:
        try:
            return self._loader.proxymodule()
        except FunctionNotFound as error:
            raise CommandError(f"there is no proxymodule {self._type}: {error}") from None

    def _call(
        self, name: str, *, options: bool = False, otherwise: Any = None, module: Module | None = None
    ) -> Steps[Any]:
        """Return what the function *name* of *module*, or of what is there now, does; *otherwise* when it has none."""
        module = module or self._module()
        function = module.functions.get(name)
        if function is None:
            return otherwise
        with self._loader.bound():
            try:
                value = function(vars(module.python)["__opts__"]) if options else function()
                while hasattr(type(value), "__await__"):
                    value = yield value
                return value
            except (Killed, GeneratorExit):
                raise
            except BaseException as error:  # a module may call sys.exit, or worse: only its device fails
                text = str(error).split("\n")[0]
                kind = "" if isinstance(error, SalternError) else f"{type(error).__name__}: "  # those are fit for users
                raise CommandError(f"{self._type}.{name} failed: {kind}{text}") from error
