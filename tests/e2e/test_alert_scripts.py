"""An alert on a live metric runs its script, with JSON on stdin, and fires its event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from saltern.event import MasterEvent
from support.stacks import Parts, wait_for


@pytest.mark.timeout(180)
def test_a_threshold_runs_a_script_and_a_bad_rule_hurts_no_other(tmp_path: Path) -> None:
    master = 'schedule: {q: {function: "queue.depth", seconds: 1, metrics: true}}\nalerts_interval: 1\n'
    parts = Parts(tmp_path / "s", master=master)
    root = Path(parts.stack.root)
    level = tmp_path / "level"
    level.write_text("1")
    (root / "srv" / "_modules" / "queue.py").write_text(
        f"def depth():\n    return {{'jobs': int(open({str(level)!r}).read())}}\n"
    )
    told = tmp_path / "told"
    script = root / "etc" / "tell.sh"
    script.write_text(f'#!/bin/sh\ncat >> {told}\necho "$SALTERN_ALERT $SALTERN_STATE $SALTERN_VALUE" >> {told}.env\n')
    script.chmod(0o755)
    (root / "etc" / "alerts.d" / "queue.yaml").write_text(
        'deep:\n  metric: saltern.*.queue.jobs\n  crit: "> 100"\n  script: tell.sh\n'
        'bad:\n  metric: saltern.*.queue.jobs\n  crit: "> 100"\n  foor: 3\n'
    )
    try:
        parts.start()
        wait_for(lambda: any(r.get("series") for r in parts.runner.cmd("alerts.list")), "the series")
        rules = {r["name"]: r for r in parts.runner.cmd("alerts.list")}
        assert "foor is not a key of a rule: did you mean 'for'?" in rules["bad"]["error"]
        assert "queue.yaml: line 8" in rules["bad"]["error"]
        events = MasterEvent(parts.stack.sock_dir)
        events.subscribe("salt/alert/")
        level.write_text("500")
        event = events.get_event(wait=20, full=True)
        assert event is not None
        assert event["tag"] == "salt/alert/deep/crit"
        assert event["data"]["value"] == 500
        env = tmp_path / "told.env"
        wait_for(lambda: env.exists() and env.read_text().endswith("\n"), "the script")
        assert json.loads(told.read_text())["state"] == "crit"
        assert env.read_text().split()[:2] == ["deep", "crit"]
        level.write_text("3")
        recovered = events.get_event(wait=20, full=True)
        assert recovered is not None
        assert recovered["tag"] == "salt/alert/deep/ok"
        events.close()
    finally:
        parts.stop_all()
