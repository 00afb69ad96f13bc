"""Options: defaults, overlays, and every fault named with file, line and key."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from saltern.config import client_config, includes, master_config, minion_config
from saltern.config.idle_of_salt import IDLE
from saltern.config.load import config_stamp, read_settings
from saltern.config.master import MASTER
from saltern.config.minion import MINION
from saltern.config.of_salt import HEEDED, MASTER_INSTEAD, MINION_INSTEAD, instead_of, refused
from saltern.config.own import SHORT, near, slips
from saltern.config.remarks import remarks
from saltern.config.schema import Schema
from saltern.errors import ConfigError
from saltern.secret import Secret
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
        ("conf_file: /x\n", "DIR/master: line 1: conf_file is set by the program itself: take it out"),
        ("__agent__: 1\n", "DIR/master: line 1: __agent__ is set by the program itself: take it out"),
        ("interfase: x\n", "DIR/master: line 1: interfase is not an option: did you mean 'interface'?"),
        ("Publish-Port: 1\n", "DIR/master: line 1: Publish-Port is not an option: did you mean 'publish_port'?"),
        ("schedule:\n", "DIR/master: line 1: schedule must be a mapping, not empty: write {} for none"),
        ("runner_dirs:\n", "DIR/master: line 1: runner_dirs must be a list of texts, not empty: write [] for none"),
        (
            "schedule: {5: x}\n",
            "DIR/master: line 1: schedule must have texts as names, not a whole number (5): write it in quotes",
        ),
        (
            "events_of: [jobs, 5]\n",
            "DIR/master: line 1: events_of must be a list of texts, not one with a whole number (5): "
            "write it in quotes",
        ),
        (
            "max_message_bytes: 5\n",
            "DIR/master: line 1: max_message_bytes must be between 65,536 and 16,777,216, not 5",
        ),
        (
            f"ret_port: 1{'0' * 400}\n",
            "DIR/master: line 1: ret_port must be between 0 and 65,535, not one of very many digits",
        ),
        (
            f"timeout: -0x{'f' * 5000}\n",
            "DIR/master: line 1: timeout must be between 0.1 and 86,400, not one of very many digits",
        ),
        (
            f"alerts: [0x{'f' * 5000}]\n",
            "DIR/master: line 1: alerts must be a mapping, not a list (of very many digits)",
        ),
        ("timeout: .nan\n", "DIR/master: line 1: timeout must be between 0.1 and 86,400, not nan"),
        ("timeout: !!binary aGk=\n", "DIR/master: line 1: timeout must be a number, not bytes (b'hi')"),
        ("timeout: !!set {a}\n", "DIR/master: line 1: timeout must be a number, not a set ({'a'})"),
        (
            f"log_level: {'x' * 5000}\n",
            f"DIR/master: line 1: log_level must be one of debug, info, warning, error, critical, not '{'x' * 59}",
        ),
        ('sock_dir: "/a\\0b"\n', "DIR/master: line 1: sock_dir has a zero character (\\0) in it: take it out"),
        (
            'runner_dirs: ["\\ud800"]\n',
            "DIR/master: line 1: runner_dirs has half a character (a lone surrogate) in it: take it out",
        ),
        ("events_token: [5]\n", "DIR/master: line 1: events_token must be text, not a list"),
        ("events_token: 5\n", "DIR/master: line 1: events_token must be text, not a whole number: write it in quotes"),
        ("include: {a: b}\n", "DIR/master: line 1: include must be a list of texts, not a mapping ({'a': 'b'})"),
    ],
)
def test_a_fault_names_file_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    assert fault(tmp_path, text) == message


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (b"a: [1,\n", "line 2, column 1", ": a bracket before it isn't ended"),
        (b"x: 1\na: [1\nb: 2\n", "line 2, column 4", ": the bracket that begins here isn't ended"),
        (b"a: {b: c\n", "line 1, column 4", ": the bracket that begins here isn't ended"),
        (b"a:\n\tb: 1\n", "line 2, column 1", ": indent by spaces, a tab is none"),
        (b"a: 1\nfoo\n", "line 2, column 1", ": write 'key: value', a space behind the colon"),
        (b"a: 1\nfoo:bar\nb: 2\n", "line 2, column 1", ": write 'key: value', a space behind the colon"),
        (b'x: 1\na: "b\n', "line 2, column 4", ": the quote that begins here isn't ended"),
        (b"a: b: c\n", "line 1, column 5", ": write a text with ': ' in it in quotes"),
        (b"a: {{ b }}\n", "line 1, column 5", ": write a text that begins with a bracket in quotes"),
        (b"a: 1\n  b: 2\n", "line 2, column 4", ": write a text with ': ' in it in quotes"),
        (b"a:\n  b: 1\n c: 2\n", "line 3, column 2", "than the lines before, or a '- ' or a key is missing"),
        (b"a: !foo b\n", "line 1, column 4", ": the only mark here is !secret"),
        (b"a: &b [*b]\n", "line 1, column 4", ": what an anchor (&name) names can't have its alias (*name) in it"),
        (b"a: *b\n", "line 1, column 4", ": no anchor (&name) before it is called so"),
        (b"a: b\nc: \xe9\n", "line 2", ": the byte 0xe9 is no UTF-8: save the file as UTF-8"),
        (b"a: b\nc: \x07\n", "line 2", "there is a control character (0x07): take it out, or write it as an escape"),
        ("a: b\nc: \x07\n".encode("utf-16"), "line 2", "there is a control character (0x07): take it out"),
        (b"\xff\xfea", "line 1", ": the byte 0x61 is no UTF-16-LE: save the file as UTF-8"),
        (b"--- {}\n---\na: 1\n", "line 2, column 1", ": a file is one: take out this '---'"),
    ],
)
def test_broken_yaml_is_named_with_its_place_and_what_would_be_right(
    tmp_path: Path, text: bytes, place: str, hint: str
) -> None:
    (tmp_path / "master").write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        master_config(tmp_path)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path}/master: {place}: is not YAML: ")
    assert hint in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x: 1\n? [a, b]\n: c\n", "line 2: a key is a text, as in 'key: value', and none is merged (<<)"),
        ("sock_dir: ''\n", "line 1: sock_dir must be a folder, not an empty text"),
        ("x: 1\npki_dir: ''\n", "line 2: pki_dir must be a folder, not an empty text"),
        (f"x: {'[' * 3000}{']' * 3000}\n", "is not YAML that can be read: its brackets are nested too deeply"),
        ("<<: {ret_port: 5}\n", "line 1: a key is a text, as in 'key: value', and none is merged (<<)"),
        ("x: 1\nday: 2026-13-45\n", "line 2: day: month must be in 1..12: write it in quotes"),
        (
            f"x: {'9' * 5000}\n",
            "line 1: x: Exceeds the limit (4300 digits) for integer string conversion: write it in quotes",
        ),
    ],
)
def test_what_is_yaml_and_no_option_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert fault(tmp_path, text) == f"DIR/master: {said}"


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    bomb = 'a: &a ["x","x","x","x","x","x","x","x","x"]\n' + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (tmp_path / "master").write_text(bomb)
    with pytest.raises(ConfigError, match=r"its aliases .* over 1,000,000 entries"):
        list(read_settings(str(tmp_path / "master")))


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


def test_includes_are_read_as_salt_reads_them(tmp_path: Path) -> None:
    """Drop-ins, then what ``include`` names; relative to the file that says it; of a kind they add to each other."""
    (tmp_path / "master").write_text(
        "timeout: 1\ninclude: [sites/*.yaml, extra.conf]\nown: {main: 1}\nfile_roots: {base: [/main]}\n"
    )
    (tmp_path / "master.d").mkdir()
    (tmp_path / "master.d" / "a.conf").write_text("file_roots: {base: [/a], prod: [/p]}\nown: {a: 1, b: {x: 1}}\n")
    (tmp_path / "master.d" / "b.conf").write_text("file_roots: {base: [/b, /a]}\nown: {b: {y: 2}, c: 3}\ntimeout: 2\n")
    (tmp_path / "master.d" / ".hidden.conf").write_text("timeout: 9\n")
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "one.yaml").write_text("include: deeper.yml\nret_port: 11\n")
    (tmp_path / "sites" / "deeper.yml").write_text("ret_port: 12\ninclude: ../master\npublish_port: 13\n")
    (tmp_path / "extra.conf").write_text("publish_port: 14\n")
    options: dict[str, object] = {**master_config(tmp_path)}
    assert options["file_roots"] == {"base": ["/a", "/b"], "prod": ["/p"]}
    assert options["own"] == {"a": 1, "b": {"x": 1, "y": 2}, "c": 3}
    assert (options["timeout"], options["ret_port"], options["publish_port"]) == (2, 12, 14)


def test_default_include_names_other_drop_ins(tmp_path: Path) -> None:
    (tmp_path / "master").write_text("timeout: 1\ndefault_include: conf.d/*.yaml\n")
    for folder, value in (("master.d/x.conf", 2), ("conf.d/x.yaml", 3)):
        (tmp_path / folder).parent.mkdir()
        (tmp_path / folder).write_text(f"timeout: {value}\n")
    assert master_config(tmp_path)["timeout"] == 3


def test_a_fault_of_an_included_file_names_it_and_an_empty_include_is_said(tmp_path: Path) -> None:
    (tmp_path / "one.conf").write_text("timeout: 1\nbroken: [\n")
    assert fault(tmp_path, "include: one.conf\n").startswith("DIR/one.conf: line 3, column 1: is not YAML: ")
    (tmp_path / "one.conf").write_text("- x\n")
    assert fault(tmp_path, "include: '*.conf'\n") == "DIR/one.conf: line 1: must be 'key: value' lines"
    (tmp_path / "one.conf").write_text("interfase: x\n")
    assert fault(tmp_path, "include: '*.conf'\n").startswith("DIR/one.conf: line 1: interfase is not an option")
    (tmp_path / "master").write_text("include: [none/*.conf]\n")
    (line,) = remarks(MASTER, master_config(tmp_path))
    assert line == f"{tmp_path}/master: include names no file by none/*.conf ({tmp_path}/master)"


def test_nodegroups_that_mean_nobody_are_said(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(
        "nodegroups: {a: 5, b: {c: d}, c: , d: N@x or web1, e: [web1, N@a], f: [5, N@no], g: 'L@a,b', h: []}\n"
    )
    said = [line.replace(str(tmp_path), "DIR") for line in remarks(MASTER, master_config(tmp_path))]
    nobody = "means nobody: it must be a target, as in G@os:Debian or L@web1,web2, or a list of its words"
    assert said == [
        *(f"DIR/master: line 1: nodegroups: {name}: {nobody}" for name in "abc"),
        "DIR/master: line 1: nodegroups: d: N@x in it means nobody: there is no such nodegroup",
        "DIR/master: line 1: nodegroups: f: N@no in it means nobody: there is no such nodegroup",
    ]


def test_keys_within_an_option_that_are_set_twice_are_said(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(
        "own: {base: &b {x: 1}}\nschedule:\n  stats: {seconds: 5}\n  a: {<<: *b, <<: *b, x: 2, x: 3}\n  stats: false\n"
        "more: [{y: [{z: 1, z: 2}]}, *b, *b]\n"
    )
    said = [line.replace(str(tmp_path), "DIR") for line in remarks(MASTER, master_config(tmp_path))]
    assert [line for line in said if "twice" in line] == [
        f"DIR/master: line {line}: {path} is set twice, first on line {first}, which counts for nothing: keep one"
        for line, path, first in ((4, "schedule: a: x", 4), (5, "schedule: stats", 3), (6, "more: y: z", 6))
    ]
    (tmp_path / "master").write_text("own:\n" + "".join("  k: 1\n" for _ in range(30)))
    assert len([line for line in remarks(MASTER, master_config(tmp_path)) if "twice" in line]) == 20


def test_what_is_found_once_all_files_were_read_names_its_line_too(tmp_path: Path) -> None:
    for text, said in (("id: a b\n", "minion id 'a b' is not valid"), ("id: a\nmaster: b c\n", "host 'b c' is not")):
        (tmp_path / "minion").write_text(text)
        key = text.splitlines()[-1].partition(":")[0]
        where = f"{tmp_path}/minion: line {text.count(chr(10))}: {key}: {said}"
        with pytest.raises(ConfigError, match=f"^{where}"):
            minion_config(tmp_path)


def test_folders_that_are_not_there_are_said(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "master").write_text(
        f"timeout: 1\nfile_roots: {{base: [{tmp_path}/here]}}\n"
        f"pillar_roots:\n  base: [{tmp_path}/here, {tmp_path}/gone, {tmp_path}/file]\n  dev: {tmp_path}/dev\n"
    )
    said = [line.replace(str(tmp_path), "DIR") for line in remarks(MASTER, master_config(tmp_path))]
    assert said == [
        "DIR/master: line 3: pillar_roots: base: no folder is found at DIR/gone, DIR/file",
        "DIR/master: line 3: pillar_roots: dev: no folder is found at DIR/dev",
    ]
    (tmp_path / "master").write_text("x: 1\nrunner_dirs: [here, gone]\nextension_modules: ext\n")
    said = [line.replace(str(tmp_path), "DIR") for line in remarks(MASTER, master_config(tmp_path))][1:]
    assert said == [
        "DIR/master: line 2: runner_dirs: no folder is found at DIR/gone",
        "DIR/master: line 3: extension_modules: no folder is found at DIR/ext",
    ]
    (tmp_path / "master").write_text("file_roots: {base: [/srv/saltern], dev: 5, odd: [5, '']}\n")
    assert not [line for line in remarks(MASTER, master_config(tmp_path)) if "/srv/saltern" not in line]
    (tmp_path / "master").write_text("")
    assert not list(remarks(MASTER, master_config(tmp_path))), "the default may be missing"
    (tmp_path / "minion").write_text(f"id: a\nfile_roots: {{base: [{tmp_path}/gone]}}\n")
    assert not list(remarks(MINION, minion_config(tmp_path))), "its files are the master's"
    with (tmp_path / "minion").open("a") as file:
        file.write("file_client: local\n")
    (line,) = remarks(MINION, minion_config(tmp_path))
    assert line == f"{tmp_path}/minion: line 2: file_roots: base: no folder is found at {tmp_path}/gone"


def test_includes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(includes, "MAX_FILES", 20)
    for number in range(13):
        (tmp_path / f"{number}.conf").write_text(f"include: {number + 1}.conf\n")
    assert "is included by way of more than 10 files" in fault(tmp_path, "include: 0.conf\n")
    (tmp_path / "many").mkdir()
    for number in range(21):
        (tmp_path / "many" / f"{number}.conf").touch()
    assert "includes more than 20 files" in fault(tmp_path, "include: many/*\n")
    assert config_stamp(str(tmp_path / "master")) == ()


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


def test_a_minion_id_may_be_a_number(tmp_path: Path) -> None:
    (tmp_path / "minion").write_text("id: 17\n")
    assert minion_config(tmp_path)["id"] == "17"


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
    said = fault(tmp_path, "keep_jobs: 24\n")
    assert said == "DIR/master: line 1: keep_jobs is not an option here as it is in Salt: instead, keep_jobs_hours"
    assert "publisher_acl grants" in fault(tmp_path, "timeout: 3\nclient_acl_blacklist: {users: [fred]}\n")
    (tmp_path / "minion").write_text("master_port: 4506\n")
    with pytest.raises(
        ConfigError, match="line 1: master_port is not an option here as it is in Salt: instead, ret_port"
    ):
        minion_config(tmp_path)


def test_what_stands_in_their_place_is_there() -> None:
    for instead, own in ((MASTER_INSTEAD, MASTER), (MINION_INSTEAD, MINION)):
        for text in (*instead.values(), *IDLE.values()):
            one_word = text.replace("_", "").isalpha()
            assert not one_word or text in own.defaults, text


SALTS_NAMES: dict[str, dict[str, object]] = json.loads(
    (ROOT / "tests/support/salt_answers/default_options.json").read_text()
)


@pytest.mark.parametrize("schema", [MASTER, MINION], ids=["master", "minion"])
def test_every_option_that_salt_has_is_known_and_none_is_taken_for_a_slip(schema: Schema) -> None:
    silent = [
        name for name in SALTS_NAMES[schema.name] if name not in schema.types() and not instead_of(schema.name, name)
    ]
    others = {**MINION.defaults, **MINION_INSTEAD} if schema is MASTER else {**MASTER.defaults, **MASTER_INSTEAD}
    others |= dict.fromkeys(HEEDED["minion"])
    assert not set(silent) - set(others) - {"backup_mode", "providers"}  # which modules ask for by config.get
    assert not [name for name in silent if near(name, schema.defaults)]


def test_the_default_files_of_salt_say_nothing_that_stops_a_master(tmp_path: Path) -> None:
    """All that Salt's programs have by default, but for what has another name here."""
    for schema, load in ((MASTER, master_config), (MINION, minion_config)):
        names = [name for name in SALTS_NAMES[schema.name] if name not in schema.types()]
        idle = [name for name in names if not refused(schema.name, name)]
        (tmp_path / schema.name).write_text("".join(f"{name}: {{}}\n" for name in idle))
        options = load(tmp_path)
        assert set(idle) <= set(options)


