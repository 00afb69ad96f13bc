"""``config.*`` of the wheel: the master's options, its secrets struck out."""

from __future__ import annotations

from typing import Any

from saltern.config.exposure import holds_secret
from saltern.errors import NotAuthorised
from saltern.redaction import redacted
from saltern.secret import MASK, masked
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command


@command("wheel.config.values", Need.WHEEL, private=True)
async def values(context: Context) -> dict[str, Any]:
    """Show the master's options, to who may do everything: ``WheelClient(opts).cmd("config.values")``

    Secrets are ``***``: what is marked so, options called token, password, key and the like, credentials in URLs.
    """
    if not context.services.policy.sees_all(context.caller):
        raise NotAuthorised(f"{context.caller} may not see the master's options: config.values is for who may do all")
    shown: dict[str, Any] = without_secrets("", masked(dict(context.services.options)))
    return shown


def without_secrets(name: str, value: Any) -> Any:
    """Return an option's *value*, and whatever is in it, with ``***`` for each secret."""
    if isinstance(value, dict):
        return {
            redacted(key) if isinstance(key, str) else key: without_secrets(str(key), member)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(name, member) for member in value]
    if value and isinstance(value, (str, bytes)) and holds_secret(name):
        return MASK
    return redacted(value) if isinstance(value, str) else value
