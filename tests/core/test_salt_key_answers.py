"""``saltern-key`` prints and does what ``salt-key`` does; its answers are recorded."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from saltern.cli import key as command
from saltern.keystore import STATES, KeyStore
from saltern.pki import fingerprint, own_keys

ANSWERS: list[list[Any]] = json.loads((Path(__file__).parent.parent / "support/salt_answers/salt_key.json").read_text())
KEYS = {
    "minions": ["web1", "web2", "DB1", "api1"],
    "minions_pre": ["web3", "app1"],
    "minions_rejected": ["bad1", "web9"],
    "minions_denied": ["web1"],
}
KEY = "A" * 40
TWICE = "a key is told of once, also when a denied one has its id"
OTHERWISE = {"-R -y --include-accepted": TWICE, "-r 'web*' -y --include-accepted": TWICE}
"""Command lines that do something else here, and why."""


@pytest.mark.parametrize(("words", "stdin", "out", "code", "after"), ANSWERS, ids=[line[0] or "-" for line in ANSWERS])
def test_keys_are_handled_as_by_salt(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    stdin: str,
    out: str,
    code: int,
    after: dict[str, list[str]] | None,
) -> None:
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\npki_dir: {tmp_path}/pki\nsock_dir: {tmp_path}/run\n")
    own_keys(str(tmp_path / "pki"), "master")
    store = KeyStore(str(tmp_path / "pki"))
    store.create()
    for state, ids in KEYS.items():
        for minion_id in ids:
            store.put(state, minion_id, KEY)
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    try:
        ended = command.main(["-c", str(tmp_path), *shlex.split(words)])
    except SystemExit as end:
        ended = int(end.code or 0)
    shown = capsys.readouterr().out.replace(fingerprint(KEY), "FINGER").replace(KEY, "KEY")
    answer = (shown, ended, {state: store.ids(state) for state in STATES})
    expected = (out, code, {state: sorted(ids) for state, ids in (after or KEYS).items()})
    assert (answer == expected) == (words not in OTHERWISE), (answer, expected)