def test_keys_of_a_users_own_are_kept_and_named_once(tmp_path: Path) -> None:
    (tmp_path / "minion").write_text(
        "mysql.user: salt\ncafe-menu: [egg and bacon]\ntest.foo: bar\nhash_type: md5\nmysql.pass: !secret hunter2\n"
    )
    options = minion_config(tmp_path)
    own: dict[str, object] = {**options}
    assert own["cafe-menu"] == ["egg and bacon"]
    assert own["mysql.user"] == "salt"
    assert own["mysql.pass"] == Secret("hunter2")
    lines = [line.replace(str(tmp_path), "DIR") for line in remarks(MINION, options)]
    assert lines == [
        "DIR/minion: these are no options and are kept as your own, for config.get and modules: cafe-menu, mysql.pass, "
        "mysql.user, test.foo",
        "DIR/minion: these options of Salt's do nothing here: hash_type (digests are SHA-256)",
    ]
    many = "".join(f"own{number:03}: 1\n" for number in range(30))
    (tmp_path / "minion").write_text(many)
    (line,) = remarks(MINION, minion_config(tmp_path))
    assert "own019" in line
    assert "own020" not in line
    assert line.endswith(" and 10 more")


def test_what_a_console_shows_is_no_slip(tmp_path: Path) -> None:
    (tmp_path / "master").write_text("saltgui_motd_txt: hello\nsaltgui_templates: {}\n")
    assert not list(remarks(MASTER, master_config(tmp_path)))


