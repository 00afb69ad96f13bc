"""The device of ``dummy.py``, with ``wait: async``: its functions are coroutines."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from saltern_modules._dummy import FUNCTIONS, Dummy

__opts__: Mapping[str, Any]
__context__: MutableMapping[str, Any]

__virtualname__ = "dummy"
__proxyenabled__ = ["dummy"]


def __virtual__() -> str | tuple[bool, str]:
    """Say whether the device is to hold no thread while it waits."""
    return __virtualname__ if __opts__["proxy"].get("wait") == "async" else (False, "wait isn't async")


def _function(name: str) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        dummy = Dummy(__opts__, __context__)
        pause_s = dummy.pause_s(name)
        if math.isinf(pause_s):
            await asyncio.get_running_loop().create_future()
        elif pause_s:
            await asyncio.sleep(pause_s)
        return getattr(dummy, name)(*args, **kwargs)

    call.__name__, call.__qualname__ = name, name
    call.__doc__ = getattr(Dummy, name).__doc__
    return call


globals().update({name: _function(name) for name in FUNCTIONS})
