"""Being stopped in good order: signals as a flag, which work looks at between files."""

from __future__ import annotations

import functools
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable
from types import FrameType

from saltern.errors import SalternError, UsageError, exit_code
from saltern.visible import visible

CLEAN, PROBLEMS, EX_USAGE = 0, 1, 2
BROKEN_PIPE = 128 + signal.SIGPIPE


class Stop:
    """Whether the user asked to stop, by SIGINT or SIGTERM. A second signal ends the process as usual."""

    def __init__(self) -> None:
        self.signal = 0

    def __bool__(self) -> bool:
        return self.signal != 0

    @property
    def status(self) -> int:
        """The exit status that tells of the signal."""
        return 128 + self.signal

    def attend(self, number: int, frame: FrameType | None) -> None:
        """Take the signal *number*; the next one is not waited for."""
        self.signal = number
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def attended(work: Callable[[Namespace, Stop], int]) -> Callable[[Namespace], int]:
    """Return *work*, a command's, as what runs it and returns its exit status, or 128 and the signal that stopped it.

    Errors become one line on stderr, and their exit code. Output that nobody reads any more ends the work quietly.
    """
    return functools.wraps(work)(functools.partial(_attended, work))


def _attended(work: Callable[[Namespace, Stop], int], arguments: Namespace) -> int:
    stop = Stop()
    before = {number: signal.signal(number, stop.attend) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        status = work(arguments, stop)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer can't be written either, and the interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except SalternError as error:
        return _told(str(error), EX_USAGE if isinstance(error, UsageError) else exit_code(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _told(f"{where}{error.strerror or error}", PROBLEMS)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return stop.status if stop else status


def _told(message: str, status: int) -> int:
    print(f"saltern-graphite: {visible(message)}", file=sys.stderr)
    return status
