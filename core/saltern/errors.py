"""The one error tree.

::

    SalternError                  every error that we raise on purpose
    ├── ConfigError               a file, line or key that can't be used
    ├── WireError                 bytes that are not a message of ours
    │   └── MessageTooLarge
    ├── IdError                   a minion id, jid, environment or path outside its grammar
    ├── KeyStoreError             keys that can't be read, written or found
    ├── ChannelError              the far end can't be reached, or said no
    │   ├── MasterNotRunning      no master answers on the local socket
    │   ├── NotAuthorised         known, but may not do this
    │   └── RequestTimeout        no answer in time
    ├── TargetError               a target expression that can't be understood
    ├── ModuleError               an execution module can't be loaded
    │   ├── FunctionNotFound
    │   └── CommandError          a command or function failed; modules raise it (Salt's CommandExecutionError)
    ├── FileServerError           a backend, environment or file that can't be served
    ├── JournalError              the journal or a spool can't be written or read
    └── GraphiteError             the graphite side
        ├── TargetSyntaxError     a render target that does not parse
        ├── FunctionError         a render function called wrongly
        └── StoreError            Whisper files, schemas, the log

Every message is one line that says what was wrong, where, and what would be right.
"""

from __future__ import annotations


class SalternError(Exception):
    """Base of every error raised on purpose; its text is fit for a user."""


class ConfigError(SalternError):
    """A configuration file, line or key that can't be used."""


class WireError(SalternError):
    """Bytes that are not a message of ours."""


class MessageTooLarge(WireError):
    """A message over the size limit."""


class IdError(SalternError, ValueError):
    """A minion id, jid, environment or path outside its grammar."""


class KeyStoreError(SalternError):
    """Keys that can't be read, written or found."""


class ChannelError(SalternError):
    """The far end can't be reached, or said no."""


class MasterNotRunning(ChannelError):
    """No master answers on the local socket."""


class NotAuthorised(ChannelError):
    """The caller is known but may not do this."""


class RequestTimeout(ChannelError, TimeoutError):
    """No answer came in time."""


class TargetError(SalternError):
    """A target expression that can't be understood."""


class ModuleError(SalternError):
    """An execution module can't be loaded."""


class FunctionNotFound(ModuleError):
    """No module offers that function."""


class CommandError(ModuleError):
    """A command or function failed; execution modules raise it."""


class FileServerError(SalternError):
    """A backend, environment or file that can't be served."""


class JournalError(SalternError):
    """The journal or a spool can't be written or read."""


class GraphiteError(SalternError):
    """Base of the graphite side's errors."""


class TargetSyntaxError(GraphiteError):
    """A render target that does not parse."""


class FunctionError(GraphiteError):
    """A render function called wrongly."""


class StoreError(GraphiteError):
    """Whisper files, schemas, the write-ahead log."""
