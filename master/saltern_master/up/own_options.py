"""What the files of a stack's own say, apart from what saltern-up wrote there."""

from __future__ import annotations

import os
from typing import Any

from saltern.config.includes import option_files
from saltern.config.load import read_settings

UP_FILE = "up.conf"


def own_option(config_dir: str, name: str, key: str) -> Any:
    """Return what the configuration *name* in a folder says of an option, but for ``UP_FILE``; ``None``: nothing.

    Raises ``ConfigError``.
    """
    found = None
    for file in option_files(os.path.join(config_dir, name)):
        if os.path.basename(file) != UP_FILE and os.path.exists(file):
            for setting in read_settings(file):
                found = setting.value if setting.key == key else found
    return found
