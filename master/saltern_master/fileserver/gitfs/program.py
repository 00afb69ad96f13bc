"""Running the git program: by argv, with nothing to answer its questions, bounded in time and output."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from typing import IO

from saltern.errors import FileServerError
from saltern.process_group import end_group
from saltern_master.fileserver.gitfs.spec import SCHEMES, redact

LOCAL_TIMEOUT_S = 120.0
TERM_GRACE_S = 2.0
"""For git to take away its lock files and unfinished packs, when it takes too long or prints too much."""
MAX_OUTPUT_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 16 * 1024

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


def run(
    *arguments: str,
    git_dir: str | None = None,
    timeout_s: float = LOCAL_TIMEOUT_S,
    max_output: int = MAX_OUTPUT_BYTES,
    output: IO[bytes] | None = None,
) -> bytes:
    """Run ``git ARGUMENTS`` and return what it printed; with *output*, that goes to the file instead.

    Raises ``GitFault`` when git fails, takes longer than *timeout_s* seconds or prints more than *max_output* bytes.
    """
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    argv = ["git", *settings, *([f"--git-dir={git_dir}"] if git_dir else []), *arguments]
    with tempfile.TemporaryFile() as errors:  # a file: an ssh that stays behind may hold it open as long as it likes
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.PIPE,
                stderr=errors,
                env=_environment(),
                start_new_session=True,  # no terminal to ask at, and one group to end
            )
        except FileNotFoundError:
            raise GitFault(
                "the git program is not installed: install it, or take git out of fileserver_backend"
            ) from None
        except OSError as error:
            raise GitFault(f"the git program can't be run: {error.strerror}") from None
        printed, late = _await(process, timeout_s, max_output)
        if late:
            raise GitFault(f"git {arguments[0]} took longer than {timeout_s:g} s")
        if len(printed) > max_output:
            raise GitFault(f"git {arguments[0]} printed over {max_output:,} bytes")
        if process.returncode != 0:
            errors.seek(0)
            raise GitFault(_cause(errors.read(MAX_ERROR_BYTES)) or f"git {arguments[0]} failed ({process.returncode})")
    return printed


def _await(process: subprocess.Popen[bytes], timeout_s: float, max_output: int) -> tuple[bytes, bool]:
    """Return what *process* printed, one byte over *max_output* at most, and whether it had to be ended as late."""
    late = threading.Event()

    def end_late() -> None:
        late.set()
        end_group(process, TERM_GRACE_S)

    timer = threading.Timer(timeout_s, end_late)
    timer.daemon = True
    timer.start()
    try:
        printed = process.stdout.read(max_output + 1) if process.stdout else b""
        if len(printed) > max_output:
            end_group(process, TERM_GRACE_S)
        process.wait()
    finally:
        timer.cancel()
        if process.returncode is None:
            end_group(process, TERM_GRACE_S)
        if process.stdout:
            process.stdout.close()
    return printed, late.is_set()


def _environment() -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if key not in _OF_ANOTHER_REPOSITORY}
    environment.update(
        GIT_ALLOW_PROTOCOL=":".join(SCHEMES),
        GIT_TERMINAL_PROMPT="0",
        SSH_ASKPASS_REQUIRE="never",
        GIT_NO_REPLACE_OBJECTS="1",
        LC_ALL="C",
    )
    return environment


def _cause(errors: bytes) -> str:
    """Return the line of git's complaint that says why, without credentials."""
    lines = [line.strip() for line in errors.decode(errors="replace").splitlines() if line.strip()]
    faults = [line for line in lines if line.startswith(("fatal:", "error:", "remote: error:"))]
    causes = [line for line in faults if line not in _NOT_A_CAUSE]
    if not causes:  # ssh's own words stand before git's
        ends = [index for index, line in enumerate(lines) if line in _NOT_A_CAUSE]
        causes = lines[: ends[0]][-1:] if ends and ends[0] else lines[-1:]
    return redact(causes[0])[:300] if causes else ""
