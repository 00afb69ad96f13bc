"""Modules, grains and pillar refreshed; running jobs found and ended."""

from __future__ import annotations

import contextlib
import fnmatch
import signal
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError, NotAuthorised
from saltern_modules import _agent, _asking

__opts__: Mapping[str, Any]
__context__: dict[str, Any]

BASE = "base"
"""The environment that modules are synced from; what they can do is known for it alone."""

LOADED = ("modules", "utils", "returners", "grains", "proxy")
"""The kinds of files that an agent uses; of the others it fetches nothing."""
OTHERS = (
    "clouds",
    "beacons",
    "states",
    "sdb",
    "renderers",
    "output",
    "log_handlers",
    "executors",
    "engines",
    "thorium",
    "serializers",
    "matchers",
    "resources",
)
SALTS_NAMES = {"proxy": "proxymodules"}
"""Kinds that ``sync_all`` calls otherwise than by their folder."""
MASTERLESS = {"pillar": "Pillar", "tops": "Master top", "wrapper": "Wrapper"}
"""Kinds that only minions without a master sync, as messages name them."""
REFETCHED = ("files", "extrn_files", "localfiles")
"""Folders below ``cachedir`` that hold only what can be fetched again."""
JOBS = "minion_jobs"
DEFAULT_TIMEOUT_S = 5.0
RUNNING = ("fun", "arg", "tgt", "jid", "ret", "tgt_type", "user", "pid", "schedule")
"""What a running job shows, as far as it has it."""

__proxyenabled__ = ["*"]

__powers__ = {
    "sync_modules": "writes",
    "sync_utils": "writes",
    "sync_returners": "writes",
    "sync_all": "writes",
    "sync_grains": "writes",
    "sync_states": "writes",
    "sync_renderers": "writes",
    "sync_beacons": "writes",
    "sync_engines": "writes",
    "sync_matchers": "writes",
    "sync_output": "writes",
    "sync_sdb": "writes",
    "sync_proxymodules": "writes",
    "sync_log_handlers": "writes",
    "sync_clouds": "writes",
    "sync_serializers": "writes",
    "sync_executors": "writes",
    "sync_thorium": "writes",
    "sync_resources": "writes",
    "sync_outputters": "writes",
    "sync_pillar": "writes",
    "sync_tops": "writes",
    "sync_wrapper": "writes",
    "list_extmods": "reads",
    "refresh_modules": "writes",
    "refresh_grains": "writes",
    "refresh_pillar": "writes",
    "refresh_beacons": "writes",
    "refresh_matchers": "writes",
    "running": "reads",
    "is_running": "reads",
    "find_job": "reads",
    "find_cached_job": "reads",
    "signal_job": "writes",
    "term_job": "writes",
    "kill_job": "writes",
    "term_all_jobs": "writes",
    "kill_all_jobs": "writes",
    "clear_cache": "writes",
    "clear_job_cache": "writes",
    "cmd": "indirect",
    "cmd_iter": "indirect",
    "runner": "indirect",
    "wheel": "indirect",
}


