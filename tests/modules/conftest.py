"""Loads module files as the agent's loader does: by path, with the dunders set as globals."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import saltern_modules
from saltern_modules._agent import Synced

MODULES = Path(saltern_modules.__file__).parent
HERE = Path(__file__).parent


class Minion:
    """The globals that every module of one test is given."""

    def __init__(self, cachedir: Path) -> None:
        self.opts: dict[str, Any] = {"id": "minion", "cachedir": str(cachedir)}
        self.grains: dict[str, Any] = {"os": "Debian", "cpus": {"list": [4, 8]}, "roles": []}
        self.pillar: dict[str, Any] = {"database": {"port": 5432}, "role": "web"}
        self.functions: dict[str, Callable[..., Any]] = {}
        self._loaded = 0

    def load(self, name: str) -> ModuleType:
        """Return the module in *name*.py, loaded anew."""
        self._loaded += 1
        path = MODULES / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"loaded_{self._loaded}_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        dunders = {
            "__opts__": self.opts,
            "__grains__": self.grains,
            "__pillar__": self.pillar,
            "__salt__": self.functions,
            "__context__": {},
        }
        vars(module).update(dunders)
        spec.loader.exec_module(module)
        return module


class StubAgent:
    """An agent that records what it is asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.job: dict[str, Any] = {"jid": "1", "fun": "test.ping"}
        self.children: list[int] = []
        self.jobs: dict[str, dict[str, Any]] = {
            "stats": {
                "function": "stats.collect",
                "seconds": 15,
                "enabled": True,
                "source": "master",
                "next_slot": 1_770_000_015,
                "last_slot": None,
            }
        }
        self.files: dict[str, bytes] = {}
        self.tamper = False
        self.synced = Synced(["modules.mypkg"], [], failed=False)
        self.meanwhile: Callable[[str], None] = lambda command: None
        """What somebody else does while the master is asked."""

    def devices(self) -> dict[str, int]:
        return {}

    def functions(self, modules: Any = None) -> dict[str, Callable[..., Any]]:
        return {}

    def returners(self) -> dict[str, Callable[..., Any]]:
        return {"local.returner": lambda ret: print(ret), "local.get_jid": lambda jid: jid}

    def load_errors(self) -> dict[str, str]:
        return {"broken": "SyntaxError: line 3"}

    def module_versions(self) -> dict[str, dict[str, str | None]]:
        return {"mypkg": {"digest": "ab", "commit": None}}

    def sync_modules(self, kinds: Sequence[str]) -> Synced:
        self.calls.append(("sync_modules", kinds))
        return self.synced

    def refresh_modules(self) -> bool:
        return True

    def refresh_grains(self) -> bool:
        return True

    def refresh_pillar(self) -> bool:
        return True

    def running(self) -> list[dict[str, Any]]:
        return [
            {"jid": "1", "fun": "saltutil.running"},
            {"jid": "2", "fun": "cmd.run", "arg": ["ls"], "pid": 4711, "tid": 1, "waiting": True},
        ]

    def kill_job(self, jid: str, signal: int) -> str:
        self.calls.append(("kill_job", jid, signal))
        return f"signal {signal} sent to job {jid}"

    def schedule(self) -> dict[str, dict[str, Any]]:
        return self.jobs

    def schedule_modify(self, name: str, job: dict[str, Any] | None) -> bool:
        self.calls.append(("schedule_modify", name, job))
        return True

    def schedule_run(self, name: str) -> str:
        return "20260321080000000000"

    def fire_event(self, data: dict[str, Any], tag: str) -> bool:
        self.calls.append(("fire_event", data, tag))
        return True

    def request(self, command: str, **kwargs: Any) -> Any:
        from saltern.digest import sha256

        self.calls.append((command, kwargs))
        self.meanwhile(command)
        if command == "file_list":
            return list(self.files)
        content = self.files.get(kwargs["path"])
        if content is None:
            return None
        if command == "file_hash":
            digest = sha256(content).hexdigest()
            return {"hash_type": "sha256", "hsum": digest, "size": len(content), "commit": None}
        assert kwargs["hsum"] == sha256(content).hexdigest()
        data = content[kwargs["offset"] : kwargs["offset"] + 1000]
        return {"data": data[::-1] if self.tamper else data, "size": len(content)}

    def current_job(self) -> dict[str, Any]:
        return self.job

    def register_child(self, pid: int) -> None:
        self.children.append(pid)

    def forget_child(self, pid: int) -> None:
        self.children.remove(pid)

    def connected(self) -> bool:
        return True


@pytest.fixture
def minion(tmp_path: Path) -> Minion:
    return Minion(tmp_path / "cache")


@pytest.fixture
def agent(minion: Minion) -> Iterator[StubAgent]:
    stub = StubAgent()
    minion.opts["__agent__"] = stub
    yield stub
    assert stub.children == []


@pytest.fixture
def fake_host(minion: Minion) -> Minion:
    """A minion whose /proc and /sys are the sample trees beside this file."""
    minion.opts["proc_root"] = str(HERE / "proc")
    minion.opts["sys_root"] = str(HERE / "sys")
    return minion


@pytest.fixture
def proc(fake_host: Minion) -> Callable[[str], bytes]:
    """Reads a file of the sample /proc."""
    return lambda name: Path(os.path.join(fake_host.opts["proc_root"], name)).read_bytes()
