"""What may go wrong when the API is asked.

::

    SalternError
    ├── ApiAway          nothing answers, or no master behind it: try again
    ├── NotAuthorised
    │   ├── LoggedOut    the login has ended
    │   └── NotAllowed   the login is good, and this isn't granted
    ├── Busy             too much at once, or too many wrong passwords (from saltern.errors)
    └── Refused          what was asked for can't be done; the API says why in one line
"""

from __future__ import annotations

from saltern.errors import ChannelError, CommandError, NotAuthorised


class ApiAway(ChannelError):
    """Nothing answers at the API's address, or the API has no master."""


class LoggedOut(NotAuthorised):
    """The login has ended: it expired, was revoked, or never was."""


class NotAllowed(NotAuthorised):
    """Who is logged in may not do this."""


class Refused(CommandError):
    """The API took the question and says, in one line, why it can't be answered."""
