"""What the master has for its minions to sync, as it lists it: modules, each one file or a package of several."""

from __future__ import annotations

from typing import Any

from saltern.errors import IdError, ModuleError
from saltern.ids import check_path
from saltern.named import NamedTuple
from saltern.visible import visible
from saltern_agent.loader.source import KINDS, PACKAGE_FILE, is_module_name
from saltern_agent.sync import Version

MAX_LINE_CHARACTERS = 300
"""Of what the master says about a file."""


class Unit(NamedTuple):
    """One module or package: ``files`` by their path in the kind's folder, ``mypkg.py`` or ``pack/__init__.py``."""

    kind: str
    name: str
    files: dict[str, Version]

    @property
    def package(self) -> bool:
        """Whether it is a folder."""
        return f"{self.name}.py" not in self.files

    def path(self, file: str) -> str:
        """Return what the master calls one of its files."""
        return f"_{self.kind}/{file}"


class Listing(NamedTuple):
    """The master's answer: the digest of all, what there is, what makes no sense, and what it left out with reasons."""

    digest: str
    units: list[Unit]
    odd: dict[str, str]
    left_out: dict[str, str]

    def of(self, kind: str) -> list[Unit]:
        """Return the units of one kind."""
        return [unit for unit in self.units if unit.kind == kind]


def read_listing(answer: Any) -> Listing:
    """Return the master's *answer* to ``modules``, checked. Raises ``ModuleError`` when it is none."""
    files = answer.get("files") if isinstance(answer, dict) else None
    if not isinstance(files, dict):
        raise ModuleError("the master's list of modules makes no sense")
    others = answer.get("others")
    left_out = answer.get("left_out")
    units: dict[tuple[str, str], Unit] = {}
    odd: dict[str, str] = {}
    for path, facts in sorted({**files, **(others if isinstance(others, dict) else {})}.items(), key=str):
        place = _place(path)
        if place is None:
            odd[visible(str(path))[:MAX_LINE_CHARACTERS]] = "it is no module's path"
            continue
        kind, name, file = place
        if not isinstance(facts, dict) or not isinstance(facts.get("hsum"), str):
            odd[path] = "the master does not tell its digest"
            continue
        commit = facts.get("commit")
        unit = units.setdefault((kind, name), Unit(kind, name, {}))
        unit.files[file] = Version(facts["hsum"], str(commit) if commit else None)
    whole = [unit for unit in units.values() if f"{unit.name}.py" in unit.files or _package(unit)]
    said = left_out if isinstance(left_out, dict) else {}
    named = {visible(str(path))[:MAX_LINE_CHARACTERS]: _line(why) for path, why in said.items()}
    return Listing(str(answer.get("digest") or ""), whole, odd, named)


def _package(unit: Unit) -> bool:
    return f"{unit.name}/{PACKAGE_FILE}" in unit.files


def _place(path: Any) -> tuple[str, str, str] | None:
    """Return kind, module and file for a path such as ``_modules/mypkg.py`` or ``_utils/pack/deep/x.py``."""
    try:
        top, _, file = check_path(path).partition("/")
    except IdError:
        return None
    first, _, inside = file.partition("/")
    name = first if inside else first.removesuffix(".py")
    if top[:1] != "_" or top[1:] not in KINDS or not is_module_name(name) or (not inside and name == first):
        return None
    return top[1:], name, file


def _line(text: Any) -> str:
    return visible(str(text))[:MAX_LINE_CHARACTERS]
