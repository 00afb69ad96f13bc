"""What the Python API answers, held against what Salt's does (``support/salt_answers/record_python_api.py``).

Every case is run on one stack of real processes. What is different on purpose is in ``DIFFERENT``, with the reason.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import saltern.client
import saltern.config
import saltern.event
import saltern.exceptions
import saltern.runner
import saltern.wheel
from support.salt_answers.api_case import answer
from support.stacks import Parts

RECORDED = json.loads((Path(__file__).parent.parent / "support/salt_answers/python_api.json").read_text())

QUICK = (
    ("'test.sleep', [2]", "'test.sleep', [0.4]"),
    ("'test.sleep', [1]", "'test.sleep', [0.2]"),
    ("timeout=2, gather_job_timeout=2", "timeout=0.5, gather_job_timeout=0.5"),
    ("timeout=2)", "timeout=0.5)"),
    ("wait=1,", "wait=0.1,"),
)
"""Times that Salt had to be given, and that this needn't."""

DIFFERENT: dict[str, tuple[str, ...]] = {
    "Salt's resources are not here, and functions that want all keywords are told nothing of them": (
        "local.cmd('web1', 'test.arg', ['a', '1', 'k=2', 3], kwarg={'foo': 'bar'})",
        "local.cmd('web1', 'test.arg', ('a', 'b'))",
        "rows(local.cmd_batch('web1', 'test.arg', ['a'], kwarg={'b': 1}))",
    ),
    "bytes are shown as what they are": ("local.cmd('web1', 'test.echo', [b'abc'])",),
    "grains.item names no outputter: nested is what is shown anyway": (
        "rows(local.cmd_cli('web1', 'grains.item', ['role']))",
        "local.get_cache_returns(job['jid'])  # grains.item",
    ),
    "events say who they are from, by the master's word, and returns how long they took": (
        "rows(local.cmd_batch('web1', 'test.ping', raw=True))",
        "[found['tag'], sorted(found['data']), found['data']['fun'], found['data']['return'], found['data']['success']]",  # noqa: E501
        "event.get_event(wait=5, tag='my/')",
        "event.get_event(wait=5, tag='my/', full=True)",
    ),
    "it looks into what is stored, too": ("local.get_returns(job['jid'], job['minions'], timeout=5)",),
    "no return is yielded twice": ("rows(local.get_cli_returns(job['jid'], job['minions'], timeout=2))  # silent",),
    "the user is the one that the kernel names, whatever a program says": (
        "runner.cmd('manage.up', print_event=False, full_return=True)",
        "runner.cmd('manage.up', pub_data={'user': 'fred'}, print_event=False, full_return=True)",
        "[found['tag'], sorted(found['data']), found['data']['fun'], found['data']['return'], found['data']['user']]",
    ),
    "a KeyError says what there is instead": ("runner.cmd('nosuch.fun')", "wheel.cmd('nosuch.fun')"),
    "a missing function is a KeyError by every way": (
        "runner.low('nosuch.fun', {}, print_event=False)[:60]",
        "wheel.call_func('nosuch.fun')[:60]",
    ),
    "usage is said in our words": (
        "runner.cmd('jobs.lookup_jid', print_event=False)",
        "wheel.cmd('key.list', [])",
        "wheel.cmd('key.accept')",
        "wheel.cmd('key.accept', ['a', 'b', 'c', 'd'])",
    ),
    "callers on this host are known by their user, and need no credentials": (
        "runner.cmd_async({'fun': 'manage.up'})",
        "runner.cmd_sync({'fun': 'manage.up'})",
        "wheel.cmd_sync({'fun': 'key.list_all'})",
    ),
    "the master's own files have other names": (
        "wheel.cmd('key.list_all')",
        "wheel.cmd('key.list_all', print_event=False, full_return=True)",
        "wheel.call_func('key.list_all')",
        "wheel.cmd('key.list', ['all'])",
        "kinds(wheel.cmd('key.master_key_str'))",
    ),
    "it says what was deleted": (
        "wheel.cmd('key.delete', ['new1'])",
        "wheel.cmd('key.delete_dict', [{'minions': ['new2', 'nobody']}])",
        "wheel.cmd('key.delete', ['new*'])",
    ),
    "a plain dict": ("type(wheel.cmd('config.values')).__name__",),
    "pillar comes from pillar_files": (
        "wheel.cmd('pillar_roots.find', ['one.sls'])",
        "wheel.cmd('pillar_roots.list_env')",
        "wheel.cmd('pillar_roots.list_roots')",
        "wheel.cmd('pillar_roots.read', ['one.sls'])",
    ),
    "keywords of a call are the function's, by their own names": (
        "caller.function('test.arg', 'a', 'k=2', '1', foo='bar')",
    ),
}
"""Why answers are others, with the cases by their last lines (``# …``: only those that hold this)."""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    root = tmp_path_factory.mktemp("stack")
    parts = Parts(root, ids=["db1", "web1", "web2"], master="schedule: {stats: false}\nheartbeat_timeout: 600\n")
    for minion_id in parts.stack.minion_ids:
        (Path(parts.stack.minion_config(minion_id)) / "minion").write_text(f"grains: {{role: {minion_id}}}\n")
    files = root / "srv"
    (files / "sub").mkdir()
    (files / "a.txt").write_text("hello\n")
    (files / "b.bin").write_bytes(bytes(range(256)))
    (files / "sub/b.txt").write_text("below\n")
    with parts.running():
        yield parts


