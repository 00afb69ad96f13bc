"""What runs here, for ``--versions-report``."""

from __future__ import annotations

import platform
from importlib import metadata

from saltern.__about__ import __version__

PACKAGES = (
    "msgpack",
    "PyYAML",
    "pyzmq",
    "psutil",
    "SQLAlchemy",
    "graphyte",
    "rich",
    "numpy",
    "whisper",
    "starlette",
    "uvicorn",
)


def versions_report() -> str:
    """Return a table of our version, the interpreter's, the system's and each library's."""
    rows = [("Saltern", __version__), ("Python", platform.python_version()), ("System", platform.platform())]
    for name in PACKAGES:
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    return "\n".join(f"{name:>12}: {version}" for name, version in rows)
