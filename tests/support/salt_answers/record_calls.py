"""Record what the real Salt's minion answers to a job, for each way in which a function may end.

Run by hand with Salt's Python: ``python record_calls.py FOLDER``; it starts a master and two minions on loopback below
FOLDER, runs every case of ``calls_cases.py`` on the first, and writes ``calls.json`` beside itself: a list of
``[fun, arg, kwarg, return, retcode, success, out]``. Of tracebacks the last line is kept, and of what isn't our own
module's documentation nothing.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from calls_cases import CASES, CONFIG  # noqa: E402


def kept(value, fun):
    """Return what is kept of an answer: no paths, no jids, no documentation of Salt's."""
    if isinstance(value, dict):
        return {
            k: kept(v, k if "." in k else fun)
            for k, v in value.items()
            if not k.startswith("__pub_r") and k not in UNKNOWN
        }
    if isinstance(value, list):
        return [kept(v, fun) for v in value]
    if not isinstance(value, str):
        return value
    if "Traceback (most recent call last):" in value:
        return f"{value.partition('Traceback')[0]}Traceback … {value.strip().splitlines()[-1]}"
    own = isinstance(fun, str) and fun.startswith("answers")
    if value.startswith("Passed invalid arguments") and not own:
        return value.partition("\n")[0] + "\n…"
    if value.startswith("\n    ") and not own:
        return "…"
    return "JID" if len(value) == 20 and value.isdigit() else value


UNKNOWN = ("__pub_pure_resource_target", "__pub_minion_is_target")
"""What only a Salt with resources publishes."""


def port():
    """Return a free port."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def configure(root, kind, options):
    """Write a configuration and return its folder."""
    etc = os.path.join(root, "etc")
    os.makedirs(etc, exist_ok=True)
    options = {
        "root_dir": root,
        "pki_dir": f"{root}/pki",
        "cachedir": f"{root}/cache",
        "sock_dir": f"{root}/run",
        "log_file": f"{root}/log",
        "pidfile": f"{root}/pid",
        "interface": "127.0.0.1",
        "log_level": "error",
        **options,
    }
    with open(os.path.join(etc, kind), "w") as f:
        f.writelines(f"{k}: {json.dumps(v)}\n" for k, v in options.items())
    return etc


def main(folder):
    """Record."""
    bin_ = os.path.dirname(sys.executable)
    publish, ret = port(), port()
    roots = os.path.join(folder, "roots")
    modules = os.path.join(roots, "_modules")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(HERE, "calls_modules"), modules)
    os.rename(os.path.join(modules, "syntax_error.py.txt"), os.path.join(modules, "syntax_error.py"))
    options = {
        "publish_port": publish,
        "ret_port": ret,
        "auto_accept": True,
        "file_roots": {"base": [roots]},
        "worker_threads": 3,
        "peer": {"one": [".*"], "two": ["test.ping"]},
        "peer_run": {"one": ["manage.up", "jobs.*", "test.*"]},
    }
    master = configure(os.path.join(folder, "master"), "master", options)
    started = [subprocess.Popen([f"{bin_}/salt-master", "-c", master])]
    for name in ("one", "two"):
        etc = configure(
            os.path.join(folder, name),
            "minion",
            {
                "id": name,
                "master": "127.0.0.1",
                "publish_port": publish,
                "master_port": ret,
                "acceptance_wait_time": 1,
                **CONFIG,
            },
        )
        started.append(subprocess.Popen([f"{bin_}/salt-minion", "-c", etc]))
    try:
        import salt.client
        import salt.utils.event

        config = os.path.join(master, "master")
        for _ in range(120):
            try:
                client = salt.client.LocalClient(config)  # it reads the master's key, which isn't there at first
                if len(client.cmd("*", "test.ping", timeout=5)) == 2:
                    break
            except Exception as error:
                print(error)
            time.sleep(1)
        client.cmd("*", "saltutil.sync_modules", timeout=30)
        client.cmd("*", "mine.update", timeout=30)
        time.sleep(2)
        rows = []
        with salt.utils.event.get_event(
            "master", sock_dir=client.opts["sock_dir"], opts=client.opts, listen=True
        ) as bus:
            for fun, arg, kwarg in CASES:
                job = client.run_job("one", fun, arg=arg, kwarg=kwarg or None, timeout=30)
                event = bus.get_event(wait=60, tag=f"salt/job/{job['jid']}/ret/one") or {}
                row = [
                    fun,
                    arg,
                    kwarg,
                    kept(event.get("return"), fun),
                    event.get("retcode"),
                    event.get("success"),
                    event.get("out"),
                ]
                rows.append(row)
                print(json.dumps(row, default=repr), flush=True)
                with open(os.path.join(HERE, "calls.json"), "w") as f:
                    f.write("[\n" + ",\n".join(json.dumps(r, default=repr) for r in rows) + "\n]\n")
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


if __name__ == "__main__":
    main(sys.argv[1])
