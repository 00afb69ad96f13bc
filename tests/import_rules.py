"""Who may import whom, and from where: a lint, run by ``make lint``.

The packages meet only where the architecture says so (``docs/architecture.md``); an import elsewhere is an error with
its file and line. So is a Python that is started by an argv made by hand: it would import from the current folder.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
FOLDERS = {
    "saltern": "core",
    "saltern_modules": "modules",
    "saltern_compat": "modules",
    "saltern_agent": "agent",
    "saltern_master": "master",
    "saltern_graphite": "graphite",
    "saltern_api": "web",
    "saltern_web": "web",
}
"""Where each package is."""
ALLOWED: dict[str, set[str]] = {
    "saltern": set(),
    "saltern_modules": {"saltern"},
    "saltern_compat": {"saltern", "saltern_modules"},  # imported by nobody: the agent's loader finds it by name
    "saltern_agent": {"saltern", "saltern_modules"},
    "saltern_master": {"saltern"},
    "saltern_graphite": {
        "saltern.config",
        "saltern.errors",
        "saltern.http",  # in which manner HTTP is answered
        "saltern.log",
        "saltern.__about__",
        "saltern.files",
        "saltern.appended_file",
        "saltern.folder_lock",
        "saltern.programs",
        "saltern.own_python",
        "saltern.segments",
        "saltern.set_aside",
        "saltern.pattern_size",
        "saltern.database_file",
        "saltern.descriptors",
        "saltern.complaints",  # how an error that goes on is logged, as all programs do
        "saltern.visible",
        "saltern.steady",
    },
    "saltern_api": {"saltern"},
    "saltern_web": {"saltern"},
}
MAKER_OF_PROGRAMS = Path("core") / "saltern" / "own_python.py"
MASTERS_HOST = {
    "saltern.asynchronous",
    "saltern.batch",
    "saltern.cli",
    "saltern.client",
    "saltern.connecting",
    "saltern.credentials",
    "saltern.database_file",
    "saltern.delegated",
    "saltern.delegation_functions",
    "saltern.event",
    "saltern.following",
    "saltern.http",
    "saltern.invites",
    "saltern.key_functions",
    "saltern.keystore",
    "saltern.local",
    "saltern.master_client",
    "saltern.netapi",
    "saltern.order",
    "saltern.pillar_delegations",
    "saltern.runner",
    "saltern.wheel",
}
"""What of ``saltern`` only a master's host uses: no agent, no module and no other file of ``saltern`` imports it."""
BOTH_SIDES = {
    "saltern_agent.on_master.functions",
    "saltern_compat.client",
    "saltern_compat.runner",
    "saltern_compat.utils.event",
    "saltern_compat.wheel",
}
"""What runs on a master's host too: there it is that of ``MASTERS_HOST``, imported when it is asked for."""
AGENT_LIBRARIES = {"zmq", "msgpack", "psutil", "yaml", "_sha2"}
"""All that may be installed on a host with only the agent (``_sha2`` is Python 3.12's own)."""
OPTIONAL = {
    "saltern.templating": {"jinja2", "markupsafe"},
    "saltern_modules._snmp_engine": {"pysnmp", "pyasn1"},
    "saltern_modules._snmp_message": {"pysnmp", "pyasn1"},
    "saltern_modules._snmp_user": {"pysnmp"},
    "saltern_modules._ssh_connection": {"asyncssh"},
}
"""Extras, and the zone that alone loads them, when it is asked for."""


class Room(NamedTuple):
    """Some files of a package, by their names in it, and what they may import of it: rooms, or names."""

    holds: str
    may: str


