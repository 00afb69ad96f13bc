"""Runs git for the parts of the module ``git``.

What the caller gives as a name (a revision, a remote, a key) never becomes an option; options have an argument of
their own. Passwords in addresses are in no error. Addresses of ``ext::`` and ``fd::``, which make git run a program or
read a descriptor, are refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _keywords

Salt = Mapping[str, Callable[..., Any]]

TIMEOUT_S = 3600.0
"""A transfer that takes longer hangs."""
OUTPUT_LIMIT = 16 << 20

_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0"}
_IN_WEB_ADDRESS = re.compile(r"(https?)://.*@", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://[^\s/@:]*:[^\s/@]*@", re.IGNORECASE)
_RUNS = re.compile(r"\s*(ext|fd)::", re.IGNORECASE)


def here() -> bool | tuple[bool, str]:
    """Return whether this host has git, as ``__virtual__`` does."""
    import shutil

    return True if shutil.which("git") else (False, "The git execution module cannot be loaded: git unavailable.")


def redacted(text: str) -> str:
    """Return *text* with ``<redacted>`` for who logs in, and by what password, in its addresses."""
    return _IN_ADDRESS.sub(r"\1://<redacted>@", _IN_WEB_ADDRESS.sub(r"\1://<redacted>@", text))


def place(path: Any, user: str | None) -> str:
    """Return *path* as seen from the home of *user*."""
    return os.path.join(os.path.expanduser(f"~{user}" if user else "~"), str(path))


def options(opts: Any) -> list[str]:
    """Return options as a list: a text is split as a shell would. Raises ``ArgumentError`` for an open quote."""
    if opts is None:
        return []
    if isinstance(opts, list):
        return [str(one) for one in opts]
    if not isinstance(opts, str):
        return [str(opts)]
    words = split(opts)
    return words[:-1] if words[-1:] == ["--"] else words


def split(text: str) -> list[str]:
    """Return the words of *text*, split as a shell would. Raises ``ArgumentError`` for an open quote."""
    import shlex  # only texts of several words need it

    try:
        return shlex.split(text)
    except ValueError as error:
        raise ArgumentError(f"git: can't split {text!r}: {error}") from None


def plain(what: str, value: Any) -> str:
    """Return *value* as text. Raises ``ArgumentError`` when git would take it for an option."""
    text = str(value)
    if text.startswith("-") and text != "-":
        raise ArgumentError(f"git: {what} can't begin with '-' as {text!r} does: options go into 'opts'")
    return text


def address(value: Any, user: Any = None, password: Any = None, *, what: str = "url") -> str:
    """Return where a repository is, with *user* and *password* in it for ``https``. Raises ``ArgumentError``."""
    text = plain(what, value)
    if _RUNS.match(text):
        raise ArgumentError(f"git: {what} {redacted(text)!r} would run a program or read a descriptor: it is refused")
    if user is None and password is None:
        return text
    from urllib.parse import quote, urlparse, urlunparse

    parts = urlparse(text)
    if parts.scheme != "https":
        raise ArgumentError("Basic Auth only supported for HTTPS")
    who = quote(str(user), safe="") + ("" if password is None else ":" + quote(str(password), safe=""))
    return urlunparse(parts._replace(netloc=f"{who}@{parts.netloc}"))


class Git:
    """git, run for one call: by *user*, in *cwd*, with the keys of *identity*."""

    def __init__(
        self,
        salt: Salt,
        cwd: str | None = None,
        user: str | None = None,
        ignore_retcode: bool = False,
        identity: Any = None,
        saltenv: str = "base",
    ) -> None:
        self.salt = salt
        self.cwd = cwd
        self.user = user or None
        self.ignore_retcode = ignore_retcode
        self.identity = identity
        self.saltenv = saltenv

    def output(self, *words: str, git_opts: Any = "", merge: bool = False) -> str:
        """Run git and return its standard output, with its errors for *merge*. Raises ``CommandError``."""
        return str(self.run(*words, git_opts=git_opts, merge=merge)["stdout"])

    def run(self, *words: str, git_opts: Any = "", failhard: bool = True, merge: bool = False) -> dict[str, Any]:
        """Run git and return as ``cmd.run_all`` does; raises ``CommandError`` when it fails, unless not *failhard*."""
        command = ["git", *options(git_opts), *words]
        if self.identity:
            return self._with_keys(command, failhard, merge)
        done = self._run(command, {}, merge)
        if done["retcode"] and failhard:
            text = f"Command '{redacted(' '.join(command))}' failed"
            problem = done["stdout" if merge else "stderr"]
            raise CommandError(f"{text}: {redacted(problem)}" if problem else text)
        return done

    def _run(self, command: Sequence[str], env: Mapping[str, str], merge: bool) -> dict[str, Any]:
        found: dict[str, Any] = self.salt["cmd.run_all"](
            list(command),
            cwd=self.cwd,
            runas=self.user,
            python_shell=False,
            env={**_ENVIRONMENT, **env},
            ignore_retcode=bool(self.ignore_retcode),
            redirect_stderr=merge,
            timeout=TIMEOUT_S,
            output_limit=OUTPUT_LIMIT,
        )
        return found

    def _with_keys(self, command: Sequence[str], failhard: bool, merge: bool) -> dict[str, Any]:
        """Try each private key; the first that serves."""
        from saltern_modules._git_identity import key_of

        problems: list[str] = []
        missing: list[str] = []
        done: dict[str, Any] = {"pid": 0, "retcode": 1, "stdout": "", "stderr": ""}
        for one in self.identity if isinstance(self.identity, list) else [self.identity]:
            with key_of(self.salt, str(one), self.user, self.saltenv) as key:
                if key.path is None:
                    missing += [] if key.problem else [str(one)]
                    problems += [key.problem] if key.problem else []
                    continue
                done = self._run(command, key.environment(), merge)
            if done["retcode"] == 0:
                return done
            if problem := done["stdout" if merge else "stderr"]:
                problems.append(redacted(problem))
        if not failhard:
            return done
        text = "Unable to authenticate using identity file:\n\n" + "\n".join(problems)
        if missing:
            gap = "\n\n" if problems else ""
            text += f"{gap}The following identity file(s) were not found: {', '.join(missing)}"
        raise CommandError(text)


def git_in(
    salt: Salt,
    cwd: Any,
    user: str | None,
    ignore_retcode: bool = False,
    identity: Any = None,
    saltenv: str = "base",
) -> Git:
    """Return git for the checkout at *cwd*."""
    return Git(salt, place(cwd, user), user, ignore_retcode, identity, saltenv)


def only(kwargs: Mapping[str, Any], **defaults: Any) -> list[Any]:
    """Return the keywords that *defaults* names, in its order. Raises ``ArgumentError`` for another one."""
    given = _keywords.own(kwargs)
    values = [given.pop(name.rstrip("_"), default) for name, default in defaults.items()]
    _keywords.refuse(given)
    return values
