"""What came of a run, as a table for people and a file for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from chaos.finding import AREAS
from chaos.run import Result

SHOWN = 20
PARTS = "expected", "received", "missing", "lost", "dropped", "skipped", "failed"


def lines(result: Result) -> Iterator[str]:
    """Yield the lines of the table."""
    faults = ", ".join(f"{name} {count}" for name, count in sorted(result.faults.items())) or "none"
    yield f"faults    {sum(result.faults.values())}: {faults}"
    yield f"jobs      {result.jobs} taken, {result.jobs_refused} not taken"
    yield f"{'minion':<9}" + "".join(
        f"{name:>9}" for name in ("sampled", "stored", "killed", "log gone", "nowhere", *PARTS)
    )
    for minion, stored in result.stored.items():
        account = result.accounts.get(minion, {})
        numbers = [stored.sampled, len(stored.slots), stored.explained, stored.taken + stored.gone, len(stored.nowhere)]
        numbers += [int(account.get(name, 0)) for name in PARTS]
        yield f"{minion:<9}" + "".join(f"{number:>9}" for number in numbers)
    counts = Counter(finding.area for finding in result.findings)
    yield "findings  " + ", ".join(f"{area} {counts[area]}" for area in AREAS)
    for area in AREAS:
        found = [finding for finding in result.findings if finding.area == area]
        for finding in found[:SHOWN]:
            yield f"  {area}: {finding.whom}: {finding.text}" + (f"  [{finding.faults}]" if finding.faults else "")
        if len(found) > SHOWN:
            yield f"  {area}: and {len(found) - SHOWN} more"


def write(result: Result, path: Path) -> None:
    """Write all of it as JSON: ``{findings: [{area, whom, text, faults}], faults, accounts, …}``."""
    content = asdict(result)
    content["findings"] = [finding._asdict() for finding in result.findings]
    for minion, stored in result.stored.items():
        content["stored"][minion]["slots"] = len(stored.slots)
        content["stored"][minion]["findings"] = [finding._asdict() for finding in stored.findings]
    path.write_text(json.dumps(content, indent=1))
