"""Modules, grains and pillar refreshed; running jobs found and ended."""

from __future__ import annotations

import fnmatch
import signal
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent

__opts__: Mapping[str, Any]
__context__: dict[str, Any]

BASE = "base"
"""The environment that modules are synced from; what they can do is known for it alone."""

__powers__ = {
    "sync_modules": "writes",
    "sync_utils": "writes",
    "sync_returners": "writes",
    "sync_all": "writes",
    "refresh_modules": "writes",
    "refresh_grains": "writes",
    "refresh_pillar": "writes",
    "running": "reads",
    "is_running": "reads",
    "find_job": "reads",
    "signal_job": "writes",
    "term_job": "writes",
    "kill_job": "writes",
}


def sync_modules(saltenv: str | None = None, refresh: bool = True) -> list[str]:
    """Fetch the master's modules; return those that changed: ``['modules.mypkg']``.

    What can't be a module, or is not used because it takes the place of another one and can't be loaded, is named with
    the reason. A file that does not compile is refused, and the one that was there stays: the return code is 1 then,
    and for a file that can't be a module by its name. *saltenv* is taken as Salt has it, and is ``base``; modules that
    changed are loaded anew whatever *refresh* says.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_modules
    """
    return _sync("saltutil.sync_modules", saltenv, "modules")["modules"]


def sync_utils(saltenv: str | None = None, refresh: bool = True) -> list[str]:
    """Fetch what modules share, from ``_utils``; return what changed: ``['utils.mylib']``.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_utils
    """
    return _sync("saltutil.sync_utils", saltenv, "utils")["utils"]


def sync_returners(saltenv: str | None = None, refresh: bool = True) -> list[str]:
    """Fetch what stores returns, from ``_returners``; return what changed: ``['returners.mydb']``.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_returners
    """
    return _sync("saltutil.sync_returners", saltenv, "returners")["returners"]


def sync_all(saltenv: str | None = None, refresh: bool = True) -> dict[str, list[str]]:
    """Fetch all that the master keeps for its minions: ``{'modules': ['modules.mypkg'], 'utils': [], …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_all
    """
    return _sync("saltutil.sync_all", saltenv, "modules", "utils", "returners")


def refresh_modules() -> bool:
    """Load every module anew when it is next called.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_modules
    """
    return _agent.connected(__opts__, "saltutil.refresh_modules").refresh_modules()


def refresh_grains() -> bool:
    """Collect the grains again.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_grains
    """
    return _agent.connected(__opts__, "saltutil.refresh_grains").refresh_grains()


def refresh_pillar() -> bool:
    """Fetch the pillar again.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_pillar
    """
    return _agent.connected(__opts__, "saltutil.refresh_pillar").refresh_pillar()


def running() -> list[dict[str, Any]]:
    """Return the jobs that run now, this one left out: ``[{'jid', 'fun', 'arg', 'pid', 'started', 'waiting', …}]``.

    ``waiting``: the job hasn't begun, because all workers run others.

    The arguments of another user's job are ``***`` to all but those who may do everything.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.running
    """
    agent = _agent.connected(__opts__, "saltutil.running")
    own = str(agent.current_job().get("jid"))
    return [job for job in agent.running() if str(job.get("jid")) != own]


def is_running(fun: str) -> list[dict[str, Any]]:
    """Return the running jobs whose function matches the glob *fun*.

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


def signal_job(jid: str, sig: int | str) -> str:
    """End the job *jid* with the signal *sig* (a number or a name such as ``TERM``).

    Returns a line that says what was done. Raises ``CommandError`` when there is no such signal, and for another
    user's job unless the caller may do everything.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.signal_job 20260321080000000000 15
    """
    return _agent.connected(__opts__, "saltutil.signal_job").kill_job(str(jid), _signal_number(sig))


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


def _sync(function: str, saltenv: Any, *kinds: str) -> dict[str, list[str]]:
    """Sync *kinds* and return what there is to tell of each; the return code says whether something is wrong."""
    if saltenv not in (None, "", BASE, [BASE]):
        raise CommandError(f"{function}: modules come from the environment {BASE} alone, not from {saltenv!r:.80}")
    synced = _agent.connected(__opts__, function).sync_modules(kinds)
    if synced.failed:
        __context__["retcode"] = 1
    lines = [*synced.changed, *synced.told]
    first = kinds[0]
    told = {kind: [line for line in lines if line.startswith((f"{kind}.", f"_{kind}/"))] for kind in kinds}
    told[first] += [line for line in lines if not any(line in of_kind for of_kind in told.values())]
    return told


def _signal_number(sig: int | str) -> int:
    text = str(int(sig)) if isinstance(sig, int) else sig
    try:
        if text.isdigit():
            return signal.Signals(int(text)).value
        return signal.Signals["SIG" + text.upper().removeprefix("SIG")].value
    except (ValueError, KeyError):
        raise CommandError(f"saltutil.signal_job: no signal {sig!r}: use a number or TERM, KILL, …") from None
