"""Hosts that SSH knows, by their keys: a user's ``.ssh/known_hosts``, or ``/etc/ssh/ssh_known_hosts``.

In all functions *config* is the file, below the user's home or absolute, and *port* the host's when it isn't 22. What
goes wrong is returned: ``{'status': 'error', 'error': why}``. ``ssh-keygen`` looks into the file, as that user.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _ssh

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "ssh"

__powers__ = {
    "get_known_host_entries": "reads",
    "recv_known_host_entries": "indirect",  # reaches what this host can reach
    "check_known_host": "reads",
    "rm_known_host": "indirect",
    "set_known_host": "indirect",
    "hash_known_hosts": "indirect",
}

GLOBAL = "/etc/ssh/ssh_known_hosts"
OF_USER = ".ssh/known_hosts"
ATTEMPTS = 5
MAX_TIMEOUT_S = 60
NEEDED = {"status": "error", "error": "hostname argument required"}

Entries = list[dict[str, Any]]


def get_known_host_entries(
    user: str | None,
    hostname: str,
    config: str | None = None,
    port: int | None = None,
    fingerprint_hash_type: str | None = None,
) -> Any:
    """Return what is known of a host, ``[{'hostname', 'enc', 'key', 'fingerprint'}]``; ``None`` when nothing is.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.get_known_host_entries <user> <hostname>
    """
    path = _file(config, user)
    if isinstance(path, dict):
        return path
    return _ssh.entries(_keygen("-F", _name(hostname, port), path, user), fingerprint_hash_type) or None


def recv_known_host_entries(
    hostname: str,
    enc: str | None = None,
    port: int | None = None,
    hash_known_hosts: bool = True,
    timeout: int = 5,
    fingerprint_hash_type: str | None = None,
) -> Entries | None:
    """Ask a host for its keys by ``ssh-keyscan``; return them as :func:`get_known_host_entries` does.

    *enc*: the kind of key. *timeout*: seconds, of each of five attempts.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.recv_known_host_entries <hostname> enc=<enc> port=<port>
    """
    _needs("ssh-keyscan")
    seconds = min(max(int(timeout), 1), MAX_TIMEOUT_S)
    argv = ["ssh-keyscan"]
    argv += ["-p", str(int(port))] if port else []
    argv += ["-t", _word(enc)] if enc else []
    argv += ["-H"] if hash_known_hosts else []
    argv += ["-T", str(seconds), _word(hostname)]
    for _ in range(ATTEMPTS):
        text = __salt__["cmd.run_stdout"](argv, python_shell=False, timeout=2 * seconds + 5, ignore_retcode=True)
        if text:
            return _ssh.entries(text, fingerprint_hash_type) or None
    return None


def check_known_host(
    user: str | None = None,
    hostname: str | None = None,
    key: str | None = None,
    fingerprint: str | None = None,
    config: str | None = None,
    port: int | None = None,
    fingerprint_hash_type: str | None = None,
) -> Any:
    """Return whether a host is to ``add``, to ``update`` because its key is another, or ``exists``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.check_known_host <user> <hostname> key='AAAA...FAaQ=='
    """
    if not hostname:
        return dict(NEEDED)
    known = get_known_host_entries(user, hostname, config, port, fingerprint_hash_type)
    if isinstance(known, dict):
        return known
    if not known:
        return "add"
    if key:
        return "exists" if key in [one["key"] for one in known] else "update"
    if fingerprint:
        return "exists" if fingerprint in [one["fingerprint"] for one in known] else "update"
    return "exists"


def rm_known_host(
    user: str | None = None, hostname: str | None = None, config: str | None = None, port: int | None = None
) -> dict[str, Any]:
    """Forget a host; return ``{'status': 'removed', 'comment': what ssh-keygen printed}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.rm_known_host <user> <hostname>
    """
    if not hostname:
        return dict(NEEDED)
    path = _file(config, user)
    if isinstance(path, dict):
        return path
    if not os.path.isfile(path):
        return {"status": "error", "error": f"Known hosts file {path} does not exist"}
    return {"status": "removed", "comment": _keygen("-R", _name(hostname, port), path, user)}


def set_known_host(
    user: str | None = None,
    hostname: str | None = None,
    fingerprint: str | None = None,
    key: str | None = None,
    port: int | None = None,
    enc: str | None = None,
    config: str | None = None,
    hash_known_hosts: bool = True,
    timeout: int = 5,
    fingerprint_hash_type: str | None = None,
) -> dict[str, Any]:
    """Have a host known by *key*, or by the one that it answers with, if that has *fingerprint* where one is given.

    Returns ``{'status': 'updated', 'old': entries, 'new': entries}`` or ``{'status': 'exists', 'keys': […]}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.set_known_host <user> fingerprint='xx:xx:..:xx' enc='ssh-rsa' hostname='gateway'
    """
    if not hostname:
        return dict(NEEDED)
    if port is not None and port != _ssh.PORT and hash_known_hosts:
        text = "argument port can not be used in conjunction with argument hash_known_hosts"
        return {"status": "error", "error": text}
    stored = get_known_host_entries(user, hostname, config, port, fingerprint_hash_type)
    if isinstance(stored, dict):
        return stored
    keys = [one["key"] for one in stored or [] if enc is None or one["enc"] == enc]
    update = (
        not stored
        or (fingerprint and fingerprint not in [one["fingerprint"] for one in stored])
        or (key and key not in keys)
    )
    if not update and (key or fingerprint):
        return {"status": "exists", "keys": keys}
    if key:
        new: Entries = [{"hostname": hostname, "enc": str(enc), "key": key}]
    else:
        heard = recv_known_host_entries(hostname, enc, port, hash_known_hosts, timeout, fingerprint_hash_type) or []
        if not heard:
            return {"status": "error", "error": "Unable to receive remote host keys"}
        if fingerprint and fingerprint not in [one["fingerprint"] for one in heard]:
            text = "Remote host public keys found but none of their fingerprints match the one you have provided"
            return {"status": "error", "error": text}
        if not update and {one["key"] for one in heard} == set(keys):
            return {"status": "exists", "keys": keys}
        new = heard
    path = _file(config, user)
    if isinstance(path, dict):
        return path
    _put(path, user, _name(hostname, port), new, enc, None if hash_known_hosts else port)
    if key and hash_known_hosts:
        _keygen("-H", None, path, user)
    return {"status": "updated", "old": stored, "new": new}


def hash_known_hosts(user: str | None = None, config: str | None = None) -> dict[str, Any]:
    """Hash the names in the file of known hosts; return ``{'status': 'updated', 'comment': what ssh-keygen printed}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.hash_known_hosts
    """
    path = _file(config, user)
    if isinstance(path, dict):
        return path
    if not os.path.isfile(path):
        return {"status": "error", "error": f"Known hosts file {path} does not exist"}
    return {"status": "updated", "comment": _keygen("-H", None, path, user)}


def _put(path: str, user: str | None, name: str, new: Entries, enc: str | None, port: int | None) -> None:
    """Write the file anew: without the host's old lines, and with its new ones at the end."""
    lines: list[str] = []
    try:
        if os.path.isfile(path):
            old = set(_ssh.found_lines(_keygen("-F", name, path, user), enc))
            every = _ssh.text_of(path).splitlines(keepends=True)
            lines = [line for number, line in enumerate(every, 1) if number not in old]
        for entry in new:
            host = entry["hostname"]
            if port not in (None, _ssh.PORT) and ":" not in host:
                entry["port"] = port
                host = f"[{host}]:{port}"
            words = [host, entry["enc"], entry["key"]]
            if any(len(word.split()) != 1 for word in words):
                raise CommandError(f"ssh.set_known_host: {words!r:.200} are no host, kind and key")
            lines.append(" ".join(words) + "\n")
        _ssh.write(path, "".join(lines), _ssh.user(user) if user else None)
    except OSError as error:
        raise CommandError(f"Couldn't append to known hosts file: '{error}'") from None


