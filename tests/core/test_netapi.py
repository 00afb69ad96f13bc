"""Low-level calls: the shape of each client's answer, who it is asked as, and what is refused before it begins."""

from __future__ import annotations

from typing import Any

import pytest

import saltern.batch
import saltern.connecting
import saltern.following
from saltern.errors import ArgumentError, FunctionNotFound, MasterNotRunning, NotAuthorised
from saltern.netapi import CLIENTS, NetapiClient
from saltern.netapi.begun import LIST, MAP, VALUE
from support.salt_answers.scripted_fleet import FLEETS
from support.scripted_master import NOT_CONNECTED, ScriptedConnection, ScriptedMaster

OPTS: dict[str, Any] = {"sock_dir": "/nowhere", "netapi_enable_clients": list(CLIENTS), "timeout": 5, "pki_dir": "/no"}
CREDENTIALS = {"username": "fred", "password": "right", "eauth": "file"}
PASSING = "f" * 64
JID = "20260131120000123456"
TOLD = {"jid": JID, "user": "fred", "success": True, "_stamp": "now", "fun_args": []}


class NetMaster(ScriptedMaster):
    """Answers what isn't a job by a table, too; ``access`` lists as whom, and from where, it was asked what."""

    def __init__(self, **more: Any) -> None:
        super().__init__(FLEETS["three"], **more)
        self.access: list[tuple[str, Any, str]] = []
        self.table: dict[str, Any] = {
            "login.passing": {"token": PASSING},
            "login.pass": True,
            "login.about": {"user": "fred"},
            "runner.manage.up": ["m1"],
            "wheel.key.list_all": {"minions": ["m1"]},
            "runner.async": {"tag": f"salt/run/{JID}", "jid": JID},
            "wheel.async": {"tag": f"salt/wheel/{JID}", "jid": JID},
        }

    def connect(self, sock_dir: Any) -> ScriptedConnection:
        super().connect(str(sock_dir.sock_dir)).__exit__()
        return NetConnection(self, dict(sock_dir.auth), sock_dir.origin)

    def asked(self, command: str) -> list[dict[str, Any]]:
        return [asked for name, asked in self.calls if name == command]


class NetConnection(ScriptedConnection):
    def __init__(self, master: NetMaster, auth: dict[str, Any], origin: str) -> None:
        super().__init__(master)
        self._net, self._auth, self._origin = master, auth, origin

    def call(self, command: str, *args: Any, within_s: float | None = 60.0, **asked: Any) -> Any:
        self._net.access.append((command, self._auth, self._origin))
        if command in ("job.publish", "target.preview"):
            return super().call(command, **asked)
        self._net.calls.append((command, {"args": list(args), "kwargs": asked}))
        return self._answer(command)

    def call_whole(self, command: str, args: list[Any], kwargs: dict[str, Any], within_s: float | None) -> Any:
        self._net.access.append((command, self._auth, self._origin))
        self._net.calls.append((command, {"args": args, "kwargs": kwargs, "within_s": within_s}))
        return {**TOLD, "fun": command, "return": self._answer(command)}

    def interrupt(self) -> None:
        """Nobody waits here."""

    def _answer(self, command: str) -> Any:
        if command not in self._net.table:
            raise FunctionNotFound(f"{command} is not there")
        answer = self._net.table[command]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> NetMaster:
    made = NetMaster()
    for module in (saltern.batch, saltern.connecting, saltern.following):
        monkeypatch.setattr(module, "LocalConnection", made.connect)
    return made


def low(client: str, **more: Any) -> dict[str, Any]:
    of_job = {"tgt": "*", "fun": "test.ping"} if client.startswith("local") else {}
    of_master = {"fun": "manage.up" if client.startswith("runner") else "key.list_all"}
    return {"client": client, **CREDENTIALS, **(of_job or of_master), **more}


def run(**given: Any) -> Any:
    return NetapiClient(OPTS).run(given)


# shapes


