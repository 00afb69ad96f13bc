"""``file`` beside what the scenarios show: failures, other users' folders, names that look like options, templates."""

from __future__ import annotations

import ast
import contextlib
import errno
import inspect
import json
import os
import shutil
import stat
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError, SalternError
from saltern.power import Power
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader
from saltern_master.auth.powers import Powers
from saltern_modules import (
    _file_block,
    _file_find,
    _file_hashes,
    _file_line,
    _file_moving,
    _file_perms,
    _file_text,
    _file_windows,
    _rewriting,
)
from saltern_modules._file_errors import plainly
from support.mounts import tmpfs
from support.strangers import folder_of_a_stranger, give_away, link_of_a_stranger, needs_root

MODULES = Path(_file_find.__file__).parent
PARTS = sorted([MODULES / "file.py", *MODULES.glob("file_*.py")])
ANSWERS = Path(__file__).parent.parent / "support/salt_answers"
SALTS = frozenset(json.loads((ANSWERS / "functions.json").read_text())["execution"]["file"])
"""What Salt 3008's module has."""

Functions = Mapping[str, Callable[..., Any]]


@pytest.fixture
def opts(tmp_path: Path) -> dict[str, Any]:
    return {
        "id": "minion",
        "master": "127.0.0.1",
        "conf_file": str(tmp_path / ".salt/minion"),
        "cachedir": str(tmp_path / ".salt/cache"),
        "proc_root": "/proc",
        "sys_root": "/sys",
        "grains": {},
    }


@pytest.fixture
def loader(opts: dict[str, Any]) -> Loader:
    loader = Loader(opts, [], Current())
    loader.set_grains({"kernel": "Linux"})
    loader.set_pillar({"site": "ulm"})
    return loader


@pytest.fixture
def salt(loader: Loader) -> Functions:
    return loader.salt


def declared(path: Path) -> dict[str, str]:
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "__powers__":
            return dict(ast.literal_eval(statement.value))
    raise AssertionError(path)


class TestParts:
    def test_every_function_of_salts_is_in_one_part(self) -> None:
        names = [name for path in PARTS for name in declared(path)]
        assert len(names) == len(set(names))
        assert set(names) == SALTS

    def test_they_are_one_module_to_the_loader(self, loader: Loader) -> None:
        assert {name for name in loader.functions() if name.startswith("file.")} == {f"file.{name}" for name in SALTS}

    def test_functions_of_different_parts_call_each_other(self, salt: Functions, tmp_path: Path) -> None:
        path = f"{tmp_path}/a"
        salt["file.write"](path, "one")
        salt["file.append"](path, "two")
        assert salt["file.find"](str(tmp_path), name="a", grep="two") == [path]
        assert salt["file.check_managed"](path, path, None, None, None, None, None, None, None, None, None, "base")[0]

    def test_powers_are_those_of_the_part_that_has_the_function(self) -> None:
        powers = Powers()
        said = {name: powers.of(f"file.{name}") for name in SALTS}
        assert said == {name: Power(word) for path in PARTS for name, word in declared(path).items()}
        assert powers.of("file.no_such") is Power.INDIRECT

    def test_what_puts_content_or_owners_anywhere_is_under_no_grant_by_glob(self) -> None:
        powers = Powers()
        for name in (
            "append",
            "write",
            "replace",
            "line",
            "blockreplace",
            "copy",
            "move",
            "symlink",
            "chown",
            "set_mode",
        ):
            assert powers.of(f"file.{name}") is Power.INDIRECT
        for name in ("find", "sed", "sed_contains", "patch"):  # each runs what its caller says
            assert powers.of(f"file.{name}") is Power.RUNS
        assert {name for name in SALTS if powers.of(f"file.{name}") is Power.WRITES} == {
            "touch", "truncate", "remove", "rmdir", "delete_backup", "remove_backup", "restorecon",
        }  # fmt: skip