def test_what_bundled_modules_ask_for_isnt_said_to_do_nothing(tmp_path: Path) -> None:
    """Templates, HTTP and files heed Salt's options of a minion; a master's text sends them there."""
    heeded = (
        "allow_undefined",
        "http_request_timeout",
        "jinja_env",
        "jinja_sls_env",
        "jinja_trim_blocks",
        "pillarenv",
        "proxy_host",
        "saltenv",
    )
    (tmp_path / "minion").write_text("".join(f"{key}: dev\n" for key in heeded))
    (line,) = remarks(MINION, minion_config(tmp_path))
    assert line.endswith(f"are kept as your own, for config.get and modules: {', '.join(heeded)}")
    assert instead_of("master", "proxy_host") == "minions ask others by HTTP: it goes into their configuration"
    assert not [name for name, why in IDLE.items() if "plain YAML" in why or "no function of the bundled" in why]


def test_a_configuration_of_options_alone_is_not_remarked_on(tmp_path: Path) -> None:
    (tmp_path / "master").write_text("timeout: 7\n")
    assert not list(remarks(MASTER, master_config(tmp_path)))


@given(option=st.sampled_from(sorted(MASTER.defaults)), where=st.integers(0, 40), letter=st.sampled_from("abcxyz_"))
def test_one_slip_is_near(option: str, where: int, letter: str) -> None:
    """Changed, left out, added, swapped: all of it is a slip of that option, or of one that is as near."""
    assume(len(option) >= SHORT)
    at = where % len(option)
    for word in (
        option[:at] + letter + option[at + 1 :],
        option[:at] + option[at + 1 :],
        option[:at] + letter + option[at:],
        option[: at - 1] + option[at : at + 1] + option[at - 1 : at] + option[at + 1 :] if at else option,
    ):
        assert (slips(word, option, 1) or 0) <= 1
        assert word in MASTER.defaults or near(word, MASTER.defaults)


@given(one=st.text("abc", max_size=9), other=st.text("abc", max_size=9), most=st.integers(0, 3))
def test_slips_are_counted_as_a_plain_table_counts_them(one: str, other: str, most: int) -> None:
    table = [[i + j if not i * j else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            same = one[i - 1] == other[j - 1]
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (not same))
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    assert slips(one, other, most) == (table[-1][-1] if table[-1][-1] <= most else None)


def test_short_and_dotted_keys_are_never_near() -> None:
    assert not near("ids", ["id"])
    assert not near("time.out", ["timeout"])
    assert not near("stat_", ["timeout"])
    assert near("sched-ule", ["schedule"]) == "schedule"
