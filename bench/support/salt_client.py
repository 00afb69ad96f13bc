"""Pings Salt's minions once for each line on stdin. Run by Salt's own Python, so nothing of ours is imported."""

import json
import sys
import time

import salt.client  # type: ignore[import-not-found]  # Salt's own, in its own environment

client = salt.client.LocalClient(sys.argv[1])
for _line in sys.stdin:
    began = time.perf_counter()
    answers = client.cmd("*", "test.ping")
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "answers": len([value for value in answers.values() if value is True])}))
    sys.stdout.flush()
