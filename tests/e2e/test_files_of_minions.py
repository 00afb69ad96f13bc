"""Files that minions send: kept by the master (``cp.push``), and on to other minions (``saltern-cp minion:…``)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.local import LocalConnection
from support.mounts import tmpfs
from support.stacks import Parts, wait_for

MASTER = "schedule: {stats: false}\nfile_recv: true\nfile_recv_max_size: 200\nfile_recv_max_total: 400\n"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = Parts(tmp_path_factory.mktemp("stack"), minions=2, master=MASTER)
    srv, dev = Path(parts.stack.root) / "srv", tmp_path_factory.mktemp("dev")
    (srv / "a/empty").mkdir(parents=True)
    (srv / "a/run.sh").write_text("#!/bin/sh\n")
    (srv / "a/run.sh").chmod(0o755)
    (srv / "link").symlink_to("a/run.sh")
    (dev / "motd").write_text("dev\n")
    (Path(parts.stack.root) / "etc/master.d/zz.conf").write_text(f"file_roots: {{dev: [{dev}]}}\n")
    with parts.running():
        yield parts


@pytest.fixture(autouse=True)
def all_there(parts: Parts) -> None:
    """The test before may have ended some of them."""
    wait_for(lambda: sorted(parts.up()) == sorted(parts.stack.minion_ids), "the agents", 60)


def kept(parts: Parts, minion: str) -> Path:
    return Path(parts.stack.root) / "cache/master/minions" / minion / "files"


def ask(parts: Parts, minion: str, fun: str, *arg: Any, **kwarg: Any) -> Any:
    return parts.client.cmd(minion, fun, list(arg), kwarg=kwarg, timeout=30)[minion]


def copy(parts: Parts, *words: str, code: int = 0) -> tuple[str, str]:
    argv = [sys.executable, "-m", "saltern.cli.cp", "-c", parts.stack.config_dir, "--out", "json", *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done
    return done.stdout, done.stderr


def unfinished(parts: Parts, minion: str) -> list[Path]:
    return list((kept(parts, minion).parent / "parts").glob("*"))


def test_the_masters_files_of_several_environments(parts: Parts, tmp_path: Path) -> None:
    first = parts.stack.minion_ids[0]
    for call, value in {
        ("cp.envs",): ["base", "dev"],
        ("cp.list_master",): ["a/run.sh", "link"],
        ("cp.list_master", "dev"): ["motd"],
        ("cp.list_master", "nowhere"): [],
        ("cp.list_master_dirs",): ["_modules", "a", "a/empty"],
        ("cp.list_master_symlinks",): {"link": "a/run.sh"},
        ("cp.stat_file", "salt://a/run.sh"): "0755",
        ("cp.stat_file", "salt://motd", "nowhere"): None,
        ("cp.hash_file", "salt://motd"): "",
        ("cp.get_file_str", "salt://motd?saltenv=dev"): "dev\n",
        ("cp.get_file", "salt://motd", f"{tmp_path}/x", "nowhere"): "",
        ("cp.get_dir", "salt://a", str(tmp_path)): [f"{tmp_path}/a/empty", f"{tmp_path}/a/run.sh"],
    }.items():
        assert ask(parts, first, *call) == value, call
    assert (tmp_path / "a/run.sh").read_text() == "#!/bin/sh\n"
    assert parts.runner.cmd("fileserver.dir_list") == ["_modules", "a", "a/empty"]
    assert parts.runner.cmd("fileserver.empty_dir_list") == ["_modules", "a/empty"]
    assert parts.runner.cmd("fileserver.symlink_list") == {"link": "a/run.sh"}
    assert parts.runner.cmd("fileserver.read", ["a/run.sh"]) == "#!/bin/sh\n"
    assert "there is no such file in dev" in str(parts.runner.cmd("fileserver.read", ["a/run.sh", "dev"]))
    assert (tmp_path / "a/empty").is_dir()


def test_what_is_pushed_is_kept_below_the_minions_own_folder(parts: Parts, tmp_path: Path) -> None:
    first, second = parts.stack.minion_ids
    here = tmp_path / "d"
    (here / "sub").mkdir(parents=True)
    data = os.urandom(3 * 1024 * 1024 + 5)
    (here / "large").write_bytes(data)
    (here / "empty").write_bytes(b"")
    (here / "sub/a.conf").write_text("a\n")
    os.symlink("large", here / "link")
    assert ask(parts, first, "cp.push", str(here / "large")) is True
    place = kept(parts, first) / str(here).lstrip("/")
    assert (place / "large").read_bytes() == data
    assert (place / "large").stat().st_mode & 0o777 == 0o600
    assert ask(parts, first, "cp.push", str(here / "empty"), upload_path="/named/here") is True
    assert (kept(parts, first) / "named/here").read_bytes() == b""
    assert ask(parts, first, "cp.push", str(here / "link"), keep_symlinks=True) is True
    assert not (place / "link").is_symlink()
    assert (place / "link").read_bytes() == data
    assert ask(parts, first, "cp.push_dir", str(here), glob="*.conf", upload_path="/new") is True
    assert (kept(parts, first) / "new/sub/a.conf").read_text() == "a\n"
    (here / "sub/a.conf").write_text("b\n")
    assert ask(parts, first, "cp.push", str(here / "sub/a.conf"), remove_source=True) is True
    assert (place / "sub/a.conf").read_text() == "b\n"
    assert not (here / "sub/a.conf").exists()
    assert ask(parts, first, "cp.push", str(here / "none")) is False
    assert unfinished(parts, first) == []
    assert not kept(parts, second).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="links of another user's need root")
def test_no_strangers_link_makes_a_file_be_sent(parts: Parts, tmp_path: Path) -> None:
    first, second = parts.stack.minion_ids
    (tmp_path / "secret").write_text("secret")
    home = tmp_path / "home"
    home.mkdir()
    (home / "own").write_text("own")
    (home / "link").symlink_to(tmp_path / "secret")
    os.lchown(home / "link", 60000, 60000)
    for fun in ("cp.push", "cp.push_dir"):
        answer = ask(parts, first, fun, str(home / "link") if fun == "cp.push" else str(home))
        assert "a link of another user's" in answer
    assert not list(kept(parts, first).rglob("secret"))
    (tmp_path / "there").mkdir()
    _, err = copy(parts, second, f"minion:{first}:{home}", f"{tmp_path}/there/")
    assert f"not sent, for they are no files: {first}:{home}/link" in err
    assert [path.name for path in (tmp_path / "there/home").iterdir()] == ["own"]


def test_a_push_goes_on_after_its_agent_and_the_master_were_killed(parts: Parts, tmp_path: Path) -> None:
    first = parts.stack.minion_ids[0]
    data = os.urandom(1 << 20) * 150
    (tmp_path / "huge").write_bytes(data)
    place = kept(parts, first) / str(tmp_path / "huge").lstrip("/")
    command = ["cp.push", str(tmp_path / "huge")]
    parts.client.cmd_async(first, command[0], command[1:])
    wait_for(lambda: any(part.stat().st_size > 1 << 20 for part in unfinished(parts, first)), "some of it to be here")
    parts.stop(f"agent {first}", signal.SIGKILL)
    (part,) = unfinished(parts, first)
    had = part.stat().st_size
    assert 0 < had < len(data)
    assert not place.exists()  # nothing half is ever there under its own name
    parts.start(f"agent {first}")
    wait_for(lambda: first in parts.up(), "the agent")
    parts.client.cmd_async(first, command[0], command[1:])
    wait_for(lambda: part.stat().st_size > had, "it to go on")
    parts.stop("master", signal.SIGKILL)
    assert not place.exists()
    parts.start("master")
    wait_for(place.exists, "the whole file", 60)
    assert place.read_bytes() == data
    assert unfinished(parts, first) == []


def test_a_minion_sends_to_others(parts: Parts, tmp_path: Path) -> None:
    first, second = parts.stack.minion_ids
    source, there = tmp_path / "conf", tmp_path / "there"
    (source / "deep").mkdir(parents=True)
    there.mkdir()
    (source / "app.conf").write_text("x = 1\n")
    (source / "app.conf").chmod(0o640)
    (source / "deep/large").write_bytes(data := os.urandom(2 * 1024 * 1024 + 3))
    out, err = copy(parts, second, f"minion:{first}:{source}", f"minion:{first}:{source}/app.conf", f"{there}/")
    assert (f'"{there}/conf": true' in out, err) == (True, "")
    assert (there / "conf/deep/large").read_bytes() == data
    assert (there / "app.conf").read_text() == "x = 1\n"
    assert (there / "app.conf").stat().st_mode & 0o777 == 0o640
    assert list(Path(parts.stack.root).rglob("uploads/*.data")) == []
    ask(parts, first, "cp.push", str(source / "app.conf"))
    copy(parts, second, f"pushed:{first}:{source}/app.conf", str(there / "pushed.conf"))
    assert (there / "pushed.conf").read_text() == "x = 1\n"


def test_a_minion_that_was_taken_over_brings_nothing_else(parts: Parts, tmp_path: Path) -> None:
    """Its agent answers cp.send as it likes: here it is asked for another file than the command says."""
    first, second = parts.stack.minion_ids
    (tmp_path / "app.conf").write_text("x")
    (tmp_path / "passwd").write_text("evil")
    (tmp_path / "there").mkdir()
    with LocalConnection(parts.client.opts["sock_dir"]) as connection:
        begun = connection.call("upload.begin", tgt=second, hsum="a" * 64, source=first)
    sent = ask(parts, first, "cp.send", begun["upload"], [str(tmp_path / "app.conf"), str(tmp_path / "passwd")])
    kwarg = {"upload": begun["upload"], "hsum": sent["hsum"], "listing_size": sent["listing_size"]}
    answer = ask(parts, second, "cp.recv", dest=f"{tmp_path}/there/", names=["app.conf"], **kwarg)
    assert "'passwd' isn't what was asked for" in answer
    assert list((tmp_path / "there").iterdir()) == []
    with LocalConnection(parts.client.opts["sock_dir"]) as connection:
        connection.call("upload.forget", begun["upload"])


def test_what_a_minion_can_not_send_is_said_in_one_line(parts: Parts, tmp_path: Path) -> None:
    first, second = parts.stack.minion_ids
    for words, code, said in [
        ([f"minion:{first}:{tmp_path}/none"], 1, f"{first}: {tmp_path}/none: can't be read: No such file"),
        (["minion:nobody:/etc/x"], 1, "nobody"),
        ([f"minion:{first}:relative"], 64, "a minion's file is named as in minion:db1:/etc/app.conf"),
        ([f"minion:{first}:/a", "/etc/hosts"], 64, "files of one host at a time"),
        ([f"minion:{first}:/a", f"minion:{second}:/b"], 64, "files of one host at a time"),
        ([f"pushed:{first}:/../../x"], 64, "named as in pushed:db1"),
        (["minion:../x:/a"], 64, "minion id '../x' is not valid"),
    ]:
        _, err = copy(parts, second, *words, f"{tmp_path}/x", code=code)
        assert said in err
        assert err.count("\n") == 1


def test_a_transfer_from_a_minion_goes_on_after_the_master_was_killed(parts: Parts, tmp_path: Path) -> None:
    first, second = parts.stack.minion_ids
    data = os.urandom(1 << 20) * 100
    (tmp_path / "huge").write_bytes(data)
    argv = [sys.executable, "-m", "saltern.cli.cp", "-c", parts.stack.config_dir, "--rate-limit", "10M", second]
    process = subprocess.Popen(
        [*argv, f"minion:{first}:{tmp_path}/huge", f"{tmp_path}/there"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    uploads = Path(parts.stack.root) / "cache/master/uploads"
    wait_for(lambda: any(path.stat().st_size > 1 << 20 for path in uploads.glob("*.data")), "some of it")
    parts.stop("master", signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode != 0
    had = max(path.stat().st_size for path in uploads.glob("*.data"))
    parts.start("master")
    wait_for(lambda: sorted(parts.up()) == [first, second], "the agents", 60)
    copy(parts, second, f"minion:{first}:{tmp_path}/huge", f"{tmp_path}/there")
    assert had > 0
    assert (tmp_path / "there").read_bytes() == data


def test_a_transfer_goes_on_after_its_source_was_killed(parts: Parts, tmp_path: Path) -> None:
    first, second = parts.stack.minion_ids
    (tmp_path / "large").write_bytes(data := os.urandom(6_000_000))
    words = [second, f"minion:{first}:{tmp_path}/large", f"{tmp_path}/there"]
    argv = [sys.executable, "-m", "saltern.cli.cp", "-c", parts.stack.config_dir, "--rate-limit", "1M", *words]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    uploads = Path(parts.stack.root) / "cache/master/uploads"
    wait_for(lambda: any(path.stat().st_size > 1 << 20 for path in uploads.glob("*.data")), "some of it")
    parts.stop(f"agent {first}", signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith(f"saltern-cp: {first}: ")
    assert not (tmp_path / "there").exists()
    parts.start(f"agent {first}")
    wait_for(lambda: sorted(parts.up()) == [first, second], "the agents", 60)
    copy(parts, *words)
    assert (tmp_path / "there").read_bytes() == data


def test_a_rate_is_for_all_together(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(os.urandom(600_000))
    began = time.monotonic()
    both = ",".join(parts.stack.minion_ids)
    copy(parts, "--rate-limit", "600k", "-L", both, str(tmp_path / "f"), str(tmp_path / "there/f"))
    assert time.monotonic() - began > 0.5  # the two minions are on one host: the second finds it there or not
    assert (tmp_path / "there/f").read_bytes() == (tmp_path / "f").read_bytes()
    first, second = parts.stack.minion_ids
    began = time.monotonic()
    copy(parts, "--rate-limit", "400k", second, f"minion:{first}:{tmp_path}/f", str(tmp_path / "there/g"))
    assert time.monotonic() - began > 2.0  # to the master, and from there
    _, err = copy(parts, "--rate-limit", "12x", second, str(tmp_path / "f"), "/tmp/x", code=64)
    assert "must be bytes a second" in err


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_of_the_masters_is_told_to_the_minion(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "stack", minions=1, master=MASTER)
    first = parts.stack.minion_ids[0]
    folder = Path(parts.stack.root) / "cache/master/minions"
    folder.mkdir(parents=True)
    (tmp_path / "f").write_bytes(os.urandom(6 << 20))
    with tmpfs(folder, "size=8m"), parts.running():
        assert ask(parts, first, "cp.push", str(tmp_path / "f"), upload_path="/a") is True
        answer = ask(parts, first, "cp.push", str(tmp_path / "f"), upload_path="/b")
        assert "bytes are free on the master" in answer
        assert sorted(path.name for path in kept(parts, first).iterdir()) == ["a"]
        (kept(parts, first) / "a").unlink()
        assert ask(parts, first, "cp.push", str(tmp_path / "f"), upload_path="/b") is True
        assert (kept(parts, first) / "b").read_bytes() == (tmp_path / "f").read_bytes()


def test_a_master_takes_nothing_unless_it_is_told_to(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "stack", minions=1, master="schedule: {stats: false}\n")
    first = parts.stack.minion_ids[0]
    (tmp_path / "f").write_text("x")
    with parts.running():
        assert ask(parts, first, "cp.push", str(tmp_path / "f")) is False
        assert not (Path(parts.stack.root) / "cache/master/minions").exists()
        wait_for(lambda: "file_recv is false" in parts.log(f"agent {first}"), "the agent's log to say why")