ROOMS = {
    "composition": Room("master counters main __main__", "*"),
    "ground": Room(
        "ageing audit clock_steps complaints connection line_limit network parts ready shape sql timed_loop web_end", ""
    ),
    "auth": Room("auth", "ground"),
    "domain": Room(
        "account alert_marks briefing clocks custom delegations device_peers enrolment fileserver fleet grains_files "
        "key_places key_refresh key_table key_watch keyring mine module_states overview pillar presence schedules "
        "targeting",
        "ground auth flow jobs",
    ),
    "flow": Room(
        "alerts annotations bus catching_up deadletters inbox journal record returners self_metrics shipping suites "
        "webhooks",
        "ground auth domain jobs",
    ),
    "jobs": Room("jobs", "ground auth domain flow"),
    "commands": Room("commands", "ground auth domain flow jobs"),
    "entrances": Room("entrances", "ground auth bus commands.dispatcher commands.stream"),
    # What agents say is more than commands: returns, events, hello and attach each go to who takes them.
    "hub": Room(
        "entrances.channel.hosts entrances.channel.hub",
        "ground auth commands.dispatcher entrances.channel domain flow jobs.tracker",
    ),
    "up": Room("up", "auth.password_file auth.passwords"),
}
"""The master's rooms. A file belongs to the one that names it most exactly, and may import its own room."""
GRAPHITE_ROOMS = {
    "composition": Room("process commands main __main__", "*"),
    "rules": Room("rules", ""),
    "series": Room("series", ""),
    "telemetry": Room("telemetry", ""),
    "database": Room("database", ""),
    "whisper": Room("whisper", "rules"),
    "file_writers": Room("file_writers", "whisper rules tags.tagged_files"),
    "index": Room("index", "rules"),
    "events": Room("events", "database"),
    "tags": Room("tags", "database rules series telemetry functions.patterns"),
    "store": Room("store", "whisper file_writers rules index tags series telemetry process.options"),
    "receivers": Room("receivers", "store rules"),
    "evaluation": Room("evaluation", "series index rules"),
    "functions": Room("functions", "evaluation series"),
    # Functions are called here, and what they may know of a request, which is the rest of the room, knows none of them.
    "evaluator": Room("evaluation.evaluator", "evaluation functions series tags.tagged_name"),
    "render": Room("render", "series"),
    "http": Room("http", "evaluation functions render series index tags events telemetry store receivers.address"),
    "tools": Room("tools", "whisper rules index.globs store"),
}
"""The same of the graphite side."""
ROOMS_OF = {"saltern_master": ROOMS, "saltern_graphite": GRAPHITE_ROOMS}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full module name of every import in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def hand_made_programs(source: str) -> Iterator[int]:
    """Yield the line of every list or tuple that starts a Python: one that holds ``sys.executable``, or ``"-m"`` behind
    what isn't another option.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.List | ast.Tuple):
            words = [ast.unparse(word) for word in node.elts]
            for at, text in enumerate(words):
                if text == "sys.executable" or (text == "'-m'" and at and not words[at - 1].startswith("'-")):
                    yield node.lineno
                    break


def _within(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


def _of_masters_host(module: str) -> bool:
    return _within(module, MASTERS_HOST)


def room_of(module: str, rooms: Mapping[str, Room] = ROOMS) -> str | None:
    """Return the one of *rooms* that holds *module*, a name below their package."""
    holders = [
        (len(name), room) for room, row in rooms.items() for name in row.holds.split() if _within(module, {name})
    ]
    return max(holders)[1] if holders else None


def wrong_room(importer: str, imported: str) -> str | None:
    """Return what is wrong when one file of a package with rooms imports another; both by full name."""
    package, _, one = importer.partition(".")
    other = imported.removeprefix(package).removeprefix(".")
    rooms = ROOMS_OF[package]
    room = room_of(one, rooms)
    if room is None or not other:  # said once for the file; the package itself holds nothing
        return None
    may = rooms[room].may.split()
    names = {name for word in (*may, room) for name in (rooms[word].holds.split() if word in rooms else [word])}
    if "*" in may or _within(other, names):
        return None
    return f"{importer} ({room}) may not import {imported}: it may import {', '.join(may) or 'its own room alone'}"


def faults(root: Path = ROOT) -> Iterator[str]:
    """Yield one line for each import below *root* that the rules forbid."""
    for package, folder in FOLDERS.items():
        for path in sorted((root / folder / package).rglob("*.py")):
            if path.relative_to(root) != MAKER_OF_PROGRAMS:
                for line in hand_made_programs(path.read_text(encoding="utf-8")):
                    yield f"{path.relative_to(root)}:{line}: use saltern.own_python.python_module to start a Python"
            own_name = ".".join(path.relative_to(root / folder).with_suffix("").parts)
            rooms = ROOMS_OF.get(package)
            if rooms and path.name != "__init__.py" and room_of(own_name.partition(".")[2], rooms) is None:
                yield f"{path.relative_to(root)}:1: {own_name} is in no room: give it one in tests/import_rules.py"
            on_agent = (folder in ("agent", "modules") and own_name not in BOTH_SIDES) or (
                folder == "core" and not _of_masters_host(own_name)
            )
            for line, module in imports(path):
                top = module.split(".")[0]
                where = f"{path.relative_to(root)}:{line}"
                ours = top in FOLDERS
                if ours and top != package and not _within(module, ALLOWED[package]):
                    yield f"{where}: {package} may not import {module}"
                elif rooms and package == top and (fault := wrong_room(own_name, module)):
                    yield f"{where}: {fault}"
                elif on_agent and _of_masters_host(module):
                    yield f"{where}: {own_name} may not import {module}: it is for a master's host alone"
                extra = any(_within(own_name, {zone}) and top in tops for zone, tops in OPTIONAL.items())
                libraries = sys.stdlib_module_names | AGENT_LIBRARIES
                if on_agent and not ours and not extra and top not in libraries:
                    yield f"{where}: an agent's host has no {top}"


if __name__ == "__main__":
    found = list(faults())
    print("\n".join(found) or "import rules: ok")
    sys.exit(1 if found else 0)
