"""The parts of Salt that modules import and that do something: files, web servers, events, clients, caches."""

from __future__ import annotations

import importlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError, MasterNotRunning
from saltern_compat import cache, client, config, exceptions, fileclient, loader, pillar, serializers, state
from saltern_compat import output as salts_output
from saltern_compat.utils import event, files, http, network, process, pycrypto, timed_subprocess, user, vt
from saltern_compat.utils import path as salts_path

UTILS = Path(str(files.__file__)).parent


@pytest.mark.parametrize(
    "name",
    [
        ".".join(("saltern_compat", *path.relative_to(UTILS.parent).with_suffix("").parts)).removesuffix(".__init__")
        for path in sorted(UTILS.parent.rglob("*.py"))
    ],
)
def test_every_part_can_be_imported_by_itself(name: str) -> None:
    assert importlib.import_module(name).__doc__


def test_flat_names_are_where_they_went() -> None:
    utils = importlib.import_module("saltern_compat.utils")
    for module, names in utils.MOVED.items():
        for name in names.split():
            assert getattr(utils, name) is getattr(importlib.import_module(f"saltern_compat.utils.{module}"), name)
    assert all(callable(getattr(utils, name)) for name in utils.OTHER_NAMES)


def test_a_copy_takes_a_files_place_and_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    (tmp_path / "old").chmod(0o640)
    inode = (tmp_path / "old").stat().st_ino
    files.copyfile(str(tmp_path / "new"), str(tmp_path / "old"), "minion", str(tmp_path / "cache"))
    assert (tmp_path / "old").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o640
    assert (tmp_path / "old").stat().st_ino != inode
    assert [path.read_text() for path in (tmp_path / "cache").rglob("old_*")] == ["old"]
    assert sorted(os.listdir(tmp_path)) == ["cache", "new", "old"]
    with pytest.raises(OSError, match="No such file"):
        files.copyfile(str(tmp_path / "none"), str(tmp_path / "old"))


def test_files_are_made_locked_and_removed(tmp_path: Path) -> None:
    path = files.mkstemp(dir=str(tmp_path))
    assert os.path.basename(path).startswith("__salt.tmp.")
    descriptor, other = files.mkstemp(dir=str(tmp_path), close_fd=False)
    os.close(descriptor)
    files.safe_rm(other)
    files.safe_rm(other)
    with files.fpopen(path, "w", mode=0o600, uid=os.getuid()) as stream:
        stream.write("ü")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with files.fopen(path) as stream:
        assert stream.read() == "ü"
    with files.fopen(path, "rb") as stream:
        assert stream.read() == "ü".encode()
    with pytest.raises(TypeError, match="1 is not a valid file"):
        files.fopen(1)
    with files.flopen(path, "a") as stream:
        stream.write("x")
    with files.set_umask(0o077):
        assert files.get_umask() == 0o077
    lock = str(tmp_path / "lock")
    with (
        files.wait_lock(path, lock),
        pytest.raises(Exception, match="Unable to acquire") as caught,
        files.wait_lock(path, lock, timeout=0.0),
    ):
        pass
    assert type(caught.value).__name__ == "FileLockError"
    assert not os.path.exists(lock)
    files.rm_rf(str(tmp_path))
    assert not tmp_path.exists()


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        said = f'{{"path": "{self.path}", "who": "{self.headers.get("Authorization")}"}}'
        body = self.rfile.read(length) if length else said.encode()
        self.send_response(404 if "none" in self.path else 200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_web_servers_are_asked(url: str) -> None:
    assert http.query(f"{url}/x")["body"] == '{"path": "/x", "who": "None"}'
    found = http.query(f"{url}/x", params={"a": "b c"}, username="u", password="p", decode=True, status=True)
    assert found["dict"] == {"path": "/x?a=b+c", "who": "Basic dTpw"}
    assert found["status"] == 200
    assert http.query(f"{url}/x", method="POST", data={"a": 1})["body"] == "a=1"
    assert http.query(f"{url}/none", status=True)["status"] == 404
    assert "404" in http.query(f"{url}/none")["error"]
    assert "body" in http.query(f"{url}/none", raise_error=False)
    assert "error" in http.query("http://127.0.0.1:1/")
    with pytest.raises(ValueError, match="Unsupported url scheme: file:///etc/passwd"):
        http.query("file:///etc/passwd")


def test_a_cache_stays_in_its_folder(tmp_path: Path) -> None:
    kept = cache.factory({"cachedir": str(tmp_path)})
    kept.store("a/b", "k", {"x": [1]})
    assert kept.fetch("a/b", "k") == {"x": [1]}
    assert kept.fetch("a", "none") == {}
    assert kept.list("a/b") == ["k"]
    assert kept.contains("a/b", "k")
    assert kept.updated("a/b", "k")
    assert kept.cache("a/b", "made", lambda: 5) == 5
    assert kept.fetch("a/b", "made") == 5
    assert kept.flush("a/b", "k") is True
    assert kept.flush("a/b", "k") is False
    for bank, key in (("..", "k"), ("a/../../x", "k"), ("a", "../x"), ("a", "b/c")):
        with pytest.raises(CommandError, match="no place in the cache"):
            kept.store(bank, key, 1)
    assert kept.flush("a") is True


def test_what_needs_an_agent_or_a_master_says_so(tmp_path: Path) -> None:
    needs: list[Callable[[], Any]] = [
        loader.minion_mods,
        loader.states,
        state.HighState,
        lambda: pillar.get_pillar().compile_pillar(),
        lambda: fileclient.get_file_client().cache_file("salt://x"),
        lambda: event.get_event("minion").fire_master({}, "tag"),
        lambda: event.MinionEvent().get_event(),
    ]
    for call in needs:
        with pytest.raises(CommandError) as caught:
            call()
        assert "\n" not in str(caught.value)
    with pytest.raises(MasterNotRunning):
        client.LocalClient(str(tmp_path)).cmd("*", "test.ping")


def test_events_have_salts_tags() -> None:
    assert event.tagify("new", "job") == "salt/job/new"
    assert event.tagify(["a", "b"], "minion") == "salt/minion/a/b"
    assert event.tagify("x", base="own") == "own/x"


def test_options_of_files(tmp_path: Path) -> None:
    (tmp_path / "master").write_text("a: 1")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "one.conf").write_text("b: {c: 1}")
    (tmp_path / "d" / "two.conf").write_text("b: {d: 2}")
    path = str(tmp_path / "master")
    assert config.load_config(path) == {"a": 1, "conf_file": path}
    assert config.include_config("d/*.conf", path) == {"b": {"c": 1, "d": 2}}
    assert config.get_cloud_config_value("x", {"x": 1}, {"x": 2}) == 1
    assert config.get_cloud_config_value("x", {}, {"x": 2}) == 2
    assert config.get_cloud_config_value("x", {}, {"x": 2}, 3, search_global=False) == 3


