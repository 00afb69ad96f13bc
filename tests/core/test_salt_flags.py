"""``saltern``'s own side of its flags: what the master is asked, and what is said beside Salt's words."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.errors import ChannelError
from saltern.secret import Secret
from support.salt_answers.scripted_fleet import FLEETS
from support.salt_program import Program
from support.scripted_master import ScriptedMaster

THREE = FLEETS["three"]
LATER = "saltern-run jobs.lookup_jid 20260101000000000001\n"


@pytest.fixture
def master() -> ScriptedMaster:
    return ScriptedMaster(THREE)


def asked(master: ScriptedMaster) -> dict[str, Any]:
    """Return the one job that was asked for."""
    (found,) = [about for name, about in master.calls if name == "job.publish"]
    assert master.open == 0
    return found


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (["*", "test.ping"], {"tgt": "*", "tgt_type": "glob", "fun": "test.ping", "arg": [], "kwarg": {}}),
        (["*", "test.ping"], {"isolate": False, "quiet": None, "follow": True}),
        (["-E", "m[12]", "test.ping"], {"tgt": "m[12]", "tgt_type": "pcre"}),
        (["-G", "os:Deb*", "test.ping"], {"tgt": "os:Deb*", "tgt_type": "grain"}),
        (["-P", "os:Deb.*", "test.ping"], {"tgt_type": "grain_pcre"}),
        (["-I", "role:web", "test.ping"], {"tgt_type": "pillar"}),
        (["-J", "role:web", "test.ping"], {"tgt_type": "pillar_pcre"}),
        (["-S", "192.0.2.0/24", "test.ping"], {"tgt_type": "ipcidr"}),
        (["-N", "group", "test.ping"], {"tgt_type": "nodegroup"}),
        (["-C", "a or b", "test.ping"], {"tgt": "a or b", "tgt_type": "compound"}),
        (["-L", "m1, m2", "test.ping"], {"tgt": ["m1", "m2"], "tgt_type": "list"}),
        (["-L", " m1\tm2 ", "test.ping"], {"tgt": ["m1", "m2"]}),
        (["-L", "m1 x,m2", "test.ping"], {"tgt": ["m1x", "m2"]}),
        (["--list", "m1,", "test.ping"], {"tgt": ["m1", ""]}),
        (["-G", "--delimiter", "|", "site|town", "test.ping"], {"delimiter": "|"}),
        (["-t", "7", "*", "test.ping"], {"quiet": 7.0}),
        (["--timeout=0.5", "*", "test.ping"], {"quiet": 0.5}),
        (["-t", "-3", "*", "test.ping"], {"quiet": None}),
        (["--isolate", "*", "test.ping"], {"isolate": True}),
        (["--async", "*", "test.ping"], {"follow": False}),
        (["--return", "sqlite3,syslog", "*", "test.ping"], {"ret": "sqlite3,syslog"}),
        (["--return_config", "alt", "*", "test.ping"], {"ret_config": "alt"}),
        (["--return_kwargs", "{host: db1}", "*", "test.ping"], {"ret_kwargs": {"host": "db1"}}),
        (["--metadata", "{a: 1}", "*", "test.ping"], {"metadata": {"a": 1}}),
        (["--metadata", "nightly", "*", "test.ping"], {"metadata": "nightly"}),
        (["*", "test.arg", "1", "k=[1]", "x=y"], {"arg": [1], "kwarg": {"k": [1], "x": "y"}}),
        (["*", "test.arg", "--no-parse=a", "a=1", "b=1"], {"kwarg": {"a": "1", "b": 1}}),
        (
            ["*", "test.arg,test.arg", "1", "k=2", ",", "k=3"],
            {"fun": ["test.arg", "test.arg"], "arg": [[1, {"k": 2, "__kwarg__": True}], [{"k": 3, "__kwarg__": True}]]},
        ),
        (["-d", "m1", "test"], {"fun": "sys.doc", "arg": ["test"]}),
    ],
)
def test_what_the_master_is_asked(
    program: Program, master: ScriptedMaster, words: list[str], fields: dict[str, Any]
) -> None:
    program(*words, master=master)
    found = asked(master)
    assert {name: found[name] for name in fields} == fields
    if not {"-d", "--delimiter", "--return", "--metadata"}.intersection(words):
        assert "delimiter" not in found
        assert "metadata" not in found


def test_more_words_from_standard_input(
    program: Program, master: ScriptedMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("two words\n--out=json\nk=1\n"))
    done = program("m1", "test.arg", "first", "--args-stdin", master=master)
    assert json.loads(done.out) == {"m1": {"args": ["first", "two words"], "kwargs": {"k": 1}}}


def test_secret_arguments_come_from_files(program: Program, master: ScriptedMaster, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter2\n")
    (tmp_path / "pw").chmod(0o600)
    program("m1", "test.none", "--secret-arg-file", f"password={tmp_path}/pw", master=master)
    secret = asked(master)["kwarg"]["password"]
    assert isinstance(secret, Secret)
    assert secret.reveal() == "hunter2"
    done = program("m1", "test.arg,test.arg", ",", "--secret-arg-file", f"{tmp_path}/pw", master=ScriptedMaster(THREE))
    assert (done.code, done.err) == (
        1,
        "saltern: --secret-arg-file can't be used with several functions: call them one by one\n",
    )


def test_values_go_to_a_file(program: Program, master: ScriptedMaster, tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("before\n")
    done = program("-v", "--out-file", str(file), "*", "test.id", master=master)
    assert done.out.startswith("Executing job with jid ")
    assert file.read_text() == "m1:\n    m1\nm2:\n    m2\nm3:\n    m3\n"
    program("-s", "--out-file", str(file), "--out-file-append", "m1", "test.id", master=ScriptedMaster(THREE))
    assert file.read_text().endswith("m3:\n    m3\nm1:\n    m1\n")


def test_the_configuration_is_dumped(program: Program, master: ScriptedMaster) -> None:
    done = program("--config-dump", master=master)
    assert done.code == 0
    assert yaml.safe_load(done.out)["timeout"] == 5.0
    assert master.calls == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["-T", "*", "test.ping"], "--make-token needs -a: name what knows you, as in -a file"),
        (["--username=fred", "*", "test.ping"], "--username needs -a"),
        (["--password=x", "*", "test.ping"], "--password needs -a"),
        (["--return_kwargs", "[1]", "*", "test.ping"], "--return_kwargs [1]: must be a map, as in '{host: db1}'"),
    ],
)
def test_what_there_isnt_is_refused_in_one_line(
    program: Program, master: ScriptedMaster, words: list[str], why: str
) -> None:
    done = program(*words, master=master)
    assert (done.code, done.out) == (64, "")
    assert done.err.startswith(f"saltern: {why}")
    assert done.err.count("\n") == 1
    assert master.calls == []


def test_range_servers_match_nothing(program: Program, master: ScriptedMaster) -> None:
    done = program("-R", "%web", "test.ping", master=master)
    assert (done.code, done.out.startswith("No minions matched the target.")) == (2, True)
    assert done.err.splitlines()[0] == "saltern: -R: there are no range servers here: use -L, -G, -N or -C"
    assert master.calls == []


def test_what_is_wrong_with_a_target_is_said_too(program: Program, master: ScriptedMaster) -> None:
    master.problem = "compound target 'x and': a target is missing\x1b"
    for words in (["x"], ["-b", "1", "x"], ["-s", "x"], ["--async", "x"], ["-d", "x"], ["--subset", "1", "x"]):
        done = program(*words, "test.ping", master=master)
        assert "saltern: compound target 'x and': a target is missing\\x1b\n" in done.err, words
        assert done.out.startswith("No minions matched the target. No command was sent, no jid was assigned.\n")
    done = program("--preview-target", "x", master=master)
    assert done.err.splitlines() == [
        "saltern: compound target 'x and': a target is missing\\x1b",
        "ERROR: No return received",
    ]


def test_progress_is_on_standard_error(program: Program) -> None:
    done = program("-p", "*", "test.mixed", master=ScriptedMaster(FLEETS["worst"]))
    assert done.out.startswith("m1:\n    m1\n")
    assert done.err == "done 1, running 0, away 2, failed 0\nERROR: Minions returned with non-zero exit code\n"
    done = program("-p", "*", "test.mixed", master=ScriptedMaster(THREE))
    assert done.err.startswith("done 3, running 0, away 0, failed 2\n")


def test_progress_stays_at_the_bottom_of_a_terminal(
    program: Program, master: ScriptedMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    lines = program("-p", "*", "test.ping", master=master).err.split("\r\x1b[K")
    assert [line for line in lines if line] == [
        *(f"done {n}, running {3 - n}, away 0, failed 0" for n in range(3)),
        "done 3, running 0, away 0, failed 0\n",
    ]


def test_no_master(program: Program) -> None:
    for words in (
        ["*", "test.ping"],
        ["-b", "1", "*", "test.ping"],
        ["-s", "*", "test.ping"],
        ["--preview-target", "*"],
    ):
        done = program(*words, master=ScriptedMaster(THREE, running=False))
        assert (done.code, done.out) == (2, "The salt master could not be contacted. Is master running?\n")
        assert done.err.startswith("saltern: no master answers at ")


def test_ctrl_c_says_where_the_answers_will_be_and_nothing_stays_open(program: Program) -> None:
    master = ScriptedMaster(FLEETS["silent"]._replace(silent=("m1", "m2", "m3")))
    master.broken = KeyboardInterrupt()
    master.publish = _emptied(master)  # type: ignore[method-assign]
    done = program("*", "test.ping", master=master)
    assert (done.code, done.out, master.open) == (0, "", 0)
    assert done.err.startswith("\nExiting gracefully on Ctrl-c\nThis job's jid is: 20260101000000000001\n")
    assert done.err.endswith(LATER)
    assert "not started" not in done.err


def test_ctrl_c_in_a_batch_says_on_whom_it_was_not_started(program: Program) -> None:
    master = ScriptedMaster(FLEETS["seven"])
    master.broken = KeyboardInterrupt()
    master.publish = _emptied(master, but="test.ping")  # type: ignore[method-assign]
    done = program("-b", "2", "*", "test.id", master=master)
    assert (done.code, done.out, master.open) == (0, "\nExecuting run on ['n1', 'n2']\n\n", 0)
    assert "This job's jid is: 20260101000000000002\n" in done.err
    assert done.err.endswith("saltern: it was not started on 5 minions\n")


def test_ctrl_c_before_there_is_a_job(program: Program) -> None:
    master = ScriptedMaster(FLEETS["seven"])
    master.broken = KeyboardInterrupt()
    master.publish = _emptied(master)  # type: ignore[method-assign]
    done = program("-b", "2", "*", "test.id", master=master)
    assert (done.code, done.out, done.err) == (0, "", "\nExiting gracefully on Ctrl-c\n")


def test_a_master_that_goes_leaves_a_trace_of_the_job(program: Program) -> None:
    master = ScriptedMaster(FLEETS["seven"])
    master.broken = ChannelError("the master closed the connection")
    master.publish = _emptied(master, but="test.ping")  # type: ignore[method-assign]
    done = program("-b", "2", "*", "test.id", master=master)
    assert done.code not in (0, 2)
    assert "saltern-run jobs.lookup_jid 20260101000000000002\n" in done.err
    assert "it was not started on 5 minions" in done.err
    assert done.err.endswith("saltern: the master closed the connection\n")


def _emptied(master: ScriptedMaster, but: str = "") -> Any:
    """Return a ``publish`` whose jobs, but one function's, nobody has answered yet."""
    publish = master.publish

    def published(**about: Any) -> Any:
        result = publish(**about)
        if about["fun"] != but and not about.get("hold"):
            master.streams[result["jid"]].clear()
        return result

    return published


