"""YAML, JSON, XML and Python in templates: filters that write them, and Salt's tags that read them.

::

    {% load_yaml as name %} … {% endload %}     also load_json, load_text
    {% import_yaml "file.yaml" as name %}       also import_json, import_text
    {% profile as "a label" %} … {% endprofile %}
"""

from __future__ import annotations

import itertools
import json
import pprint
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import TemplateRuntimeError
from jinja2.ext import Extension
from jinja2.parser import Parser
from markupsafe import Markup


def undefined_in(value: Any, seen: set[int] | None = None) -> Iterator[StrictUndefined]:
    """Yield what isn't defined in *value*, however deep."""
    seen = set() if seen is None else seen
    if isinstance(value, StrictUndefined):
        yield value
    elif isinstance(value, Mapping | list | tuple) and id(value) not in seen:
        seen.add(id(value))
        for one in itertools.chain(value, value.values()) if isinstance(value, Mapping) else value:
            yield from undefined_in(one, seen)


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Have a filter return what isn't defined, rather than fail by it, so that the error names it."""

    @wraps(function)
    def filtered(value: Any, *args: Any, **kwargs: Any) -> Any:
        if found := list(undefined_in(value)):
            return StrictUndefined("\n".join(one._undefined_message for one in found))
        return function(value, *args, **kwargs)

    return filtered


class Dumper(yaml.SafeDumper):
    """Writes mappings and texts of any class; what YAML has no form for is ``NULL``, as in Salt."""


def _in_order(dumper: Dumper, data: Any) -> yaml.Node:
    return dumper.represent_dict(list(data.items()))


def _undefined(dumper: Dumper, data: Any) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:null", "NULL")


Dumper.add_multi_representer(dict, lambda dumper, data: dumper.represent_dict(data))
Dumper.add_multi_representer(str, lambda dumper, data: dumper.represent_str(str(data)))
Dumper.add_multi_representer(Mapping, _in_order)  # type: ignore[type-abstract]
Dumper.add_representer(None, _undefined)  # type: ignore[arg-type]  # None: whatever else there is


def yaml_text(value: Any, **options: Any) -> str:
    """Return *value* as YAML; mappings with an order of their own keep it."""
    text: str = yaml.dump(value, Dumper=Dumper, allow_unicode=True, **{"default_flow_style": None, **options})
    return text


def to_yaml(value: Any, flow_style: bool = True) -> Markup:
    """Return *value* as YAML, in one line unless *flow_style* is false."""
    return Markup(yaml_text(value, default_flow_style=flow_style).strip().removesuffix("\n..."))  # noqa: S704 - no HTML


def to_json(value: Any, sort_keys: bool = True, indent: int | None = None) -> Markup:
    """Return *value* as JSON."""
    return Markup(json.dumps(value, sort_keys=sort_keys, indent=indent, ensure_ascii=False).strip())  # noqa: S704


def tojson(val: Any, indent: int | None = None, **options: Any) -> str:
    """Return *val* as JSON that is safe within HTML."""
    options.setdefault("ensure_ascii", True)
    if indent is not None:
        options["indent"] = indent
    text = json.dumps(val, **options)
    for char in "<>&'":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def to_sls_parameters(value: Mapping[Any, Any], flow_style: bool = False) -> Markup:
    """Return a mapping as the list of single parameters that a state takes, as YAML."""
    return to_yaml([{key: one} for key, one in value.items()], flow_style=flow_style)


