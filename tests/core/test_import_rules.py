"""The lint of who may import whom finds what it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_rules import faults


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("agent/saltern_agent/a.py", "import saltern.client", "saltern_agent.a may not import saltern.client"),
        ("agent/saltern_agent/a.py", "from saltern import keystore", "may not import saltern.keystore"),
        ("modules/saltern_modules/m.py", "from saltern.local import frame", "may not import saltern.local.frame"),
        ("core/saltern/config/c.py", "from saltern.client import X", "saltern.config.c may not import"),
        ("core/saltern/wire.py", "def f():\n    import saltern.cli.key", "core/saltern/wire.py:2: "),
        ("core/saltern/wire.py", "import aiohttp", "an agent's host has no aiohttp"),
        ("agent/saltern_agent/a.py", "import saltern_master.bus", "saltern_agent may not import saltern_master.bus"),
    ],
)
def test_what_no_one_may_import(tmp_path: Path, file: str, text: str, fault: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    found = list(faults(tmp_path))
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("core/saltern/wheel.py", "import saltern.keystore, saltern.local"),
        ("core/saltern/cli/key.py", "import saltern.wheel"),
        ("master/saltern_master/m.py", "import saltern.keystore"),
        ("agent/saltern_agent/a.py", "import saltern.pki"),
    ],
)
def test_what_may_be_imported(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    assert list(faults(tmp_path)) == []
