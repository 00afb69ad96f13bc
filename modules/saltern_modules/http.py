"""Requests by HTTP from this minion."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError, os_errors

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]
__pillar__: Mapping[str, Any]
__opts__: Mapping[str, Any]

__powers__ = {
    "query": "indirect",  # reaches what only this host can reach, and writes files of the caller's choosing
    "wait_for_successful_query": "indirect",
}

AGENT = "Saltern http.query()"
MAX_FILE_BYTES = 16 << 20
MAX_WAIT_S = 3600.0
PAUSE_S = 0.1


def query(url: str, **kwargs: Any) -> dict[str, Any]:
    """Ask *url*, ``http://…`` or ``https://…``, and return ``{'body': text}``, with more of it where asked for.

    ``method`` (GET), ``params`` (a dict, behind the ``?``), ``data`` (a text, or a dict that is sent as a form),
    ``data_file`` (its content is sent), ``header_dict``, ``header_list`` (of ``Name: value``), ``header_file``,
    ``username`` and ``password``, ``cert`` (a path, or certificate and key), ``ca_bundle``, ``verify_ssl`` (``True``),
    ``agent``, ``data_render`` and ``header_render`` with ``template_dict`` (these files are Jinja templates).

    ``status``, ``headers``: return them too. ``text``: the body as ``text``. ``decode``: as ``dict`` what it says, by
    ``decode_type`` (json, xml, yaml, plain; ``auto`` by its type). ``text_out``, ``headers_out``, ``decode_out``:
    write it to these files. ``raise_error`` (``True``): a status of 400 or more is an ``error``, with its ``status``.
    ``test``: don't ask, or ask ``test_url``.

    Where no answer comes, ``{'error': why}``. An answer may have 16 MiB and take 60 seconds, or what the options
    ``http_max_body`` and ``http_request_timeout`` say when that is less. Redirections are followed to http and https
    alone. Raises ``CommandError`` for wrong arguments.

    CLI Example:

    .. code-block:: bash

        saltern '*' http.query http://somelink.com/
        saltern '*' http.query http://somelink.com/ method=POST params='{"key1": "val1", "key2": "val2"}'
        saltern '*' http.query http://somelink.com/ method=POST data='<xml>somecontent</xml>'
    """
    from saltern_modules import _http_query, _keywords

    given = _keywords.own(kwargs)
    opts = {**__opts__, **(given.pop("opts", None) or {})}
    given.setdefault("agent", AGENT)
    return _http_query.answered(url, opts, _file, **given)


def wait_for_successful_query(url: str, wait_for: float = 300, **kwargs: Any) -> Any:
    """Ask *url* until it is answered without an error, for *wait_for* seconds, an hour at most; return that answer.

    ``request_interval``: seconds between two. The last answer is returned, or its ``CommandError`` raised, when the
    time is over. *kwargs* are those of :func:`query`.

    CLI Example:

    .. code-block:: bash

        saltern '*' http.wait_for_successful_query http://somelink.com/ wait_for=160 request_interval=1
    """
    pause = max(float(kwargs.pop("request_interval", PAUSE_S)), PAUSE_S)
    end = time.monotonic() + min(float(wait_for), MAX_WAIT_S)
    while True:
        fault = None
        found: dict[str, Any] | None = None
        try:
            found = query(url, **kwargs)
            if not found.get("error"):
                return found
        except CommandError as error:
            fault = error
        if time.monotonic() + pause > end:
            if fault is not None and not found:
                raise fault
            return found
        time.sleep(pause)


def _file(path: str, render: bool, context: Mapping[str, Any] | None) -> str:
    """Return a file's text, rendered when asked for."""
    from saltern.files import open_file

    with os_errors(CommandError, path, "can't be read", called="http.query"), open(open_file(path), "rb") as file:
        text = file.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    if not render:
        return text
    from saltern_modules._template import rendered

    return rendered(
        text, "jinja", context or {}, salt=__salt__, grains=__grains__, pillar=__pillar__, opts=__opts__, source=path
    )
