"""Where each program starts. pip's scripts call these; what a host has not installed is said in one line.

A host gets the libraries of the extras that were asked for, the programs of all of them.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module

EX_UNAVAILABLE = 69

LIBRARIES = {
    "msgpack": "msgpack",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
    "psutil": "psutil",
    "sqlalchemy": "SQLAlchemy",
    "graphyte": "graphyte",
    "rich": "rich",
    "numpy": "numpy",
    "whisper": "whisper",
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "httptools": "httptools",
    "websockets": "websockets",
    "httpx": "httpx",
    "regex": "regex",
    "orjson": "orjson",
    "matplotlib": "matplotlib",
    "jinja2": "Jinja2",
    "argon2": "argon2-cffi",
    "django": "Django",
}
"""What any extra brings: what it is imported as, and the distribution's name."""


def start(program: str, module: str, extras: str, *, everything: bool = False, daemon: str | None = None) -> int:
    """Run ``module.main()`` and return its exit code; 69 when a library of *extras* isn't installed.

    *everything*: whether it starts the other programs, so that each library is looked for first. *daemon*: the first
    argument by which it becomes one, ``""`` when it always does; SIGHUP is nothing to a daemon until it can be heeded.
    Any other module that can't be found raises ``ModuleNotFoundError``, as a fault in the code does.
    """
    if daemon is not None and daemon in ("", *sys.argv[1:2]):
        import signal  # not for the commands, whose start is short

        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        if everything:
            for name in LIBRARIES:
                _look_for(name)
        code: int = import_module(module).main()
    except KeyboardInterrupt:  # while it was still being loaded
        print(f"\n{program}: interrupted", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        library = LIBRARIES.get((error.name or "").partition(".")[0])
        if library is None:
            raise
        package = f"saltern[{extras}]" if extras else "saltern"
        # By the pip that it was installed with: another one brings it somewhere else.
        print(f"{program} needs {library}: run {sys.executable} -m pip install '{package}'", file=sys.stderr)
        return EX_UNAVAILABLE
    return code


def _look_for(name: str) -> None:
    from importlib.util import find_spec  # not for the commands, whose start is short

    if find_spec(name) is None:
        raise ModuleNotFoundError(name=name)


saltern = partial(start, "saltern", "saltern.cli.salt", "")
saltern_cp = partial(start, "saltern-cp", "saltern.cli.cp", "")
saltern_key = partial(start, "saltern-key", "saltern.cli.key", "master")
saltern_logs = partial(start, "saltern-logs", "saltern.cli.logs", "")
saltern_run = partial(start, "saltern-run", "saltern.cli.run", "")
saltern_agent = partial(start, "saltern-agent", "saltern_agent.main", "agent", daemon="")
saltern_proxy = partial(start, "saltern-proxy", "saltern_agent.proxy_program", "agent", daemon="")
saltern_call = partial(start, "saltern-call", "saltern_agent.call", "agent")
saltern_master = partial(start, "saltern-master", "saltern_master.main", "master", daemon="")
saltern_graphite = partial(start, "saltern-graphite", "saltern_graphite.main", "graphite", daemon="serve")
saltern_api = partial(start, "saltern-api", "saltern_api.main", "api", daemon="")
saltern_web = partial(start, "saltern-web", "saltern_web.program.main", "web", daemon="")
saltern_up = partial(
    start, "saltern-up", "saltern_master.up.main", "agent,master,graphite,api,web", everything=True, daemon=""
)
