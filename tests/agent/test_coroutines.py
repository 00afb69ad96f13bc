"""Functions of modules that are coroutine functions: they wait without a thread, and are each device's own."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError
from saltern.log import OneLine
from saltern.secret import Secret
from saltern_agent import coroutine_loop
from saltern_agent import coroutines as coroutines_module
from saltern_agent.coroutines import Coroutines
from saltern_agent.devices.lanes import Lanes
from saltern_agent.devices.struck_log import KnownSecrets, strike_log
from saltern_agent.executor import Executor
from saltern_agent.jobs import Current, Job, Outcome
from saltern_agent.loader import Loader
from saltern_agent.loader.marks import Marks
from saltern_agent.loader.shared_library import SharedLibrary
from saltern_agent.loader.tenant import Tenant
from saltern_agent.proxied import Proxied
from tests.agent.test_lanes import until

WAIT_S = 20.0
JID = "20260101000000000000"
CURRENT = Current()
DEVICES = 300

PROXY = """
import asyncio
__proxyenabled__ = ["later"]
async def init(opts):
    await asyncio.sleep(0)
    if opts["proxy"]["url"] == "bad/": raise OSError("no route")
    __context__["url"] = opts["proxy"]["url"]
def initialized(): return "url" in __context__
async def alive(opts):
    await asyncio.sleep(0)
    return __context__["url"] == opts["proxy"]["url"]
async def ping():
    await asyncio.sleep(0)
    return True
async def grains():
    await asyncio.sleep(0)
    return {"url": __context__["url"]}
async def ask(what):
    "Ask."
    await asyncio.sleep(0)
    return [what, __context__["url"], __grains__["id"]]
async def shutdown(opts): __context__.clear()
"""
MODULE = """
import asyncio, logging
log = logging.getLogger(__name__)
__proxyenabled__ = ["later"]
def sync(): return __proxy__["later.ask"]("sync")
async def within(): return await __proxy__["later.ask"]("within"), await __salt__["it.own"]()
async def own(): return __opts__["id"]
def returns(): return own()
async def items():
    for number in range(3):
        await asyncio.sleep(0)
        yield {number: __grains__["id"]}
async def code():
    __context__["retcode"] = 3
    await asyncio.sleep(0)
    return __context__["retcode"]
async def prints(text):
    print(text)
    await asyncio.sleep(0)
    log.warning("logged %s", text)
    print(__opts__["id"])
async def fails():
    await asyncio.sleep(0)
    raise ValueError("first line")
async def wrong(a): return a
async def leaves():
    await asyncio.sleep(0)
    raise SystemExit(5)
async def waits():
    started.append(1)
    await asyncio.Event().wait()
async def wander(times):
    found = []
    for number in range(times):
        __context__["mine"] = __opts__["id"]
        __context__["retcode"] = number
        await asyncio.sleep(0)
        found += [__opts__["id"], __grains__["id"], __pillar__["whose"], __opts__["proxy"]["url"], __context__["mine"]]
        found += [(await __proxy__["later.ask"](0))[1], await __salt__["it.own"]()]
        found.append(await asyncio.to_thread(lambda: __grains__["id"]))
        found += await asyncio.gather(own(), own())
        print(__opts__["id"])
    return found
