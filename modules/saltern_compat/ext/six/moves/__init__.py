"""``salt.ext.six.moves``: what is elsewhere in Python 3, by the names that the library six has for it."""

from __future__ import annotations

import builtins
import importlib
from types import ModuleType
from typing import Any

MODULES = {
    "BaseHTTPServer": "http.server",
    "CGIHTTPServer": "http.server",
    "SimpleHTTPServer": "http.server",
    "_thread": "_thread",
    "builtins": "builtins",
    "configparser": "configparser",
    "copyreg": "copyreg",
    "cPickle": "pickle",
    "email_mime_base": "email.mime.base",
    "email_mime_multipart": "email.mime.multipart",
    "email_mime_text": "email.mime.text",
    "html_entities": "html.entities",
    "html_parser": "html.parser",
    "http_client": "http.client",
    "http_cookiejar": "http.cookiejar",
    "http_cookies": "http.cookies",
    "queue": "queue",
    "reprlib": "reprlib",
    "socketserver": "socketserver",
    "urllib": "urllib",
    "urllib_error": "urllib.error",
    "urllib_parse": "urllib.parse",
    "urllib_robotparser": "urllib.robotparser",
    "xmlrpc_client": "xmlrpc.client",
    "xmlrpc_server": "xmlrpc.server",
}
"""Python's modules by six's names."""

NAMES = {
    "cStringIO": "io.StringIO",
    "StringIO": "io.StringIO",
    "UserDict": "collections.UserDict",
    "UserList": "collections.UserList",
    "UserString": "collections.UserString",
    "filter": "builtins.filter",
    "filterfalse": "itertools.filterfalse",
    "getcwd": "os.getcwd",
    "getcwdb": "os.getcwdb",
    "input": "builtins.input",
    "intern": "sys.intern",
    "map": "builtins.map",
    "range": "builtins.range",
    "reduce": "functools.reduce",
    "reload_module": "importlib.reload",
    "shlex_quote": "shlex.quote",
    "xrange": "builtins.range",
    "zip": "builtins.zip",
    "zip_longest": "itertools.zip_longest",
}
"""What is in Python's modules, by six's names."""


def served(path: str) -> ModuleType:
    """Return the module *path* (``urllib.request``) of Python's. Raises ``ModuleNotFoundError``."""
    first, dot, rest = path.partition(".")
    if first not in MODULES:
        raise ModuleNotFoundError(f"No module named {path!r}", name=f"{__name__}.{path}")
    return importlib.import_module(f"{MODULES[first]}{dot}{rest}")


def __getattr__(name: str) -> Any:
    if name in NAMES:
        module, _, attribute = NAMES[name].rpartition(".")
        return getattr(builtins if module == "builtins" else importlib.import_module(module), attribute)
    if name == "urllib":  # who asks for it goes on to one of these
        for part in ("error", "parse", "request", "response"):
            importlib.import_module(f"urllib.{part}")
    if name in MODULES:
        return importlib.import_module(MODULES[name])
    raise AttributeError(f"salt.ext.six.moves.{name} isn't here")
