"""Salt's errors by Salt's names; those that our own functions raise are the same classes."""

from __future__ import annotations

from saltern.errors import ArgumentError, ChannelError, CommandError, RequestTimeout, SalternError

SaltException = SalternError
CommandExecutionError = CommandError
SaltClientError = ChannelError
SaltReqTimeoutError = RequestTimeout


class CommandNotFoundError(SalternError):
    """A program that a function needs is not installed."""


class SaltInvocationError(ArgumentError, TypeError):
    """A function was called wrongly."""


_OTHERS = (
    "AuthenticationError",
    "AuthorizationError",
    "EauthAuthenticationError",
    "FileLockError",
    "FileserverConfigError",
    "GitLockError",
    "LoaderError",
    "MinionError",
    "NotImplemented",
    "PkgParseError",
    "PublishError",
    "SaltCacheError",
    "SaltClientTimeout",
    "SaltCloudException",
    "SaltConfigurationError",
    "SaltDaemonNotRunning",
    "SaltDeserializationError",
    "SaltMasterError",
    "SaltNoMinionsFound",
    "SaltRenderError",
    "SaltRunnerError",
    "SaltValidationError",
    "SaltWheelError",
    "TemplateError",
    "TimedProcTimeoutError",
    "TimeoutError",
    "TokenAuthenticationError",
)
_COMMANDS = ("ArgumentValueError", "CheckError", "CodePageError", "InvalidConfigError", "InvalidEntityError")

globals().update({name: type(name, (SalternError,), {"__module__": "salt.exceptions"}) for name in _OTHERS})
globals().update({name: type(name, (CommandError,), {"__module__": "salt.exceptions"}) for name in _COMMANDS})