class TestErrors:
    def test_the_systems_errors_are_ours_too(self, salt: Functions, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError) as caught:
            salt["file.read"](f"{tmp_path}/missing")
        assert isinstance(caught.value, SalternError)
        assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, f"{tmp_path}/missing")
        assert str(caught.value) == f"[Errno 2] No such file or directory: '{tmp_path}/missing'"

    def test_ours_pass_as_they_are(self) -> None:
        error = CommandError("as it is")
        with pytest.raises(CommandError) as caught, plainly():
            raise error
        assert caught.value is error

    @pytest.mark.parametrize(("fun", "args"), [
        ("append", ("{0}/no/x", "x")), ("prepend", ("{0}/no/x", "x")), ("write", ("{0}/no/x", "x")),
        ("read", ("{0}",)), ("truncate", ("{0}/x", 1)), ("seek_read", ("{0}/x", 1, 0)),
        ("get_hash", ("{0}/x",)), ("get_hash", ("{0}", "nope")), ("is_fifo", ("{0}/f/x",)),
        ("mkdir", ("{0}/f/x",)), ("stats", ("{0}/f", "nope")), ("line", ("{0}/bin", "x", None, "insert", "end")),
        ("replace", ("{0}/f", "(", "x")), ("search", ("{0}/f", "(")), ("contains_regex", ("{0}/f", "(")),
        ("comment", ("{0}/f", "(")), ("psed", ("{0}/f", "(", "x")), ("psed", ("{0}/f", "a", "x", "", "", "q")),
        ("replace", ("{0}/f", "a", "b", 0, 8, 1, *[False] * 9, False, "nope")),
    ])  # fmt: skip
    def test_nothing_that_a_user_gives_makes_a_traceback(
        self, salt: Functions, tmp_path: Path, fun: str, args: tuple[Any, ...]
    ) -> None:
        (tmp_path / "f").write_text("a\n")
        (tmp_path / "bin").write_bytes(b"\xff\n")
        with pytest.raises(SalternError) as caught:
            salt[f"file.{fun}"](*(one.format(tmp_path) if isinstance(one, str) else one for one in args))
        assert "\n" not in str(caught.value)


class TestFullDisk:
    def test_appending_takes_back_what_did_not_fit(self, salt: Functions, tmp_path: Path) -> None:
        with tmpfs(tmp_path / "disk", "size=64k"):
            file = tmp_path / "disk/file"
            file.write_text("old\n")
            with pytest.raises(OSError, match="No space"):
                salt["file.append"](str(file), "x" * 100_000)
            assert file.read_text() == "old\n"

    @pytest.mark.parametrize(("fun", "args"), [
        ("write", ("x" * 300_000,)), ("prepend", ("x" * 300_000,)),
        ("replace", ("o", "x" * 300_000)), ("blockreplace", ("<", ">", "x" * 300_000, True)),
        ("line", ("x" * 300_000, None, "insert", "end")), ("comment", ("old", "x" * 300_000)),
    ])  # fmt: skip
    def test_editors_leave_the_old_file(self, salt: Functions, tmp_path: Path, fun: str, args: tuple[Any, ...]) -> None:
        with tmpfs(tmp_path / "disk", "size=128k"):
            file = tmp_path / "disk/file"
            file.write_text("old\n")
            with pytest.raises((OSError, CommandError), match="No space"):
                salt[f"file.{fun}"](str(file), *args)
            assert file.read_text() == "old\n"
            assert [path.name for path in file.parent.iterdir() if not path.name.endswith(".bak")] == ["file"]

    def test_a_copy_that_does_not_fit_leaves_what_was_there(self, salt: Functions, tmp_path: Path) -> None:
        (tmp_path / "src").mkdir()
        (tmp_path / "src/large").write_bytes(b"x" * 300_000)
        with tmpfs(tmp_path / "disk", "size=128k"):
            old = tmp_path / "disk/dst"
            old.mkdir()
            (old / "precious").write_text("old\n")
            with pytest.raises(CommandError, match="Could not copy"):
                salt["file.copy"](f"{tmp_path}/src", str(old), recurse=True, remove_existing=True)
            assert [path.name for path in old.parent.iterdir()] == ["dst"]
            assert (old / "precious").read_text() == "old\n"

    def test_a_move_that_does_not_fit_leaves_the_source(self, salt: Functions, tmp_path: Path) -> None:
        source = tmp_path / "large"
        source.write_bytes(b"x" * 300_000)
        with tmpfs(tmp_path / "disk", "size=128k"):
            with pytest.raises(CommandError, match="Unable to move"):
                salt["file.move"](str(source), f"{tmp_path}/disk/large")
            assert list((tmp_path / "disk").iterdir()) == []
        assert source.stat().st_size == 300_000

    def test_a_move_to_another_file_system_keeps_all(self, salt: Functions, tmp_path: Path) -> None:
        source = tmp_path / "file"
        source.write_text("x")
        source.chmod(0o600)
        os.utime(source, (1000, 2000))
        (tmp_path / "link").symlink_to("nowhere")
        with tmpfs(tmp_path / "disk"):
            salt["file.move"](str(source), f"{tmp_path}/disk/file")
            salt["file.move"](f"{tmp_path}/link", f"{tmp_path}/disk/link")
            moved = (tmp_path / "disk/file").stat()
            assert (stat.S_IMODE(moved.st_mode), moved.st_mtime, source.exists()) == (0o600, 2000, False)
            assert os.readlink(tmp_path / "disk/link") == "nowhere"


