"""``salt.utils.pycrypto``: passwords made, and their digests for ``/etc/shadow``."""

from __future__ import annotations

import secrets
import string
import subprocess
from typing import Any

from saltern.errors import CommandError
from saltern_compat.exceptions import SaltInvocationError

METHODS = {"sha512": "$6$", "sha256": "$5$", "md5": "$1$"}
known_methods = ["sha512", "sha256", "blowfish", "md5", "crypt"]
SALT_SIGNS = string.ascii_letters + string.digits + "./"


def secure_password(
    length: Any = 20,
    use_random: bool = True,
    chars: str | None = None,
    lowercase: bool = True,
    uppercase: bool = True,
    digits: bool = True,
    punctuation: bool = True,
    whitespace: bool = False,
    printable: bool = False,
) -> str:
    """Return a password of *length* signs, of *chars* or the kinds that are asked for."""
    kinds = (
        (lowercase, string.ascii_lowercase),
        (uppercase, string.ascii_uppercase),
        (digits, string.digits),
        (punctuation, string.punctuation),
        (whitespace, string.whitespace),
    )
    signs = string.printable if printable else chars or "".join(signs for wanted, signs in kinds if wanted)
    return "".join(secrets.choice(signs) for _ in range(int(length)))


def gen_hash(crypt_salt: str | None = None, password: str | None = None, algorithm: str | None = None) -> str:
    """Return the digest of *password* (a new one) for ``/etc/shadow``. *algorithm*: ``sha512``, ``sha256`` or ``md5``.

    Raises ``SaltInvocationError`` for another one, ``CommandError`` without the program openssl.
    """
    algorithm = algorithm or "sha512"
    if algorithm not in METHODS:
        raise SaltInvocationError(f"Algorithm '{algorithm}' is not supported here: use one of {', '.join(METHODS)}")
    salt = crypt_salt or "".join(secrets.choice(SALT_SIGNS) for _ in range(8))
    salt = salt.removeprefix(METHODS[algorithm])
    option = {"sha512": "-6", "sha256": "-5", "md5": "-1"}[algorithm]
    try:
        made = subprocess.run(  # an argv of ours; the password goes by standard input
            ["openssl", "passwd", option, "-salt", salt, "-stdin"],
            input=f"{password or secure_password()}\n",
            text=True,
            capture_output=True,
            check=True,
            timeout=60,
        )
    except FileNotFoundError:
        raise CommandError("gen_hash needs the program openssl: apt install openssl") from None
    except subprocess.SubprocessError as error:
        raise CommandError(f"openssl can't make a digest: {error}") from None
    return made.stdout.strip()