"""


class World:
    """Devices of one library, their lanes, and what a job of one comes to."""

    def __init__(self, folder: Path) -> None:
        for kind, name, text in (("proxy", "later", PROXY), ("modules", "it", MODULE)):
            (folder / kind).mkdir()
            (folder / kind / f"{name}.py").write_text(text)
        kinds = {kind: [str(folder / kind)] for kind in ("modules", "proxy")}
        opts = {"id": "host", "master": "m", "grains": {}, "grains_blacklist": [], "grains_deep_merge": False}
        self.opts: dict[str, Any] = opts
        self.library = SharedLibrary(opts, {"utils": [], "returners": [], "grains": [], **kinds}, Marks())
        self.lanes = Lanes(4, 8, coroutines=self.library.coroutines())
        self.told: list[tuple[int, Any]] = []

    def device(self, name: str) -> Tenant:
        opts = {"id": name, "proxyid": name, "proxy": {"proxytype": "later", "url": f"{name}/"}}
        tenant = Tenant(self.library, opts, CURRENT)
        tenant.set_grains({"id": name})
        tenant.set_pillar({"whose": name})
        return tenant

    def opened(self, name: str) -> Tenant:
        tenant = self.device(name)
        Proxied(tenant).open()
        return tenant

    def executor(self, tenant: Tenant) -> Executor:
        return Executor(tenant, CURRENT, progress=lambda job, number, value: self.told.append((number, value)))

    def run(self, tenant: Tenant, function: str | list[str], *args: Any, later: bool = True) -> Outcome:
        """Run a function as a device does, or in this thread."""
        arg = list(args) if isinstance(function, str) else [[] for _ in function]
        job = Job(JID, function, arg, {})
        executor = self.executor(tenant)
        if not later:
            return executor.run(job)
        over = threading.Event()
        found: list[tuple[Any, BaseException | None]] = []

        def done(value: Any, error: BaseException | None) -> None:
            found.append((value, error))
            over.set()

        assert self.lanes.lane("d").submit(lambda: executor.begin(job), done)
        assert over.wait(WAIT_S)
        value, error = found[0]
        assert error is None
        assert isinstance(value, Outcome)
        return value


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.lanes.close()
    threading.stack_size(0)


@pytest.mark.parametrize("later", [False, True])
def test_coroutine_functions_are_functions_as_any_other(world: World, later: bool) -> None:
    one = world.opened("one")

    def value(function: str, *args: Any) -> Any:
        return world.run(one, f"it.{function}", *args, later=later).value

    assert value("sync") == ["sync", "one/", "one"], "who can't await gets the value"
    assert value("within") == (["within", "one/", "one"], "one")
    assert value("returns") == "one", "what a function returns to be awaited is awaited"
    assert value("items") == {0: "one", 1: "one", 2: "one"}
    assert world.told == [(number, {number: "one"}) for number in range(3)]
    coded = world.run(one, "it.code", later=later)
    assert (coded.value, coded.retcode, coded.success) == (3, 3, False)
    assert CURRENT.job is None


@pytest.mark.parametrize("later", [False, True])
def test_what_a_coroutine_raises_is_said_as_of_any_function(world: World, later: bool) -> None:
    one = world.opened("one")
    failed = world.run(one, "it.fails", later=later)
    lines = str(failed.value).splitlines()
    assert lines[0] == "The minion function caused an exception: Traceback (most recent call last):"
    assert "it.py" in lines[1]
    assert lines[-1] == "ValueError: first line"
    assert not any("saltern_agent" in line for line in lines)
    assert world.run(one, "it.wrong", later=later).value.startswith("Passed invalid arguments to it.wrong: ")
    assert world.run(one, "it.leaves", later=later).retcode == 5
    several = world.run(one, ["it.own", "it.code", "test.ping"], later=later)
    assert several.value == {"it.own": "one", "it.code": 3, "test.ping": True}
    assert several.retcode == {"it.own": 0, "it.code": 3, "test.ping": 0}


@pytest.mark.parametrize("later", [False, True])
def test_what_a_coroutine_prints_is_caught(
    world: World, later: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = world.opened("one")
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    Executor(Loader({"id": "host"}, [], CURRENT), CURRENT).capture_output()
    with caplog.at_level(logging.INFO):
        world.run(one, "it.prints", "words", later=later)
    assert f"job {JID}: it.prints printed: words\none" in [record.getMessage() for record in caplog.records]


def test_a_job_that_waits_is_ended(world: World) -> None:
    one = world.opened("one")
    job = Job(JID, "it.waits", [], {})
    job.begin()
    started: list[int] = []
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(world.executor(one).run(job)))
    one.function("it.waits").__globals__["started"] = started
    thread.start()
    until(lambda: job.cancel is not None and started)
    job.killed_by = 15
    assert job.cancel is not None
    job.cancel()
    thread.join(WAIT_S)
    assert found[0].value == "The job was killed by signal 15"
    assert job.cancel is None


def test_a_device_is_opened_and_asked_by_coroutines(world: World) -> None:
    tenant = world.device("one")
    proxied = Proxied(tenant)
    assert proxied.initialized is False
    proxied.open()
    assert (proxied.initialized, proxied.alive(), proxied.ping()) == (True, True, True)
    assert proxied.grains({**world.opts, "id": "one"})["url"] == "one/"
    proxied.close()
    with pytest.raises(CommandError, match=r"later\.init failed: OSError: no route"):
        Proxied(world.device("bad")).open()


def test_a_device_is_opened_without_a_thread(world: World) -> None:
    proxied = Proxied(world.device("one"))
    lane = world.lanes.lane("one")
    done: list[tuple[Any, BaseException | None]] = []
    over = threading.Semaphore(0)

    def told(value: Any, error: BaseException | None) -> None:
        done.append((value, error))
        over.release()

    assert lane.submit(lambda: proxied.begin("open"), told)
    assert lane.submit(lambda: proxied.begin("alive"), told)
    assert lane.submit(lambda: proxied.begin("grains", {**world.opts, "id": "one"}, fresh=True), told)
    for _ in range(3):
        assert over.acquire(timeout=WAIT_S)
    assert [error for _, error in done] == [None] * 3
    assert done[1][0] is True
    assert done[2][0]["url"] == "one/"


def test_coroutines_of_many_devices_see_each_its_own(world: World) -> None:
    devices = [world.opened(f"d{number:03d}") for number in range(DEVICES)]
    outcomes: dict[str, Outcome] = {}
    changed = threading.Condition()

    def submit(tenant: Tenant, number: int) -> None:
        name = tenant.grains["id"]
        job = Job(JID, "it.wander", [1 + number % 4], {})

        def done(value: Any, error: BaseException | None) -> None:
            with changed:
                outcomes[name] = value
                changed.notify_all()

        executor = world.executor(tenant)
        assert world.lanes.lane(name).submit(lambda: executor.begin(job), done)

    for number, tenant in enumerate(devices):
        submit(tenant, number)
    with changed:
        assert changed.wait_for(lambda: len(outcomes) == DEVICES, 2 * WAIT_S)
    for number, tenant in enumerate(devices):
        name = tenant.grains["id"]
        outcome = outcomes[name]
        assert outcome.failed is None, outcome.failed
        assert {str(value).removesuffix("/") for value in outcome.value} == {name}
        assert len(outcome.value) == 10 * (1 + number % 4)
        assert outcome.retcode == number % 4


def test_a_plain_agents_coroutine_functions_run_too(module_dir: Path) -> None:
    (module_dir / "co.py").write_text(
        "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    __context__['retcode'] = 2\n    return 1\n"
        "def g(): return __salt__['co.f']()\n"
    )
    loader = Loader({"id": "host"}, [str(module_dir)], CURRENT)
    for name in ("co.f", "co.g"):
        outcome = Executor(loader, CURRENT).run(Job(JID, name, [], {}))
        assert (outcome.value, outcome.retcode) == (1, 2)
    loader.coroutines.close()


def test_nothing_is_waited_for_in_the_loops_own_thread() -> None:
    coroutines = Coroutines()

    async def inner() -> None:
        return None

    async def outer() -> None:
        waiting = inner()
        try:
            coroutines.wait(waiting)
        finally:
            waiting.close()

    with pytest.raises(CommandError, match="await it"):
        coroutines.wait(outer())
    coroutines.close()
    waiting = inner()
    with pytest.raises(CommandError, match="being stopped"):
        coroutines.wait(waiting)
    waiting.close()


def test_a_task_that_calls_exit_ends_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    coroutines = Coroutines()

    async def leaves() -> None:
        raise SystemExit(1)

    async def begins() -> str:
        task = asyncio.get_running_loop().create_task(leaves())
        await asyncio.wait([task])
        return "goes on"

    assert coroutines.wait(begins()) == "goes on"
    coroutines.close()


def test_one_that_is_cancelled_before_its_first_step_is_told() -> None:
    coroutines = Coroutines()
    found: list[BaseException | None] = []
    told = threading.Event()

    async def never() -> None:
        await asyncio.Event().wait()

    def done(value: Any, error: BaseException | None) -> None:
        found.append(error)
        told.set()

    coroutines.begin().call_soon_threadsafe(lambda: coroutines.start(never(), done, copy_context())())
    assert told.wait(WAIT_S)
    assert isinstance(found[0], asyncio.CancelledError)
    coroutines.close()


@pytest.fixture
def log_to(tmp_path: Path) -> Iterator[Callable[[], str]]:
    root = logging.getLogger()
    handler = logging.FileHandler(tmp_path / "log")
    handler.setFormatter(OneLine("%(message)s"))
    root.addHandler(handler)
    yield lambda: (tmp_path / "log").read_text()
    root.removeHandler(handler)
    handler.close()


def test_secrets_of_devices_are_not_in_the_log(world: World, log_to: Callable[[], str]) -> None:
    strike_log(world.library)
    one, two = world.opened("one"), world.opened("two")
    one.set_pillar({"whose": "one", "password": Secret("hunter2-one")})
    two.set_pillar({"whose": "two", "password": Secret("hunter2-two")})
    world.run(one, "it.prints", "hunter2-one")
    world.run(one, "it.prints", "hunter2-one", later=False)
    world.run(one, "it.prints", Secret("argument-of-a-job"))
    assert "argument-of" not in log_to()
    logging.getLogger("nobody").warning("both hunter2-one and hunter2-two")
    assert "hunter2" not in log_to()
    assert log_to().count("logged ***") == 3
    assert "both *** and ***" in log_to()
    one.close()
    two.close()
    logging.getLogger("nobody").warning("hunter2-one is nobody's")
    assert "hunter2-one is nobody's" in log_to()


def test_known_secrets_are_each_counted() -> None:
    known = KnownSecrets()
    known.take("a", frozenset({"abcdefgh", "abcd"}))
    known.take("b", frozenset({"abcdefgh"}))
    assert known.text("x abcdefgh abcd y") == "x *** *** y"
    known.take("a", frozenset())
    assert known.text("x abcdefgh abcd y") == "x *** abcd y"
    known.take("b", frozenset({"other text"}))
    assert known.text("x abcdefgh other text y") == "x abcdefgh *** y"
    known.take("b", frozenset())
    assert not known
    assert known._beginnings == {}


class Owner:
    """Whose coroutines some are."""

    def __init__(self, name: str) -> None:
        self.name = name


OWNER: ContextVar[Owner | None] = ContextVar("owner", default=None)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coroutine_loop, "LOOK_S", 0.3)


def owned(coroutines: Coroutines, owner: Owner, awaitable: Any) -> Callable[[], Any]:
    """Begin what is *owner*'s; return what waits for what it comes to."""
    context, over = copy_context(), threading.Event()
    context.run(OWNER.set, owner)
    found: list[tuple[Any, BaseException | None]] = []

    def done(value: Any, error: BaseException | None) -> None:
        found.append((value, error))
        over.set()

    coroutines.start(awaitable, done, context)

    def result() -> Any:
        assert over.wait(WAIT_S)
        value, error = found[0]
        assert len(found) == 1, "told once"
        return value if error is None else error

    return result


