"""How modules from folders are run, and what ``import`` means inside them.

Their files are in no folder of ``sys.path`` and they are known to Python below ``saltern_ext`` alone, so that one
called ``logging.py`` or ``yaml.py`` hides nothing from anybody. They have ``__builtins__`` of their own, whose
``__import__`` looks further when Python knows no module of a name: among the modules of the same kind, then of the
other one. So the standard library and what is installed come first, also for them.

    import one                      _modules/one.py (or package), else _utils/one.py
    from _utils import shared       that kind alone
    from .trainer import train      inside a package; ``from . import one`` in a plain file
    import salt.utils.files         what there is of Salt's own modules: ``saltern.salt_names``

They share the module that callers get: its state, and ``__salt__`` and the rest among its globals.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from saltern import salt_names
from saltern.digest import sha256
from saltern_agent.jobs import Killed
from saltern_agent.loader.marks import Marks, init_of
from saltern_agent.loader.module import initialise, reason
from saltern_agent.loader.slot import Slot
from saltern_agent.loader.source import KINDS, PACKAGE_FILE

NAMESPACE = "saltern_ext"


class Whole(ModuleType):
    """A kind as a whole, ``_utils`` or ``_modules``: its attributes are the modules as they are now."""

    def __init__(self, kind: str, get: Callable[[str, Sequence[str]], ModuleType]) -> None:
        super().__init__(f"{NAMESPACE}.{kind}")
        self.__path__ = []  # it has modules inside
        self._kind = kind
        self._get = get

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("__"):  # who looks through all that Python knows
            raise AttributeError(name)
        try:
            return self._get(self._kind, [name])
        except ModuleNotFoundError as error:
            raise AttributeError(str(error)) from None


class Imports:
    """Runs the files of slots. *find* gives the slots of a kind and a name, the strongest first, *load* runs one.

    *injected* returns what a module of a kind, by its name, has among its globals, *marks* has what is run; ``wanted``
    tells by importer which names it asked for.
    """

    def __init__(
        self,
        injected: Callable[[str, str], Mapping[str, Any]],
        find: Callable[[str, str], Sequence[Slot]],
        load: Callable[[Slot, str], ModuleType],
        marks: Marks,
        kinds: Sequence[str] = KINDS,
    ) -> None:
        self.wanted: dict[str, set[str]] = {}
        self._injected = injected
        self._find = find
        self._load = load
        self._marks = marks
        self._builtins = {**vars(builtins), "__import__": self._import}
        salt_names.install()
        self._kinds = kinds
        self._wholes = {kind: Whole(kind, self._get) for kind in kinds}
        sys.modules[NAMESPACE] = ModuleType(NAMESPACE)  # pickle looks for a class's module from the top
        sys.modules.update((whole.__name__, whole) for whole in self._wholes.values())

    def run(self, slot: Slot, kind: str) -> None:
        """Run the file of a slot that is held and has not been run. Raises whatever it raises."""
        python = self.execute(slot, kind)
        try:
            self.begin(slot, python)
        except BaseException:
            slot.drop()
            slot.python = None
            slot.parts.clear()
            raise

    def execute(self, slot: Slot, kind: str) -> ModuleType:
        """Run the file of a slot without telling it that it begins."""
        source = slot.source
        return self._execute(slot, f"{NAMESPACE}.{kind}.{source.stem}", source.path, source.package)

    def begin(self, slot: Slot, python: ModuleType) -> None:
        """Call the ``__init__`` of a module that was run. Raises ``ModuleError``."""
        step = init_of(slot.source.path)
        if "__init__" in vars(python) or self._marks.times(step):
            with self._marks.loading(step, slot.digest):
                initialise(python, vars(python)["__opts__"])

    def salts_util(self, name: str) -> Callable[..., Any] | None:
        """Return Salt's own function *name* (``files.fopen``) of ``__utils__``, or ``None`` when it isn't here."""
        module, _, function = name.partition(".")
        try:
            python = importlib.import_module(f"{salt_names.SALT}.utils.{module}")
        except ImportError:
            return None
        found = vars(python).get(function)
        return found if callable(found) and not function.startswith("_") else None

    def after(self, changed: set[str] | None) -> set[str] | None:
        """Return *changed* and the names of all that imported one of them, or tried to; they are forgotten here.

        ``None`` stands for all.
        """
        if changed is None:
            self.wanted.clear()
            return None
        stale = set(changed)
        grew = True
        while grew:
            more = {importer for importer, names in list(self.wanted.items()) if not stale.isdisjoint(names)}
            grew = not more <= stale
            stale |= more
        for name in stale:
            self.wanted.pop(name, None)
        return stale

    def _execute(self, slot: Slot, name: str, path: str, package: str) -> ModuleType:
        """Run a file. No byte code is kept: its staleness is judged by whole seconds, a sync is quicker."""
        python = ModuleType(name)
        python.__file__ = path
        python.__package__ = name if package else name.rpartition(".")[0]
        if package:
            python.__path__ = [package]
        injected = self._injected(*name.split(".")[1:3])
        python.__dict__.update(injected)
        python.__dict__["__builtins__"] = self._builtins
        code, digest = slot.code(path)
        slot.digest = sha256(f"{slot.digest if slot.parts else ''} {digest}".encode()).hexdigest()
        first = not slot.parts
        slot.parts[name] = python
        if first:
            slot.python = python  # others may import it from now on, as far as it has come
        sys.modules[name] = python  # dataclasses and pickle look a class's module up there
        try:
            with self._marks.loading(path, digest):
                exec(code, python.__dict__)  # noqa: S102  # running the operator's own modules is what this is for
            _put_back(python, injected)
        except BaseException:
            if sys.modules.get(name) is python:
                del sys.modules[name]
            slot.parts.pop(name, None)
            if first:
                slot.python = None
                slot.parts.clear()
            raise
        return python

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # Python's own names of these
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Stand for ``__import__`` in modules from folders; raises what Python raises."""
        importing = globals or sys._getframe(1).f_globals  # none are given by who calls __import__ himself
        if level:
            return self._relative(name, importing, level, fromlist)
        try:
            found = builtins.__import__(name, globals, locals, fromlist or (), 0)
            if fromlist and salt_names.is_ours(found):
                salt_names.check(name, found, fromlist)
            return found
        except ModuleNotFoundError as error:
            importer = str(importing.get("__name__", ""))
            if error.name != name.partition(".")[0] or not importer.startswith(f"{NAMESPACE}."):
                raise
            missing = error
        if missing.name == salt_names.SIX and (python := salt_names.six(name, fromlist)) is not None:
            return python
        kind, path = self._place(importer, name)
        self._want(importer, path or fromlist or ())
        if not kind:
            raise missing
        last = self._get(kind, path)
        whole_kind = name.startswith("_")  # import _utils.shared: the name _utils is what they get
        return self._chosen(last, fromlist) if fromlist else self._get(kind, [] if whole_kind else path[:1])

    def _relative(
        self, name: str, importing: Mapping[str, Any], level: int, fromlist: Sequence[str] | None
    ) -> ModuleType:
        """Return the module that *name* after *level* dots is; raises ``ImportError``."""
        package = str(importing.get("__package__") or "")
        parts = package.split(".")
        if level > len(parts) - 1 or parts[0] != NAMESPACE:
            raise ImportError("attempted relative import beyond top-level package")
        whole = parts[: len(parts) - level + 1] + (name.split(".") if name else [])
        self._want(str(importing.get("__name__", "")), whole[2:] or fromlist or ())
        return self._chosen(self._get(whole[1], whole[2:]), fromlist)

    def _want(self, importer: str, names: Sequence[str]) -> None:
        """Take note that *importer* asked for the module that is first in *names*, or for all of them in a kind."""
        self.wanted.setdefault(importer.split(".")[2], set()).update(names)

    def _place(self, importer: str, name: str) -> tuple[str, list[str]]:
        """Return the kind, and the path in it, of an absolute *name*; the kind is empty when there is none."""
        path = name.split(".")
        if path[0][0] == "_" and path[0][1:] in self._kinds:
            return path[0][1:], path[1:]
        own = importer.split(".")[1]
        for kind in sorted(self._kinds, key=lambda kind: kind != own):
            if self._find(kind, path[0]):
                return kind, path
        return "", path

    def _get(self, kind: str, path: Sequence[str]) -> ModuleType:
        """Return the module at *path*: a kind as a whole, a module, or one inside a package. Raises ``ImportError``."""
        if not path:
            return self._wholes[kind]
        slot, python = self._unit(kind, path[0])
        for depth in range(1, len(path)):
            python = self._member(slot, python, path[depth])
        return python

    def _unit(self, kind: str, stem: str) -> tuple[Slot, ModuleType]:
        why = ""
        for slot in self._find(kind, stem):
            with slot.held() as held:
                if slot.python is not None:  # perhaps only as far as it has come
                    return slot, slot.python
                if not held:
                    why = why or "it is still being loaded"
                    continue
                if slot.error is None:
                    try:
                        return slot, self._load(slot, kind)
                    except Killed:
                        raise
                    except BaseException as error:
                        why = why or f"{os.path.basename(slot.source.path)}: {reason(error, slot.source.path)}"
                else:
                    why = why or slot.error
        name = f"{NAMESPACE}.{kind}.{stem}"
        if why:
            raise ImportError(f"{stem} can't be imported: {why}", name=name)
        raise ModuleNotFoundError(f"No module named {stem!r}", name=name)

    def _member(self, slot: Slot, parent: ModuleType, name: str) -> ModuleType:
        """Return the module *name* inside the package *parent*. Raises ``ImportError``."""
        full = f"{parent.__name__}.{name}"
        folders = getattr(parent, "__path__", ())
        with slot.held() as held:
            if full in slot.parts:
                return slot.parts[full]
            if not held:
                raise ImportError(f"{full} is still being loaded", name=full)
            for folder in folders if name.isidentifier() else ():
                inside = os.path.join(folder, name)
                for path, package in ((os.path.join(inside, PACKAGE_FILE), inside), (f"{inside}.py", "")):
                    if os.path.isfile(path):
                        python = self._execute(slot, full, path, package)
                        setattr(parent, name, python)
                        return python
        raise ModuleNotFoundError(f"No module named {full!r}", name=full)

    def _chosen(self, python: ModuleType, fromlist: Sequence[str] | None) -> ModuleType:
        """Return *python* with the modules inside it that ``from … import`` names."""
        path = python.__name__.split(".")[1:]
        names = list(fromlist or ())
        if "*" in names:
            names += [str(name) for name in getattr(python, "__all__", ())]
        for name in names if hasattr(python, "__path__") else ():
            if name != "*" and not hasattr(python, name):
                try:
                    setattr(python, name, self._get(path[0], [*path[1:], name]))
                except ModuleNotFoundError as error:  # Python says itself that the name isn't there
                    if error.name != f"{python.__name__}.{name}":
                        raise
        return python


def _put_back(python: ModuleType, injected: Mapping[str, Any]) -> None:
    """Give a module again what its file has put something else in the place of, such as ``__salt__ = {}`` for linters.

    Options that it defines itself count for it.
    """
    own = vars(python).get("__opts__")
    if isinstance(own, dict) and own is not injected["__opts__"]:
        injected["__opts__"].update(own)
    python.__dict__.update(injected)
