"""The other side over HTTP: ``salt-api`` with rest_cherrypy beside a running Salt master."""

from __future__ import annotations

import contextlib
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

from support.programs import HOST, running, wait_for
from support.report import say
from support.salt import Salt, install

CHERRYPY = "18.10.0"
PEER = f"salt-api, CherryPy {CHERRYPY}"
UP_WITHIN_S = 60.0
LOGIN = {"username": "bench", "password": "x", "eauth": "auto"}  # ``auto`` lets everybody in, without any work


def master_options(port: int) -> dict[str, Any]:
    """Return what the master's configuration needs for the API to listen on *port*."""
    return {
        "external_auth": {"auto": {LOGIN["username"]: [".*", "@runner", "@wheel"]}},
        "netapi_enable_clients": ["local", "runner"],
        "rest_cherrypy": {"port": port, "host": HOST, "disable_ssl": True, "thread_pool": 300},
    }


@contextlib.contextmanager
def salt_api(salt: Salt, port: int) -> Iterator[str]:
    """Run salt-api until the block ends; yield its URL."""
    binaries = install()
    pip = [binaries / "python", "-m", "pip", "install", "-qqq", "--disable-pip-version-check"]
    subprocess.run([*pip, f"cherrypy=={CHERRYPY}"], check=True)
    say("starting salt-api")
    argv = [str(binaries / "salt-api"), "-c", str(salt.config_dir)]
    with running(argv, salt.config_dir.parent / "api.log"):
        url = f"http://{HOST}:{port}"
        wait_for("salt-api", lambda: _answers(url), UP_WITHIN_S)
        yield url


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
        return bool(answer.status == 200)
    return False
