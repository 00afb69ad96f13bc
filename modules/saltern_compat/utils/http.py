"""``salt.utils.http``: what a web server answers."""

from __future__ import annotations

import contextlib
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

from saltern.__about__ import __version__

USERAGENT = f"Saltern/{__version__}"
TIMEOUT_S = 30.0
MAX_BODY_BYTES = 64 * 1024 * 1024
SCHEMES = ("http", "https")


def query(
    url: str,
    method: str = "GET",
    params: Any = None,
    data: Any = None,
    data_file: str | None = None,
    header_dict: Mapping[str, str] | None = None,
    header_list: Iterable[str] | None = None,
    username: str | None = None,
    password: str | None = None,
    decode: bool = False,
    decode_type: str = "auto",
    status: bool = False,
    headers: bool = False,
    text: bool = False,
    ca_bundle: str | None = None,
    verify_ssl: bool | None = None,
    cert: Any = None,
    text_out: str | None = None,
    raise_error: bool = True,
    agent: str = USERAGENT,
    timeout: float = TIMEOUT_S,
    **kwargs: Any,
) -> dict[str, Any]:
    """Return what *url* answers: ``body``, or what is asked for of ``status``, ``headers``, ``text`` and ``dict``.

    *decode*: the body is JSON, YAML or plain, by its type or *decode_type*. What goes wrong is ``error``, with the
    ``status`` when there is one, and with *raise_error* off the ``body`` too. Raises ``ValueError`` for another kind of
    address.
    """
    if urllib.parse.urlsplit(url).scheme not in SCHEMES:
        raise ValueError(f"Unsupported url scheme: {url}")
    data = data if data_file is None else _content(data_file)
    request = _request(url, method, params, data, header_dict, header_list, agent)
    if username is not None:
        request.add_header("Authorization", _basic(username, password or ""))
    try:
        with _opened(request, ca_bundle, verify_ssl, cert, timeout) as answer:
            code, found, body = answer.status, answer.headers, answer.read(MAX_BODY_BYTES)
    except urllib.error.HTTPError as error:
        told = {} if raise_error else {"body": error.read(MAX_BODY_BYTES).decode("utf-8", "replace")}
        return {"status": error.code, "error": str(error), **told}
    except (OSError, ValueError) as error:
        return {"error": str(error), **({"status": 0} if status else {})}
    made: dict[str, Any] = {}
    said = body.decode(found.get_content_charset() or "utf-8", "replace")
    if status:
        made["status"] = code
    if headers:
        made["headers"] = dict(found.items())
    if decode:
        made |= _decoded(said, found.get_content_type() if decode_type == "auto" else decode_type)
    if text or decode:
        made["text"] = said
    if text_out:
        with open(text_out, "w", encoding="utf-8") as out:
            out.write(said)
    if not made or not (decode or text):
        made["body"] = said
    return made


def _content(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _basic(username: str, password: str) -> str:
    import base64

    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _request(
    url: str, method: str, params: Any, data: Any, header_dict: Any, header_list: Any, agent: str
) -> urllib.request.Request:
    if params:
        sign = "&" if urllib.parse.urlsplit(url).query else "?"
        url = f"{url}{sign}{params if isinstance(params, str) else urllib.parse.urlencode(params, doseq=True)}"
    if isinstance(data, Mapping):
        data = urllib.parse.urlencode(data, doseq=True)
    body = data.encode() if isinstance(data, str) else data
    request = urllib.request.Request(url, body, method=method.upper())  # noqa: S310  # the caller saw to it
    request.add_header("User-agent", agent)
    for line in header_list or ():
        name, _, value = str(line).partition(":")
        request.add_header(name.strip(), value.strip())
    for name, value in (header_dict or {}).items():
        request.add_header(name, str(value))
    return request


def _opened(
    request: urllib.request.Request, ca_bundle: str | None, verify_ssl: bool | None, cert: Any, timeout: float
) -> contextlib.closing[Any]:
    context = ssl.create_default_context(cafile=ca_bundle)
    if verify_ssl is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        own = [cert] if isinstance(cert, str) else list(cert)
        context.load_cert_chain(*own[:2])
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    return contextlib.closing(opener.open(request, timeout=timeout))


def _decoded(body: str, kind: str) -> dict[str, Any]:
    if "json" in kind:
        return {"dict": json.loads(body)}
    if "yaml" in kind:
        import yaml

        return {"dict": yaml.safe_load(body)}
    return {}
