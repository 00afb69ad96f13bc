"""Password hashes by the system's libcrypt, which is what reads them when somebody logs in."""

from __future__ import annotations

import ctypes
import ctypes.util
import secrets
import string
import threading

from saltern.errors import ArgumentError, CommandError

IDENTS = {"sha512": "$6$", "sha256": "$5$", "blowfish": "$2b$", "md5": "$1$", "crypt": ""}
SALT_LENGTHS = {"sha512": 16, "sha256": 16, "blowfish": 22, "md5": 8, "crypt": 2}
KNOWN = ["sha512", "sha256", "blowfish", "md5", "crypt"]
BLOWFISH_ROUNDS = "12$"
SALT_CHARACTERS = string.ascii_letters + string.digits + "./"

_lock = threading.Lock()


def hashed(password: str, salt: str | None, algorithm: str | None) -> str | None:
    """Return *password* hashed by *algorithm* with *salt*, one of chance by default; ``None`` when it can't be.

    Raises ``ArgumentError`` for an algorithm that there isn't, ``CommandError`` when there is no libcrypt.
    """
    algorithm = algorithm or KNOWN[0]
    if algorithm not in IDENTS:
        raise ArgumentError(
            f"Cannot hash using '{algorithm}' hash algorithm. Natively supported algorithms are: {KNOWN}. "
            f"If passlib is installed (False), the supported algorithms are: {KNOWN}."
        )
    if salt is None:
        salt = "".join(secrets.choice(SALT_CHARACTERS) for _ in range(SALT_LENGTHS[algorithm]))
        salt = BLOWFISH_ROUNDS + salt if algorithm == "blowfish" else salt
    setting = IDENTS[algorithm] + str(salt)
    if "\0" in password + setting:
        return None
    with _lock:  # crypt() answers in memory of its own
        found = _library().crypt(password.encode(), setting.encode())
    text = found.decode("ascii", "replace") if found else ""
    return None if not text or text.startswith("*") else text


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("crypt") or "libcrypt.so.1"
    try:
        library = ctypes.CDLL(name)
        library.crypt.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
        library.crypt.restype = ctypes.c_char_p
    except (OSError, AttributeError):
        raise CommandError(
            "this host has no libcrypt, which hashes passwords: install libcrypt1 or libxcrypt"
        ) from None
    return library
