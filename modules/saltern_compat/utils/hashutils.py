"""``salt.utils.hashutils``: digests and base64."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from typing import Any

from saltern_compat.utils.stringutils import to_bytes, to_unicode


def base64_b64encode(instr: Any) -> str:
    """Return the base64 of text or bytes, on one line."""
    return base64.b64encode(to_bytes(instr)).decode()


def base64_b64decode(instr: Any) -> Any:
    """Return what base64 stands for: text, or the bytes when they are none."""
    decoded = base64.b64decode(to_bytes(instr))
    try:
        return to_unicode(decoded)
    except UnicodeDecodeError:
        return decoded


def base64_encodestring(instr: Any) -> str:
    """Return the base64 of text or bytes, in lines."""
    return base64.encodebytes(to_bytes(instr)).decode()


def base64_decodestring(instr: Any) -> Any:
    """Return what base64 in lines stands for: text, or the bytes when they are none."""
    decoded = base64.decodebytes(to_bytes(instr))
    try:
        return to_unicode(decoded)
    except UnicodeDecodeError:
        return decoded


def md5_digest(instr: Any) -> str:
    """Return the MD5 in hex."""
    return hashlib.md5(to_bytes(instr), usedforsecurity=False).hexdigest()


def sha1_digest(instr: Any) -> str:
    """Return the SHA-1 in hex."""
    return hashlib.sha1(to_bytes(instr), usedforsecurity=False).hexdigest()


def sha256_digest(instr: Any) -> str:
    """Return the SHA-256 in hex."""
    return hashlib.sha256(to_bytes(instr)).hexdigest()


def sha512_digest(instr: Any) -> str:
    """Return the SHA-512 in hex."""
    return hashlib.sha512(to_bytes(instr)).hexdigest()


def hmac_signature(string: Any, shared_secret: Any, challenge_hmac: Any) -> bool:
    """Return whether *challenge_hmac*, in base64, is the HMAC-SHA256 of *string*."""
    found = hmac.new(to_bytes(shared_secret), to_bytes(string), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(found), to_bytes(challenge_hmac))


def hmac_compute(string: Any, shared_secret: Any) -> str:
    """Return the HMAC-SHA256 of *string* in hex."""
    return hmac.new(to_bytes(shared_secret), to_bytes(string), hashlib.sha256).hexdigest()


def random_hash(size: int = 9999999999, hash_type: str | None = None) -> str:
    """Return the digest of a random number, in hex."""
    number = str(random.SystemRandom().randint(0, size))
    return hashlib.new(hash_type or "md5", number.encode(), usedforsecurity=False).hexdigest()


def get_hash(path: str, form: str = "sha256", chunk_size: int = 65536) -> str:
    """Return the digest of the file at *path*, in hex. Raises ``ValueError``, ``OSError``."""
    if form not in hashlib.algorithms_available:
        raise ValueError(f"Invalid hash type: {form}")
    found = hashlib.new(form, usedforsecurity=False)
    with open(path, "rb") as stream:
        while chunk := stream.read(chunk_size):
            found.update(chunk)
    return found.hexdigest()


class DigestCollector:
    """One digest of several files."""

    def __init__(self, form: str = "sha256", buff: int = 0x10000) -> None:
        self._digest = hashlib.new(form, usedforsecurity=False)
        self._buff = buff

    def add(self, path: str) -> None:
        """Add a file's name and what it holds."""
        self._digest.update(path.encode())
        with open(path, "rb") as stream:
            while chunk := stream.read(self._buff):
                self._digest.update(chunk)

    def digest(self) -> str:
        """Return the digest of all, in hex."""
        return self._digest.hexdigest()
