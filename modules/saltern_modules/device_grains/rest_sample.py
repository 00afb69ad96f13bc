"""What is known of a ``rest_sample`` beside what it says of itself, which comes over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__opts__: Mapping[str, Any]

__proxyenabled__ = ["rest_sample"]


def kernel() -> dict[str, str]:
    """Return the kernel of a device that doesn't say."""
    return {"kernel": "proxy"}


def os() -> dict[str, str]:
    """Return the system."""
    return {"os": "RestExampleOS"}


def os_family() -> dict[str, str]:
    """Return the kind of system."""
    return {"os_family": "proxy"}


def location() -> dict[str, str]:
    """Return where it is."""
    return {"location": "In this darn virtual machine.  Let me out!"}


def os_data() -> dict[str, str]:
    """Return more of the system; of a device by the form of 2014, which knew of none, nothing."""
    return {} if __opts__.get("proxy_named") else {"os_data": "funkyHttp release 1.0.a.4.g"}


def proxy_functions(proxy: Mapping[str, Callable[..., Any]] | None) -> dict[str, Any]:
    """Return what the proxymodule shows of itself; likewise."""
    return {"proxy_functions": proxy["rest_sample.fns"]()} if proxy and not __opts__.get("proxy_named") else {}
