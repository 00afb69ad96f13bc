"""Pillars in force: compiled in processes, kept, told when they change, and never half of one in silence."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from saltern.config.master import DEFAULTS
from saltern.errors import CommandError, ConfigError
from saltern.own_python import python_module
from saltern.secret import Secret
from saltern.wire import pack_value
from saltern_master.pillar import keeper, pool
from saltern_master.pillar.compilations import Compilations
from saltern_master.pillar.compile import Compiler, Request
from saltern_master.pillar.ext import run_ext
from saltern_master.pillar.keeper import Pillars
from saltern_master.pillar.matching import Matching
from saltern_master.pillar.pool import Pool
from saltern_master.pillar.settings import Settings

GRAINS = {"web1": {"os": "Debian"}, "web2": {"os": "Debian"}, "db1": {"os": "RedHat"}}
PAIRS = list(zip("abcdef", "bcdefg", strict=True))
TOP = "base:\n  '*': [all]\n  'web*': [web]\n"


class Tree:
    """A folder of pillar's, and a master's options for it."""

    def __init__(self, root: Path) -> None:
        self.root = root / "pillar"
        self.root.mkdir()
        self.grains: dict[str, dict[str, Any]] = {name: dict(grains) for name, grains in GRAINS.items()}
        self.options: Any = {
            **DEFAULTS,
            "pillar_roots": {"base": [str(self.root)]},
            "config_dir": str(root),
            "conf_file": str(root / "master"),
            "cachedir": str(root / "cache"),
            "file_roots": {"base": [str(root / "files")]},
        }
        self.write("top.sls", TOP)
        self.write("all.sls", "os: {{ grains.os }}\n")
        self.write("web.sls", "port: 80\n")

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[Pillars]:
        pillars = Pillars(
            {**self.options, **options}, lambda name: self.grains.get(name, {}), lambda: list(self.grains)
        )
        self.changed: list[str] = []
        pillars.on_changed = self.changed.append
        task = asyncio.create_task(pillars.run())
        try:
            yield pillars
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


async def until(holds: Callable[[], Any], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.01)


def pool_of(pillars: Pillars) -> Pool:
    """Return the processes, which are there as soon as anything was compiled."""
    processes = pillars._compilations._pool
    assert processes is not None
    return processes


def together(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def test_pillars_are_compiled_at_the_start_and_anew_for_those_whom_a_change_is_about(tree: Tree) -> None:
    async def scenario() -> None:
        async with tree.running() as pillars:
            assert await pillars.current("web1") == {"os": "Debian", "port": 80}
            await until(lambda: len(tree.changed) == 3)
            assert pillars.of("db1") == {"os": "RedHat"}
            assert pillars._kept["web1"].packed is pillars._kept["web2"].packed  # kept once
            before, compiled = list(tree.changed), pillars.metrics()["compiled"]
            tree.write("web.sls", "port: 8080\n")
            await until(lambda: len(tree.changed) == 5)
            assert sorted(tree.changed[len(before) :]) == ["web1", "web2"]
            assert pillars.of("web2")["port"] == 8080
            assert pillars.metrics()["compiled"] == compiled + 2  # not that of db1

    together(scenario())


def test_who_asks_for_a_fresh_one_has_what_was_just_written(tree: Tree) -> None:
    async def scenario() -> None:
        async with tree.running() as pillars:
            for port in range(3):
                tree.write("web.sls", f"port: {port}\n")
                assert (await pillars.fresh("web1"))["port"] == port

    together(scenario())


def test_processes_without_work_end_and_others_begin_when_there_is_some(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "REST_S", 0.2)

    async def scenario() -> None:
        async with tree.running() as pillars:
            await until(lambda: len(tree.changed) == 3)
            processes = pool_of(pillars)
            await until(lambda: not processes._all and not processes._ending)
            tree.write("web.sls", "port: 81\n")
            assert (await pillars.fresh("web1"))["port"] == 81
            assert pillars.metrics()["processes_ended"] == 0  # none of them at work

    together(scenario())


def test_new_grains_compile_anew_when_they_are_ones_that_were_read(tree: Tree) -> None:
    async def scenario() -> None:
        async with tree.running() as pillars:
            await pillars.current("web1")
            tree.grains["web1"]["load"] = 5
            assert pillars.ready("web1")
            tree.grains["web1"]["os"] = "SUSE"
            assert not pillars.ready("web1")
            assert (await pillars.current("web1"))["os"] == "SUSE"

    together(scenario())


def test_the_last_good_pillar_stays_when_files_break_and_says_so(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with tree.running() as pillars:
            await pillars.current("web1")
            tree.write("web.sls", "new: 1\nport: {{ nope }}\n")
            found = await pillars.fresh("web1")
            told = ["Rendering SLS 'web' failed. Please see master log for details."]
            assert found == {"os": "Debian", "port": 80, "_errors": told}
            assert (await pillars.made("web1")) == {"os": "Debian", "_errors": told}  # as it would be now
            await pillars.fresh("web2")
            lines = [record.getMessage() for record in caplog.records if "nope" in record.getMessage()]
            assert len(lines) == 1  # whoever it is for
            assert lines[0].endswith("web.sls: line 2: Jinja variable 'nope' is undefined")
            assert pillars.metrics()["with_errors"] >= 1
            tree.write("web.sls", "port: 1\n")
            assert await pillars.fresh("web1") == {"os": "Debian", "port": 1}

    together(scenario())


def test_what_is_wrong_with_a_template_is_one_line_in_the_words_of_who_wrote_it(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    tree.write("web.sls", "a: {{ grains.nowhere.x }}\n")

    async def scenario() -> None:
        async with tree.running() as pillars:
            await pillars.current("web1")
            (line,) = [record.getMessage() for record in caplog.records if "nowhere" in record.getMessage()]
            assert line.endswith("web.sls: line 1: Jinja variable 'dict object' has no attribute 'nowhere'")
            tree.write("web.sls", "a: 1\na: 2\n")
            await pillars.fresh("web1")
            (line,) = [record.getMessage() for record in caplog.records if "mapping" in record.getMessage()]
            assert line.endswith("web.sls: line 2: while constructing a mapping: found conflicting ID 'a'")

    together(scenario())


def test_without_a_good_one_it_is_what_did_compile_with_its_errors(tree: Tree) -> None:
    tree.write("web.sls", "{{ nope }}")

    async def scenario() -> None:
        async with tree.running() as pillars:
            found = await pillars.current("web1")
            assert found["os"] == "Debian"
            assert found["_errors"]

    together(scenario())


def test_a_template_that_hangs_is_ended_and_named_and_the_others_go_on(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    tree.write("web.sls", "{% set x = ('a' * 60) | regex_match('(a|aa)+b') %}\nport: {{ x }}\n")

    async def scenario() -> None:
        async with tree.running(pillar_timeout=2.0) as pillars:
            assert await pillars.current("db1") == {"os": "RedHat"}
            found = await pillars.current("web1")
            assert "_errors" in found
            assert "could not be compiled" in str(found["_errors"]) or "SLS 'web' failed" in str(found["_errors"])
            for name in (f"web{number}" for number in range(3, 13)):
                tree.grains[name] = {"os": "x"}
            all_of_them = await asyncio.gather(*(pillars.current(f"web{number}") for number in range(3, 13)))
            assert all("_errors" in one for one in all_of_them)
            assert pillars.metrics()["processes_ended"] <= 8  # it isn't tried again and again
            assert any(one.get("os") == "x" for one in all_of_them)  # what isn't in that file compiles

    together(scenario())
    assert "web.sls" in caplog.text


def test_a_file_that_hung_is_tried_again_when_it_has_changed(tree: Tree) -> None:
    tree.write("web.sls", "{% set x = ('a' * 60) | regex_match('(a|aa)+b') %}\nport: {{ x }}\n")

    async def scenario() -> None:
        async with tree.running(pillar_timeout=3.0) as pillars:
            assert "_errors" in await pillars.current("web1")
            tree.write("web.sls", "port: 81\n")
            assert (await pillars.fresh("web1")) == {"os": "Debian", "port": 81}

    together(scenario())


@pytest.mark.parametrize(
    "bomb",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}",
        "x: '{{ 'a' * 99999999999 }}'",
        "{% for a in range(900000) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
        "x: {{ range(99999999) | list | length }}",
        "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 8)}]\n" for a, b in PAIRS),
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    ],
)
def test_a_bomb_is_an_error(tree: Tree, bomb: str) -> None:
    tree.write("web.sls", bomb)

    async def scenario() -> None:
        async with tree.running(pillar_timeout=5.0) as pillars:
            found = await pillars.current("web1")
            assert "_errors" in found, str(found)[:200]
            assert await pillars.current("db1") == {"os": "RedHat"}

    together(scenario())


def test_a_process_that_is_killed_costs_nobody_his_pillar(tree: Tree) -> None:
    async def scenario() -> None:
        async with tree.running() as pillars:
            await pillars.current("web1")
            await until(lambda: not pillars._wanted)
            for worker in pool_of(pillars)._all:
                os.kill(worker._process.pid, signal.SIGKILL)
            tree.write("web.sls", "port: 9\n")
            assert (await pillars.fresh("web1"))["port"] == 9

    together(scenario())


def test_a_process_that_is_killed_in_the_middle_is_replaced_once(tree: Tree) -> None:
    async def scenario() -> None:
        async with tree.running(pillar_workers=1) as pillars:
            await until(lambda: len(tree.changed) == 3)
            (worker,) = pool_of(pillars)._all
            os.kill(worker._process.pid, signal.SIGSTOP)
            asked = asyncio.create_task(pillars.made("web1"))
            await until(lambda: not pool_of(pillars)._idle)
            os.kill(worker._process.pid, signal.SIGKILL)
            assert await asked == {"os": "Debian", "port": 80}
            assert pillars.metrics()["processes_ended"] == 1

    together(scenario())


def test_another_configuration_is_taken_over_in_the_middle(tree: Tree, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "top.sls").write_text("base: {'*': [x]}\n")
    (other / "x.sls").write_text("x: 1\n")

    async def scenario() -> None:
        async with tree.running() as pillars:
            asked = asyncio.ensure_future(pillars.fresh("web1"))
            await asyncio.sleep(0)
            pillars.reread({**tree.options, "pillar_roots": {"base": [str(other)]}})
            await asked
            assert await pillars.fresh("web1") == {"x": 1}
            with pytest.raises(ConfigError):
                pillars.reread({**tree.options, "pillar_roots": {"base": ["relative"]}})
            assert await pillars.fresh("web2") == {"x": 1}
            pillars.reread({**tree.options, "pillar_roots": {}})
            assert await pillars.fresh("web2") == {}

    together(scenario())


def test_secrets_pass_and_only_by_what_the_id_proves(tree: Tree) -> None:
    tree.write(
        "top.sls",
        "base:\n  'web*': [a]\n  'G@os:Debian': [b]\n  'web1 or G@os:x': [c]\n  'web* and G@os:Debian': [d]\n"
        "  'not G@os:RedHat': [e]\n  'web1': [f]\n",
    )
    for name in "abcde":
        tree.write(f"{name}.sls", f"{name}: !secret of {name}\nplain_{name}: 1\n")
    tree.write("f.sls", "f: !secret x\nos: {{ grains.os }}\nid: {{ grains.id }}\n")

    async def scenario() -> None:
        async with tree.running() as pillars:
            found = await pillars.current("web1")
            given = {name for name, value in found.items() if isinstance(value, Secret)}
            assert given == {"a", "c"}
            assert found["a"].reveal() == "of a"
            assert {name for name in found if name.startswith("plain_")} == {f"plain_{name}" for name in "abcde"}
            assert [
                name for name in "bdef" if f"SLS '{name}' gives out secrets by grains" in str(found["_errors"])
            ] == list("bdef")
        async with tree.running(pillar_secrets_by_grains=True) as pillars:
            found = await pillars.current("web1")
            assert {name for name, value in found.items() if isinstance(value, Secret)} == set("abcdef")
            assert "_errors" not in found

    together(scenario())


@pytest.mark.parametrize(
    ("target", "kind", "by_id"),
    [
        ("*", "glob", True),
        ("*", "compound", True),
        ("*", "grain", False),
        (".*", "grain_pcre", False),
        ("0.0.0.0/0", "ipcidr", False),
        ("*", "pillar", False),
        ("web1,db1", "list", True),
        ("webs", "nodegroup", True),
        ("debians", "nodegroup", False),
        ("N@webs", "compound", True),
        ("N@debians", "compound", False),
        ("N@debians or web*", "compound", True),
        ("G@a:1 or not G@a:1", "compound", False),  # as long as each word may be either
        ("not G@a:1", "compound", False),
        ("web* and not G@a:1", "compound", False),
        ("I@a:1", "compound", False),
        ("S@192.0.2.0/24", "compound", False),
        ("L@web1 and ( G@a:1 or E@web. )", "compound", True),
        (" or ".join(["G@a:1"] * 9 + ["*"]), "compound", False),
    ],
)
def test_what_the_id_proves(target: str, kind: str, by_id: bool) -> None:
    matching = Matching({"webs": "web*", "debians": "G@os:Debian"}, "x")
    assert matching.proven(target, kind, "web1") is by_id


def test_a_fault_of_ours_is_one_minions_alone(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Compilations.ask

    async def failing(self: Compilations, minion_id: str, **how: Any) -> Any:
        if minion_id == "web1":
            raise KeyError("oops")
        return await asked(self, minion_id, **how)

    monkeypatch.setattr(Compilations, "ask", failing)

    async def scenario() -> None:
        async with tree.running() as pillars:
            assert "oops" in str((await pillars.current("web1"))["_errors"])
            assert (await pillars.current("web2"))["port"] == 80

    together(scenario())


def test_pillars_apart_take_turns(tree: Tree) -> None:
    async def scenario() -> None:
        async with tree.running() as pillars:
            found = await asyncio.gather(*(pillars.made("web1", override={"n": n}) for n in range(8)))
            assert [one["n"] for one in found] == list(range(8))
            assert not pillars._compilations._apart

    together(scenario())


def test_a_minion_is_the_one_that_its_key_proves(tree: Tree) -> None:
    tree.grains["web1"]["id"] = "db1"
    tree.write("all.sls", "id: {{ grains.id }}\nopts: {{ opts.id }}\n")

    async def scenario() -> None:
        async with tree.running() as pillars:
            assert (await pillars.current("web1"))["id"] == "web1"

    together(scenario())


def test_no_value_of_one_minion_is_left_for_another(tree: Tree) -> None:
    tree.write("map.jinja", "{% set mine = grains.id %}")
    tree.write(
        "all.sls",
        "{% from 'map.jinja' import mine %}{% import 'map.jinja' as m %}\nmine: {{ mine }}\nm: {{ m.mine }}\n",
    )

    async def scenario() -> None:
        async with tree.running(pillar_workers=1) as pillars:
            for name in ("web1", "db1", "web2"):
                found = await pillars.current(name)
                assert (found["mine"], found["m"]) == (name, name)

    together(scenario())


@pytest.mark.parametrize(
    "text",
    [
        "x: {{ salt['cmd.run']('id') }}",
        "x: {{ salt.file.read('/etc/passwd') }}",
        "x: {{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% include '/etc/passwd' %}",
        "{% include '../../etc/passwd' %}",
        "include: [../outside]",
        "include: [link]",
        "x: {{ opts['events_token'] }}",
        "x: {{ salt._grains }}",
        "#!py\ndef run(): return {'x': 1}",
        "#!mako|yaml\nx: 1",
    ],
)
def test_what_a_template_may_not_reach(tree: Tree, tmp_path: Path, text: str) -> None:
    (tmp_path / "outside.sls").write_text("outside: 1\n")
    (tree.root / "link.sls").symlink_to(tmp_path / "outside.sls")
    tree.write("web.sls", text)

    async def scenario() -> None:
        async with tree.running(events_token="hush", pillar_safe_render_error=False) as pillars:
            found = await pillars.current("web1")
            assert "_errors" in found
            assert not {"x", "outside"} & set(found)
            assert "hush" not in str(found)

    together(scenario())


def test_a_function_that_isnt_there_is_named_with_those_that_are(tree: Tree) -> None:
    tree.write("web.sls", "x: {{ salt['cmd.run']('id') }}")

    async def scenario() -> None:
        async with tree.running(pillar_safe_render_error=False) as pillars:
            told = str((await pillars.current("web1"))["_errors"])
            assert "cmd.run isn't there for pillar's templates" in told
            assert "grains, match, pillar" in told

    together(scenario())


def test_external_pillars_of_ones_own_run_apart_and_may_fail(tree: Tree, tmp_path: Path) -> None:
    folder = tmp_path / "files" / "_pillar"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text(
        "import os\ndef ext_pillar(minion_id, pillar, where, more=0):\n"
        "    print('noise')\n    return {where: [minion_id, pillar['port'], more, __grains__['os'], os.getpid()]}\n"
    )
    (folder / "bad.py").write_text("def ext_pillar(minion_id, pillar):\n    raise RuntimeError('no luck')\n")
    (folder / "hang.py").write_text("import time\ndef ext_pillar(minion_id, pillar, x):\n    time.sleep(99)\n")

    async def scenario() -> None:
        ext: list[Any] = [{"mine": {"where": "at", "more": 2}}, {"bad": []}]
        async with tree.running(ext_pillar=ext) as pillars:
            found = await pillars.current("web1")
            *rest, pid = found["at"]
            assert rest == ["web1", 80, 2, "Debian"]
            assert pid != os.getpid()
            assert found["_errors"] == ["Failed to load ext_pillar bad: no luck"]
        async with tree.running(ext_pillar=[{"hang": 1}], pillar_timeout=2.0) as pillars:
            assert "ext_pillar hang" in str((await pillars.current("web1"))["_errors"])

    together(scenario())


def test_commands_run_as_the_owner_wrote_them(tree: Tree) -> None:
    tree.grains["a b;touch x"] = {}

    async def scenario() -> None:
        ext: list[Any] = [{"cmd_yaml": "echo 'a: [%s, !secret s]' | cat"}, {"cmd_json": 'echo \'{"b": "%s"}\''}]
        async with tree.running(ext_pillar=ext) as pillars:
            found = await pillars.current("web1")
            assert (found["a"], found["b"]) == (["web1", Secret("s")], "web1")
            assert "can't be put into a command" in str((await pillars.current("a b;touch x"))["_errors"])
        for command, told in {
            "exit 3": "ended with 3",
            "echo oops >&2; exit 1": "oops",
            "echo ': : ['": "not YAML",
            "yes": "printed over 4,194,304 bytes",
            "yes oops >&2": "took over",
            "sleep 9": "took over",
            "exec >&- 2>&-; sleep 9": "took over",
        }.items():
            limit_s = 1.0 if told == "took over" else 30.0
            async with tree.running(ext_pillar=[{"cmd_yaml": command}], pillar_timeout=limit_s) as pillars:
                assert told in str((await pillars.current("web1"))["_errors"])

    together(scenario())


def test_on_demand_pillars_are_those_that_the_master_allows(tree: Tree) -> None:
    async def scenario() -> None:
        async with tree.running(on_demand_ext_pillar=["nodegroups"]) as pillars:
            found = await pillars.made("web1", ext={"nodegroups": "groups"})
            assert found == {"os": "Debian", "port": 80, "groups": []}
            with pytest.raises(CommandError, match="on_demand_ext_pillar doesn't allow cmd_yaml"):
                await pillars.made("web1", ext={"cmd_yaml": "echo a: 1"})
            assert "groups" not in await pillars.fresh("web1")

    together(scenario())


def test_what_a_caller_gives_opens_nothing(tree: Tree) -> None:
    tree.write("top.sls", "base:\n  'I@role:db': [s]\n  '*': [t]\n")
    tree.write("s.sls", "password: !secret x\n")
    tree.write("t.sls", "{% if pillar.get('role') == 'db' %}\nother: !secret y\n{% endif %}\nt: 1\n")

    async def scenario() -> None:
        for first in (False, True):
            async with tree.running(ext_pillar_first=first) as pillars:
                found = await pillars.made("web1", override={"role": "db"})
                assert "password" not in found
                assert "other" not in found

    together(scenario())


def test_simple_files_lie_under_the_trees(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "simple.yaml").write_text("port: 1\nsimple: true\n")

    async def scenario() -> None:
        async with tree.running(pillar_files={"web*": "simple.yaml"}) as pillars:
            assert await pillars.current("web1") == {"os": "Debian", "port": 80, "simple": True}
            assert [sorted(ids) for data, ids in pillars.different(["web1", "db1"])] == [["web1"], ["db1"]]

    together(scenario())


def test_what_is_there_and_isnt_served_is_said_why(
    tree: Tree, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.sls").write_text("x: 1\n")
    (tree.root / "link").symlink_to(tmp_path / "outside")
    (tree.root / "inside").symlink_to(tree.root / "real")
    tree.write("real/y.sls", "y: 1\n")
    (tree.root / "big.sls").write_bytes(b"#" * (5 << 20))
    (tree.root / "latin.sls").write_bytes(b"a: \xff\n")
    tree.write("top.sls", "base:\n  '*': [link.x, inside.y, big, latin]\n")

    async def scenario() -> None:
        async with tree.running() as pillars:
            found = await pillars.current("web1")
            assert found["y"] == 1
            assert len(found["_errors"]) == 3

    together(scenario())
    assert "'link.x' in environment 'base' is not available on the salt master: it is a link to" in caplog.text
    assert "big.sls: is over 4,194,304 bytes" in caplog.text
    assert "latin.sls: is not UTF-8" in caplog.text


def test_without_jinja_plain_files_still_do(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("saltern.templating.codes", "jinja2"):
        monkeypatch.setitem(sys.modules, name, None)
    compiler = Compiler(Settings.of({**tree.options, "pillar_safe_render_error": False}), run_ext)
    compiler.tree.look()
    found = compiler.compile(Request("web1", GRAINS["web1"])).pillar
    assert found["port"] == 80
    assert "pip install 'saltern[templates]'" in str(found["_errors"])


def test_a_file_that_vanishes_while_it_is_read_is_a_missing_one(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = Compiler(Settings.of(tree.options), run_ext)
    compiler.tree.look()
    (tree.root / "web.sls").unlink()
    found = compiler.compile(Request("web1", GRAINS["web1"]))
    assert found.errors == ["Specified SLS 'web' in environment 'base' is not available on the salt master"]


def test_thousands_at_once_are_each_answered_and_stall_nobody(tree: Tree) -> None:
    names = [f"web{number}" for number in range(300)]
    tree.grains = {name: {"os": "Debian", "n": name} for name in names}
    tree.write("all.sls", "n: {{ grains.n }}\n")

    async def scenario() -> None:
        stalls: list[float] = []

        async def watch() -> None:
            while True:
                began = time.monotonic()
                await asyncio.sleep(0)
                stalls.append(time.monotonic() - began)
                await asyncio.sleep(0.001)

        async with tree.running() as pillars:
            watching = asyncio.create_task(watch())
            found = await asyncio.gather(*(pillars.fresh(name) for name in names))
            watching.cancel()
            assert [one["n"] for one in found] == names
            assert pillars.metrics()["waiting"] == 0
            assert sorted(stalls)[-3] < 0.5

    together(scenario())


def test_two_looks_are_not_taken_where_one_will_do(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    real = keeper.stamps

    def counted(*args: Any) -> Any:
        looks.append(1)
        return real(*args)

    monkeypatch.setattr(keeper, "stamps", counted)

    async def scenario() -> None:
        async with tree.running() as pillars:
            await pillars.current("web1")
            looks.clear()
            await asyncio.gather(*(pillars.fresh("web1") for _ in range(50)))
            assert len(looks) <= 3

    together(scenario())


def test_a_process_that_hangs_ends_itself_when_its_master_is_gone(tree: Tree) -> None:
    tree.write("web.sls", "{% set x = ('a' * 60) | regex_match('(a|aa)+b') %}\nport: {{ x }}\n")
    settings = Settings.of({**tree.options, "pillar_timeout": 0.1})
    frames = (
        {"settings": list(settings)},
        {"id": "web1", "grains": {}, "generation": 1, "refused": []},
    )
    packed = [pack_value(frame, secrets=True) for frame in frames]
    place = os.memfd_create("place")
    os.ftruncate(place, 4096)
    done = subprocess.run(
        python_module("saltern_master.pillar.worker", str(place)),
        input=b"".join(len(frame).to_bytes(4, "big") + frame for frame in packed),
        pass_fds=[place],
        timeout=40,
        capture_output=True,
    )
    os.close(place)
    assert done.returncode == -signal.SIGALRM
