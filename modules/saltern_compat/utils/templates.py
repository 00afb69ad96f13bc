"""``salt.utils.templates``: templates rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern_compat.renderers import jinja

TEMPLATE_DIRNAME = ""


def render_jinja_tmpl(tmplstr: str, context: Mapping[str, Any], tmplpath: str | None = None) -> str:
    """Return a text rendered by Jinja with *context*."""
    return jinja(tmplstr, context={name: value for name, value in context.items() if name not in OWN}).read()


OWN = ("salt", "grains", "pillar", "opts", "saltenv", "sls")
"""What a template has anyway."""


def _file(src: str, from_str: bool = False, to_str: bool = False, context: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Return ``result``, and ``data``: the rendered text, or the path of a file with it."""
    from saltern.errors import SalternError
    from saltern_compat.utils.files import fopen, mkstemp

    try:
        if from_str:
            text = src
        else:
            with fopen(src) as stream:
                text = stream.read()
        made = render_jinja_tmpl(text, {**(context or {}), **kwargs})
    except (SalternError, OSError) as error:
        return {"result": False, "data": str(error)}
    if to_str:
        return {"result": True, "data": made}
    path = mkstemp()
    with fopen(path, "w") as stream:
        stream.write(made)
    return {"result": True, "data": path}


JINJA = _file
TEMPLATE_REGISTRY = {"jinja": JINJA}