def test_failhard_says_what_is_left_out(program: Program) -> None:
    done = program("-b", "2", "--failhard", "*", "test.mixed", master=ScriptedMaster(FLEETS["seven"], one_by_one=True))
    assert done.code == 2
    assert done.err == (
        "[ERROR   ] Batch run stopped due to failhard\nsaltern: it was not started on 4 minions; 1 still work on it\n"
    )


def test_a_batch_of_retcodes_that_no_exit_code_holds(program: Program, master: ScriptedMaster) -> None:
    assert program("-b", "1", "m1", "test.retcode", "256", master=master).code == 255


def test_no_name_steers_the_terminal(program: Program) -> None:
    done = program("-L", "m1,x\x1b[2J", "test.ping", master=ScriptedMaster(THREE))
    assert "\x1b" not in done.out + done.err
    assert "x\\x1b[2J:\n    Minion did not return. [No response]\n" in done.out
    assert "no accepted minion has the id x\\x1b[2J\n" in done.err


def test_names_that_no_minion_has_are_in_order_and_not_too_many(program: Program, master: ScriptedMaster) -> None:
    done = program("-L", ",".join(f"x{number:02}" for number in range(29, -1, -1)), "test.ping", master=master)
    listed = ", ".join(f"x{number:02}" for number in range(20))
    assert done.err.splitlines()[0] == f"saltern: no accepted minion has the id {listed} and 10 more"


