"""A program that fetches the certificates of some TLS servers: not a collector, but the child of one.

It takes a line of JSON, ``{name: [host, port], …}``, and answers with a line for each as soon as it is known,
``[name, end, trusted]``: when the certificate ends, in seconds since 1970, null when it could not be had, and whether
this host trusts it for that name. It is a program of its own since ``ssl`` takes more memory than all of an agent may.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from saltern_modules.collectors.reading.x509_dates import not_after

TIMEOUT_S = 5.0
AT_ONCE = 16


def look(host: str, port: int, timeout_s: float = TIMEOUT_S) -> tuple[float | None, bool]:
    """Return when the server's certificate ends and whether it is trusted; None when it could not be had."""
    with contextlib.suppress(OSError, ValueError):
        return _end(host, port, ssl.create_default_context(), timeout_s), True
    with contextlib.suppress(OSError, ValueError):
        return _end(host, port, _any_server(), timeout_s), False
    return None, False


def _any_server() -> ssl.SSLContext:
    """Return what speaks with servers that aren't trusted or are old: their certificates are looked at, no more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _end(host: str, port: int, context: ssl.SSLContext, timeout_s: float) -> float:
    with (
        socket.create_connection((host, port), timeout_s) as link,
        context.wrap_socket(link, server_hostname=host) as secured,
    ):
        der = secured.getpeercert(binary_form=True)
    if der is None:
        raise ValueError("the server showed no certificate")
    return not_after(der)


def main() -> None:
    """Answer the question on stdin."""
    targets = json.loads(sys.stdin.readline())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = {pool.submit(look, host, port): name for name, (host, port) in targets.items()}
        for done in as_completed(asked):
            end, trusted = done.result()
            print(json.dumps([asked[done], end, trusted]), flush=True)


if __name__ == "__main__":
    main()
