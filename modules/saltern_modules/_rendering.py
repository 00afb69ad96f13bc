"""Renderers in a row, as in ``#!jinja|yaml``: each takes what the one before came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from saltern.errors import RenderError
from saltern.unfolding import bounded
from saltern_modules._template import rendered

MAX_NESTED = 200


if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is quicker; its texts are those that Salt shows


class Loader(_Base):
    """Reads YAML as Salt does: a key twice is a fault, ``0755`` is 755, dates stay texts."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping. Raises ``ConstructorError`` for a key twice, or one that is a list or a mapping."""
        self.flatten_mapping(node)
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=deep)
            if isinstance(key, list | dict):
                raise _fault(f"found unacceptable key {key_node.value}", key_node)
            if key in found:
                raise _fault(f"found conflicting ID '{key}'", key_node)
            found[key] = self.construct_object(value_node, deep=deep)
        return found

    def construct_scalar(self, node: Any) -> Any:
        """Return a scalar's text; of a whole number without its leading zeros."""
        if node.tag == "tag:yaml.org,2002:int" and not node.value.startswith(("0b", "0x")):
            sign = node.value[:1] if node.value[:1] in "+-" else ""
            node.value = sign + (node.value.removeprefix(sign).lstrip("0") or "0")
        return super().construct_scalar(node)


def _fault(problem: str, node: Any) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_scalar)


def from_yaml(text: Any) -> Any:
    """Return what a YAML text says, ``{}`` for nothing. Raises ``RenderError``."""
    if not isinstance(text, str):
        return text
    try:
        return bounded(yaml.load(text, Loader)) or {}  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f"; line {mark.line + 1}" if mark is not None else ""
        raise RenderError(f"{problem or ' '.join(str(error).split())}{where}") from None
    except RecursionError:
        raise RenderError("the YAML is nested too deep") from None
    except ValueError as error:
        raise RenderError(str(error)) from None


def from_json(text: Any) -> Any:
    """Return what a JSON text says; a first line that names a renderer is left out. Raises ``RenderError``."""
    import json

    if not isinstance(text, str):
        return text
    if text.startswith("#!") and "\n" in text:
        text = text[text.index("\n") + 1 :]
    try:
        return json.loads(text) or {}
    except (ValueError, RecursionError) as error:
        raise RenderError(f"it is no JSON: {error}") from None


def compiled(
    text: str,
    default: str,
    *,
    salt: Mapping[str, Callable[..., Any]],
    grains: Mapping[str, Any],
    pillar: Mapping[str, Any],
    opts: Mapping[str, Any],
    saltenv: str,
    sls: str,
    source: str,
    context: Mapping[str, Any],
) -> Any:
    """Return what *text* comes to by the renderers of its first line, ``#!jinja|yaml``, those of *default* else.

    ``{}`` when one of them isn't here. Raises ``RenderError``.
    """
    line = text.split("\n", 1)[0]
    row = line.removeprefix("#!").strip() if line.startswith("#!") and not line.startswith("#!/") else default
    if not text.strip():
        return {}
    name = source or ":string:"
    place = {"tplpath": name, "tplfile": name.rsplit("/", 1)[-1], "tpldir": ".", "tpldot": ""}
    of_sls = {"sls": sls, "slspath": "", "slsdotpath": "", "slscolonpath": "", "sls_path": ""}

    def jinja(value: Any) -> Any:
        given = {**place, **of_sls, **context}
        return rendered(
            value, "jinja", given, salt=salt, grains=grains, pillar=pillar, opts=opts, saltenv=saltenv, source=source
        )

    renderers: Mapping[str, Callable[[Any], Any]] = {"jinja": jinja, "yaml": from_yaml, "json": from_json}
    names = [part.split()[0] if part.split() else "" for part in row.split("|")]
    if not all(name in renderers for name in names):
        return {}
    value: Any = text
    for name in names:
        value = renderers[name](value)
    return value
