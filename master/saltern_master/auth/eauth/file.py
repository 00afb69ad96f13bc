"""``file``: users and passwords in a file, by Salt's options.

===================  ====================================================================================
``^filename``        the file; a relative name is below the configuration's folder
``^filetype``        ``text`` (the default), ``htpasswd`` or ``htdigest``
``^hashtype``        how ``text`` keeps passwords: ``plaintext`` (the default) or the name of a hash of hashlib's
``^realm``           of ``htdigest``, which needs it
``^field_separator`` ``:``
``^username_field``  1
``^password_field``  2
===================  ====================================================================================

A password by argon2 (``saltern-run auth.passwd``) is known by how it begins, whatever the rest of the file has. The
first line of a user counts; what begins with ``#`` is left out. Every try costs the same, whoever it is of: where the
file has argon2 at all, one hash of it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import threading
from typing import NamedTuple

from saltern.errors import ChannelError, os_errors
from saltern.files import open_file
from saltern.visible import visible
from saltern_master.auth import passwords
from saltern_master.auth.eauth import hashes
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.eauth.given import Given
from saltern_master.auth.password_file import COMMENT, MAX_BYTES

log = logging.getLogger(__name__)

OPTIONS = ("filename", "filetype", "hashtype", "realm", "field_separator", "username_field", "password_field")
TYPES = ("text", "htpasswd", "htdigest")
PLAIN = "plaintext"
HASHES_AT_ONCE = 2
"""Of argon2, at most: each has 64 MiB and a core, and half of the cores are for others."""
MAX_FIELD = 100
MAX_SAID = 20
"""Users whose lines can't be used, named in the log."""


class Layout(NamedTuple):
    """How a file is read; ``field``\\ s count from 1."""

    filename: str
    filetype: str = "text"
    hashtype: str = PLAIN
    realm: str = ""
    separator: str = ":"
    username_field: int = 1
    password_field: int = 2


class _Read(NamedTuple):
    stamp: tuple[int, ...]
    stored: dict[str, str]
    argon2: bool


def layout(given: Given, folder: str) -> Layout:
    """Return what the options say; *folder* is that of the configuration. Raises ``ConfigError``."""
    given.known(OPTIONS)
    filename = given.text("filename")
    if not filename or "\0" in filename:
        raise given.fault("filename", "must name the file of users and passwords, as in /etc/saltern/users")
    filetype = given.text("filetype", "text")
    if filetype not in TYPES:
        raise given.fault("filetype", f"must be one of {', '.join(TYPES)}, not {filetype!r:.40}")
    hashtype = given.text("hashtype", PLAIN)
    if hashtype != PLAIN and (hashtype not in hashlib.algorithms_available or hashtype.startswith("shake")):
        raise given.fault("hashtype", f"must be {PLAIN} or a hash of hashlib's, as in sha256, not {hashtype!r:.40}")
    realm = given.text("realm")
    if filetype == "htdigest" and not realm:
        raise given.fault("realm", "must say which realm of the file counts: htdigest has one in each line")
    separator = given.text("field_separator", ":")
    if not separator:
        raise given.fault("field_separator", "must not be empty")
    fields = [
        given.number(name, default, 1, MAX_FIELD) for name, default in (("username_field", 1), ("password_field", 2))
    ]
    return Layout(os.path.join(folder, filename), filetype, hashtype, realm, separator, *fields)


