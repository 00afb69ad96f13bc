"""Bundled returners, and the parts of Salt that custom ones import."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError
from saltern_compat.utils import data, files, jid, stringutils
from saltern_compat.utils import json as salts_json
from saltern_modules._returner_options import get_returner_options
from saltern_modules.returners import local, multi_returner, rawfile_json, syslog_return

RECORDED = json.loads((Path(__file__).parents[1] / "support/salt_answers/returner_options.json").read_text())
RET = {"id": "web1", "jid": "20260101000000000000", "fun": "test.ping", "return": True, "retcode": 0}


def functions(opts: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    return {"config.option": lambda key, default="": opts.get(key, default)}


@pytest.mark.parametrize(("name", "ret", "defaults", "profile", "answer"), RECORDED["answers"])
def test_options_are_found_as_salt_finds_them(
    name: str, ret: Any, defaults: Any, profile: dict[str, Any], answer: dict[str, Any]
) -> None:
    opts = RECORDED["opts"]
    got = get_returner_options(
        name, ret, RECORDED["attrs"], __salt__=functions(opts), __opts__=opts, defaults=defaults, **profile
    )
    assert got == answer


def test_options_are_found_without_functions() -> None:
    opts = {"x.host": "a", "y": {"host": "b"}, "other.x.host": "c"}
    attrs = {"host": "host"}
    assert get_returner_options("x", {}, attrs, __opts__=opts) == {"host": "a"}
    assert get_returner_options("y", {}, attrs, __opts__=opts) == {"host": "b"}
    assert get_returner_options("x", {"ret_config": "other"}, attrs, __opts__=opts) == {"host": "c"}
    assert get_returner_options("z", None, attrs) == {}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options that the bundled returners see."""
    opts: dict[str, Any] = {}
    for module in (rawfile_json, syslog_return, multi_returner):
        monkeypatch.setattr(module, "__opts__", opts, raising=False)
        monkeypatch.setattr(module, "__salt__", functions(opts), raising=False)
    return opts


def test_local_prints(capsys: pytest.CaptureFixture[str]) -> None:
    local.returner(RET)
    assert capsys.readouterr().out == f"{RET}\n"


def test_rawfile_json_appends_a_line_each(given: dict[str, Any], tmp_path: Path) -> None:
    given["rawfile_json.filename"] = str(tmp_path / "returns")
    rawfile_json.returner(RET)
    rawfile_json.returner({**RET, "return": {"\ud800": b"x", "ü": "\n"}})
    first, second = (tmp_path / "returns").read_bytes().splitlines()
    assert json.loads(first) == RET
    assert "ü".encode() in second
    assert (tmp_path / "returns").stat().st_mode & 0o777 == 0o640
    with pytest.raises(FileNotFoundError):
        rawfile_json.returner({**RET, "ret_kwargs": {"filename": str(tmp_path / "no" / "file")}})


def test_options_of_returners_which_may_be_secrets_are_written_by_none(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import syslog

    told: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda _, text: told.append(text))
    ret = {**RET, "ret_kwargs": {"filename": str(tmp_path / "returns"), "password": "hunter2"}}
    for module in (local, rawfile_json, syslog_return):
        module.returner(ret)
    written = (tmp_path / "returns").read_text()
    assert json.loads(written) == json.loads(told[0]) == {**RET, "ret_kwargs": {"filename": "***", "password": "***"}}
    assert "hunter2" not in (shown := capsys.readouterr().out)
    assert "password" in shown


def test_rawfile_json_follows_nobodys_link_elsewhere(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("")
    (tmp_path / "own").symlink_to(precious)
    os.mkfifo(tmp_path / "pipe")
    rawfile_json.returner({**RET, "ret_kwargs": {"filename": str(tmp_path / "own")}})
    assert json.loads(precious.read_text())["return"] is True
    with pytest.raises(OSError, match="no regular file"):
        rawfile_json.returner({**RET, "ret_kwargs": {"filename": str(tmp_path / "pipe")}})
    if os.geteuid() == 0:
        os.lchown(tmp_path / "own", 60000, 60000)
        with pytest.raises(PermissionError, match="another user's"):
            rawfile_json.returner({**RET, "ret_kwargs": {"filename": str(tmp_path / "own")}})


def test_syslog_is_told_as_configured(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import syslog

    told: list[Any] = []
    monkeypatch.setattr(syslog, "openlog", lambda **options: told.append(options))
    monkeypatch.setattr(syslog, "syslog", lambda priority, text: told.append((priority, json.loads(text))))
    syslog_return.returner(RET)
    given.update({"syslog": {"level": "LOG_ERR", "options": ["LOG_PID"]}, "syslog.facility": "LOG_DAEMON"})
    syslog_return.returner({**RET, "ret_kwargs": {"tag": "mine"}})
    assert told[:2] == [{"ident": "saltern-agent", "logoption": 0}, (syslog.LOG_INFO | syslog.LOG_USER, RET)]
    assert told[2] == {"ident": "mine", "logoption": syslog.LOG_PID}
    assert told[3][0] == syslog.LOG_ERR | syslog.LOG_DAEMON


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"level": "LOG_NONSENSE"}, "syslog.level: there is no 'LOG_NONSENSE'"),
        ({"facility": 3}, "syslog.facility: there is no 3"),
        ({"options": ["openlog"]}, "syslog.options: there is no 'openlog'"),
        ({"tag": "x" * 33}, "syslog.tag: must be text of at most 32 characters"),
    ],
)
def test_syslog_says_what_it_does_not_know(given: dict[str, Any], options: dict[str, Any], fault: str) -> None:
    with pytest.raises(CommandError, match=fault):
        syslog_return.returner({**RET, "ret_kwargs": options})


def test_several_are_all_tried(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[Any] = []

    def broken(ret: Any) -> None:
        raise OSError("disk")

    known = {"a.returner": stored.append, "b.returner": broken, "c.returner": stored.append}
    monkeypatch.setattr(multi_returner, "__returners__", known, raising=False)
    multi_returner.returner(RET)
    assert not stored
    given["multi_returner"] = ["multi_returner", "a", "b", "c"]
    with pytest.raises(CommandError, match=r"^b: disk$"):
        multi_returner.returner(RET)
    assert stored == [RET, RET]


def test_what_modules_use_of_salt(tmp_path: Path) -> None:
    assert jid.is_jid(jid.gen_jid({}))
    assert not jid.is_jid("1")
    assert salts_json.dumps({"ü": 1}) == '{"ü": 1}'
    with files.flopen(tmp_path / "x", "w") as stream:
        salts_json.dump([1], stream)
    with files.fopen(tmp_path / "x") as stream:
        assert salts_json.load(stream) == [1]
    assert (stringutils.to_bytes("ü"), stringutils.to_str(b"\xc3\xbc")) == (b"\xc3\xbc", "ü")
    assert data.traverse_dict_and_list({"a": [{"b": 1}]}, "a:b") == 1
    assert data.traverse_dict({"a": {"b": 1}}, "a:b") == 1
    assert data.traverse_dict({"a": 1}, "a:b", "none") == "none"
