"""Passwords: how they are hashed, and the file of them that is edited."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import argon2
import pytest

from saltern.errors import CommandError
from saltern_master.auth import passwords
from saltern_master.auth.password_file import PasswordFile


@pytest.fixture
def file(tmp_path: Path) -> PasswordFile:
    return PasswordFile(str(tmp_path / "users"))


def text(file: PasswordFile) -> str:
    return Path(file.path).read_text()


def test_a_hash_is_salted_and_fits_its_password_alone() -> None:
    one, other = passwords.hashed("s3cret"), passwords.hashed("s3cret")
    assert one != other
    assert one.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert passwords.matches(one, "s3cret")
    assert not passwords.matches(one, "s3creT")
    assert not passwords.matches(one[:-3], "s3cret")


def test_nobodys_hash_costs_what_anybodys_does() -> None:
    asked, usual = argon2.extract_parameters(passwords.NOBODYS), argon2.extract_parameters(passwords.hashed("x"))
    assert asked == usual
    assert not passwords.refusal(passwords.NOBODYS)
    assert not passwords.matches(passwords.NOBODYS, "")


@pytest.mark.parametrize(
    "hash_",
    [
        "$argon2id$v=19$m=4294967295,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$argon2id$v=19$m=65536,t=4000000,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$argon2id$v=19$m=65536,t=3,p=9999$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$argon2id$nonsense",
        "$argon2id$v=19$m=x,t=3,p=1$AAAA$AAAA",
    ],
)
def test_a_hash_that_would_take_everything_isnt_tried(hash_: str) -> None:
    assert passwords.is_argon2(hash_)
    assert passwords.refusal(hash_)


def test_random_passwords_differ() -> None:
    made = {passwords.random_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(one) == 24 for one in made)


def test_a_user_gets_a_password_and_another(file: PasswordFile) -> None:
    file.set("fred", "one")
    file.set("bob", "two")
    file.set("fred", "three")
    assert file.users() == ["bob", "fred"]
    lines = dict(line.split(":") for line in text(file).splitlines())
    assert list(lines) == ["fred", "bob"]
    assert passwords.matches(lines["fred"], "three")
    assert passwords.matches(lines["bob"], "two")
    assert os.stat(file.path).st_mode & 0o777 == 0o600


def test_all_other_lines_stay_byte_by_byte(file: PasswordFile) -> None:
    Path(file.path).write_bytes(b"# ours\n\n bob:plain \nfred:old:more\n\xff\xfe:x\nfred:second\nfreddy:y")
    os.chmod(file.path, 0o644)
    file.set("fred", "new")
    before, line, after = Path(file.path).read_bytes().partition(b"fred:$argon2id$")
    assert (before, line) == (b"# ours\n\n bob:plain \n", b"fred:$argon2id$")
    assert after.partition(b"\n")[2] == b"\xff\xfe:x\nfreddy:y\n"
    assert os.stat(file.path).st_mode & 0o777 == 0o600
    assert file.delete("fred")
    assert Path(file.path).read_bytes() == b"# ours\n\n bob:plain \n\xff\xfe:x\nfreddy:y\n"
    assert not file.delete("fred")
    assert not file.delete("# ours"[2:])


@pytest.mark.parametrize(
    "user",
    ["", "a:b", "a\nroot:x", "#fred", "^filename", "ops%", " fred", "fred ", "a\0b", "x" * 257, "a\x1b[0m", "\ud800"],
)
def test_a_name_that_would_be_more_than_a_name_is_refused(file: PasswordFile, user: str) -> None:
    Path(file.path).write_text("root:x\n")
    for edit in (lambda: file.set(user, "x"), lambda: file.delete(user)):
        with pytest.raises(CommandError, match="is not valid"):
            edit()
    assert text(file) == "root:x\n"


def test_two_who_edit_at_once_lose_nothing(file: PasswordFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hashed", lambda password: f"$argon2id${password}")
    threads = [threading.Thread(target=file.set, args=(f"user{n}", "x")) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.users() == sorted(f"user{n}" for n in range(40))


def test_a_file_that_is_too_large_or_cant_be_written_says_so(file: PasswordFile, tmp_path: Path) -> None:
    Path(file.path).write_bytes(b"x" * (4 * 1024 * 1024 + 1))
    with pytest.raises(CommandError, match=r"users: is over 4,194,304 bytes"):
        file.set("fred", "x")
    with pytest.raises(CommandError, match="can't be written: No such file"):
        PasswordFile(str(tmp_path / "absent" / "users")).set("fred", "x")
    with pytest.raises(CommandError, match="can't be read"):
        PasswordFile(str(tmp_path)).users()
