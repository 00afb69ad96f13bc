"""What each function is able to do, read from the modules' own words without running any of them.

A module's ``__powers__`` is a literal at the top of its file (``saltern.power``). The bundled modules are read from
the installed package, the custom ones from what the file server serves.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import logging
import os
import threading
import warnings
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from saltern.power import STRENGTH, Power

log = logging.getLogger(__name__)

BUNDLED_PACKAGE = "saltern_modules"
MAX_SOURCE_CHARACTERS = 512 * 1024
MAX_MODULES = 5000
OTHERS = "*"
"""Stands for the functions that a module doesn't name."""
_PARSING = threading.Lock()
"""One source at a time: until 3.11.8 and 3.12.2 ``ast.parse`` fails with SystemError where two threads meet in it."""


class Declaration(NamedTuple):
    """What one file says: the name that callers use for the module, and its functions' powers.

    One that is *whole* names every function that it has: a bundled file, which may be one part of a module, or one
    driver of several.
    """

    name: str
    powers: Mapping[str, Power]
    whole: bool = False

    def of(self, function: str) -> Power | None:
        """Return the power of *function*, a name without the module's; ``None``: the file doesn't have it."""
        return self.powers.get(function) or self.powers.get(OTHERS) or (None if self.whole else Power.INDIRECT)


class Powers:
    """The powers of the bundled modules, and of the custom ones that were learnt last."""

    def __init__(self, bundled: Mapping[str, str] | None = None) -> None:
        """*bundled*: file name without ``.py`` to source; by default what is installed on this host."""
        found = bundled_declarations(BUNDLED_PACKAGE) if bundled is None else _declarations(bundled)
        self._bundled = {stem: one._replace(whole=True) for stem, one in found.items()}
        self._by_name = _by_name(self._bundled.values())

    def of(self, function: str) -> Power:
        """Return the power of ``module.function``.

        Several files may go by one name, each on the hosts that it is made for: the strongest of what they say holds.
        """
        module, _, name = function.partition(".")
        return max(
            filter(None, (declaration.of(name) for declaration in self._by_name.get(module, ()))),
            key=STRENGTH.__getitem__,
            default=Power.INDIRECT,
        )

    def learn(self, modules: Mapping[str, str]) -> None:
        """Know the custom *modules* (file name without ``.py`` to source) from now on, in the place of earlier ones.

        A custom file comes before the bundled one of its name, which a minion uses all the same for functions that
        it lacks, or where it can't be loaded: both count. May be called in another thread than ``of``.
        """
        self._by_name = _by_name([*self._bundled.values(), *_declarations(modules).values()])


def bundled_sources(package: str = BUNDLED_PACKAGE) -> dict[str, str]:
    """Return the sources of the modules installed on this host, ``{}`` when there are none."""
    spec = importlib.util.find_spec(package)
    sources: dict[str, str] = {}
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for entry in os.scandir(folder):
            stem = entry.name.removesuffix(".py")
            if stem != entry.name and not stem.startswith("_") and entry.is_file():
                with open(entry.path, encoding="utf-8") as stream:
                    sources[stem] = stream.read(MAX_SOURCE_CHARACTERS + 1)
    return sources


@functools.cache
def bundled_declarations(package: str) -> Mapping[str, Declaration]:
    """Return what the modules installed as *package* say, by file; they are read once in a process."""
    return _declarations(bundled_sources(package))


def declaration(stem: str, source: str) -> Declaration:
    """Return what the file *stem*, without ``.py``, says in its *source*; one that can't be read says nothing."""
    if len(source) > MAX_SOURCE_CHARACTERS:
        log.warning("module %s: its powers aren't read: it is over %d characters", stem, MAX_SOURCE_CHARACTERS)
        return Declaration(stem, {})
    try:
        with _PARSING, warnings.catch_warnings():  # of the module's own style: its author hears of it on the minion
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        log.warning("module %s: its powers aren't read: %s", stem, str(error).split("\n")[0] or type(error).__name__)
        return Declaration(stem, {})
    literals = _literals(tree, ("__virtualname__", "__powers__"))
    name = literals.get("__virtualname__", stem)
    return Declaration(name if isinstance(name, str) else stem, _powers(stem, literals.get("__powers__", {})))


def _declarations(sources: Mapping[str, str]) -> dict[str, Declaration]:
    if len(sources) > MAX_MODULES:
        log.warning("the powers of %d modules aren't read: %d are", len(sources) - MAX_MODULES, MAX_MODULES)
    return {
        stem: declaration(stem, source if number < MAX_MODULES else "")
        for number, (stem, source) in enumerate(sources.items())
    }


def _by_name(declarations: Iterable[Declaration]) -> dict[str, list[Declaration]]:
    found: dict[str, list[Declaration]] = {}
    for one in declarations:
        found.setdefault(one.name, []).append(one)
    return found


def _literals(tree: ast.Module, names: tuple[str, ...]) -> dict[str, object]:
    """Return the values of those *names* that the module sets to a literal at its top; the last one holds."""
    found: dict[str, object] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and target.id in names:
                try:
                    found[target.id] = ast.literal_eval(value)
                except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                    found[target.id] = None
    return found


def _powers(stem: str, said: object) -> dict[str, Power]:
    """Return the powers in a literal; what isn't a power there counts as the strongest."""
    if not isinstance(said, dict):
        log.warning("module %s: __powers__ must be a literal, as in {'list': 'reads'}", stem)
        return {}
    powers: dict[str, Power] = {}
    for function, word in said.items():
        try:
            powers[str(function)] = Power(word)
        except ValueError:
            log.warning("module %s: __powers__: %.80r is no power: use one of %s", stem, word, ", ".join(Power))
            powers[str(function)] = Power.INDIRECT
    return powers
