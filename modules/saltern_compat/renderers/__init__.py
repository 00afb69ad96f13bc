"""``salt.renderers``: ``jinja``, ``yaml``, ``json`` and ``text``, each made of text and put behind each other."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from saltern.errors import CommandError
from saltern_compat._caller import dunder


def text_of(data: Any) -> str:
    """Return the text that a renderer is given, open or as it is."""
    return str(data.read() if hasattr(data, "read") else data)


def jinja(template_file: Any, saltenv: str = "base", sls: str = "", argline: str = "", **kwargs: Any) -> StringIO:
    """Return a template of Jinja rendered, open."""
    rendered: Callable[..., str] = importlib.import_module("saltern_modules._template").rendered
    context: Mapping[str, Any] = {**kwargs.pop("context", {}), **kwargs, "sls": sls}
    return StringIO(
        rendered(
            text_of(template_file),
            "jinja",
            context,
            salt=dunder("__salt__", {}),
            grains=dunder("__grains__", {}),
            pillar=dunder("__pillar__", {}),
            opts=dunder("__opts__", {}),
            saltenv=saltenv,
        )
    )


def yaml(yaml_data: Any, saltenv: str = "base", sls: str = "", argline: str = "", **kwargs: Any) -> Any:
    """Return what YAML says; ``{}`` for nothing."""
    return importlib.import_module("yaml").safe_load(text_of(yaml_data)) or {}


def json_(json_data: Any, saltenv: str = "base", sls: str = "", **kwargs: Any) -> Any:
    """Return what JSON says; ``{}`` for nothing."""
    text = text_of(json_data)
    return json.loads(text) if text.strip() else {}


def text(template_file: Any, saltenv: str = "base", sls: str = "", **kwargs: Any) -> str:
    """Return the text as it is."""
    return text_of(template_file)


RENDERERS: dict[str, Callable[..., Any]] = {"jinja": jinja, "yaml": yaml, "json": json_, "text": text}


def pipe(data: Any, names: str, context: Mapping[str, Any]) -> Any:
    """Return *data* after each of the renderers that ``jinja|yaml`` names. Raises ``CommandError``."""
    for part in names.split("|"):
        name, _, words = part.strip().partition(" ")
        if name not in RENDERERS:
            raise CommandError(f"the renderer {name!r} isn't here: there are {', '.join(RENDERERS)}")
        data = RENDERERS[name](data, argline=words, **context)
    return data
