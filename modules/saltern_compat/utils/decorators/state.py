"""``salt.utils.decorators.state``: what states are decorated with; there are no states here."""

from __future__ import annotations

from typing import Any


class OutputUnifier:
    """Decorate a function whose answer is checked by names of policies; here it is left as it is."""

    def __init__(self, *policies: str) -> None:
        self.policies = policies

    def __call__(self, func: Any) -> Any:
        """Return *func*."""
        return func
