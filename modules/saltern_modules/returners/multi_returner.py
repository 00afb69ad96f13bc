"""Hands returns to several returners: ``multi_returner: [syslog, rawfile_json]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError

__opts__: Mapping[str, Any]
__returners__: Mapping[str, Callable[..., Any]]


def returner(ret: dict[str, Any]) -> None:
    """Hand *ret* to each; one that fails keeps none of the others from it. Raises ``CommandError`` with all faults.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.ping --return multi_returner
    """
    faults = []
    for name in __opts__.get("multi_returner") or ():
        try:
            if name != "multi_returner":
                __returners__[f"{name}.returner"](ret)
        except Exception as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise CommandError("; ".join(faults))
