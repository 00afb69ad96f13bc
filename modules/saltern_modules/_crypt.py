"""Hashes of passwords as ``/etc/shadow`` has them, by the host's own crypt(3): Python has had none since 3.13."""

from __future__ import annotations

from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern.named import NamedTuple


class Method(NamedTuple):
    """What a setting begins with, before its salt, and how many characters a new salt has."""

    ident: str
    salt_chars: int
    cost: str = ""


METHODS = {
    "sha512": Method("6", 16),
    "sha256": Method("5", 16),
    "blowfish": Method("2b", 22, "12$"),
    "md5": Method("1", 8),
    "crypt": Method("", 2),
    "yescrypt": Method("y", 22, "j9T$"),
}
"""By the names that ``shadow.gen_password`` takes."""

USUAL = ("sha512", "sha256", "blowfish", "md5", "crypt")
ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SMALL = "./01"
"""What a salt of yescrypt or blowfish may end with: its last character has two bits."""

LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2", "libc.so", None)
ROOM_BYTES = 1 << 18
"""For crypt_r's state: 128 KiB with glibc, 32 KiB with libxcrypt."""


def gen_hash(salt: object, password: str | None, algorithm: str | None) -> str:
    """Return the hash of *password*, of a random one for None; *salt* is a random one for None.

    What crypt(3) doesn't take for a salt comes to ``*0``, which no password fits. Raises ``ArgumentError`` for an
    unknown *algorithm*, ``TypeError`` for a password that is no text, ``CommandError`` without crypt(3).
    """
    if algorithm is None:
        algorithm = "sha512"
    if algorithm not in METHODS:
        raise ArgumentError(
            f"Cannot hash using '{algorithm}' hash algorithm. Natively supported algorithms are: {list(USUAL)}. "
            f"If passlib is installed (False), the supported algorithms are: {list(USUAL)}."
        )
    if password is None:
        password = random_password()
    if not isinstance(password, str):
        raise TypeError(f"crypt() argument 1 must be str, not {type(password).__name__}")
    if "\0" in password:
        raise ValueError("embedded null character")
    return crypt(password, setting(algorithm, salt))


def setting(algorithm: str, salt: object) -> str:
    """Return what crypt(3) is told: the method and the salt."""
    method = METHODS[algorithm]
    if salt is None:
        return f"{_prefix(method)}{method.cost}{_random(method)}"
    if algorithm == "yescrypt" and "$" not in str(salt):
        return f"{_prefix(method)}{method.cost}{salt}"
    return f"{_prefix(method)}{salt}"


def _prefix(method: Method) -> str:
    return f"${method.ident}$" if method.ident else ""


def _random(method: Method) -> str:
    import secrets

    text = "".join(secrets.choice(ALPHABET) for _ in range(method.salt_chars))
    return text[:-1] + secrets.choice(SMALL) if method.cost else text


def random_password(chars: int = 20) -> str:
    """Return a password of letters, digits and punctuation."""
    import secrets
    import string

    return "".join(secrets.choice(string.ascii_letters + string.digits + string.punctuation) for _ in range(chars))


def crypt(password: str, told: str) -> str:
    """Return what crypt(3) makes of *password* by the setting *told*; ``*0`` where it fails."""
    import ctypes  # loads a library, which only this needs

    function = _crypt_r(ctypes)
    function.restype = ctypes.c_char_p
    function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
    room = ctypes.create_string_buffer(ROOM_BYTES)
    try:
        found: bytes | None = function(password.encode(), told.encode(), room)
        return "*0" if found is None else found.decode("ascii", "replace")
    finally:
        ctypes.memset(room, 0, ROOM_BYTES)


def _crypt_r(ctypes: Any) -> Any:
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name).crypt_r
        except (OSError, AttributeError):
            continue
    raise CommandError("gen_password needs the C library's crypt: install the package libcrypt1 (or libxcrypt)")
