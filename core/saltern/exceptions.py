"""Errors by the names that Salt's users catch them by: each is one of ``saltern.errors``, which says more.

``except SaltClientError`` catches what a call of ``LocalClient`` raises when the master doesn't answer, or says no.
"""

from __future__ import annotations

from saltern.errors import (
    ArgumentError,
    ChannelError,
    CommandError,
    ConfigError,
    MasterNotRunning,
    NotAuthorised,
    RequestTimeout,
    SalternError,
)

SaltException = SalternError
SaltClientError = ChannelError
SaltReqTimeoutError = SaltClientTimeout = RequestTimeout
SaltDaemonNotRunning = MasterNotRunning
PublishError = ChannelError
AuthenticationError = AuthorizationError = EauthAuthenticationError = TokenAuthenticationError = NotAuthorised
SaltInvocationError = ArgumentError
SaltConfigurationError = ConfigError
CommandExecutionError = CommandError
