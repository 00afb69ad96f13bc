"""Values as texts and back: JSON, YAML, MessagePack and ini files, for ``slsutil``."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError, RenderError, SalternError
from saltern.unfolding import bounded


def to_json(obj: Any, **options: Any) -> str:
    """Return *obj* as JSON; *options* are ``json.dumps``'s."""
    return json.dumps(obj, **{"ensure_ascii": False, **options})


def from_json(text: Any, **options: Any) -> Any:
    """Return what a JSON text says."""
    return json.loads(text)


def to_yaml(obj: Any, **options: Any) -> str:
    """Return *obj* as YAML without the line end; *options* are ``yaml.dump``'s."""
    import yaml

    text: str = yaml.dump(obj, Dumper=yaml.SafeDumper, **{"default_flow_style": None, **options})
    return text.removesuffix("\n...\n").removesuffix("\n")


def from_yaml(text: Any, **options: Any) -> Any:
    """Return what a YAML text says."""
    import yaml

    return bounded(yaml.safe_load(text))


def to_msgpack(obj: Any, **options: Any) -> bytes:
    """Return *obj* as MessagePack."""
    import msgpack

    packed: bytes = msgpack.packb(obj, use_bin_type=True)
    return packed


def from_msgpack(data: Any, **options: Any) -> Any:
    """Return what MessagePack bytes say."""
    import msgpack

    return msgpack.unpackb(data, raw=False, strict_map_key=False)


def to_ini(obj: Any, **options: Any) -> str:
    """Return a mapping of sections as an ini file; *options* are ``ConfigParser``'s."""
    import configparser

    if not isinstance(obj, dict):
        raise TypeError(f"configparser can only serialize dictionaries, not {type(obj)}")
    parser = configparser.ConfigParser(**options)
    for section, keys in obj.items():
        if str(section) != configparser.DEFAULTSECT:
            parser.add_section(str(section))
        for key, value in keys.items():
            parser.set(str(section), parser.optionxform(str(key)), None if value is None else str(value))
    stream = io.StringIO()
    parser.write(stream)
    return stream.getvalue()


def from_ini(text: Any, **options: Any) -> Any:
    """Return the sections of an ini file."""
    import configparser

    parser = configparser.ConfigParser(**options)
    parser.read_file(io.StringIO(text.decode() if isinstance(text, bytes) else text))
    return {section: dict(parser.items(section)) for section in parser.sections()}


SERIALIZERS: Mapping[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "json": (to_json, from_json),
    "yaml": (to_yaml, from_yaml),
    "msgpack": (to_msgpack, from_msgpack),
    "configparser": (to_ini, from_ini),
}


def apply(name: str, which: int, value: Any, options: Mapping[str, Any]) -> Any:
    """Return *value* written (0) or read (1) by the serializer *name*. Raises ``SalternError``."""
    if name not in SERIALIZERS:
        raise CommandError(f"Serializer '{name}' not found.")
    try:
        return SERIALIZERS[name][which](value, **options)
    except Exception as error:  # each has its own
        raise (RenderError if which else SalternError)(" ".join(str(error).split())) from None
