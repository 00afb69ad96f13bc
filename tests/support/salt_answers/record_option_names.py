"""Write the names of the options that Salt has by default, of a master and of a minion: ``option_names.json``.

Run by hand with the Python of Salt's own environment::

    python tests/support/salt_answers/record_option_names.py
"""

from __future__ import annotations

import json
from pathlib import Path

import salt.config  # type: ignore[import-not-found]  # Salt's own, in its own environment

NAMES = {"master": sorted(salt.config.DEFAULT_MASTER_OPTS), "minion": sorted(salt.config.DEFAULT_MINION_OPTS)}
Path(__file__).with_name("option_names.json").write_text(json.dumps(NAMES, indent=0) + "\n")
