"""Options: defaults, overlays, and every fault named with file, line and key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from saltern.config import client_config, master_config, minion_config
from saltern.config.master import MASTER
from saltern.config.minion import MINION
from saltern.config.of_salt import MASTER_INSTEAD, MINION_INSTEAD
from saltern.errors import ConfigError
from support.folders import open_to_all

ROOT = Path(__file__).parents[2]


def fault(folder: Path, text: str) -> str:
    (folder / "master").write_text(text)
    with pytest.raises(ConfigError) as caught:
        master_config(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(folder), "DIR")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# x\npublish_prt: 4\n", "DIR/master: line 2: publish_prt is not an option: did you mean 'publish_port'?"),
        ("ret_port: x\n", "DIR/master: line 1: ret_port must be a whole number, not text ('x')"),
        ("timeout: 1\ntimeout: 2\n", "DIR/master: line 2: timeout is set twice, first on line 1: keep one"),
        ("ret_port: 70000\n", "DIR/master: line 1: ret_port must be between 0 and 65,535, not 70,000"),
        ("auto_accept: 1\n", "DIR/master: line 1: auto_accept must be true or false, not a whole number (1)"),
        ("interface:\n", "DIR/master: line 1: interface must be text, not empty"),
        ("interface: 5\n", "DIR/master: line 1: interface must be text, not a whole number (5): write it in quotes"),
        (
            "interface: yes\n",
            "DIR/master: line 1: interface must be text, not true or false (True): write it in quotes",
        ),
        (
            "interface: 2024-01-01\n",
            "DIR/master: line 1: interface must be text, not a date (2024-01-01): write it in quotes",
        ),
        ("interface: [a]\n", "DIR/master: line 1: interface must be text, not a list (['a'])"),
        ("- a\n", "DIR/master: line 1: must be 'key: value' lines"),
        ("fileserver_backend: [svn]\n", "DIR/master: line 1: fileserver_backend must be some of roots, git, not 'svn'"),
        ("conf_file: /x\n", "DIR/master: line 1: conf_file is not an option: did you mean 'log_file'?"),
    ],
)
def test_a_fault_names_file_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    assert fault(tmp_path, text) == message


def test_broken_yaml_is_named_with_its_place(tmp_path: Path) -> None:
    assert fault(tmp_path, "a: [1,\n").startswith("DIR/master: line 2, column 1: is not YAML: ")


def test_no_python_objects_from_yaml(tmp_path: Path) -> None:
    assert "is not YAML" in fault(tmp_path, "interface: !!python/object/apply:os.system [true]\n")


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "master").mkdir()
    with pytest.raises(ConfigError, match=r"master: can't be read: Is a directory"):
        master_config(tmp_path)


def test_drop_ins_win_in_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "master").write_text("timeout: 1\nret_port: 1\n")
    (tmp_path / "master.d").mkdir()
    (tmp_path / "master.d" / "b.conf").write_text("timeout: 3\n")
    (tmp_path / "master.d" / "a.conf").write_text("timeout: 2\npublish_port: 7\n")
    (tmp_path / "master.d" / "ignored.txt").write_text("timeout: 9\n")
    options = master_config(tmp_path)
    assert (options["timeout"], options["ret_port"], options["publish_port"]) == (3, 1, 7)


def test_a_file_may_be_named_itself(tmp_path: Path) -> None:
    (tmp_path / "master").write_text("timeout: 7\n")
    assert master_config(str(tmp_path / "master"))["timeout"] == 7


def test_root_dir_goes_before_paths(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}/r\npki_dir: {tmp_path}/r/keys\n")
    options = master_config(tmp_path)
    assert options["pki_dir"] == f"{tmp_path}/r/keys"
    assert options["cachedir"] == f"{tmp_path}/r/var/cache/saltern/master"
    assert options["job_db"] == f"{tmp_path}/r/var/cache/saltern/master/jobs.db"


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "minion").write_text("id: web01\n")
    monkeypatch.setenv("SALTERN_CONFIG_DIR", str(tmp_path))
    assert minion_config()["id"] == "web01"


def test_a_minion_id_outside_the_grammar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "minion").write_text("id: ../x\n")
    with pytest.raises(ConfigError, match=r"minion id '\.\./x' is not valid"):
        minion_config(tmp_path)


def test_defaults_are_not_shared_between_loads(tmp_path: Path) -> None:
    master_config(tmp_path)["schedule"]["x"] = 1
    assert "x" not in master_config(tmp_path)["schedule"]


@pytest.mark.parametrize(("schema", "sample"), [(MASTER, "master/master.yaml"), (MINION, "agent/agent.yaml")])
def test_the_sample_holds_every_option_with_its_default(schema: object, sample: str) -> None:
    text = (ROOT / sample).read_text()
    # Options stand commented out, "#name: default", after a line of why.
    bare = "\n".join(
        line[1:] if line.startswith("#") and line[1:2] not in (" ", "") else line for line in text.split("\n")
    )
    assert yaml.safe_load(bare) == dict(schema.defaults)  # type: ignore[attr-defined]


@pytest.mark.parametrize("schema", [MASTER, MINION])
def test_every_option_is_typed_and_has_a_default(schema: object) -> None:
    declared = set(schema.types()) - {"conf_file", "config_dir", "id_from"}  # type: ignore[attr-defined]
    assert declared == set(schema.defaults)  # type: ignore[attr-defined]
    assert set(schema.bounds) | set(schema.choices) <= declared  # type: ignore[attr-defined]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_a_client_leaves_out_what_it_may_not_read_and_a_master_says_so() -> None:
    with open_to_all() as folder:
        (folder / "master").write_text("timeout: 1\n")
        for drop_ins in ("master.d", "closed.d"):
            (folder / drop_ins).mkdir(mode=0o755)
            (folder / drop_ins / "secret.conf").write_text("timeout: 2\nevents_token: x\n")
        (folder / "master.d" / "secret.conf").chmod(0o600)
        (folder / "closed").write_text("timeout: 3\n")
        (folder / "closed.d").chmod(0o700)
        assert client_config(folder)["timeout"] == 2
        os.seteuid(65534)
        try:
            assert client_config(folder)["timeout"] == 1
            assert client_config(folder / "closed")["timeout"] == 3
            with pytest.raises(ConfigError, match=r"secret\.conf: can't be read: Permission denied"):
                master_config(folder)
            with pytest.raises(ConfigError, match=r"closed\.d: can't be read: Permission denied"):
                master_config(folder / "closed")
        finally:
            os.seteuid(0)


def test_options_of_salt_are_answered_with_what_stands_in_their_place(tmp_path: Path) -> None:
    said = fault(tmp_path, "pillar_opts: true\n")
    assert said.startswith("DIR/master: line 1: pillar_opts is not an option here as it is in Salt: instead, ")
    assert "pillar_files maps" in fault(tmp_path, "timeout: 3\npillar_roots: {base: [/srv/pillar]}\n")
    (tmp_path / "minion").write_text("master_port: 4506\n")
    with pytest.raises(
        ConfigError, match="line 1: master_port is not an option here as it is in Salt: instead, ret_port"
    ):
        minion_config(tmp_path)


def test_what_stands_in_their_place_is_there() -> None:
    for instead, own in ((MASTER_INSTEAD, MASTER), (MINION_INSTEAD, MINION)):
        assert not set(instead) & set(own.defaults)
        for text in instead.values():
            one_word = text.replace("_", "").isalpha()
            assert not one_word or text in own.defaults, text
