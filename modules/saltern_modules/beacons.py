"""Beacons, of which an agent has none: it schedules functions that measure, and the master's alerts look at them.

Consoles ask every minion for its beacons, so that there is an answer: that of a Salt minion without any.
"""

from __future__ import annotations

from typing import Any

__func_alias__ = {"list_": "list"}

__powers__ = {"list": "reads", "list_available": "reads"}


def list_(
    return_yaml: bool = True, include_pillar: bool = True, include_opts: bool = True, **kwargs: Any
) -> dict[str, Any]:
    """Return ``{"beacons": {}}``: none is configured. All that it takes is Salt's, and says nothing here.

    CLI Example:

    .. code-block:: bash

        saltern '*' beacons.list
    """
    return {"beacons": {}}


def list_available(return_yaml: bool = True, **kwargs: Any) -> dict[str, Any]:
    """Return ``{"beacons": {}}``: none could be configured. All that it takes is Salt's, and says nothing here.

    CLI Example:

    .. code-block:: bash

        saltern '*' beacons.list_available
    """
    return {"beacons": {}}
