"""Versions in their order, what apt, dnf and yum print, and what ``pkg`` refuses: beside the scenarios."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import (
    _apt,
    _apt_sources,
    _debian_versions,
    _package_targets,
    _rpm,
    _yum,
    _yum_groups,
    dpkg_lowpkg,
    rpm_lowpkg,
)

DEBIAN = [
    *("0", "1", "1.0", "1.0-0", "1.0-1", "1.0-1~x", "1.0~rc1-1", "1.0~~", "1.0+b1", "1.0a", "1.0.", "1.0-1.1", "01.0"),
    *("1:0.1", "0:1.0", "2:1-1", "1.10", "1.9", "1.0-1+deb12u1", "1-2-3", "1a~1", "1a", "1+", "1-a", "9z"),
]


def by_dpkg(first: str, second: str) -> int:
    for operator, answer in (("lt", -1), ("eq", 0), ("gt", 1)):
        if subprocess.run(["dpkg", "--compare-versions", first, operator, second], check=False).returncode == 0:
            return answer
    raise AssertionError((first, second))


class TestDebianVersions:
    def test_they_are_in_dpkgs_order(self) -> None:
        for first, second in itertools.combinations(DEBIAN[::2], 2):
            assert _debian_versions.compare(first, second) == by_dpkg(first, second), (first, second)

    @settings(max_examples=60, deadline=None)
    @given(*[st.from_regex(r"\A([0-9]{1,2}:)?[0-9][a-c0-9.+~]{0,4}(-[a-c0-9.+~]{1,4})?\Z") for _ in range(2)])
    def test_any_two_are(self, first: str, second: str) -> None:
        assert _debian_versions.compare(first, second) == by_dpkg(first, second)

    @given(st.lists(st.sampled_from(DEBIAN), min_size=3, max_size=3))
    def test_it_is_an_order(self, versions: list[str]) -> None:
        a, b, c = versions
        compare = _debian_versions.compare
        assert compare(a, a) == 0
        assert (compare(a, b) or 0) == -(compare(b, a) or 0)
        if (compare(a, b) or 0) <= 0 and (compare(b, c) or 0) <= 0:
            assert (compare(a, c) or 0) <= 0

    @given(st.text(), st.text())
    def test_any_text_has_an_answer(self, first: str, second: str) -> None:
        assert _debian_versions.compare(first, second) in (-1, 0, 1, None)

    @pytest.mark.parametrize("odd", ["", "a", "1 2", "1_2", "x:1", "1:", "1:2:3", "-1", "1-", "\u0663"])
    def test_odd_ones_are_left_to_dpkg(self, odd: str) -> None:
        assert _debian_versions.compare(odd, "1") is None


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        ("1.0", "1.0", 0),
        ("1.0", "2.0", -1),
        ("2.0.1", "2.0", 1),
        ("2.0.1a", "2.0.1", 1),
        ("5.5p10", "5.5p2", 1),
        ("10xyz", "10.1xyz", -1),
        ("xyz10", "xyz10.1", -1),
        ("xyz.4", "8", -1),
        ("5.5p2", "5.6p1", -1),
        ("6.0.rc1", "6.0", 1),
        ("10b2", "10a1", 1),
        ("10.0001", "10.1", 0),
        ("10.0001", "10.0039", -1),
        ("4.999.9", "5.0", -1),
        ("2_0", "2.0", 0),
        ("a+", "a_", 0),
        ("1.0~rc1", "1.0", -1),
        ("1.0~rc1", "1.0~rc2", -1),
        ("1.0~rc1~git1", "1.0~rc1", -1),
        ("1.0^", "1.0", 1),
        ("1.0^git1", "1.0^git2", -1),
        ("1.0^git1", "1.01", -1),
        ("1.0^20160101", "1.0.1", -1),
        ("1.0~rc1^git1", "1.0~rc1", 1),
        ("1.0^git1~pre", "1.0^git1", -1),
    ],
)
def test_rpms_order(first: str, second: str, order: int) -> None:
    assert _rpm.compare(first, second) == order
    assert _rpm.compare(second, first) == -order


def test_a_digit_that_is_no_number_is_text() -> None:
    assert _rpm.evr("²:1-1") == ("0", "1", "1")
    assert rpm_lowpkg._typed({"build_date_time_t": "²"}) == {"build_date_time_t": None}
    assert dpkg_lowpkg._date("²") == ""


@given(st.text(), st.text())
@example("", "²:")
@example(_rpm.GAP.join(["²"] * 7), "")
def test_any_text_may_be_rpms_or_dnfs(first: str, second: str) -> None:
    assert _rpm.version_cmp(first, second) == -_rpm.version_cmp(second, first)
    _rpm.package_of(first, "x86_64")
    list(_yum.packages(first, "x86_64"))
    _yum.held(first, "dnf", full=False)
    _yum.locks(first, full=True)
    _yum_groups.listed(first, dnf5=True)
    _yum_groups.listed(first, dnf5=False)
    _yum_groups.about(first)


@given(st.text())
def test_any_text_may_be_apts(text: str) -> None:
    assert _apt.listed(text, "x86_64", "amd64").keys() >= {"installed", "removed"}
    assert _apt.candidates(text, ["a"]).keys() <= {"a"}
    for read in (_apt.upgrades, _apt.fetched, _apt.failed, _apt.repository_versions):
        assert all(name in text for name in read(text))
    assert isinstance(_apt.records(text, []), dict)


@given(st.text(alphabet="deb-src []=#\nhttp://x .:TypesURISuitesab", max_size=200))
def test_any_text_may_be_a_list_of_sources(text: str) -> None:
    for path in ("/x.list", "/x.sources"):
        assert all(isinstance(str(one), str) for one in _apt_sources.parsed(text, path))


def test_dpkgs_list() -> None:
    text = (
        "install ok installed bash 5.2 amd64\n"
        "install ok installed libc6 2.36 amd64\n"
        "install ok installed libc6 2.36 i386\n"
        "hold ok installed vim 2:9.0 all\n"
        "deinstall ok config-files nano 7.2 amd64\n"
        "purge ok installed joe 4 amd64\n"
        "unknown ok not-installed\n"
        "junk\n"
    )
    assert _apt.listed(text, "x86_64", "amd64") == {
        "installed": {"bash": ["5.2"], "libc6": ["2.36"], "libc6:i386": ["2.36"], "vim": ["2:9.0"]},
        "removed": {"nano": ["7.2"]},
        "purge_desired": {"joe": ["4"]},
    }


def test_apts_words() -> None:
    update = (
        "Hit:1 http://deb.debian.org/debian bookworm InRelease\n"
        "Get:2 http://deb.debian.org/debian-security bookworm-security InRelease [48.0 kB]\n"
        "Ign:3 http://x.example stable InRelease\nErr:4 http://x.example stable Release\n  404  Not Found\n"
        "Reading package lists...\n"
    )
    assert _apt.fetched(update) == {
        "http://deb.debian.org/debian bookworm InRelease": None,
        "http://deb.debian.org/debian-security bookworm-security InRelease": True,
        "http://x.example stable InRelease": False,
        "http://x.example stable Release": False,
    }
    assert _apt.failed(update) == ["http://x.example stable Release"]
    printed = "Inst bash [5.1] (5.2 Debian:12 [amd64])\nConf bash (5.2 Debian:12 [amd64])\n"
    assert _apt.upgrades(printed) == {"bash": "5.2"}


class TestSources:
    TEXT = (
        "# remark\n\ndeb  http://a.example   stable main contrib # why\n"
        "#deb [ arch=amd64,arm64 trusted=yes ] http://b sid x\n"
        "deb cdrom:[Debian GNU/Linux 12]/ bookworm main\ndeb [broken\nnonsense\n"
    )

    def sources(self, folder: Path, text: str, name: str = "x.list") -> _apt_sources.Sources:
        (folder / name).write_text(text)
        return _apt_sources.Sources(str(folder / "none"), str(folder))

    def test_lines(self, tmp_path: Path) -> None:
        one, two, disc = self.sources(tmp_path, self.TEXT).valid()
        assert (one.uris, one.suites, one.comps) == (["http://a.example"], ["stable"], ["main", "contrib"])
        assert one.comment == " why"
        assert (two.disabled, two.architectures, two.trusted, two.comps) == (True, ["amd64", "arm64"], True, ["x"])
        assert str(two) == "# deb [arch=amd64,arm64 trusted=yes] http://b sid x"
        assert (disc.uri, disc.dist) == ("cdrom:[Debian GNU/Linux 12]/", "bookworm")

    def test_what_does_not_change_is_not_written(self, tmp_path: Path) -> None:
        (tmp_path / "other.list").write_text("deb   http://c.example   stable\n")
        sources = self.sources(tmp_path, self.TEXT)
        before = (tmp_path / "other.list").stat().st_ino
        sources.save()
        assert (tmp_path / "x.list").read_text() == self.TEXT
        next(one for one in sources.valid() if one.file.endswith("x.list")).comps = ["main"]
        sources.save()
        assert "deb http://a.example stable main # why\n" in (tmp_path / "x.list").read_text()
        assert "deb [broken\nnonsense\n" in (tmp_path / "x.list").read_text()
        assert (tmp_path / "other.list").stat().st_ino == before

    def test_stanzas(self, tmp_path: Path) -> None:
        text = (
            "# top\ntypes: deb\nURIs: http://a\nSuites: x y\nComponents:\n main\n contrib\n"
            "Signed-By:\n -----BEGIN\n .\n x\n"
        )
        sources = self.sources(tmp_path, text, "x.sources")
        (one,) = sources.valid()
        assert (one.suites, one.comps, one.disabled) == (["x", "y"], ["main", "contrib"], False)
        one.disabled = True
        sources.save()
        written = (tmp_path / "x.sources").read_text()
        assert written.startswith("# top\ntypes: deb\n")
        assert written.endswith("\n -----BEGIN\n .\n x\nEnabled: no\n")

    def test_a_full_disk_leaves_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sources = self.sources(tmp_path, self.TEXT)
        sources.valid()[0].comps = []

        def full(descriptor: int, mode: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("saltern.files.os.fchmod", full)
        with pytest.raises(CommandError, match=r"x\.list: can't be written: No space left"):
            sources.save()
        assert [path.name for path in tmp_path.iterdir()] == ["x.list"]
        assert (tmp_path / "x.list").read_text() == self.TEXT


def test_the_lock_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_apt, "LOCK_RETRY_S", 0)
    held = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt-get)"
    answers = [held, held, ""]

    def run_all(command: list[str], **options: Any) -> dict[str, Any]:
        said = answers.pop(0)
        return {"retcode": 100 if said else 0, "stdout": "", "stderr": said}

    assert _apt.call({"cmd.run_all": run_all}, ["apt-get"])["retcode"] == 0
    monkeypatch.setattr(_apt, "LOCK_WAIT_S", 0)
    answers[:] = [held]
    assert _apt.call({"cmd.run_all": run_all}, ["apt-get"])["stderr"] == held


class TestNames:
    @pytest.fixture
    def pkg(self, minion: Any) -> Any:
        def refused(command: list[str], **options: Any) -> Any:
            raise AssertionError(command)

        minion.grains.update(os_family="Debian", osarch="amd64", cpuarch="x86_64")
        minion.functions.update(
            {
                "cmd.run_all": refused,
                "cmd.run_stdout": lambda *args, **options: "",
                "pkg.normalize_name": lambda name: name,
            }
        )
        return minion

    def test_none_becomes_an_option(self, pkg: Any) -> None:
        changes, reading, holds = pkg.load("aptpkg_changes"), pkg.load("aptpkg"), pkg.load("aptpkg_holds")
        calls: list[Callable[[], Any]] = [
            lambda: changes.install("-oDpkg::Pre-Invoke::=x"),
            lambda: changes.install(pkgs=["-x"]),
            lambda: changes.remove("-x"),
            lambda: changes.purge(pkgs=["a", "--x"]),
            lambda: reading.latest_version("-x", refresh=False),
            lambda: reading.list_repo_pkgs("-x"),
            lambda: reading.show("-x"),
            lambda: holds.get_selections("--x"),
        ]
        for call in calls:
            with pytest.raises(ArgumentError, match="that would be an option"):
                call()

    @pytest.mark.parametrize(
        "env",
        [
            {"APT_CONFIG": "/tmp/x"},
            {"LD_PRELOAD": "/tmp/x.so"},
            {"PATH": "/tmp"},
            {"DEBIAN_FRONTEND": "x;system(id)"},  # debconf evaluates it as Perl
        ],
    )
    def test_removing_runs_nothing_of_the_callers(self, pkg: Any, env: dict[str, str]) -> None:
        for call in (pkg.load("aptpkg_changes").remove, pkg.load("aptpkg_changes").purge):
            with pytest.raises(ArgumentError, match="env takes DEBIAN_FRONTEND alone"):
                call("bash", env=env)

    def test_installing_removes_nothing(self, pkg: Any) -> None:
        with pytest.raises(ArgumentError, match="would remove a package"):
            pkg.load("aptpkg_changes").install("bash-")

    def test_a_selection_is_one_line(self, pkg: Any) -> None:
        pkg.functions["cmd.run_stdout"] = lambda *args, **options: "bash install"
        with pytest.raises(ArgumentError, match="no package can be called"):
            pkg.load("aptpkg_holds").set_selections(selection={"hold": ["a install\nb"]})
        with pytest.raises(ArgumentError, match="names of packages are wanted"):
            pkg.load("dpkg_lowpkg").unpurge("a\nb install")

    @pytest.mark.parametrize("name", ["../x", "a\nb", "a]b", ".x"])
    def test_repositories_have_names(self, pkg: Any, name: str) -> None:
        with pytest.raises(ArgumentError, match="no repository can be called"):
            pkg.load("yumpkg_repositories").mod_repo(name, basedir="/nowhere", baseurl="x")

    def test_options_of_dnf_are_words(self) -> None:
        given = {"fromrepo": "x", "setopt": "a=b,c=d", "security": True, "__pub_jid": "1"}
        words = ["--disablerepo=*", "--enablerepo=x", "--setopt=a=b", "--setopt=c=d", "--security"]
        assert _yum.options(given, extra=True, settings=True) == words
        with pytest.raises(ArgumentError, match="it may run a program"):
            _yum.options(given)
        with pytest.raises(ArgumentError, match="can't be an option"):
            _yum.options({"x y": True}, extra=True)

    def test_targets(self) -> None:
        def targets(**given: Any) -> Any:
            return _package_targets.targets({}, **given)

        assert targets(name="a,b", version=1).versions == {"a": "1", "b": "1"}
        assert targets(pkgs="a,b").versions == targets(pkgs="[a, b]").versions == {"a": None, "b": None}
        assert targets(pkgs='{"a": 1.5}').versions == {"a": "1.5"}
        assert targets() is targets(pkgs="{") is targets(pkgs=[{"a": 1, "b": 2}]) is targets(sources="{") is None


DNF4 = """Available Packages
bash.x86_64                    5.1.8-6.el9                  baseos
a-very-long-name-that-takes-a-line-of-its-own.noarch
                               1:2.0-1.el9                  @epel
