"""Record what the real Salt prints on the command lines of ``day_cases.py``: ``day.json``.

Run by hand as root with Salt's Python: ``python record_day.py FOLDER``; it starts a master and a minion on loopback
below FOLDER, and writes a list of ``[words, stdout, exit code]``.
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

TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(?:      .*\n)+")

from day_cases import LINES, MINION, PILLAR  # noqa: E402
from record_calls import configure, port  # noqa: E402


def kept(text):
    """Return what two runs have in common: no jids, no frames of Salt's."""
    return re.sub(r"\b\d{20}\b", "JID", TRACEBACK.sub("Traceback …\n", text))


def main(folder):
    """Record."""
    bin_ = os.path.dirname(sys.executable)
    shutil.rmtree(folder, ignore_errors=True)
    roots, pillar, work = (os.path.join(folder, name) for name in ("roots", "pillar", "work"))
    shutil.copytree(os.path.join(HERE, "day_roots"), roots)
    os.makedirs(pillar)
    os.makedirs(work)
    with open(os.path.join(pillar, "top.sls"), "w") as f:
        f.write("base:\n  '*':\n    - all\n")
    with open(os.path.join(pillar, "all.sls"), "w") as f:
        json.dump(PILLAR, f)
    ports = {"publish_port": port(), "ret_port": port()}
    options = {"auto_accept": True, "file_roots": {"base": [roots]}, "pillar_roots": {"base": [pillar]}, **ports}
    master = configure(os.path.join(folder, "master"), "master", options)
    connect = {"master": "127.0.0.1", "publish_port": ports["publish_port"], "master_port": ports["ret_port"]}
    minion = configure(os.path.join(folder, "minion"), "minion", {"id": MINION, **connect, "acceptance_wait_time": 1})
    started = [
        subprocess.Popen([f"{bin_}/salt-master", "-c", master]),
        subprocess.Popen([f"{bin_}/salt-minion", "-c", minion]),
    ]

    def salt(*words):
        argv = [f"{bin_}/salt", "-c", master, "-t", "20", *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=120)

    try:
        for _ in range(60):
            if "True" in salt("*", "test.ping").stdout:
                break
            time.sleep(1)
        salt("*", "saltutil.sync_all")
        salt("*", "saltutil.refresh_pillar")
        time.sleep(3)
        rows = []
        for words in LINES:
            done = salt(*(word.replace("{dir}", work) for word in words))
            rows.append([words, kept(done.stdout.replace(work, "{dir}")), done.returncode])
            print(json.dumps(rows[-1]), flush=True)
        with open(os.path.join(HERE, "day.json"), "w") as f:
            f.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


if __name__ == "__main__":
    main(sys.argv[1])
