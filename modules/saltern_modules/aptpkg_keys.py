"""The keys that apt's repositories are signed by: a part of the module ``pkg`` for apt.

*keydir*: the folder of keys, ``/etc/apt/keyrings`` by default. *aptkey*: use apt's own by ``apt-key``, where that is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _apt, _package_targets

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "add_repo_key": "indirect",
    "del_repo_key": "writes",
    "get_repo_keys": "reads",
}

KEYS = "/etc/apt/keyrings"
ARMOUR = "-----BEGIN PGP"


def __virtual__() -> str | tuple[bool, str]:
    """Only on Debian and its kin."""
    return _apt.here(__grains__)


def _has_apt_key(wanted: Any) -> bool:
    import shutil

    return bool(wanted) and shutil.which("apt-key") is not None


def get_repo_keys(aptkey: bool = True, keydir: str | None = None) -> Any:
    """Return the keys, ``{keyid: {"keyid", "uid", "fingerprint", "bits", "date_creation", "subkey": {…}, …}}``.

    ``False`` when *keydir* isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.get_repo_keys
        saltern '*' pkg.get_repo_keys aptkey=False
    """
    if _has_apt_key(aptkey):
        words = ["apt-key", "adv", "--batch", "--list-public-keys", "--with-fingerprint", "--with-fingerprint"]
        return _parsed(_apt.call(__salt__, [*words, "--with-colons", "--fixed-list-mode"])["stdout"])
    folder = str(keydir or KEYS)
    if not os.path.isdir(folder):
        return False
    return {key: of for _, keys in _files(folder) for key, of in keys.items()}


def _files(folder: str) -> list[tuple[str, dict[str, dict[str, Any]]]]:
    """Return the files of *folder* with the keys in them."""
    found = []
    for path in (os.path.join(folder, name) for name in sorted(os.listdir(folder))):
        words = ["gpg", "--no-default-keyring", "--keyring", path, "--list-keys", "--with-colons"]
        done = __salt__["cmd.run_all"](words, python_shell=False, ignore_retcode=True)
        found.append((path, _parsed(done["stdout"])))
    return found


def _parsed(text: str) -> dict[str, dict[str, Any]]:
    """Return the keys of what gpg lists with colons."""
    keys: list[dict[str, Any]] = []
    for line in text.splitlines():
        items = [_number(item.strip()) for item in line.split(":")]
        items += [None] * (12 - len(items))
        if items[0] in ("pub", "sub"):
            key = {
                "algorithm": items[3],
                "bits": items[2],
                "capability": items[11],
                "date_creation": items[5],
                "date_expiration": items[6],
                "keyid": str(items[4]),
                "validity": items[1],
            }
            if items[0] == "pub":
                keys.append(key)
            elif keys:
                keys[-1]["subkey"] = key
        elif items[0] == "fpr" and keys:
            (keys[-1].get("subkey") or keys[-1])["fingerprint"] = items[9]
        elif items[0] == "uid" and keys:
            keys[-1].update({"uid": items[9], "uid_hash": items[7]})
    return {key["keyid"]: key for key in keys}


def _number(text: str) -> int | str | None:
    try:
        return int(text)
    except ValueError:
        return text or None


def add_repo_key(
    path: str | None = None,
    text: str | None = None,
    keyserver: str | None = None,
    keyid: str | None = None,
    saltenv: str = "base",
    aptkey: bool = True,
    keydir: str | None = None,
    keyfile: str | None = None,
) -> bool:
    """Add the key in the file *path* of the master's, in *text*, or *keyid* of a *keyserver*; whether it is there now.

    Without ``apt-key`` it goes to *keyfile* in *keydir*, in the binary form unless *keyfile* ends in ``.asc``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.add_repo_key 'salt://apt/sources/test.key'
        saltern '*' pkg.add_repo_key keyserver='keyserver.example' keyid='0000AAAA' keyfile=x.gpg aptkey=False
    """
    ours, folder = _has_apt_key(aptkey), str(keydir or KEYS)
    if keyid and any(key.endswith(str(keyid)) for key in get_repo_keys(ours, folder) or {}):
        return True
    if path or text:
        key = _key_of(path, text, saltenv)
        if key is None:
            return False
        if ours:
            done = _apt.call(__salt__, ["apt-key", "add", "-"], stdin=key.decode("latin-1"))
            return bool(done["retcode"] == 0)
        return _stored(folder, str(keyfile or os.path.basename(str(path or "key.gpg"))), key)
    if keyserver and not keyid:
        raise ArgumentError(f"No keyid or keyid too short for keyserver: {keyserver}")
    if keyid and not keyserver:
        raise ArgumentError(f"No keyserver specified for keyid: {keyid}")
    if not keyid:
        raise TypeError("add_repo_key() takes at least 1 argument (0 given)")
    server, wanted = _package_targets.safe(str(keyserver)), _package_targets.safe(str(keyid))
    if ours:
        words = ["apt-key", "adv", "--batch", "--keyserver", server, "--recv", wanted]
        return bool(_apt.call(__salt__, words)["retcode"] == 0)
    if not keyfile:
        return False
    os.makedirs(folder, mode=0o755, exist_ok=True)
    ring = os.path.join(folder, os.path.basename(keyfile))
    words = ["gpg", "--no-default-keyring", "--keyring", ring, "--keyserver", server, "--recv-keys", wanted]
    if _apt.call(__salt__, words)["retcode"]:
        return False
    os.chmod(ring, 0o644)
    return True


def _key_of(path: str | None, text: str | None, saltenv: str) -> bytes | None:
    """Return a key's file, None when the master doesn't have it."""
    if not path:
        return str(text).encode()
    where = __salt__["cp.cache_file"](path, saltenv) if __salt__["config.valid_fileproto"](path) else path
    if not where or not os.path.isfile(where):
        return None
    with open(where, "rb") as file:
        return file.read(1 << 20)


def _stored(folder: str, name: str, key: bytes) -> bool:
    from saltern import files

    if "/" in name or name in ("", ".", ".."):
        raise ArgumentError(f"pkg.add_repo_key: keyfile must be a name, not {name!r}")
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
        files.write_atomic(os.path.join(folder, name), key if name.endswith(".asc") else _dearmoured(key))
    except OSError as error:
        raise CommandError(f"{folder}/{name}: can't be written: {error.strerror or error}") from None
    return True


def _dearmoured(key: bytes) -> bytes:
    """Return a key in the binary form, as apt wants it under a name like ``x.gpg``."""
    text = key.decode("latin-1")
    if not text.lstrip().startswith(ARMOUR):
        return key
    import base64

    lines = text.replace("\r", "").strip().split("\n")
    start = lines.index("") + 1 if "" in lines else 1
    body = [line for line in lines[start:] if line and not line.startswith(("=", "-"))]
    try:
        return base64.b64decode("".join(body), validate=True)
    except ValueError:
        raise CommandError("pkg.add_repo_key: the key is no armoured one of PGP's") from None


def del_repo_key(name: str | None = None, aptkey: bool = True, keydir: str | None = None, **kwargs: Any) -> Any:
    """Remove the key ``keyid``, and return it; ``False`` when no file of *keydir* has it.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.del_repo_key keyid=0123ABCD aptkey=False
    """
    keyid = kwargs.get("keyid")
    if not keyid:
        raise ArgumentError("keyid or keyid_ppa and PPA name must be passed")
    if _has_apt_key(aptkey):
        done = _apt.call(__salt__, ["apt-key", "del", _package_targets.safe(str(keyid))])
        if done["retcode"]:
            raise CommandError(f"Failed to remove keyid {keyid}: {done['stderr']}")
        return keyid
    folder = str(keydir or KEYS)
    if not os.path.isdir(folder) or len(str(keyid)) not in (8, 16):
        return False
    for path, keys in _files(folder):
        if any(key.endswith(str(keyid)) for key in keys):
            os.unlink(path)
            return keyid
    return False