@needs_root
class TestOthersFolders:
    @pytest.fixture
    def theirs(self, tmp_path: Path) -> Path:
        return folder_of_a_stranger(tmp_path / "theirs")

    @pytest.fixture
    def ours(self, tmp_path: Path) -> Path:
        ours = tmp_path / "ours"
        ours.mkdir()
        (ours / "secret").write_text("secret\n")
        return ours

    def test_what_a_link_leads_to_is_not_removed(self, salt: Functions, theirs: Path, ours: Path) -> None:
        link_of_a_stranger(theirs / "sub", ours)
        with pytest.raises(CommandError, match="a link of another user's"):
            salt["file.remove"](f"{theirs}/sub/secret")
        assert salt["file.remove"](f"{theirs}/sub") is True
        assert (ours / "secret").exists()

    @pytest.mark.parametrize("path", ["/", "//", "/.", "/./", "/..", "/tmp/..", "/tmp/../."])
    def test_the_root_folder_is_never_removed(
        self, salt: Functions, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        def refused(*args: Any, **options: Any) -> None:
            raise AssertionError(args)

        for module, name in ((shutil, "rmtree"), (os, "unlink"), (os, "rmdir"), (os, "remove")):
            monkeypatch.setattr(module, name, refused)
        with pytest.raises(CommandError, match="it is the root folder"):
            salt["file.remove"](path)
        with pytest.raises(CommandError, match="is the root folder"):
            salt["file.rmdir"](path, recurse=True)

    def test_cleaning_up_does_not_reach_beyond(
        self, salt: Functions, theirs: Path, ours: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sub = folder_of_a_stranger(theirs / "sub")
        give_away_file = sub / "secret"
        give_away_file.write_text("junk")
        remove = _file_moving.remove

        def exchanged(path: str) -> bool:
            shutil.rmtree(sub)
            link_of_a_stranger(sub, ours) if not sub.exists() else None
            return remove(path)

        monkeypatch.setattr(_file_moving, "remove", exchanged)
        assert salt["file.find"](str(theirs), name="secret", delete="f") == []
        assert (ours / "secret").read_text() == "secret\n"

    @pytest.mark.parametrize(("fun", "args"), [
        ("append", ("x",)), ("prepend", ("x",)), ("write", ("x",)), ("seek_write", ("x", 0)), ("truncate", (0,)),
        ("blockreplace", ("<", ">", "x", True)), ("psed", ("secret", "x")), ("touch", ()), ("comment", ("secret",)),
        ("line", ("x", None, "insert", "end")), ("replace", ("secret", "x")),
    ])  # fmt: skip
    def test_a_strangers_link_is_not_written_through(
        self, salt: Functions, theirs: Path, ours: Path, fun: str, args: tuple[Any, ...]
    ) -> None:
        link_of_a_stranger(theirs / "link", ours / "secret")
        with pytest.raises((OSError, CommandError), match=r"a link of another user's"):
            salt[f"file.{fun}"](f"{theirs}/link", *args)
        assert (ours / "secret").read_text() == "secret\n"

    def test_a_strangers_link_takes_nothing_elsewhere_and_shows_nothing(
        self, salt: Functions, theirs: Path, ours: Path, tmp_path: Path
    ) -> None:
        """Copies are for others to read: a folder of a user's is copied with what its links lead root to."""
        link_of_a_stranger(theirs / "link", ours / "secret")
        link_of_a_stranger(theirs / "sub", ours)
        for more in ({}, {"remove_existing": True}):
            with pytest.raises(CommandError, match="Could not copy"):
                salt["file.copy"](str(theirs), f"{tmp_path}/copy", recurse=True, **more)
            with pytest.raises(CommandError, match="Could not copy"):
                salt["file.copy"](str(theirs / "link"), f"{tmp_path}/one", **more)
        (tmp_path / "mine").write_text("x")
        for target in ("sub/new", "sub"):
            with pytest.raises(CommandError, match="Unable to move"):
                salt["file.move"](f"{tmp_path}/mine", str(theirs / target))
        with pytest.raises(CommandError, match="a link of another user"):
            salt["archive.zip"](f"{tmp_path}/a.zip", str(theirs))
        assert sorted(path.name for path in ours.iterdir()) == ["secret"]
        assert not (tmp_path / "a.zip").exists()

    @pytest.mark.parametrize(("fun", "args"), [
        ("chown", ("nobody", "nogroup")), ("chgrp", ("nogroup",)), ("set_mode", ("0666",)),
        ("check_perms", ({}, "nobody", None, "0666", None, True)),
        ("check_perms", ({}, None, None, "0666", None, True)),
        ("mkdir", ("nobody", None, "0777")),
    ])  # fmt: skip
    def test_what_a_strangers_link_leads_to_is_not_given_away(
        self, salt: Functions, theirs: Path, ours: Path, fun: str, args: tuple[Any, ...]
    ) -> None:
        link_of_a_stranger(theirs / "link", ours / "secret")
        link_of_a_stranger(theirs / "sub", ours)
        before = {path: path.stat() for path in (ours, ours / "secret")}
        path = f"{theirs}/sub/new" if fun == "mkdir" else f"{theirs}/link"
        with contextlib.suppress(OSError):
            told = salt[f"file.{fun}"](path, *args)
            assert told[0]["result"] is False
        for place, status in before.items():
            now = place.stat()
            assert (now.st_mode, now.st_uid, now.st_gid) == (status.st_mode, status.st_uid, status.st_gid)
        assert [path.name for path in ours.iterdir()] == ["secret"]

    @pytest.mark.parametrize("fun", ["rename", "link", "symlink", "mknod_fifo"])
    def test_nothing_is_made_behind_a_strangers_link(
        self, salt: Functions, theirs: Path, ours: Path, tmp_path: Path, fun: str
    ) -> None:
        link_of_a_stranger(theirs / "sub", ours)
        (tmp_path / "src").write_text("x")
        new = f"{theirs}/sub/new"
        with pytest.raises((OSError, CommandError)):
            salt[f"file.{fun}"](*((new,) if fun == "mknod_fifo" else (f"{tmp_path}/src", new)))
        assert [path.name for path in ours.iterdir()] == ["secret"]

    def test_backups_are_for_few(self, salt: Functions, tmp_path: Path) -> None:
        file = tmp_path / "etc/file"
        file.parent.mkdir()
        file.write_text("one\n")
        file.chmod(0o600)
        give_away(file)
        salt["file.manage_file"](
            str(file), "", None, None, None, None, None, None, None, "base", "minion", contents="two\n"
        )
        (found,) = salt["file.list_backups"](str(file)).values()
        kept = Path(found["Location"])
        assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode), kept.stat().st_uid) == (
            "one\n", 0o600, file.stat().st_uid,
        )  # fmt: skip
        assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
        assert salt["file.restore_backup"](str(file), 0)["result"] is True
        assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("one\n", 0o600)
        assert len(salt["file.list_backups"](str(file))) == 2


