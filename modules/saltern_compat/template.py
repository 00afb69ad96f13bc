"""``salt.template``: files rendered, by a shebang of renderers or those that are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern_compat.renderers import RENDERERS, pipe


def compile_template(
    template: str,
    renderers: Any = None,
    default: str = "jinja|yaml",
    blacklist: Any = None,
    whitelist: Any = None,
    saltenv: str = "base",
    sls: str = "",
    input_data: str = "",
    context: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> Any:
    """Return what the file *template* (``:string:``: *input_data*) is when it is rendered."""
    if template == ":string:":
        text = input_data
    else:
        with open(template, encoding="utf-8") as stream:
            text = stream.read()
    first, _, rest = text.partition("\n")
    names = default
    if first.startswith("#!") and not first.startswith("#!/"):
        names, text = first[2:].strip(), rest
    return pipe(text, names, {"saltenv": saltenv, "sls": sls, **(context or {}), **kwargs})


def compile_template_str(
    template: str, renderers: Any = None, default: str = "jinja|yaml", *args: Any, **kwargs: Any
) -> Any:
    """Return what a text is when it is rendered."""
    return compile_template(":string:", renderers, default, input_data=template, **kwargs)


def check_render_pipe_str(
    pipestr: str, renderers: Any = None, blacklist: Any = None, whitelist: Any = None
) -> list[Any]:
    """Return ``[(function, words)]`` of the renderers that ``jinja|yaml`` names; none when one isn't here."""
    made = []
    for part in pipestr.split("|"):
        name, _, words = part.strip().partition(" ")
        if name not in RENDERERS:
            return []
        made.append((RENDERERS[name], words))
    return made


def template_shebang(template: str, *args: Any, **kwargs: Any) -> Any:
    """Return the renderers that a file's first line names."""
    with open(template, encoding="utf-8") as stream:
        first = stream.readline()
    return check_render_pipe_str(first[2:].strip()) if first.startswith("#!") else []
