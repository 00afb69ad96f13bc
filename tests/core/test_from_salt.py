"""``config.from_salt``: whatever Salt is configured with, what comes of it is read by our own loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saltern.cli import run
from saltern.cli.from_salt import converted
from saltern.config import master_config, minion_config
from saltern.config.master import MASTER
from saltern.config.minion import MINION
from saltern.errors import ArgumentError, ConfigError
from saltern.secret import Secret

DEFAULTS = json.loads((Path(__file__).parents[1] / "support/salt_answers/default_options.json").read_text())
LOAD = {"master": master_config, "minion": minion_config}


def convert(folder: Path, program: str, options: Any) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return what our loader makes of Salt's *options*, what was set, and the text."""
    salt = folder / "salt"
    salt.mkdir(exist_ok=True)
    (salt / program).write_text(options if isinstance(options, str) else yaml.safe_dump(options, allow_unicode=True))
    text = converted([str(salt)], {"program": program})
    (folder / program).write_text(text)
    said: dict[str, Any] = yaml.load(text, _Loader) or {}
    return {**LOAD[program](folder)}, said, text.replace("\n#        ", " ").replace(str(folder), "DIR")


class _Loader(yaml.SafeLoader):
    """Reads texts marked as secrets, too."""


_Loader.add_constructor("!secret", lambda loader, node: Secret(node.value))


@pytest.mark.parametrize("program", ["master", "minion"])
def test_all_that_salt_has_by_default(tmp_path: Path, program: str) -> None:
    _, said, text = convert(tmp_path, program, DEFAULTS[program])
    schema = MASTER if program == "master" else MINION
    for key in DEFAULTS[program]:
        assert key in said or f"#    {key} (" in text or DEFAULTS[program][key] is None or key in ASIDE, key
    assert not [key for key in said if key not in schema.defaults and key not in DEFAULTS[program]]


ASIDE = {"default_include", "gitfs_base", "gitfs_root", "gitfs_mountpoint", "keep_jobs", "client_acl", "conf_file"}
ASIDE |= {"roots_update_interval", "gitfs_update_interval", "fileserver_interval", "master_port", "recon_default"}
ASIDE |= {"recon_max", "acceptance_wait_time", "autoload_dynamic_modules", "process_count_max", "publisher_acl"}
ASIDE |= {"keep_jobs_seconds", "schedule", "file_roots", "ext_job_cache", "master_job_cache", "event_return"}
"""Options of Salt's that become others of ours, or, empty, nothing."""


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        ({"keep_jobs_seconds": 3600}, "keep_jobs_hours", 1),
        ({"keep_jobs": 48}, "keep_jobs_hours", 48),
        ({"keep_jobs": 48, "keep_jobs_seconds": 7200}, "keep_jobs_hours", 2),
        ({"keep_jobs": 0}, "keep_jobs_hours", 87840),
        ({"log_level": "garbage"}, "log_level", "debug"),
        ({"log_level": "quiet"}, "log_level", "critical"),
        ({"timeout": 7}, "timeout", 7),
        ({"file_roots": {"base": "/srv/salt", "__env__": ["/x"]}}, "file_roots", {"base": ["/srv/salt"]}),
        ({"fileserver_backend": ["gitfs", "hgfs"]}, "fileserver_backend", ["git"]),
        ({"fileserver_backend": "roots"}, "fileserver_backend", ["roots"]),
        ({"gitfs_remotes": ["https://a/b.git"]}, "gitfs_remotes", ["https://a/b.git"]),
        (
            {"gitfs_remotes": [{"https://a/b.git": [{"base": "x"}, {"password": "p"}]}], "gitfs_root": "r"},
            "gitfs_remotes",
            [{"url": "https://a/b.git", "root": "r", "ref": "x"}],
        ),
        ({"gitfs_update_interval": 30, "fileserver_interval": 3600}, "fileserver_update_interval", 30),
        ({"publisher_acl": {"fred": [".*"], "a(b)": ["x.*"]}}, "publisher_acl", {"fred": ["*"]}),
        (
            {
                "returner.mysql.host": "db",
                "mysql.port": 3307,
                "mysql": {"user": "u", "odd": 1},
                "event_return": "mysql",
            },
            "returners",
            {"mysql": {"driver": "mysql", "user": "u", "port": 3307, "host": "db"}},
        ),
        ({"ext_job_cache": "pgjsonb"}, "returners", {"pgjsonb": {"driver": "pgjsonb"}}),
        ({"event_return": ["mysql", "sqlite3", "slack"], "mysql.host": "h"}, "event_return", ["mysql"]),
        ({"publisher_acl": {"ops.*": ["pkg.*"]}}, "publisher_acl", {"ops*": ["pkg.*"]}),
        ({"client_acl": {"fred": "test.ping"}}, "publisher_acl", {"fred": ["test.ping"]}),
        (
            {"publisher_acl": {"ops%": ["@wheel", {"web*": ["cmd.run", "[x]"]}]}},
            "publisher_acl",
            {"ops%": ["@wheel", {"web*": ["cmd.run"]}]},
        ),
    ],
)
def test_a_masters_options(tmp_path: Path, options: dict[str, Any], key: str, value: Any) -> None:
    loaded, said, _ = convert(tmp_path, "master", options)
    assert loaded[key] == said[key] == value


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        ({"id": 5}, "id", "5"),
        ({"master": "salt"}, "master", "salt"),
        ({"master": ["one", "two"]}, "master", "one"),
        ({"master": "salt:4599"}, "ret_port", 4599),
        ({"master": "[fd00::1]:4599"}, "master", "fd00::1"),
        ({"master": "fd00::1"}, "master", "fd00::1"),
        ({"master_port": 4599}, "ret_port", 4599),
        ({"recon_default": 2000}, "reconnect_interval", 2),
        ({"recon_max": 10**9}, "reconnect_interval_max", 86400),
        ({"acceptance_wait_time": "30"}, "pending_retry_interval", 30),
        ({"process_count_max": 1000}, "worker_threads", 256),
        ({"autoload_dynamic_modules": False}, "sync_on_connect", False),
        ({"return": "local,syslog"}, "return", ["local", "syslog"]),
        ({"grains": {"role": "web"}}, "grains", {"role": "web"}),
        ({"mysql.host": "db", "test.foo": {"a": [1]}}, "test.foo", {"a": [1]}),
        ({"backup_mode": "minion"}, "backup_mode", "minion"),
    ],
)
def test_a_minions_options(tmp_path: Path, options: dict[str, Any], key: str, value: Any) -> None:
    loaded, _, _ = convert(tmp_path, "minion", options)
    assert loaded[key] == value


