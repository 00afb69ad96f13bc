"""The names of hosts in ``/etc/hosts``, or in the file that the option ``hosts.file`` names.

Lines that a change isn't about stay as they are, comments and blank ones too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError, os_errors
from saltern_modules._hosts_file import Line, parse_hosts, with_last, with_names, without_name

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "list_hosts": "reads",
    "get_ip": "reads",
    "get_alias": "reads",
    "has_pair": "reads",
    "set_host": "indirect",
    "rm_host": "writes",
    "add_host": "indirect",
    "set_comment": "writes",
}

MAX_BYTES = 64 << 20


def list_hosts() -> dict[str, Any]:
    """Return ``{address: {'aliases': [names], 'comment': text where there is one}}`` in the file's order.

    Lines that are comments are between them as ``{'comment-0': [line], …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' hosts.list_hosts
    """
    return parse_hosts(_read())


def get_ip(host: str) -> str:
    """Return the first address that has the name *host*, ``""`` when none has.

    CLI Example:

    .. code-block:: bash

        saltern '*' hosts.get_ip web1
    """
    return next((ip for ip, aliases in _aliases().items() if host in aliases), "")


def get_alias(ip: str) -> list[str]:
    """Return the names of the address *ip*, ``[]`` when it isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' hosts.get_alias 127.0.0.1
    """
    return _aliases().get(ip, [])


def has_pair(ip: str, alias: str | list[str]) -> bool:
    """Return whether the address *ip* has the name *alias*, or all of a list of names.

    CLI Example:

    .. code-block:: bash

        saltern '*' hosts.has_pair 10.0.0.7 web1
    """
    names = _aliases().get(ip)
    if names is None:
        return False
    return set(alias) <= set(names) if isinstance(alias, list) else alias in names


def set_host(ip: str, alias: str, comment: str | None = None) -> bool:
    """Have *alias*, one name or several with blanks between, be all that *ip* is called, with *comment* behind.

    Without a name (``""``) the address goes from the file. ``False`` when there is a folder in the file's place.

    CLI Example:

    .. code-block:: bash

        saltern '*' hosts.set_host 10.0.0.7 'web1 www'
    """
    _check(ip, alias, comment)
    return _changed(lambda text: with_names(text, ip, alias, comment))


def rm_host(ip: str, alias: str) -> bool:
    """Have the address *ip* no longer be called *alias*; return ``True``, also when it wasn't.

    CLI Example:

    .. code-block:: bash

        saltern '*' hosts.rm_host 10.0.0.7 web1
    """
    if not has_pair(ip, alias):
        return True
    return _changed(lambda text: without_name(text, ip, alias))


def add_host(ip: str, alias: str) -> bool:
    """Have the address *ip* be called *alias* too; return ``True``, ``False`` when a folder is in the file's place.

    CLI Example:

    .. code-block:: bash

        saltern '*' hosts.add_host 10.0.0.7 web1
    """
    _check(ip, alias)

    def added(line: Line) -> Line:
        return line._replace(names=[*line.names, alias])

    if _is_folder():
        return False
    if has_pair(ip, alias):
        return True
    return _changed(lambda text: with_last(text, ip, added))


def set_comment(ip: str, comment: str) -> bool:
    """Have *comment* stand behind the names of *ip*; return ``False`` when the address isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' hosts.set_comment 10.0.0.7 'the old one'
    """
    _check(ip, comment=comment)
    if _is_folder() or ip not in _aliases():
        return False
    return _changed(lambda text: with_last(text, ip, lambda line: line._replace(comment=comment)))


def _path() -> str:
    return str(__salt__["config.option"]("hosts.file"))


def _is_folder() -> bool:
    return os.path.isdir(_path())


def _read() -> str:
    path = _path()
    with os_errors(CommandError, path, f"can't read {path}", called="hosts"):
        try:
            with open(path, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return ""
    if len(data) > MAX_BYTES:
        raise CommandError(f"hosts: {path} has more than {MAX_BYTES} bytes")
    return data.decode("utf-8", "surrogateescape")


def _aliases() -> dict[str, list[str]]:
    return {ip: entry["aliases"] for ip, entry in list_hosts().items() if isinstance(entry, dict)}


def _changed(change: Callable[[str], str]) -> bool:
    from saltern_modules._rewriting import rewrite

    path = _path()
    if _is_folder():
        return False
    old = _read()
    new = change(old)
    if new != old or not os.path.exists(path):
        with os_errors(CommandError, path, f"can't write {path}", called="hosts"):
            rewrite(path, new.encode("utf-8", "surrogateescape"))
    return True


def _check(ip: str, alias: str = "", comment: str | None = None) -> None:
    """Raise ``ArgumentError`` for what would make other lines of the file, or of a name a comment."""
    words = ip.split()
    if len(words) != 1 or "#" in ip:
        raise ArgumentError(f"hosts: {ip!r} is no address")
    for text in (alias, comment or ""):
        if any(end in text for end in "\n\r\0\v\f\x1c\x1d\x1e\x85\u2028\u2029"):
            raise ArgumentError(f"hosts: {text!r} is more than a line")
    if "#" in alias:
        raise ArgumentError(f"hosts: {alias!r} is no name of a host")
