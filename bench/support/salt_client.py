"""Pings Salt's minions once for each line on stdin. Run by Salt's own Python, so nothing of ours is imported."""

import json
import sys
import time

import salt.client  # type: ignore[import-not-found]  # Salt's own, in its own environment
from salt.exceptions import SaltException  # type: ignore[import-not-found]

client = salt.client.LocalClient(sys.argv[1])
for _line in sys.stdin:
    began = time.perf_counter()
    try:
        answers = client.cmd("*", "test.ping")
    except SaltException:  # its master is still starting, and has no key for clients yet
        answers, client = {}, salt.client.LocalClient(sys.argv[1])
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "answers": len([value for value in answers.values() if value is True])}))
    sys.stdout.flush()
