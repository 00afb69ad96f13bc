"""What an agent never imports, and that nobody misses it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import saltern_agent.main
assert not {"pickle", "json", "asyncio", "inspect", "ctypes", "yaml", "psutil"} & set(sys.modules), sys.modules.keys()
import json, pickle
assert json.loads(json.dumps([1])) == [1] and pickle.loads(pickle.dumps([1])) == [1]
import zmq
with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as other:
    one.bind("inproc://here")
    other.connect("inproc://here")
    one.send_pyobj({"a": 1})
    assert other.recv_pyobj() == {"a": 1}
    one.send_json({"a": 1})
    assert other.recv_json() == {"a": 1}
print("good")
"""


def test_an_agent_does_without_modules_that_only_others_need() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("good\n", "")