def to_xml(value: Any) -> Markup:
    """Return nested mappings and lists as XML, indented; scalars of a mapping are attributes."""
    from xml.dom import minidom  # nosec - what is parsed was made here
    from xml.etree.ElementTree import Element, SubElement, tostring  # nosec

    def pairs(of: Any) -> list[Any]:
        if isinstance(of, dict):
            return list(of.items())
        if isinstance(of, list | tuple):
            return list(of) if isinstance(of[0], str) else []
        raise TemplateRuntimeError("Value is not a dict or list. Cannot render as XML")

    def grow(members: Any, parent: Any = None) -> Any:
        made = None
        for tag, within in members:
            if isinstance(within, list):
                for one in within:
                    grow(((tag, one),), parent)
                made = made if parent is None else parent
                continue
            made = Element(tag) if parent is None else SubElement(parent, tag)
            if isinstance(within, str | int | float):
                made.text = str(within)
                continue
            if isinstance(within, dict):
                made.attrib.update({k: str(v) for k, v in within.items() if not isinstance(v, dict | list)})
            for name, one in pairs(within):
                if isinstance(one, dict | list):
                    grow(((name, one),), made)
        return made

    return Markup(minidom.parseString(tostring(grow(pairs(value)))).toprettyxml(indent=" "))  # noqa: S318, S704


def to_python(value: Any) -> Markup:
    """Return *value* as Python writes it."""
    return Markup(pprint.pformat(value).strip())  # noqa: S704


def load_yaml(value: Any) -> Any:
    """Return what a YAML text says."""
    try:
        return yaml.safe_load(_text(value))
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f"{problem}, line {mark.line + 1} of it" if mark is not None else str(error)
        raise TemplateRuntimeError(f"Encountered error loading yaml: {where}") from None
    except AttributeError:
        raise TemplateRuntimeError(f"Unable to load yaml from {value}") from None


def load_json(value: Any) -> Any:
    """Return what a JSON text says."""
    try:
        return json.loads(_text(value))
    except (ValueError, TypeError, AttributeError):
        raise TemplateRuntimeError(f"Unable to load json from {value}") from None


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, TemplateModule) else value


FILTERS: Mapping[str, Callable[..., Any]] = {
    "yaml": to_yaml,
    "json": to_json,
    "tojson": tojson,
    "xml": to_xml,
    "python": to_python,
    "load_yaml": load_yaml,
    "load_json": load_json,
    "load_text": _text,
    "dict_to_sls_yaml_params": to_sls_parameters,
    "combinations": itertools.combinations,
    "combinations_with_replacement": itertools.combinations_with_replacement,
    "compress": itertools.compress,
    "permutations": itertools.permutations,
    "product": itertools.product,
    "zip": zip,
    "zip_longest": itertools.zip_longest,
}


class Serializing(Extension):
    """Salt's tags; the filters are put beside them."""

    tags = {  # noqa: RUF012 - the base has it so
        *(f"{verb}_{kind}" for verb in ("load", "import") for kind in ("yaml", "json", "text")),
        "profile",
    }

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters.update({name: strict(function) for name, function in FILTERS.items()})

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """Parse one of the tags."""
        tag = parser.stream.current.value
        if tag == "profile":
            next(parser.stream)
            parser.stream.expect("name:as")
            parser.parse_expression()
            return parser.parse_statements(("name:endprofile",), drop_needle=True)
        return self._import(parser, tag) if tag.startswith("import_") else self._load(parser, tag)

    def _import(self, parser: Parser, tag: str) -> list[nodes.Node]:
        node = parser.parse_import()
        loaded = nodes.Filter(
            nodes.Name(node.target, "load"), "load_" + tag.removeprefix("import_"), [], [], None, None
        )
        assigned = nodes.Assign(nodes.Name(node.target, "store"), loaded)
        return [node, assigned.set_lineno(node.lineno)]

    def _load(self, parser: Parser, tag: str) -> list[nodes.Node]:
        line = next(parser.stream).lineno
        parser.stream.expect("name:as")
        target = parser.parse_assign_target()
        name = "_" + parser.free_identifier().name
        body = parser.parse_statements(("name:endload",), drop_needle=True)
        called = nodes.Call(nodes.Name(name, "load"), [], [], None, None)
        assigned = nodes.Assign(target, nodes.Filter(called, tag, [], [], None, None))
        return [nodes.Macro(name, [], [], body).set_lineno(line), assigned.set_lineno(line)]