libgcc.i686                    11.3.1-4.el9                 baseos
"""
DNF5 = """Available packages
bash.x86_64    5.2.26-3.fc40   fedora
vim.noarch     2:9.1-1.fc40    updates
"""


def test_lists_of_packages() -> None:
    found = [(one.name, one.version, one.arch, one.repoid) for one in _yum.packages(DNF4, "x86_64")]
    assert found == [
        ("bash", "5.1.8-6.el9", "x86_64", "baseos"),
        ("a-very-long-name-that-takes-a-line-of-its-own", "1:2.0-1.el9", "noarch", "epel"),
        ("libgcc.i686", "11.3.1-4.el9", "i686", "baseos"),
    ]
    (bare,) = _yum.packages("bash 5.1-1 installed", "x86_64")
    assert (bare.name, bare.arch) == ("bash", "x86_64")
    versions = {one.name: one.version for one in _yum.packages(DNF5, "x86_64")}
    assert versions == {"bash": "5.2.26-3.fc40", "vim": "2:9.1-1.fc40"}


@pytest.mark.parametrize(
    ("line", "tool", "full", "short"),
    [
        ("bash-0:5.1.8-6.el9.*", "dnf", "bash-0:5.1.8-6.el9.*", "bash"),
        ("python3-dnf-0:4.14.0-5.el9.*", "dnf", "python3-dnf-0:4.14.0-5.el9.*", "python3-dnf"),
        ("0:bash-4.2.46-34.el7.*", "yum", "0:bash-4.2.46-34.el7.*", "bash"),
        ("versionlock list done", "yum", None, None),
    ],
)
def test_what_is_held(line: str, tool: str, full: str | None, short: str | None) -> None:
    assert _yum.held(line, tool, full=True) == full
    assert _yum.held(line, tool, full=False) == short


def test_what_dnf5_holds() -> None:
    text = (
        'version = "1.0"\n[[packages]]\nname = "bash"\n[[packages.conditions]]\nkey = "evr"\ncomparator = "="\n'
        'value = "5.2-1"\n[[packages]]\nname = "vim"\n[[packages.conditions]]\nkey = "evr"\ncomparator = "<"\n'
        'value = "9"\n'
    )
    assert _yum.locks(text, full=True) == ["bash-0:5.2-1.*"]
    assert _yum.locks(text, full=False) == ["bash", "vim"]
    assert _yum.locks("junk [", full=True) == []


def test_groups_of_yum_and_dnf5() -> None:
    yum = (
        "Available Environment Groups:\n   Minimal Install\nInstalled Groups:\n   Tools\nAvailable Groups:\n   Base\n"
        "Available Language Groups:\n   German Support [de]\nDone\n   after\n"
    )
    found = _yum_groups.listed(yum, dnf5=False)
    assert found["available environments"] == ["Minimal Install"]
    assert (found["installed"], found["available"]) == (["Tools"], ["Base"])
    assert found["available languages"] == {"German Support [de]": {"name": "German Support", "language": "de"}}
    dnf5 = "ID             Name           Installed\ncore           Core           yes\nbase-x    base-x    no\n"
    assert _yum_groups.listed(dnf5, dnf5=True)["installed"] == ["core"]


def test_a_group_of_yum_and_dnf5() -> None:
    yum = (
        "Group: Base\n Group-Id: base\n Description: The basics.\n Mandatory Packages:\n   +bash\n    vim\n"
        " Optional Packages:\n   joe\n"
    )
    found = _yum_groups.about(yum)
    assert found is not None
    assert (found["group"], found["id"], found["type"]) == ("Base", "base", "package group")
    assert (found["mandatory"], found["optional"], found["default"]) == ({"bash", "vim"}, {"joe"}, set())
    dnf5 = (
        "Id                   : core\nName                 : Core\nMandatory packages   : bash\n"
        "                     : vim\nDefault packages     : joe\n"
    )
    found = _yum_groups.about(dnf5)
    assert found is not None
    assert (found["id"], found["mandatory"], found["default"]) == ("core", {"bash", "vim"}, {"joe"})
    assert _yum_groups.about("Error: No such group\n") is None


def test_an_environment_is_expanded(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        "env": "Environment Group: Env\n Environment-Id: env\n Mandatory Groups:\n   one\n Optional Groups:\n   two\n",
        "@one": "Group: One\n Group-Id: one\n Mandatory Packages:\n   a\n Default Packages:\n   b\n",
        "two": "Group: Two\n Group-Id: two\n Mandatory Packages:\n   c\n",
    }
    minion.functions["cmd.run_all"] = lambda command, **options: {"stdout": said.get(command[-1], ""), "stderr": ""}
    groups = minion.load("yumpkg_groups")
    found = groups.group_info("env", expand=True)
    assert (found["mandatory"], found["default"], found["optional"]) == (["a", "c"], ["b"], [])
    assert groups.group_info("env")["mandatory"] == ["one"]
    with pytest.raises(CommandError, match="Group 'x' not found"):
        groups.group_info("x")


def test_advisories(minion: Any) -> None:
    text = (
        "i RHSA-2024:1 Important/Sec. bash-5.1-2.x86_64\n  RHSA-2024:1 Important/Sec. bash-doc-5.1-2.x86_64\n"
        "i RHBA-2024:2 bugfix vim-9-1.noarch\n"
    )
    found = minion.load("yumpkg_patches")._patches(text)
    assert found["RHSA-2024:1"] == {"installed": False, "summary": ["bash-5.1-2.x86_64", "bash-doc-5.1-2.x86_64"]}
    assert found["RHBA-2024:2"]["installed"] is True


def test_what_rpm_verified(minion: Any) -> None:
    files = minion.load("rpm_lowpkg_files")
    text = "S.5....T.  c /etc/a.conf\n.M.......    /usr/bin/a\nmissing   d /usr/share/doc/a\nmissing     /usr/lib/b\n"
    assert files._verified(text, []) == {
        "/etc/a.conf": {"type": "config", "mismatch": ["size", "md5sum", "mtime"]},
        "/usr/bin/a": {"mismatch": ["mode"]},
        "/usr/share/doc/a": {"type": "doc", "missing": True},
        "/usr/lib/b": {"missing": True},
    }
    assert "/etc/a.conf" not in files._verified(text, ["config"])
    minion.functions["cmd.run_all"] = lambda command, **options: {"retcode": 1, "stdout": text, "stderr": ""}
    assert files.modified("a")["/etc/a.conf"] == ["size", "checksum", "time", "config"]
    assert list(files.modified("a", mode=True)) == ["/usr/bin/a"]
    with pytest.raises(ArgumentError, match="are words"):
        files.verify("a", verify_options="--x y")


def test_holding_by_versionlock(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run_all(command: list[str], **options: Any) -> dict[str, Any]:
        commands.append(command[1:])
        return {"retcode": 0, "stdout": "bash-0:5.1.8-6.el9.*\n", "stderr": ""}

    monkeypatch.setattr(_yum, "program", lambda: "dnf")
    minion.grains.update(os="Rocky", osmajorrelease=9)
    minion.functions["cmd.run_all"] = run_all
    minion.functions["pkg.list_pkgs"] = lambda: {"python3-dnf-plugin-versionlock": "1"}
    holds = minion.load("yumpkg_holds")
    assert holds.list_holds() == ["bash-0:5.1.8-6.el9.*"]
    assert holds.hold("bash")["bash"]["comment"] == "Package bash is already set to be held."
    assert holds.hold("vim")["vim"] == {
        "name": "vim",
        "changes": {"new": "hold", "old": ""},
        "result": True,
        "comment": "Package vim is now being held.",
    }
    assert commands[-1] == ["versionlock", "add", "vim"]
    assert holds.unhold("bash")["bash"]["comment"] == "Package bash is no longer held."
    assert commands[-1] == ["versionlock", "delete", "bash"]
    assert holds.unhold("vim")["vim"]["comment"] == "Package vim is not being held."
    minion.opts["test"] = True
    assert holds.hold("vim")["vim"]["result"] is None


def test_keys_of_repositories(minion: Any) -> None:
    keys = minion.load("aptpkg_keys")
    listed = (
        "tru::1:1\npub:-:4096:1:0E98404D386FA1D9:1610534400:1862995200::-:::scSC::::::23::0:\n"
        "fpr:::::::::1F89983E0081FDE018F3CC9673A4F27B8DD47936:\n"
        "uid:-::::1610534400::ABCD::Debian (11) <d@example>::::::::::0:\n"
        "sub:-:4096:1:6ED0E7B82643E131:1610534400:::::::s::::::23:\n"
        "fpr:::::::::AC530D520F2F3269F5E98313A48449044AAD5C5D:\njunk\n"
    )
    (key,) = keys._parsed(listed).values()
    assert (key["uid"], key["bits"], key["fingerprint"][-8:]) == ("Debian (11) <d@example>", 4096, "8DD47936")
    assert key["subkey"]["fingerprint"][-8:] == "4AAD5C5D"


def test_a_key_is_stored_as_apt_wants_it(minion: Any, tmp_path: Path) -> None:
    keys = minion.load("aptpkg_keys")
    armoured = (
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: 1\n\nAAECAw==\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"
    )
    place = {"aptkey": False, "keydir": str(tmp_path / "keys")}
    assert keys.add_repo_key(text=armoured, keyfile="x.gpg", **place) is True
    assert keys.add_repo_key(text=armoured, keyfile="x.asc", **place) is True
    assert (tmp_path / "keys/x.gpg").read_bytes() == bytes([0, 1, 2, 3])
    assert (tmp_path / "keys/x.asc").read_text() == armoured
    with pytest.raises(ArgumentError, match="must be a name"):
        keys.add_repo_key(text=armoured, keyfile="../x", **place)
    minion.functions["cmd.run_all"] = lambda command, **options: {"retcode": 0, "stdout": "", "stderr": ""}
    with pytest.raises(ArgumentError, match="No keyserver specified"):
        keys.add_repo_key(keyid="0123ABCD", **place)
    assert keys.add_repo_key(keyserver="x", keyid="0123ABCD", **place) is False
    assert keys.get_repo_keys(False, str(tmp_path / "none")) is False


@pytest.mark.parametrize(("family", "answer"), [("Debian", "pkg"), ("RedHat", False), ("", False)])
def test_apts_parts_are_for_debian(minion: Any, family: str, answer: Any) -> None:
    minion.grains.clear()
    minion.grains["os_family"] = family
    for part in ("aptpkg", "aptpkg_changes", "aptpkg_holds", "aptpkg_keys", "aptpkg_repositories"):
        found = minion.load(part).__virtual__()
        assert (found if isinstance(found, str) else found[0]) == answer
    for part in ("yumpkg", "yumpkg_groups", "rpm_lowpkg", "rpm_lowpkg_files") if family != "RedHat" else ():
        assert minion.load(part).__virtual__()[0] is False
