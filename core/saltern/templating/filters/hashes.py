"""Filters that encode and hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError
from saltern.templating.filters.texts import to_bytes


def base64_encode(instr: Any) -> str:
    """Return the base64 of a text or bytes."""
    return base64.b64encode(to_bytes(instr)).decode()


def base64_decode(instr: Any) -> str | bytes:
    """Return the text that *instr* is the base64 of; bytes when they are no UTF-8."""
    decoded = base64.b64decode(to_bytes(instr))
    try:
        return decoded.decode()
    except UnicodeDecodeError:
        return decoded


def _digest(algorithm: str) -> Callable[[Any], str]:
    def digest(instr: Any) -> str:
        return hashlib.new(algorithm, to_bytes(instr), usedforsecurity=False).hexdigest()

    return digest


md5, sha1, sha256, sha512 = map(_digest, ("md5", "sha1", "sha256", "sha512"))


def hmac_signature(string: Any, shared_secret: Any, challenge_hmac: Any) -> bool:
    """Return whether *challenge_hmac* is the HMAC-SHA256 of *string*, in base64."""
    own = hmac.digest(to_bytes(shared_secret), to_bytes(string), "sha256")
    return hmac.compare_digest(base64.b64encode(own), to_bytes(challenge_hmac))


def hmac_compute(string: Any, shared_secret: Any) -> str:
    """Return the HMAC-SHA256 of *string* in hexadecimal."""
    return hmac.digest(to_bytes(shared_secret), to_bytes(string), "sha256").hex()


def _algorithm(name: str) -> Any:
    if not isinstance(name, str) or name not in hashlib.algorithms_guaranteed or name.startswith("shake"):
        raise ArgumentError(f"Invalid hash type: {name}")
    return getattr(hashlib, name)


def random_hash(size: int = 9_999_999_999, hash_type: str | None = None) -> str:
    """Return the *hash_type* (md5) of a number by chance, up to *size*."""
    digest: str = _algorithm(hash_type or "md5")(str(secrets.randbelow(size + 1)).encode()).hexdigest()
    return digest


def random_str(size: int = 32) -> str:
    """Return *size* characters by chance, of base64's."""
    return base64.b64encode(os.urandom(size)).decode()[:size]


def file_hashsum(path: str, form: str = "sha256", chunk_size: int = 65536) -> str:
    """Return the *form* of a file, in hexadecimal."""
    digest = _algorithm(form)()
    with open(path, "rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    text: str = digest.hexdigest()
    return text


FILTERS: Mapping[str, Callable[..., Any]] = {
    "base64_encode": base64_encode,
    "base64_decode": base64_decode,
    "md5": md5,
    "sha1": sha1,
    "sha256": sha256,
    "sha512": sha512,
    "hmac": hmac_signature,
    "hmac_compute": hmac_compute,
    "rand_str": random_hash,
    "random_hash": random_hash,
    "random_str": random_str,
    "file_hashsum": file_hashsum,
}
