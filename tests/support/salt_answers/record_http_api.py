"""Record what Salt's HTTP API answers to ``http_api_cases.py``, into ``http_api.json``.

Run by hand, as a user that may run a master, with the Python of a virtual environment that has Salt 3008 and
CherryPy 18.10: ``python record_http_api.py FOLDER [PATTERN]``. It starts a master, two minions and salt-api on
loopback below FOLDER, which is made anew, and takes half an hour; with a PATTERN only cases with such names are asked
anew.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from http_api_asking import Conversation, Server  # noqa: E402
from http_api_cases import CASES, GRANTS, MINIONS, OPTIONS, USERS, password  # noqa: E402
from record_calls import configure, port  # noqa: E402


def main(folder, pattern=""):
    """Record."""
    bin_ = os.path.dirname(sys.executable)
    shutil.rmtree(folder, ignore_errors=True)
    users = os.path.join(folder, "users")
    os.makedirs(os.path.join(folder, "files"))
    with open(users, "w") as f:
        f.writelines(f"{user}:{password(user)}\n" for user in USERS)
    publish, ret, http = port(), port(), port()
    options = {
        **OPTIONS, "auto_accept": True, "publish_port": publish, "ret_port": ret, "user": "root",
        "file_roots": {"base": [os.path.join(folder, "files")]},
        "external_auth": {"file": {"^filename": users, **GRANTS}},
        "rest_cherrypy": {"port": http, "host": "127.0.0.1", "disable_ssl": True},
    }  # fmt: skip
    master = configure(os.path.join(folder, "master"), "master", options)
    connect = {"master": "127.0.0.1", "publish_port": publish, "master_port": ret, "acceptance_wait_time": 1}
    programs = [["salt-master", "-c", master], ["salt-api", "-c", master]]
    for minion, grains in MINIONS.items():
        etc = configure(os.path.join(folder, minion), "minion", {"id": minion, "grains": grains, **connect})
        programs.append(["salt-minion", "-c", etc])
    started = [subprocess.Popen([os.path.join(bin_, program[0]), *program[1:]]) for program in programs]
    try:
        server = Server(http, password)
        wait(server)
        recorded = {}
        file = os.path.join(HERE, "http_api.json")
        if pattern:
            with open(file) as f:
                recorded = json.load(f)
        for name, asks in CASES.items():
            if re.search(pattern, name):
                began = time.time()
                try:
                    recorded[name] = Conversation(server).run(asks)
                except (OSError, ValueError) as error:
                    recorded[name] = [{"failed": type(error).__name__}]
                print(f"{time.time() - began:.2f}", name, json.dumps(recorded[name])[:300], flush=True)
        with open(file, "w") as f:
            rows = (f"{json.dumps(name)}: {json.dumps(recorded[name])}" for name in CASES if name in recorded)
            f.write("{\n" + ",\n".join(rows).replace(folder, "FOLDER") + "\n}\n")
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def wait(server):
    """Return when both minions answer through the API."""
    body = json.dumps([{"client": "local", "tgt": "*", "fun": "test.ping"}]).encode()
    for _ in range(120):
        try:
            headers = {"X-Auth-Token": server.session("admin"), "Content-Type": "application/json"}
            if sorted(json.loads(server.send("POST", "/", headers, body)[2])["return"][0]) == sorted(MINIONS):
                return
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(1)
    raise SystemExit("the minions do not answer")


if __name__ == "__main__":
    main(*sys.argv[1:])
