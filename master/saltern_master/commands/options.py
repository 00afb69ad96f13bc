"""``config.*`` of the wheel: the master's options, its secrets struck out."""

from __future__ import annotations

from typing import Any

from saltern.config.exposure import holds_secret
from saltern.config.of_salt import of_a_console
from saltern.redaction import redacted
from saltern.secret import MASK, masked
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

OF_CONSOLES = frozenset(
    {
        "cluster_id", "cluster_peers", "id", "nodegroups", "order_masters", "state_compress_ids", "state_output",
        "state_output_pct", "state_verbose", "syndic_master", "test_providers_target",
    }
)  # fmt: skip


@command("wheel.config.values", Need.WHEEL, private=True)
async def values(context: Context) -> dict[str, Any]:
    """Show the master's options: ``WheelClient(opts).cmd("config.values")``

    All of them to who may do everything, to others what consoles need to show their pages: ``saltgui_*``,
    ``nodegroups`` and a few more. Secrets are ``***``: what is marked so, options called token, password, key and the
    like, credentials in URLs.
    """
    options = dict(context.services.options)
    if not context.services.policy.sees_all(context.caller):
        options = {name: value for name, value in options.items() if name in OF_CONSOLES or of_a_console(name)}
    shown: dict[str, Any] = without_secrets("", masked(options))
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
