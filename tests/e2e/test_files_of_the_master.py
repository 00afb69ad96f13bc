"""Files on their way to minions, through all that is between: module, agent, wire, master."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.digest import sha256
from support.stacks import Parts, wait_for
from support.strangers import needs_root

LARGE = os.urandom(3 * 1024 * 1024 + 17)
SCRIPT = '#!/bin/sh\nid -un\nfor word in "$@"; do echo "[$word]"; done\n'


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = Parts(
        tmp_path_factory.mktemp("stack"), master="schedule: {stats: false}\nfileserver_update_interval: 0.5\n"
    )
    files = Path(parts.stack.root) / "srv"
    (files / "scripts").mkdir()
    (files / "empty").write_bytes(b"")
    (files / "motd").write_text("grüezi\n")
    (files / "large").write_bytes(LARGE)
    (files / "scripts/show.sh").write_text(SCRIPT)
    (files / "scripts/plain").write_text('echo "plain $1"\n')
    with parts.running():
        yield parts


@pytest.mark.parametrize(("name", "content"), [("empty", b""), ("motd", "grüezi\n".encode()), ("large", LARGE)])
def test_a_file_arrives_whole(parts: Parts, tmp_path: Path, name: str, content: bytes) -> None:
    assert parts.call("cp.get_file", f"salt://{name}", str(tmp_path / "f")) == str(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == content
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_where_it_arrives(parts: Parts, tmp_path: Path) -> None:
    assert parts.call("cp.get_file", "salt://scripts/show.sh", str(tmp_path)) == str(tmp_path / "show.sh")
    deep = tmp_path / "a/b/f"
    assert parts.call("cp.get_file", "salt://motd", str(deep)) is False
    assert parts.call("cp.get_file", "salt://motd", str(deep), makedirs=True) == str(deep)
    assert deep.read_text() == "grüezi\n"
    (tmp_path / "kept").write_text("old")
    (tmp_path / "kept").chmod(0o640)
    parts.call("cp.get_file", "salt://motd", str(tmp_path / "kept"))
    assert (tmp_path / "kept").read_text() == "grüezi\n"
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o640


def test_what_the_master_has(parts: Parts) -> None:
    assert parts.call("cp.list_master") == ["empty", "large", "motd", "scripts/plain", "scripts/show.sh"]
    assert parts.call("cp.list_master", prefix="scripts/") == ["scripts/plain", "scripts/show.sh"]
    assert parts.call("cp.hash_file", "salt://large") == {
        "hash_type": "sha256",
        "hsum": sha256(LARGE).hexdigest(),
    }
    assert parts.call("cp.get_file_str", "salt://motd") == "grüezi\n"
    assert parts.call("cp.get_file_str", "salt://empty") == ""
    assert "cp.get_file takes large files" in str(parts.call("cp.get_file_str", "salt://large"))
    assert parts.call("cp.get_file_str", "salt://nothing") is False


def test_the_cache_follows_the_file(parts: Parts) -> None:
    changing = Path(parts.stack.root) / "srv/changing"
    changing.write_text("one")
    wait_for(lambda: "changing" in parts.call("cp.list_master"), "the master to see it")
    assert parts.call("cp.is_cached", "salt://changing") == ""
    place = str(parts.call("cp.cache_file", "salt://changing"))
    assert Path(place).read_text() == "one"
    assert parts.call("cp.is_cached", "salt://changing") == place
    changing.write_text("another")
    wait_for(lambda: parts.call("cp.get_file_str", "salt://changing") == "another", "the change to arrive")
    assert Path(place).read_text() == "another"
    changing.unlink()


def test_saltern_call_fetches_them_too(parts: Parts, tmp_path: Path) -> None:
    words = ["-c", parts.stack.minion_config(parts.stack.minion_ids[0]), "--out", "txt"]
    program = Path(sys.executable).with_name("saltern-call")
    fetched = [program, *words, "cp.get_file", "salt://large", tmp_path / "f"]
    done = subprocess.run(fetched, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"local: {tmp_path}/f\n"), done
    assert (tmp_path / "f").read_bytes() == LARGE


def test_a_script_of_the_master_is_run(parts: Parts) -> None:
    result = parts.call("cmd.script", "salt://scripts/show.sh", args='one "two three"')
    assert isinstance(result, dict)
    assert result["stdout"].splitlines()[1:] == ["[one]", "[two three]"]
    assert (result["retcode"], result["stderr"]) == (0, "")
    assert parts.call("cmd.script", "salt://scripts/plain", ["x"])["stdout"] == "plain x"


@needs_root
def test_a_script_is_run_as_another_user(parts: Parts) -> None:
    result = parts.call("cmd.script", "salt://scripts/show.sh", args="x", runas="nobody")
    assert result["stdout"] == "nobody\n[x]"
    assert parts.call("cmd.script", "salt://scripts/plain", "x", runas="nobody")["stdout"] == "plain x"
    for wrong in (0, False, ""):
        assert "runas must be the name of a user" in str(parts.call("cmd.run", "id -u", runas=wrong))
    assert parts.call("cmd.shell", "umask; id -un", runas="nobody") == "0022\nnobody"
