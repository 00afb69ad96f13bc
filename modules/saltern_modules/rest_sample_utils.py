"""What a device of the proxytype ``rest_sample`` can do beside services and packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__proxy__: Mapping[str, Callable[..., Any]]

__proxyenabled__ = ["rest_sample"]

__powers__ = {"fix_outage": "writes", "get_test_string": "reads"}


def fix_outage() -> Any:
    """End an outage; return what the device says, as a text: ``{'body': '{"outage": false}'}``.

    CLI Example:

    .. code-block:: bash

        saltern device rest_sample_utils.fix_outage
    """
    return __proxy__["rest_sample.fix_outage"]()


def get_test_string() -> str:
    """Return a text of the proxymodule, for whoever tries whether it can be called.

    CLI Example:

    .. code-block:: bash

        saltern device rest_sample_utils.get_test_string
    """
    return str(__proxy__["rest_sample.test_from_state"]())
