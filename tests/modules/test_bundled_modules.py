"""What holds for every module that comes with the agent, and the small ones one by one."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import saltern_modules
from saltern import __version__
from saltern.errors import CommandError, SalternError
from saltern_agent.loader.glimpse import glimpse
from saltern_modules._agent import Synced
from saltern_modules._served_as import SERVED_AS
from support.strangers import folder_of_a_stranger, link_of_a_stranger, needs_root

NAMES = sorted(
    path.stem for path in Path(saltern_modules.__file__).parent.glob("*.py") if not path.stem.startswith("_")
)


def public_functions(module: ModuleType) -> dict[str, Any]:
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_function_teaches_by_example(minion: Any, name: str) -> None:
    module = minion.load(name)
    virtual = getattr(module, "__virtualname__", name)
    aliases = getattr(module, "__func_alias__", {})
    functions = public_functions(module)
    assert functions
    assert module.__doc__
    for function_name, function in functions.items():
        doc = inspect.getdoc(function) or ""
        assert "CLI Example:" in doc, function_name
        assert ".. code-block:: bash" in doc, function_name
        assert f"{virtual}.{aliases.get(function_name, function_name)}" in doc, function_name


def test_sampling_loads_nothing_heavy() -> None:
    """Every megabyte counts: the agent's whole budget is 22 of them."""
    heavy = "psutil subprocess dataclasses argparse hashlib tempfile json pathlib inspect ctypes difflib"
    code = (
        "import sys\n"
        "import saltern_modules.stats as stats, saltern_modules.cmd, saltern_modules.cp\n"
        "import saltern_modules.status, saltern_modules.status_now, saltern_modules.test, saltern_modules.sysmod\n"
        "stats.__opts__, stats.__context__ = {}, {}\n"
        "stats.collect()\n"
        f"print(*[name for name in {heavy.split()} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("module", "function", "args"),
    [
        ("saltutil_sync", "sync_modules", ()),
        ("event", "send", ("tag",)),
        ("schedule", "list_", ()),
        ("cp_lists", "list_master", ()),
        ("sysmod", "load_errors", ()),
        ("status_now", "master", ()),
    ],
)
def test_without_an_agent_one_line_says_so(minion: Any, module: str, function: str, args: tuple[Any, ...]) -> None:
    loaded = minion.load(module)
    with pytest.raises(CommandError, match="needs a running agent"):
        getattr(loaded, function)(*args)


class TestTest:
    @pytest.fixture
    def test(self, minion: Any) -> Any:
        return minion.load("test")

    def test_answers(self, test: Any) -> None:
        assert test.ping() is True
        assert test.echo({"a": 1}) == {"a": 1}
        assert (test.true_(), test.false_()) == (True, False)
        assert test.__func_alias__ == {"true_": "true", "false_": "false"}

    def test_arguments_arrive_with_the_publishers_or_clean(self, test: Any) -> None:
        given = {"foo": "bar", "__pub_jid": "1"}
        assert test.arg(1, "two", **given) == {"args": [1, "two"], "kwargs": given}
        assert test.arg_clean(1, "two", **given) == {"args": [1, "two"], "kwargs": {"foo": "bar"}}
        assert test.kwarg(**given) == given

    def test_numbers(self, test: Any) -> None:
        value, seconds = test.fib(10)
        assert value == 55
        assert seconds >= 0
        assert test.fib(0)[0] == 0
        assert test.collatz(6)[0] == [6, 3, 10, 5, 16, 8, 4, 2]
        with pytest.raises(ValueError, match="at least 1"):
            test.collatz(0)

    def test_time(self, test: Any) -> None:
        assert test.sleep(0.01) is True
        assert test.rand_sleep(0) is True

    def test_failure(self, minion: Any) -> None:
        test = minion.load("test_failing")
        assert test.__func_alias__ == {"try_": "try"}
        with pytest.raises(Exception, match="Oh noes!"):
            test.exception("Oh noes!")
        assert "test_failure" in test.stack()

    def test_versions(self, minion: Any) -> None:
        test = minion.load("test_agent")
        assert test.version() == __version__
        report = test.versions_information()
        assert report["Saltern Version"] == {"Saltern": __version__}
        assert report["Dependency Versions"]["msgpack"]
        assert report["System Versions"]["os"] == "Debian"
        assert test.conf_test() == "unconfigured"
        assert test.versions() == test.versions_report()
        assert test.versions().splitlines()[:2] == ["Saltern Version:", f"       Saltern: {__version__}"]


