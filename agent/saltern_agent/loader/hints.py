"""What to say of a function that isn't there: why, and the one that was perhaps meant. What is named can be called."""

from __future__ import annotations

from saltern_agent.loader.shelf import Shelf

MAX_NAME_CHARACTERS = 100
"""Of a name that is compared with others."""


def hint(shelf: Shelf, name: str, refused: dict[str, str]) -> str:
    """Return one sentence or more, with a blank before it, about the missing *name*.

    *refused*: why modules never came to disk, by name.
    """
    module, dot, function = name.partition(".")
    known = _functions(shelf, module)
    if known and not function:
        return f" {module} is a module: give a function of it, as in {module}.{known[0]}"
    if known:
        close = _close(function, known)
        return f" Did you mean '{module}.{close}'?" if close else f" The module {module} has no function {function}."
    if not dot and not module:
        return ""
    return _no_module(shelf, module, function, refused)


def _no_module(shelf: Shelf, module: str, function: str, refused: dict[str, str]) -> str:
    slots = shelf.slots.get(module, [])
    for slot in slots:
        if slot.module is not None and module not in slot.module.names:
            meant = _at(shelf, slot.module.name, function)
            return f" The file {module} goes by the name {slot.module.name}{f':{meant}' if meant else '.'}"
    if error := {**shelf.errors(), **refused}.get(module):
        return f" The module {module} is not loaded: {error}"
    if any(slot.hung for slot in slots):
        return f" The module {module} is still being loaded."
    known = sorted({stem for stem in shelf.slots if not stem.startswith("_")} | _names(shelf))
    close = _close(module, known)
    while close:
        if _functions(shelf, close) and (meant := _at(shelf, close, function)):
            return f" There is no module {module}:{meant}"
        known.remove(close)
        close = _close(module, known)
    return f" There is no module {module}."


def _at(shelf: Shelf, module: str, function: str) -> str:
    """Return a suggestion of *function*, or one that looks like it, of a module that is there, or an empty text."""
    known = _functions(shelf, module)
    if not function:
        return f" did you mean {module}.{known[0]}?" if known else ""
    close = function if function in known else _close(function, known)
    return f" did you mean {module}.{close}?" if close else ""


def _functions(shelf: Shelf, module: str) -> list[str]:
    return list(dict.fromkeys(name for _, found in shelf.modules(module) for name in found.functions))


def _names(shelf: Shelf) -> set[str]:
    """Return the names that modules take beside their files'."""
    slots = (slot for slots in list(shelf.slots.values()) for slot in slots)
    return {slot.module.name if slot.module else slot.named for slot in slots} - {""}


def _close(word: str, known: list[str]) -> str:
    import difflib  # only for those who mistyped

    found = difflib.get_close_matches(word[:MAX_NAME_CHARACTERS], known, 1)
    return found[0] if found else ""
