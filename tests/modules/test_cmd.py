"""Programs run by ``cmd``: their output, their bounds, and what is refused."""

from __future__ import annotations

import os
import pwd
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from saltern.errors import CommandError
from support.strangers import folder_of_a_stranger, link_of_a_stranger, needs_root


@pytest.fixture
def cmd(minion: Any) -> ModuleType:
    return minion.load("cmd")  # type: ignore[no-any-return]  # the fixture's class lives in conftest


def test_run_returns_output_and_errors_together(cmd: ModuleType) -> None:
    assert cmd.run("echo out; echo err >&2", python_shell=True) == "out\nerr"
    assert cmd.__context__["retcode"] == 0


def test_a_string_is_split_but_no_shell_sees_it(cmd: ModuleType) -> None:
    assert cmd.run("echo 'a b' $HOME | cat") == "a b $HOME | cat"
    assert cmd.run(["echo", "a  b"]) == "a  b"


def test_a_shell_when_asked_for(cmd: ModuleType) -> None:
    assert cmd.shell("echo a b | wc -w").strip() == "2"
    assert cmd.run("echo $0", python_shell=True, shell="/bin/sh") == "/bin/sh"


def test_run_all_tells_everything(cmd: ModuleType) -> None:
    result = cmd.run_all("echo out; echo err >&2; exit 3", python_shell=True)
    assert result.pop("pid") > 0
    assert result == {"retcode": 3, "stdout": "out", "stderr": "err"}
    assert cmd.__context__["retcode"] == 3
    assert cmd.run_stdout("echo x") == "x"
    assert cmd.run_stderr("echo e >&2", python_shell=True) == "e"
    assert cmd.retcode("false") == 1


def test_codes_that_count_as_success(cmd: ModuleType) -> None:
    assert cmd.run_all("false", ignore_retcode=True)["retcode"] == 1
    assert cmd.__context__["retcode"] == 0
    assert cmd.run_all("exit 7", python_shell=True, success_retcodes=[7])["retcode"] == 0
    assert cmd.__context__["retcode"] == 0


