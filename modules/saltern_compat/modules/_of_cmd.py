"""What ``salt.modules.cmdmod`` has for other modules: commands run without a word in the log."""

from __future__ import annotations

from typing import Any

from saltern_compat._caller import function

DEFAULT_SHELL = "/bin/sh"


def _run_quiet(cmd: Any, cwd: str | None = None, stdin: str | None = None, **kwargs: Any) -> str:
    """Return what *cmd* prints, standard error too."""
    return str(function("cmd.run")(cmd, cwd=cwd, stdin=stdin, **_quiet(kwargs)))


def _run_all_quiet(cmd: Any, cwd: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """Return ``pid``, ``retcode``, ``stdout`` and ``stderr`` of *cmd*."""
    found: dict[str, Any] = function("cmd.run_all")(cmd, cwd=cwd, **_quiet(kwargs))
    return found


def _retcode_quiet(cmd: Any, cwd: str | None = None, **kwargs: Any) -> int:
    """Return the code that *cmd* ends with."""
    return int(function("cmd.retcode")(cmd, cwd=cwd, **_quiet(kwargs)))


def _quiet(kwargs: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in kwargs.items() if name not in ("output_encoding", "pillarenv", "saltenv")}
    return {"output_loglevel": "quiet", "python_shell": False, **given}
