"""A program that calls an HTTP API: logged in once, its connection kept, as pepper and SaltGUI keep theirs."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

ANSWERED_WITHIN_S = 120.0


class HttpCaller:
    """One connection to the API at *url*, with the session of who logs in by *login*."""

    def __init__(self, url: str, login: Mapping[str, str] | None = None, token: str = "") -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=ANSWERED_WITHIN_S)
        self.token = token
        if login is not None:
            self.token = self.call("/login", dict(login))["return"][0]["token"]

    def call(self, path: str, body: Any) -> Any:
        """POST *body* as JSON and return the answer. Raises ``RuntimeError`` for any status but 2xx."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["X-Auth-Token"] = self.token
        self._connection.request("POST", path, json.dumps(body), headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status // 100 != 2:
            raise RuntimeError(f"{path}: {answer.status}: {text[:200]!r}")
        return json.loads(text)

    def ping(self, minions: int) -> float:
        """Run ``test.ping`` on all minions and return the seconds that it took."""
        began = time.perf_counter()
        (answers,) = self.call("/", [{"client": "local", "tgt": "*", "fun": "test.ping"}])["return"]
        seconds = time.perf_counter() - began
        alive = sum(value is True for value in answers.values())
        if alive != minions:
            raise RuntimeError(f"{alive} of {minions} answered")
        return seconds

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
