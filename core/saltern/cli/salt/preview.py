"""What runs nothing on minions: ``--preview-target`` and ``--config-dump``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from saltern.cli.command import EX_OK
from saltern.cli.salt.shown import Shown, explain
from saltern.config import client_config
from saltern.local import Access, LocalConnection
from saltern.order import Order


def show_preview(order: Order, access: Access, shown: Shown) -> int:
    """Print whom the target means, and return the exit code."""
    with LocalConnection(access) as connection:
        minions, problem = preview(connection, order)
    explain(problem, ())
    if not minions:
        return shown.nothing([])
    shown.value(minions)
    return EX_OK


def preview(connection: LocalConnection, order: Order) -> tuple[list[str], str]:
    """Return the ids that a target means, and in one line what in its expression can't mean anybody, or nothing."""
    answer = connection.call(
        "target.preview", tgt=order.tgt, tgt_type=order.tgt_type, delimiter=order.more.get("delimiter", ":")
    )
    return answer["minions"], answer["problem"]


def dump(options: argparse.Namespace) -> int:
    """Print the master's options as YAML."""
    import yaml

    opts: dict[str, Any] = dict(client_config(options.config_dir))
    sys.stdout.write(yaml.safe_dump(opts, default_flow_style=False))
    return EX_OK
