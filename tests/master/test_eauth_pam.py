"""Logins by PAM: the real library, with services of the tests' own and a user who is there for the test alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ChannelError, ConfigError
from saltern.own_python import python_module
from saltern_master.auth.eauth import pam as module
from saltern_master.auth.eauth.configured import configured_drivers
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.eauth.pam import CHILD, PamDriver
from saltern_master.auth.eauth.pam_child import account

root = pytest.mark.skipif(os.geteuid() != 0, reason="makes a user of this host, as root alone may")
NAME, GROUP, PASSWORD = f"sltpam{os.getpid()}", f"sltgrp{os.getpid()}", "s3crèt: of 'fred'"

SERVICES = {
    "permit": "auth required pam_permit.so\naccount required pam_permit.so\n",
    "deny": "auth required pam_deny.so\naccount required pam_permit.so\n",
    "expired": "auth required pam_permit.so\naccount required pam_deny.so\n",
    "unix": "auth required pam_unix.so nodelay\naccount required pam_unix.so\n",
    "broken": "auth required pam_no_such_module.so\naccount required pam_permit.so\n",
    "other": "auth required pam_deny.so\naccount required pam_deny.so\n",
}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pam.d")
    for name, text in SERVICES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def user() -> Iterator[str]:
    """A user with a password, in a group beside his own."""
    subprocess.run(["groupadd", GROUP], check=True, capture_output=True)
    try:
        subprocess.run(["useradd", "-M", "-U", "-G", GROUP, NAME], check=True, capture_output=True)
        try:
            subprocess.run(["chpasswd"], input=f"{NAME}:{PASSWORD}\n".encode(), check=True, capture_output=True)
            yield NAME
        finally:
            subprocess.run(["userdel", NAME], check=True, capture_output=True)
    finally:
        subprocess.run(["groupdel", GROUP], check=True, capture_output=True)


def asks(services: Path, service: str, username: str, password: str, **more: Any) -> Identity | None:
    return PamDriver(service, str(services), **more).authenticate(username, password)


def test_both_must_say_yes(services: Path) -> None:
    assert asks(services, "permit", "daemon", "x") == Identity("daemon", frozenset({"daemon"}))
    assert asks(services, "deny", "daemon", "x") is None
    assert asks(services, "expired", "daemon", "x") is None


def test_a_service_that_isnt_there_is_other(services: Path) -> None:
    assert asks(services, "absent", "daemon", "x") is None


def test_what_pam_cant_tell_is_an_error(services: Path) -> None:
    with pytest.raises(ChannelError, match=r"^pam: broken: "):
        asks(services, "broken", "daemon", "x")


def test_who_is_in_no_database_is_in_no_group(services: Path) -> None:
    assert asks(services, "permit", "no-such-user", "x") == Identity("no-such-user")
    assert account("no-such-user") == ("no-such-user", [])


@root
def test_a_users_password_and_groups(services: Path, user: str) -> None:
    assert asks(services, "unix", user, PASSWORD) == Identity(user, frozenset({user, GROUP}))
    for name, password in (
        (user, PASSWORD + "x"),
        (user, PASSWORD[:-1]),
        (user, "x"),
        (f"{user}x", PASSWORD),
        ("root", PASSWORD),
        ("daemon", "*"),
        (user, PASSWORD + "\0"),
    ):
        assert asks(services, "unix", name, password) is None, (name, password)


@root
def test_an_account_that_has_expired_is_refused(services: Path, user: str) -> None:
    subprocess.run(["usermod", "-e", "2001-01-01", user], check=True, capture_output=True)
    try:
        assert asks(services, "unix", user, PASSWORD) is None
    finally:
        subprocess.run(["usermod", "-e", "", user], check=True, capture_output=True)
    assert asks(services, "unix", user, PASSWORD) is not None


def test_a_password_that_libpam_would_cut_isnt_tried(services: Path) -> None:
    assert asks(services, "permit", "daemon", "x" * 511) is not None
    assert asks(services, "permit", "daemon", "x" * 512) is None
    assert asks(services, "permit", "daemon", "ü" * 256) is None


def test_the_child_is_this_python_and_is_told_by_its_input_alone(
    services: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    real = subprocess.Popen

    def starting(argv: list[str], **how: Any) -> Any:
        begun.append((argv, how))
        return real(argv, **how)

    monkeypatch.setattr(module.subprocess, "Popen", starting)
    assert asks(services, "permit", "daemon", "hunter2") is not None
    ((argv, how),) = begun
    assert argv == [sys.executable, "-P", "-m", CHILD]
    assert "env" not in how
    assert "hunter2" not in str(os.environ)


def test_one_that_hangs_is_killed(services: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def starting(argv: list[str], **how: Any) -> Any:
        begun.append(real(argv, **how))
        return begun[0]

    os.mkfifo(tmp_path / "nobody-writes")  # what reads it waits for ever
    (services / "hang").write_text(
        f"auth required pam_exec.so quiet /bin/cat {tmp_path}/nobody-writes\naccount required pam_permit.so\n"
    )
    monkeypatch.setattr(module.subprocess, "Popen", starting)
    with pytest.raises(ChannelError, match="no answer within 1 s"):
        asks(services, "hang", "daemon", "x", within_s=1)
    assert begun[0].returncode == -signal.SIGKILL
    with contextlib.suppress(OSError):  # cat, to whom pam_exec gave a session of its own, ends by it
        os.close(os.open(tmp_path / "nobody-writes", os.O_WRONLY | os.O_NONBLOCK))


def test_one_that_dies_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHILD", "saltern_master.no_such_module")
    with pytest.raises(ChannelError, match="ended without an answer"):
        PamDriver("permit").authenticate("daemon", "x")


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", b"null", b'{"name": "root"}', b"x" * 300_000])
def test_nonsense_lets_nobody_in(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PamDriver, "_answer", lambda *_: said[: 256 * 1024])
    with pytest.raises(ChannelError, match="without an answer"):
        PamDriver().authenticate("daemon", "x")


def test_what_a_module_prints_is_no_answer() -> None:
    code = (
        f"import os, {CHILD} as child\n"
        "child.asked = lambda *_: ('', '') if os.write(1, b'{}') else None\n"
        "child.main()"
    )
    question = b'{"service": "x", "folder": "", "username": "daemon", "password": "x"}'
    out = subprocess.run([sys.executable, "-P", "-c", code], input=question, capture_output=True, check=True).stdout
    assert out == b'{"name": "", "groups": [], "error": ""}'


def test_a_program_that_says_no_is_no_fault(services: Path) -> None:
    for program, found in (("/bin/true", "daemon"), ("/bin/false", "")):
        (services / "says").write_text(f"auth required pam_exec.so quiet {program}\naccount required pam_permit.so\n")
        identity = asks(services, "says", "daemon", "x")
        assert (identity.name if identity else "") == found


def test_children_are_few(services: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock, go = [0], [0], threading.Lock(), threading.Barrier(4)

    def answer(*_: Any) -> bytes:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        go.wait(20)
        with lock:
            running[0] -= 1
        return b'{"name": "", "groups": [], "error": ""}'

    monkeypatch.setattr(PamDriver, "_answer", answer)
    driver = PamDriver("permit")
    threads = [threading.Thread(target=driver.authenticate, args=("daemon", "x")) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 4


def test_the_child_imports_nothing_of_the_masters() -> None:
    code = "import sys, saltern_master.auth.eauth.pam_child; print([m for m in sys.modules if m.startswith('saltern')])"
    out = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=True).stdout.decode()
    allowed = {"saltern_master", "saltern_master.auth", "saltern_master.auth.eauth", CHILD}
    assert set(eval(out)) == allowed
    assert python_module(CHILD)[0] == sys.executable


def test_options() -> None:
    users = {"external_auth": {"pam": {"fred": ["test.*"]}}}
    driver: Any = configured_drivers(users)["pam"]
    assert driver._service == "login"
    driver = configured_drivers({**users, "auth.pam.service": "sshd", "auth.pam.python": "/usr/bin/python3"})["pam"]
    assert driver._service == "sshd"
    for options, message in (
        ({"auth.pam.service": "../shadow"}, "auth.pam.service must be the name of a file"),
        ({"auth.pam.service": ""}, "auth.pam.service must be the name of a file"),
        ({"auth.pam.service": 3}, "auth.pam.service must be text"),
        ({"auth.pam.servise": "x"}, r"auth.pam.servise is not an option of it: did you mean service\?"),
    ):
        with pytest.raises(ConfigError, match=message):
            configured_drivers({**users, **options})
