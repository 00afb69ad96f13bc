"""Keeps a crowd: ``crowd_keeper.py PROCESSES SOCKETS READY``; all of it ends with its process group."""

import os
import resource
import shutil
import signal
import socket
import sys
from pathlib import Path

SPARE = 64


def main() -> None:
    """Start the programs, open the connections, say so, and wait."""
    processes, sockets = int(sys.argv[1]), int(sys.argv[2])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < sockets + SPARE:
        raise SystemExit(f"{sockets} sockets need as many open files, and {hard} are allowed")
    sleep = shutil.which("sleep") or "/bin/sleep"
    for _ in range(processes):
        os.posix_spawn(sleep, [sleep, "infinity"], {})
    held = []
    with socket.create_server(("127.0.0.1", 0), backlog=SPARE) as server:
        for _ in range(sockets // 2):
            held += [socket.create_connection(server.getsockname()), server.accept()[0]]
    Path(sys.argv[3]).touch()
    signal.pause()


main()
