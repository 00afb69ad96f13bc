"""Templates of files and commands on a minion: what ``template=jinja`` of a function means.

Jinja2 is an extra on a minion; it is loaded when the first template is rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saltern.errors import CommandError

ENGINES = frozenset(("jinja", "mako", "py", "wempy", "genshi", "cheetah"))
"""The names that Salt knows. Only the first is here."""


class Functions:
    """The functions of modules as templates call them: ``salt['test.ping']()`` and ``salt.test.ping()``."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = functions

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._functions[name]

    def __contains__(self, name: object) -> bool:
        return name in self._functions

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the function *name*, or *default*."""
        return self._functions.get(name, default)

    def keys(self) -> list[str]:
        """Return all names."""
        return list(self._functions)

    def __getattr__(self, module: str) -> Module:
        if module.startswith("_"):
            raise AttributeError(module)
        return Module(self._functions, module)


class Module:
    """One module's functions, by attribute."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]], module: str) -> None:
        self._functions = functions
        self._module = module

    def __getattr__(self, function: str) -> Callable[..., Any]:
        if function.startswith("_"):
            raise AttributeError(function)
        try:
            return self._functions[f"{self._module}.{function}"]
        except KeyError:
            raise AttributeError(f"there is no function {self._module}.{function}") from None


def rendered(
    text: str,
    engine: str | None,
    context: Mapping[str, Any],
    *,
    salt: Mapping[str, Callable[..., Any]],
    grains: Mapping[str, Any],
    pillar: Mapping[str, Any],
    opts: Mapping[str, Any],
    source: str = "",
    saltenv: str = "base",
) -> str:
    """Return *text* rendered by *engine* with ``salt``, ``grains``, ``pillar``, ``opts``, ``saltenv``, then *context*.

    Without an engine it is returned as it is. *source*: the template's own path below the file roots, from where
    ``./`` in imports starts, and that errors name. Raises ``CommandError`` for an engine that isn't here, and
    ``RenderError``, one line with the template's line, for a template that can't be rendered.
    """
    if not engine:
        return text
    if engine not in ENGINES:
        raise CommandError(f"Attempted to render file paths with unavailable engine {engine}")
    if engine == "py":
        raise CommandError("the template engine py runs the file as Python, without a sandbox: write a module instead")
    if engine != "jinja":
        raise CommandError(f"the template engine {engine} isn't here: jinja is")
    from saltern.templating.render import render

    def read(path: str) -> str | None:
        found = salt["cp.get_file_str"](f"salt://{path}", saltenv)
        return found if isinstance(found, str) else None

    names = {
        "salt": Functions(salt),
        "grains": grains,
        "pillar": pillar,
        "opts": opts,
        "saltenv": saltenv,
        "env": saltenv,
        **context,
    }
    sls = context.get("sls")
    return render(text, names, opts=opts, read=read, source=source, sls=str(sls) if sls else None)
