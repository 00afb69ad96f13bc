"""Salt's errors by Salt's names; those that our own functions raise are the same classes."""

from __future__ import annotations

from typing import Any

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
CommandExecutionError = CommandError
SaltClientError = PublishError = ChannelError
SaltReqTimeoutError = SaltClientTimeout = RequestTimeout
SaltDaemonNotRunning = MasterNotRunning
SaltConfigurationError = ConfigError
AuthenticationError = AuthorizationError = EauthAuthenticationError = TokenAuthenticationError = NotAuthorised


class CommandNotFoundError(SalternError):
    """A program that a function needs is not installed."""


class SaltInvocationError(ArgumentError, TypeError):
    """A function was called wrongly."""


class SaltRenderError(SalternError):
    """A template or file can't be rendered; *line_num* and *buf* say where."""

    def __init__(
        self, message: Any = "", line_num: int | None = None, buf: str = "", marker: str = "", trace: str | None = None
    ) -> None:
        text = f"{message}\n{trace}\n" if trace else str(message)
        super().__init__(f"{text}; line {line_num}" if line_num and buf else text)
        self.error, self.line_num, self.buffer = message, line_num, buf


class InvalidKeyError(SalternError, ValueError):
    """A key that can't be used."""


class MasterExit(SystemExit):
    """The master ends."""


class SaltSystemExit(SystemExit):
    """The program ends, with a *code* and a text."""

    def __init__(self, code: int = 0, msg: str | None = None) -> None:
        super().__init__(msg or code)
        self.message = msg


class LoggingRuntimeError(RuntimeError):
    """The log can't be used."""


def _kinds(base: type[Exception], names: str) -> None:
    globals().update({name: type(name, (base,), {"__module__": "salt.exceptions"}) for name in names.split()})


_kinds(
    SalternError,
    "FileLockError FileserverConfigError GitLockError GitRemoteError LoaderError MinionError MissingSmb "
    "NotImplemented NxosError PkgParseError SaltCacheError SaltCloudException SaltDeserializationError SaltMasterError "
    "SaltMasterUnresolvableError SaltNoMinionsFound SaltRunnerError SaltSyndicMasterError SaltValidationError "
    "SaltWheelError TemplateError TimedProcTimeoutError TimeoutError TokenExpiredError UnsupportedAlgorithm",
)
_kinds(
    CommandError,
    "ArgumentValueError CheckError CodePageError InvalidConfigError InvalidEntityError VMwareSaltError",
)
_kinds(
    globals()["SaltCloudException"],
    "SaltCloudConfigError SaltCloudExecutionFailure SaltCloudExecutionTimeout SaltCloudNotFound SaltCloudPasswordError "
    "SaltCloudSystemExit",
)
_kinds(globals()["NxosError"], "NxosCliError NxosClientError NxosRequestNotSupported")
_kinds(
    globals()["VMwareSaltError"],
    "VMwareApiError VMwareConnectionError VMwareMultipleObjectsError VMwareNotFoundError VMwareObjectExistsError "
    "VMwareObjectNotFoundError VMwareObjectRetrievalError VMwarePowerOnError VMwareRuntimeError VMwareSystemError "
    "VMwareVmCreationError VMwareVmRegisterError VMwareFileNotFoundError",
)
