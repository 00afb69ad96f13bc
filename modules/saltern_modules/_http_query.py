"""What ``http.query`` takes and returns, around one request."""

from __future__ import annotations

import base64
import json
import os
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError, os_errors
from saltern.unfolding import bounded
from saltern_modules import _http

DECODES = ("json", "xml", "yaml", "plain")
TIMEOUT_S = 60.0
MAX_BYTES = 16 << 20
FILE_MODE = 0o644

DEFAULTS: Mapping[str, Any] = {
    "method": "GET",
    "params": None,
    "data": None,
    "data_file": None,
    "header_dict": None,
    "header_list": None,
    "header_file": None,
    "username": None,
    "password": None,
    "auth": None,
    "decode": False,
    "decode_type": "auto",
    "status": False,
    "headers": False,
    "text": False,
    "data_render": False,
    "header_render": False,
    "template_dict": None,
    "test": False,
    "test_url": None,
    "ca_bundle": None,
    "verify_ssl": None,
    "cert": None,
    "text_out": None,
    "headers_out": None,
    "decode_out": None,
    "agent": "",
    "raise_error": True,
    "decode_body": True,
}
WITHOUT_EFFECT = frozenset(("node", "port", "backend", "hide_fields", "data_renderer", "header_renderer", "saltenv"))
NOT_HERE = frozenset(
    (
        "cookies",
        "cookie_jar",
        "cookie_format",
        "persist_session",
        "session_cookie_jar",
        "stream",
        "streaming_callback",
        "header_callback",
        "handle",
        "formdata",
        "formdata_fieldname",
        "formdata_filename",
    )
)


def answered(
    url: str, opts: Mapping[str, Any], read: Callable[[str, bool, Mapping[str, Any] | None], str], **given: Any
) -> dict[str, Any]:
    """Return the result; ``http.query`` says of what. Raises ``CommandError``."""
    asked = _asked(given)
    found: dict[str, Any] = {}
    if asked["test"] is True:
        if asked["test_url"] is None:
            return {}
        url, found["test"] = asked["test_url"], True
    headers, data = _headers(asked, read), _data(asked, read)
    if data is not None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        answer = _http.ask(
            _with_parameters(str(url), asked["params"]),
            str(asked["method"]).upper(),
            data,
            headers,
            tls=_tls(str(url), asked, opts),
            timeout=min(TIMEOUT_S, float(opts.get("http_request_timeout") or TIMEOUT_S)),
            limit=min(MAX_BYTES, int(opts.get("http_max_body") or MAX_BYTES)),
            proxies=_proxies(str(url), opts),
        )
    except OSError as error:
        if asked["status"] is True:
            found["status"] = 0
        return {**found, "error": _http.reason_of(error)}
    return {**found, **_told(answer, asked)}


