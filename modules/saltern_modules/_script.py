"""A script's copy to run, in a folder that stays the agent's own."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

from saltern.errors import CommandError, os_errors
from saltern.files import open_file
from saltern.named import NamedTuple
from saltern_modules._account import Account

CHUNK_BYTES = 1 << 16
MAX_TEMPLATE_BYTES = 16 << 20
NAMES_ITS_PROGRAM = (b"#!", b"\x7fE")
"""What a file begins with that the kernel can run: the name of an interpreter, or a program."""


class Copy(NamedTuple):
    """A script ready to run, and whether the kernel knows by which program."""

    path: str
    interpreted: bool


@contextlib.contextmanager
def copy_of(source: str, account: Account | None, render: Callable[[str], str] | None = None) -> Iterator[Copy]:
    """Yield a copy of the script at *source* that *account* may run and no other user may read; remove it then.

    The folder is the agent's and others may only pass through it; the copy is given to the account last, when nothing
    more is done with it. A source behind a link of another user's is read only if it is that user's too. *render*
    makes the copy's text of the source's. Raises ``CommandError``.
    """
    with os_errors(CommandError, source, f"can't read {source}", called="cmd.script"):
        descriptor = open_file(source)
    original: IO[bytes]
    with open(descriptor, "rb") as opened, tempfile.TemporaryDirectory(prefix="saltern-script-") as folder:
        original = opened
        name = os.path.basename(source)
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(name, flags, 0o600, dir_fd=at), "wb") as copy:
                if render is not None:
                    original = io.BytesIO(render(original.read(MAX_TEMPLATE_BYTES).decode("utf-8", "replace")).encode())
                start = chunk = original.read(CHUNK_BYTES)
                while chunk:
                    copy.write(chunk)
                    chunk = original.read(CHUNK_BYTES)
                copy.flush()
                os.fchmod(copy.fileno(), 0o700)
                if account and not account.is_own:
                    os.fchmod(at, 0o711)
                    os.fchown(copy.fileno(), account.uid, account.gid)
        except OSError as error:
            raise CommandError(f"cmd.script: can't copy {source}: {error.strerror}") from error
        finally:
            os.close(at)
        yield Copy(os.path.join(folder, name), start[:2] in NAMES_ITS_PROGRAM)
