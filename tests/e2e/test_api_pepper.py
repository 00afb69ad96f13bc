"""The real pepper, its command and its library, over a real stack: as its users have it, nothing is set for Saltern."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pepper
import pytest
from pepper.retcode import PepperRetcode

from saltern.errors import NotAuthorised
from saltern.netapi import NetapiClient
from support.stacks import Parts

MINIONS = ["db1", "web1", "web2"]
GRANTS = {"ann": [".*", "@runner", "@wheel", "@events"], "fred": ["test.ping"]}
PASSWORD = "hunter2"
WITHIN_S = 20


class Ended(NamedTuple):
    """What became of a command: its exit code, what it printed, and that as JSON."""

    code: int
    stdout: str
    stderr: str

    @property
    def told(self) -> Any:
        """What it printed, several answers one after the other as a list of them."""
        told, at, decoder = [], 0, json.JSONDecoder()
        while at < len(self.stdout.rstrip()):
            one, at = decoder.raw_decode(self.stdout, at)
            told.append(one)
            while at < len(self.stdout) and self.stdout[at].isspace():
                at += 1
        return told[0] if len(told) == 1 else told


class Pepper:
    """The command, with a file of settings as ``~/.pepperrc`` is."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.rc = folder / "pepperrc"
        self.rc.write_text(
            "".join(
                f"[{profile}]\nSALTAPI_URL={url}\nSALTAPI_USER={user}\nSALTAPI_PASS={PASSWORD}\nSALTAPI_EAUTH=file\n"
                for profile, user in (("main", "ann"), ("fred", "fred"))
            )
        )

    def __call__(self, *args: str, **environment: str) -> Ended:
        argv = [str(Path(sys.executable).with_name("pepper")), "-c", str(self.rc), "--non-interactive", *args]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment}
        done = subprocess.run(argv, capture_output=True, text=True, timeout=WITHIN_S, env=env, check=False)
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("pepper")
    users = folder / "users"
    users.write_text("".join(f"{user}:{PASSWORD}\n" for user in GRANTS))
    users.chmod(0o600)
    options = {
        "external_auth": {"file": {"^filename": str(users), **GRANTS}},
        "token_expire_user_override": True,
        "nodegroups": {"web": "web*"},
        "schedule": {"stats": False},
    }
    started = Parts(folder / "stack", ids=MINIONS, master=json.dumps(options))
    with started.running():
        yield started