def _told(answer: _http.Answer, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an *answer* was asked for, and write what is to be written."""
    found: dict[str, Any] = {}
    body = _text(answer) if asked["decode_body"] else answer.body
    found["body"] = body
    if answer.status >= 400 and asked["raise_error"]:
        return {**found, "status": answer.status, "error": f"HTTP {answer.status}: {answer.reason}"}
    _write(asked["text_out"], body)
    if asked["headers_out"] is not None and os.path.exists(asked["headers_out"]):
        _write(asked["headers_out"], "".join(f"{name}: {value}\n" for name, value in answer.headers.items()))
    if asked["status"] is True:
        found["status"] = answer.status
    if asked["headers"] is True:
        found["headers"] = dict(answer.headers)
    as_text = asked["text"] is True
    if asked["decode"] is True:
        wanted = _type_of(answer) if asked["decode_type"] == "auto" else asked["decode_type"]
        if wanted not in DECODES:
            return {**found, "error": f"Invalid decode_type specified. Valid decode types are: {DECODES}"}
        if wanted == "plain":
            as_text = True
        else:
            found["dict"] = _decoded(body, wanted)
        _write(asked["decode_out"], body)
    if as_text:
        found["text"] = body
    return found


def _asked(given: Mapping[str, Any]) -> dict[str, Any]:
    asked = dict(DEFAULTS)
    for name, value in given.items():
        if name in NOT_HERE and value:
            raise CommandError(f"http.query: {name} isn't here: each request is by itself")
        if name in DEFAULTS:
            asked[name] = value
        elif name not in WITHOUT_EFFECT and name not in NOT_HERE:
            raise ArgumentError(f"http.query: there is no option {name!r}: there are {', '.join(DEFAULTS)}")
    return asked


def _headers(asked: Mapping[str, Any], read: Callable[..., str]) -> dict[str, str]:
    headers = {str(name): str(value) for name, value in (asked["header_dict"] or {}).items()}
    lines = list(asked["header_list"] or [])
    if asked["header_file"] is not None:
        lines += read(asked["header_file"], bool(asked["header_render"]), asked["template_dict"]).splitlines()
    for line in lines:
        name, colon, value = str(line).partition(":")
        if colon:
            headers[name.strip()] = value.strip()
    headers["User-agent"] = str(asked["agent"])
    user, password = asked["auth"] or (asked["username"], asked["password"])
    if user and password:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return headers


def _data(asked: Mapping[str, Any], read: Callable[..., str]) -> bytes | None:
    """Return what is sent, ``None`` for nothing."""
    data = asked["data"]
    if asked["data_file"] is not None:
        data = read(asked["data_file"], bool(asked["data_render"]), asked["template_dict"])
    if isinstance(data, dict):
        data = urllib.parse.urlencode(data)
    return data if isinstance(data, bytes) or data is None else str(data).encode()


def _with_parameters(url: str, parameters: Any) -> str:
    if not parameters:
        return url
    parts = urllib.parse.urlsplit(url)
    pairs = [*urllib.parse.parse_qsl(parts.query, keep_blank_values=True), *dict(parameters).items()]
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(pairs)))


def _tls(url: str, asked: Mapping[str, Any], opts: Mapping[str, Any]) -> Any:
    verify = asked["verify_ssl"] if asked["verify_ssl"] is not None else opts.get("verify_ssl", True)
    return _http.context(bool(verify), asked["ca_bundle"] or opts.get("ca_bundle"), asked["cert"] or opts.get("cert"))


def _proxies(url: str, opts: Mapping[str, Any]) -> dict[str, str]:
    host, port = opts.get("proxy_host"), opts.get("proxy_port")
    if not host or not port or urllib.parse.urlsplit(url).hostname in (opts.get("no_proxy") or []):
        return {}
    user, password = opts.get("proxy_username"), opts.get("proxy_password")
    who = f"{urllib.parse.quote(str(user))}:{urllib.parse.quote(str(password))}@" if user and password else ""
    return dict.fromkeys(("http", "https"), f"http://{who}{host}:{port}")


def _text(answer: _http.Answer) -> str:
    charset = "utf-8"
    for part in answer.headers.get("Content-Type", "").split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "charset":
            charset = value.strip("\"' ")
    try:
        return answer.body.decode(charset, "replace")
    except LookupError:
        return answer.body.decode("utf-8", "replace")


def _type_of(answer: _http.Answer) -> str:
    kind = answer.headers.get("Content-Type", "application/json")
    return next((name for name in ("xml", "json", "yaml") if name in kind), "plain")


def _decoded(body: Any, kind: str) -> Any:
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        if kind == "json":
            return json.loads(text)
        if kind == "yaml":
            import yaml

            return bounded(yaml.safe_load(text))
        return [_of_element(one) for one in _tree(text)]
    except Exception as error:  # each reader has its own
        raise CommandError(" ".join(str(error).split())) from None


def _tree(text: str) -> Any:
    from xml.etree import ElementTree  # nosec - entities are refused below

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise CommandError("XML with a document type isn't read")
    return ElementTree.fromstring(text)  # noqa: S314


def _of_element(element: Any) -> dict[str, Any]:
    """Return an element's members by name, without namespaces: texts, dicts, or lists where there are several."""
    name = element.tag.split("}")[-1]
    if not len(element):
        return {name: element.text}
    found: dict[str, Any] = {}
    for one in element:
        name = one.tag.split("}")[-1]
        if name not in found:
            found[name] = _of_element(one) if len(one) else one.text
            continue
        if not isinstance(found[name], list):
            found[name] = [found[name]]
        found[name].append(_of_element(one))
    return found


def _write(path: str | None, content: str | bytes) -> None:
    if path is None:
        return
    from saltern.files import replacement

    if not os.path.isabs(path):
        raise CommandError(f"http.query: the file to write must be an absolute path, not {path!r}")
    with (
        os_errors(CommandError, path, "can't be written", called="http.query"),
        replacement(path, FILE_MODE, keep_mode=True) as file,
    ):
        file.write(content if isinstance(content, bytes) else content.encode())
