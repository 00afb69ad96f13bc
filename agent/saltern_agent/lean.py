"""pyzmq, without what it imports for functions that no agent calls: 0.5 MiB.

``pickle`` and ``json`` are for ``send_pyobj`` and ``send_json``, ``random`` for binding to a random port, ``platform``
for telling whether this is PyPy.
"""

from __future__ import annotations

from saltern_agent.later import put_off

with put_off("pickle", "json", "random", "platform"):
    import zmq as zmq