def sync_modules(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> list[str]:
    """Fetch the master's modules; return those that changed: ``['modules.mypkg']``.

    What can't be a module, or is not used because it takes the place of another one and can't be loaded, is named with
    the reason. A file that does not compile is refused, and the one that was there stays: the return code is 1 then,
    and for a file that can't be a module by its name. *saltenv* is taken as Salt has it, and is ``base``; modules that
    changed are loaded anew whatever *refresh* says. All are fetched, so that the two lists must be empty.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_modules
    """
    return _sync("saltutil.sync_modules", saltenv, extmod_whitelist or extmod_blacklist, "modules")["modules"]


def sync_utils(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> list[str]:
    """Fetch what modules share, from ``_utils``; return what changed: ``['utils.mylib']``.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_utils
    """
    return _sync("saltutil.sync_utils", saltenv, extmod_whitelist or extmod_blacklist, "utils")["utils"]


def sync_returners(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> list[str]:
    """Fetch what stores returns, from ``_returners``; return what changed: ``['returners.mydb']``.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_returners
    """
    return _sync("saltutil.sync_returners", saltenv, extmod_whitelist or extmod_blacklist, "returners")["returners"]


def sync_grains(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> list[str]:
    """Fetch what adds grains, from ``_grains``; return what changed: ``['grains.rack']``. They are collected then.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_grains
    """
    return _sync("saltutil.sync_grains", saltenv, extmod_whitelist or extmod_blacklist, "grains")["grains"]


def sync_proxymodules(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> list[str]:
    """Fetch what speaks with devices, from ``_proxy``; return what changed: ``['proxy.mydevice']``.

    A device whose proxymodule changed speaks by the new one when it is next connected.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_proxymodules
    """
    return _sync("saltutil.sync_proxymodules", saltenv, extmod_whitelist or extmod_blacklist, "proxy")["proxy"]


def sync_all(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> dict[str, list[str]]:
    """Fetch all that the master keeps for its minions; return what changed by kind: ``{'modules': ['modules.mypkg']}``.

    Kinds that an agent doesn't use are there, empty.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_all
    """
    changed = _sync("saltutil.sync_all", saltenv, extmod_whitelist or extmod_blacklist, *LOADED)
    return {**{kind: [] for kind in OTHERS}, **{SALTS_NAMES.get(kind, kind): told for kind, told in changed.items()}}


def _without_use(kind: str) -> Callable[..., list[str]]:
    """Return the function that syncs a *kind* of files that an agent doesn't use."""

    def sync(
        saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
    ) -> list[str]:
        if kind in MASTERLESS:
            raise CommandError(f"{MASTERLESS[kind]} modules can only be synced to masterless minions")
        return []

    sync.__name__ = sync.__qualname__ = f"sync_{kind}"
    does = "Raise ``CommandError``" if kind in MASTERLESS else "Fetch nothing and return ``[]``"
    sync.__doc__ = f"""{does}: an agent uses no files of the kind {kind}.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_{kind}
    """
    return sync


globals().update({f"sync_{kind}": _without_use(kind) for kind in (*OTHERS, "outputters", *MASTERLESS)})


def list_extmods() -> dict[str, list[str]]:
    """Return the modules that were synced from the master, by kind: ``{'modules': ['mypkg']}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.list_extmods
    """
    return {"modules": sorted(_agent.connected(__opts__, "saltutil.list_extmods").module_versions())}


def refresh_modules(**kwargs: Any) -> bool:
    """Load every module anew when it is next called.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_modules
    """
    return _agent.connected(__opts__, "saltutil.refresh_modules").refresh_modules()


def refresh_grains(**kwargs: Any) -> bool:
    """Collect the grains again.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_grains
    """
    return _agent.connected(__opts__, "saltutil.refresh_grains").refresh_grains()


def refresh_pillar(wait: bool = False, timeout: float = 30, clean_cache: bool = True) -> bool:
    """Fetch the pillar again; it is there when this returns. The parameters are Salt's, and change nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_pillar
    """
    return _agent.connected(__opts__, "saltutil.refresh_pillar").refresh_pillar()


def refresh_beacons() -> bool:
    """Return ``True``: an agent has no beacons.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_beacons
    """
    return True


def refresh_matchers() -> bool:
    """Return ``True``: the master alone resolves targets.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_matchers
    """
    return True


def clear_cache() -> bool:
    """Delete what was fetched from the master and can be fetched again; return ``True``.

    Returns that the master doesn't have yet, the schedule and the modules stay.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.clear_cache
    """
    import os
    import shutil

    for name in REFETCHED:
        shutil.rmtree(os.path.join(str(__opts__["cachedir"]), name), ignore_errors=True)
    return True


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


def cmd(
    tgt: str | list[str],
    fun: str,
    arg: Any = (),
    timeout: float | None = None,
    tgt_type: str = "glob",
    ret: str = "",
    kwarg: dict[str, Any] | None = None,
    ssh: bool = False,
    **kwargs: Any,
) -> dict[str, dict[str, Any]]:
    """Run *fun* on other minions, as the master's option ``peer`` allows it; return ``{id: {'ret': value}}``.

    Raises ``NotAuthorised`` when it doesn't. *ret* and *ssh* are Salt's, and say nothing here.

    CLI Example:

    .. code-block:: bash

        saltern web1 saltutil.cmd 'db*' test.ping
    """
    own = {name: value for name, value in kwargs.items() if not name.startswith("__")}
    positional, keywords = _asking.arguments(list(arg) if isinstance(arg, (list, tuple)) else arg)
    try:
        return _asking.publish(
            __opts__,
            "saltutil.cmd",
            tgt,
            fun,
            positional,
            {**keywords, **own, **(kwarg or {})},
            tgt_type=tgt_type,
            timeout=float(timeout or DEFAULT_TIMEOUT_S),
        )
    except NotAuthorised as error:
        raise NotAuthorised(f"{error}: the master's option peer says what a minion may run on others") from None


def cmd_iter(
    tgt: str | list[str],
    fun: str,
    arg: Any = (),
    timeout: float | None = None,
    tgt_type: str = "glob",
    ret: str = "",
    kwarg: dict[str, Any] | None = None,
    ssh: bool = False,
    **kwargs: Any,
) -> list[dict[str, dict[str, Any]]]:
    """Run *fun* as ``saltutil.cmd`` does; return a list with ``{id: {'ret': value}}`` for each minion.

    CLI Example:

    .. code-block:: bash

        saltern web1 saltutil.cmd_iter 'db*' test.ping
    """
    rows = cmd(tgt, fun, arg, timeout, tgt_type, ret, kwarg, ssh, **kwargs)
    return [{minion: row} for minion, row in rows.items()]


def runner(name: str, arg: Any = None, kwarg: dict[str, Any] | None = None, **more: Any) -> Any:
    """Run the function *name* of ``saltern-run``, as the master's option ``peer_run`` allows it; return its result.

    Raises ``NotAuthorised`` when it doesn't.

    CLI Example:

    .. code-block:: bash

        saltern web1 saltutil.runner manage.up
    """
    positional, keywords = _asking.arguments(arg)
    try:
        return _asking.runner(__opts__, "saltutil.runner", name, positional, {**keywords, **(kwarg or {})})
    except NotAuthorised as error:
        raise NotAuthorised(f"{error}: the master's option peer_run says what a minion may run there") from None


def wheel(name: str, *args: Any, **kwargs: Any) -> None:
    """Raise ``NotAuthorised``: no minion manages the master's keys; ``saltern-key`` does, on the master.

    CLI Example:

    .. code-block:: bash

        saltern web1 saltutil.wheel key.list_all
    """
    raise NotAuthorised(f"{name}: no minion may manage the master: use saltern-key there")


def _signal_all(number: int) -> list[str]:
    lines = []
    for job in running():
        with contextlib.suppress(CommandError):  # another user's
            lines.append(signal_job(str(job["jid"]), number))
    return lines


def _sync(function: str, saltenv: Any, chosen: Any, *kinds: str) -> dict[str, list[str]]:
    """Sync *kinds* and return what there is to tell of each; the return code says whether something is wrong."""
    if saltenv not in (None, "", BASE, [BASE]):
        raise CommandError(f"{function}: modules come from the environment {BASE} alone, not from {saltenv!r:.80}")
    if chosen:
        raise CommandError(f"{function}: all that the master has is synced: leave out the two lists")
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