class TestGrainsAndPillar:
    def test_grains(self, minion: Any) -> None:
        grains = minion.load("grains")
        assert grains.items() == minion.grains
        assert grains.items() is not minion.grains
        assert grains.item("os", "cpus:list:1", "nothing") == {"os": "Debian", "cpus:list:1": 8, "nothing": ""}
        assert grains.item("os:x", default=None) == {"os:x": None}
        assert grains.get("cpus:list:1") == 8
        assert grains.get("cpus.list", delimiter=".") == [4, 8]
        assert grains.get("cpus:list:9") == ""
        assert grains.get("nothing", default=None) is None
        assert (grains.has_value("os"), grains.has_value("roles")) == (True, True)
        assert grains.has_value("nothing") is False
        assert grains.fetch("cpus:list:1", ordered=False) == 8
        assert (grains.equals("cpus:list:1", "8"), grains.equals("os", "debian")) == (True, False)
        assert grains.ls() == grains.keys() == ["cpus", "os", "roles"]
        assert grains.keys("cpus") == ["list"]
        assert grains.keys("os") == []

    def test_pillar(self, minion: Any) -> None:
        pillar = minion.load("pillar")
        assert pillar.items() == minion.pillar
        assert pillar.items("role") == {"role": "web"}
        assert pillar.raw() == minion.pillar
        assert pillar.raw("role") == "web"
        assert pillar.get("database:port") == 5432
        assert pillar.get("database:host", "localhost") == "localhost"
        assert pillar.item("role", "x") == {"role": "web", "x": ""}
        assert pillar.keys("database") == ["port"]
        assert pillar.ls() == ["database", "role"]
        with pytest.raises(KeyError, match="Pillar key not found: nothing"):
            pillar.keys("nothing")
        with pytest.raises(ValueError, match="Pillar value in key role is not a dict"):
            pillar.keys("role")

    def test_one_of_several_by_a_grain_or_by_pillar(self, minion: Any) -> None:
        grains, pillar = minion.load("grains"), minion.load("pillar")
        table = {"Deb*": {"a": {"x": 1}}, "all": {"a": {"y": 2}, "b": 3}, "default": "none"}
        assert grains.filter_by(table, "os") == {"a": {"x": 1}}
        assert grains.filter_by(table, "os", base="all") == {"a": {"x": 1, "y": 2}, "b": 3}
        assert grains.filter_by(table, "os", merge={"a": {"z": 0}}) == {"a": {"x": 1, "z": 0}}
        assert grains.filter_by({"8": "eight"}, "cpus:list") == "eight"
        assert grains.filter_by(table, "nothing") == grains.filter_by(table) == "none"
        assert grains.filter_by({}, "os") is None
        assert grains.filter_by({"all": {"b": 3}}, "os", base="all", merge={"c": 1}) == {"b": 3, "c": 1}
        with pytest.raises(SalternError, match=r"^filter_by default and look-up values must both be dictionaries\.$"):
            grains.filter_by(table, "nothing", base="all")
        with pytest.raises(SalternError, match=r"^filter_by merge argument must be a dictionary\.$"):
            grains.filter_by(table, "os", merge="x")
        with pytest.raises(TypeError, match=r"^Cannot update using non-dict types"):
            grains.filter_by(table, "nothing", merge={"a": 1})
        assert pillar.filter_by({"w*": 1, "default": 2}, "role") == 1
        assert pillar.fetch("database:port") == 5432
        assert pillar.obfuscate() == {"database": {"port": "<int>"}, "role": "<str>"}

    def test_pillar_merged_with_a_default(self, minion: Any) -> None:
        minion.pillar.update(
            app={"port": 80, "tls": {"on": True}, "names": ["a"]}, names=["a", "b"], ports=[{80: "http"}, {"x": 1}]
        )
        pillar = minion.load("pillar")
        default = {"port": 1, "tls": {"on": False, "key": "k"}, "names": ["z"]}
        laid = {"port": 80, "tls": {"on": True, "key": "k"}, "names": ["a"]}
        assert pillar.get("app", default, True) == laid
        assert pillar.get("app", default, merge=True, merge_nested_lists=True) == {**laid, "names": ["z", "a"]}
        assert pillar.get("names", ["b", "c"], merge=True) == ["b", "c", "a"]
        assert pillar.get("nothing", default, merge=True) == default
        assert pillar.get("names", {"a": 1}, merge=True) == ["a", "b"]
        assert pillar.get("names", "x", merge=True) == ["a", "b"]
        assert pillar.get("ports:0:80") == "http"
        assert pillar.get("ports:x") == 1
        assert pillar.get("ports:5", "none") == pillar.get("ports:y", "none") == "none"

    def test_what_says_whether_pillar_is_masked_is_taken(self, minion: Any) -> None:
        pillar = minion.load("pillar")
        assert pillar.get("role", unmask=True, saltenv="base") == "web"
        assert pillar.item("role", unmask=True) == pillar.items("role", unmask=False) == {"role": "web"}
        assert pillar.raw("role", unmask=True) == "web"
        assert (pillar.keys("database", unmask=True), pillar.ls(unmask=True)) == (["port"], ["database", "role"])


