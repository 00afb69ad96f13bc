"""A minion's options that aren't the same here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltern.cli.from_salt.conversion import Conversion, Given, seconds
from saltern.cli.from_salt.of_both import BOTH
from saltern.errors import IdError
from saltern.host_name import check_host
from saltern.ids import check_minion_id

UNITS_S = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
THE_SAME = ("function", "args", "kwargs", "enabled", "returner", "return_config", "return_kwargs")
NOT_NEEDED = {
    "splay": "runs are spread over the interval by themselves",
    "maxrunning": "a slot is skipped while the run before it lasts",
    "jid_include": "every run has a jid",
    "run_on_start": "a job's first run comes within its interval",
    "name": "it is the entry's key",
}
MAX_WORKERS = 256
MASTERS_RETURNERS = ("mysql", "pgjsonb", "postgres", "sqlite3")
"""Salt's returners that no minion needs."""


def minion_id(conversion: Conversion, key: str, given: Given) -> None:
    """The same, by our grammar."""
    try:
        conversion.take("id", check_minion_id(str(given.value)), of=(key, given))
    except IdError as error:
        conversion.note(key, given, f"left out: {error}")


def master(conversion: Conversion, key: str, given: Given) -> None:
    """One master: the first of several; a port goes into an option of its own."""
    masters = given.value if isinstance(given.value, list) else [given.value]
    first = str(masters[0]) if masters else ""
    if len(masters) > 1:
        conversion.note(key, given, f"left out in part: a minion has one master, {first!r:.80}, the first of several")
    host, port = _split(first)
    try:
        conversion.take("master", check_host(host), of=(key, given))
    except IdError as error:
        conversion.note(key, given, f"left out: {error}")
    if port is not None:
        conversion.take("ret_port", port, f"master: {first}", of=(key, given))


def _split(text: str) -> tuple[str, int | None]:
    """Return host and port of ``host:port`` or ``[address]:port``."""
    host, colon, port = text.rpartition(":")
    single = ":" not in host or (host.startswith("[") and host.endswith("]"))
    if colon and single and port.isascii() and port.isdigit() and len(port) < 6:
        return host, int(port)
    return text, None


def ret_port(conversion: Conversion, key: str, given: Given) -> None:
    """``master_port``."""
    conversion.take("ret_port", given.value, "master_port", of=(key, given))


def bounded_seconds(option: str, per_second: float, comment: str) -> Callable[[Conversion, str, Given], None]:
    """Return what converts a time to seconds for our *option*, within its bounds."""

    def convert(conversion: Conversion, key: str, given: Given) -> None:
        number = seconds(given.value)
        if number is None:
            conversion.note(key, given, f"left out: it is no number of {comment}")
            return
        low, high = conversion.schema.bounds[option]
        value = min(max(number / per_second, low), high)
        conversion.take(option, value, f"{key}: {number:g} {comment}", of=(key, given))

    return convert


def worker_threads(conversion: Conversion, key: str, given: Given) -> None:
    """``process_count_max``, where -1 is without a bound."""
    value = given.value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        comment = "process_count_max; more jobs wait their turn"
        conversion.take("worker_threads", min(value, MAX_WORKERS), comment, of=(key, given))
    else:
        conversion.note(key, given, "left out: jobs beyond worker_threads wait their turn, none is refused")


def sync_on_connect(conversion: Conversion, key: str, given: Given) -> None:
    """``autoload_dynamic_modules``."""
    conversion.take("sync_on_connect", given.value, "autoload_dynamic_modules", of=(key, given))


def returners(conversion: Conversion, key: str, given: Given) -> None:
    """The same, but for those whose tables the master writes."""
    names = _on_minions(conversion, key, given, "", given.value)
    if names:
        conversion.take("return", names, of=(key, given))


def _on_minions(conversion: Conversion, key: str, given: Given, what: str, value: Any) -> list[str]:
    """Return those of the returners in *value* that minions have."""
    words = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    names = [name for word in words if (name := str(word).strip())]
    masters = [name for name in names if name.partition("_return")[0] in MASTERS_RETURNERS]
    if masters:
        said = f"{what}left out: {', '.join(masters)}: the master writes their tables for all minions, by its returners"
        conversion.note(key, given, said)
    return [name for name in names if name not in masters]


def schedule(conversion: Conversion, key: str, given: Given) -> None:
    """The master says it here, with a target."""
    if not isinstance(given.value, dict):
        conversion.note(key, given, "left out: it is no mapping of jobs")
        return
    target = conversion.options["id"].value if "id" in conversion.options else "*"
    entries = {}
    for name, job in given.value.items():
        if name == "enabled" and isinstance(job, bool):
            if not job:
                conversion.note(key, given, "enabled: false: left out: disable the jobs one by one")
            continue
        entry = _scheduled(conversion, given, str(name), job)
        if entry:
            entries[str(name)] = {**entry, "target": target}
    if entries:
        conversion.elsewhere["schedule"] = entries
        conversion.note(key, given, "to the master's file: see above; or schedule.add on the minion")


def _scheduled(conversion: Conversion, given: Given, name: str, job: Any) -> dict[str, Any]:
    if not isinstance(job, dict) or not isinstance(job.get("function"), str):
        conversion.note("schedule", given, f"{name}: left out: it has no function")
        return {}
    if job["function"].startswith("state."):
        conversion.note("schedule", given, f"{name}: left out: Saltern has no states")
        return {}
    every = [number * unit for key, unit in UNITS_S.items() if (number := seconds(job.get(key))) is not None]
    if not every or sum(every) <= 0:
        conversion.note(
            "schedule", given, f"{name}: left out: jobs run at an interval here (seconds: 60), not by a clock"
        )
        return {}
    total = sum(every)
    entry = {key: job[key] for key in THE_SAME if job.get(key) not in (None, [], {})}
    if "returner" in entry:
        entry["returner"] = ",".join(_on_minions(conversion, "schedule", given, f"{name}: ", entry["returner"]))
        entry = {key: value for key, value in entry.items() if value}
    kept = job.get("return_job", True) not in (False, "nocache")
    left = [str(key) for key in job if key not in (*THE_SAME, *UNITS_S, *NOT_NEEDED, "return_job")]
    for option in [key for key in NOT_NEEDED if key in job and key != "name"]:
        conversion.note("schedule", given, f"{name}: {option} isn't needed: {NOT_NEEDED[option]}")
    if left:
        conversion.note(
            "schedule", given, f"{name}: left out: {', '.join(left)}: jobs run at every slot of their interval"
        )
    return {**entry, "seconds": int(total) if total == int(total) else total, "return_job": kept}


MINION_CONVERTERS: dict[str, Callable[[Conversion, str, Given], None]] = {
    **BOTH,
    "id": minion_id,
    "master": master,
    "master_port": ret_port,
    "acceptance_wait_time": bounded_seconds("pending_retry_interval", 1, "seconds"),
    "recon_default": bounded_seconds("reconnect_interval", 1000, "milliseconds"),
    "recon_max": bounded_seconds("reconnect_interval_max", 1000, "milliseconds"),
    "process_count_max": worker_threads,
    "autoload_dynamic_modules": sync_on_connect,
    "return": returners,
    "schedule": schedule,
}
