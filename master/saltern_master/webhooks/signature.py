"""Who a request is from: an HMAC over its time and body, which only who has the hook's token can make.

::

    X-Saltern-Signature: t=<seconds since 1970>,v1=<hex of HMAC-SHA256(token, "<t>." + body)>

With the time in it, what was overheard can't be sent again later: receivers refuse what is minutes old.
"""

from __future__ import annotations

import hashlib
import hmac

HEADER = "X-Saltern-Signature"


def signature(token: str, body: bytes, at: int) -> str:
    """Return the header's value."""
    digest = hmac.new(token.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