class TestSaltutil:
    def test_sync(self, minion: Any, agent: Any) -> None:
        saltutil = minion.load("saltutil_sync")
        assert saltutil.sync_modules() == ["modules.mypkg"]
        changed = saltutil.sync_all(saltenv="base", refresh=True)
        assert {kind: found for kind, found in changed.items() if found} == {"modules": ["modules.mypkg"]}
        assert {"utils", "returners", "states", "proxymodules", "clouds"} <= set(changed)
        assert agent.calls == [
            ("sync_modules", ("modules",)),
            ("sync_modules", ("modules", "utils", "returners", "grains", "proxy")),
        ]
        assert saltutil.sync_returners() == ["modules.mypkg"]
        assert saltutil.__context__ == {}

    def test_refresh(self, minion: Any, agent: Any) -> None:
        saltutil = minion.load("saltutil")
        assert saltutil.refresh_modules() is saltutil.refresh_grains() is saltutil.refresh_pillar() is True

    def test_what_was_not_taken_is_told_with_a_return_code(self, minion: Any, agent: Any) -> None:
        saltutil = minion.load("saltutil_sync")
        told = [
            "modules.bad: refused: why",
            "_modules/x y.py: left out: why",
            "_utils/z: left out: why",
            "…: and 3 more",
        ]
        agent.synced = Synced(["modules.a", "utils.b"], told, failed=True)
        changed = saltutil.sync_all()
        assert changed["modules"] == ["modules.a", *told[:2], told[3]]
        assert changed["utils"] == ["utils.b", told[2]]
        assert saltutil.__context__ == {"retcode": 1}

    @pytest.mark.parametrize("saltenv", ["dev", ["base", "dev"], 3, "base,dev"])
    def test_modules_come_from_base_alone(self, minion: Any, agent: Any, saltenv: Any) -> None:
        saltutil = minion.load("saltutil_sync")
        with pytest.raises(CommandError, match="modules come from the environment base alone, not from "):
            saltutil.sync_modules(saltenv=saltenv)
        assert agent.calls == []
        for same in (None, "", "base", ["base"]):
            assert saltutil.sync_modules(saltenv=same) == ["modules.mypkg"]

    def test_jobs(self, minion: Any, agent: Any) -> None:
        saltutil = minion.load("saltutil_jobs")
        job = {"jid": "2", "fun": "cmd.run", "arg": ["ls"], "pid": 4711, "queued": True}
        assert saltutil.running() == saltutil.is_running("cmd.*") == [job]
        assert saltutil.is_running("test.*") == []
        assert saltutil.find_job("2")["fun"] == "cmd.run"
        assert saltutil.find_job("9") == {}
        assert saltutil.kill_job("2") == "Signal 9 sent to job 2 at pid 4711"
        assert saltutil.term_job(2) == "Signal 15 sent to job 2 at pid 4711"
        saltutil.signal_job("2", "hup")
        saltutil.signal_job("2", "10")
        assert saltutil.term_all_jobs() == ["Signal 15 sent to job 2 at pid 4711"]
        assert saltutil.kill_all_jobs() == ["Signal 9 sent to job 2 at pid 4711"]
        assert agent.calls == [("kill_job", "2", number) for number in (9, 15, 1, 10, 15, 9)]
        assert saltutil.kill_job("9") == ""
        with pytest.raises(CommandError, match="no signal 'NOPE'"):
            saltutil.signal_job("2", "NOPE")


