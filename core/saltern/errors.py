"""The one error tree, and what each error is to a shell, to HTTP and to a socket.

::

    SalternError                  every error that we raise on purpose
    ├── UsageError                a command line that can't be understood
    ├── ConfigError               a file, line or key that can't be used
    ├── WireError                 bytes that are not a message of ours
    │   └── MessageTooLarge
    ├── IdError                   a minion id, jid, environment or path outside its grammar
    ├── KeyStoreError             keys that can't be read, written or found
    │   └── KeyChanged            a key is not the one that was shown
    ├── ChannelError              the far end can't be reached, or said no
    │   ├── MasterNotRunning      no master answers on the local socket
    │   ├── MasterUnreachable     the master that a host wants to join can't be reached
    │   ├── NotAuthorised         known, but may not do this
    │   ├── Busy                  this principal has its share in use: try again
    │   ├── CallFailed            the master answered a call: it can't do what was asked
    │   └── RequestTimeout        no answer in time
    ├── TargetError               a target expression that can't be understood
    │   ├── TargetTooCostly       one that is understood, and comes to more than one may
    │   └── UnknownNodegroup      one that names a nodegroup which isn't configured
    ├── ModuleError               an execution module can't be loaded
    │   ├── FunctionNotFound
    │   │   └── ArgumentError     the function is there, but doesn't take these arguments
    │   └── CommandError          a command or function failed; modules raise it (Salt's CommandExecutionError)
    │       └── RenderError       a template that can't be rendered
    ├── FolderInUse               another process has the folder
    ├── FileServerError           a backend, environment or file that can't be served
    ├── JournalError              the journal, a spool or a store can't be written or read: trying again may help
    ├── RecordError               a record that no store will ever take: trying again won't help
    ├── InternalError             a fault of ours: the log has more
    └── GraphiteError             the graphite side
        ├── TargetSyntaxError     a render target that does not parse
        ├── FunctionError         a render function called wrongly
        └── StoreError            Whisper files, schemas, the log

Every message is one line that says what was wrong, where, and what would be right. What it happened to is in fields
too, for programs. ``code`` names the kind in answers; ``CODES`` says what it is as an exit code and as an HTTP status.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar

from saltern.named import NamedTuple
from saltern.visible import visible

MAX_ANSWERED = 2000
"""Characters of an error's text that are answered."""

FIELDS = ("path", "minion", "jid", "position")


class SalternError(Exception):
    """Base of every error raised on purpose; its text is fit for a user.

    *path*, *minion*, *jid* and *position* (an offset in bytes or characters) say what it happened to.
    """

    code: ClassVar[str] = "failed"

    def __init__(
        self,
        message: str = "",
        *,
        path: str | None = None,
        minion: str | None = None,
        jid: str | None = None,
        position: int | None = None,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.minion = minion
        self.jid = jid
        self.position = position

    @property
    def message(self) -> str:
        """The text, by the name that Salt's modules know it by."""
        return str(self)

    def fields(self) -> dict[str, str | int]:
        """Return the fields that are set, by name."""
        return {name: value for name in FIELDS if (value := getattr(self, name, None)) is not None}


class UsageError(SalternError):
    """A command line that can't be understood."""

    code = "usage"


class ConfigError(SalternError):
    """A configuration file, line or key that can't be used."""

    code = "config"


class WireError(SalternError):
    """Bytes that are not a message of ours."""

    code = "wire"


class MessageTooLarge(WireError):
    """A message over the size limit."""

    code = "too_large"


class IdError(SalternError, ValueError):
    """A minion id, jid, environment or path outside its grammar."""

    code = "bad_id"


class KeyStoreError(SalternError):
    """Keys that can't be read, written or found."""

    code = "keys"


class KeyChanged(KeyStoreError):
    """A key is not, or no longer, the one that was shown."""

    code = "key_changed"


class ChannelError(SalternError):
    """The far end can't be reached, or said no."""

    code = "channel"


class MasterNotRunning(ChannelError):
    """No master answers on the local socket."""

    code = "no_master"


class MasterUnreachable(ChannelError):
    """The master that a host wants to join can't be reached."""

    code = "unreachable"


class NotAuthorised(ChannelError):
    """The caller is known but may not do this."""

    code = "not_authorised"


class Busy(ChannelError):
    """The caller has its share of something in use; trying again later helps."""

    code = "busy"


class CallFailed(ChannelError):
    """The master answered that it can't do what was asked: it is there, and asking again won't help."""

    code = "call_failed"


class RequestTimeout(ChannelError, TimeoutError):
    """No answer came in time."""

    code = "timeout"


class TargetError(SalternError):
    """A target expression that can't be understood."""

    code = "target"


class TargetTooCostly(TargetError):
    """A target expression that is over a bound, or takes too long to resolve."""

    code = "target_cost"


class UnknownNodegroup(TargetError):
    """A target expression that names a nodegroup which the master's configuration doesn't have."""

    code = "nodegroup"


class ModuleError(SalternError):
    """An execution module can't be loaded."""

    code = "module"


class FunctionNotFound(ModuleError):
    """No module offers that function."""

    code = "no_function"


class ArgumentError(FunctionNotFound):
    """The function is there, but it doesn't take these arguments."""

    code = "arguments"


class CommandError(ModuleError):
    """A command or function failed; execution modules raise it. *info* is more to tell, shown below the message."""

    code = "command"

    def __init__(self, message: object = "", info: Any = None, **happened_to: Any) -> None:
        text = str(message)
        self.error = text
        self.info = info
        if info:
            from saltern.output.look import Look  # for the few that tell more
            from saltern.output.nested import render

            head = f"{text}{'' if text[-1] in '.?!' else '.'} " if text else ""
            text = f"{head}Additional info follows:\n\n{render(info, Look())}"
        self.strerror = text
        super().__init__(text, **happened_to)


class RenderError(CommandError):
    """A template that can't be rendered; its text names the line."""

    code = "render"


class FolderInUse(SalternError):
    """Another process has the folder."""

    code = "in_use"


class FileServerError(SalternError):
    """A backend, environment or file that can't be served."""

    code = "files"


class JournalError(SalternError):
    """The journal, a spool or a store can't be written or read; trying again may help."""

    code = "journal"


class RecordError(SalternError):
    """A record that no store will ever take; trying again won't help."""

    code = "record"


class InternalError(SalternError):
    """A fault of ours: the log has more."""

    code = "internal"


class GraphiteError(SalternError):
    """Base of the graphite side's errors."""

    code = "graphite"


class TargetSyntaxError(GraphiteError):
    """A render target that does not parse."""

    code = "target_syntax"


class FunctionError(GraphiteError):
    """A render function called wrongly."""

    code = "function"


class StoreError(GraphiteError):
    """Whisper files, schemas, the write-ahead log."""

    code = "store"


class Code(NamedTuple):
    """What an error is elsewhere: a program's exit code (sysexits.h where it has one), an HTTP status."""

    exit: int
    http: int


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "failed": Code(1, 500),
        "usage": Code(64, 400),
        "config": Code(78, 500),
        "wire": Code(1, 400),
        "too_large": Code(1, 413),
        "bad_id": Code(1, 400),
        "keys": Code(1, 500),
        "key_changed": Code(1, 409),
        "channel": Code(1, 502),
        "no_master": Code(69, 503),
        "unreachable": Code(69, 503),
        "not_authorised": Code(77, 403),
        "busy": Code(75, 429),
        "call_failed": Code(1, 502),
        "timeout": Code(1, 504),
        "target": Code(1, 400),
        "target_cost": Code(1, 400),
        "nodegroup": Code(1, 400),
        "module": Code(1, 500),
        "no_function": Code(1, 404),
        "arguments": Code(1, 400),
        "command": Code(1, 500),
        "render": Code(1, 500),
        "in_use": Code(1, 409),
        "files": Code(1, 404),
        "journal": Code(1, 503),
        "record": Code(1, 422),
        "internal": Code(70, 500),
        "graphite": Code(1, 400),
        "target_syntax": Code(1, 400),
        "function": Code(1, 400),
        "store": Code(1, 503),
    }
)


