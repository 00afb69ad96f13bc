"""Users, groups and passwords: what calls against the real Salt can't show."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _accounts, _crypt, _shadow
from support.strangers import give_away, needs_root

HASH = "$6$salt$TfbP0Ge1gqNJmxZYvNhvDmmKx9BigkML6b3w1kfEiAHpkKpCRu.SKIYV70wlcWGmbdh1koH3a0UmC0b0AcWDQ0"


class Programs:
    """What would have been run."""

    def __init__(self, retcode: int = 0, stderr: str = "") -> None:
        self.calls: list[list[str]] = []
        self.answer = {"pid": 1, "retcode": retcode, "stdout": "", "stderr": stderr}

    def run_all(self, argv: list[str], **options: Any) -> dict[str, Any]:
        assert options["python_shell"] is False
        assert options["timeout"] > 0
        assert all(isinstance(word, str) for word in argv)
        self.calls.append(argv)
        return self.answer

    def run(self, argv: list[str], **options: Any) -> str:
        return str(self.run_all(argv, **options)["stdout"])


@pytest.fixture
def programs(minion: Any, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = Programs()
    monkeypatch.setattr(_accounts, "found_program", lambda name: f"/usr/sbin/{name}")
    minion.functions.update({"cmd.run_all": found.run_all, "cmd.run": found.run})
    for file, name in (
        ("useradd", "user"),
        ("useradd_change", "user"),
        ("groupadd", "group"),
        ("linux_shadow", "shadow"),
    ):
        module = minion.load(file)
        minion.functions.update({f"{name}.{one}": getattr(module, one) for one in module.__powers__})
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("root:x:0:0:r:/root:/bin/sh\n-x:x:5:5::/h:/s\nfred:x:7:7:F,1,2,3,4,5:/h:/s\n")
    (etc / "group").write_text("root:x:0:\n-x:x:5:a,b\n")
    (etc / "shadow").write_text("root:*:1:0:99999:7:::\n-x:!:2:0:9:7:::\nfred:x:3:0:9:7:::\n")
    (etc / "shadow").chmod(0o640)
    return tmp_path


OPTION = "-x"


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("user.add", ()),
        ("user.delete", ()),
        ("user.primary_group", ()),
        ("user.chuid", (9,)),
        ("user.chgid", (9,)),
        ("user.chshell", ("/bin/x",)),
        ("user.chhome", ("/x", True)),
        ("user.rename", ("y",)),
        ("user.chgroups", ("a,b",)),
        ("user.chfullname", ("x",)),
        ("group.add", (5,)),
        ("group.delete", ()),
        ("group.chgid", (9,)),
        ("group.adduser", ("fred",)),
        ("group.members", ("a,b",)),
        ("shadow.del_password", ()),
        ("shadow.unlock_password", ()),
        ("shadow.set_maxdays", (5,)),
        ("shadow.set_expire", (5,)),
    ],
)
def test_a_name_is_no_option(
    minion: Any, programs: Programs, root: Path, monkeypatch: pytest.MonkeyPatch, function: str, args: tuple[Any, ...]
) -> None:
    """What a caller gives as a name comes after what ends the options."""
    monkeypatch.setattr(_accounts, "user", lambda name, _=None: _found(name, root))
    monkeypatch.setattr(_accounts, "group", lambda name, _=None: _group(name, root))
    monkeypatch.setattr(_accounts, "read", lambda _, name: (root / name).read_text())
    minion.functions[function](OPTION, *args)
    assert len(programs.calls) == 1
    assert programs.calls[0][-2:] == ["--", OPTION]


def _found(name: str, root: Path) -> Any:
    users = _accounts.parse_passwd((root / "etc/passwd").read_text())
    return next((user for user in users if user.pw_name == name), None)


def _group(name: str, root: Path) -> Any:
    groups = _accounts.parse_group((root / "etc/group").read_text())
    return next((group for group in groups if group.gr_name == name), None)


def test_what_is_given_to_useradd(minion: Any, programs: Programs) -> None:
    programs.answer["retcode"] = 9
    add = minion.functions["user.add"]
    assert add("slt", 5, 6, home="/h", shell="/s", unique=False, system=True, nologinit=True, root="/r") is False
    assert add("slt", createhome=False, usergroup=True, uid="", gid="") is False
    assert add("slt", local=True, usergroup=False, root="/r", createhome=False) is False
    words = ["-s", "/s", "-u", "5", "-g", "6", "-m", "-l", "-d", "/h", "-o", "-r", "-R", "/r", "--", "slt"]
    assert programs.calls == [
        ["/usr/sbin/useradd", *words],
        ["/usr/sbin/useradd", "-U", "-M", "--", "slt"],
        ["/usr/sbin/luseradd", "-n", "-M", "--", "slt"],
    ]


@pytest.mark.parametrize(
    ("family", "stderr", "answer"),
    [
        ("Debian", "userdel: slt mail spool (/var/mail/slt) not found", True),
        ("RedHat", "userdel: slt mail spool (/var/mail/slt) not found", False),
        ("Debian", "userdel: can't remove /home/slt", False),
    ],
)
def test_a_user_without_mail(minion: Any, programs: Programs, family: str, stderr: str, answer: bool) -> None:
    minion.grains["os_family"] = family
    programs.answer.update(retcode=12, stderr=stderr)
    assert minion.functions["user.delete"]("slt", remove=True, force=True) is answer
    assert programs.calls == [["/usr/sbin/userdel", "-r", "-f", "--", "slt"]]


def test_groups_of_a_user_of_a_directory(minion: Any, programs: Programs) -> None:
    programs.answer.update(retcode=6, stderr="usermod: user 'slt' not found in /etc/passwd")
    assert minion.functions["user.chgroups"]("slt", "a,b") is False
    assert [call[0] for call in programs.calls] == ["/usr/sbin/usermod", "gpasswd", "gpasswd"]


def test_a_program_that_is_missing(minion: Any, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_accounts, "found_program", lambda name: None)
    for function in ("user.add", "user.delete", "group.add", "group.delete"):
        with pytest.raises(CommandError, match=r"Command '(user|group)(add|del)' cannot be found"):
            minion.functions[function]("slt")
    assert programs.calls == []


def test_programs_are_found_beside_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user's PATH has no sbin; a relative folder in it, and a file that can't be run, don't count."""
    monkeypatch.setenv("PATH", f"bin:{tmp_path}")
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "bin/slt", tmp_path / "useradd"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (tmp_path / "bin/slt").chmod(0o755)
    assert _accounts.found_program("slt") is None
    found = _accounts.found_program("useradd")
    assert found is None or "sbin" in found


