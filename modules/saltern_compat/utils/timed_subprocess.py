"""``salt.utils.timed_subprocess``: programs that may take only so long."""

from __future__ import annotations

import subprocess
from typing import Any


class TimedProc:
    """A program that ``run`` waits for, ``timeout`` seconds at most: then it is ended, and an error raised."""

    def __init__(self, args: Any, **kwargs: Any) -> None:
        self.timeout = kwargs.pop("timeout", None)
        self.stdin = kwargs.pop("stdin", None)
        self.with_communicate = kwargs.pop("with_communicate", True)
        kwargs.pop("bg", None)
        if self.stdin is not None:
            kwargs["stdin"] = subprocess.PIPE
        self.stdout: Any = None
        self.stderr: Any = None
        self.process = subprocess.Popen(args, **kwargs)  # the module's own words

    def run(self) -> int:
        """Return the code that it ends with. Raises ``TimedProcTimeoutError``."""
        from saltern_compat import exceptions

        given = self.stdin.encode() if isinstance(self.stdin, str) else self.stdin
        try:
            if self.with_communicate:
                self.stdout, self.stderr = self.process.communicate(given, timeout=self.timeout)
            else:
                self.process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            kind: type[Exception] = vars(exceptions)["TimedProcTimeoutError"]
            raise kind(f"{self.process.args!r} : Timed out after {self.timeout} seconds") from None
        return self.process.returncode