class TestSys:
    @pytest.fixture
    def sysmod(self, minion: Any) -> Any:
        test, cmd = minion.load("test"), minion.load("cmd")
        minion.functions.update({"test.ping": test.ping, "test.sleep": test.sleep, "cmd.run": cmd.run})
        return minion.load("sysmod")

    def test_it_is_called_sys(self, sysmod: Any) -> None:
        assert sysmod.__virtual__() == "sys"

    def test_lists(self, sysmod: Any) -> None:
        assert sysmod.list_functions() == ["cmd.run", "test.ping", "test.sleep"]
        assert sysmod.list_functions("test") == ["test.ping", "test.sleep"]
        assert sysmod.list_functions("*.s*", "cmd") == ["cmd.run", "test.sleep"]
        assert sysmod.list_modules() == ["cmd", "test"]
        assert sysmod.list_modules("t*") == ["test"]

    def test_documentation(self, sysmod: Any) -> None:
        assert sysmod.doc("test.ping")["test.ping"].startswith("Return ``True``")
        assert "code-block" not in sysmod.doc("test.ping")["test.ping"]
        assert sysmod.argspec("test.sleep") == {
            "test.sleep": {"args": ["length"], "defaults": None, "varargs": None, "kwargs": None},
        }
        assert sysmod.argspec("cmd") == {
            "cmd.run": {"args": ["cmd"], "defaults": None, "varargs": True, "kwargs": True},
        }

    def test_what_goes_by_name_alone_behind_any_number_is_told_apart(self, sysmod: Any, minion: Any) -> None:
        def call(a: int, b: int = 1, *rest: int, c: int, d: int = 2) -> None: ...

        minion.functions["mine.call"] = call
        told = sysmod.argspec("mine.call")["mine.call"]
        assert told == {
            "args": ["a", "b", "c", "d"],
            "defaults": [1, None, 2],
            "varargs": True,
            "kwargs": None,
            "placed": 2,
        }
        minion.functions["mine.call"] = lambda a, b=1, *rest: None
        assert "placed" not in sysmod.argspec("mine.call")["mine.call"], "as Salt tells it"

    def test_returners(self, sysmod: Any, agent: Any) -> None:
        assert sysmod.list_returners() == sysmod.list_returners("local") == ["local"]
        assert sysmod.list_returners("no*") == []
        assert sysmod.list_returner_functions("local") == ["local.get_jid", "local.returner"]
        assert sysmod.returner_doc("local.returner") == {"local.returner": None}
        assert sysmod.returner_argspec("local.g*")["local.get_jid"]["args"] == ["jid"]

    def test_what_the_agent_knows(self, sysmod: Any, agent: Any) -> None:
        assert sysmod.load_errors() == {"broken": "SyntaxError: line 3"}
        assert sysmod.versions() == {"mypkg": {"digest": "ab", "commit": None}}


class TestEvent:
    def test_events_are_sent(self, minion: Any, agent: Any) -> None:
        event = minion.load("event")
        assert event.send("my/tag", {"a": 1}, b=2, __pub_jid="1") is True
        assert event.fire_master({"c": 3}, "other") is True
        assert event.send("my/tag", "text", with_grains=["os"], with_env_opts=True) is True
        assert agent.calls == [
            ("fire_event", {"b": 2, "__pub_jid": "1", "a": 1}, "my/tag"),
            ("fire_event", {"c": 3}, "other"),
            ("fire_event", {"grains": {"os": "Debian"}, "saltenv": "base", "pillarenv": None}, "my/tag"),
        ]

    def test_an_event_on_the_minions_own_bus_goes_nowhere(self, minion: Any, agent: Any) -> None:
        event = minion.load("event")
        assert event.fire({"c": 3}, "other") is True
        assert event.fire("text", "other") is False
        assert agent.calls == []

    def test_junk_is_refused(self, minion: Any, agent: Any) -> None:
        event = minion.load("event")
        with pytest.raises(CommandError, match="tag must be text"):
            event.send("")


