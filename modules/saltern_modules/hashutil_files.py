"""Hashes and base64 of files of this host."""

from __future__ import annotations

from saltern.errors import CommandError, os_errors

__virtualname__ = "hashutil"

__powers__ = {
    "digest_file": "reads",
    "base64_encodefile": "indirect",
    "base64_decodefile": "indirect",  # writes a file of the caller's choosing
}

CHECKSUMS = ("md5", "sha256", "sha512")
NEW_FILE_MODE = 0o644
MAX_ENCODED_BYTES = 64 << 20


def __virtual__() -> str:
    """Return the name of the module that this is a part of."""
    return __virtualname__


def digest_file(infile: str, checksum: str = "md5") -> str:
    """Return the *checksum* (md5, sha256 or sha512) of a file, in hexadecimal. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.digest_file /path/to/file
    """
    import os

    if not os.path.isfile(infile):
        raise CommandError(f"File path '{infile}' not found.")
    if checksum not in CHECKSUMS:
        raise CommandError(f"Hash func '{checksum}' is not supported.")
    import hashlib

    hashed = hashlib.new(checksum, usedforsecurity=False)
    with os_errors(CommandError, infile, "can't be read"), open(infile, "rb") as file:
        while chunk := file.read(1 << 16):
            hashed.update(chunk)
    return str(hashed.hexdigest())


def base64_encodefile(fname: str) -> str:
    """Return the base64 of a file, in lines of 76 characters; of at most 64 MiB. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.base64_encodefile /path/to/binary_file
    """
    import base64

    with os_errors(CommandError, fname, "can't be read"), open(fname, "rb") as file:
        data = file.read(MAX_ENCODED_BYTES + 1)
    if len(data) > MAX_ENCODED_BYTES:
        raise CommandError(f"{fname} has more than {MAX_ENCODED_BYTES >> 20} MiB")
    return base64.encodebytes(data).decode()


def base64_decodefile(instr: str, outfile: str) -> bool:
    """Write what *instr*, lines of base64, is of to *outfile*; return ``True``. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' hashutil.base64_decodefile instr='Z2V0IHNhbHRlZAo=' outfile='/path/to/binary_file'
    """
    import base64

    from saltern.files import replacement

    if not isinstance(instr, str | bytes | bytearray):
        raise TypeError(f"expected str, bytes, or bytearray not {type(instr)}")
    try:
        data = base64.decodebytes(instr.encode() if isinstance(instr, str) else instr)
    except ValueError as error:
        raise CommandError(f"hashutil: this is no base64: {error}") from None
    with (
        os_errors(CommandError, outfile, "can't be written"),
        replacement(outfile, NEW_FILE_MODE, keep_mode=True) as file,
    ):
        file.write(data)
    return True
