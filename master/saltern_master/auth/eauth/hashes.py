"""How files keep passwords: each scheme by how its text begins, as ``htpasswd`` and others write it.

==================  =============================================================================================
``$argon2id$…``     argon2, whatever the file's own scheme is
``$apr1$salt$…``    a thousand rounds of MD5: Apache's ``htpasswd``
``{SHA}…``          SHA-1 in base64: ``htpasswd -s``
==================  =============================================================================================

bcrypt (``$2y$``), crypt's ``$5$`` and ``$6$`` and those of DES are not read: Python has nothing for them any more.
"""

from __future__ import annotations

import base64
import hashlib
from hmac import compare_digest

APR1, SHA = "$apr1$", "{SHA}"
APR1_ROUNDS = 1000
MAX_SALT = 8
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ORDER = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))


def same(one: str, other: str) -> bool:
    """Return whether two texts are equal, in a time that doesn't tell where they differ."""
    return compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))


def hex_digest(algorithm: str, text: str) -> str:
    """Return the hash of *text* by one of hashlib's *algorithm*\\ s, in hexadecimal."""
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()


def sha(password: str) -> str:
    """Return what ``htpasswd -s`` makes of *password*."""
    return SHA + base64.b64encode(hashlib.sha1(password.encode(), usedforsecurity=False).digest()).decode()


def digest(user: str, realm: str, password: str) -> str:
    """Return what ``htdigest`` makes of *password*."""
    return hex_digest("md5", f"{user}:{realm}:{password}")


def apr1(stored: str, password: str) -> str:
    """Return what ``htpasswd -m`` makes of *password* with the salt that *stored* has."""
    word = password.encode()
    salt = stored.removeprefix(APR1).partition("$")[0].encode("utf-8", "surrogateescape")[:MAX_SALT]
    second = _md5(word + salt + word)
    begun = bytearray(word + APR1.encode() + salt)
    for left in range(len(word), 0, -16):
        begun += second[: min(16, left)]
    bits = len(word)
    while bits:
        begun += b"\0" if bits & 1 else word[:1]
        bits >>= 1
    final = _md5(bytes(begun))
    for number in range(APR1_ROUNDS):
        odd = number & 1
        parts = [word if odd else final]
        if number % 3:
            parts.append(salt)
        if number % 7:
            parts.append(word)
        parts.append(final if odd else word)
        final = _md5(b"".join(parts))
    text = "".join(_letters(final[a] << 16 | final[b] << 8 | final[c], 4) for a, b, c in _ORDER)
    return f"{APR1}{salt.decode('utf-8', 'surrogateescape')}${text}{_letters(final[11], 2)}"


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _letters(value: int, count: int) -> str:
    return "".join(_ALPHABET[value >> 6 * place & 63] for place in range(count))