@pytest.mark.parametrize("deeper", [False, True])
def test_a_loop_that_is_held_is_left_to_who_holds_it(
    hurried: None, caplog: pytest.LogCaptureFixture, deeper: bool
) -> None:
    coroutines = Coroutines(lambda context: OWNER.get() if context is None else context.get(OWNER))
    left: list[int] = []
    coroutines.on_left = lambda: left.append(1)
    holder, other = Owner("holder"), Owner("other")
    gate = threading.Event()

    async def holds() -> str:
        gate.wait(WAIT_S)  # without await
        return "over"

    async def begins() -> str:
        return await asyncio.wait_for(holds(), WAIT_S)

    async def waits() -> None:
        await asyncio.Event().wait()

    async def quick() -> threading.Thread:
        await asyncio.sleep(0)
        return threading.current_thread()

    waiting = owned(coroutines, other, waits())
    first = owned(coroutines, other, quick())()
    held = owned(coroutines, holder, begins() if deeper else holds())
    assert "held by another one" in str(waiting())
    second = owned(coroutines, other, quick())()
    assert second is not first
    until(lambda: left == [1])
    assert "holder: a coroutine function waits without await, in" in caplog.text
    assert owned(coroutines, holder, quick())() not in (first, second), "who held one has another from then on"
    assert owned(coroutines, other, quick())() is second
    gate.set()
    assert isinstance(held(), BaseException), "it was interrupted as soon as that could be"
    until(lambda: not first.is_alive())
    coroutines.close()


def test_so_many_loops_are_left_and_no_more(hurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coroutines_module, "MAX_LEFT", 1)
    coroutines = Coroutines(lambda context: OWNER.get() if context is None else context.get(OWNER))
    gate = threading.Event()

    async def holds() -> None:
        gate.wait(WAIT_S)

    async def quick() -> int:
        return 1

    held = [owned(coroutines, Owner("one"), holds())]
    until(lambda: len(coroutines._left) == 1)
    held.append(owned(coroutines, Owner("two"), holds()))
    behind = owned(coroutines, Owner("three"), quick())
    gate.set()
    assert behind() == 1
    for one in held:
        one()
    coroutines.close()