def test_one_that_was_given_up_and_answers_all_the_same_is_shown_once(program: Program, master: ScriptedMaster) -> None:
    publish = master.publish

    def given_up(**about: Any) -> Any:
        result = publish(**about)
        lost = {"tag": "", "data": {"id": "m2", "failed": "Minion did not return. [No response]"}}
        master.streams[result["jid"]].appendleft(lost)
        return result

    master.publish = given_up  # type: ignore[method-assign]
    done = program("*", "test.id", master=master)
    assert (done.code, done.out) == (0, "m1:\n    m1\nm2:\n    m2\nm3:\n    m3\n")


def test_an_answer_that_reads_like_silence_is_none_for_the_exit_code(program: Program, master: ScriptedMaster) -> None:
    assert program("m1", "test.echo", "Minion did not return. [No response]", master=master).code == 0


def test_what_the_terminal_cannot_show_is_shown_as_an_escape(
    program: Program, master: ScriptedMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_ = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(bytes_, encoding="ascii", write_through=True))
    done = program("-b", "1", "-L", "m1,xü", "test.ping", master=master)
    assert done.code == 0
    assert bytes_.getvalue().startswith(b"Minion x\\xfc did not respond. No job will be sent.\n")


def test_help_has_every_flag_and_ends_well(program: Program, master: ScriptedMaster) -> None:
    done = program("--help", master=master)
    assert done.code == 0
    for flag in ("--batch-safe-limit", "--return_kwargs", "-J", "--secret-arg-file", "--args-stdin", "--subset"):
        assert flag in done.out
