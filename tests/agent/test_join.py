"""A host that joins by an invitation: what it hears when that fails, and that nothing is half-written then."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.config import minion_config
from saltern.errors import ConfigError
from saltern.join_token import Invite
from saltern.pki import own_keys
from saltern_agent import identity
from support.ports import free_port

Join = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A new host's configuration: it knows no master."""
    folder = tmp_path / "new"
    folder.mkdir()
    options = {"id": "new01", "root_dir": str(folder / "root"), "reconnect_interval": 0.05}
    (folder / "minion").write_text(yaml.safe_dump(options))
    return folder


@pytest.fixture
def invite(master: Any) -> Invite:
    return Invite("127.0.0.1", master.publish_port, master.ret_port, master.public, "s3cret-of-an-invitation")


@pytest.fixture
def failing(folder: Path) -> Join:
    """Try to join, for a second at most, and return how that ended."""

    def join(invite: Invite, within_s: float = 1.0) -> subprocess.CompletedProcess[str]:
        program = (
            "import sys, saltern_agent.join as j, saltern_agent.main as m; j.WITHIN_S = float(sys.argv.pop(1)); "
            "sys.exit(m.main())"
        )
        return subprocess.run(
            [sys.executable, "-P", "-c", program, str(within_s), "-c", str(folder), "--join", "-"],
            input=f"echo {invite.token()} | saltern-agent --join -\n",
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return join


def nothing_written(folder: Path) -> None:
    assert not (folder / "minion.d").exists()
    pki = folder / "root" / "etc" / "saltern" / "pki" / "minion"
    assert not pki.exists() or sorted(os.listdir(pki)) == ["minion.key", "minion.pub"]


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("saltern-agent: ")
    assert "s3cret" not in done.stderr
    return line


@pytest.mark.parametrize(
    "reason",
    [
        "its join token was used before, at 2026-01-31 23:59:59, the master's time",
        "its join token ended at 2026-01-31 23:59:59, the master's time",
        "its join token is not known here: another master gave it, or it ended long ago",
    ],
)
def test_a_token_that_is_no_good(master: Any, invite: Invite, folder: Path, failing: Join, reason: str) -> None:
    master.answer, master.wait_reason = "wait", reason
    done = failing(invite, 15.0)
    assert done.returncode == 77
    line = last_line(done)
    assert f"the master 127.0.0.1 does not take this host in: {reason}: get another invitation" in line
    assert line.endswith("nothing was changed here")
    assert master.hellos[0].body["token"] == invite.secret
    nothing_written(folder)


@pytest.mark.parametrize(
    ("state", "code"), [("denied", 77), ("rejected", 77), ("invalid", 77), ("full", 75), ("error", 75)]
)
def test_a_host_that_is_refused(
    master: Any, invite: Invite, folder: Path, failing: Join, state: str, code: int
) -> None:
    master.answer, master.refusal = "refused", {"state": state, "reason": "because of something"}
    done = failing(invite, 15.0)
    assert done.returncode == code
    assert f"refuses this host ({state}): because of something; nothing was changed here" in last_line(done)
    nothing_written(folder)


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_master_that_cant_be_reached(master: Any, invite: Invite, folder: Path, failing: Join, mute: int) -> None:
    for other, text in (
        (invite._replace(ret_port=free_port()), "the connection is refused (127.0.0.1: connection refused)"),
        (invite._replace(host="nosuch.invalid"), "the name 'nosuch.invalid'"),
        (invite._replace(ret_port=mute), "no answer yet: is that the master's port?"),
        (invite._replace(master_key="k" * 40), "the master there has another key than the pinned one"),
    ):
        done = failing(other, 4.0)
        line = last_line(done)
        assert done.returncode == 69, line
        assert text in line
        assert line.endswith("nothing was changed here")
        nothing_written(folder)
    assert master.hellos == []


def test_another_masters_key_is_known_at_once(master: Any, invite: Invite, failing: Join) -> None:
    line = last_line(failing(invite._replace(master_key="k" * 40), 600.0))
    assert "gave up after" not in line


def test_a_host_that_has_another_masters_key(master: Any, invite: Invite, folder: Path, failing: Join) -> None:
    with (folder / "minion").open("a") as options:
        options.write(f"master_key: {'m' * 40}\n")
    done = failing(invite)
    assert done.returncode == 78
    assert "master_key is another key than the token's" in last_line(done)
    assert master.hellos == []


def test_joining_for_real(master: Any, make_agent: Callable[..., Any], invite: Invite, tmp_path: Path) -> None:
    agent = make_agent(master_key="", publish_port=1, ret_port=2)
    (tmp_path / "invitation").write_text(f"echo {invite.token()} | saltern-agent --join -\n")
    agent.start("--join-file", str(tmp_path / "invitation"))
    assert master.run("test.ping")["return"] is True
    assert master.hellos[0].body["token"] == invite.secret
    assert "token" not in master.hellos[-1].body, "it is for the one who asks to be taken in"
    agent.wait_logged("this host joined the master 127.0.0.1 as host01")
    assert "saltern1." not in Path(f"/proc/{agent.process.pid}/cmdline").read_text()
    agent.signal(signal.SIGTERM)
    agent.start()
    assert master.run("test.ping")["return"] is True
    assert "s3cret" not in agent.logged()


@pytest.mark.parametrize("words", [("--join", "{}"), ("--join", "saltern-agent", "--join", "{}"), ("--join={}",)])
def test_the_token_may_be_a_word(
    master: Any, make_agent: Callable[..., Any], invite: Invite, words: tuple[str, ...]
) -> None:
    agent = make_agent(master_key="", publish_port=1, ret_port=2)
    agent.start(*(word.format(invite.token()) for word in words))
    assert master.run("test.ping")["return"] is True


def test_what_is_pinned(folder: Path) -> None:
    options = minion_config(folder)
    invite = Invite("fd00::1", 5505, 5506, "k" * 40, "s3cret")
    identity.pin(options, invite)
    again = minion_config(folder)
    for found in (options, again):
        assert (found["master"], found["publish_port"], found["ret_port"]) == ("fd00::1", 5505, 5506)
    assert identity.pinned_master_key(again) == "k" * 40
    assert (folder / "minion.d" / "join.conf").read_text().startswith("# Where the master is")
    written = (folder / "minion.d" / "join.conf").stat().st_mtime_ns
    identity.pin(again, invite)
    assert (folder / "minion.d" / "join.conf").stat().st_mtime_ns == written
    again["master_key"] = "m" * 40
    with pytest.raises(ConfigError, match="another key than the token's"):
        identity.check_invite(again, invite)


def test_all_is_written_or_nothing(folder: Path) -> None:
    options = minion_config(folder)
    own_keys(options["pki_dir"], "minion")
    (folder / "minion.d").write_text("a file in the way\n")
    with pytest.raises(ConfigError, match=r"minion\.d.*can't be written"):
        identity.pin(options, Invite("master.example", 5505, 5506, "k" * 40, "s3cret"))
    assert sorted(os.listdir(options["pki_dir"])) == ["minion.key", "minion.pub"]
    assert options["master"] == "127.0.0.1"
