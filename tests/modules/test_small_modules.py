"""data, ini, kmod, alternatives, random, match, dnsutil: what recorded answers can't show."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _crypt, _ini, _matching, _modules_file, _zone


class TestData:
    @pytest.fixture
    def data(self, minion: Any) -> ModuleType:
        return minion.load("data")  # type: ignore[no-any-return]  # the fixture's class lives in conftest

    def test_the_file_is_salts(self, data: ModuleType, minion: Any) -> None:
        data.update("a", {"b": [1, "ü"]})
        path = Path(minion.opts["cachedir"]) / "datastore"
        assert msgpack.unpackb(path.read_bytes()) == {"a": {"b": [1, "ü"]}}
        assert path.stat().st_mode & 0o777 == 0o600
        path.write_bytes(msgpack.packb({"of": "salt", 5: None}))
        assert data.load() == {"of": "salt", 5: None}

    def test_a_damaged_file_is_said_and_kept(self, data: ModuleType, minion: Any) -> None:
        path = Path(minion.opts["cachedir"]) / "datastore"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x81\xa1a")
        for call in (data.load, data.keys, lambda: data.update("a", 1), lambda: data.pop("a")):
            with pytest.raises(CommandError, match=r"is damaged.*data.clear begins anew"):
                call()
        assert path.read_bytes() == b"\x81\xa1a"
        assert data.clear() is True
        assert data.load() == {}

    def test_changes_at_once_are_all_kept(self, data: ModuleType) -> None:
        threads = [threading.Thread(target=data.update, args=(f"k{n}", n)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert data.load() == {f"k{n}": n for n in range(20)}

    def test_bounds(self, data: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(data, "MAX_BYTES", 100)
        data.update("a", "x")
        with pytest.raises(CommandError, match="the store may have"):
            data.update("b", "x" * 200)
        for value in (object(), 1 << 70):
            with pytest.raises(ArgumentError, match="can't be stored"):
                data.update("b", value)
        assert data.load() == {"a": "x"}

    @pytest.mark.parametrize("text", ["nonsense words", "(", "[" * 5000, "__import__('os')"])
    def test_texts_that_are_no_dict(self, data: ModuleType, text: str) -> None:
        with pytest.raises(ArgumentError, match=r"data\.dump takes a dict"):
            data.dump(text)

    def test_without_a_cache_it_is_said(self, data: ModuleType, minion: Any) -> None:
        minion.opts.pop("cachedir")
        with pytest.raises(CommandError, match="cachedir is not set"):
            data.load()


def sections(options: Mapping[str, Any]) -> list[str]:
    return [name for name, value in options.items() if isinstance(value, Mapping)]


class TestIni:
    @pytest.fixture
    def ini(self, minion: Any) -> ModuleType:
        return minion.load("ini_manage")  # type: ignore[no-any-return]  # as above

    @given(st.text(alphabet="a= []#;\n\t:x", max_size=60), st.booleans())
    def test_any_text_keeps_its_sections_and_comments_are_no_options(self, text: str, no_spaces: bool) -> None:
        found = _ini.parsed(text, "=", no_spaces)
        again = _ini.plain(_ini.parsed(_ini.text_of(found), "=", no_spaces))
        assert not any(name.startswith("#") for name in again)
        assert sections(again) == sections(found)

    def test_a_link_stays_one(self, ini: ModuleType, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("[a]\nb = 1\n")
        (tmp_path / "real").chmod(0o640)
        (tmp_path / "link").symlink_to("real")
        ini.set_option(str(tmp_path / "link"), {"a": {"b": 2}})
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_text() == "[a]\nb = 2\n"
        assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640

    def test_a_file_that_can_not_be_written_stays(
        self, ini: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.ini"
        path.write_text("[a]\nb = 1\n")
        monkeypatch.setattr(os, "replace", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(CommandError, match=r"Unable to write file .*No space left"):
            ini.set_option(str(path), {"a": {"b": 2}})
        assert path.read_text() == "[a]\nb = 1\n"
        assert len(list(tmp_path.iterdir())) == 1

    def test_what_can_not_be_read_is_said(self, ini: ModuleType, tmp_path: Path) -> None:
        (tmp_path / "latin").write_bytes(b"[a]\nb = \xfc\n")
        with pytest.raises(CommandError, match="Unable to open file"):
            ini.get_ini(str(tmp_path / "latin"))
        assert ini.get_ini(str(tmp_path / "latin"), encoding="latin-1") == {"a": {"b": "ü"}}
        for path, encoding in ((str(tmp_path), None), (str(tmp_path / "latin"), "nonesuch")):
            with pytest.raises(CommandError, match="Unable to open file"):
                ini.get_ini(path, encoding=encoding)
        with pytest.raises(ArgumentError, match="separator is empty"):
            ini.get_ini(str(tmp_path / "latin"), separator="")

    def test_sections_and_options_are_not_mixed(self, ini: ModuleType, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_text("top = 1\n[a]\nb = 1\n")
        with pytest.raises(ArgumentError, match="a is a section"):
            ini.set_option(str(path), {"a": 5})
        with pytest.raises(CommandError, match="an option, not a section"):
            ini.get_section(str(path), "top")
        assert path.read_text() == "top = 1\n[a]\nb = 1\n"


class TestKmod:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("", []),
            ("Module Size Used by\n", []),
            (
                "Module Size Used by\nkvm 1 2 a,b\nloop 5 0\n",
                [
                    {"size": "1", "module": "kvm", "depcount": "2", "deps": ["a", "b"]},
                    {"size": "5", "module": "loop", "depcount": "0", "deps": []},
                ],
            ),
        ],
    )
    def test_the_table(self, text: str, found: list[Any]) -> None:
        assert _modules_file.loaded(text) == found

    @pytest.mark.parametrize(
        ("before", "mod", "after"),
        [
            ("", "kvm", "kvm\n"),
            ("a", "kvm", "a\nkvm\n"),
            ("#kvm\nb\n", "kvm", "kvm\nb\n"),
            ("# kvm nested=1\n", "kvm nested=1", "kvm nested=1\n"),
            ("# kvmx\n", "kvm", "# kvmx\nkvm\n"),
        ],
    )
    def test_a_line_more(self, before: str, mod: str, after: str) -> None:
        assert _modules_file.with_module(before, mod) == after

    @pytest.mark.parametrize(
        ("before", "comment", "after"),
        [
            ("a\nkvm\nb\n", True, "a\n#kvm\nb\n"),
            ("a\nkvm\nb\n", False, "a\nb\n"),
            ("kvm x=1\nkvmx\n", True, "#kvm x=1\nkvmx\n"),
        ],
    )
    def test_a_line_less(self, before: str, comment: bool, after: str) -> None:
        assert _modules_file.without_module(before, "kvm", comment=comment) == after

    def test_loading_and_unloading(self, minion: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        kmod = minion.load("kmod")
        loaded = ["loop"]
        ran: list[list[str]] = []

        def run(argv: list[str], **_: Any) -> dict[str, Any]:
            ran.append(argv)
            if argv[0] == "modprobe":
                loaded.append(argv[1])
            elif argv[1] in loaded:
                loaded.remove(argv[1])
            else:
                return {"retcode": 1, "stderr": "not loaded"}
            return {"retcode": 0, "stderr": ""}

        minion.functions.update(
            {
                "cmd.which": lambda name: name,
                "cmd.run_all": run,
                "cmd.run_stdout": lambda argv, **_: "".join(f"{name} 1 0\n" for name in loaded),
            }
        )
        conf = tmp_path / "modules"
        monkeypatch.setattr(kmod, "_conf", lambda: str(conf))
        monkeypatch.setattr(kmod, "available", lambda: ["kvm"])
        assert kmod.mod_list(only_persist=True) == []
        assert kmod.load("kvm nested=1", persist=True) == ["kvm"]
        assert conf.read_text() == "kvm nested=1\n"
        assert kmod.load("kvm nested=1", persist=True) == []
        assert ran[0] == ["modprobe", "kvm", "nested=1"]
        assert kmod.mod_list(only_persist=True) == ["kvm"]
        assert kmod.is_loaded("kvm")
        loaded.remove("kvm") if loaded.count("kvm") > 1 else None
        assert kmod.remove("kvm", persist=True) == ["kvm"]
        assert conf.read_text() == "#kvm nested=1\n"
        assert kmod.remove("kvm") == "Error removing module kvm: not loaded"
        for bad in ("-r kvm", "", "  ", "--all"):
            with pytest.raises(CommandError, match="not the name of a module"):
                kmod.load(bad)

    def test_without_the_programs_it_is_said(self, minion: Any) -> None:
        kmod = minion.load("kmod")
        minion.functions["cmd.which"] = lambda name: None
        with pytest.raises(CommandError, match="Command 'lsmod' cannot be found"):
            kmod.lsmod()
        assert kmod.check_available("no-such-module-at-all") is False


class TestAlternatives:
    QUERY = "Name: editor\nLink: /usr/bin/editor\nStatus: auto\n\nAlternative: /bin/ed\n"

    @pytest.fixture
    def ran(self, minion: Any) -> list[list[str]]:
        ran: list[list[str]] = []

        def run(argv: list[str], **_: Any) -> dict[str, Any]:
            ran.append(argv)
            if "nope" in argv:
                return {"retcode": 2, "stdout": "", "stderr": "error: no alternatives for nope"}
            return {"retcode": 0, "stdout": self.QUERY if "--query" in argv else "/bin/ed - priority 1", "stderr": ""}

        minion.functions["cmd.run_all"] = run
        minion.grains["os_family"] = "Debian"
        return ran

    def test_what_is_run_and_told(self, minion: Any, ran: list[list[str]]) -> None:
        alternatives = minion.load("alternatives")
        assert alternatives.show_link("editor") == "/usr/bin/editor"
        assert alternatives.show_link("nope") is False
        assert alternatives.display("nope") == "error: no alternatives for nope"
        assert alternatives.check_exists("editor", "/bin/ed") is True
        assert alternatives.check_exists("editor", "/bin/vi") is False
        assert alternatives.check_exists("nope", "/bin/ed") is False
        alternatives.install("editor", "/usr/bin/editor", "/bin/ed", 50)
        assert ran[-1] == ["update-alternatives", "--install", "/usr/bin/editor", "editor", "/bin/ed", "50"]
        alternatives.set_("editor", "/bin/ed")
        alternatives.auto("editor")
        alternatives.remove("editor", "/bin/ed")
        assert [argv[1] for argv in ran[-3:]] == ["--set", "--auto", "--remove"]
        assert alternatives.set_("nope", "/x") == "error: no alternatives for nope"

    def test_of_red_hat(self, minion: Any, ran: list[list[str]]) -> None:
        minion.grains["os_family"] = "RedHat"
        alternatives = minion.load("alternatives")
        alternatives.display("editor")
        assert ran[-1][0] == "alternatives"
        assert alternatives.show_link("no-such-alternative") is False

    def test_names_are_no_options_and_no_paths(self, minion: Any, ran: list[list[str]]) -> None:
        alternatives = minion.load("alternatives")
        with pytest.raises(CommandError, match="neither a name nor a path"):
            alternatives.display("--help")
        with pytest.raises(CommandError, match="neither a name nor a path"):
            alternatives.install("editor", "--altdir", "/x", 1)
        for name in ("../passwd", "a/b", ".."):
            with pytest.raises(CommandError, match="not the name of an alternative"):
                alternatives.show_current(name)
        assert ran == []
        assert alternatives.show_current("no-such-alternative") is False
        assert alternatives.check_installed("no-such-alternative", "/x") is False


class TestRandom:
    @pytest.fixture
    def random(self, minion: Any) -> ModuleType:
        return minion.load("mod_random")  # type: ignore[no-any-return]  # as above

    def test_texts_have_what_is_asked_for(self, random: ModuleType) -> None:
        assert set(random.get_str(500, chars="ab")) == {"a", "b"}
        found = random.get_str(500, lowercase=False, punctuation=False)
        assert found.isalnum()
        assert found == found.upper()
        assert random.get_str(40) != random.get_str(40)
        none = {"lowercase": False, "uppercase": False, "digits": False, "punctuation": False}
        with pytest.raises(CommandError, match="empty sequence"):
            random.get_str(1, **none)
        with pytest.raises(CommandError, match="the length may be"):
            random.get_str(1 << 30)

    def test_hashes_of_passwords(self, random: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        for algorithm, begins in (("sha512", "$6$"), ("sha256", "$5$"), ("md5", "$1$")):
            found = random.shadow_hash(None, "secret", algorithm)
            assert found.startswith(begins)
            salt = found.split("$")[2]
            assert random.shadow_hash(salt, "secret", algorithm) == found
        assert random.shadow_hash() != random.shadow_hash()
        assert random.shadow_hash("a\0b", "x") is None
        with pytest.raises(ArgumentError, match="Cannot hash using 'nonesuch' hash algorithm"):
            random.shadow_hash("ab", "x", "nonesuch")
        monkeypatch.setattr(_crypt, "LIBRARIES", ("no-such-library.so",))
        with pytest.raises(CommandError, match="install the package libcrypt1"):
            random.shadow_hash("ab", "x")

    def test_seeds(self, random: ModuleType) -> None:
        assert random.rand_int(1, 1000, seed=5) == random.rand_int(1, 1000, seed=5)
        assert random.shuffle(list(range(20)), seed=5) == random.shuffle(list(range(20)), seed=5)
        for call in (lambda: random.rand_int(5, 1), lambda: random.sample([1], 2)):
            with pytest.raises(ArgumentError, match=r"random\."):
                call()


FACTS = {"os": "x", "roles": ["a"], "deep": {"b": {"c": 1}}, "ipv4": ["10.0.0.1", "nonsense"]}


class TestMatch:
    @pytest.mark.filterwarnings("ignore:Possible (set|nested):FutureWarning")  # odd expressions, which it may be given
    @given(st.text(alphabet="G@Pos:x*[(]) andotrNE|", max_size=30))
    def test_any_target_is_answered(self, target: str) -> None:
        minion = _matching.Minion("minion", FACTS, FACTS, {"x": "N@x or os", "s": ["a", "b"]})
        for function in (_matching.compound, _matching.glob, _matching.pcre, _matching.listed, _matching.address):
            assert function(minion, target) in (True, False, [])
        assert _matching.nested(FACTS, target) in (True, False)
        assert _matching.nested(FACTS, target, regex=True) in (True, False)

    def test_deep_targets_end(self) -> None:
        minion = _matching.Minion("minion", {}, {}, {f"g{n}": f"N@g{n + 1} or N@g{n + 1}" for n in range(100)})
        assert _matching.compound(minion, "N@g0") is False
        assert _matching.compound(minion, "( " * 5000 + "minion" + " )" * 5000) is False


class TestDnsutil:
    @given(st.text(alphabet="$ORIGINSA@.; ()\n1 aMX", max_size=60))
    def test_any_zone_is_read_or_refused(self, text: str) -> None:
        try:
            _zone.zone(text)
        except ValueError as error:
            fault = str(error)
        else:
            fault = ""
        assert "\n" not in fault
        _zone.hosts(text)
        _zone.without_hosts(text, ["a"])

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("1H", 3600), ("2d", 172800), ("9W", 604800), ("5", 5), *((text, 604800) for text in ("x", "²h", "²"))],
    )
    def test_times(self, text: str, seconds: int) -> None:
        assert _zone.seconds(text) == seconds

    def test_a_line_is_one(self, minion: Any, tmp_path: Path) -> None:
        dnsutil = minion.load("dnsutil")
        (tmp_path / "hosts").write_text("")
        for address, names in (("1.1.1.1", "a\n2.2.2.2 b"), ("1.1.1.1\n2", "a"), ("1.1.1.1", "#a"), ("", "a")):
            with pytest.raises(ArgumentError, match="are no addresses and names"):
                dnsutil.hosts_append(str(tmp_path / "hosts"), address, names)
        assert (tmp_path / "hosts").read_text() == ""

    def test_serial_numbers(self, minion: Any) -> None:
        dnsutil = minion.load("dnsutil")
        kept: dict[str, str] = {}
        minion.functions.update({"grains.get": kept.get, "grains.setval": kept.__setitem__})
        first = dnsutil.serial("z")
        assert first.endswith("01")
        assert dnsutil.serial("z", update=True) == first
        assert dnsutil.serial("z", update=True) == str(int(first) + 1) == kept["dnsserial_z"]
