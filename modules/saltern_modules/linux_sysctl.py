"""The kernel's parameters, as ``sysctl`` names them; read from and written to ``/proc/sys`` without that program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError

__virtualname__ = "sysctl"

__opts__: Mapping[str, Any]

__powers__ = {
    "default_config": "reads",
    "show": "indirect",
    "get": "reads",
    "assign": "indirect",  # kernel.core_pattern is a program that root runs
    "persist": "indirect",
}

OURS = "/etc/sysctl.d/99-salt.conf"
OF_OLD = "/etc/sysctl.conf"
BOOTED_BY_SYSTEMD = "/run/systemd/system"
HEAD = "#\n# Kernel sysctl configuration\n#\n"
MAX_BYTES = 16 << 20


def default_config() -> str:
    """Return the file that :func:`persist` writes to: one that systemd reads, or ``/etc/sysctl.conf`` without systemd.

    CLI Example:

    .. code-block:: bash

        saltern '*' sysctl.default_config
    """
    return OURS if os.path.isdir(BOOTED_BY_SYSTEMD) else OF_OLD


def show(config_file: str | bool = False) -> dict[str, str] | list[Any] | None:
    """Return ``{name: value}`` of all parameters, or of those in *config_file*.

    ``[]`` when there is no such file, None when it can't be read.

    CLI Example:

    .. code-block:: bash

        saltern '*' sysctl.show
        saltern '*' sysctl.show config_file=/etc/sysctl.conf
    """
    from saltern_modules import _sysctl_tree as tree

    if not config_file:
        # Of a value of several lines the last counts, as each of them is told with the name.
        return {name: value.rsplit("\n", 1)[-1] for name, value in tree.parameters(_root())}
    if not os.path.exists(str(config_file)):
        return []
    try:
        return tree.parse_config(_read(str(config_file)))
    except OSError:
        return None


def get(name: str) -> str:
    """Return the value of the parameter *name*, or of all below it; of one that isn't there what ``sysctl`` says.

    CLI Example:

    .. code-block:: bash

        saltern '*' sysctl.get net.ipv4.ip_forward
    """
    from saltern_modules import _sysctl_tree as tree

    name = str(name)
    if not name:
        return 'sysctl: "" is an unknown key'
    path = tree.path_of(name)
    if not path:
        return f"sysctl: cannot stat /proc/sys/{name.replace('.', '/')}: No such file or directory"
    file = f"{_root()}/{path}"
    try:
        if os.path.isdir(file):
            return "\n".join(value for _, value in tree.parameters(file)).rstrip()
        return tree.read(file).rstrip()
    except OSError as error:
        return tree.complaint(error, tree.name_of(path), path, "reading")


def assign(name: str, value: Any) -> dict[str, str]:
    """Set the parameter *name* to *value* and return ``{name: value}``.

    Raises ``CommandError`` when there is no such parameter, or the kernel doesn't take the value.

    CLI Example:

    .. code-block:: bash

        saltern '*' sysctl.assign net.ipv4.ip_forward 1
    """
    from saltern_modules import _sysctl_tree as tree

    path, text = tree.path_of(name), str(value)
    file = f"{_root()}/{path}"
    if not path or not os.path.isfile(file):
        raise CommandError(f"sysctl {name} does not exist")
    if "\n" in text or "\0" in text:
        raise ArgumentError(f"sysctl.assign: {text!r} is more than a line")
    try:
        tree.write(file, text)
    except OSError as error:
        raise CommandError(f"sysctl -w failed: {tree.complaint(error, name, path, 'setting')}") from None
    return {name: text}


def persist(name: str, value: Any, config: str | None = None) -> str:
    """Set the parameter *name* to *value*, now and in the file *config* (:func:`default_config`) for when it boots.

    Return ``Updated``, or ``Already set`` when it is so by now and there. The rest of the file stays as it is. Raises
    ``CommandError`` when the file can't be written, and as :func:`assign` does; the file has the value then.

    CLI Example:

    .. code-block:: bash

        saltern '*' sysctl.persist net.ipv4.ip_forward 1
    """
    from saltern_modules import _sysctl_tree as tree
    from saltern_modules._rewriting import rewrite

    text = str(value)
    if "\n" in text or "\n" in name or "=" in name or "\0" in text + name or name.lstrip().startswith("#"):
        raise ArgumentError(f"sysctl.persist: {name!r} and {text!r} make no line of a file")
    config = config or default_config()
    try:
        old = _read(config) if os.path.isfile(config) else None
    except OSError:
        raise CommandError(f"Could not read from file: {config}") from None
    there = [line.partition("=")[2].strip() for line in (old or "").split("\n") if tree.is_of(line, name)]
    if there and _spaced(there[0]) == _spaced(text):
        if _spaced(get(name)) == _spaced(text):
            return "Already set"
        assign(name, value)
        return "Updated"
    try:
        if old is None:
            os.makedirs(os.path.dirname(config) or ".", exist_ok=True)
        rewrite(config, tree.with_value(HEAD if old is None else old, name, text).encode("utf-8", "surrogateescape"))
    except OSError:
        raise CommandError(f"Could not write to file: {config}") from None
    assign(name, value)
    return "Updated"


def _root() -> str:
    return f"{__opts__.get('proc_root') or '/proc'}/sys"


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read(MAX_BYTES).decode("utf-8", "surrogateescape")


def _spaced(value: str) -> str:
    return "\t".join(value.split())
