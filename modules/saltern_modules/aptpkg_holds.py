"""What dpkg is told to do with packages (its selections), and holding them: a part of the module ``pkg`` for apt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _apt, _package_targets

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]
__opts__: Mapping[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "get_selections": "reads",
    "hold": "writes",
    "set_selections": "indirect",
    "unhold": "writes",
}

STATES = ("install", "hold", "deinstall", "purge")


def __virtual__() -> str | tuple[bool, str]:
    """Only on Debian and its kin."""
    return _apt.here(__grains__)


def hold(name: str | None = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """Keep packages as they are: upgrades leave them out.

    ``{name: {"name": name, "changes": {"old": "install", "new": "hold"}, "result": True, "comment": text}}``

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.hold zsh
        saltern '*' pkg.hold pkgs='["foo", "bar"]'
    """
    return {target: _held(target) for target in _targets(name, pkgs, sources)}


def _held(target: str) -> dict[str, Any]:
    told = {"name": target, "changes": {}, "result": True, "comment": ""}
    if get_selections(target, "hold")["hold"]:
        return {**told, "comment": f"Package {target} is already set to be held."}
    if __opts__.get("test"):
        return {**told, "result": None, "comment": f"Package {target} is set to be held."}
    return _selected(told, target, "hold", f"Package {target} is now being held.")


def unhold(name: str | None = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """Let packages be upgraded again; the answer is as for ``pkg.hold``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.unhold zsh
    """
    return {target: _released(target) for target in _targets(name, pkgs, sources)}


def _released(target: str) -> dict[str, Any]:
    told = {"name": target, "changes": {}, "result": True, "comment": ""}
    states = get_selections(target)
    if not states:
        return {**told, "result": False, "comment": f"Package {target} does not have a state."}
    if not states.get("hold"):
        return {**told, "comment": f"Package {target} is already set not to be held."}
    if __opts__.get("test"):
        return {**told, "result": None, "comment": f"Package {target} is set not to be held."}
    return _selected(told, target, "install", f"Package {target} is no longer being held.")


def _selected(told: dict[str, Any], target: str, state: str, comment: str) -> dict[str, Any]:
    changes = set_selections(selection={state: [target]}).get(target)
    if changes is None:
        return {**told, "result": False, "comment": f"Package {target} could not be set to {state}."}
    return {**told, "changes": changes, "comment": comment}


def _targets(name: Any, pkgs: Any, sources: Any) -> list[str]:
    if not name and not pkgs and not sources:
        raise ArgumentError("One of name, pkgs, or sources must be specified.")
    if pkgs and sources:
        raise ArgumentError("Only one of pkgs or sources can be specified.")
    given = pkgs or sources or [name]
    return [str(next(iter(one)) if isinstance(one, Mapping) else one) for one in given]


def get_selections(pattern: str | None = None, state: str | None = None) -> dict[str, list[str]]:
    """Return the packages by what dpkg is told to do with them, ``{state: [names]}``.

    *pattern*: those whose names match it. *state*: of that one alone (``install``, ``hold``, ``deinstall``, ``purge``).

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.get_selections 'python-*' state=hold
    """
    words = ["dpkg", "--get-selections", _package_targets.safe(pattern) if pattern else "*"]
    found = _parsed(__salt__["cmd.run_stdout"](words, python_shell=False, env=_apt.ENVIRONMENT))
    return {state: found.get(state, [])} if state else found


def _parsed(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.split("\n"):
        words = line.split()
        if len(words) == 2:
            found.setdefault(words[1], []).append(words[0])
    return found


def set_selections(
    path: str | None = None, selection: Any = None, clear: bool = False, saltenv: str = "base"
) -> dict[str, dict[str, Any]]:
    """Tell dpkg what to do with packages, and return the changes, ``{name: {"old": state, "new": state}}``.

    *selection*: ``{state: [names]}``, YAML too; *path*: a file of the form of ``dpkg --get-selections``, from the
    master. *clear*: forget all selections first. Nothing is installed or removed by it.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.set_selections selection='{"install": ["netcat"]}'
        saltern '*' pkg.set_selections salt://path/to/file
    """
    if not path and not selection:
        return {}
    if path and selection:
        raise ArgumentError(
            "The 'selection' and 'path' arguments to pkg.set_selections are mutually exclusive, and cannot be specified"
            " together"
        )
    wanted = _from_file(str(path), saltenv) if path else _from_yaml(selection)
    if unknown := [str(state) for state in wanted if state not in STATES]:
        raise ArgumentError(f"Invalid state(s): {', '.join(unknown)}")
    test = __opts__.get("test")
    if clear and not test:
        done = _apt.call(__salt__, ["dpkg", "--clear-selections"])
        if done["retcode"]:
            raise CommandError(f"Running dpkg --clear-selections failed: {done['stderr']}")
    before = {name: state for state, names in get_selections().items() for name in names}
    changes: dict[str, dict[str, Any]] = {}
    for state, names in wanted.items():
        for name in map(str, names):
            if state == before.get(name) or test:
                continue
            if len(name.split()) != 1:
                raise ArgumentError(f"pkg.set_selections: no package can be called {name!r}")
            if _apt.call(__salt__, ["dpkg", "--set-selections"], stdin=f"{name} {state}")["retcode"] == 0:
                changes[name] = {"old": before.get(name), "new": state}
    return changes


def _from_yaml(selection: Any) -> Mapping[str, Any]:
    if isinstance(selection, str):
        import yaml

        try:
            selection = yaml.safe_load(selection)
        except yaml.YAMLError as error:
            raise ArgumentError(f"Improperly-formatted selection: {error}") from None
    if not isinstance(selection, Mapping) or not all(isinstance(names, list | tuple) for names in selection.values()):
        raise ArgumentError(f"Improperly-formatted selection: {{state: [names]}} is wanted, not {selection!r}")
    return selection


def _from_file(path: str, saltenv: str) -> Mapping[str, Any]:
    cached = __salt__["cp.cache_file"](path, saltenv)
    if not cached:
        raise CommandError(f"pkg.set_selections: {path} is not there")
    with open(cached, encoding="utf-8", errors="replace") as file:
        return _parsed(file.read())
