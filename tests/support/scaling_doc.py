"""The configurations in docs/scaling.md, so that tests run what it shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

PATH = Path(__file__).parents[2] / "docs" / "scaling.md"
_BLOCK = re.compile(r"^<!-- tested: ([\w-]+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def names() -> set[str]:
    """Return the names of all blocks that claim to be tested."""
    return set(re.findall(r"^<!-- tested: (.*) -->$", PATH.read_text(), re.MULTILINE))


def block(name: str, replaced: Mapping[str, object]) -> str:
    """Return the text of a block, each key of *replaced*, which has to be there, by its value."""
    found = dict(_BLOCK.findall(PATH.read_text()))
    assert name in found, f"{PATH} has no block <!-- tested: {name} -->, but {sorted(found)}"
    text = str(found[name])
    for old, new in replaced.items():
        assert old in text, f"{PATH}: {old!r} is not in the block {name}"
        text = text.replace(old, str(new))
    assert "10.0.0." not in text, f"an address is left in the block {name}: {text}"
    return text
