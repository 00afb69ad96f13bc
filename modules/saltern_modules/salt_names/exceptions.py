"""Salt's errors by Salt's names; those that our own functions raise are the same classes."""

from __future__ import annotations

from saltern.errors import ArgumentError, CommandError, SalternError

SaltException = SalternError
CommandExecutionError = CommandError


class CommandNotFoundError(SalternError):
    """A program that a function needs is not installed."""


class SaltInvocationError(ArgumentError, TypeError):
    """A function was called wrongly."""
