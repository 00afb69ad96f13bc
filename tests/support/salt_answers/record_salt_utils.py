"""Record what the real Salt's ``salt.utils`` answers to ``salt_utils_calls.py``: ``salt_utils.json``.

Run by hand with Salt's Python: ``python record_salt_utils.py``.
"""

import importlib
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import salt_utils_asked as asked  # noqa: E402

if __name__ == "__main__":
    with open(os.path.join(HERE, "salt_utils.json"), "w") as f:
        f.write(json.dumps(asked.answers(lambda name: importlib.import_module(f"salt.utils.{name}")), indent=1) + "\n")
