"""Logins by a file: what htpasswd, htdigest and people write, and what gets nobody in."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ChannelError, ConfigError
from saltern_master.auth import passwords
from saltern_master.auth.eauth import hashes
from saltern_master.auth.eauth.configured import configured_drivers, file_layout
from saltern_master.auth.eauth.driver import Driver, Identity
from saltern_master.auth.eauth.file import FileDriver, Layout

FRED = Identity("fred")


class Users:
    """A file of users and a driver for it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.given: dict[str, Any] = {"^filename": str(path), "fred": ["test.*"]}
        self.driver: Driver | None = None

    def write(self, text: str, mode: int = 0o600) -> None:
        self.path.write_text(text, errors="surrogateescape")
        self.path.chmod(mode)

    def asks(self, user: str, password: str, **options: Any) -> Identity | None:
        self.given |= {f"^{name}": value for name, value in options.items()}
        if self.driver is None or options:
            self.driver = configured_drivers({"external_auth": {"file": self.given}})["file"]
        return self.driver.authenticate(user, password)


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(tmp_path / "users")


def test_plain_text_as_salt_has_it(users: Users) -> None:
    users.write("# all of us\n\nbob:b0b\nfred:s3cret\nfred:other\n  spaced:x  \nnothing\nempty:\n")
    assert users.asks("fred", "s3cret") == FRED
    assert users.asks("spaced", "x") == Identity("spaced")
    for user, password in (
        ("fred", "other"),
        ("fred", "b0b"),
        ("fred", "s3cre"),
        ("fred", ""),
        ("nobody", "s3cret"),
        ("nobody", ""),
        ("# all of us", ""),
        ("nothing", ""),
        ("nothing", "nothing"),
        ("empty", ""),
    ):
        assert users.asks(user, password) is None, (user, password)


@pytest.mark.parametrize("hashtype", ["md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b"])
def test_hashes_of_hashlib(users: Users, hashtype: str) -> None:
    digest = hashlib.new(hashtype, "s3crèt".encode()).hexdigest()
    users.write(f"fred:{digest}\nbob:{digest.upper()}\n")
    assert users.asks("fred", "s3crèt", hashtype=hashtype) == FRED
    assert users.asks("bob", "s3crèt") == Identity("bob")
    assert users.asks("fred", digest) is None


def test_fields_and_separator(users: Users) -> None:
    users.write("1|s3cret|x|fred\n2|short\n")
    assert users.asks("fred", "s3cret", field_separator="|", username_field=4, password_field=2) == FRED
    assert users.asks("2", "short") is None


def test_argon2_is_known_whatever_the_rest_is(users: Users) -> None:
    stored = passwords.hashed("s3cret")
    for filetype, more in (("text", {"hashtype": "sha256"}), ("htpasswd", {}), ("htdigest", {"realm": "ops"})):
        users.write(f"fred:{stored}\n")
        assert users.asks("fred", "s3cret", filetype=filetype, **more) == FRED
        assert users.asks("fred", stored) is None
        assert users.asks("nobody", "s3cret") is None


APR1 = "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/"  # of Apache's documentation: myPassword


def test_what_htpasswd_writes(users: Users, caplog: pytest.LogCaptureFixture) -> None:
    openssl = "$apr1$abcdefgh$kXTe5NI3Ewnd0Lr61CqKm0"
    sha = "{SHA}" + base64.b64encode(hashlib.sha1(b"s3cret").digest()).decode()
    bcrypt = "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"
    users.write(f"apr:{APR1}\nother:{openssl}\nsha:{sha}\nbcrypt:{bcrypt}\nplain:myPassword\nsalt:$apr1$\n")
    assert users.asks("apr", "myPassword", filetype="htpasswd") == Identity("apr")
    assert users.asks("sha", "s3cret") == Identity("sha")
    for user, password in (
        ("apr", "myPasswore"),
        ("apr", APR1),
        ("sha", sha),
        ("bcrypt", "myPassword"),
        ("bcrypt", bcrypt),
        ("plain", "myPassword"),
        ("salt", ""),
        ("nobody", "s3cret"),
    ):
        assert users.asks(user, password) is None, user
    said = [record.getMessage() for record in caplog.records if "can't log in" in record.getMessage()]
    assert [line.split("user ")[1].split(" ")[0] for line in said] == ["bcrypt", "plain"]
    assert not any("$2y$" in line or "myPassword" in line for line in said)


def test_apr1_is_openssls(tmp_path: Path) -> None:
    import subprocess

    for salt, password in (("abcdefgh", "s3cret"), ("x", "a"), ("12345678", "ü" * 40), ("ab", "x" * 200)):
        argv = ["openssl", "passwd", "-apr1", "-salt", salt, "-stdin"]
        made = subprocess.run(argv, input=password.encode(), capture_output=True, check=True).stdout.decode().strip()
        assert hashes.apr1(made, password) == made