def test_digests_of_passwords() -> None:
    salted = pycrypto.gen_hash("5eMt2cCA", "x", "sha512")
    assert salted.startswith("$6$5eMt2cCA$")
    assert salted == pycrypto.gen_hash("$6$5eMt2cCA", "x")
    assert pycrypto.gen_hash("ab", "x", "md5").startswith("$1$ab$")
    with pytest.raises(exceptions.SaltInvocationError, match="crypt' is not supported"):
        pycrypto.gen_hash(password="x", algorithm="crypt")
    assert len(pycrypto.secure_password(12)) == 12
    assert set(pycrypto.secure_password(50, chars="ab")) <= {"a", "b"}


def test_programs() -> None:
    assert salts_path.which("sh")
    with pytest.raises(exceptions.CommandNotFoundError, match="'no-such-thing' is not in the path"):
        salts_path.check_or_die("no-such-thing")
    proc = timed_subprocess.TimedProc(["cat"], stdin="hi", stdout=-1, stderr=-1, timeout=20)
    assert (proc.run(), proc.stdout) == (0, b"hi")
    slow = timed_subprocess.TimedProc(["sleep", "30"], stdout=-1, stderr=-1, timeout=0.05)
    with pytest.raises(Exception, match=r"Timed out after 0\.05 seconds"):
        slow.run()
    with vt.Terminal("echo hi; echo no >&2; exit 3", shell=True) as terminal:
        said: list[str] = []
        while terminal.has_unread_data:
            said += [text for text in terminal.recv() if text]
        assert sorted("".join(said).split()) == ["hi", "no"]
        assert terminal.wait() == terminal.exitstatus == 3
    assert process.os_is_running(os.getpid())


def test_this_host() -> None:
    assert "127.0.0.1" in network.ip_addrs(include_loopback=True)
    assert "127.0.0.1" not in network.ip_addrs()
    assert network.interface_ip("lo") == "127.0.0.1"
    assert user.get_uid() == os.geteuid()
    assert user.get_group_list("root") == sorted(user.get_group_list("root"))
    assert user.get_uid("no-such-user-at-all") is None


def test_values_as_text_and_back() -> None:
    yaml = importlib.import_module("saltern_compat.serializers.yaml")
    assert yaml.serialize({"b": 1, "a": [1]}) == "a: [1]\nb: 1"
    assert yaml.deserialize("a: 1") == {"a": 1}
    with pytest.raises(serializers.DeserializationError):
        yaml.deserialize("{")
    assert salts_output.out_format({"a": 1}, "json") == '{\n    "a": 1\n}'
