"""A master's keys in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern.keystore import KeyStore
from saltern.pki import own_keys


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    """A key store of a master that has a key, and no minion's."""
    own_keys(str(tmp_path), "master")
    store = KeyStore(str(tmp_path))
    store.create()
    return store