class TestReading:
    @pytest.mark.parametrize(
        ("line", "user"),
        [
            ("a:x:1:2:g:/h:/s", ("a", "x", 1, 2, "g", "/h", "/s")),
            ("a::1:2:::", ("a", "", 1, 2, "", "", "")),
            ("+::::::", None),
            ("# a", None),
            ("a:x:1:2:g:/h", None),
            ("a:x:1:x:g:/h:/s", None),
            ("", None),
        ],
    )
    def test_users(self, line: str, user: tuple[Any, ...] | None) -> None:
        assert list(map(tuple, _accounts.parse_passwd(line))) == ([] if user is None else [user])

    @given(st.text(alphabet=":,x1\n-\u0661 ") | st.text())
    def test_anything_can_be_read(self, text: str) -> None:
        found = [*_accounts.parse_passwd(text), *_accounts.parse_group(text), *_shadow.parse(text)]
        assert all(entry[0] in text for entry in found)

    def test_another_root(self, minion: Any, programs: Programs, root: Path) -> None:
        assert minion.functions["user.info"]("fred", root=str(root))["other"] == "4,5"
        assert minion.functions["group.info"]("-x", root=str(root))["members"] == ["a", "b"]
        for function in ("user.list_users", "user.getent", "group.getent", "shadow.list_users"):
            with pytest.raises(CommandError, match=r"can't read .*/none/etc/.*: No such file"):
                minion.functions[function](root=f"{root}/none")

    @needs_root
    @pytest.mark.parametrize("theirs", [".", "etc", "etc/group"])
    def test_a_strangers_root_is_neither_read_nor_run_in(
        self, minion: Any, programs: Programs, root: Path, theirs: str
    ) -> None:
        """chroot(2) there runs the stranger's libraries, and a link is read as the host's own shadow file."""
        (root / "etc/group").unlink()
        (root / "etc/group").symlink_to(root / "etc/shadow")
        give_away(root / theirs)
        for function, args in (
            *(("group.add", ("x",)), ("group.delete", ("root",)), ("user.delete", ("fred",))),
            *(
                ("user.chother", ("fred", "x")),
                ("shadow.set_maxdays", ("fred", 1)),
                ("shadow.lock_password", ("fred",)),
            ),
            *(("group.getent", ()), ("user.info", ("fred",)), ("shadow.list_users", ())),
        ):
            with pytest.raises(CommandError, match="others than root can change"):
                minion.functions[function](*args, root=str(root))
        assert programs.calls == []

    @needs_root
    @pytest.mark.parametrize("mode", [0o757, 0o777])
    def test_a_root_that_all_write_to_is_a_strangers(self, root: Path, mode: int) -> None:
        (root / "etc").chmod(mode)
        with pytest.raises(CommandError, match="others than root"):
            _accounts.own_root(root)
        (root / "etc").chmod(0o1777)
        assert _accounts.own_root(root) == str(root)

    def test_nobody_is_cached(self, minion: Any, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_accounts, "users", lambda root=None: [])
        assert minion.functions["user.getent"]() == []
        monkeypatch.undo()
        assert minion.functions["user.getent"]() != []

    @pytest.mark.parametrize(
        ("line", "days"),
        [
            ("a:h:1:2:3:4:5:6:", (1, 2, 3, 4, 5, 6)),
            ("a:h", (-1,) * 6),
            ("a:h:x::٣:-7:9999999999:", (-1, -1, -1, -7, -1, -1)),
        ],
    )
    def test_days(self, line: str, days: tuple[int, ...]) -> None:
        assert [tuple(entry)[2:] for entry in _shadow.parse(line)] == [days]


