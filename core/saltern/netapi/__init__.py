"""Low-level calls as Salt's clients of its HTTP API make them: a dict that names client, function and who asks::

    client = saltern.netapi.NetapiClient(saltern.config.master_config("/etc/saltern/master"))
    client.run({"client": "local", "tgt": "*", "fun": "test.ping",
                "username": "fred", "password": "…", "eauth": "file"})

It has no rights: who logs in has them, and the master decides. It is what the HTTP API calls, for every client there.
"""

from __future__ import annotations

from saltern.netapi.begun import Begun
from saltern.netapi.client import NetapiClient
from saltern.netapi.clients import CLIENTS

__all__ = ["CLIENTS", "Begun", "NetapiClient"]
