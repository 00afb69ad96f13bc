"""The promise that nothing is lost and nothing miscounted, tried: real processes under random faults, then compared.

::

    make chaos [ARGS="--minutes 30 --seed 7"]

A run starts master, store and agents on loopback, each with its state on a small disk of its own and every connection
between them through a proxy of ours. A custom module on each agent writes what it is about to return to a file that no
fault touches (``modules/ground.py``), with fsync. Faults come by a plan that a seed makes (``plan.py``, ``faults/``).
Then all is healed, what waits is waited for (``settling.py``), and everything stored is held against what was written:
points and roll-ups (``points.py``), jobs (``jobs.py``), the account (``account.py``).
"""