class FileDriver:
    """Asks a file, which is read anew when it has changed."""

    def __init__(self, layout: Layout, cores: int | None = None) -> None:
        """*cores*: this host's, by itself."""
        self._layout = layout
        self._read: _Read | None = None
        self._hashing = threading.BoundedSemaphore(max(1, min(HASHES_AT_ONCE, (cores or os.cpu_count() or 1) // 2)))
        self._open_to_all = False

    def authenticate(self, username: str, password: str) -> Identity | None:
        """Return who *username* is, when the file has that password for him."""
        read = self._current()
        stored = read.stored.get(username)
        tried = stored if stored is not None and passwords.is_argon2(stored) else passwords.NOBODYS
        right = False
        if read.argon2:
            with self._hashing:
                right = passwords.matches(tried, password)
        if stored is None or tried is not stored:
            right = self._same(username, password, stored if stored is not None else "") and stored is not None
        return Identity(username) if right else None

    def _same(self, username: str, password: str, stored: str) -> bool:
        """Return whether *stored*, not of argon2, is what the file's scheme makes of *password*."""
        layout = self._layout
        if layout.filetype == "htdigest":
            return hashes.same(stored, hashes.digest(username, layout.realm, password))
        if layout.filetype == "htpasswd":
            slow = hashes.apr1(stored, password)  # whichever it is kept by, and for who isn't there
            return hashes.same(stored, hashes.sha(password) if stored.startswith(hashes.SHA) else slow)
        if layout.hashtype == PLAIN:
            return hashes.same(stored, password)
        return hashes.same(stored.lower(), hashes.hex_digest(layout.hashtype, password))

    def _current(self) -> _Read:
        """Return what is in the file now. Raises ``ChannelError``."""
        path = self._layout.filename
        with os_errors(ChannelError, path, "can't be read"), open(open_file(path), "rb") as stream:
            status = os.fstat(stream.fileno())
            stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            self._judge(status)
            known = self._read
            if known is not None and known.stamp == stamp:
                return known
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ChannelError(f"{path}: is over {MAX_BYTES:,} bytes: a file of passwords is smaller", path=path)
        stored = self._parsed(data)
        argon2 = any(passwords.is_argon2(one) for one in stored.values())
        self._read = _Read(stamp, stored, argon2)
        return self._read

    def _judge(self, status: os.stat_result) -> None:
        path = self._layout.filename
        if status.st_mode & stat.S_IWOTH:
            raise ChannelError(f"{path}: every user of this host can write to it: run chmod o= {path}", path=path)
        if status.st_mode & stat.S_IROTH and not self._open_to_all:
            log.warning("%s: every user of this host can read these passwords: run chmod o= %s", path, path)
        self._open_to_all = bool(status.st_mode & stat.S_IROTH)

    def _parsed(self, data: bytes) -> dict[str, str]:
        """Return what the file keeps of each user's password."""
        of_user: dict[str, str] = {}
        for line in data.decode("utf-8", "surrogateescape").split("\n"):
            found = self._fields(line.strip())
            if found is not None:
                of_user.setdefault(*found)
        unusable = {user: why for user, stored in of_user.items() if (why := self._unusable(stored))}
        for user, why in list(unusable.items())[:MAX_SAID]:
            log.warning("%s: user %s can't log in: %s", self._layout.filename, visible(user)[:80], why)
        if len(unusable) > MAX_SAID:
            log.warning("%s: %d more users can't log in", self._layout.filename, len(unusable) - MAX_SAID)
        return {user: stored for user, stored in of_user.items() if user not in unusable}

    def _fields(self, line: str) -> tuple[str, str] | None:
        layout = self._layout
        if not line or line.startswith(COMMENT):
            return None
        fields = line.split(layout.separator)
        if layout.filetype == "htdigest":
            if len(fields) == 2 and passwords.is_argon2(fields[1]):
                return fields[0], fields[1]
            return (fields[0], fields[2]) if len(fields) == 3 and fields[1] == layout.realm else None
        if len(fields) < max(layout.username_field, layout.password_field):
            return None
        return fields[layout.username_field - 1], fields[layout.password_field - 1]

    def _unusable(self, stored: str) -> str:
        """Return why what is kept of a password is of no use, or nothing; never a part of it."""
        if passwords.is_argon2(stored):
            return passwords.refusal(stored)
        if not stored:
            return "the password is empty"
        if self._layout.filetype == "htpasswd" and not stored.startswith((hashes.SHA, hashes.APR1)):
            return "of what htpasswd writes $apr1$ and {SHA} are read, not this: run saltern-run auth.passwd"
        return ""
