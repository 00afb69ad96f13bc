"""Calling functions that run on the master (``saltern-run`` in Python)::

RunnerClient(opts).cmd("jobs.list_jobs")
await AsyncRunnerClient(opts).cmd("manage.up")
"""

from __future__ import annotations

from saltern.master_client import MasterClient


class RunnerClient(MasterClient):
    """Calls runners: ``saltern.master_client`` says how."""

    client = "runner"
    tag_prefix = "run"
