"""A device that isn't there, for trying things out and for load: three services and four packages, in memory.

Of the pillar, all but the first optional::

    proxy:
      proxytype: dummy
      numbers: 40        # how many numbers stats.collect returns, up to 10,000
      latency_s: 0.2     # how long each call takes
      hang: 0.05         # true: no call ever ends, but for the connection; or the share of those that don't
      hang_s: 60         # how long such a call takes, for ever by default
      flap_s: 30         # up for so long, then unreachable for so long, and so on
      fail_init: true    # it can't be connected to; a text says why; hang: that takes for ever
      wait: async        # its functions are coroutines: while they wait they hold no thread
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from saltern_modules._dummy import FUNCTIONS, Dummy

__opts__: Mapping[str, Any]
__context__: MutableMapping[str, Any]

__proxyenabled__ = ["dummy"]

STEP_S = 0.2
"""A call that waits can be ended this often."""


def __virtual__() -> bool | tuple[bool, str]:
    """Say whether the device is to hold a thread while it waits."""
    return __opts__["proxy"].get("wait") != "async" or (False, "wait: async")


def _function(name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        dummy = Dummy(__opts__, __context__)
        pause_s = dummy.pause_s(name)
        until = time.monotonic() + pause_s
        while pause_s and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, STEP_S if math.isinf(left) else left))
        return getattr(dummy, name)(*args, **kwargs)

    call.__name__, call.__qualname__ = name, name
    call.__doc__ = getattr(Dummy, name).__doc__
    return call


globals().update({name: _function(name) for name in FUNCTIONS})