def test_input_folder_and_environment(cmd: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALTERN_TEST_GONE", "x")
    assert cmd.run("cat", stdin="héllo") == "héllo"
    assert cmd.run("pwd", cwd=str(tmp_path)) == str(tmp_path)
    line = "echo $A-$B-$SALTERN_TEST_GONE"
    assert cmd.shell(line, env=[{"A": 1}, {"B": "b", "SALTERN_TEST_GONE": False}]) == "1-b-"
    assert cmd.shell("echo $A$B", env="{A: 1, B: x}") == cmd.shell("echo $A$B", env="- A: 1\n- B: x") == "1x"
    assert cmd.run("/usr/bin/env", env={"ONLY": "this"}, clean_env=True) == "ONLY=this"


def test_much_input_and_output_at_once(cmd: ModuleType) -> None:
    text = "x" * 500_000
    assert cmd.run("cat", stdin=text) == text


def test_output_is_bounded_and_says_so(cmd: ModuleType) -> None:
    result = cmd.run_all("head -c 300000 /dev/zero", output_limit=1000)
    kept, note = result["stdout"].rsplit("\n", 1)
    assert len(kept) == 1000
    assert note == "[cmd.run_all: 299000 more bytes of output were cut: output_limit]"
    assert result["retcode"] == 0


@pytest.mark.parametrize("leader", ["wait", "exec sleep 600"])
def test_a_timeout_lets_the_program_and_what_it_started_tidy_up(cmd: ModuleType, tmp_path: Path, leader: str) -> None:
    mark = tmp_path / "tidy"
    text = f"(trap 'sleep 0.3; echo tidied > {mark}; exit 0' TERM; while :; do sleep 0.05; done) & {leader}"
    assert cmd.run_all(text, python_shell=True, timeout=0.5)["retcode"] == 1
    assert mark.read_text() == "tidied\n"


def test_a_timeout_ends_the_whole_group(cmd: ModuleType, tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    started = time.monotonic()
    text = f"sleep 60 & echo $! > {pidfile}; echo before; wait"
    result = cmd.run_all(text, python_shell=True, timeout=0.3)
    assert time.monotonic() - started < 30
    assert result["retcode"] == 1
    assert result["stdout"] == f"before\n{text} : Timed out after 0.3 seconds"
    assert cmd.__context__["retcode"] == 1
    assert gone(int(pidfile.read_text()))


def gone(pid: int) -> bool:
    """Say whether the process ends (a zombie that nobody has buried yet has ended) within two seconds."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_a_daemon_left_behind_does_not_hold_the_answer(cmd: ModuleType) -> None:
    started = time.monotonic()
    assert cmd.shell("sleep 40 & echo started") == "started"
    assert time.monotonic() - started < 30


def test_a_killed_job_takes_its_program_along(cmd: ModuleType, agent: Any) -> None:
    results: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: results.append(cmd.run_all("sleep 60")))
    thread.start()
    while not agent.children:
        time.sleep(0.01)
    os.killpg(agent.children[0], 15)
    thread.join(30)
    assert results[0]["retcode"] == -15


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("/nowhere/at-all", {}, "no such program$"),
        ("/nowhere/at-all | sort", {}, "no such program; a shell's syntax needs python_shell=True$"),
        ("A=1 env", {}, "no such program; a shell's syntax"),
        ("ulimit -n", {}, "no such program; a shell's syntax"),
        ("", {}, "empty"),
        ([], {}, "empty"),
        ("echo 'open", {}, "can't split"),
        ("true", {"cwd": "/nowhere"}, "Specified cwd '/nowhere' either not absolute or does not exist"),
        ("true", {"cwd": "tmp"}, "Specified cwd 'tmp' either"),
        ("true", {"shell": "/nowhere/sh", "python_shell": True}, "The shell /nowhere/sh is not available"),
        ("false", {"raise_err": True}, "ended with the retcode 1"),
        ("true", {"timeuot": 3}, "did you mean 'timeout'"),
        ("true", {"timeout": 0}, "number above 0"),
        ("true", {"output_limit": "big"}, "number above 0"),
        ("true", {"env": "A=1"}, "env must be a dict"),
        ("true", {"runas": "no-such-user"}, "User 'no-such-user' is not available"),
        ("true", {"umask": "9"}, "octal digits from 000 to 777"),
        ("true", {"umask": -1}, "octal digits"),
        ("true", {"umask": 1000}, "octal digits"),
        ("true", {"umask": 8}, "octal digits"),
        ("true", {"umask": True}, "octal digits"),
        ("true", {"umask": None}, "octal digits"),
        ("a\0b", {}, "can't run"),
    ],
)
def test_what_can_not_be_run_is_one_line(cmd: ModuleType, command: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        cmd.run(command, **options)
    assert "\n" not in str(caught.value)


def test_a_command_may_be_a_number_or_true(cmd: ModuleType) -> None:
    """As the words ``5`` and ``true`` of a command line arrive."""
    assert cmd.run_all(False, python_shell=True, ignore_retcode=True)["retcode"] == 127
    assert "False" in cmd.run(False, python_shell=True)
    assert cmd.run_all(5, python_shell=True)["retcode"] == 127
    assert "True : Timed out" not in cmd.run(True, python_shell=True, timeout=5)


def test_what_modules_give_in_order(cmd: ModuleType, tmp_path: Path) -> None:
    assert cmd.run("cat; pwd", str(tmp_path), "in\n", python_shell=True) == f"in\n{tmp_path}"
    assert cmd.retcode("test -d .", str(tmp_path)) == 0
    with pytest.raises(CommandError, match="cwd is given twice"):
        cmd.run("pwd", "/tmp", cwd="/tmp")
    given = (None, None, None, "/bin/sh", True, {"A": "b"}, False, "jinja", False, "077")
    assert cmd.run("echo $A {{ 1 }}; umask", None, *given) == "b 1\n0077\n"
    assert cmd.shell("echo $A", None, None, None, None, "/bin/sh", {"A": "c"}) == "c"
    assert cmd.retcode("exit {{ 3 }}", None, None, None, None, None, True, None, False, "jinja") == 3
    with pytest.raises(CommandError, match="rstrip, umask are taken in order"):
        cmd.run("pwd", None, *given, "x")
    with pytest.raises(CommandError, match="template, umask are taken in order"):
        cmd.retcode("pwd", None, *given)


def test_options_of_the_output(cmd: ModuleType) -> None:
    text = "echo out; echo err >&2; echo; exit 3"
    assert cmd.run(text, python_shell=True, redirect_stderr=False) == "out"
    assert cmd.run_all(text, python_shell=True, redirect_stderr=True)["stdout"] == "out\nerr"
    assert cmd.run("printf 'a \n\n'", python_shell=True) == "a"
    assert cmd.run("printf 'a \n\n'", python_shell=True, rstrip=False) == "a \n\n"
    assert cmd.run(text, python_shell=True, hide_output=True) == ""
    assert cmd.run("echo x", output_loglevel="quiet", use_vt=False, saltenv="base") == "x"
    for success in ({"success_retcodes": "2,3"}, {"success_retcodes": 3}, {"success_stdout": ["out"]}):
        assert cmd.run_all(text, python_shell=True, **success)["retcode"] == 0
    assert cmd.run_all(text, python_shell=True, success_stderr=["err"])["retcode"] == 0
    assert cmd.run_all(text, python_shell=True, success_stderr=["er"])["retcode"] == 3


def test_the_agents_shell_is_taken_if_it_is_one(
    cmd: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, is_taken in (("zsh", True), ("nologin", False)):
        shell = tmp_path / name
        shell.write_text(f"#!/bin/sh\necho this is {name}\n")
        shell.chmod(0o755)
        monkeypatch.setenv("SHELL", str(shell))
        assert cmd.shell("echo sh") == (f"this is {name}" if is_taken else "sh")
    monkeypatch.setenv("SHELL", "/nowhere/bash")
    assert cmd.shell("echo sh") == "sh"
    (tmp_path / "own").symlink_to("/bin/echo")
    assert cmd.shell("own x", prepend_path=str(tmp_path)) == "x"


def test_code_of_any_language(cmd: ModuleType) -> None:
    code = "import sys; print(sys.argv[1:]); sys.exit(3)"
    assert cmd.exec_code(sys.executable, code) == "[]"
    assert cmd.exec_code("sh", ["A=1", "echo $A $1"], args=["two"]) == "1 two"
    result = cmd.exec_code_all(sys.executable, code, "/", ["a b"])
    assert (result["retcode"], result["stdout"], result["stderr"]) == (3, "['a b']", "")
    assert cmd.__context__["retcode"] == 3


@needs_root
def test_code_is_read_by_the_user_that_runs_it(cmd: ModuleType) -> None:
    assert cmd.exec_code("sh", "id -un; stat -c %a $0", runas="nobody") == "nobody\n600"


def test_what_the_publisher_adds_is_no_option(cmd: ModuleType) -> None:
    assert cmd.run("echo x", __pub_jid="1", __pub_fun="cmd.run") == "x"


@needs_root
def test_runas_drops_to_the_user(cmd: ModuleType) -> None:
    assert cmd.shell("id -un; echo $USER", runas="nobody") == "nobody\nnobody"
    assert cmd.run("id -G", runas="nobody") == str(pwd.getpwnam("nobody").pw_gid)


@pytest.mark.parametrize("runas", [0, 1, False, True, "", "0", "1000", "no\0body", b"nobody", ["nobody"], 0.0, {}])
def test_runas_takes_the_name_of_a_user_or_refuses(cmd: ModuleType, runas: object, tmp_path: Path) -> None:
    for call in (lambda: cmd.run(f"touch {tmp_path}/ran", runas=runas), lambda: cmd.script("/bin/true", runas=runas)):
        with pytest.raises(CommandError, match=r"runas must be the name of a user|User .* is not available") as caught:
            call()
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_runas_needs_root(cmd: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(CommandError, match="only an agent that is root"):
        cmd.run("id", runas="root")


def variables(output: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in output.splitlines())


@needs_root
@pytest.mark.parametrize("user", ["nobody", "root"])
def test_runas_starts_with_that_users_environment(cmd: ModuleType, monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    for name, value in (
        ("SECRET", "x"),
        ("PYTHONPATH", "/x"),
        ("LD_PRELOAD", ""),
        ("PATH", f"/x:{os.environ['PATH']}"),
    ):
        monkeypatch.setenv(name, value)
    for name, value in (("LANG", "C.UTF-8"), ("LC_TIME", "C"), ("TZ", "Asia/Tokyo")):
        monkeypatch.setenv(name, value)
    account = pwd.getpwnam(user)
    found = variables(cmd.run("env", runas=user, env={"MORE": 1, "TZ": False}))
    assert found.pop("PATH").split(":")[-1] == "/bin"
    assert found.pop("LC_TIME") == "C"
    assert {name: value for name, value in found.items() if not name.startswith("LC_")} == {
        "HOME": account.pw_dir,
        "USER": user,
        "LOGNAME": user,
        "SHELL": account.pw_shell,
        "LANG": "C.UTF-8",
        "MORE": "1",
    }
    assert cmd.run("/usr/bin/env", runas=user, clean_env=True) == ""


def test_a_service_has_no_home_but_its_programs_have(cmd: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under systemd: little in the environment, and that about the service."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name in ("INVOCATION_ID", "JOURNAL_STREAM", "NOTIFY_SOCKET", "WATCHDOG_USEC", "OWN"):
        monkeypatch.setenv(name, "x")
    account = pwd.getpwuid(os.geteuid())
    found = variables(cmd.run("env"))
    assert "/usr/bin" in found.pop("PATH").split(":")
    assert found == {
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "SHELL": account.pw_shell or "/bin/sh",
        "OWN": "x",
    }
    monkeypatch.setenv("HOME", "/elsewhere")
    assert variables(cmd.run("env"))["HOME"] == "/elsewhere"


@pytest.mark.parametrize(
    ("umask", "shown"),
    [(None, "0022"), ("077", "0077"), ("0", "0000"), (27, "0027"), (77, "0077"), (0, "0000"), ("0o2", "0002")],
)
def test_a_program_has_a_shells_umask_or_the_one_asked_for(cmd: ModuleType, umask: object, shown: str) -> None:
    options = {} if umask is None else {"umask": umask}
    before = os.umask(0o027)
    try:
        assert cmd.shell("umask", **options) == shown
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_a_local_script_is_run_from_a_copy(cmd: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "show.sh"
    script.write_text(f"#!{sys.executable}\nimport sys; print(sys.argv[1:]); sys.exit(4)\n")
    result = cmd.script(str(script), args='one "two three"')
    assert result["stdout"] == "['one', 'two three']"
    assert result["retcode"] == 4
    assert cmd.script_retcode(str(script)) == 4


def test_a_script_from_the_master(minion: Any, tmp_path: Path) -> None:
    cached = tmp_path / "cached"
    cached.write_text("echo $1\n")
    minion.functions["cp.cache_file"] = lambda path, saltenv: str(cached)
    assert minion.load("cmd").script("salt://x.sh", args=["hello"])["stdout"] == "hello"


def test_a_script_that_the_master_does_not_have(minion: Any) -> None:
    minion.functions["cp.cache_file"] = lambda path, saltenv: False
    cmd = minion.load("cmd")
    done = {"pid": 0, "retcode": 1, "stdout": "", "stderr": "", "cache_error": True}
    assert cmd.script("salt://x.sh") == done
    assert cmd.__context__["retcode"] == 1


@needs_root
def test_a_scripts_copy_stays_roots_until_it_is_whole(
    cmd: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user may run and read it, and never had the folder, nor the file before all was written."""
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    script = tmp_path / "show.sh"
    script.write_text(
        '#!/bin/sh\nstat -c "%a %U" "$(dirname "$0")" "$0"; id -un; touch "$0.new" 2>/dev/null || echo shut\n'
    )
    given: list[int] = []
    fchown = os.fchown

    def watched(descriptor: int, uid: int, gid: int) -> None:
        given.append(os.fstat(descriptor).st_size)
        fchown(descriptor, uid, gid)

    monkeypatch.setattr(os, "fchown", watched)
    monkeypatch.setattr(os, "chown", lambda *_: pytest.fail("by name"))
    monkeypatch.setattr(os, "chmod", lambda *_: pytest.fail("by name"))
    assert cmd.script(str(script), runas="nobody")["stdout"] == "711 root\n700 nobody\nnobody\nshut"
    assert given == [script.stat().st_size]
    assert cmd.script(str(script))["stdout"] == "700 root\n700 root\nroot"


@needs_root
def test_a_script_behind_a_strangers_link_is_not_read_for_him(cmd: ModuleType, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("echo secret\n")
    secret.chmod(0o600)
    link = link_of_a_stranger(folder_of_a_stranger(tmp_path / "theirs") / "x.sh", secret)
    with pytest.raises(CommandError, match="a link of another user's"):
        cmd.script(str(link), runas="nobody")


def test_a_script_that_is_not_there(cmd: ModuleType) -> None:
    with pytest.raises(CommandError, match="can't read /nowhere"):
        cmd.script("/nowhere/x.sh")
    with pytest.raises(CommandError, match="absolute path"):
        cmd.script("x.sh")
    with pytest.raises(CommandError, match="can't split"):
        cmd.script("/bin/true", args="'open")


def test_programs_are_found(cmd: ModuleType) -> None:
    assert cmd.has_exec("sh")
    assert os.path.basename(cmd.which("sh")) == "sh"
    assert cmd.which("no-such-program-here") is None
    assert cmd.which_bin(["no-such-program-here", "sh"]) == cmd.which_bin("sh") == cmd.which("sh")
    assert cmd.which_bin(["no-such-program-here"]) is None
    assert "/bin/sh" in cmd.shells()


def test_a_template_is_rendered_first(cmd: ModuleType, minion: Any, tmp_path: Path) -> None:
    assert cmd.run("echo {{ grains.os }}", template="jinja") == "Debian"
    assert cmd.run(["echo", "{{ pillar.role }} x"], template="jinja") == "web x"
    assert cmd.run("echo {{ pillar.role }}", template="jinja", pillar={"role": "own"}) == "own"
    assert cmd.run("pwd", cwd="{{ '" + str(tmp_path) + "' }}", template="jinja") == str(tmp_path)
    for engine, says in (("py", "runs the file as Python"), ("mako", "isn't here"), ("x", "unavailable engine x")):
        with pytest.raises(CommandError, match=says):
            cmd.run("echo", template=engine)
    with pytest.raises(CommandError, match="Jinja variable 'nope' is undefined; line 1"):
        cmd.run("echo {{ nope }}", template="jinja")


def test_a_scripts_template_is_rendered_into_its_copy(cmd: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "s.sh"
    script.write_text("#!/bin/sh\necho {{ grains.os }} $1\n")
    assert cmd.script(str(script), "a", template="jinja")["stdout"] == "Debian a"
    assert cmd.script(str(script))["stdout"] == "{{ grains.os }}"
    in_order = (str(tmp_path), None, None, None, None, None, None, "jinja")
    assert cmd.script(str(script), "{{ 1 }}", *in_order)["stdout"] == "Debian {{"
    assert script.read_text() == "#!/bin/sh\necho {{ grains.os }} $1\n"


def test_in_the_background_it_goes_on_by_itself(cmd: ModuleType, minion: Any, tmp_path: Path) -> None:
    minion.functions["cmd.run_all"] = cmd.run_all
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    elsewhere = minion.load("cmd_elsewhere")
    found = elsewhere.run_bg(["sh", "-c", f"echo $$ >{pipe}; cat {pipe}"], python_shell=False)
    assert pipe.read_text() == f"{found['pid']}\n", "it waits for nobody, and is what is told"
    assert os.getpgid(found["pid"]) != os.getpgid(0)
    pipe.write_text("end")
    assert cmd.run_all("sleep 0", bg=True)["stdout"] == ""


@needs_root
def test_a_group(cmd: ModuleType) -> None:
    assert cmd.run("id -gn", group="daemon") == "daemon"
    assert cmd.run("id -gn", group="daemon", runas="nobody") == "daemon"
    assert cmd.run("id -un", group="daemon", runas="nobody") == "nobody"


def test_a_group_that_is_none(cmd: ModuleType) -> None:
    with pytest.raises(CommandError, match="Group 'no-such-group' is not available"):
        cmd.run("id", group="no-such-group")


@pytest.mark.parametrize("device", ["tty/../null", "../etc/passwd", "null", "pts/../null", "tty\n"])
def test_a_terminal_is_one(minion: Any, device: str) -> None:
    assert minion.load("cmd_elsewhere").tty(device, "x") == {"Error": "The specified device is not a valid TTY"}


def test_text_goes_to_a_terminal(minion: Any) -> None:
    ours, theirs = os.openpty()
    name = os.ttyname(theirs).removeprefix("/dev/")
    found = minion.load("cmd_elsewhere").tty(name, "hello")
    assert found == {"Success": f"Message was successfully echoed to /dev/{name}"}
    assert os.read(ours, 100) == b"hello"
    os.close(ours)
    os.close(theirs)


def test_in_another_root(minion: Any, tmp_path: Path) -> None:
    ran: list[list[str]] = []

    def run_all(argv: list[str], **_: Any) -> dict[str, Any]:
        ran.append(argv)
        return {"retcode": 1 if argv[-1].endswith("sys") else 0, "stdout": "out", "stderr": ""}

    minion.functions["cmd.run_all"] = run_all
    for name in ("dev", "proc", "sys", "data"):
        (tmp_path / name).mkdir()
    elsewhere = minion.load("cmd_elsewhere")
    found = elsewhere.run_chroot(str(tmp_path), "id; true", runas="u", group="g", binds=["/data"], hide_output=True)
    assert found["stdout"] == ""
    root = str(tmp_path)
    assert ["chroot", "--userspec", "u:g", root, "/bin/sh", "-c", "id; true"] in ran
    assert ["mount", "--bind", "/data", f"{root}/data"] in ran
    unmounted = [argv[-1] for argv in ran if argv[0] == "umount"]
    assert unmounted == [f"{root}/data", f"{root}/proc", f"{root}/dev"], "what was mounted, the last first"
    for bad in ("relative", str(tmp_path / "nowhere")):
        with pytest.raises(CommandError, match="absolute path"):
            elsewhere.run_chroot(bad, "id")


def test_what_mounted_is_unmounted_after_a_failure(minion: Any, tmp_path: Path) -> None:
    ran: list[str] = []

    def run_all(argv: list[str], **_: Any) -> dict[str, Any]:
        ran.append(argv[0])
        if argv[0] == "chroot":
            raise CommandError("no")
        return {"retcode": 0, "stdout": "", "stderr": ""}

    minion.functions["cmd.run_all"] = run_all
    (tmp_path / "dev").mkdir()
    (tmp_path / "proc").symlink_to("/etc")
    with pytest.raises(CommandError, match="no"):
        minion.load("cmd_elsewhere").run_chroot(str(tmp_path), "id")
    assert ran == ["mount", "chroot", "umount"], "a link in that root is not mounted on"


def test_what_a_shell_is(minion: Any) -> None:
    outputs = {"bash": "GNU bash, version 5.2.15(1)-release", "zsh": "zsh 5 (x)", "php": "broken"}
    minion.functions["cmd.which"] = lambda name: f"/bin/{name}" if name in outputs else None
    minion.functions["cmd.run"] = lambda argv, **_: outputs[argv[0]]
    info = minion.load("cmd_elsewhere").shell_info
    raw = "5.2.15(1)-release"
    assert info("bash") == {"installed": True, "path": "/bin/bash", "version_raw": raw, "version": "5.2.15"}
    assert info("zsh")["version"] == "5.0"
    assert info("php")["error"] == "The version regex pattern for shell php, could not find the version string"
    assert info("ruby") == {
        "error": "Unable to run command 'ruby -v' Reason: [Errno 2] No such file or directory: 'ruby'",
        "installed": False,
    }
    assert info("x") == {"error": "Salt does not know how to get the version number for x", "installed": None}