@pytest.mark.parametrize(
    ("given", "kind", "answer"),
    [
        (low("local"), MAP, {"m1": True, "m2": True, "m3": True}),
        (low("local", tgt="m1,m3", tgt_type="list"), MAP, {"m1": True, "m3": True}),
        (low("local", tgt="m1,m3", expr_form="list"), MAP, {"m1": True, "m3": True}),
        (low("local", tgt="none*"), MAP, {}),
        (low("local_batch", batch="1"), LIST, [{"m1": True}, {"m2": True}, {"m3": True}]),
        (low("local_async", tgt="none*"), VALUE, {}),
        (low("runner"), VALUE, ["m1"]),
        (low("runner_async"), VALUE, {"tag": f"salt/run/{JID}", "jid": JID}),
        (low("wheel_async"), VALUE, {"tag": f"salt/wheel/{JID}", "jid": JID}),
    ],
)
def test_each_client_has_its_shape(master: NetMaster, given: dict[str, Any], kind: str, answer: Any) -> None:
    with NetapiClient(OPTS).begin(given) as begun:
        assert begun.kind == kind
        assert begun.gathered() == answer
    assert run(**given) == answer


def test_a_job_begun_is_a_jid_and_its_minions_sorted(master: NetMaster) -> None:
    started = run(**low("local_async"))
    assert started.keys() == {"jid", "minions"}
    assert started["minions"] == ["m1", "m2", "m3"]
    assert len(started["jid"]) == 20


def test_the_whole_return_when_it_is_asked_for(master: NetMaster) -> None:
    whole = run(**low("local", full_return=True))
    assert set(whole) == {"m1", "m2", "m3"}
    assert whole["m1"]["ret"] is True
    assert {"ret", "retcode", "jid"} <= whole["m1"].keys()


def test_who_is_away_has_a_text(master: NetMaster) -> None:
    master.fleet = FLEETS["away"]
    assert run(**low("local"))["m2"] == NOT_CONNECTED


def test_runners_and_wheels_with_the_data_of_their_events(master: NetMaster) -> None:
    whole = run(**low("runner", full_return=True))
    assert whole["tag"] == f"salt/run/{JID}/ret"
    assert (whole["data"]["return"], whole["data"]["success"], whole["data"]["jid"]) == (["m1"], True, JID)
    told = run(**low("wheel"))
    assert told["tag"] == told["data"]["tag"] == f"salt/wheel/{JID}"
    assert told["data"].keys() == {"fun", "jid", "tag", "user", "return", "success"}
    assert (told["data"]["fun"], told["data"]["return"]) == ("wheel.key.list_all", {"minions": ["m1"]})


def test_a_wheel_that_fails_says_so_in_its_return(master: NetMaster) -> None:
    told = run(**low("wheel", fun="key.nonsense"))["data"]
    assert (told["success"], told["user"], len(told["jid"])) == (False, "fred", 20)
    assert told["return"].startswith("Exception occurred in wheel key.nonsense: ")
    with pytest.raises(FunctionNotFound):
        run(**low("runner", fun="nonsense.x"))


def test_arguments_of_both_styles_reach_the_master(master: NetMaster) -> None:
    run(**low("runner", arg=["web*"], kwarg={"a": 1}, tgt_type="list"))
    run(**low("runner", tgt="web*"))
    first, second = master.asked("runner.manage.up")
    assert (first["args"], first["kwargs"]) == (["web*"], {"a": 1, "tgt_type": "list"})
    assert (second["args"], second["kwargs"]) == ([], {"tgt": "web*"})
    run(**low("local", arg="x", kwarg={"b": 2}, ret="syslog", nonsense=1, timeout=3))
    (asked,) = [one for one in master.asked("job.publish") if one["fun"] == "test.ping" and one["kwarg"]]
    assert (asked["arg"], asked["kwarg"], asked["ret"]) == (["x"], {"b": 2}, "syslog")
    for call, given in master.calls:
        assert "right" not in repr(given), call


# who


