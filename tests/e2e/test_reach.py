"""Every host reached: by any name and address, after a refusal, under another name, by an invitation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.config import master_config
from saltern.event import MasterEvent
from support.stacks import Parts, wait_for

BIN = Path(sys.executable).parent
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a host name, or names, of its own")

# Neither a second attempt at its usual interval, nor a question of a host that waits, comes within any test.
RARELY = "pending_retry_interval: 3600\nreconnect_interval: 0.1\nreconnect_interval_max: 0.5\n"
MASTER = "schedule: {stats: false}\n"


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    parts = Parts(tmp_path / "stack", master=MASTER, minion=RARELY)
    try:
        yield parts
    finally:
        parts.stop_all()


class Host:
    """A host of its own in *folder*: an agent that knows no master, which is started with any words."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.folder = folder
        self.log_file = folder / "log"
        folder.mkdir()
        lines = [f"{key}: {value}" for key, value in {"root_dir": folder / "root", **options}.items()]
        (folder / "minion").write_text(RARELY + "\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str, before: tuple[str, ...] = ()) -> None:
        with self.log_file.open("ab") as log:
            argv = [*before, BIN / "saltern-agent", "-c", self.folder, *words]
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def log(self) -> str:
        return self.log_file.read_text()

    def wait_logged(self, text: str) -> None:
        wait_for(lambda: text in self.log(), f"{text!r} in {self.log_file}", 60)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "host", id="newhost")
    yield host
    host.stop()