def test_what_htdigest_writes(users: Users) -> None:
    right = hashlib.md5(b"fred:ops:s3cret").hexdigest()
    other = hashlib.md5(b"fred:dev:0ther").hexdigest()
    users.write(f"fred:dev:{other}\nfred:ops:{right}\n")
    assert users.asks("fred", "s3cret", filetype="htdigest", realm="ops") == FRED
    assert users.asks("fred", "0ther") is None
    assert users.asks("fred:ops", "s3cret") is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"^filename": ""}, r"\^filename must name the file"),
        ({"^filename": "a\0b"}, r"\^filename must name the file"),
        ({"^filename": 3}, r"\^filename must be text, not a number"),
        ({"^filetype": "htaccess"}, r"\^filetype must be one of text, htpasswd, htdigest, not 'htaccess'"),
        ({"^hashtype": "rot13"}, r"\^hashtype must be plaintext or a hash"),
        ({"^hashtype": "shake_128"}, r"\^hashtype must be plaintext or a hash"),
        ({"^filetype": "htdigest"}, r"\^realm must say which realm"),
        ({"^field_separator": ""}, r"\^field_separator must not be empty"),
        ({"^username_field": 0}, r"\^username_field must be a whole number between 1 and 100"),
        ({"^password_field": True}, r"\^password_field must be a whole number"),
        ({"^filenam": "x"}, r"\^filenam is not an option of it: did you mean filename\?"),
        ({"^zzz": "x"}, r"\^zzz is not an option of it: it takes field_separator, "),
    ],
)
def test_options_that_cant_be_used_are_told_of(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^external_auth: file: {message}"):
        configured_drivers({"external_auth": {"file": {"^filename": "/x", **options}}})


def test_a_relative_name_is_below_the_configuration() -> None:
    options = {"config_dir": "/etc/saltern", "external_auth": {"file": {"^filename": "users"}}}
    layout = file_layout(options)
    assert layout is not None
    assert layout.filename == "/etc/saltern/users"
    assert file_layout({"external_auth": {}}) is None
    assert file_layout({"external_auth": {"file": {"fred": []}}}) is None


def test_a_change_counts_at_once(users: Users) -> None:
    users.write("fred:one\n")
    before = os.stat(users.path)
    assert users.asks("fred", "one") == FRED
    other = users.path.with_suffix(".new")
    other.write_text("fred:two\n")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.chmod(0o600)
    other.replace(users.path)
    assert users.asks("fred", "one") is None
    assert users.asks("fred", "two") == FRED
    users.write("bob:two\n")
    assert users.asks("fred", "two") is None


def test_a_file_is_parsed_once(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    users.write("fred:one\n")
    assert users.asks("fred", "one") == FRED
    driver: Any = users.driver
    monkeypatch.setattr(driver, "_parsed", None)
    assert users.asks("fred", "one") == FRED


def test_a_file_that_cant_be_read_lets_nobody_in(users: Users, tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="users: can't be read: No such file"):
        users.asks("fred", "x")
    users.write("fred:x\n" + "y:z\n" * (1024 * 1024))
    with pytest.raises(ChannelError, match="is over 4,194,304 bytes"):
        users.asks("fred", "x")
    users.path.unlink()
    os.mkfifo(users.path, 0o600)
    with pytest.raises(ChannelError, match="it is no regular file"):
        users.asks("fred", "x")


def test_what_others_may_do_with_the_file(users: Users, caplog: pytest.LogCaptureFixture) -> None:
    users.write("fred:x\n", 0o644)
    assert users.asks("fred", "x") == FRED
    assert users.asks("fred", "x") == FRED
    assert [r.getMessage().partition(": ")[2] for r in caplog.records if r.levelno == logging.WARNING] == [
        f"every user of this host can read these passwords: run chmod o= {users.path}"
    ]
    users.write("fred:x\n", 0o602)
    with pytest.raises(ChannelError, match="every user of this host can write to it"):
        users.asks("fred", "x")


def counted(users: Users, monkeypatch: pytest.MonkeyPatch, user: str) -> list[str]:
    """Return which hashes are computed when *user* tries a wrong password."""
    tried: list[str] = []
    real = passwords.matches
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "matches", lambda text, word: tried.append(text) or real(text, word))
        assert users.asks(user, "wrong") is None
    return tried


def test_every_try_costs_one_hash_of_argon2(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = passwords.hashed("s3cret")
    users.write(f"fred:{stored}\nplain:text\n")
    assert counted(users, monkeypatch, "fred") == [stored]
    assert counted(users, monkeypatch, "nobody") == [passwords.NOBODYS]
    assert counted(users, monkeypatch, "plain") == [passwords.NOBODYS]
    assert users.asks("plain", "text") == Identity("plain")
    users.write("plain:text\n")
    assert counted(users, monkeypatch, "nobody") == []


@pytest.mark.parametrize(("cores", "at_once"), [(1, 1), (2, 1), (4, 2), (64, 2)])
def test_few_hashes_are_computed_at_a_time(
    users: Users, monkeypatch: pytest.MonkeyPatch, cores: int, at_once: int
) -> None:
    users.write(f"fred:{passwords.NOBODYS}\n")
    driver = FileDriver(Layout(str(users.path)), cores)
    running, most, lock, go = [0], [0], threading.Lock(), threading.Barrier(at_once)

    def hashing(*_: str) -> bool:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        go.wait(20)  # never passed by fewer
        with lock:
            running[0] -= 1
        return False

    monkeypatch.setattr(passwords, "matches", hashing)
    threads = [threading.Thread(target=driver.authenticate, args=("fred", "x")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == at_once


def test_a_hash_that_would_take_all_memory_lets_nobody_in(users: Users, caplog: pytest.LogCaptureFixture) -> None:
    users.write("fred:$argon2id$v=19$m=4294967295,t=9,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA\n" + "bob:$argon2id$x\n")
    assert users.asks("fred", "x") is None
    assert ["user fred can't log in" in caplog.text, "user bob can't log in" in caplog.text] == [True, True]


@given(
    text=st.text(st.sampled_from("ab:#$ \n%^\udcff{}"), max_size=60),
    user=st.text(min_size=1, max_size=6),
    filetype=st.sampled_from(["text", "htpasswd", "htdigest"]),
)
def test_any_file_can_be_read(tmp_path_factory: pytest.TempPathFactory, text: str, user: str, filetype: str) -> None:
    users = Users(tmp_path_factory.getbasetemp() / "any")
    users.write(text)
    found = users.asks(user, "a", filetype=filetype, realm="a")
    assert found is None or any(line.strip().startswith(f"{user}:") for line in text.split("\n"))
