"""A program that has no descriptor left for one of its files."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NoReturn

import pytest


@contextlib.contextmanager
def denied(monkeypatch: pytest.MonkeyPatch, module: ModuleType, number: int = errno.EMFILE) -> Iterator[None]:
    """Have the ``open`` of one module fail within the block, where a loop needs descriptors of its own."""

    def fails(path: Any, *_: Any, **__: Any) -> NoReturn:
        raise OSError(number, os.strerror(number), path)

    with monkeypatch.context() as patch:
        patch.setattr(module, "open", fails, raising=False)
        yield