def key(parts: Parts, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [BIN / "saltern-key", "-c", parts.stack.config_dir, *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done
    return done


@root_only
def test_a_name_is_reached_by_whatever_address_it_has_now(parts: Parts, tmp_path: Path) -> None:
    """No address, IPv6 alone, IPv4 alone, one where nobody is and IPv6; the agent isn't started again."""
    (minion,) = parts.stack.minion_ids
    agent = f"agent {minion}"
    names = tmp_path / "hosts"
    names.write_text("127.0.0.1 localhost\n")
    etc = Path(parts.stack.config_dir)
    (etc / "master.d" / "zz.conf").write_text("interface: '::'\n")
    (Path(parts.stack.minion_config(minion)) / "minion.d" / "zz.conf").write_text("master: master.test\n")
    own = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(names))
    program = parts.programs[agent]
    parts.programs[agent] = program._replace(argv=[*own, *program.argv])
    parts.start("master", agent)
    wait_for(lambda: "master.test" in parts.log(agent), "a line about the name", 60)
    assert "connected" not in parts.log(agent)
    for addresses in (("::1",), ("127.0.0.1",), ("127.0.0.99", "::1")):
        names.write_text("".join(f"{address} master.test\n" for address in addresses))
        parts.stop("master")
        if addresses[0] == "127.0.0.99":
            (etc / "master.d" / "zz.conf").write_text("interface: '::1'\n")
        parts.start("master")
        wait_for(lambda: parts.up() == [minion], "the agent", 60)
        assert parts.client.cmd(minion, "test.ping") == {minion: True}
        last = [line for line in parts.log(agent).splitlines() if "connected to" in line][-1]
        assert f"tcp://master.test:{parts.stack.ports['ret']}: connected to {addresses[-1]}" in last


def test_a_rejected_or_deleted_key_that_is_accepted_again_is_back(parts: Parts) -> None:
    """The agent's own questions are an hour apart: it is told."""
    (minion,) = parts.stack.minion_ids
    parts.start("master", f"agent {minion}")
    wait_for(lambda: parts.up() == [minion], "the agent")
    for before, after in (
        (("-r", minion, "--include-all"), ("-a", minion, "--include-rejected")),
        (("-d", minion), ("-a", minion)),
    ):
        key(parts, "-y", *before)
        wait_for(lambda: parts.up() == [], "the refusal")
        if before[0] == "-d":
            wait_for(lambda: minion in key(parts, "-l", "un").stdout, "the key to wait")
        key(parts, "-y", *after)
        wait_for(lambda: parts.up() == [minion], "the agent")
        assert parts.client.cmd(minion, "test.ping") == {minion: True}
    key(parts, "-y", "-r", minion, "--include-all")
    wait_for(lambda: parts.up() == [], "the refusal")
    key(parts, "-y", "-d", minion)
    wait_for(lambda: minion in key(parts, "-l", "un").stdout, "the key to wait")
    key(parts, "-y", "-a", minion)
    wait_for(lambda: parts.up() == [minion], "the agent")
    assert "refused (rejected): its key was removed on the master; tried again in " in parts.log(f"agent {minion}")


@root_only
def test_a_renamed_host_goes_on_as_who_it_was(parts: Parts, tmp_path: Path) -> None:
    parts.start("master")
    host = Host(tmp_path / "host")
    named = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"')
    try:
        invitation = tmp_path / "invitation"
        invitation.write_text(key(parts, "--invite", "--host", "127.0.0.1").stdout)
        host.start("--join-file", str(invitation), before=(*named, "old.test"))
        wait_for(lambda: parts.up() == ["old.test"], "the host")
        wait_for(lambda: list(host.folder.glob("root/**/minion.id")), "its id to be kept")
        host.stop()
        host.start(before=(*named, "new.test"))
        host.wait_logged("this host is called 'new.test' now and keeps the id 'old.test'")
        wait_for(lambda: parts.client.cmd("old.test", "test.ping") == {"old.test": True}, "its answer")
        host.stop()
        # Who wants the new name says so, and hears what else it takes.
        events = MasterEvent(master_config(parts.stack.config_dir)["sock_dir"])
        events.subscribe("salt/auth")
        host.start("--id", "new.test", before=(*named, "new.test"))
        host.wait_logged("refused (denied): this key is accepted for 'old.test', not for 'new.test': set id: old.test")
        event = events.get_event(30)
        assert event is not None
        assert (event["act"], event["id"], event["result"]) == ("denied", "new.test", False)
        events.close()
        wait_for(lambda: "not for 'new.test'" in parts.log("master"), "the master's line")
        key(parts, "-y", "-d", "old.test")
        wait_for(lambda: "new.test" in key(parts, "-l", "un").stdout, "the new name to wait")
        key(parts, "-y", "-a", "new.test")
        wait_for(lambda: parts.up() == ["new.test"], "the host by its new name")
    finally:
        host.stop()


def test_an_invitation_is_good_once_and_the_second_host_hears_it(parts: Parts, host: Host, tmp_path: Path) -> None:
    parts.start("master")
    line = key(parts, "--invite", "--host", "127.0.0.1").stdout
    (host.folder / "invitation").write_text(line)
    host.start("--join-file", str(host.folder / "invitation"))
    wait_for(lambda: parts.up() == ["newhost"], "the first host")

    def second(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "saltern-agent", "-c", late.folder, "--join", "-"],
            input=line,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    late = Host(tmp_path / "late", id="late")
    done = second(line)
    assert done.returncode == 77
    assert "its join token was used before, at 20" in done.stderr.splitlines()[-1]
    ended = key(parts, "--invite", "--host", "127.0.0.1", "--ttl", "0.001").stdout
    assert "its join token ended at 20" in second(ended).stderr.splitlines()[-1]
    parts.stop("master")
    done = second(line)
    assert done.returncode == 69
    assert "the connection is refused" in done.stderr.splitlines()[-1]
    assert not (late.folder / "minion.d").exists()
    assert not list(late.folder.glob("root/**/minion_master.pub"))


def test_a_host_by_the_name_of_every_host_is_told_what_to_set(parts: Parts, tmp_path: Path) -> None:
    host = Host(tmp_path / "host", id="localhost", master_key="'" + "k" * 40 + "'")
    host.start()
    host.wait_logged("minion: id: 'localhost' is what every host calls itself: set id: there")
    host.stop()
