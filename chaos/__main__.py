"""``python -m chaos``: see ``make chaos ARGS=--help``."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import chaos
from chaos import report
from chaos.clock import PRELOAD
from chaos.faults import clock, damage, disk, network, process  # noqa: F401  # each enters its kinds
from chaos.faults.kind import KINDS
from chaos.plan import plan
from chaos.run import Run, Say
from chaos.soak import Soak
from chaos.stack import Stack

MINUTES, SOAK_MINUTES = 5.0, 240.0
INSIDE = "SALTERN_CHAOS_INSIDE"
"""Set for a process that has mounts of its own: they are gone with it, whatever ends it."""


def main() -> int:
    """Run and return the exit code: 0 when all holds, 1 when not."""
    options = _options()
    _enter_own_mounts()
    root = Path(options.folder or tempfile.mkdtemp(prefix="saltern-chaos-"))
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:7.1f} {text}", flush=True)

    well = (_soak if options.soak else _faults)(options, root, say)
    if well and not options.folder:
        shutil.rmtree(root, ignore_errors=True)
    else:
        say(f"logs, ground truth and state are in {root}")
    return 0 if well else 1


def _faults(options: argparse.Namespace, root: Path, say: Say) -> bool:
    """Let faults happen and compare; return whether all holds."""
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    kinds = set(options.kinds.split(",")) if options.kinds else set(KINDS)
    for kind, why in _left_out(kinds).items():
        kinds.remove(kind)
        say(f"{kind} is left out: {why}")
    stack = Stack(root, options.agents, clocks="clock" in kinds)
    only = options.only.split(",") if options.only else []
    planned = plan(seed, options.minutes * 60, stack.minions, kinds, only)
    say(f"seed {seed}: {len(planned)} faults in {options.minutes:g} minutes, of {', '.join(sorted(kinds))}; in {root}")
    for fault in planned if options.show_plan else ():
        say(f"plan: {fault.at:.1f} s: {fault.kind.name} {fault.target}, {fault.seconds:.1f} s")
    try:
        result = Run(stack, planned, options.heal, say).run(options.minutes * 60)
        report.write(result, root / "result.json")
        print("\n".join(report.lines(result)), flush=True)
        if result.findings:
            stack.keep_state()
    finally:
        stack.end()
    again = f"--minutes {options.minutes:g} --agents {options.agents} --seed {seed}"
    again += f" --kinds {options.kinds}" if options.kinds else ""
    again += f" --only {options.only}" if options.only else ""
    say(f"{'NOT all holds' if result.findings else 'all holds'}; again with: make chaos ARGS='{again}'")
    return not result.findings


def _soak(options: argparse.Namespace, root: Path, say: Say) -> bool:
    """Run without faults and look at what everybody takes; return whether nothing grows too fast."""
    stack = Stack(root, options.agents, clocks=False)
    try:
        findings = Soak(stack, options.heal, say).run(options.minutes * 60)
    finally:
        stack.end()
    for finding in findings:
        say(f"{finding.whom}: {finding.text}")
    return not findings


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="chaos", description=chaos.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, help=f"how long (default: {MINUTES:g}; --soak: {SOAK_MINUTES:g})")
    parser.add_argument("--seed", type=int, help="makes the plan of faults (default: any)")
    parser.add_argument("--agents", type=int, default=3, help="how many (default: 3)")
    parser.add_argument("--kinds", help=f"of faults, with commas (default: {','.join(KINDS)})")
    parser.add_argument("--only", help="whom faults befall, with commas: store, master, m1, m2, … (default: all)")
    parser.add_argument("--heal", type=float, default=120.0, help="seconds for each step of healing (default: 120)")
    parser.add_argument("--folder", help="where everything is and stays; it must be empty (default: a temporary one)")
    parser.add_argument("--soak", action="store_true", help="no faults: do memory, descriptors or disks grow?")
    parser.add_argument("--show-plan", action="store_true", help="print all faults first")
    options = parser.parse_args()
    options.minutes = options.minutes or (SOAK_MINUTES if options.soak else MINUTES)
    for kind in (options.kinds or "").split(","):
        if kind and kind not in KINDS:
            parser.error(f"there is no kind of fault {kind!r}: there are {', '.join(KINDS)}")
    return options


def _enter_own_mounts() -> None:
    """Begin again with mounts of our own, where that is permitted."""
    if os.geteuid() == 0 and INSIDE not in os.environ and shutil.which("unshare"):
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--mount", *sys.orig_argv])


def _left_out(kinds: set[str]) -> dict[str, str]:
    """Return those of *kinds* that can't happen here, and why."""
    left_out: dict[str, str] = {}
    if os.geteuid() != 0:
        disks = [kind for kind in kinds if kind in ("full", "read-only")]
        left_out |= dict.fromkeys(disks, "only root mounts disks")
    if "clock" in kinds and PRELOAD is None:
        left_out["clock"] = "libfaketime isn't installed"
    return left_out


if __name__ == "__main__":
    sys.exit(main())