def _file(config: str | None, user: str | None) -> str | dict[str, str]:
    path = config or (OF_USER if user else GLOBAL)
    if os.path.isabs(path):
        return path
    if not user:
        return {"status": "error", "error": "Cannot determine absolute path to file."}
    owner = _ssh.user(user)
    if owner is None:
        return {"status": "error", "error": f"User {user} does not exist"}
    return os.path.join(owner.home, path)


def _keygen(option: str, name: str | None, path: str, user: str | None) -> str:
    """Return what ``ssh-keygen`` prints about a file, run by the user whose it is."""
    _needs("ssh-keygen")
    owner = _ssh.user(user) if user else None
    runas = owner.name if owner and owner.uid != os.geteuid() else None
    argv = ["ssh-keygen", option, *([name] if name else []), "-f", path]
    return str(__salt__["cmd.run"](argv, python_shell=False, ignore_retcode=True, runas=runas))


def _name(hostname: str, port: int | None) -> str:
    host = _word(hostname)
    return host if not port or port == _ssh.PORT else f"[{host}]:{port}"


def _word(text: Any) -> str:
    word = str(text)
    if word.startswith("-") or len(word.split()) != 1:
        raise CommandError(f"ssh: {word!r:.200} is no name of a host or kind of a key")
    return word


def _needs(program: str) -> None:
    if __salt__["cmd.which"](program) is None:
        raise CommandError(f"The '{program}' binary was not found in $PATH.")
