"""``manage.modules``: what the file server has, what each minion says it has, and nothing that nobody said."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.config import MasterOptions
from saltern.wire import pack
from saltern_master.auth.caller import Caller, Kind
from saltern_master.master import Master
from saltern_master.module_states import MAX_PROBLEM_CHARS, MAX_PROBLEMS, MORE, ModuleStates
from support.masters import FakeAgent, running, until

DIGEST = "ab" * 32
ROOT = Caller(Kind.LOCAL, "root", 0)
WANDA = Caller(Kind.LOGIN, "wanda", source="ldap")
UNKNOWN = {"digest": None, "state": "unknown", "errors": None}
ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner))


@pytest.mark.parametrize(
    ("have", "shown"),
    [
        ({}, UNKNOWN),
        ({"modules": ""}, UNKNOWN),
        ({"modules": "", "modules_problems": []}, UNKNOWN),  # it hasn't synced since it started
        ({"modules": DIGEST}, {"digest": DIGEST, "state": "synced", "errors": None}),  # one that tells no errors
        ({"modules": DIGEST, "modules_problems": []}, {"digest": DIGEST, "state": "synced", "errors": {}}),
        ({"modules": "0" * 64, "modules_problems": []}, {"digest": "0" * 64, "state": "behind", "errors": {}}),
        (
            {"modules": "", "modules_problems": ["modules.a: refused: why", "modules.a: not used", "odd"]},
            {**UNKNOWN, "errors": {"modules.a": "refused: why; not used", "odd": ""}},
        ),
    ],
)
def test_what_a_minion_said_and_what_it_did_not(have: dict[str, Any], shown: dict[str, Any]) -> None:
    states = ModuleStates()
    states.attached("web1", have)
    assert states.shown("web1", DIGEST) == shown
    assert states.shown("web2", DIGEST) == UNKNOWN
    states.forget("web1")
    assert states.shown("web1", DIGEST) == UNKNOWN


def test_what_it_says_is_short() -> None:
    states = ModuleStates()
    states.heard("web1", {"digest": DIGEST, "problems": [f"m{number}: {'x' * 1000}" for number in range(100)]})
    errors = states.shown("web1", DIGEST)["errors"]
    assert len(errors) == MAX_PROBLEMS + 1
    assert errors[MORE] == "and more"
    assert max(map(len, errors.values())) < MAX_PROBLEM_CHARS


@given(digest=ANYTHING, problems=ANYTHING)
def test_whatever_it_says_is_taken(digest: Any, problems: Any) -> None:
    states = ModuleStates()
    states.heard("web1", {"digest": digest, "problems": problems})
    assert states.shown("web1", DIGEST)["state"] in ("synced", "behind", "unknown")


async def shown(master: Master, caller: Caller = ROOT) -> Any:
    return await master.dispatcher.call(caller, "runner.manage.modules", [], {})


def test_a_fleets_modules(options: MasterOptions, tmp_path: Path) -> None:
    folder = tmp_path / "srv" / "_modules"
    (folder / "mine.py").write_text("def f(): return 1\n")
    (folder / "pack").mkdir()
    for name in ("__init__.py", "part.py"):
        (folder / "pack" / name).write_text("")
    (folder / "what.txt").write_text("")
    more: Any = {"auto_accept": True, "roles": {"watcher": {"members": ["ldap:wanda"], "on": ["web"]}}}
    options.update({**more, "groups": {"web": ["web*"]}})

    async def scenario() -> None:
        async with running(options) as master:
            agents = [FakeAgent(master, name) for name in ("db1", "web1")]
            try:
                for agent in agents:
                    await agent.join()
                told = await shown(master)
                wanted = told["wanted"]
                mine, pack_ = wanted["modules"]
                assert mine == {
                    "name": "mine", "kind": "modules", "from": {"backend": "roots"},
                    "digest": hashlib.sha256(b"def f(): return 1\n").hexdigest(),
                }  # fmt: skip
                assert (pack_["name"], len(pack_["digest"])) == ("pack", 64)
                assert list(wanted["left_out"]) == ["_modules/what.txt"]
                assert told["minions"] == {"db1": UNKNOWN, "web1": UNKNOWN}
                have = {"modules": wanted["digest"], "modules_problems": []}
                assert agents[1].jobs is not None
                agents[1].jobs.send(pack("attach", 0, {"boot": 1.0, "have": have}))
                await until(lambda: master.module_states.of("web1").digest is not None)
                assert (await shown(master))["minions"]["web1"] == {
                    "digest": wanted["digest"], "state": "synced", "errors": {},
                }  # fmt: skip
                data = {"changed": [], "digest": "0" * 64, "problems": ["modules.mine: refused: why"]}
                agents[1].send("event", 1, tag="modules", data=data)
                await until(lambda: master.module_states.of("web1").digest == "0" * 64)
                seen = await shown(master, WANDA)
                assert seen["minions"] == {
                    "web1": {"digest": "0" * 64, "state": "behind", "errors": {"modules.mine": "refused: why"}}
                }
            finally:
                for agent in agents:
                    agent.close()

    asyncio.run(scenario())
