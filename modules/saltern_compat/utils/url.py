"""``salt.utils.url``: addresses of files, ``salt://…``."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def parse(url: str) -> tuple[str, str | None]:
    """Return path and environment of ``salt://path?saltenv=base``; another address as it is."""
    if not url.startswith("salt://"):
        return url, None
    path, _, query = url.removeprefix("salt://").lstrip("/").partition("?saltenv=")
    return path.removeprefix("|"), query or None


def create(path: str, saltenv: str | None = None) -> str:
    """Return the address of a file of the master's."""
    return f"salt://{path}{f'?saltenv={saltenv}' if saltenv else ''}"


def is_escaped(url: str) -> bool:
    """Return whether a path is to be taken as it is, by ``|``."""
    return url.removeprefix("salt://").startswith("|")


def split_env(url: str) -> tuple[str, str | None]:
    """Return the address without its environment, and that."""
    if not url.startswith("salt://"):
        return url, None
    path, saltenv = parse(url)
    return create(path), saltenv


def validate(url: str, protos: list[str]) -> bool:
    """Return whether the address is one of the given kinds."""
    return urlsplit(url).scheme in protos


def strip_proto(url: str) -> str:
    """Return the address without ``kind://``."""
    return url.partition("://")[2] or url


def redact_http_basic_auth(output: str) -> str:
    """Return a text with names and passwords in addresses as ``<redacted>``."""
    import re

    return re.sub(r"(https?://)[^\s/@]+@", r"\1<redacted>@", output)


def add_http_basic_auth(
    url: str, user: str | None = None, password: str | None = None, https_only: bool = False
) -> str:
    """Return the address with a name and password in it. Raises ``ValueError`` for one without TLS, if *https_only*."""
    if user is None and password is None:
        return url
    parts = urlsplit(url)
    if https_only and parts.scheme != "https":
        raise ValueError("Basic Auth only supported for HTTPS")
    who = f"{user}:{password}" if password is not None else str(user)
    return urlunsplit(parts._replace(netloc=f"{who}@{parts.netloc.rpartition('@')[2]}"))
