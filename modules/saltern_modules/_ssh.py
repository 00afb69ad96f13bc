"""Lines of OpenSSH's files, as pure functions, and the users whose they are."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterator
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern.files import make_folder, open_file, replacement
from saltern.named import NamedTuple

MAX_BYTES = 4 << 20
PORT = 22

_KEY_LINE = re.compile(r"^(.*?)\s?((?:sk-)?(?:ssh\-|ecds)[\w@.-]+\s.+)$")
_SHORT = {
    **dict.fromkeys(("r", "rsa", "ssh-rsa"), "ssh-rsa"),
    **dict.fromkeys(("d", "dsa", "dss", "ssh-dss"), "ssh-dss"),
    **dict.fromkeys(("e", "ecdsa", "ecdsa-sha2-nistp256"), "ecdsa-sha2-nistp256"),
    **dict.fromkeys(("ed25519", "ssh-ed25519"), "ssh-ed25519"),
}
_KINDS = frozenset(
    (
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "rsa-sha2-256",
        "rsa-sha2-512",
        "rsa-sha2-256-cert-v01@openssh.com",
        "rsa-sha2-512-cert-v01@openssh.com",
        "ssh-rsa-cert-v01@openssh.com",
        "ssh-ed25519-cert-v01@openssh.com",
        "ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "ecdsa-sha2-nistp384-cert-v01@openssh.com",
        "ecdsa-sha2-nistp521-cert-v01@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "sk-ssh-ed25519@openssh.com",
        "sk-ssh-ed25519-cert-v01@openssh.com",
    )
)


class User(NamedTuple):
    """A user of this host."""

    name: str
    uid: int
    gid: int
    home: str


def user(name: Any) -> User | None:
    """Return the user *name*, None when there is none."""
    import pwd

    try:
        found = pwd.getpwnam(str(name))
    except (KeyError, ValueError):
        return None
    return User(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir)


def every_user() -> list[str]:
    """Return the names of all users, sorted."""
    import pwd

    return sorted({one.pw_name for one in pwd.getpwall()})


def kind_of_key(enc: Any) -> str:
    """Return the whole name of a kind of keys. Raises ``CommandError`` for none."""
    if enc in _SHORT:
        return _SHORT[enc]
    if enc in _KINDS:
        return str(enc)
    raise CommandError(f"Incorrect encryption key type '{enc}'.")


def fingerprint(key: str, algorithm: str | None) -> str | None:
    """Return a key's fingerprint, ``aa:bb:…``, by sha256 or *algorithm*; None when it is no base64.

    Raises ``CommandError`` for an algorithm that there isn't.
    """
    name = (algorithm or "sha256").lower()
    if name not in hashlib.algorithms_guaranteed or name.startswith("shake"):
        raise CommandError(f"The fingerprint_hash_type {name} is not supported.")
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return None
    digest = hashlib.new(name, raw, usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def key_lines(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the lines of ``authorized_keys`` that say something: the line, its options, its words from the kind on.

    A comment has no words. Lines that are nothing known are left out.
    """
    for raw in text.splitlines():
        line = raw.strip()
        if not line:
            continue
        if line.startswith("#"):
            yield line, [], []
            continue
        found = _KEY_LINE.match(line)
        if found:
            yield line, found[1].split(",") if found[1] else [], found[2].split()


def keys_of(text: str, algorithm: str | None) -> dict[str, dict[str, Any]]:
    """Return the keys of ``authorized_keys``: ``{key: {'enc', 'comment', 'options', 'fingerprint'}}``."""
    found: dict[str, dict[str, Any]] = {}
    for _, options, words in key_lines(text):
        if len(words) >= 2 and (print_ := fingerprint(words[1], algorithm)) is not None:
            found[words[1]] = {
                "enc": words[0],
                "comment": " ".join(words[2:]),
                "options": options,
                "fingerprint": print_,
            }
    return found


def key_line(key: str, enc: str, comment: str | None, options: Any) -> str:
    """Return a key's line with its end. Raises ``ArgumentError`` when a part of it would begin another line."""
    words = [options] if isinstance(options, str) else [str(one) for one in options or []]
    line = (",".join(words) + " " if any(words) else "") + f"{enc} {key} {comment}"
    if line.splitlines() != [line] or "\0" in line:
        raise ArgumentError("ssh: a key's options and comment are of one line")
    return line + "\n"


def with_key(text: str, key: str, line: str) -> str:
    """Return *text* with *line* for the line of *key*."""
    return "".join(line if words[1:2] == [key] else f"{old}\n" for old, _, words in key_lines(text))


def without_key(text: str, key: str) -> str:
    """Return *text* without the line of *key*."""
    return "".join(f"{old}\n" for old, _, words in key_lines(text) if words[1:2] != [key])


def authorized_keys_path(config: str, owner: User) -> str:
    """Return where a user's keys are: ``%u`` and ``%h`` in *config*, relative to the home. Raises ``CommandError``."""
    found = ""
    parts = iter(config)
    for char in parts:
        if char != "%":
            found += char
            continue
        letter = next(parts, "")
        if not letter:
            raise CommandError("AuthorizedKeysFile path: Last character can't be escape character")
        if letter not in "%uh":
            raise CommandError(f'AuthorizedKeysFile path: unknown token character "%{letter}"')
        found += {"%": "%", "u": owner.name, "h": owner.home}[letter]
    return os.path.join(owner.home, found)


def text_of(path: str) -> str:
    """Return a file's text. Raises ``OSError``: also for another user's link to what isn't that user's."""
    with open(open_file(path), "rb") as file:
        return file.read(MAX_BYTES).decode("utf-8", "surrogateescape")


def write(path: str, text: str, owner: User | None) -> None:
    """Write a file; one that is there keeps its owner and mode, a new one is *owner*'s, and nobody else's to read.

    The folder is made where it is missing, and given to *owner*. Raises ``OSError``.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        make_folder(folder, 0o700 if owner else 0o755, inherit=owner is not None)
    with replacement(path, 0o600, keep_mode=True) as file:
        if os.geteuid() == 0:
            try:
                there = os.stat(path)
            except OSError:
                ids = (owner.uid, owner.gid) if owner else None
            else:
                ids = (owner.uid, owner.gid) if owner else (there.st_uid, there.st_gid)
            if ids is not None:
                os.fchown(file.fileno(), *ids)
        file.write(text.encode("utf-8", "surrogateescape"))


def entries(text: str, algorithm: str | None) -> list[dict[str, Any]]:
    """Return the lines of ``known_hosts``: ``[{'hostname', 'enc', 'key', 'fingerprint'}]``."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and not words[0].startswith("#") and (print_ := fingerprint(words[2], algorithm)):
            found.append({"hostname": words[0], "key": words[2], "enc": words[1], "fingerprint": print_})
    return found


def found_lines(text: str, enc: str | None) -> list[int]:
    """Return which lines ``ssh-keygen -F`` found, those of the kind *enc*."""
    lines = text.splitlines()
    found = []
    for said, line in zip(lines[::2], lines[1::2], strict=False):
        number, words = said.split()[-1:], line.split()
        if number and number[0].isdigit() and len(words) >= 2 and (enc is None or words[-2] == enc):
            found.append(int(number[0]))
    return found
