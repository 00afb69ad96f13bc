"""Devices by SSH, against servers that do as they should and servers that don't."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _ssh_shell
from saltern_modules._ssh_settings import settings
from support.ssh_server import PASSWORD, USER, SshDevice, ssh_device

COMMANDS: dict[str, Any] = {
    "version": "version",
    "memory": {"run": "cat /proc/meminfo", "parse": "keys"},
    "status": {"run": "status --json", "parse": "json"},
    "mounts": {"run": "df", "parse": "table"},
    "errors": {"run": "log", "regex": r"^(?P<when>\S+) ERROR (?P<what>.*)$"},
    "restart": "restart {name}",
    "install": {"run": "pkg_install {name} {version}", "defaults": {"version": ""}},
    "hang": {"run": "hang", "timeout": 0.2},
    "flood": "flood",
    "fails": "fails",
}
ANSWERS = {
    "version": "Model: X-1\nsessions: 42\n",
    "cat": "MemTotal:       16384 kB\nMemFree:  8 kB\n",
    "status": 'ok\n{"cpu": {"load": [1.5, true]}, "name": "n"}\n',
    "df": "Filesystem  Size  Mounted on\n----------  ----  ----------\n/dev/sda1     10  /\n",
    "log": "10:00 ERROR a\n10:01 INFO b\n10:02 ERROR c\n",
    "restart": "{args}",
    "pkg_install": "{args}",
}


def proxy(far: SshDevice, **more: Any) -> dict[str, Any]:
    told = {
        "proxytype": "ssh",
        "host": "127.0.0.1",
        "port": far.port,
        "username": USER,
        "password": PASSWORD,
        "host_key": far.public,
        "commands": COMMANDS,
        **more,
    }
    return {name: value for name, value in told.items() if value is not None}


@pytest.fixture
def with_device(minion: Any) -> Callable[..., None]:
    """Run a test with a device that was opened: it gets that, the proxymodule and the execution module."""

    def run(test: Callable[[SshDevice, Any, Any], Awaitable[None]], opened: bool = True, **more: Any) -> None:
        module, execution = minion.load("proxy/ssh"), minion.load("ssh_device")
        names = [name for name in vars(module) if not name.startswith("_")]
        execution.__proxy__ = {f"ssh.{name}": getattr(module, name) for name in names}

        async def all_of_it() -> None:
            async with ssh_device() as far:
                far.answers.update(ANSWERS)
                if opened:
                    await module.init({"proxy": proxy(far, **more)})
                try:
                    await test(far, module, execution)
                finally:
                    await module.shutdown({})

        asyncio.run(all_of_it())

    return run


async def hang(process: Any) -> int:
    await process.wait_closed()
    return 0


async def flood(process: Any) -> int:
    with contextlib.suppress(asyncssh.Error, OSError):
        while True:
            process.stdout.write("x" * 60000)
            await process.stdout.drain()
    return 0


class TestCommands:
    def test_answers_are_read_as_declared(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            assert module.initialized() is True
            assert await execution.call("version") == ANSWERS["version"]
            assert (await execution.call("memory"))["MemFree"] == "8 kB"
            assert (await execution.call("status"))["cpu"]["load"] == [1.5, True]
            assert await execution.call("mounts") == [{"Filesystem": "/dev/sda1", "Size": "10", "Mounted on": "/"}]
            assert [one["what"] for one in await execution.call("errors")] == ["a", "c"]
            told = await execution.run("version")
            assert told == {"stdout": ANSWERS["version"], "stderr": "", "retcode": 0}
            assert (await execution.run("nothing"))["retcode"] == 127
            assert execution.commands()["install"] == {
                "run": "pkg_install {name} {version}",
                "arguments": ["name", "version"],
                "defaults": {"version": ""},
            }
            assert len(far.connections) == 1  # one is kept

        with_device(test)

    def test_what_is_said_where_others_say_errors_is_an_answer_when_it_is_all(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            async def aside(process: Any) -> int:
                process.stderr.write("sessions: 7\n")
                return 0

            async def both(process: Any) -> int:
                process.stderr.write("a warning\n")
                process.stdout.write("sessions: 8\n")
                return 0

            far.answers["version"] = aside
            assert await execution.call("version") == "sessions: 7\n"
            assert (await execution.run("version"))["stderr"] == "sessions: 7\n"
            far.answers["version"] = both
            assert await execution.call("version") == "sessions: 8\n"

        with_device(test)

    def test_metrics_and_grains_are_taken_of_answers_each_command_run_once(self, with_device: Any) -> None:
        metrics = {
            "free_kb": {"command": "memory", "path": "MemFree"},
            "total_kb": {"command": "memory", "path": "MemTotal"},
            "load": {"command": "status", "path": "cpu.load.0", "scale": 100},
            "well": {"command": "status", "path": "cpu.load.1"},
            "name": {"command": "status", "path": "name"},
            "missing": {"command": "status", "path": "cpu.load.9"},
            "sessions": {"command": "version", "regex": r"sessions: (\d+)"},
        }
        grains = {"model": {"command": "version", "regex": "Model: (.*)"}, "no": {"command": "status", "path": "no"}}

        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            assert module.grains() == {"model": "X-1"}
            far.lines.clear()
            told = await module.stats()
            assert told["ssh"]["failed"] == 0
            assert told.pop("ssh")["duration_ms"] > 0
            assert told == {"free_kb": 8, "total_kb": 16384, "load": 150, "well": 1, "sessions": 42}
            assert sorted(far.lines) == ["cat /proc/meminfo", "status --json", "version"]
            far.answers["version"] = "Model: X-2\n"
            assert await module.grains_refresh() == module.grains() == {"model": "X-2"}

        with_device(test, metrics=metrics, grains=grains)

    def test_where_one_command_fails_the_others_are_told(self, with_device: Any) -> None:
        metrics = {"bad": {"command": "fails"}, "sessions": {"command": "version", "regex": r"sessions: (\d+)"}}
        grains = {"bad": {"command": "fails"}, "model": {"command": "version", "regex": "Model: (.*)"}}

        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            assert module.grains() == {"model": "X-1"}
            told = await module.stats()
            assert (told["sessions"], told["ssh"]["failed"], "bad" in told) == (42, 1, False)
            del far.answers["version"]
            with pytest.raises(CommandError, match="fails ended with 127"):
                await module.stats()

        with_device(test, metrics=metrics, grains=grains)

    @pytest.mark.parametrize("value", ["a b", "$(reboot)", "a;reboot", "`x`", "a'b", 'a"b', "*", "~", "{name}", "é"])
    def test_what_is_put_in_a_place_is_one_word(self, with_device: Any, value: str) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            assert await execution.call("restart", value) == repr([value])
            assert await execution.call("install", name=value, version=3.2) == repr([value, "3.2"])
            assert await execution.call("install", value) == repr([value])

        with_device(test)

    @pytest.mark.parametrize(
        ("args", "kwargs", "why"),
        [
            ((), {}, "'name' is missing: it takes name"),
            (("a", "b"), {}, "2 arguments: it takes name"),
            ((), {"nmae": "a"}, "it takes no 'nmae'"),
            (("a",), {"name": "b"}, "'name' is given twice"),
            (("-rf",), {}, "it begins with -"),
            (("a\nreboot",), {}, "it is no line of text"),
            (("",), {}, "it is empty"),
            (([1],), {}, "a text or a number is right"),
        ],
    )
    def test_arguments_that_fit_nowhere_are_refused(self, with_device: Any, args: Any, kwargs: Any, why: str) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            with pytest.raises(ArgumentError) as caught:
                await execution.call("restart", *args, **kwargs)
            assert why in str(caught.value)
            assert far.lines == []

        with_device(test)

    def test_a_command_that_fails_is_told_with_its_words(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            with pytest.raises(CommandError, match=r"^127\.0\.0\.1:\d+: fails ended with 127: fails: not found$"):
                await execution.call("fails")
            with pytest.raises(CommandError, match="there is no command 'x'"):
                await execution.call("x")
            far.answers["status"] = "no braces"
            with pytest.raises(CommandError, match="status: there is no JSON in what it answers"):
                await execution.call("status")
            with pytest.raises(CommandError, match="one line"):
                await execution.run("a\nb")

        with_device(test)


class TestConnections:
    def test_a_device_that_hangs_is_given_up_and_asked_again(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            far.answers["hang"] = hang
            with pytest.raises(CommandError, match=r"it didn't end within 0\.2 s$"):
                await execution.call("hang")
            with pytest.raises(CommandError, match=r"it didn't end within 0\.1 s$"):
                await execution.run("hang", timeout=0.1)
            assert await execution.call("version") == ANSWERS["version"]

        with_device(test)

    def test_a_device_that_floods_is_stopped(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            far.answers["flood"] = flood
            with pytest.raises(CommandError, match="it says more than 100000 bytes"):
                await execution.call("flood")
            assert await execution.call("version") == ANSWERS["version"]

        with_device(test, max_bytes=100_000)

    def test_a_connection_that_was_cut_is_made_anew(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            assert await module.alive({}) is True
            far.connections[0].abort()
            while await module.alive({}):
                await asyncio.sleep(0)
            assert await execution.call("version") == ANSWERS["version"]
            assert await module.alive({}) is True
            assert len(far.connections) == 2

        with_device(test)

    def test_one_that_hangs_up_after_each_command_is_no_trouble(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            far.once = True
            for _ in range(3):
                assert await execution.call("version") == ANSWERS["version"]
                while await module.alive({}):
                    await asyncio.sleep(0)

        with_device(test)

    def test_ping_runs_what_it_is_told(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            assert await module.ping() is await execution.ping() is await module.alive({}) is True
            assert far.lines == ["version"] * 3
            del far.answers["version"]
            assert await module.ping() is await module.alive({}) is False

        with_device(test, ping="version")

    def test_nothing_is_told_to_a_device_with_another_key(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            await module.init({"proxy": proxy(far)})
            other = SshDevice()  # in its place, as an attacker would
            far.connections[0].abort()
            async with ssh_device(other) as impostor:
                with pytest.raises(
                    CommandError, match=r"its key isn't that of host_key: it has ssh-ed25519 \S+ \(SHA256"
                ):
                    await module.init({"proxy": {**proxy(far), "port": impostor.port}})
                assert impostor.lines == []

        with_device(test, opened=False)

    def test_known_hosts_say_who_it_must_be(self, with_device: Any, tmp_path: Path) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            file = tmp_path / "known_hosts"
            file.write_text(f"[127.0.0.1]:{far.port} {far.public}\n")
            await module.init({"proxy": proxy(far, host_key=None, known_hosts=str(file))})
            await module.shutdown({})
            assert module.initialized() is False
            for text in (f"[127.0.0.1]:{far.port} {SshDevice().public}\n", f"elsewhere {far.public}\n", ""):
                file.write_text(text)
                with pytest.raises(CommandError, match=r"its key isn't that of .*known_hosts"):
                    await module.init({"proxy": proxy(far, host_key=None, known_hosts=str(file))})
            await module.init({"proxy": proxy(far, host_key=None, trust="any")})

        with_device(test, opened=False)

    def test_a_user_may_have_a_key(self, with_device: Any, tmp_path: Path) -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        text = key.export_private_key("pkcs8-pem", passphrase="of the key").decode()
        file = tmp_path / "key"
        file.write_text(key.export_private_key().decode())

        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            far.user_key = key.export_public_key().decode().strip()
            for told in ({"key": text, "passphrase": "of the key"}, {"key": str(file)}):
                await module.init({"proxy": proxy(far, password=None, **told)})
                await module.shutdown({})
            for wrong, why in (
                ({"key": text}, "passphrase is missing or wrong"),
                ({"key": "relative"}, "from / on, is right"),
                ({"key": str(tmp_path / "none")}, "can't be read: No such file"),
                ({"key": "-----BEGIN PRIVATE KEY-----\nx"}, "it is no private key"),
            ):
                with pytest.raises(CommandError) as caught:
                    await module.init({"proxy": proxy(far, password=None, **wrong)})
                assert why in str(caught.value)
                assert "of the key" not in str(caught.value)

        with_device(test, opened=False)

    @pytest.mark.parametrize(
        ("told", "why"),
        [
            ({"password": "wrong password"}, "it refuses the user 'monitor' with this password"),
            ({"host_key": "nonsense"}, "host_key: it is no public key"),
            ({"host_key": None, "known_hosts": "/nowhere"}, "known_hosts: there is no file /nowhere"),
        ],
    )
    def test_what_is_wrong_is_said_without_secrets(self, with_device: Any, told: Any, why: str) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            with pytest.raises(CommandError) as caught:
                await module.init({"proxy": proxy(far, **told)})
            assert why in str(caught.value)
            assert "wrong password" not in str(caught.value)
            assert PASSWORD not in repr(settings(proxy(far)))
            assert module.initialized() is False
            with pytest.raises(CommandError, match="has not been opened"):
                await execution.call("version")

        with_device(test, opened=False)

    def test_who_does_not_answer_is_given_up(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            with socket.create_server(("127.0.0.1", 0)) as silent:
                port = silent.getsockname()[1]
                with pytest.raises(CommandError, match=r"no connection within 0\.2 s"):
                    await module.init({"proxy": {**proxy(far), "port": port, "connect_timeout": 0.2}})
            with pytest.raises(CommandError, match=r"no connection: Connection refused$"):
                await module.init({"proxy": {**proxy(far), "port": port}})

        with_device(test, opened=False)


class TestShells:
    """What answers in a shell of its own alone, as Salt's ssh_sample."""

    def proxy(self, **more: Any) -> dict[str, Any]:
        commands = {
            "help": "help",
            "info": {"run": "info", "parse": "json"},
            "ps": {"run": "ps", "parse": "json"},
            "start": {"run": "start {name}", "parse": "json"},
            "pkg_install": {"run": "pkg_install {name} {version}", "defaults": {"version": ""}, "parse": "json"},
        }
        grains = {"os": {"command": "info", "path": "os"}}
        return {"interactive": True, "commands": commands, "ping": "help", "grains": grains, **more}

    def answers(self, far: SshDevice) -> None:
        far.answers |= {
            "help": "Documented commands:\r\n help info",
            "info": json.dumps({"os": "SshExampleOS"}, indent=1).replace("\n", "\r\n"),
            "start": 'started\r\n{"redbull": "running"}',
            "pkg_install": '{"a": "1.0"}',
        }

    @pytest.mark.parametrize("echo", [True, False])
    @pytest.mark.parametrize("prompt", ["", r"\(Cmd\)"])
    def test_salts_sample_is_declared(self, with_device: Any, echo: bool, prompt: str) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            self.answers(far)
            far.echo = echo
            await module.init({"proxy": proxy(far, **self.proxy(), **({"prompt": prompt} if prompt else {}))})
            assert module.grains() == {"os": "SshExampleOS"}
            assert await module.ping() is await module.alive({}) is True
            assert await execution.call("start", "redbull") == {"redbull": "running"}
            assert await execution.call("pkg_install", "a", version="1.0") == {"a": "1.0"}
            assert (await execution.run("help"))["stdout"].strip() == "Documented commands:\n help info"
            assert far.lines[-3:] == ["start redbull", "pkg_install a 1.0", "help"]
            assert len(far.connections) == 1

        with_device(test, opened=False)

    def test_a_greeting_that_comes_in_pieces_is_no_prompt(
        self, with_device: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_ssh_shell, "SETTLE_S", 1.5)

        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            self.answers(far)
            shell = far.shell

            async def slowly(process: Any) -> None:
                process.stdout.write("*** NOTICE (see the policy)")
                await process.stdout.drain()
                await asyncio.sleep(0.05)  # what a device does that is slow to say hello
                process.stdout.write("\r\nLast login:")
                await process.stdout.drain()
                await asyncio.sleep(0.05)
                process.stdout.write(" today\r\n")
                await shell(process)

            far.shell = slowly  # type: ignore[method-assign]  # what the test is about
            await module.init({"proxy": proxy(far, **self.proxy())})
            assert module.grains() == {"os": "SshExampleOS"}
            assert await execution.call("start", "redbull") == {"redbull": "running"}

        with_device(test, opened=False)

    def test_there_nothing_is_quoted_and_little_is_taken(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            self.answers(far)
            await module.init({"proxy": proxy(far, **self.proxy())})
            far.lines.clear()
            for value in ("a b", "a;b", "$x", "a|b", "a\rb"):
                with pytest.raises(ArgumentError):
                    await execution.call("start", value)
            assert far.lines == []

        with_device(test, opened=False)

    def test_an_answer_that_came_too_late_is_nobodys(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            self.answers(far)
            late = asyncio.Event()

            async def answer_late(process: Any) -> int:
                await late.wait()
                process.stdout.write('{"os": "late"}')
                return 0

            far.answers["slow"] = answer_late
            await module.init({"proxy": proxy(far, **self.proxy())})
            with pytest.raises(CommandError, match=r"no prompt within 0\.2 s"):
                await execution.run("slow", timeout=0.2)
            late.set()
            assert await execution.call("info") == {"os": "SshExampleOS"}
            with pytest.raises(CommandError, match="it closed its shell"):
                await execution.run("exit")
            assert await execution.call("info") == {"os": "SshExampleOS"}

        with_device(test, opened=False)

    def test_a_shell_that_floods_is_left(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            self.answers(far)
            far.answers["flood"] = flood
            await module.init({"proxy": proxy(far, **self.proxy(max_bytes=200_000))})
            with pytest.raises(CommandError, match="more than 200000 bytes"):
                await execution.run("flood")
            assert await execution.call("info") == {"os": "SshExampleOS"}

        with_device(test, opened=False)

    def test_what_prepares_the_shell_is_typed_first(self, with_device: Any) -> None:
        async def test(far: SshDevice, module: Any, execution: Any) -> None:
            self.answers(far)
            far.answers["terminal"] = ""
            far.prompt = "switch7# "
            await module.init({"proxy": proxy(far, **self.proxy(prepare=["terminal length 0"]))})
            assert far.lines == ["terminal length 0", "info"]

        with_device(test, opened=False)


class TestSettings:
    @pytest.mark.parametrize(
        ("told", "why"),
        [
            ({"host_key": None}, "nothing tells who the device must be: say host_key"),
            ({"trust": "any"}, "host_key: trust is there too"),
            ({"host_key": None, "trust": "all"}, "trust: right are any"),
            ({"host_key": None, "known_hosts": "known"}, "from / on"),
            ({"password": None}, "password: it is missing, as is key"),
            ({"username": None}, "username: it is missing"),
            ({"passwrod": "x"}, "passwrod: there is no such option"),
            ({"commands": {"a": {"run": "b\nc"}}}, "commands: a: run: a command is one line"),
            ({"commands": {"a b": "c"}}, "'a b' is no name"),
            ({"commands": {"a": {"run": "c", "parse": "xml"}}}, "parse: right are text, json, keys, table"),
            ({"commands": {"a": {"run": "c", "regex": "("}}}, "regex: it is no regular expression"),
            ({"commands": {"a": {"run": "c", "regex": "x", "parse": "json"}}}, "parse: regex is there too"),
            ({"commands": {"a": {"run": "c", "defaults": {"x": 1}}}}, "the command has no place {x}"),
            ({"metrics": {"a": {"command": "none"}}}, "command: there is no such command: right are version, "),
            ({"commands": None, "metrics": {"a": {"command": "b"}}}, "no such command: none is declared in commands:"),
            ({"metrics": {"a": {"command": "restart"}}}, "it has a place {name} without a default"),
            ({"metrics": {"a": {"command": "version", "path": "a", "regex": "b"}}}, "path: regex is there too"),
            ({"metrics": {"a": "version"}}, "a map of options is right"),
            ({"grains": {"a.b": {"command": "version"}}}, "'a.b' is no name"),
            ({"ping": "none"}, "ping: there is no such command"),
            ({"interactive": "yes"}, "interactive: true or false is right"),
            ({"prompt": "["}, "prompt: it is no regular expression"),
        ],
    )
    def test_what_is_wrong_is_said_in_a_line(self, told: Any, why: str) -> None:
        far = SshDevice()
        far.port = 22
        with pytest.raises(CommandError) as caught:
            settings(proxy(far, **told))
        assert why in str(caught.value)
        assert "\n" not in str(caught.value)
        assert PASSWORD not in str(caught.value)

    def test_without_asyncssh_a_line_says_what_to_install(self, minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        module = minion.load("proxy/ssh")
        assert module.__virtual__() is True
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        assert module.__virtual__() == (False, "devices by SSH need the package asyncssh: install saltern[ssh]")
