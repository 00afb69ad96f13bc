"""Who may speak for which device, and which host serves it now.

A *device* is a minion without a key: a host with one speaks for it. ``Delegations`` holds who may, by what pillars of
hosts and operators say; ``Assignments`` holds who does.
"""

from saltern_master.delegations.assignments import Assignments
from saltern_master.delegations.changed import Changed
from saltern_master.delegations.delegations import Delegations
from saltern_master.delegations.holding import LEASE_S
from saltern_master.delegations.voice import parts, voice

__all__ = ["LEASE_S", "Assignments", "Changed", "Delegations", "parts", "voice"]
