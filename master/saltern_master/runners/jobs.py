"""``jobs.*``: what was run, and what came back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from saltern.ids import check_jid
from saltern_master.jobs.store import JobLoad, JobStore

RECENT_S = 86400.0
DEFAULT_LIMIT = 100


def functions(store: JobStore) -> dict[str, Callable[..., Any]]:
    """Return the functions of this module over *store*."""

    async def list_jobs(limit: int = DEFAULT_LIMIT) -> dict[str, Any]:
        """List the latest jobs: ``saltern-run jobs.list_jobs limit=20``"""
        return {job.jid: _shown(job) for job in await asyncio.to_thread(store.jobs, int(limit))}

    async def list_job(jid: str) -> dict[str, Any]:
        """Show one job with its returns: ``saltern-run jobs.list_job 20260131120000123456``"""
        jid = check_jid(str(jid))
        job = await asyncio.to_thread(store.job, jid)
        returns = await asyncio.to_thread(store.returns, jid)
        result = _shown(job) if job else {}
        result["Result"] = {item.minion_id: {k: v for k, v in item.data.items() if k in _RESULT} for item in returns}
        return result

    async def lookup_jid(jid: str) -> dict[str, Any]:
        """Show what every minion returned to a job: ``saltern-run jobs.lookup_jid 20260131120000123456``"""
        returns = await asyncio.to_thread(store.returns, check_jid(str(jid)))
        return {item.minion_id: item.data.get("return") for item in returns}

    async def active() -> dict[str, Any]:
        """List jobs of the last day that not every minion has answered: ``saltern-run jobs.active``"""
        pending = {}
        for job in await asyncio.to_thread(store.jobs, 1000):
            if job.created < time.time() - RECENT_S:
                break
            returned = [item.minion_id for item in await asyncio.to_thread(store.returns, job.jid)]
            running = sorted(set(job.load.get("minions", [])) - set(returned))
            if running:
                pending[job.jid] = {**_shown(job), "Running": running, "Returned": returned}
        return pending

    return {
        "jobs.list_jobs": list_jobs,
        "jobs.list_job": list_job,
        "jobs.lookup_jid": lookup_jid,
        "jobs.active": active,
    }


_RESULT = ("return", "retcode", "success")


def _shown(job: JobLoad) -> dict[str, Any]:
    return {
        "Function": job.load.get("fun"),
        "Arguments": job.load.get("arg"),
        "Target": job.load.get("tgt"),
        "Target-type": job.load.get("tgt_type"),
        "User": job.load.get("user"),
        "Minions": job.load.get("minions"),
        "StartTime": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job.created)),
    }
