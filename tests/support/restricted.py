"""Requests to the store that are restricted to a part of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from support.asgi_client import AsgiClient

HEADER = "X-Saltern-Series"


def ask(client: AsgiClient, path: str, restriction: Mapping[str, Any], params: Mapping[str, Any]) -> httpx.Response:
    """GET *path*, restricted."""
    body = json.dumps(restriction).encode()
    return client.request("GET", path, params=params, content=body, headers={HEADER: str(len(body))})
