"""Keys of SSH: this host's, its users', and those that may log in as them; ``ssh_hosts.py`` has the known hosts.

*config* is the file of the keys that may log in, below the user's home, ``%u`` and ``%h`` in it as in ``sshd_config``.
*fingerprint_hash_type* is sha256 by default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _ssh

__salt__: Mapping[str, Callable[..., Any]]
__context__: dict[str, Any]

__powers__ = {
    "host_keys": "indirect",  # private keys
    "user_keys": "indirect",
    "auth_keys": "reads",
    "check_key_file": "indirect",
    "check_key": "reads",
    "key_is_encrypted": "reads",
    "rm_auth_key": "indirect",
    "rm_auth_key_from_file": "indirect",
    "set_auth_key": "indirect",  # whoever has the key becomes that user
    "set_auth_key_from_file": "indirect",
}

CONFIG = ".ssh/authorized_keys"
KEY_NAMES = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
_HOST_KEY = re.compile(r"ssh_host_(?P<type>.+)_key(?P<pub>(?P<cert>-cert)?\.pub)?")


def host_keys(keydir: str | None = None, private: bool = True, certs: bool = True) -> dict[str, str]:
    """Return this host's keys by kind: ``{'rsa': …, 'rsa.pub': …, 'rsa-cert.pub': …}``, of ``/etc/ssh`` by default.

    Without *private* ones, or *certs*, where that is wanted. One that can't be read is ``""``. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.host_keys private=False
    """
    folder = keydir or "/etc/ssh"
    found: dict[str, str] = {}
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise CommandError(f"ssh.host_keys: {folder}: {error.strerror}") from None
    for name in names:
        key = _HOST_KEY.match(name)
        if key is None or (not key["pub"] and private is False) or (key["cert"] and certs is False):
            continue
        try:
            text = _ssh.text_of(os.path.join(folder, name)).strip()
        except OSError:
            text = ""
        found[key["type"] + (key["pub"] or "")] = text
    return found


def auth_keys(
    user: str | list[str] | None = None, config: str = CONFIG, fingerprint_hash_type: str | None = None
) -> dict[str, Any]:
    """Return which keys may log in as *user*: ``{key: {'enc', 'comment', 'options', 'fingerprint'}}``.

    Of a list of users, or of all by default, such a dict for each that has a file of keys.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.auth_keys root
        saltern '*' ssh.auth_keys '[root, marge]'
    """
    names = user if isinstance(user, list) else [user] if user else _ssh.every_user()
    found: dict[str, Any] = {}
    for name in names:
        owner = _ssh.user(name)
        path = _ssh.authorized_keys_path(config, owner) if owner else ""
        if path and os.path.isfile(path):
            found[str(name)] = _keys(path, fingerprint_hash_type)
    return found if not user or isinstance(user, list) else found.get(user, {})


def check_key_file(
    user: str, source: str, config: str = CONFIG, saltenv: str = "base", fingerprint_hash_type: str | None = None
) -> dict[str, str]:
    """Return of each key of the file *source* (``salt://…``) whether it is to ``add``, to ``update``, or ``exists``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.check_key_file root salt://ssh/keyfile
    """
    path = __salt__["cp.cache_file"](source, saltenv)
    keys = _keys(path, fingerprint_hash_type) if path else {}
    if path and not keys:
        _none_in(source)
    return {key: check_key(user, key, one["enc"], one["comment"], one["options"], config) for key, one in keys.items()}


def check_key(
    user: str,
    key: str,
    enc: str,
    comment: str,
    options: Any,
    config: str = CONFIG,
    cache_keys: list[str] | None = None,
    fingerprint_hash_type: str | None = None,
) -> str:
    """Return whether a key is to ``add``, to ``update`` because its line is another, or ``exists``.

    Raises ``CommandError`` for an unknown kind.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.check_key <user> <key> <enc> <comment> <options>
    """
    kind = _ssh.kind_of_key(enc)
    there = auth_keys(user, config, fingerprint_hash_type).get(key)
    if there is None:
        return "add"
    line = _ssh.key_line(key, there["enc"], there["comment"], there["options"])
    return "exists" if line == _ssh.key_line(key, kind, comment, options) else "update"


def rm_auth_key(user: str, key: str, config: str = CONFIG, fingerprint_hash_type: str | None = None) -> str:
    """Remove a key of those that may log in as *user*; return ``Key removed``, or why not.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.rm_auth_key <user> <key>
    """
    owner = _ssh.user(user)
    if owner is None or key not in auth_keys(user, config, fingerprint_hash_type):
        return "Key not present"
    path = _ssh.authorized_keys_path(config, owner)
    try:
        _ssh.write(path, _ssh.without_key(_ssh.text_of(path), key), None)
    except OSError:
        return "Key not removed"
    return "Key removed"


def rm_auth_key_from_file(
    user: str, source: str, config: str = CONFIG, saltenv: str = "base", fingerprint_hash_type: str | None = None
) -> str:
    """Remove the keys of the file *source* (``salt://…``) as :func:`rm_auth_key` does; return what came of all.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.rm_auth_key_from_file <user> salt://ssh_keys/<user>.id_rsa.pub
    """
    keys = _keys_of_source(source, saltenv, fingerprint_hash_type)
    if not keys:
        return "fail"
    done = {rm_auth_key(user, key, config, fingerprint_hash_type) for key in keys}
    return next(one for one in ("Key not removed", "Key removed", "Key not present") if one in done)


def set_auth_key_from_file(
    user: str,
    source: str,
    config: str = CONFIG,
    saltenv: str = "base",
    fingerprint_hash_type: str | None = None,
    **kwargs: Any,
) -> str:
    """Have the keys of the file *source* (``salt://…``) log in as *user*; return ``new``, ``replace`` or ``no change``.

    ``options`` by name: for all of them, in the place of their own. ``fail`` when it has no keys.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.set_auth_key_from_file <user> salt://ssh_keys/<user>.id_rsa.pub
    """
    keys = _keys_of_source(source, saltenv, fingerprint_hash_type)
    if not keys:
        return "fail"
    options = kwargs.get("options")
    done = [
        set_auth_key(user, key, one["enc"], one["comment"], options or one["options"], config)
        for key, one in keys.items()
    ]
    return next((one for one in ("fail", "replace", "new") if one in done), "no change")


def set_auth_key(
    user: str,
    key: str,
    enc: str = "ssh-rsa",
    comment: str = "",
    options: Any = None,
    config: str = CONFIG,
    cache_keys: list[str] | None = None,
    fingerprint_hash_type: str | None = None,
) -> str:
    """Have a key log in as *user*; return ``new``, ``replace`` (its line was another) or ``no change``.

    ``invalid`` for a key with blanks, ``Invalid public key`` for no base64, ``fail`` when there is no such user or
    home. *options*: a list. Raises ``CommandError`` for an unknown kind, and when the file can't be written.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.set_auth_key <user> '<key>' enc='dsa'
    """
    if len(str(key).split()) > 1:
        return "invalid"
    kind = _ssh.kind_of_key(enc)
    owner = _ssh.user(user)
    if owner is None:
        return "fail"
    if _ssh.fingerprint(key, fingerprint_hash_type) is None:
        return "Invalid public key"
    state = check_key(user, key, kind, comment, options, config, fingerprint_hash_type=fingerprint_hash_type)
    if state == "exists":
        return "no change"
    path = _ssh.authorized_keys_path(config, owner)
    if path.startswith(owner.home) and not os.path.isdir(owner.home):
        return "fail"
    line = _ssh.key_line(key, kind, comment, options)
    try:
        there = os.path.isfile(path)
        text = _ssh.text_of(path) if there else ""
        if state == "update":
            text = _ssh.with_key(text, key, line)
        else:
            text += ("" if not text or text.endswith("\n") else "\n") + line
        _ssh.write(path, text, None if there else owner)
    except OSError as error:
        raise CommandError(f"Could not write to key file: {error}") from None
    return "replace" if state == "update" else "new"


def user_keys(
    user: str | list[str] | None = None, pubfile: Any = None, prvfile: Any = None
) -> dict[str, dict[str, str]]:
    """Return the keys that users have in their ``.ssh``: ``{user: {file: text}}``, of all users by default.

    *pubfile*, *prvfile*: the one file of public, or private, keys to look for; ``False`` for none.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.user_keys user=user1 prvfile=False
    """
    names = user if isinstance(user, list) else [user] if user else _ssh.every_user()
    files = [pubfile] if pubfile else [] if pubfile is False else [f"{name}.pub" for name in KEY_NAMES]
    files += [prvfile] if prvfile else [] if prvfile is False else KEY_NAMES
    found: dict[str, dict[str, str]] = {}
    for name in names:
        owner = _ssh.user(name)
        for file in files if owner else []:
            path = os.path.join(owner.home, ".ssh", file) if owner else file
            try:
                found.setdefault(str(name), {})[os.path.basename(path) if file.startswith("/") else file] = (
                    _ssh.text_of(path).strip()
                )
            except OSError:
                continue
    return {name: keys for name, keys in found.items() if keys}


def key_is_encrypted(key: str) -> bool:
    """Return whether the private key in the file *key* needs a passphrase, by its headers. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ssh.key_is_encrypted /root/id_rsa
    """
    try:
        text = _ssh.text_of(key)
    except OSError as error:
        raise CommandError(f"{key} can't be read: {error.strerror or error}") from None
    if re.search(r"BEGIN (?:\w+\s)*PRIVATE KEY", text) is None:
        raise CommandError(f"{key} is not a private key")
    return "ENCRYPTED" in text


def _keys(path: str, fingerprint_hash_type: str | None) -> dict[str, dict[str, Any]]:
    try:
        return _ssh.keys_of(_ssh.text_of(path), fingerprint_hash_type)
    except OSError:
        raise CommandError(f"Problem reading ssh key file {path}") from None


def _keys_of_source(source: str, saltenv: str, fingerprint_hash_type: str | None) -> dict[str, dict[str, Any]]:
    path = __salt__["cp.cache_file"](source, saltenv)
    if not path or not os.path.isfile(path):
        raise CommandError("Failed to pull key file from salt file server")
    keys = _keys(path, fingerprint_hash_type)
    if not keys:
        _none_in(source)
    return keys


def _none_in(source: str) -> None:
    __context__["ssh_auth.error"] = f"No keys detected in {source}. Is file properly formatted?"