class TestCp:
    @pytest.fixture
    def cp(self, minion: Any, agent: Any) -> Any:
        agent.files = {"scripts/run.sh": b"echo hi\n" * 500, "motd": "grüezi\n".encode(), "empty": b""}
        parts = [vars(minion.load(name)) for name in ("cp", "cp_cache", "cp_lists", "cp_transfer")]
        return SimpleNamespace(**{name: part[name] for part in parts for name in part["__powers__"]})

    def test_a_file_arrives_whole(self, cp: Any, agent: Any, tmp_path: Path) -> None:
        dest = tmp_path / "run.sh"
        assert cp.get_file("salt://scripts/run.sh", str(dest)) == str(dest)
        assert dest.read_bytes() == agent.files["scripts/run.sh"]
        assert dest.stat().st_mode & 0o777 == 0o644
        assert cp.get_file("salt://empty", str(tmp_path)) == str(tmp_path / "empty")
        assert (tmp_path / "empty").read_bytes() == b""
        assert cp.get_file("salt://motd", str(tmp_path / "a/b/motd"), makedirs=True)

    def test_permissions_stay(self, cp: Any, tmp_path: Path) -> None:
        dest = tmp_path / "motd"
        dest.write_text("old")
        dest.chmod(0o600)
        cp.get_file("salt://motd", str(dest))
        assert dest.stat().st_mode & 0o777 == 0o600

    def test_permissions_do_not_hang_on_the_umask(self, cp: Any, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            cp.get_file("salt://motd", f"{tmp_path}/new/deep/", makedirs=True)
        finally:
            os.umask(before)
        found = [tmp_path / name for name in ("new", "new/deep", "new/deep/motd")]
        assert [path.stat().st_mode & 0o7777 for path in found] == [0o755, 0o755, 0o644]

    @needs_root
    def test_a_folders_owner_can_not_turn_us_to_another_file(self, cp: Any, agent: Any, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("secret")
        secret.chmod(0o600)
        theirs = folder_of_a_stranger(tmp_path / "theirs")
        (theirs / "f").write_text("old")
        (theirs / "f").chmod(0o666)

        def exchange(command: str) -> None:
            for part in theirs.glob(".saltern-*") if command == "file_chunk" else ():
                link_of_a_stranger(part, secret)

        agent.meanwhile = exchange
        cp.get_file("salt://motd", str(theirs / "f"))
        assert (theirs / "f").is_symlink()  # it was exchanged: what is tried here was tried
        assert (secret.read_text(), secret.stat().st_mode & 0o7777) == ("secret", 0o600)

    @needs_root
    def test_a_folders_owner_can_not_turn_us_to_another_folder(self, cp: Any, agent: Any, tmp_path: Path) -> None:
        ours = tmp_path / "ours"
        ours.mkdir()
        theirs = folder_of_a_stranger(tmp_path / "theirs")
        folder_of_a_stranger(theirs / "sub")

        def exchange(command: str) -> None:
            if command == "file_chunk":
                (theirs / "sub").rename(theirs / "moved")
                link_of_a_stranger(theirs / "sub", ours)

        agent.meanwhile = exchange
        cp.get_file("salt://motd", str(theirs / "sub/f"))
        assert (theirs / "moved/f").read_bytes() == agent.files["motd"]
        agent.meanwhile = lambda command: None
        with pytest.raises(CommandError, match="a link of another user's"):
            cp.get_file("salt://motd", str(theirs / "sub/f"))
        with pytest.raises(CommandError, match="a link of another user's"):
            cp.get_file("salt://motd", str(theirs / "sub/new/f"), makedirs=True)
        assert list(ours.iterdir()) == []

    def test_what_was_damaged_is_thrown_away(self, cp: Any, agent: Any, tmp_path: Path) -> None:
        agent.tamper = True
        dest = tmp_path / "motd"
        dest.write_text("old")
        with pytest.raises(CommandError, match="damaged on its way"):
            cp.get_file("salt://motd", str(dest))
        assert dest.read_text() == "old"
        assert [path.name for path in tmp_path.iterdir()] == ["motd"]

    def test_the_cache_is_used_until_the_file_changes(self, cp: Any, agent: Any) -> None:
        def chunks() -> int:
            return sum(call[0] == "file_chunk" for call in agent.calls)

        assert cp.is_cached("salt://motd") == ""
        place = cp.cache_file("salt://motd")
        assert cp.is_cached("salt://motd") == place
        assert chunks() == 1
        assert cp.get_file_str("salt://motd") == "grüezi\n"
        assert chunks() == 1
        agent.files["motd"] = b"new"
        assert cp.get_file_str("salt://motd") == "new"
        assert chunks() == 2

    def test_a_file_that_became_a_folder_is_cached_all_the_same(self, cp: Any, agent: Any) -> None:
        agent.files = {"a": b"file"}
        place = cp.cache_file("salt://a")
        agent.files = {"a/b": b"below"}
        assert Path(cp.cache_file("salt://a/b")).read_bytes() == b"below"
        agent.files = {"a": b"file"}
        assert cp.cache_file("salt://a") == place
        assert Path(place).read_bytes() == b"file"

    def test_lists_and_digests(self, cp: Any) -> None:
        assert cp.list_master() == ["empty", "motd", "scripts/run.sh"]
        assert cp.list_master(prefix="scr") == ["scripts/run.sh"]
        assert cp.hash_file("salt://empty") == {
            "hash_type": "sha256",
            "hsum": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        }

    @pytest.mark.parametrize("path", ["salt://", "salt://../x", "salt://a/..", "salt://a\\b"])
    def test_only_plain_paths_are_asked_for(self, cp: Any, agent: Any, path: str) -> None:
        assert cp.cache_file(path) is False
        assert agent.calls == []

    def test_what_can_not_be_done_is_said(self, cp: Any, minion: Any, tmp_path: Path) -> None:
        assert cp.get_file("salt://nothing", str(tmp_path / "x")) == cp.hash_file("salt://nothing") == ""
        assert cp.get_file_str("salt://nothing") is cp.cache_file("salt://nothing") is False
        assert list(tmp_path.glob("x")) == []
        assert cp.get_file("salt://motd", str(tmp_path / "no/folder")) is False
        with pytest.raises(CommandError, match="absolute"):
            cp.get_file("salt://motd", "relative")
        with pytest.raises(CommandError, match="environment is a word"):
            cp.cache_file("salt://motd", saltenv="../x")
        with pytest.raises(CommandError, match="s3:// isn't fetched here"):
            cp.cache_file("s3://bucket/x")
        del minion.opts["cachedir"]
        with pytest.raises(CommandError, match="cachedir"):
            cp.cache_file("salt://motd")


class TestStatus:
    def test_the_sample_tree(self, fake_host: Any) -> None:
        status = fake_host.load("status")
        assert status.loadavg() == {"1-min": 0.29, "5-min": 0.1, "15-min": 0.02}
        assert status.meminfo()["MemTotal"] == {"value": "16384000", "unit": "kB"}
        assert status.meminfo()["HugePages_Total"] == {"value": "0"}
        assert status.cpuinfo() == {
            "processor": "1",
            "model name": "Fast",
            "flags": ["fpu", "sse"],
        }
        assert status.version() == "Linux version 6.1.0 (build@host) #1 SMP"
        assert status.netstats()["TcpExt"] == {"SyncookiesSent": 0, "ListenDrops": 4}
        up = status.uptime()
        assert (up["seconds"], up["days"], up["time"]) == (2058, 0, "0:34")
        assert up["since_iso"].startswith(time.strftime("%Y-%m-%dT%H:%M", time.gmtime(up["since_t"])))

    def test_this_host(self, minion: Any, agent: Any) -> None:
        minion.functions["cmd.run"] = minion.load("cmd").run
        status = minion.load("status_now")
        usage = status.diskusage("/")["/"]
        assert 0 <= usage["available"] <= usage["total"]
        assert status.diskusage("no-such-type") == status.diskusage("/no/such/path") == {}
        assert isinstance(status.w(), list)
        assert str(1) in status.procs()
        assert status.pid("no-such-command-line-anywhere") == ""
        assert status.master() is True

    def test_a_host_without_proc(self, minion: Any, tmp_path: Path) -> None:
        minion.opts["proc_root"] = str(tmp_path)
        with pytest.raises(CommandError, match=r"can't read .*loadavg"):
            minion.load("status").loadavg()
        (tmp_path / "loadavg").write_text("junk")
        with pytest.raises(CommandError, match="not of the form"):
            minion.load("status").loadavg()


def test_the_table_of_names_is_what_the_files_say() -> None:
    folder = Path(saltern_modules.__file__).parent
    folders = (folder, folder / "returners", folder / "proxy", folder / "device_grains")
    files = [path for one in folders for path in one.glob("*.py") if not path.stem.startswith("_")]
    said = {path.stem: glimpse(str(path)).named for path in files}
    assert {stem: name for stem, name in said.items() if name and name != stem} == dict(SERVED_AS)
