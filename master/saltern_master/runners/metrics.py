"""``metrics.*``: what became of the points."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from saltern.errors import FunctionNotFound
from saltern_master.accounting import Accounting
from saltern_master.shipping.engine import ShippingEngine


def functions(engine: ShippingEngine | None, accounting: Accounting) -> dict[str, Callable[..., Any]]:
    """Return the functions of this module."""

    def explain(minion: str, fun: str) -> dict[str, Any]:
        """Show what of a return became metrics: ``saltern-run metrics.explain web01 stats.collect``"""
        if engine is None:
            raise FunctionNotFound("nothing is shipped: carbon_protocol is none")
        explained = engine.explain(str(minion), str(fun))
        if explained is None:
            raise FunctionNotFound(
                f"{minion} returned no metrics of {fun} since the master started: is it scheduled with metrics: true?"
            )
        return explained

    def account() -> dict[str, dict[str, dict[str, float]]]:
        """Show points expected, received, missing, late and dropped: ``saltern-run metrics.account``"""
        result: dict[str, dict[str, dict[str, float]]] = {}
        for minion_id, name, numbers in accounting.rows(time.time()):
            result.setdefault(minion_id, {})[name] = numbers
        return result

    return {"metrics.explain": explain, "metrics.account": account}
