"""What ``docs/salt-compatibility.md`` says of Salt's runner and wheel functions is so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from saltern.cli import from_salt, watch
from saltern.key_functions import KeyFunctions
from saltern_master.auth.powers import bundled_sources, declaration
from saltern_master.commands.table import command_table

ROOT = Path(__file__).parents[2]
SALTS: dict[str, dict[str, list[str]]] = json.loads((ROOT / "tests/support/salt_answers/functions.json").read_text())
TEXT = (ROOT / "docs/salt-compatibility.md").read_text()


def rows(section: str) -> Iterator[tuple[list[str], str]]:
    """Yield the modules and the state of each row of a *section*'s table."""
    body = TEXT.partition(f"## {section}\n")[2].partition("\n## ")[0]
    for line in body.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            yield re.findall(r"`(\w+)`", cells[0]), cells[1]


def said_to_be_here(state: str, functions: list[str]) -> set[str]:
    """Return which of a module's *functions* a row says are here."""
    if state == "all":
        return set(functions)
    here = re.split(r"not here|ours:|nothing else", state)[0]
    if state.startswith("all but"):
        return set(functions) - set(re.findall(r"`(\w+)`", here))
    return set(re.findall(r"`(\w+)`", here)) & set(functions)


def functions_of(client: str) -> set[str]:
    """Return our functions that a *client* reaches."""
    if client == "execution":
        said = [declaration(stem, source) for stem, source in bundled_sources().items()]
        return {f"execution.{one.name}.{name}" for one in said for name in one.powers}
    keys: Any = KeyFunctions(SimpleNamespace())  # type: ignore[arg-type]
    ours = {f"{client}.{one.function}" for one in command_table(keys).offered_by(client)}
    ours |= {f"runner.{function}" for function in (watch.FUNCTION, from_salt.FUNCTION)}
    return ours - {"runner.manage.key_regen"}  # it is there to say why it isn't


@pytest.mark.parametrize(
    ("client", "section"),
    [("runner", "Runner functions"), ("wheel", "Wheel functions"), ("execution", "Execution modules")],
)
def test_every_function_of_salts_is_told_of_rightly(client: str, section: str) -> None:
    ours = functions_of(client)
    told = {module: state for modules, state in rows(section) for module in modules}
    assert set(told) == set(SALTS[client])
    for module, functions in SALTS[client].items():
        here = {function for function in functions if f"{client}.{module}.{function}" in ours}
        assert said_to_be_here(told[module], functions) == here, module
