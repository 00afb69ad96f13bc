"""Hashes, base64 and HMACs of texts."""

from __future__ import annotations

from typing import Any

from saltern.errors import CommandError

__proxyenabled__ = ["*"]

__powers__ = {
    "digest": "reads",
    "base64_b64encode": "reads",
    "base64_b64decode": "reads",
    "base64_encodestring": "reads",
    "base64_decodestring": "reads",
    "md5_digest": "reads",
    "sha256_digest": "reads",
    "sha512_digest": "reads",
    "hmac_signature": "reads",
    "hmac_compute": "reads",
    "github_signature": "reads",
}

CHECKSUMS = ("md5", "sha256", "sha512")


def digest(instr: Any, checksum: str = "md5") -> str:
    """Return the *checksum* (md5, sha256 or sha512) of a text or bytes, in hexadecimal.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.digest 'get salted'
    """
    return str(_new(checksum, _bytes(instr)).hexdigest())


def base64_b64encode(instr: Any) -> str:
    """Return the base64 of a text or bytes, in one line.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.base64_b64encode 'get salted'
    """
    import base64

    return base64.b64encode(_bytes(instr)).decode()


def base64_b64decode(instr: Any) -> str | bytes:
    """Return the text that *instr* is the base64 of; bytes when it is no UTF-8. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.base64_b64decode 'Z2V0IHNhbHRlZA=='
    """
    import base64

    return _decoded(base64.b64decode, instr)


def base64_encodestring(instr: Any) -> str:
    """Return the base64 of a text or bytes, in lines of 76 characters.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.base64_encodestring 'get salted'
    """
    import base64

    return base64.encodebytes(_bytes(instr)).decode()


def base64_decodestring(instr: Any) -> str | bytes:
    """Return the text that *instr*, lines of base64, is of; bytes when it is no UTF-8. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.base64_decodestring instr='Z2V0IHNhbHRlZAo='
    """
    import base64

    return _decoded(base64.decodebytes, instr)


def md5_digest(instr: Any) -> str:
    """Return the MD5 of a text, in hexadecimal.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.md5_digest 'get salted'
    """
    return digest(instr, "md5")


def sha256_digest(instr: Any) -> str:
    """Return the SHA-256 of a text, in hexadecimal.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.sha256_digest 'get salted'
    """
    return digest(instr, "sha256")


def sha512_digest(instr: Any) -> str:
    """Return the SHA-512 of a text, in hexadecimal.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.sha512_digest 'get salted'
    """
    return digest(instr, "sha512")


def hmac_signature(string: Any, shared_secret: Any, challenge_hmac: Any) -> bool:
    """Return whether *challenge_hmac* is the HMAC-SHA256 of *string* by *shared_secret*, in base64.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.hmac_signature 'get salted' 'shared secret' 'eBWf9bstXg+NiP5AOwppB5HMvZiYMPzEM9W5YMm/AmQ='
    """
    import base64
    import hmac

    own = base64.b64encode(hmac.digest(_bytes(shared_secret), _bytes(string), "sha256"))
    return hmac.compare_digest(own, _bytes(challenge_hmac))


def hmac_compute(string: Any, shared_secret: Any) -> str:
    """Return the HMAC-SHA256 of *string* by *shared_secret*, in hexadecimal.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.hmac_compute 'get salted' 'shared secret'
    """
    import hmac

    return hmac.digest(_bytes(shared_secret), _bytes(string), "sha256").hex()


def github_signature(string: Any, shared_secret: Any, challenge_hmac: str) -> bool:
    """Return whether *challenge_hmac*, as in ``sha1=…``, is the HMAC of *string* by *shared_secret*.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.github_signature '{"ref": 1}' secret 'sha1=bc6550fc290acf5b42283fa8deaf55cea0f8c206'
    """
    import hashlib
    import hmac

    name, _, challenge = str(challenge_hmac).partition("=")
    if name not in hashlib.algorithms_guaranteed or name.startswith("shake"):
        raise CommandError(f"hashutil.github_signature: there is no hash {name!r}: the signature is like sha1=…")
    return hmac.compare_digest(hmac.digest(_bytes(shared_secret), _bytes(string), name).hex(), challenge)


def _new(checksum: str, data: bytes) -> Any:
    import hashlib

    if checksum not in CHECKSUMS:
        raise CommandError(f"Hash func '{checksum}' is not supported.")
    return hashlib.new(checksum, data, usedforsecurity=False)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, str):
        return value.encode()
    raise TypeError(f"expected str, bytes, or bytearray not {type(value)}")


def _raw(decode: Any, instr: Any) -> bytes:
    try:
        return bytes(decode(_bytes(instr)))
    except ValueError as error:
        raise CommandError(f"hashutil: this is no base64: {error}") from None


def _decoded(decode: Any, instr: Any) -> str | bytes:
    data = _raw(decode, instr)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
