"""Resolves targets as Salt's master does. Run by Salt's own Python, so nothing of ours is imported.

The argument is a folder with ``fleet.json``: ids, and grains and pillar by id. Accepted keys and a minion data cache
are made of it below the folder; then each line on stdin, ``[kind, target]``, is answered with
processor seconds and the ids.
"""

import json
import logging
import sys
import time
from pathlib import Path

import salt.cache  # type: ignore[import-not-found]  # Salt's own, in its own environment
import salt.config  # type: ignore[import-not-found]
import salt.utils.minions  # type: ignore[import-not-found]

root = Path(sys.argv[1])
logging.disable(logging.CRITICAL)
fleet = json.loads((root / "fleet.json").read_text())
opts = salt.config.master_config(None)
opts.update(
    root_dir=str(root),
    cachedir=str(root / "cache"),
    pki_dir=str(root / "pki"),
    sock_dir=str(root / "run"),
    extension_modules=str(root / "ext"),
    nodegroups=fleet["nodegroups"],
)
for state in ("minions", "minions_pre", "minions_rejected", "minions_denied"):
    (root / "pki" / state).mkdir(parents=True)
cache = salt.cache.factory(opts)
for minion in fleet["ids"]:
    (root / "pki" / "minions" / minion).write_text(f"key of {minion}")
    cache.store("grains", minion, fleet["grains"][minion])
    cache.store("pillar", minion, fleet["pillar"][minion])
check = salt.utils.minions.CkMinions(opts)
print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    kind, target = json.loads(line)
    began = time.process_time()
    found = check.check_minions(target, kind)
    print(json.dumps([time.process_time() - began, sorted(found["minions"])]), flush=True)
