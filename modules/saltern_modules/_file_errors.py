"""What goes wrong with files, in the system's own words and on one line.

Callers of Salt's ``file`` catch ``OSError`` and ``ValueError`` where it lets them through; so can callers of ours. Each
is raised as a kind that is of our error tree too, whose texts users see without a traceback.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from saltern.errors import ModuleError, SalternError


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """Raise an ``OSError``, ``ValueError``, ``LookupError`` or ``re.error`` from within as an error of ours too."""
    try:
        yield
    except SalternError:
        raise
    except (OSError, ValueError, LookupError, re.error) as error:
        raise as_ours(error) from None


def as_ours(error: Exception) -> Exception:
    """Return *error* as one that has its name, text and kind, and is a ``ModuleError`` as well."""
    base = type(error) if isinstance(error, (OSError, LookupError, re.error)) else ValueError
    kind = type(type(error).__name__, (ModuleError, base), {"__module__": __name__})
    new: Exception = kind(str(error))
    if isinstance(new, OSError) and isinstance(error, OSError) and error.errno is not None:
        new.errno, new.strerror = error.errno, error.strerror
        if error.filename is not None:
            new.filename = error.filename
        if error.filename2 is not None:
            new.filename2 = error.filename2
    return new
