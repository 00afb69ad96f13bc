"""What a request's body holds: JSON, YAML or a form, by its ``Content-Type``, as Salt's API takes it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from saltern.arguments import parse_value
from saltern.http.origins import body_kind
from saltern_api.answers import Refused
from saltern_api.yaml_text import MAX_BYTES as MAX_YAML_BYTES
from saltern_api.yaml_text import MAX_STRANGERS_BYTES, NotYaml, read_yaml

JSON_KIND = "application/json"
YAML_KINDS = ("application/x-yaml", "text/yaml", "application/yaml")
FORM_KIND = "application/x-www-form-urlencoded"
TEXT_KIND = "text/plain"
KINDS = (JSON_KIND, *YAML_KINDS, FORM_KIND, TEXT_KIND)
MAX_FIELDS = 10_000
_WORDS = ("arg", "kwarg")
NOT_A_LIST = "Lowstates must be a list"


def read_value(kind: str, body: bytes, *, known: bool = True) -> Any:
    """Return what *body* holds, of the media type *kind*; a text that is no JSON stays a text.

    *known*: whether it is known who sent it; YAML, which is slow to read, must be short otherwise. May take a while:
    call it in a thread. Raises ``Refused``.
    """
    most = MAX_YAML_BYTES if known else MAX_STRANGERS_BYTES
    if kind == JSON_KIND:
        return _json(body)
    if kind in YAML_KINDS:
        return _yaml(body, most)
    if kind == FORM_KIND:
        return read_form(body, most)
    if kind == TEXT_KIND:
        try:
            return _json(body)
        except Refused:
            return body.decode(errors="replace")
    if not body and not kind:
        return None
    raise Refused(406, f"Content type not supported: send {JSON_KIND}, {YAML_KINDS[0]} or {FORM_KIND}")


def lowstate(value: Any) -> list[dict[str, Any]]:
    """Return the chunks in what a body held. Raises ``Refused``."""
    chunks = [value] if isinstance(value, dict) else value
    if not isinstance(chunks, list) or not all(isinstance(chunk, dict) for chunk in chunks):
        raise Refused(400, NOT_A_LIST)
    return [{str(key): member for key, member in chunk.items()} for chunk in chunks]


def read_form(body: bytes, most: int = MAX_YAML_BYTES) -> dict[str, Any]:
    """Return the one chunk of a form: a field that is repeated is a list, and ``arg`` always is one.

    What is in ``arg`` and ``kwarg``, *most* bytes, is read as words of a command line are.
    """
    try:
        pairs = parse_qsl(body.decode(errors="replace"), max_num_fields=MAX_FIELDS)
    except ValueError:  # the one cause there is
        raise Refused(400, f"the form can't be read: it may have {MAX_FIELDS:,} fields") from None
    fields: dict[str, list[Any]] = {}
    if sum(len(text) for name, text in pairs if name in _WORDS) > most:
        raise Refused(413, f"arg and kwarg of a form may have {most:,} bytes: send JSON")
    for name, text in pairs:
        fields.setdefault(name, []).append(parse_value(text) if name in _WORDS else text)
    return {name: values if len(values) > 1 or name == "arg" else values[0] for name, values in fields.items()}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        raise Refused(400, "Invalid JSON document") from None


def _yaml(text: bytes, most: int) -> Any:
    try:
        return read_yaml(text, most)
    except NotYaml as error:
        raise Refused(400, f"Invalid YAML document: {error}") from None


def as_text(name: str, value: Any, status: int = 400) -> str:
    """Return *value* as the text that *name* has to be: YAML makes a number of a PIN. Raises ``Refused``."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused(status, f"{name} must be a text")
    return str(value)


def kind_of(request: Request) -> str:
    """Return the media type of a request's body."""
    return body_kind(request.headers)