def exit_code(error: SalternError) -> int:
    """Return what a program that ends by *error* exits with."""
    return CODES[error.code].exit


def http_status(error: SalternError) -> int:
    """Return the status of the HTTP answer that tells of *error*."""
    return CODES[error.code].http


def told(error: Exception) -> str:
    """Return the line that a program ends with for *error*, with what to do where this user may not."""
    text = visible(str(error))
    if os.strerror(errno.EACCES) in text and os.geteuid() != 0:
        return f"{text}: run it as root, or as the user that owns it"
    return text


def answer_of(error: SalternError) -> dict[str, Any]:
    """Return *error* as a socket carries it: ``{"error": one line, "code": …, "fields": {…}}``.

    An error may quote what somebody sent: whatever that was, it is one line, and not a long one.
    """
    fields = {k: v[:MAX_ANSWERED] if isinstance(v, str) else v for k, v in error.fields().items()}
    return {"error": visible(str(error)[:MAX_ANSWERED]), "code": error.code, "fields": fields}


def error_of(answer: Mapping[str, Any]) -> SalternError:
    """Return the error that ``answer_of`` made *answer* of; a code that isn't known is a ``ChannelError``."""
    given = answer.get("fields")
    fields: dict[str, Any] = {k: v for k, v in given.items() if k in FIELDS} if isinstance(given, dict) else {}
    return _by_code().get(str(answer.get("code")), ChannelError)(str(answer.get("error")), **fields)


def _by_code(base: type[SalternError] = SalternError) -> dict[str, type[SalternError]]:
    found = {base.code: base}
    for kind in base.__subclasses__():
        if kind.__module__ == __name__:
            found |= _by_code(kind)
    return found


@contextmanager
def about(*, path: str | None = None, minion: str | None = None, jid: str | None = None) -> Iterator[None]:
    """Fill in what an error from within happened to, where it doesn't say so itself."""
    try:
        yield
    except SalternError as error:
        error.path = error.path or path
        error.minion = error.minion or minion
        error.jid = error.jid or jid
        raise


@contextmanager
def os_errors(
    kind: type[SalternError], path: str, what: str, *, called: str | None = None, minion: str | None = None
) -> Iterator[None]:
    """Raise *kind* for an ``OSError`` within: ``"<path>: <what>: No space left on device"``.

    *what* says what could not be done, as in ``can't be written``. *called*: what users know it by, when that isn't
    its path. *minion*: whose it is. What is raised on purpose within passes as it is.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, SalternError):
            raise
        text = f"{called or path}: {what}: {error.strerror or error}"
        raise kind(text, path=path, minion=minion) from None
