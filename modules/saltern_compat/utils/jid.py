"""``salt.utils.jid``: ids of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import IdError
from saltern.ids import JidSource, check_jid

_JIDS = JidSource()


def gen_jid(opts: Mapping[str, Any] | None = None) -> str:
    """Return a new jid; *opts* change nothing of it."""
    return _JIDS.next()


def is_jid(jid: Any) -> bool:
    """Return whether *jid* is one."""
    try:
        return bool(check_jid(jid))
    except IdError:
        return False


def jid_to_time(jid: Any) -> str:
    """Return when the job was started, as ``2026, Jan 02 03:04:05.678901``; an empty text for what is no jid."""
    import datetime

    text = str(jid)
    if len(text) != 20 or not text.isdecimal():
        return ""
    try:
        return datetime.datetime.strptime(text, "%Y%m%d%H%M%S%f").strftime("%Y, %b %d %H:%M:%S.%f")
    except ValueError:
        return ""


def format_job_instance(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of a job."""
    shown = {
        "Function": job.get("fun", "unknown-function"),
        "Arguments": list(job.get("arg", [])),
        "Target": job.get("tgt", "unknown-target"),
        "Target-type": job.get("tgt_type", "list"),
        "User": job.get("user", "root"),
    }
    if "metadata" in job:
        shown["Metadata"] = job["metadata"]
    return shown


def format_jid_instance(jid: Any, job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of a job, and when it was started."""
    return {**format_job_instance(job), "StartTime": jid_to_time(jid)}


def format_jid_instance_ext(jid: Any, job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of a job, its jid, and when it was started."""
    return {**format_job_instance(job), "JID": jid, "StartTime": jid_to_time(jid)}