KINDS = ("SaltReqTimeoutError", "AuthorizationError", "SaltClientError", "SaltInvocationError", "SaltException")


def kind_of(error: Exception) -> str:
    """Return the name that Salt's users know an error's class by."""
    if isinstance(error, KeyError):
        return "KeyError"
    named = [name for name in KINDS if isinstance(error, getattr(saltern.exceptions, name))]
    return named[0] if named else type(error).__name__


def test_answers_are_those_of_salt(parts: Parts) -> None:
    client_opts = saltern.config.client_config(parts.stack.config_dir)
    local = saltern.client.LocalClient(mopts={**client_opts, "gather_job_timeout": 0.5})
    opts = saltern.config.master_config(parts.stack.config_dir)
    names: dict[str, Any] = {
        "local": local,
        "runner": saltern.runner.RunnerClient(opts),
        "wheel": saltern.wheel.WheelClient(opts),
        "caller": saltern.client.Caller(
            mopts={
                **saltern.config.minion_config(parts.stack.minion_config("web1")),
                "file_client": "local",
            }
        ),
    }
    different: dict[str, tuple[Any, Any]] = {}
    replaced = [(f"{parts.stack.root}/srv", "ROOT/files"), ("saltern-run", "salt-run")]
    stopped = False
    try:
        for part, case, expected in (recorded.values() for recorded in RECORDED):
            if part == "silent" and not stopped:
                os.kill(parts.pid("agent db1"), signal.SIGSTOP)
                stopped = True
            quick_case = case
            for slow, quick in QUICK:
                quick_case = quick_case.replace(slow, quick)
            with saltern.event.get_event("master", sock_dir=opts["sock_dir"], opts=opts, listen=True) as event:
                ours = answer(quick_case, {**names, "event": event}, replaced, kind_of)
            if ours != expected:
                different[f"{case}\n# {part}"] = (ours, expected)
    finally:
        if stopped:
            os.kill(parts.pid("agent db1"), signal.SIGCONT)
    known = [one for cases in DIFFERENT.values() for one in cases]
    unexpected = {case: both for case, both in different.items() if not any(is_case(one, case) for one in known)}
    assert not unexpected
    assert [one for one in known if not any(is_case(one, case) for case in different)] == []


def is_case(known: str, case: str) -> bool:
    """Return whether an entry of ``DIFFERENT`` means *case*, which ends with a line that names its part."""
    line, _, holds = known.partition("  # ")
    return case.splitlines()[-2] == line and holds in case