def test_what_has_no_equivalent_is_told_with_its_place_and_what_it_means(tmp_path: Path) -> None:
    options = "reactor: []\ninterfase: x\npki_dir: /etc/salt/pki\npublish_port: no\nschedule: {a: {function: x.y}}\n"
    loaded, said, text = convert(tmp_path, "master", options)
    assert said == {}
    assert loaded["pki_dir"] == MASTER.defaults["pki_dir"]
    for line in (
        "#    reactor (DIR/salt/master:1): ",
        "#    interfase (DIR/salt/master:2): left out: here it is not an option: did you mean 'interface'?",
        "#    pki_dir (DIR/salt/master:3): left out: Saltern has keys",
        "#    publish_port (DIR/salt/master:4): left out: publish_port must be a whole number",
        "#    schedule (DIR/salt/master:5): left out: a: a schedule in Salt's master runs runners",
    ):
        assert line in text, line


def test_a_minions_schedule_is_for_the_masters_file(tmp_path: Path) -> None:
    jobs = {
        "up": {"function": "status.uptime", "minutes": 1, "seconds": 30, "args": [1], "splay": 5, "return_job": False},
        "cron": {"function": "test.ping", "cron": "* * * * *"},
        "odd": {"function": "test.ping", "hours": 1, "until": "x", "returner": "syslog"},
        "enabled": True,
    }
    _, said, text = convert(tmp_path, "minion", {"id": "web1", "schedule": jobs})
    assert said == {"id": "web1"}
    block = (tmp_path / "minion").read_text().partition("beside what it has there:\n#\n")[2].partition("\n\n")[0]
    schedule = yaml.safe_load(block.replace("#    ", ""))["schedule"]
    assert schedule == {
        "up": {"function": "status.uptime", "args": [1], "seconds": 90, "return_job": False, "target": "web1"},
        "odd": {"function": "test.ping", "returner": "syslog", "seconds": 3600, "return_job": True, "target": "web1"},
    }
    assert "cron: left out: jobs run at an interval here" in text
    assert "odd: left out: until" in text


def test_drop_ins_and_includes_are_read_and_a_broken_one_is_named(tmp_path: Path) -> None:
    salt = tmp_path / "salt"
    (salt / "master.d").mkdir(parents=True)
    (salt / "master.d" / "a.conf").write_text("file_roots: {base: [/a]}\ntimeout: 3\n")
    (salt / "master.d" / "b.conf").write_text("file_roots: {base: [/b]}\ninclude: ../more.conf\n")
    (salt / "more.conf").write_text("own: 1\n")
    _, said, text = convert(tmp_path, "master", "timeout: 9\n")
    assert said == {"file_roots": {"base": ["/a", "/b"]}, "timeout": 3, "own": 1}
    assert "DIR/salt/master.d/a.conf, DIR/salt/master.d/b.conf" in text.replace("\n# ", " ")
    (salt / "more.conf").write_text("a: [\n")
    with pytest.raises(ConfigError, match=r"more\.conf: line 2, column 1: is not YAML"):
        converted([str(salt)], {})