@pytest.fixture(scope="module")
def command(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Pepper:
    return Pepper(tmp_path_factory.mktemp("home"), parts.stack.api_url)


@pytest.fixture(scope="module")
def library(parts: Parts) -> pepper.Pepper:
    api = pepper.Pepper(parts.stack.api_url)
    login = api.login("ann", PASSWORD, "file")
    assert {"token", "start", "expire", "user", "eauth", "perms"} <= login.keys()
    return api


class TestTheCommand:
    def test_a_call(self, command: Pepper) -> None:
        ended = command("*", "test.ping")
        assert ended.code == 0, ended
        (returns,) = ended.told["return"]
        assert sorted(returns) == MINIONS
        assert returns["web1"]["ret"] is True
        assert returns["web1"]["retcode"] == 0
        assert len(returns["web1"]["jid"]) == 20

    def test_arguments(self, command: Pepper) -> None:
        (returns,) = command("web1", "test.arg", "5", "a b", "c=[1, two]").told["return"]
        given = returns["web1"]["ret"]
        assert given["args"] == ["5", "a b"]
        assert given["kwargs"]["c"] == [1, "two"]

    @pytest.mark.parametrize(
        ("args", "minions"),
        [
            (("-L", "web1,db1"), ["db1", "web1"]),
            (("-E", "web[12]"), ["web1", "web2"]),
            (("-G", "id:db*"), ["db1"]),
            (("-C", "web* and not L@web2"), ["web1"]),
            (("-N", "web"), ["web1", "web2"]),
        ],
    )
    def test_targets(self, command: Pepper, args: tuple[str, str], minions: list[str]) -> None:
        (returns,) = command(*args, "test.ping").told["return"]
        assert sorted(returns) == minions

    def test_its_settings_may_all_be_options_or_variables(self, command: Pepper) -> None:
        given = ("-p", "none", "-u", command.url, "-a", "file", "--username", "ann", "--password", PASSWORD)
        assert command(*given, "web1", "test.ping").code == 0
        variables = {
            "SALTAPI_URL": command.url, "SALTAPI_USER": "ann", "SALTAPI_PASS": PASSWORD, "SALTAPI_EAUTH": "file",
        }  # fmt: skip
        assert command("-p", "none", "web1", "test.ping", **variables).code == 0

    def test_runners_and_wheel_functions(self, command: Pepper) -> None:
        (ran,) = command("--client=runner", "manage.up").told["return"]
        assert sorted(ran["data"]["return"]) == MINIONS
        assert ran["data"]["success"] is True
        (ran,) = command("--client=runner", "cache.grains", "tgt=web1").told["return"]
        assert list(ran["data"]["return"]) == ["web1"]
        (ran,) = command("--client=runner", "test.arg", "5", "a=x").told["return"]
        assert ran["data"]["return"] == {"args": [5], "kwargs": {"a": "x"}}
        (ran,) = command("--client=wheel", "key.finger", "match=web1").told["return"]
        assert list(ran["data"]["return"]["minions"]) == ["web1"]
        (begun,) = command("--client=runner_async", "manage.up").told["return"]
        assert begun["tag"] == f"salt/run/{begun['jid']}"

    def test_asynchronous_and_in_batches(self, command: Pepper) -> None:
        (begun,) = command("--client=local_async", "*", "test.ping").told["return"]
        assert begun["minions"] == MINIONS
        returns = command("--batch", "1", "*", "test.ping").told["return"]
        assert sorted(minion for one in returns for minion in one) == MINIONS

    def test_waiting_until_all_have_returned(self, command: Pepper) -> None:
        ended = command("--fail-if-incomplete", "web*", "test.ping")
        assert ended.code == 0, ended
        assert {minion for (one,) in ended.told for minion in one} == {"web1", "web2"}
        ended = command("--fail-if-incomplete", "-t", "1", "web1", "test.sleep", "4")
        assert (ended.code, ended.told) == (1, [{"Failed": ["web1"]}])

    def test_exit_codes(self, command: Pepper, library: pepper.Pepper) -> None:
        """The command reads them where Salt's outputters are installed, by this function."""
        low = {"client": "local", "full_return": True, "tgt": "*"}
        for call, any_failed, all_failed in (
            ({"fun": "test.ping"}, 0, 0),
            ({"fun": "no.such"}, 1, 1),
            ({"fun": "cmd.run", "arg": ["exit 3"]}, 3, 3),
            ({"fun": "cmd.run", "arg": ["test $SALTERN = 1"], "kwarg": {"env": {"SALTERN": "1"}}}, 0, 0),
        ):
            returned = library.low([{**low, **call}])["return"]
            assert PepperRetcode.validate_fail_any(returned) == any_failed
            assert PepperRetcode.validate_fail_any_none(returned) == any_failed
            assert PepperRetcode.validate_fail_all(returned) == all_failed
        assert command("web1", "no.such").code == 0

    def test_a_token_in_a_file(self, command: Pepper, tmp_path: Path) -> None:
        file = tmp_path / "token"
        assert command("-T", "-x", str(file), "web1", "test.ping").code == 0
        kept = json.loads(file.read_text())
        assert kept["expire"] > time.time() + 3600
        wrong = {"SALTAPI_PASS": "wrong"}
        assert command("-T", "-x", str(file), "web1", "test.ping", **wrong).code == 0, "the token is enough"
        assert json.loads(file.read_text()) == kept
        assert command("web1", "test.ping", **wrong).code == 1

    def test_another_life_of_a_token(self, command: Pepper, tmp_path: Path) -> None:
        file = tmp_path / "token"
        assert command("-T", "-x", str(file), "--token-expire", "300", "web1", "test.ping").code == 0
        assert 200 < json.loads(file.read_text())["expire"] - time.time() <= 300

    def test_by_the_url_run(self, command: Pepper, tmp_path: Path) -> None:
        ended = command("-r", "web1", "test.ping")
        assert ended.code == 0, ended
        assert ended.told["return"][0]["web1"]["ret"] is True
        (ran,) = command("-r", "--client=runner", "manage.up").told["return"]
        assert sorted(ran["data"]["return"]) == MINIONS
        file = tmp_path / "token"
        for _ in range(2):
            assert command("-r", "-T", "-x", str(file), "web1", "test.ping").code == 0

    def test_lowstate_in_a_file(self, command: Pepper, tmp_path: Path) -> None:
        file = tmp_path / "low.json"
        file.write_text(json.dumps([{"client": "local", "tgt": "web1", "fun": "test.echo", "arg": ["ä"]}]))
        ended = command("--json-file", str(file))
        assert ended.told["return"][0]["web1"]["ret"] == "ä"
        low = json.dumps([{"client": "runner", "fun": "manage.up"}])
        assert command("--json", low).told["return"][0]["data"]["return"]

    def test_who_may_less(self, command: Pepper) -> None:
        assert command("-p", "fred", "web1", "test.ping").code == 0
        for args in (
            ("web1", "test.echo", "x"),
            ("--client=runner", "manage.up"),
            ("--client=wheel", "key.list_all"),
            ("-r", "web1", "cmd.run", "id"),
        ):
            ended = command("-p", "fred", *args)
            assert ended.code == 1
            assert "Authentication denied" in ended.stderr

    def test_who_is_nobody(self, command: Pepper) -> None:
        for args in (("web1", "test.ping"), ("-r", "web1", "test.ping")):
            ended = command("--username", "eve", *args)
            assert (ended.code, ended.stdout) == (1, "")
            assert "Authentication denied" in ended.stderr


class TestTheLibrary:
    def test_its_clients(self, library: pepper.Pepper) -> None:
        assert library.local("web1", "test.ping") == {"return": [{"web1": True}]}
        told = library.local("web1", "test.arg", arg=[1], kwarg={"a": [1]})
        assert told["return"][0]["web1"]["args"] == [1]
        assert sorted(library.local("web1,db1", "test.ping", expr_form="list")["return"][0]) == ["db1", "web1"]
        assert sorted(library.local("id:web*", "test.ping", expr_form="grain")["return"][0]) == ["web1", "web2"]
        assert len(library.local_batch("*", "test.ping", batch="50%")["return"]) == len(MINIONS)
        assert sorted(library.runner("manage.up")["return"][0]) == MINIONS
        assert library.wheel("key.finger", match="web1")["return"][0]["data"]["success"] is True

    def test_a_job_and_what_became_of_it(self, library: pepper.Pepper) -> None:
        (begun,) = library.local_async("web*", "test.ping")["return"]
        assert begun["minions"] == ["web1", "web2"]
        deadline = time.monotonic() + WITHIN_S
        while library.lookup_jid(begun["jid"])["return"] != [{"web1": True, "web2": True}]:
            assert time.monotonic() < deadline

    def test_pages_and_events(self, library: pepper.Pepper) -> None:
        assert library.req_get("/keys")["return"]["minions"] == MINIONS
        assert library.req_get("/minions/web1")["return"][0]["web1"]["id"] == "web1"
        (begun,) = library.local_async("web1", "test.ping")["return"]
        (info,) = library.req_get(f"/jobs/{begun['jid']}")["info"]
        assert (info["Function"], info["Target"]) == ("test.ping", "web1")
        stream = library.req_stream("/events")
        with stream:
            lines = stream.iter_lines()
            assert next(lines) == b"retry: 400"
            (begun,) = library.local_async("web1", "test.ping")["return"]
            wanted = f"salt/job/{begun['jid']}/ret/web1"
            events = (json.loads(line[6:]) for line in lines if line.startswith(b"data: "))
            assert next(event for event in events if event["tag"] == wanted)["data"]["return"] is True

    def test_it_is_told_who_may_not(self, parts: Parts) -> None:
        api = pepper.Pepper(parts.stack.api_url)
        with pytest.raises(pepper.PepperException, match="Authentication denied"):
            api.login("ann", "wrong", "file")
        api.login("fred", PASSWORD, "file")
        with pytest.raises(pepper.PepperException, match="Authentication denied"):
            api.local("web1", "cmd.run", "id")


def test_the_same_without_http(parts: Parts) -> None:
    """``NetapiClient``, as Salt's programs in Python use it on the master's host."""
    client = NetapiClient(parts.runner.opts)
    who = {"username": "ann", "password": PASSWORD, "eauth": "file"}
    local = {"client": "local", "tgt": "web1", "fun": "test.arg", "arg": [1], "kwarg": {"a": 2}}
    assert client.run({**local, **who})["web1"]["args"] == [1]
    assert sorted(client.run({"client": "runner", "fun": "manage.up", **who})) == MINIONS
    assert client.run({"client": "wheel", "fun": "key.list_all", **who})["data"]["return"]["minions"] == MINIONS
    token = client.mk_token(who)["token"]
    assert client.run({"client": "local", "tgt": "web1", "fun": "test.ping", "token": token}) == {"web1": True}
    with pytest.raises(NotAuthorised):
        client.run({**local, **who, "username": "fred"})
    with pytest.raises(NotAuthorised):
        client.run(local)
