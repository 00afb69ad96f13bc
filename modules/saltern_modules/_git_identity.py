"""Private SSH keys that git logs in with."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saltern.named import NamedTuple

_BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----"
_MAGIC = b"openssh-key-v1\0"
_SSH = (
    "ssh -oStrictHostKeyChecking=accept-new -oPasswordAuthentication=no"
    " -oKbdInteractiveAuthentication=no -oChallengeResponseAuthentication=no"
)
"""A host that isn't known is taken for what it says it is, one whose key has changed isn't."""


class Key(NamedTuple):
    """A key's file, or why there is none: ``problem`` is empty when the file isn't there."""

    path: str | None
    problem: str = ""

    def environment(self) -> dict[str, str]:
        """Return what makes git use the key."""
        return {"GIT_SSH_COMMAND": f"{_SSH} -i {shlex.quote(str(self.path))}"}


@contextlib.contextmanager
def key_of(salt: Mapping[str, Callable[..., Any]], identity: str, user: str | None, saltenv: str) -> Iterator[Key]:
    """Yield the key that *identity* names: a path, or ``salt://…``, of which *user* gets a copy meanwhile."""
    if "salt://" in identity:
        with tempfile.TemporaryDirectory(prefix="saltern-git-") as folder:
            copy = os.path.join(folder, "key")
            if not salt["cp.get_file"](identity, copy, saltenv):
                yield Key(None, f"{identity} is not on the master")
                return
            os.chmod(copy, 0o600)
            if user:
                import pwd

                uid = pwd.getpwnam(user).pw_uid
                os.chown(copy, uid, -1)
                os.chown(folder, uid, -1)
            yield _checked(copy)
    elif not os.path.isfile(identity):
        yield Key(None)
    else:
        yield _checked(identity)


def _checked(path: str) -> Key:
    try:
        with open(path, encoding="latin-1") as file:
            text = file.read(1 << 16)
    except OSError as error:
        return Key(None, f"{path}: can't be read: {error.strerror}")
    if is_encrypted(text):
        return Key(
            None,
            f"Identity file {path} is passphrase-protected and cannot be used in a non-interactive command. Using"
            " salt-call from the minion will allow a passphrase-protected key to be used.",
        )
    return Key(path)


def is_encrypted(text: str) -> bool:
    """Return whether a private key's file needs a passphrase: of OpenSSH's own form, or a PEM that says so."""
    lines = text.splitlines()
    if lines and lines[0].strip() == _BEGIN:
        with contextlib.suppress(binascii.Error, ValueError):
            data = base64.b64decode("".join(line.strip() for line in lines[1:] if not line.startswith("-")))
            length = int.from_bytes(data[len(_MAGIC) : len(_MAGIC) + 4], "big")
            return data.startswith(_MAGIC) and data[len(_MAGIC) + 4 : len(_MAGIC) + 4 + length] != b"none"
        return False
    return any("ENCRYPTED" in line for line in lines[:3])
