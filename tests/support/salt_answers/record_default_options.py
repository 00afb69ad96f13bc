"""Write the options that Salt has by default, of a master and of a minion, as YAML has them: ``default_options.json``.

Run by hand with the Python of Salt's own environment::

    python tests/support/salt_answers/record_default_options.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import salt.config  # type: ignore[import-not-found]  # Salt's own, in its own environment

HERE = "host.example.org"


def plain(value: Any) -> Any:
    """Return *value* with what this host's Salt alone has taken out: where it is installed, the host's name."""
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, str):
        return value.replace(sys.prefix, "")
    return [plain(member) for member in value] if isinstance(value, (Sequence, Set)) else value


OPTIONS = {
    "master": plain(dict(sorted(salt.config.DEFAULT_MASTER_OPTS.items()))),
    "minion": plain({**dict(sorted(salt.config.DEFAULT_MINION_OPTS.items())), "id": HERE}),
}
Path(__file__).with_name("default_options.json").write_text(json.dumps(OPTIONS, indent=0) + "\n")
