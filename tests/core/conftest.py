"""A master's keys in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern.keystore import KeyStore
from saltern.pki import own_keys
from support.salt_program import Program


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    """A key store of a master that has a key, and no minion's."""
    own_keys(str(tmp_path), "master")
    store = KeyStore(str(tmp_path))
    store.create()
    return store


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Run ``saltern`` in this process, with a scripted master."""
    return Program(tmp_path, monkeypatch, capsys)
