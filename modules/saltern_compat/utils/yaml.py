"""``salt.utils.yaml``: YAML, read and written safely."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from typing import Any

import yaml
from yaml import YAMLError, nodes, parser, scanner  # by these names modules ask for them

__all__ = ["YAMLError", "nodes", "parser", "scanner"]

SafeLoader = SaltYamlSafeLoader = yaml.SafeLoader


class SafeDumper(yaml.SafeDumper):
    """Writes ordered mappings as mappings, and texts of another kind as texts."""


class OrderedDumper(SafeDumper):
    """Writes mappings in their order."""


class SafeOrderedDumper(OrderedDumper):
    """Writes mappings in their order."""


class IndentedSafeOrderedDumper(SafeOrderedDumper):
    """Writes lists in mappings further to the right."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Begin a list."""
        super().increase_indent(flow, False)


SafeDumper.add_multi_representer(OrderedDict, lambda dumper, data: dumper.represent_dict(data.items()))
SafeDumper.add_multi_representer(dict, lambda dumper, data: dumper.represent_dict(data.items()))
SafeDumper.add_multi_representer(str, lambda dumper, data: dumper.represent_str(str(data)))
SafeDumper.add_multi_representer(tuple, lambda dumper, data: dumper.represent_list(list(data)))


def safe_load(stream: Any, Loader: Any = SafeLoader) -> Any:
    """Return what a text or file of YAML says. Raises ``YAMLError``."""
    return yaml.load(stream, Loader=Loader)  # noqa: S506  # the caller's loader, the safe one unless he has another


load = safe_load


def dump(data: Any, stream: Any = None, **kwargs: Any) -> Any:
    """Return *data* as YAML, or write it to the file *stream*; mappings in their order."""
    kwargs.setdefault("allow_unicode", True)
    kwargs.setdefault("default_flow_style", None)
    return _without_end(yaml.dump(data, stream, **{"Dumper": SafeDumper, **kwargs}))


def safe_dump(data: Any, stream: Any = None, **kwargs: Any) -> Any:
    """Return *data* as YAML, or write it to the file *stream*, in plain types alone."""
    kwargs.setdefault("allow_unicode", True)
    kwargs.setdefault("default_flow_style", None)
    return _without_end(yaml.dump(data, stream, Dumper=SafeDumper, **kwargs))


def _without_end(text: Any) -> Any:
    """Return a text of YAML without the mark that follows single values."""
    return text.removesuffix("...\n") if isinstance(text, str) else text


def get_dumper(dumper_name: str) -> Any:
    """Return the class of that name here, else ``None``."""
    return getattr(importlib.import_module(__name__), dumper_name, None)
