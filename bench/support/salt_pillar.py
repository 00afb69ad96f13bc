"""Compiles pillars as Salt's master does. Run by Salt's own Python, so nothing of ours is imported.

The argument is the folder of pillar; on stdin is a JSON list of ``[id, grains]``, on stdout the seconds and pillars.
"""

import json
import logging
import sys
import tempfile
import time

import salt.config  # type: ignore[import-not-found]  # Salt's own, in its own environment
import salt.pillar  # type: ignore[import-not-found]

logging.disable(logging.CRITICAL)
with tempfile.TemporaryDirectory() as folder:
    opts = salt.config.master_config(None)
    opts.update(
        root_dir=folder,
        cachedir=f"{folder}/cache",
        extension_modules=f"{folder}/ext",
        pillar_roots={"base": [sys.argv[1]]},
        file_client="local",
    )
    asked = json.load(sys.stdin)
    pillars = []
    for number, (minion, grains) in enumerate([asked[0], *asked]):
        if number == 1:
            began = time.perf_counter()  # the first has loaded what is loaded once
        pillars.append(salt.pillar.Pillar(opts, grains, minion, None).compile_pillar())
    print(json.dumps({"seconds": time.perf_counter() - began, "pillars": pillars[1:]}))
