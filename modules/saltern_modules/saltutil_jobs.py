"""Jobs that run on this minion: found and ended."""

from __future__ import annotations

import contextlib
import fnmatch
import signal
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent

__opts__: Mapping[str, Any]

__virtualname__ = "saltutil"

__proxyenabled__ = ["*"]

__powers__ = {
    "running": "reads",
    "is_running": "reads",
    "find_job": "reads",
    "find_cached_job": "reads",
    "signal_job": "writes",
    "term_job": "writes",
    "kill_job": "writes",
    "term_all_jobs": "writes",
    "kill_all_jobs": "writes",
    "clear_job_cache": "writes",
}

RUNNING = ("fun", "arg", "tgt", "jid", "ret", "tgt_type", "user", "pid", "schedule")
"""What a running job shows, as far as it has it."""
JOBS = "minion_jobs"
"""The folder below ``cachedir`` where Salt caches jobs."""


def running() -> list[dict[str, Any]]:
    """Return the jobs that run now, this one left out: ``[{'jid', 'fun', 'arg', 'tgt', 'tgt_type', 'user', 'pid'}]``.

    ``queued: True``: the job hasn't begun, because all workers run others. The arguments of another user's job are
    ``***`` to all but those who may do everything.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.running
    """
    agent = _agent.connected(__opts__, "saltutil.running")
    own = str(agent.current_job().get("jid"))
    return [
        {**{key: job[key] for key in RUNNING if key in job}, **({"queued": True} if job.get("waiting") else {})}
        for job in agent.running()
        if str(job.get("jid")) != own
    ]


def is_running(fun: str) -> list[dict[str, Any]]:
    """Return those of :func:`running` whose function matches the glob *fun*.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.is_running 'cmd.*'
    """
    return [job for job in running() if fnmatch.fnmatchcase(str(job.get("fun")), fun)]


def find_job(jid: str) -> dict[str, Any]:
    """Return the running job *jid*, or ``{}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.find_job 20260321080000000000
    """
    return next((job for job in running() if str(job.get("jid")) == str(jid)), {})


def find_cached_job(jid: str) -> str:
    """Say that no jobs are cached here: ``saltern-run jobs.lookup_jid`` shows them.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.find_cached_job 20260321080000000000
    """
    return "Local jobs cache directory not found; you may need to enable cache_jobs on this minion"


def signal_job(jid: str, sig: int | str) -> str:
    """End the job *jid* with the signal *sig* (a number or a name such as ``TERM``).

    Returns ``'Signal 15 sent to job 20260321080000000000 at pid 4711'``, and an empty text when it does not run. Raises
    ``CommandError`` when there is no such signal, and for another user's job unless the caller may do everything.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.signal_job 20260321080000000000 15
    """
    number = _signal_number(sig)
    job = find_job(jid)
    if not job:
        return ""
    _agent.connected(__opts__, "saltutil.signal_job").kill_job(str(jid), number)
    return f"Signal {number} sent to job {jid} at pid {job.get('pid')}"


def term_job(jid: str) -> str:
    """End the job *jid* with SIGTERM.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.term_job 20260321080000000000
    """
    return signal_job(jid, signal.SIGTERM)


def kill_job(jid: str) -> str:
    """End the job *jid* with SIGKILL.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.kill_job 20260321080000000000
    """
    return signal_job(jid, signal.SIGKILL)


def term_all_jobs() -> list[str]:
    """End all other jobs that the caller may end with SIGTERM; return a line for each.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.term_all_jobs
    """
    return _signal_all(signal.SIGTERM)


def kill_all_jobs() -> list[str]:
    """End all other jobs that the caller may end with SIGKILL; return a line for each.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.kill_all_jobs
    """
    return _signal_all(signal.SIGKILL)


def clear_job_cache(hours: float = 24) -> bool:
    """Delete what is cached here of jobs that are over for *hours*; return ``True``. An agent caches none.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.clear_job_cache hours=12
    """
    import os
    import shutil
    import time

    folder = os.path.join(str(__opts__["cachedir"]), JOBS)
    for entry in list(os.scandir(folder)) if os.path.isdir(folder) else []:
        if entry.is_dir(follow_symlinks=False) and entry.stat().st_mtime < time.time() - float(hours) * 3600:
            shutil.rmtree(entry.path, ignore_errors=True)
    return True


def _signal_all(number: int) -> list[str]:
    lines = []
    for job in running():
        with contextlib.suppress(CommandError):  # another user's
            lines.append(signal_job(str(job["jid"]), number))
    return lines


def _signal_number(sig: int | str) -> int:
    text = str(int(sig)) if isinstance(sig, int) else sig
    try:
        if text.isdigit():
            return signal.Signals(int(text)).value
        return signal.Signals["SIG" + text.upper().removeprefix("SIG")].value
    except (ValueError, KeyError):
        raise CommandError(f"saltutil.signal_job: no signal {sig!r}: use a number or TERM, KILL, …") from None
