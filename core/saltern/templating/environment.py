"""Jinja's environment as Salt sets it up, in a sandbox, and bounded.

A template can't reach Python's insides (the sandbox), can't repeat for ever (every round of a loop and every call of a
macro is a step, and steps are counted), and can't blow a text up by multiplying.
"""

from __future__ import annotations

import posixpath
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateRuntimeError
from jinja2.sandbox import SandboxedEnvironment

from saltern.templating import serializing
from saltern.templating.filters import every_filter, every_test
from saltern.templating.printed import printed

MAX_STEPS = 1_000_000
"""Rounds of loops and calls of macros in one rendering: some seconds."""
MAX_REPEATED = 16 << 20
"""Members or characters that one multiplication may come to."""
MAX_BITS = 1 << 16
"""Size of what one power may come to."""

Read = Callable[[str], str | None]
"""Returns the text of a file by its path below the file roots; None when there is none."""


class Loader(jinja2.BaseLoader):
    """What templates import and include: paths below the file roots, ``./`` and ``../`` from the template's folder."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str | None, None]:
        """Return the text of *template* and its name."""
        path = template
        if template.split("/", 1)[0] in (".", ".."):
            if "tpldir" not in environment.globals:
                raise TemplateNotFound(template)
            path = posixpath.normpath(posixpath.join(str(environment.globals["tpldir"]), template))
        if path.startswith(("/", "../")) or path == ".." or "\0" in path:
            raise TemplateNotFound(template)
        text = self._read(path)
        if text is None:
            raise TemplateNotFound(template)
        if path == template:
            folder = posixpath.dirname(path)
            environment.globals.update(tplfile=path, tpldir=folder or ".", tpldot=folder.replace("/", "."))
        return text, path, None


class Bounded(SandboxedEnvironment):
    """A sandbox that counts steps."""

    intercepted_binops = frozenset(("*", "**", "%"))
    steps = 0

    def step(self) -> str:
        """Count a step. Raises ``TemplateRuntimeError`` when there were too many."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TemplateRuntimeError(f"the template takes more than {MAX_STEPS} steps")
        return ""

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse what grows beyond measure."""
        if operator == "*":
            for one, times in ((left, right), (right, left)):
                if isinstance(times, int) and hasattr(one, "__len__") and len(one) * times > MAX_REPEATED:
                    raise SecurityError(f"a multiplication comes to more than {MAX_REPEATED}")
        elif operator == "**" and isinstance(left, int) and isinstance(right, int):
            if left.bit_length() * right > MAX_BITS:
                raise SecurityError(f"a power comes to more than {MAX_BITS} bits")
        elif operator == "%" and isinstance(left, str) and any(len(word) > 6 for word in _digits(left)):
            raise SecurityError("a format is too wide")
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in list(tree.find_all((nodes.For, nodes.Macro, nodes.CallBlock))):
            assert isinstance(node, nodes.For | nodes.Macro | nodes.CallBlock)
            call = nodes.Call(nodes.EnvironmentAttribute("step"), [], [], None, None)
            node.body.insert(0, nodes.ExprStmt(call).set_lineno(node.lineno))
        tree.set_environment(self)
        return tree


def _digits(text: str) -> list[str]:
    return "".join(char if char.isdigit() else " " for char in text).split()


def made(opts: Mapping[str, Any], read: Read | None, arguments: Mapping[str, Any]) -> Bounded:
    """Return an environment by the options, with *arguments* of Jinja's beside them; *read* finds what is imported."""
    arguments = {"undefined": jinja2.Undefined if opts.get("allow_undefined") else jinja2.StrictUndefined, **arguments}
    environment = Bounded(
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", serializing.Serializing],
        loader=Loader(read) if read else None,
        finalize=printed,
        **arguments,
    )
    own = {name: environment.filters[name] for name in ("tojson",)}
    environment.filters.update(every_filter())
    environment.filters.update(own)
    environment.filters["method_call"] = _method_call
    environment.tests.update(every_test())
    environment.globals["raise"] = _raise
    environment.globals["odict"] = OrderedDict
    environment.globals["show_full_context"] = _full_context
    return environment


@jinja2.pass_environment
def _method_call(environment: Bounded, obj: Any, f_name: str, *args: Any, **kwargs: Any) -> Any:
    """Call *obj*'s method; None when it has none. What the sandbox keeps away stays so."""
    if not hasattr(obj, f_name):
        return None
    method = getattr(obj, f_name)
    if not environment.is_safe_attribute(obj, f_name, method) or not environment.is_safe_callable(method):
        raise SecurityError(f"access to attribute {f_name!r} of {type(obj).__name__!r} object is unsafe.")
    if isinstance(obj, str) and f_name in ("format", "format_map"):
        raise SecurityError("format isn't called by name: use the filter format")
    return method(*args, **kwargs)


def _raise(msg: str) -> None:
    raise Raised(msg)


class Raised(Exception):
    """What a template raised by ``raise("…")``."""


@jinja2.pass_context
def _full_context(context: jinja2.runtime.Context) -> dict[str, Any]:
    return {str(key): _simple(value) for key, value in context.get_all().items()}


def _simple(value: Any) -> Any:
    if isinstance(value, dict):
        return {key if isinstance(key, str | int | float) else repr(key): _simple(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_simple(one) for one in value]
    return value if value is None or isinstance(value, str | int | float) else repr(value)
