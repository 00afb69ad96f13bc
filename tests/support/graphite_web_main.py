"""graphite-web as a child program: requests on standard input, answers on standard output, one JSON object a line.

It is run by the Python that has graphite-web (Debian's), so it imports nothing of ours. ``argv`` is a folder for
graphite-web's own files and the folder of the Whisper tree. A request is ``{"method", "path", "body"}``, an answer
``{"status", "type", "body"}``; a body is bytes as latin-1 text.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
import warnings

_SETTINGS = """\
SECRET_KEY = "for tests"
ALLOWED_HOSTS = ["*"]
TIME_ZONE = "UTC"
GRAPHITE_ROOT = CONF_DIR = STORAGE_DIR = LOG_DIR = STATIC_ROOT = {folder!r}
WHISPER_DIR = {tree!r}
STANDARD_DIRS = [WHISPER_DIR]
INDEX_FILE = {folder!r} + "/index"
CARBONLINK_HOSTS = []
DEFAULT_CACHE_DURATION = 0
FIND_CACHE_DURATION = 0
FIND_TOLERANCE = 2**40
LOG_RENDERING_PERFORMANCE = LOG_CACHE_PERFORMANCE = False
MIDDLEWARE = ()
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {folder!r} + "/graphite.db"}}}}
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}}}
"""


def prepare(folder: str, tree: str) -> None:
    """Write the settings and point graphite-web at them."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "graphite_for_tests.py"), "w") as settings:
        settings.write(_SETTINGS.format(folder=folder, tree=tree))
    sys.path.insert(0, folder)
    os.environ["GRAPHITE_SETTINGS_MODULE"] = "graphite_for_tests"
    os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"
    if not hasattr(inspect, "getargspec"):  # graphite-web 1.1 lists its functions by them; Python 3.11 has neither
        inspect.getargspec = lambda function: inspect.getfullargspec(function)[:4]  # type: ignore[attr-defined]
        inspect.formatargspec = _signature  # type: ignore[attr-defined]


def _signature(names: list[str], rest: str | None, keywords: str | None, defaults: tuple[object, ...] | None) -> str:
    """What Python 3.10 called ``formatargspec``."""
    required = len(names) - len(defaults or ())
    shown = [name if i < required else f"{name}={(defaults or ())[i - required]!r}" for i, name in enumerate(names)]
    return f"({', '.join(shown + [f'*{rest}'] * bool(rest) + [f'**{keywords}'] * bool(keywords))})"


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed must not get between the answers
    warnings.simplefilter("ignore")
    prepare(*sys.argv[1:3])
    import django

    django.setup()
    from django.test import Client
    from graphite.metrics import views

    views.getProfile = lambda request: argparse.Namespace(advancedUI=False)  # it would look in a database
    client = Client(raise_request_exception=False)
    for line in sys.stdin:
        request = json.loads(line)
        answer = client.generic(
            request["method"],
            request["path"],
            request["body"].encode("latin-1"),
            content_type="application/x-www-form-urlencoded",
        )
        told = {
            "status": answer.status_code,
            "type": answer.headers.get("Content-Type", "") if hasattr(answer, "headers") else answer["Content-Type"],
            "body": answer.content.decode("latin-1"),
        }
        answers.write(json.dumps(told) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