class TestPasswords:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("a:x:1:0:9:7:::\nfred:y:1:2:3:4:5:6:7\nb:x\n", "a:x:1:0:9:7:::\nfred:h:42:2:3:4:5:6:7\nb:x\n"),
            ("fred:y\n", "fred:h:42::::::\n"),
            ("fred:y:1:2:3:4:5:6:7:8:9\n", "fred:h:42:2:3:4:5:6:7\n"),
            ("fredo:y::::::: ", "fredo:y::::::: \nfred:h:42::::::\n"),
            ("", "fred:h:42::::::\n"),
        ],
    )
    def test_one_line_is_changed(self, before: str, after: str) -> None:
        assert _shadow.with_password(before, "fred", "h", 42) == after

    @needs_root
    def test_owner_and_mode_stay(self, root: Path) -> None:
        path = root / "etc/shadow"
        os.chown(path, 0, 42)
        _shadow.set_password(str(path), "fred", HASH)
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, 42, 0o640)
        assert f"fred:{HASH}:" in path.read_text()

    def test_a_link_stays(self, root: Path) -> None:
        (root / "etc/shadow").rename(root / "real")
        (root / "etc/shadow").symlink_to(root / "real")
        _shadow.set_password(str(root / "etc/shadow"), "fred", HASH)
        assert (root / "etc/shadow").is_symlink()
        assert HASH in (root / "real").read_text()

    @pytest.mark.parametrize("step", ["replace", "fsync"])
    def test_a_full_disk_leaves_the_old_file(self, root: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        before = (root / "etc/shadow").read_text()

        def full(*args: Any, **kwargs: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, step, full)
        with pytest.raises(CommandError, match=r"can't write .*/etc/shadow: No space left on device"):
            _shadow.set_password(str(root / "etc/shadow"), "fred", HASH)
        monkeypatch.undo()
        assert (root / "etc/shadow").read_text() == before
        assert sorted(os.listdir(root / "etc")) == [".pwd.lock", "group", "passwd", "shadow"]

    def test_the_lock_of_all_programs_is_waited_for(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_shadow, "LOCK_WAIT_S", 0.1)
        lock = root / "etc/.pwd.lock"
        code = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, 2); print(1, flush=True); input()"
        argv = [sys.executable, "-I", "-c", code, str(lock)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout
            holder.stdout.readline()
            with pytest.raises(CommandError, match="has the password files locked"):
                _shadow.set_password(str(root / "etc/shadow"), "fred", HASH)
            holder.communicate(b"\n")
        assert HASH not in (root / "etc/shadow").read_text()
        _shadow.set_password(str(root / "etc/shadow"), "fred", HASH)
        assert HASH in (root / "etc/shadow").read_text()

    def test_a_strangers_link_is_no_lock(self, root: Path) -> None:
        (root / "etc/.pwd.lock").symlink_to(root / "elsewhere")
        with pytest.raises(CommandError, match="can't write"):
            _shadow.set_password(str(root / "etc/shadow"), "fred", HASH)
        assert not (root / "elsewhere").exists()

    def test_threads_lose_nothing(self, root: Path) -> None:
        path = str(root / "etc/shadow")
        threads = [threading.Thread(target=_shadow.set_password, args=(path, f"u{n}", f"h{n}")) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = {entry.name: entry.passwd for entry in _shadow.parse(Path(path).read_text())}
        assert {f"u{n}": f"h{n}" for n in range(12)}.items() <= found.items()

    @pytest.mark.parametrize("password", ["a:b", "a\nroot::0:::::", "a\0", None, 5, "\x1b"])
    def test_a_hash_is_one_field(self, minion: Any, programs: Programs, root: Path, password: Any) -> None:
        before = (root / "etc/shadow").read_text()
        with pytest.raises(ArgumentError, match="a hash is a text"):
            minion.functions["shadow.set_password"]("fred", password, root=str(root))
        assert (root / "etc/shadow").read_text() == before

    @pytest.mark.parametrize("use_usermod", [False, True])
    def test_no_program_is_told_a_hash(self, minion: Any, programs: Programs, root: Path, use_usermod: bool) -> None:
        assert minion.functions["shadow.set_password"]("fred", HASH, use_usermod, root=str(root)) is True
        assert minion.functions["shadow.set_password"]("nobody-at-all", HASH, use_usermod, root=str(root)) is False
        assert programs.calls == []

    def test_what_is_so_already_is_left(self, minion: Any, programs: Programs, root: Path) -> None:
        shadow = {
            name: minion.functions[f"shadow.{name}"] for name in ("lock_password", "unlock_password", "set_maxdays")
        }
        assert shadow["lock_password"]("-x", str(root)) is shadow["unlock_password"]("fred", str(root)) is True
        assert shadow["set_maxdays"]("fred", 9, str(root)) is True
        assert programs.calls == []

    def test_alts_own_files(self, minion: Any, programs: Programs, root: Path) -> None:
        minion.grains["os"] = "ALT"
        own = root / "etc/tcb/fred"
        own.mkdir(parents=True)
        (own / "shadow").write_text("fred:x:1::::::\n")
        minion.functions["shadow.set_password"]("fred", HASH, root=str(root))
        assert HASH in (own / "shadow").read_text()


class TestHashes:
    @pytest.mark.parametrize("algorithm", list(_crypt.METHODS))
    def test_a_random_salt_serves(self, algorithm: str) -> None:
        found = _crypt.gen_hash(None, "pässword", algorithm)
        if algorithm == "yescrypt" and found == "*0":
            pytest.skip("this crypt(3) has no yescrypt")
        assert not found.startswith("*")
        assert found != _crypt.gen_hash(None, "pässword", algorithm)
        assert _crypt.crypt("pässword", found) == found != _crypt.crypt("password", found)

    @pytest.mark.parametrize("algorithm", ["blowfish", "yescrypt"])
    def test_a_salts_last_sign_has_few_bits(self, algorithm: str) -> None:
        assert {_crypt.setting(algorithm, None)[-1] for _ in range(200)} == set(_crypt.SMALL)

    def test_yescrypt_with_a_salt(self) -> None:
        found = _crypt.gen_hash("abcdefgh", "a", "yescrypt")
        assert found in ("*0", _crypt.crypt("a", "$y$j9T$abcdefgh"))

    def test_a_random_password(self) -> None:
        first, second = _crypt.random_password(), _crypt.random_password()
        assert len(first) == len(second) == 20
        assert first != second
        assert _crypt.gen_hash("ab", None, None).startswith("$6$ab$")

    def test_without_a_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_crypt, "LIBRARIES", ("libno-such.so",))
        with pytest.raises(CommandError, match="install the package libcrypt1"):
            _crypt.gen_hash("ab", "a", "sha512")
