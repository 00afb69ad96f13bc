"""Running a program for an external pillar, bounded in time and output."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern.visible import visible

MAX_OUTPUT_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
SHARE_OF_TIME = 0.8
"""Of the time that a whole pillar may take: what is left says which program it was."""
_SAFE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+-]*")


def with_id(command: str, minion_id: str) -> str:
    """Return *command* with the id in the place of ``%s``. Raises ``CommandError`` for an id that could be more."""
    if "%s" in command and not _SAFE_ID.fullmatch(minion_id):
        raise CommandError(f"the id {visible(minion_id)!r} can't be put into a command")
    return command.replace("%s", minion_id)


def output_of(argv: list[str], opts: Mapping[str, Any]) -> str:
    """Return what a program prints. Raises ``CommandError`` when it fails, hangs or prints too much."""
    limit_s = max(0.1, opts["__settings__"].timeout_s * SHARE_OF_TIME)
    try:
        with subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                output, errors = _both(process, limit_s)
            except BaseException:
                process.kill()
                raise
    except OSError as error:
        raise CommandError(f"{argv[0]}: {error.strerror}") from None
    if process.returncode:
        said = visible(errors.decode("utf-8", "replace").strip().rpartition("\n")[2][:200])
        raise CommandError(f"the command ended with {process.returncode}" + (f": {said}" if said else ""))
    return output.decode("utf-8", "replace")


def _both(process: subprocess.Popen[bytes], limit_s: float) -> tuple[bytes, bytes]:
    """Return what a program prints, and the end of what it complains. Raises ``CommandError`` when it is too much."""
    until = time.monotonic() + limit_s
    output, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for pipe, kept in ((process.stdout, output), (process.stderr, errors)):
            assert pipe is not None
            selector.register(pipe, selectors.EVENT_READ, kept)
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready or time.monotonic() >= until:
                raise CommandError(f"the command took over {limit_s:g} s and was ended")
            for key, _ in ready:
                data = os.read(key.fd, CHUNK_BYTES)
                key.data.extend(data)
                if not data:
                    selector.unregister(key.fileobj)
            del errors[:-CHUNK_BYTES]
            if len(output) > MAX_OUTPUT_BYTES:
                raise CommandError(f"the command printed over {MAX_OUTPUT_BYTES:,} bytes")
    try:
        process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise CommandError(f"the command took over {limit_s:g} s and was ended") from None
    return bytes(output), bytes(errors)
