"""Passwords of users and how long they last (shadow(5)).

What is given and kept are hashes. They, and passwords, never stand in a program's arguments, where every user of the
host could see them, nor in a log. *root*, where a function takes it, is another root folder to read and work in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _accounts

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "shadow"

__powers__ = {
    "default_hash": "reads",
    "info": "indirect",
    "list_users": "reads",
    "gen_password": "reads",
    "set_password": "indirect",
    "del_password": "indirect",
    "lock_password": "writes",
    "unlock_password": "indirect",
    "set_expire": "indirect",
    "set_inactdays": "writes",
    "set_maxdays": "writes",
    "set_mindays": "writes",
    "set_warndays": "writes",
    "set_date": "writes",
}
# info gives out hashes, and so what passwords can be guessed from: no grant by glob covers it.


def __virtual__() -> str | tuple[bool, str]:
    """Only Linux keeps passwords so."""
    if __grains__.get("kernel", "Linux") == "Linux":
        return __virtualname__
    return (False, "The linux_shadow execution module cannot be loaded: only available on Linux")


def default_hash() -> str:
    """Return what stands for a password that isn't set: ``!``.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.default_hash
    """
    return "!"


def info(name: str, root: str | None = None) -> dict[str, Any]:
    """Return what is known of the password of the user *name*.

    ``{'name', 'passwd': hash, 'lstchg', 'min', 'max', 'warn', 'inact', 'expire'}``: days, those of dates since 1970,
    ``-1`` where there is none. Empty texts for a user that isn't there, and where the file can't be read.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.info root
    """
    from saltern_modules import _shadow

    try:
        text = _accounts.read(root, "etc/shadow")
    except OSError:
        return _shadow.shown(None)
    return _shadow.shown(next((entry for entry in _shadow.parse(text) if entry.name == name), None))


def list_users(root: str | None = None) -> list[str]:
    """Return the names of the users that have a password or could have one, sorted. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.list_users
    """
    from saltern_modules import _shadow

    try:
        return sorted(entry.name for entry in _shadow.parse(_accounts.read(root, "etc/shadow")))
    except OSError as error:
        raise CommandError(f"can't read {error.filename}: {error.strerror}") from None


def gen_password(password: str | None, crypt_salt: str | None = None, algorithm: str | None = "sha512") -> str:
    """Return the hash of *password*, of a random one for None.

    *crypt_salt*: a random one by default. *algorithm*: ``sha512``, ``sha256``, ``md5``, ``blowfish``, ``crypt``, or
    ``yescrypt`` where the host's crypt(3) has it. A salt that crypt doesn't take comes to ``*0``. Raises
    ``ArgumentError`` for an unknown algorithm, ``TypeError`` for a password that is no text.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.gen_password 'I_am_password' crypt_salt='I_am_salt' algorithm=sha256
    """
    from saltern_modules import _crypt

    return _crypt.gen_hash(crypt_salt, password, algorithm)


def set_password(name: str, password: str, use_usermod: bool = False, root: str | None = None) -> bool | dict[str, Any]:
    """Give the user *name* the hash *password*, and return whether he has it then; ``False`` for an unknown user.

    ``{}`` on a host without a shadow file. *use_usermod* is taken, and does nothing: ``usermod`` would show the hash
    to all users. Raises ``ArgumentError`` for a hash that has a colon, a line's end or a control character.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.set_password fred '$6$salt$…'
    """
    from saltern_modules import _shadow

    if not isinstance(password, str) or ":" in password or not password.isprintable():
        raise ArgumentError("shadow.set_password: a hash is a text without colons and control characters")
    if _accounts.user(name) is None and (root is None or _accounts.user(name, root) is None):
        return False
    path = f"/etc/tcb/{name}/shadow" if __grains__.get("os") == "ALT" else "/etc/shadow"
    if root:
        path = os.path.join(_accounts.own_root(root), path.lstrip("/"))
    if not os.path.isfile(path):
        return {}
    _shadow.set_password(path, name, password)
    return bool(info(name, root)["passwd"] == password)


def del_password(name: str, root: str | None = None) -> bool:
    """Take the password of the user *name* away, so that none is asked for; return whether he has none then.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.del_password fred
    """
    _accounts.run(__salt__, ["passwd", *_accounts.rooted(root), "-d", "--", name])
    after = info(name, root)
    return not after["passwd"] and bool(after["name"] == name)


def lock_password(name: str, root: str | None = None) -> bool:
    """Let nobody log in by the password of the user *name*; return whether it is so then, ``False`` without a user.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.lock_password fred
    """
    return _lock(name, "-l", root, locked=True)


def unlock_password(name: str, root: str | None = None) -> bool:
    """Undo ``shadow.lock_password``; return whether it is undone, ``False`` without a user.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.unlock_password fred
    """
    return _lock(name, "-u", root, locked=False)


def _lock(name: str, option: str, root: str | None, *, locked: bool) -> bool:
    before = info(name, root)
    if not before["name"]:
        return False
    if before["passwd"].startswith("!") == locked:
        return True
    _accounts.run(__salt__, ["passwd", *_accounts.rooted(root), option, "--", name])
    return bool(info(name, root)["passwd"].startswith("!") == locked)


def set_inactdays(name: str, inactdays: int, root: str | None = None) -> bool:
    """Lock the account of the user *name* *inactdays* days after its password has expired.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.set_inactdays fred 7
    """
    return _set(name, "inact", inactdays, "-I", root)


def set_maxdays(name: str, maxdays: int, root: str | None = None) -> bool:
    """Let the password of the user *name* last *maxdays* days.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.set_maxdays fred 90
    """
    return _set(name, "max", maxdays, "-M", root)


def set_mindays(name: str, mindays: int, root: str | None = None) -> bool:
    """Let *mindays* days be between two changes of the password of the user *name*.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.set_mindays fred 7
    """
    return _set(name, "min", mindays, "-m", root)


def set_warndays(name: str, warndays: int, root: str | None = None) -> bool:
    """Warn the user *name* *warndays* days before his password expires.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.set_warndays fred 7
    """
    return _set(name, "warn", warndays, "-W", root)


def set_date(name: str, date: int | str, root: str | None = None) -> bool:
    """Say when the password of the user *name* was last changed: days since 1970 or ``YYYY-MM-DD``; 0: he must now.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.set_date fred 0
    """
    return _set(name, "lstchg", date, "-d", root, seen=False)


def set_expire(name: str, expire: int | str, root: str | None = None) -> bool:
    """Say when the account of the user *name* ends: days since 1970 or ``YYYY-MM-DD``; -1: never.

    CLI Example:

    .. code-block:: bash

        saltern '*' shadow.set_expire fred -1
    """
    return _set(name, "expire", expire, "-E", root, seen=False)


def _set(name: str, key: str, value: object, option: str, root: str | None, *, seen: bool = True) -> bool:
    """Change what ``info`` calls *key*; return whether it is so then, or with *seen* off whether chage said so."""
    before = info(name, root)
    if not before["name"]:
        return False
    if value == before[key]:
        return True
    done = _accounts.run(__salt__, ["chage", *_accounts.rooted(root), option, value, "--", name])
    return bool(info(name, root).get(key) == value) if seen else not done["retcode"]