def test_a_password_is_shown_once_and_a_passing_token_ends(master: NetMaster) -> None:
    client = NetapiClient(OPTS, "192.0.2.9")
    with client.begin(low("local")) as begun:
        begun.gathered()
        assert master.asked("login.pass") == []
    commands = [(name, auth) for name, auth, _ in master.access]
    assert commands[0] == ("login.passing", CREDENTIALS)
    assert commands[-1] == ("login.pass", {"token": PASSING, **({"for": "any"} if "for" in commands[-1][1] else {})})
    assert all(auth.get("token") == PASSING for name, auth in commands[1:])
    assert {origin for _, _, origin in master.access} == {"192.0.2.9"}
    assert client._parties == []


def test_a_passing_token_ends_when_nothing_was_begun(master: NetMaster) -> None:
    master.table["runner.manage.up"] = NotAuthorised("not you")
    with pytest.raises(NotAuthorised):
        run(**low("runner"))
    assert len(master.asked("login.passing")) == len(master.asked("login.pass"))


def test_a_session_goes_before_what_a_call_names(master: NetMaster) -> None:
    NetapiClient(OPTS).begin(low("runner", token="e" * 64), session="a" * 64).close()
    assert {str(auth) for _, auth, _ in master.access} == {str({"token": "a" * 64, "for": "session"})}
    master.access.clear()
    NetapiClient(OPTS).begin(low("runner", token="e" * 64)).close()
    assert {auth["token"] for _, auth, _ in master.access} == {"e" * 64}


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"client": "runner", "fun": "manage.up"}, NotAuthorised),
        ({**low("runner"), "client": "nonsense"}, ArgumentError),
        ({**low("runner"), "client": None}, ArgumentError),
        ({**low("runner"), "client": ["runner"]}, ArgumentError),
        ({**low("runner"), "client": "__class__"}, ArgumentError),
        ({**low("local"), "tgt": None, "fun": ""}, ArgumentError),
        ({**low("local"), "kwarg": "x"}, ArgumentError),
        ({**low("runner"), "kwarg": "x"}, ArgumentError),
        ({**low("runner"), "fun": None}, ArgumentError),
        ({**low("runner"), "fun": ["manage.up"]}, ArgumentError),
        ({**low("runner"), "timeout": "soon"}, ArgumentError),
        ({**low("local_subset"), "subset": "some"}, ArgumentError),
        ({**low("local_subset"), "subset": -1}, ArgumentError),
        ({k: v for k, v in low("local").items() if k != "tgt"}, ArgumentError),
        ({k: v for k, v in low("runner").items() if k != "eauth"}, ArgumentError),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_begins(
    master: NetMaster, given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        NetapiClient(OPTS).run(given)
    assert {name for name, _, _ in master.access} <= {"login.passing", "login.pass"}
    assert len(master.asked("login.passing")) == len(master.asked("login.pass"))


def test_a_client_that_is_disabled_is_not_asked(master: NetMaster) -> None:
    for client in CLIENTS:
        with pytest.raises(ArgumentError, match="Client disabled"):
            NetapiClient({**OPTS, "netapi_enable_clients": []}).run(low(client))
    assert master.access == []


def test_a_login_needs_a_password(master: NetMaster) -> None:
    master.table |= {"login.begin": {"token": "b" * 64}, "login.token": {"token": "c" * 64}, "login.end": True}
    client = NetapiClient(OPTS)
    assert client.login({**CREDENTIALS, "token_expire": 60}) == {"token": "b" * 64}
    assert client.mk_token(CREDENTIALS) == {"token": "c" * 64}
    assert master.asked("login.begin")[0]["kwargs"] == {"token_expire": 60}
    client.logout("b" * 64)
    assert master.access[-1][:2] == ("login.end", {"token": "b" * 64, "for": "session"})
    for made in (client.login, client.mk_token):
        for given in ({"token": "b" * 64}, {}, {**CREDENTIALS, "token": "b" * 64}):
            with pytest.raises(NotAuthorised):
                made(given)


def test_without_a_master_that_is_said(master: NetMaster) -> None:
    master.running = False
    for client in CLIENTS:
        with pytest.raises(MasterNotRunning):
            run(**low(client))