def test_nothing_is_executed_or_rendered_and_secrets_stay_marked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not YAML"):
        convert(tmp_path, "master", "x: !!python/object/apply:os.system [true]\n")
    _, said, _ = convert(tmp_path, "master", "a.pass: !secret 'hun\"ter'\nb: '{{ 1 + 1 }}'\n")
    assert said == {"a.pass": Secret('hun"ter'), "b": "{{ 1 + 1 }}"}


def test_what_is_quoted_in_a_comment_ends_none(tmp_path: Path) -> None:
    user = "\x1b[31m\n\u2028timeout: 1\x85ret_port: 2"
    _, said, text = convert(tmp_path, "master", {"publisher_acl": {f"{user}(": ["test.ping"], "b": [f"x{user}("]}})
    assert said == {}
    assert "left out in part" in text
    assert not any(character in text for character in "\x1b\u2028\x85")


def test_what_only_the_whole_shows_is_left_out_too(tmp_path: Path) -> None:
    _, said, text = convert(tmp_path, "minion", {"return": "../x", "id": "a"})
    assert said == {"id": "a"}
    assert "#    return: left out: returner '../x' is not valid" in text


def test_both_programs_are_two_documents_and_run_needs_no_master(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "master").write_text("timeout: 3\n")
    (tmp_path / "minion").write_text("id: a\n")
    assert run.main(["-c", "/nowhere", "config.from_salt", str(tmp_path)]) == 0
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == [{"timeout": 3}, {"id": "a"}]
    (tmp_path / "other").write_text("timeout: 4\n")
    assert run.main(["config.from_salt", str(tmp_path / "other"), "program=master"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == {"timeout": 4}
    for words, error in (
        ([str(tmp_path / "other")], "is it a master's or a minion's? say program=master or program=minion"),
        ([str(tmp_path / "nowhere")], "nowhere: there is no such file or folder"),
        ([str(tmp_path / "nowhere"), "minion"], "nowhere: there is no such file or folder"),
        ([str(tmp_path / "master"), "x"], "program must be master or minion, not 'x'"),
        (["a", "b", "c"], "it is config.from_salt(path='/etc/salt', program='')"),
    ):
        assert run.main(["config.from_salt", *words]) != 0
        assert error in capsys.readouterr().err
    with pytest.raises(ConfigError, match="there is no master and no minion file"):
        converted([str(tmp_path / "..")], {})
    with pytest.raises(ArgumentError, match="unexpected keyword argument 'x'"):
        converted([], {"x": 1})


KEYS = sorted(
    {*DEFAULTS["master"], *DEFAULTS["minion"], *MASTER.defaults, *MINION.defaults, "mysql.user", "x", "timeoux"}
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False),
    st.sampled_from(["", ".*", "test.*", "a:b", "base", "[x", "*", "\x1b[31m", "é\n#x", "yes", "1e3", "{{ x }}"]),
    st.text(max_size=8),
    st.dates(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
OPTIONS = st.dictionaries(st.sampled_from(KEYS) | st.text(min_size=1, max_size=8), VALUES, max_size=6)


@settings(max_examples=60)
@example(options={"file_ignore_glob": [[]]}, program="master")
@example(options={"ext_job_cache": []}, program="master")
@given(options=OPTIONS, program=st.sampled_from(["master", "minion"]))
def test_whatever_is_given_what_comes_is_read_by_our_loader(
    tmp_path_factory: pytest.TempPathFactory, options: dict[str, Any], program: str
) -> None:
    folder = tmp_path_factory.mktemp("from_salt")
    of_salts_own_file = ""
    try:
        convert(folder, program, options)
    except ConfigError as error:
        of_salts_own_file = str(error)
    assert of_salts_own_file.startswith(f"{folder}/salt/{program}: ") or not of_salts_own_file


def test_what_the_master_stores_is_no_work_of_minions(tmp_path: Path) -> None:
    """A minion would log an error for every return: it has none of these returners, and no states."""
    jobs = {
        "a": {"function": "test.ping", "seconds": 30, "returner": "mysql"},
        "b": {"function": "test.ping", "seconds": 30, "returner": "pgjsonb,own"},
        "c": {"function": "state.apply", "minutes": 30},
    }
    options, said, text = convert(tmp_path, "minion", {"return": ["mysql", "own"], "schedule": jobs})
    assert options["return"] == said["return"] == ["own"]
    assert "return (DIR/salt/minion:1): left out: mysql: the master writes their tables" in text
    assert "a: left out: mysql: the master writes" in text
    assert "c: left out: Saltern has no states" in text
    assert text.count("returner: ") == 1
    assert "returner: own" in text
    assert "return" not in convert(tmp_path, "minion", {"return": "mysql"})[1]
