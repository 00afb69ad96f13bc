"""The other side: graphite-web from PyPI under gunicorn with one worker process, over a tree of Whisper files."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from support.debian import listens
from support.programs import HOST, free_ports, running, wait_for
from support.report import say
from support.salt import CACHE

VERSION = "1.1.10"
PEER = f"graphite-web {VERSION}"
_PACKAGES = (f"graphite-web=={VERSION}", f"whisper=={VERSION}", "gunicorn", "cairocffi", "setuptools<81")
_SETTINGS = "bench_settings"
_IMPORTS = "import cairocffi, django, graphite, gunicorn, whisper"
UP_WITHIN_S = 60.0
ANSWER_WITHIN_S = 300

# No logs of what it does, no cache of answers, no carbon-cache to ask: only what a request itself costs.
_SETTINGS_TEXT = """\
SECRET_KEY = "for this benchmark alone"
ALLOWED_HOSTS = ["*"]
TIME_ZONE = "UTC"
STORAGE_DIR = CONF_DIR = LOG_DIR = {root!r}
INDEX_FILE = {root!r} + "/index"
WHISPER_DIR = {tree!r}
STANDARD_DIRS = [WHISPER_DIR]
CARBONLINK_HOSTS = []
FIND_TIMEOUT = FETCH_TIMEOUT = {seconds}
LOG_RENDERING_PERFORMANCE = LOG_CACHE_PERFORMANCE = LOG_INFO_PERFORMANCE = False
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}}}
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {root!r} + "/graphite.db"}}}}
"""


def install() -> Path:
    """Return the ``bin`` folder of a virtual environment with graphite-web, made on first use.

    Raises ``subprocess.CalledProcessError`` when it can't be installed; ends the benchmark with one line where the
    cairo library, which it loads for its charts, is missing.
    """
    venv = CACHE / f"graphite-web-{VERSION}"
    binaries, done = venv / "bin", venv / ".complete"
    if done.exists():
        return binaries
    say(f"installing {PEER} into {venv}: about a minute")
    subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
    python = str(binaries / "python")
    pip = [python, "-m", "pip", "install", "-qqq", "--disable-pip-version-check"]
    # Unless told otherwise its setup puts it into /opt/graphite.
    subprocess.run([*pip, *_PACKAGES], check=True, env=os.environ | {"GRAPHITE_NO_PREFIX": "True"})
    told = subprocess.run([python, "-c", _IMPORTS], capture_output=True, text=True)
    if told.returncode:
        why = told.stderr.strip().rpartition("\n")[2]
        raise SystemExit(f"{PEER} can't be loaded ({why}): apt-get install libcairo2")
    done.touch()
    return binaries


@contextlib.contextmanager
def graphite_web(root: Path, tree: Path) -> Iterator[tuple[int, int]]:
    """Serve the Whisper files below *tree* until the block ends; what it writes is in *root*.

    Yields gunicorn's process id (the worker is its child) and the port.
    """
    binaries = install()
    root.mkdir(parents=True, exist_ok=True)
    (root / f"{_SETTINGS}.py").write_text(
        _SETTINGS_TEXT.format(root=str(root), tree=str(tree), seconds=ANSWER_WITHIN_S)
    )
    environment = {
        "PYTHONPATH": str(root),
        "GRAPHITE_SETTINGS_MODULE": _SETTINGS,
        "DJANGO_SETTINGS_MODULE": "graphite.settings",
    }
    migrate = [str(binaries / "python"), "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"]
    subprocess.run(migrate, env=os.environ | environment, check=True, capture_output=True, cwd=root)
    (port,) = free_ports(1)
    argv = ["env", *(f"{name}={setting}" for name, setting in environment.items()), str(binaries / "gunicorn")]
    argv += ["--workers", "1", "--bind", f"{HOST}:{port}", "--chdir", str(root), "--timeout", str(ANSWER_WITHIN_S)]
    with running([*argv, "graphite.wsgi"], root / "log.txt") as process:
        wait_for("graphite-web", lambda: listens(port) or process.poll() is not None, UP_WITHIN_S)
        if process.poll() is not None:
            raise RuntimeError(f"graphite-web did not start: {(root / 'log.txt').read_text()}")
        yield process.pid, port
