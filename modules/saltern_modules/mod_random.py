"""Numbers, texts and choices by chance, and hashes of passwords.

Texts are from the system's source of randomness. A *seed* makes a choice the same each time, for spreading work over
hosts: then it is no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError, SalternError

__grains__: Mapping[str, Any]

__virtualname__ = "random"

__proxyenabled__ = ["*"]

__powers__ = {
    "hash": "reads",
    "str_encode": "reads",
    "get_str": "reads",
    "shadow_hash": "reads",
    "rand_int": "reads",
    "seed": "reads",
    "sample": "reads",
    "shuffle": "reads",
}

MAX_LENGTH = 1 << 20


def hash(value: Any, algorithm: str = "sha512") -> str:
    """Return the *algorithm* of a text, in hexadecimal. Raises ``SalternError`` for an algorithm there isn't.

    CLI Example:

    .. code-block:: bash

        saltern '*' random.hash 'I am a string' md5
    """
    import hashlib

    if algorithm not in hashlib.algorithms_available or algorithm.startswith("shake"):
        raise SalternError("You must specify a valid algorithm.")
    data = value.encode() if isinstance(value, str) else value
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def str_encode(value: Any, encoder: str = "base64") -> Any:
    """Return *value* in base64, the only *encoder* there is. Raises ``ArgumentError`` for another, and for no text.

    CLI Example:

    .. code-block:: bash

        saltern '*' random.str_encode 'I am a new string'
    """
    data = value.encode() if isinstance(value, str) else value
    if encoder != "base64":
        raise ArgumentError("Value must be an encode-able string")  # as in Salt: its other codecs never worked
    import base64

    try:
        return base64.b64encode(data).decode()
    except TypeError:
        raise ArgumentError("Value must be an encode-able string") from None


def get_str(
    length: int = 20,
    chars: str | None = None,
    lowercase: bool = True,
    uppercase: bool = True,
    digits: bool = True,
    punctuation: bool = True,
    whitespace: bool = False,
    printable: bool = False,
) -> str:
    """Return a text of *length* characters by chance: of *chars*, or of the kinds that are asked for.

    CLI Example:

    .. code-block:: bash

        saltern '*' random.get_str 128
        saltern '*' random.get_str 16 punctuation=False
    """
    import secrets
    import string

    kinds = (
        (lowercase, string.ascii_lowercase),
        (uppercase, string.ascii_uppercase),
        (digits, string.digits),
        (punctuation, string.punctuation),
        (whitespace, string.whitespace),
    )
    pool = string.printable if printable else chars or "".join(text for wanted, text in kinds if wanted)
    try:
        number = int(length)
    except (TypeError, ValueError) as error:
        raise CommandError(str(error)) from None
    if number > MAX_LENGTH:
        raise CommandError(f"random.get_str: the length may be {MAX_LENGTH}, not {number}")
    if number > 0 and not pool:
        raise CommandError("Cannot choose from an empty sequence")
    return "".join(secrets.choice(pool) for _ in range(number))


def shadow_hash(crypt_salt: str | None = None, password: str | None = None, algorithm: str = "sha512") -> str | None:
    """Return a password's hash for ``/etc/shadow``; of a password and by a salt of chance where they aren't given.

    *algorithm*: sha512, sha256, blowfish, md5 or crypt, whichever this system's libcrypt has. ``None`` when it can't
    make one of this salt. Raises ``ArgumentError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' random.shadow_hash 'My5alT' 'MyP@asswd' md5
    """
    from saltern_modules import _crypt

    text = get_str() if password is None else str(password)
    if "\0" in f"{text}{crypt_salt}":
        return None
    found = _crypt.gen_hash(crypt_salt, text, algorithm)
    return None if found.startswith("*") else found


def rand_int(start: int = 1, end: int = 10, seed: Any = None) -> int:
    """Return a whole number by chance, from *start* to *end*; by a *seed* the same each time.

    CLI Example:

    .. code-block:: bash

        saltern '*' random.rand_int 1 10
    """
    try:
        return int(_generator(seed).randint(start, end))
    except ValueError as error:
        raise ArgumentError(f"random.rand_int: {error}") from None


def seed(range: int = 10, hash: Any = None) -> int:
    """Return a whole number below *range* that is always the same for *hash*, for this minion's id by default.

    CLI Example:

    .. code-block:: bash

        saltern '*' random.seed 10 hash=None
    """
    return int(_generator(__grains__["id"] if hash is None else hash).randrange(range))


def sample(value: list[Any], size: int, seed: Any = None) -> list[Any]:
    """Return *size* members of a list by chance; by a *seed* the same each time.

    CLI Example:

    .. code-block:: bash

        saltern '*' random.sample '["one", "two"]' 1 seed="something"
    """
    generator = _generator(None if seed is None else hash(str(seed)))  # the same as Salt's for a text
    try:
        return list(generator.sample(value, size))
    except ValueError as error:
        raise ArgumentError(f"random.sample: {error}") from None


def shuffle(value: list[Any], seed: Any = None) -> list[Any]:
    """Return a list in an order of chance; by a *seed* the same each time.

    CLI Example:

    .. code-block:: bash

        saltern '*' random.shuffle '["one", "two"]' seed="something"
    """
    return sample(value, len(value), seed=seed)


def _generator(seed: Any) -> Any:
    import random

    return random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 - the same each time is wanted
