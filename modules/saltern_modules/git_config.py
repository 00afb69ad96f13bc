"""git's configuration: of a checkout, or with ``global=True`` of the user; the module ``git``'s part for it.

What all take is told in the module's first part. *cwd* may be left out for ``global=True`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _git
from saltern_modules._git import only, plain

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "git"

__powers__ = {
    "config_get": "indirect",
    "config_get_regex": "indirect",
    "config_get_regexp": "indirect",
    "config_set": "runs",
    "config_unset": "writes",
}


def __virtual__() -> bool | tuple[bool, str]:
    """Only where git is."""
    return _git.here()


def config_get(
    key: str,
    cwd: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> Any:
    """Return the value of *key*, the last one if there are several, or with ``all=True`` the list; ``None`` for none.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.config_get user.name cwd=/path/to/repo
        saltern '*' git.config_get user.email global=True
    """
    everything, global_ = only(kwargs, all=False, global_=False)
    done = _asked(["--get-all", plain("key", key)], _at(cwd, user, ignore_retcode, global_), global_)
    if done["retcode"] == 1:
        return None
    lines = done["stdout"].splitlines()
    return lines if everything else lines[-1] if lines else ""


def config_get_regexp(
    key: str,
    value_regex: str | None = None,
    cwd: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> dict[str, list[str]]:
    """Return ``{key: [values]}`` of the keys that match the regex *key*, with values that match *value_regex*.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.config_get_regexp '^user' cwd=/path/to/repo
    """
    (global_,) = only(kwargs, global_=False)
    words = ["--get-regexp", plain("key", key), *([] if value_regex is None else [plain("value_regex", value_regex)])]
    done = _asked(words, _at(cwd, user, ignore_retcode, global_), global_)
    found: dict[str, list[str]] = {}
    for line in [] if done["retcode"] == 1 else done["stdout"].splitlines():
        name, *value = line.split(None, 1)
        if value:
            found.setdefault(name, []).append(value[0])
    return found


def config_get_regex(
    key: str,
    value_regex: str | None = None,
    cwd: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> dict[str, list[str]]:
    """Return what ``git.config_get_regexp`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.config_get_regex '^user' cwd=/path/to/repo
    """
    return config_get_regexp(key, value_regex, cwd, user, password, ignore_retcode, output_encoding, **kwargs)


def config_set(
    key: str,
    value: Any = None,
    multivar: Any = None,
    cwd: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> list[str]:
    """Give *key* the *value*, beside those it has with ``add=True``, or the values *multivar*; return all it has then.

    *multivar*: a list, or a comma text. Raises ``ArgumentError`` for both.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.config_set user.email me@example.com cwd=/path/to/repo
        saltern '*' git.config_set foo.bar multivar=a,b,c cwd=/path/to/repo
    """
    adds, global_ = only(kwargs, add=False, global_=False)
    git = _at(cwd, user, ignore_retcode, global_)
    if value is not None and multivar is not None:
        raise ArgumentError("Only one of 'value' and 'multivar' is permitted")
    if value is None and multivar is None:
        raise ArgumentError("One of 'value' and 'multivar' is required")
    values = [value] if value is not None else multivar if isinstance(multivar, list) else str(multivar).split(",")
    for number, one in enumerate(map(str, values)):
        how = "--add" if number or (adds and value is not None) else "--replace-all"
        where = ["--global"] if global_ else []
        git.run("config", *where, how, *(["--"] if one.startswith("-") else []), plain("key", key), one)
    found: list[str] = config_get(
        key, cwd=cwd, user=user, ignore_retcode=ignore_retcode, **{"all": True, "global": global_}
    )
    return found


def config_unset(
    key: str,
    value_regex: str | None = None,
    cwd: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> bool:
    """Remove *key*, or its values that match *value_regex*; several only with ``all=True``. ``True``.

    Raises ``CommandError`` for a key that isn't there, or that has several values.

    CLI Example:

    .. code-block:: bash

        saltern '*' git.config_unset foo.bar cwd=/path/to/repo
    """
    everything, global_ = only(kwargs, all=False, global_=False)
    git = _at(cwd, user, ignore_retcode, global_)
    words = [plain("key", key), *([] if value_regex is None else [plain("value_regex", value_regex)])]
    how = "--unset-all" if everything else "--unset"
    done = git.run("config", how, "--global" if global_ else "--local", *words, failhard=False)
    code = done["retcode"]
    if code == 0:
        return True
    if code == 1:
        raise CommandError("Section or key is invalid")
    if code == 5:
        if config_get(key, cwd=cwd, user=user, ignore_retcode=ignore_retcode, **{"global": global_}) is None:
            raise CommandError(f"Key '{key}' does not exist")
        which = "" if value_regex is None else " and value_regex matches multiple values"
        raise CommandError(f"Multiple values exist for key '{key}'{which}")
    if code == 6:
        raise CommandError("The value_regex is invalid")
    text = f"Failed to unset key '{key}', git config returned exit code {code}"
    raise CommandError(f"{text}; {done['stderr']}" if done["stderr"] else text)


def _at(cwd: str | None, user: str | None, ignore_retcode: bool, global_: Any) -> _git.Git:
    if cwd is None and not global_:
        raise ArgumentError("'cwd' argument required unless global=True")
    return _git.Git(__salt__, None if cwd is None else _git.place(cwd, user), user, ignore_retcode)


def _asked(words: list[str], git: _git.Git, global_: Any) -> dict[str, Any]:
    return git.run("config", "--global" if global_ else "--local", *words, failhard=False)
