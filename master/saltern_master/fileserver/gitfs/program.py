"""Running the git program: by argv, with nothing to answer its questions, bounded in time, output and disk.

Whoever may list processes sees their arguments: a remote's credentials are in none. git asks a helper for them, a
line of shell that prints two variables of its environment, and only for the address that they were configured for.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import tempfile
import threading
from typing import IO, NamedTuple

from saltern.errors import FileServerError
from saltern.process_group import end_group
from saltern_master.fileserver.gitfs.spec import SCHEMES, Access, redact

LOCAL_TIMEOUT_S = 120.0
TERM_GRACE_S = 2.0
"""For git to take away its lock files and unfinished packs, when it takes too long or prints too much."""
MAX_OUTPUT_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 16 * 1024
READ_BYTES = 256 * 1024
MIN_SECRET_CHARACTERS = 3  # a shorter one is in every line

USERNAME, PASSWORD = "SALTERN_GIT_USERNAME", "SALTERN_GIT_PASSWORD"  # names of variables

_SETTINGS = (
    "protocol.version=2",  # a commit can be asked for by its digits
    "protocol.ext.allow=never",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",  # no collector in the background: repository.py runs one when it is due
    "maintenance.auto=false",
)

_OF_ANOTHER_REPOSITORY = frozenset({
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
})  # fmt: skip
"""Variables that a caller's own git left behind; the rest (``GIT_SSH_COMMAND``, proxies …) is the operator's say."""

_NOT_A_CAUSE = ("fatal: Could not read from remote repository.", "fatal: the remote end hung up unexpectedly")


class GitFault(FileServerError):
    """git could not do what it was asked to; the text is its reason in one line."""


class Bounds(NamedTuple):
    """What git may use: seconds, bytes and records (each ends with a NUL) printed, bytes of one file written."""

    time_s: float = LOCAL_TIMEOUT_S
    output_bytes: int = MAX_OUTPUT_BYTES
    records: int | None = None
    file_bytes: int | None = None


def run(
    *arguments: str,
    git_dir: str | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008  # it can't be changed
    output: IO[bytes] | None = None,
    feed: bytes = b"",
    access: Access | None = None,
) -> bytes:
    """Run ``git ARGUMENTS`` and return what it printed; with *output*, that goes to the file instead.

    *feed* is its standard input, *access* has the credentials that it may ask for. Raises ``GitFault`` when git fails
    or goes over one of *bounds*.
    """
    settings = [word for setting in (*_SETTINGS, *_helper(access)) for word in ("-c", setting)]
    argv = ["git", *settings, *([f"--git-dir={git_dir}"] if git_dir else []), *arguments]
    # Files: an ssh that stays behind may hold them open as long as it likes.
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as given:
        given.write(feed)
        given.seek(0)
        try:
            process = subprocess.Popen(
                argv,
                stdin=given if feed else subprocess.DEVNULL,
                stdout=output or subprocess.PIPE,
                stderr=errors,
                env=_environment(access),
                start_new_session=True,  # no terminal to ask at, and one group to end
            )
        except FileNotFoundError:
            raise GitFault(
                "the git program is not installed: install it, or take git out of fileserver_backend"
            ) from None
        except OSError as error:
            raise GitFault(f"the git program can't be run: {error.strerror}") from None
        if bounds.file_bytes is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it is over, or set apart from us
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (bounds.file_bytes, bounds.file_bytes))
        printed, late = _await(process, bounds)
        if late:
            raise GitFault(f"git {arguments[0]} took longer than {bounds.time_s:g} s")
        if len(printed) > bounds.output_bytes:
            raise GitFault(f"git {arguments[0]} printed over {bounds.output_bytes:,} bytes")
        if bounds.records is not None and printed.count(b"\0") > bounds.records:
            raise GitFault(f"git {arguments[0]} printed over {bounds.records:,} entries")
        if process.returncode != 0:
            errors.seek(0)
            cause = _cause(errors.read(MAX_ERROR_BYTES), access) or f"git {arguments[0]} failed ({process.returncode})"
            if bounds.file_bytes is not None and ("File too large" in cause or "signal 25" in cause):
                cause = f"it is over {bounds.file_bytes:,} bytes: too large to be fetched"
            raise GitFault(cause)
    return printed


def _await(process: subprocess.Popen[bytes], bounds: Bounds) -> tuple[bytes, bool]:
    """Return what *process* printed, a little over the bounds at most, and whether it had to be ended as late."""
    late = threading.Event()

    def end_late() -> None:
        late.set()
        end_group(process, TERM_GRACE_S)

    timer = threading.Timer(bounds.time_s, end_late)
    timer.daemon = True
    timer.start()
    printed = bytearray()
    records = 0
    try:
        while process.stdout and (block := process.stdout.read1(READ_BYTES)):  # type: ignore[attr-defined]  # buffered
            printed += block
            records += block.count(0)
            if len(printed) > bounds.output_bytes or (bounds.records is not None and records > bounds.records):
                end_group(process, TERM_GRACE_S)
                break
        process.wait()
    finally:
        timer.cancel()
        if process.returncode is None:
            end_group(process, TERM_GRACE_S)
        if process.stdout:
            process.stdout.close()
    return bytes(printed), late.is_set()


def _helper(access: Access | None) -> tuple[str, ...]:
    """Return the settings by which git gets the credentials of *access*, and keeps them nowhere."""
    if access is None or not access.secret:
        return ()
    line = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "${USERNAME}" "${PASSWORD}"; }}; f'
    return ("credential.helper=", f"credential.{access.site}.helper={line}")


def _environment(access: Access | None) -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if key not in _OF_ANOTHER_REPOSITORY}
    environment.update(
        GIT_ALLOW_PROTOCOL=":".join(SCHEMES),
        GIT_TERMINAL_PROMPT="0",
        SSH_ASKPASS_REQUIRE="never",
        GIT_NO_REPLACE_OBJECTS="1",
        LC_ALL="C",
    )
    if access is not None and access.secret:
        environment.update({USERNAME: access.username, PASSWORD: access.password})
    return environment


def _cause(errors: bytes, access: Access | None) -> str:
    """Return the line of git's complaint that says why, without credentials."""
    text = errors.decode(errors="replace")
    for secret in (access.password, access.username) if access is not None and access.secret else ():
        text = text.replace(secret, "***") if len(secret) >= MIN_SECRET_CHARACTERS else text
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    faults = [line for line in lines if line.startswith(("fatal:", "error:", "remote: error:"))]
    causes = [line for line in faults if line not in _NOT_A_CAUSE]
    if not causes:  # ssh's own words stand before git's
        ends = [index for index, line in enumerate(lines) if line in _NOT_A_CAUSE]
        causes = lines[: ends[0]][-1:] if ends and ends[0] else lines[-1:]
    return redact(causes[0])[:300] if causes else ""