class TestLooking:
    def test_folders_that_are_too_deep_are_not_read(
        self, salt: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "a/b/c").mkdir(parents=True)
        read: list[str] = []
        scandir = os.scandir
        monkeypatch.setattr(os, "scandir", lambda path: read.append(str(path)) or scandir(path))
        assert salt["file.find"](str(tmp_path), maxdepth=2) == [str(tmp_path / name) for name in ("", "a", "a/b")]
        assert read == [str(tmp_path), f"{tmp_path}/a"]

    def test_what_goes_meanwhile_is_left_out(
        self, salt: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a", "b"):
            (tmp_path / name).touch()
        status = _file_find._status
        monkeypatch.setattr(_file_find, "_status", lambda path: None if path.endswith("/a") else status(path))
        assert salt["file.find"](str(tmp_path), type="f", mindepth=1) == [f"{tmp_path}/b"]

    def test_what_is_looked_for_is_found_wherever_it_is_cut(self, salt: Functions, tmp_path: Path) -> None:
        file = tmp_path / "large"
        for at in (_file_windows.WINDOW - 3, _file_windows.WINDOW + _file_windows.STEP - 3, 700_000):
            file.write_text("x" * at + "needle" + "y" * 100_000)
            assert salt["file.contains"](str(file), "needle") is True
            assert salt["file.find"](str(tmp_path), grep="needley") == [str(file)]
        assert salt["file.contains"](str(file), "needlex") is False

    def test_large_files_are_not_taken_into_memory(
        self, salt: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        large = tmp_path / "large"
        with large.open("wb") as stream:
            stream.truncate((64 << 20) + 1)
        with pytest.raises(CommandError, match=r"seek_read reads a part"):
            salt["file.read"](str(large))
        monkeypatch.setattr(_rewriting, "MAX_EDITED_BYTES", 1000)
        (tmp_path / "f").write_text("x" * 1001)
        with pytest.raises(CommandError, match="too large"):
            salt["file.replace"](f"{tmp_path}/f", "x", "y")


class TestPrograms:
    def test_names_do_not_become_options(
        self, salt: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a").write_text("--version\nx\n")
        told = salt["file.grep"](f"{tmp_path}/a", "--version")
        assert (told["retcode"], told["stdout"]) == (0, "--version")
        (tmp_path / "-r").write_text("x\n")
        assert salt["file.grep"]("-r", "x")["stderr"] != ""  # it is no option: there is no such file where grep runs

    def test_a_files_name_is_one_word_of_what_is_run(self, salt: Functions, tmp_path: Path) -> None:
        (tmp_path / "a b; c").write_text("inside\n")
        (told,) = salt["file.find"](str(tmp_path), type="f", exec="cat {}")
        assert told == f"cat {tmp_path}/a b; c:\ninside\n\n"

    def test_options_of_chattr_are_letters(self, salt: Functions, tmp_path: Path) -> None:
        with pytest.raises(ArgumentError, match="letters"):
            salt["file.chattr"](str(tmp_path), operator="add", attributes="i --x")
        with pytest.raises(ArgumentError, match="letters"):
            salt["file.chattr"](str(tmp_path), operator="add", attributes="i", flags="-x")

    def test_a_program_that_is_not_there_is_named(
        self, salt: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(CommandError, match="patch executable not found"):
            salt["file.patch"]("/a", "/b")
        assert salt["file.lsattr"]("/etc") is None

    def test_attributes(self) -> None:
        text = "--------------e------- /etc/a b\n----i---------e------- /x\nlsattr: Operation not supported\n\njunk\n"
        assert _file_perms.parse_lsattr(text) == {"/etc/a b": ["e"], "/x": ["i", "e"]}

    def test_attributes_are_brought_to_what_is_wanted(self, tmp_path: Path) -> None:
        file = tmp_path / "f"
        file.touch()
        state = {"e", "A"}
        calls = []

        def run(argv: list[str], **_: Any) -> str:
            calls.append(argv)
            if argv[0] == "lsattr":
                return f"{''.join(sorted(state))}--- {argv[-1]}"
            (state.update if argv[1][0] == "+" else state.difference_update)(argv[1][1:])
            return ""

        if shutil.which("lsattr") is None:
            pytest.skip("lsattr isn't installed")
        ret, _ = _file_perms.checked(str(file), None, _file_perms.Wanted(attrs="i"), salt={"cmd.run": run})
        assert ret["changes"] == {"attrs": {"old": "Ae", "new": "i"}}
        assert state == {"e", "i"}
        assert ["chattr", "+i", "--", str(file)] in calls

    def test_contexts(self, tmp_path: Path) -> None:
        label = ["system_u", "object_r", "etc_t", "s0:c0.c3"]

        def run_all(argv: list[str], **_: Any) -> dict[str, Any]:
            return {"retcode": 0, "stdout": ":".join(label)}

        def retcode(argv: list[str], **_: Any) -> int:
            label[2] = argv[argv.index("-t") + 1]
            return 0

        salt: dict[str, Callable[..., Any]] = {
            "cmd.run_all": run_all,
            "cmd.retcode": retcode,
            "selinux.fcontext_add_policy": lambda *args, **kwargs: {"retcode": 0},
        }
        wanted = _file_perms.Wanted(labels=(None, None, "tmp_t", None))
        told, _ = _file_perms.checked(str(tmp_path), None, wanted, salt=salt, test=True)
        assert (told["result"], told["changes"]) == (None, {"selinux": {"Old": "Type: etc_t", "New": "Type: tmp_t"}})
        told, _ = _file_perms.checked(str(tmp_path), None, wanted, salt=salt)
        assert (told["result"], told["changes"]) == (True, {"selinux": {"Old": "Type: etc_t", "New": "Type: tmp_t"}})
        assert _file_perms.checked(str(tmp_path), None, wanted, salt=salt)[0]["changes"] == {}
        del salt["selinux.fcontext_add_policy"]
        with pytest.raises(CommandError, match="semanage"):
            _file_perms.checked(str(tmp_path), None, wanted._replace(labels=(None, None, "x_t", None)), salt=salt)


class TestManaged:
    @pytest.fixture
    def template(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
        """Renders by ``str.format``, in the place of an engine that hosts may lack."""
        calls: list[tuple[Any, ...]] = []

        def rendered(text: str, engine: str, context: Mapping[str, Any], **dunders: Any) -> str:
            calls.append((engine, sorted(dunders), dunders["pillar"]["site"]))
            try:
                return text.format(**context)
            except KeyError as error:
                raise CommandError(f"undefined: {error}") from None

        stub = types.ModuleType("saltern_modules._template")
        stub.rendered = rendered  # type: ignore[attr-defined]  # that is all there is of it
        monkeypatch.setitem(sys.modules, "saltern_modules._template", stub)
        return calls

    def test_templates(self, salt: Functions, template: list[tuple[Any, ...]], tmp_path: Path) -> None:
        given_args = ("{a} {b}", "jinja", {"a": 1}, {"a": 0, "b": 2}, "base")
        assert salt["file.apply_template_on_contents"](*given_args) == "1 2"
        source = tmp_path / "source"
        source.write_text("{word} {name} {source} {user} {extra}\n")
        name = str(tmp_path / "new")
        rest = (None, None, "root", None, None, None, "base")
        sfn, digest, wrong = salt["file.get_managed"](
            name, "jinja", str(source), *rest, {"word": "hi"}, {"word": "no"}, extra="x"
        )
        assert (Path(sfn).read_text(), wrong) == (f"hi {name} {source} root x\n", "")
        assert digest == {"hash_type": "sha256", "hsum": salt["file.get_hash"](sfn)}
        told = salt["file.manage_file"](
            name, sfn, None, str(source), digest, None, None, "0600", None, "base", "", skip_verify=True
        )
        assert (told["result"], Path(name).stat().st_mode & 0o777) == (True, 0o600)
        assert not Path(sfn).exists()
        assert [one[0] for one in template] == ["jinja", "jinja"]

    def test_a_template_that_fails_is_said(
        self, salt: Functions, template: list[tuple[Any, ...]], tmp_path: Path
    ) -> None:
        (tmp_path / "source").write_text("{nothing}")
        rest = (None, None, None, None, None, None, "base", None, None)
        told = salt["file.get_managed"](f"{tmp_path}/new", "jinja", f"{tmp_path}/source", *rest)
        assert told == (f"{tmp_path}/source", {}, "undefined: 'nothing'")
        with pytest.raises(ArgumentError, match="same as destination"):
            salt["file.get_managed"](f"{tmp_path}/source", "jinja", f"{tmp_path}/source", *rest)

    def test_checking_leaves_no_rendered_file(
        self, salt: Functions, template: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "t").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
        (tmp_path / "source").write_text("{word}\n")
        (tmp_path / "file").write_text("hi\n")
        args = (f"{tmp_path}/file", f"{tmp_path}/source", None, None, None, None, None, None, "jinja")
        assert salt["file.check_managed"](*args, {"word": "hi"}, None, "base")[0] is True
        assert salt["file.check_managed"](*args, {"word": "ho"}, None, "base")[0] is None
        assert list((tmp_path / "t").iterdir()) == []

    def test_a_masters_files(self, minion: Any, agent: Any, tmp_path: Path) -> None:
        agent.files = {"conf/app": b"app\n"}
        for part, names in (("cp_cache", ["cache_file"]), ("cp_lists", ["hash_file", "list_master"])):
            cp = minion.load(part)
            minion.functions.update({f"cp.{name}": getattr(cp, name) for name in names})
        minion.functions["config.option"] = lambda name, *rest: ""
        minion.functions["config.backup_mode"] = lambda mode: mode
        managed, checking = minion.load("file_managed"), minion.load("file_checking")
        minion.functions["file.get_managed"] = managed.get_managed
        assert managed.source_list(["salt://no", "salt://conf"], "x", "base") == ("salt://conf", "x")
        assert managed.source_list([{"salt://conf/app": "h"}], "x", "base") == ("salt://conf/app", "h")
        with pytest.raises(CommandError, match="none of the specified sources"):
            managed.source_list(["salt://conf/ap"], "x", "base")
        rest = (None, None, None, None, None, None, "base", None, None)
        sfn, digest, wrong = managed.get_managed("/x", None, "salt://conf/app", *rest)
        assert (sfn, digest["hash_type"], wrong) == ("", "sha256", "")
        assert (
            managed.get_managed("/x", None, "salt://no", *rest)[2]
            == "Source file salt://no not found in saltenv 'base'"
        )
        name = str(tmp_path / "app")
        told = managed.manage_file(name, sfn, None, "salt://conf/app", digest, None, None, None, None, "base", "")
        assert (told["result"], Path(name).read_text()) == (True, "app\n")
        Path(name).write_text("other\n")
        assert checking.get_diff(name, "salt://conf/app", show_filenames=False).splitlines()[-2:] == ["-other", "+app"]
        args = (name, "salt://conf/app", None, None, None, None, None, None, None, None, None, "base")
        assert checking.check_managed_changes(*args)["diff"].splitlines()[-1] == "+app"
        with pytest.raises(CommandError, match="File salt://no not found"):
            checking.get_diff(name, "salt://no")

    def test_signatures_are_refused(self, salt: Functions, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_text("x")
        told = salt["file.manage_file"](
            f"{tmp_path}/new", str(source), None, str(source), {}, None, None, None, None, "base", "",
            signature="/x.sig", skip_verify=True,
        )  # fmt: skip
        assert told["result"] is False
        assert "requires the gpg module" in told["comment"]
        assert not (tmp_path / "new").exists()


class TestPureParts:
    @settings(max_examples=200, deadline=None)
    @given(st.text())
    def test_sizes_and_ages_are_understood_or_refused(self, text: str) -> None:
        with contextlib.suppress(ValueError):
            least, most = _file_find.size_range(text)
            assert 0 <= least <= most
        with contextlib.suppress(ValueError):
            seconds, _ = _file_find.age(text)
            assert seconds >= 0

    @pytest.mark.parametrize(("text", "seconds", "newer"), [
        ("1d", 86_400, False), ("-90s", 90, True), ("+1w2d3h4m5s", 788_645, False), ("1.5h", 3600, False),
        ("1h 30m", 5400, False), ("1.5m30s", 120, False),
    ])  # fmt: skip
    def test_ages(self, text: str, seconds: int, newer: bool) -> None:
        assert _file_find.age(text) == (seconds, newer)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.text()), st.text(), st.text(), st.text())
    def test_any_list_of_digests_is_read(self, lines: list[str], name: str, source: str, own: str) -> None:
        found = _file_hashes.found_in(lines, "", name, source.replace("[", "").replace("]", ""), own)
        assert found is None or len(found["hsum"]) in _file_hashes.KINDS

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=600))
    def test_any_bytes_are_text_or_not(self, data: bytes) -> None:
        assert isinstance(_file_text.is_binary(data), bool)
        assert isinstance(_file_text.decoded(data), str)

    @settings(max_examples=200, deadline=None)
    @given(st.text(st.characters(exclude_characters="\r"), max_size=60), st.text(max_size=20), st.booleans())
    def test_a_block_is_there_afterwards_and_stays(self, text: str, content: str, own_line: bool) -> None:
        block = _file_block.Block("<<begin>>", "<<end>>", content, own_line)
        where = _file_block.Where(append=True)
        lines = text.splitlines(keepends=True)
        once = _file_block.with_block(lines, block, where)
        assert any("<<begin>>" in line for line in once)
        if "\r" not in content and not any(mark in text + content for mark in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"):
            assert _file_block.with_block(once, block, where) == once

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.text(st.characters(exclude_categories=["C"]), max_size=5), max_size=6),
        st.sampled_from(_file_line.MODES),
        st.text(max_size=5),
        *(st.none() | st.text(max_size=3) for _ in range(3)),
    )
    def test_a_line_is_changed_or_that_is_refused(
        self, lines: list[str], mode: str, content: str, match: str | None, before: str | None, after: str | None
    ) -> None:
        change = _file_line.Change(mode, content, match, None, before, after)
        with contextlib.suppress(CommandError):
            new = _file_line.changed([f"{line}\n" for line in lines], change)
            assert abs(len(new) - len(lines)) <= max(1, len(lines) if mode == "delete" else 1)

    def test_the_functions_are_salts_in_order(self, loader: Loader) -> None:
        """A few whose arguments are often given by place."""
        known = {
            "replace": "path pattern repl count flags bufsize append_if_not_found prepend_if_not_found "
            "not_found_content backup dry_run search_only show_changes ignore_if_missing preserve_inode "
            "backslash_literal encoding",
            "line": "path content match mode location before after show_changes backup quiet indent",
            "blockreplace": "path marker_start marker_end content append_if_not_found prepend_if_not_found backup "
            "dry_run show_changes append_newline insert_before_match insert_after_match",
            "copy": "src dst recurse remove_existing",
            "symlink": "src path force atomic follow_symlinks",
        }
        for name, arguments in known.items():
            assert list(inspect.signature(loader.salt[f"file.{name}"]).parameters) == arguments.split()
