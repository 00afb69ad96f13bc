"""Services: what systemctl and chkconfig print in other versions, and what calls against the real Salt can't show."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import CommandError
from saltern_modules import _accounts, _systemd, _sysv

RUNNING = {
    "204, CentOS 7": (
        "proc-sys-fs-binfmt_misc.automount loaded active waiting   Arbitrary Executable File Formats\n"
        "crond.service                     loaded active running   Command Scheduler\n"
        "network.service                   loaded failed failed    LSB: Bring up/down networking\n"
        "dbus.socket                       loaded active running   D-Bus System Message Bus Socket\n"
        "session-1.scope                   loaded active running   Session 1 of user root\n"
        "user-0.slice                      loaded active running   root\n",
        ["crond", "dbus.socket"],
    ),
    "230, marks without a terminal": (
        "  cron.service           loaded active running Regular background program\n"
        "● kdump.service          loaded failed failed  Kernel crash dump\n"
        "● odd.service            loaded active running running of course\n"
        "* older.service          loaded active running marked by a star\n"
        "  getty@tty1.service     loaded active running Getty on tty1\n",
        ["cron", "getty@tty1", "odd", "older"],
    ),
    "252": (
        "  -.mount                loaded active mounted   Root Mount\n"
        "  init.scope             loaded active running   System and Service Manager\n"
        "  apt-daily.timer        loaded active waiting   Daily apt\n"
        "  sshd.service           loaded active running   OpenSSH\n"
        "↻ x.service              loaded active running   reloading\n",
        ["sshd", "x"],
    ),
    "nothing": ("", []),
    "not at work": ("System has not been booted with systemd as init system (PID 1). Can't operate.\n", []),
}
UNIT_FILES = (
    "proc-sys-fs-binfmt_misc.automount          static  -\n"
    "a.service                                  enabled enabled\n"
    "b@.service                                 disabled enabled\n"
    "c.timer                                    enabled disabled\n"
    "d.service                                  enabled-runtime enabled\n"
    "e.service                                  masked\n"
    "f.slice                                    static\n"
    "g.with.dots.service                        enabled\n"
    "h.service                                  static\n"
    "junk\n\n"
    "3 unit files listed.\n"
)
SHOW = """Type=simple
ExecStart={ path=/usr/sbin/sshd ; argv[]=/usr/sbin/sshd -D --opt=x ; ignore_errors=no ; start_time=[n/a] ; pid=0 }
Environment=A=b C=d=e
After=a.service  b.target
Wants=
Before=
Description=x = y
ExecStop={ }
"""


class Programs:
    """Stand-ins: answers ``(retcode, stdout, stderr)`` by words that are in a command line, the first that fits."""

    def __init__(self, answers: Mapping[str, tuple[int, str, str]] | None = None) -> None:
        self.calls: list[list[str]] = []
        self.answers = dict(answers or {})

    def run_all(self, argv: list[str], **options: Any) -> dict[str, Any]:
        assert options["python_shell"] is False
        self.calls.append(argv)
        line = " ".join(argv)
        retcode, stdout, stderr = next((value for words, value in self.answers.items() if words in line), (0, "", ""))
        return {"pid": 1, "retcode": retcode, "stdout": stdout, "stderr": stderr}

    def retcode(self, argv: list[str], **options: Any) -> int:
        return int(self.run_all(argv, **options)["retcode"])

    def run_stdout(self, argv: list[str], **options: Any) -> str:
        return str(self.run_all(argv, **options)["stdout"])

    def changes(self) -> list[list[str]]:
        """Return the calls that aren't questions."""
        return [call for call in self.calls if not {"status", "--version", "is-enabled"} & set(call)]


@pytest.fixture
def programs(minion: Any, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = Programs()
    calls = {"run_all": found.run_all, "retcode": found.retcode, "run_stdout": found.run_stdout}
    minion.functions.update({f"cmd.{name}": call for name, call in calls.items()})
    monkeypatch.setattr(_accounts, "found_program", lambda name: f"/x/{name}")
    monkeypatch.setattr(_systemd, "booted", lambda: True)
    return found


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folders of units and scripts, empty ones."""
    for name in ("etc", "lib", "init.d"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(_systemd, "UNIT_FOLDERS", (str(tmp_path / "lib"), str(tmp_path / "none")))
    monkeypatch.setattr(_systemd, "LOCAL_FOLDER", str(tmp_path / "etc"))
    monkeypatch.setattr(_systemd, "SCRIPTS", str(tmp_path / "init.d"))
    monkeypatch.setattr(_sysv, "SCRIPTS", str(tmp_path / "init.d"))
    return tmp_path


@pytest.fixture
def service(minion: Any, programs: Programs, folders: Path) -> Any:
    return minion.load("systemd_service")


@pytest.fixture
def query(minion: Any, programs: Programs, folders: Path) -> Any:
    return minion.load("systemd_query")


class TestWhatSystemctlPrints:
    @pytest.mark.parametrize("version", list(RUNNING))
    def test_running(self, version: str) -> None:
        text, found = RUNNING[version]
        assert _systemd.parse_running(text) == found

    @pytest.mark.parametrize(
        ("state", "found"),
        [("enabled", ["a", "c.timer", "g.with.dots"]), ("disabled", ["b@"]), ("masked", ["e"])],
    )
    def test_unit_files(self, state: str, found: list[str]) -> None:
        assert _systemd.parse_unit_files(UNIT_FILES, state) == found

    def test_static(self) -> None:
        assert _systemd.parse_unit_files(UNIT_FILES, "static") == ["h", "proc-sys-fs-binfmt_misc.automount"]

    def test_properties(self) -> None:
        found = _systemd.parse_show(SHOW.rstrip())
        assert found["ExecStart"] == {
            "path": "/usr/sbin/sshd",
            "argv[]": "/usr/sbin/sshd -D --opt",
            "ignore_errors": "no",
            "start_time": "[n/a]",
            "pid": "0",
        }
        assert found["Environment"] == "A=b C=d=e"
        assert found["After"] == ["a.service", "b.target"]
        assert (found["Wants"], found["Before"], found["Description"]) == ([], [], "x = y")
        assert found["ExecStop"] == {}
        assert _systemd.parse_show("") == {}

    @pytest.mark.parametrize(
        ("text", "loaded"),
        [
            ("● a.service - A\n   Loaded: loaded (/lib/a; enabled)\n   Active: active\n", True),
            ("● a.service\n   Loaded: not-found (Reason: No such file or directory)\n", False),
            ("● a.service\n\tLoaded: masked (/dev/null)\n", True),
            ("Unit a.service could not be found.", False),
            ("Failed to get D-Bus connection: No such file or directory", None),
            ("", None),
        ],
    )
    def test_status_of_old_versions(self, text: str, loaded: bool | None) -> None:
        assert _systemd.parse_loaded(text) is loaded

    @pytest.mark.parametrize(
        ("text", "version"),
        [
            ("systemd 252 (252.39-1~deb12u2)\n+PAM", 252),
            ("systemd 219\n+PAM", 219),
            ("", None),
            ("no 5x", 5),
            ("x", None),
        ],
    )
    def test_version(self, text: str, version: int | None) -> None:
        assert _systemd.parse_version(text) == version

    @given(st.text(alphabet="●x.service{}=; \n@") | st.text())
    def test_anything_can_be_read(self, text: str) -> None:
        for units in (_systemd.parse_running(text), _systemd.parse_unit_files(text, "enabled")):
            assert units == sorted(units)
        assert all(name in text for name in _systemd.parse_show(text))
        assert _systemd.parse_loaded(text) in (True, False, None)
        assert (_systemd.parse_version(text) or 0) >= 0
        assert "." in _systemd.unit(_systemd.without_scope(text))
        assert all(name in text for name in _sysv.parse_chkconfig(text))

    @pytest.mark.parametrize(
        ("name", "full"),
        [
            ("sshd", "sshd.service"),
            ("sshd.service", "sshd.service"),
            ("a.timer", "a.timer"),
            ("a.b", "a.b.service"),
            ("mytarget", "mytarget.service"),
            ("x@y", "x@y.service"),
            ("a.slice", "a.slice"),
            ("service", "service.service"),
            (5, "5.service"),
        ],
    )
    def test_full_names(self, name: Any, full: str) -> None:
        assert _systemd.unit(name) == full


class TestSystemd:
    @pytest.mark.parametrize(
        "action", ["start", "stop", "restart", "reload_", "force_reload", "enable", "disable", "mask"]
    )
    @pytest.mark.parametrize("name", ["-H=evil", "/tmp/evil.service", "../x", "a\nb", "--root=/"])
    def test_a_name_is_no_option_and_no_path(self, service: Any, programs: Programs, action: str, name: str) -> None:
        with pytest.raises(CommandError, match="is not the name of a unit"):
            getattr(service, action)(name)
        assert programs.calls == []

    def test_what_is_asked_comes_after_the_options(self, query: Any, programs: Programs) -> None:
        programs.answers = {"--version": (0, "systemd 252", "")}
        for function in (query.available, query.enabled, query.status, query.show, query.masked):
            function("--help")
        calls = [call for call in programs.calls if "--version" not in call]
        assert {tuple(call[-2:]) for call in calls} == {("--", "--help.service")}

    def test_what_is_run(self, service: Any, programs: Programs) -> None:
        assert service.start("a", no_block=True) is service.stop("a.timer") is service.restart("x@y") is True
        assert service.reload_("a") is service.force_reload("a") is service.enable("a", root="/r", extra=1) is True
        assert service.disable("a") is service.mask("a", runtime=True) is True
        assert [call[1:] for call in programs.changes()] == [
            ["--no-block", "start", "--", "a.service"],
            ["stop", "--", "a.timer"],
            ["restart", "--", "x@y.service"],
            ["reload", "--", "a.service"],
            ["--no-block", "force-reload", "--", "a.service"],
            ["--root", "/r", "enable", "--", "a.service"],
            ["disable", "--", "a.service"],
            ["mask", "--runtime", "--", "a.service"],
        ]

    @pytest.mark.parametrize("name", ["saltern-agent", "salt-minion.service"])
    def test_the_agent_does_not_wait_for_its_own_end(self, service: Any, programs: Programs, name: str) -> None:
        service.restart(name)
        service.stop(name)
        service.stop(name, no_block=False)
        assert ["--no-block" in call for call in programs.changes()] == [True, True, False]

    @pytest.mark.parametrize("action", ["start", "restart", "reload_", "force_reload", "enable"])
    def test_what_systemd_says_is_raised(self, service: Any, programs: Programs, action: str) -> None:
        said = "Running scope as unit: run-1.scope\nFailed: Unit a.service not found.\n"
        programs.answers = {"status": (0, "", ""), "-- a.service": (5, "", said)}
        with pytest.raises(CommandError, match=r"^Failed: Unit a\.service not found\.$"):
            getattr(service, action)("a")
        assert service.stop("a") is service.disable("a") is False
        with pytest.raises(CommandError, match=r"^Failed to mask service 'a'\. Additional info follows"):
            service.mask("a")

    def test_masks(self, service: Any, query: Any, programs: Programs, folders: Path) -> None:
        units = folders / "r/etc/systemd/system"
        units.mkdir(parents=True)
        (units / "a.service").symlink_to("/dev/null")
        (units / "b.service").symlink_to("/dev/zero")
        (units / "c.service").write_text("")
        root = str(folders / "r")
        assert [query.masked(name, root=root) for name in "abcd"] == [True, False, False, False]
        assert query.masked("a", runtime=True, root=root) is False
        assert service.unmask_("a", root=root) is service.unmask_("b", root=root) is True
        assert service.enable("a", unmask=True, unmask_runtime=True, root=root) is True
        assert [call[3:] for call in programs.changes()] == [
            ["unmask", "--", "a.service"],
            ["unmask", "--", "a.service"],
            ["enable", "--", "a.service"],
        ]
        programs.answers = {"unmask": (1, "", "no")}
        with pytest.raises(CommandError, match="Failed to unmask service 'a'"):
            service.unmask_("a", root=root)

    def test_a_changed_unit_file_is_read_anew(self, query: Any, programs: Programs, folders: Path) -> None:
        warning = "Warning: a.service changed on disk. Run 'systemctl daemon-reload' to reload units."
        programs.answers = {"status": (0, warning, ""), "is-active": (3, "", "")}
        assert query.status("a") is False
        assert programs.changes()[0][1:] == ["--system", "daemon-reload"]
        programs.answers["daemon-reload"] = (1, "no", "")
        with pytest.raises(CommandError, match="Problem performing systemctl daemon-reload: no"):
            query.status("a")

    def test_a_new_unit_file_is_read(self, query: Any, programs: Programs, folders: Path) -> None:
        (folders / "etc/a.service").write_text("")
        programs.answers = {
            "--version": (0, "systemd 252", ""),
            "status": (4, "Unit a.service could not be found.", ""),
        }
        assert query.available("a") is False
        assert [call[1:] for call in programs.changes()] == [["--system", "daemon-reload"]]

    @pytest.mark.parametrize(
        ("version", "retcode", "there"),
        [("systemd 252", 3, True), ("systemd 252", 4, False), ("systemd 219", 3, False)],
    )
    def test_what_there_is(self, query: Any, programs: Programs, version: str, retcode: int, there: bool) -> None:
        programs.answers = {"--version": (0, version, ""), "status": (retcode, "  Loaded: not-found (x)", "")}
        assert query.available("a") is there
        assert query.missing("a") is not there

    def test_an_old_version_that_says_nothing(self, query: Any, programs: Programs) -> None:
        programs.answers = {"--version": (0, "systemd 219", ""), "status": (3, "", "")}
        with pytest.raises(CommandError, match="Failed to get information on unit 'a'"):
            query.available("a")

    def test_offline(self, query: Any, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
        assert query.offline() is False
        monkeypatch.setattr(_systemd, "booted", lambda: False)
        assert query.offline() == "/x/systemctl"
        with pytest.raises(CommandError, match=r"Cannot run in offline mode\. Failed to get information on unit 'a'"):
            query.available("a")

    def test_an_alias_is_what_is_behind_it(self, query: Any, programs: Programs) -> None:
        programs.answers = {
            "is-enabled -- b.service": (1, "disabled", ""),
            "is-enabled": (0, "alias", ""),
            "show": (0, "b.service", ""),
        }
        assert query.enabled("a") is False
        programs.answers["is-enabled -- b.service"] = (0, "enabled", "")
        assert query.enabled("a") is not query.disabled("a") is False

    def test_templates_of_old_versions(self, query: Any, programs: Programs, folders: Path) -> None:
        programs.answers = {"is-enabled": (1, "", "No such file")}
        wants = folders / "etc/multi-user.target.wants"
        wants.mkdir()
        assert query.enabled("x@y.service") is False
        (wants / "x@y.service").symlink_to("/lib/x@.service")
        assert query.enabled("x@y.service") is True

    def test_scripts_beside_units(
        self, service: Any, query: Any, programs: Programs, folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folders / "lib/b.service").write_text("")
        (folders / "lib/notes.txt").write_text("")
        (folders / "etc/c.timer").write_text("")
        for name in ("old", "b", "no"):
            (folders / "init.d" / name).write_text("")
            (folders / "init.d" / name).chmod(0o644 if name == "no" else 0o755)
        programs.answers = {
            "runlevel": (0, "N 5", ""),
            "is-enabled": (1, "disabled", ""),
            "list-unit-files": (0, UNIT_FILES, ""),
        }
        assert query.get_all() == ["b", "c.timer", "old"]
        assert "old" not in query.get_enabled(root=str(folders / "r"))
        links: list[str] = []
        listed = os.listdir
        monkeypatch.setattr(os, "listdir", lambda path: links if path == "/etc/rc5.d" else listed(path))
        assert "old" in query.get_disabled()
        assert query.enabled("old") is False
        links += ["S01old", "K01no"]
        assert query.enabled("old") is True
        assert "old" not in query.get_disabled()
        assert query.get_enabled() == ["a", "c.timer", "g.with.dots", "old"]
        assert service.enable("old") is service.disable("old") is True
        assert programs.changes()[-2:] == [
            ["/x/update-rc.d", "-f", "old", "defaults", "99"],
            ["/x/update-rc.d", "-f", "old", "remove"],
        ]
        monkeypatch.setattr(_accounts, "found_program", lambda name: None if name == "update-rc.d" else f"/x/{name}")
        assert service.enable("old") is True
        assert programs.calls[-1] == ["/x/chkconfig", "old", "on"]
        monkeypatch.setattr(_accounts, "found_program", lambda name: "/x/systemctl" if name == "systemctl" else None)
        with pytest.raises(CommandError, match="Unable to find sysv service manager"):
            service.disable("old")

    def test_first_boot(self, service: Any, programs: Programs) -> None:
        assert service.firstboot(locale="de_DE", machine_id="-x", root="/r") is True
        assert programs.calls == [["/x/systemd-firstboot", "--locale=de_DE", "--machine-id=-x", "--root=/r"]]
        programs.answers = {"firstboot": (1, "", "no")}
        with pytest.raises(CommandError, match="systemd-firstboot error: no"):
            service.firstboot()


class TestWhichDriver:
    @pytest.mark.parametrize(
        ("os_name", "booted", "systemctl", "drivers"),
        [
            ("Debian", True, True, {"systemd_service", "systemd_query"}),
            ("Debian", False, False, {"debian_service"}),
            ("Debian", False, True, {"debian_service", "systemd_service", "systemd_query"}),
            ("Ubuntu", False, False, set()),
            ("Alpine", False, False, {"linux_service"}),
            ("Alpine", True, True, {"systemd_service", "systemd_query"}),
            ("CentOS", False, False, {"rh_service"}),
            ("CentOS", True, True, {"systemd_service", "systemd_query"}),
        ],
    )
    def test_of_a_system(
        self,
        minion: Any,
        monkeypatch: pytest.MonkeyPatch,
        os_name: str,
        booted: bool,
        systemctl: bool,
        drivers: set[str],
    ) -> None:
        minion.grains.update(os=os_name, osrelease_info=[6, 5])
        monkeypatch.setattr(_systemd, "booted", lambda: booted)
        monkeypatch.setattr(_accounts, "found_program", lambda name: "/x" if systemctl else None)
        names = ("systemd_service", "systemd_query", "debian_service", "rh_service", "linux_service")
        said = {name: minion.load(name).__virtual__() for name in names}
        assert {name for name, found in said.items() if found == "service"} == drivers
        assert all(found == "service" or found[0] is False for found in said.values())

    @pytest.mark.parametrize(
        ("grains", "here"),
        [
            ({"os": "CentOS", "osrelease_info": [7]}, False),
            ({"os": "SUSE", "osrelease_info": [11, 4]}, True),
            ({"os": "SUSE", "osrelease_info": [12]}, False),
            ({"os": "Amazon", "osrelease_info": [2018]}, True),
            ({"os": "Fedora", "osrelease_info": ["x"]}, True),
            ({"os": "Slackware"}, False),
        ],
    )
    def test_red_hats(self, minion: Any, monkeypatch: pytest.MonkeyPatch, grains: dict[str, Any], here: bool) -> None:
        minion.grains.update(grains)
        monkeypatch.setattr(_systemd, "booted", lambda: False)
        assert (minion.load("rh_service").__virtual__() == "service") is here


CHKCONFIG = """
Note: This output shows SysV services only.

crond           0:off   1:off   2:on    3:on    4:on    5:on    6:off
sshd            0:off   1:off   2:off   3:off   4:off   5:on    6:off
gone            0:off   1:off   2:on    3:on    4:on    5:on    6:off

xinetd based services:
        chargen-dgram:  off
"""


class TestRedHat:
    @pytest.fixture
    def rh(self, minion: Any, programs: Programs, folders: Path) -> Any:
        for name in ("crond", "sshd"):
            (folders / "init.d" / name).write_text("")
            (folders / "init.d" / name).chmod(0o755)
        programs.answers = {"--list none": (1, "", ""), "--list": (0, CHKCONFIG, ""), "runlevel": (0, "N 3", "")}
        return minion.load("rh_service")

    def test_lists(self, rh: Any) -> None:
        assert (rh.get_all(), rh.get_enabled(), rh.get_disabled("sysvinit")) == (["crond", "sshd"], ["crond"], ["sshd"])
        assert rh.get_all("upstart") == rh.get_enabled("UPSTART") == rh.get_disabled("upstart") == []
        assert (rh.enabled("crond"), rh.disabled("sshd"), rh.enabled("none")) == (True, True, False)

    def test_an_unknown_runlevel(self, rh: Any, programs: Programs) -> None:
        programs.answers["runlevel"] = (1, "unknown", "")
        assert rh.get_enabled() == ["crond"]
        programs.answers["runlevel"] = (0, "3 5", "")
        assert rh.get_enabled() == ["crond", "sshd"]

    def test_what_there_is(self, rh: Any) -> None:
        assert (rh.available("sshd"), rh.missing("sshd"), rh.available("none"), rh.missing("none")) == (
            True,
            False,
            False,
            True,
        )
        assert (rh.available("gone"), rh.available("gone", "sysvinit"), rh.available("sshd", "upstart")) == (
            True,
            False,
            False,
        )

    def test_what_is_run(self, rh: Any, programs: Programs) -> None:
        assert (
            rh.start("sshd") is rh.stop("sshd") is rh.restart("sshd") is rh.reload_("sshd") is rh.status("sshd") is True
        )
        assert rh.enable("sshd") is rh.disable("none") is rh.delete("sshd") is True
        assert rh.delete("none") is False
        words = ["start", "stop", "restart", "reload", "status"]
        assert programs.calls[:5] == [["/sbin/service", "sshd", word] for word in words]
        assert [call[1:] for call in programs.calls[5:]] == [
            ["--list", "sshd"],
            ["sshd", "on"],
            ["--list", "none"],
            ["--add", "none"],
            ["none", "off"],
            ["--list", "sshd"],
            ["--del", "sshd"],
            ["--list", "none"],
        ]

    def test_status_by_a_signature(self, rh: Any, minion: Any) -> None:
        minion.functions["status.pid"] = lambda sig: "5" if sig == "x" else ""
        assert (rh.status("sshd", "x"), rh.status("sshd", "y")) == (True, False)
        assert rh.status("*d") == {"crond": True, "sshd": True}


class TestNames:
    @pytest.mark.parametrize("driver", ["debian_service", "rh_service", "linux_service"])
    @pytest.mark.parametrize("name", ["../../tmp/evil", "-x", "a b", "a;id", "", "..", "a\n", None, 5])
    def test_a_script_is_no_path_and_no_option(
        self, minion: Any, programs: Programs, folders: Path, driver: str, name: Any
    ) -> None:
        module = minion.load(driver)
        for function in ("start", "stop", "restart", "reload_", "enable", "disable"):
            if hasattr(module, function):
                assert getattr(module, function)(name) is False
        assert [call for call in programs.calls if "runlevel" not in call[0]] == []

    def test_any_linux(self, minion: Any, programs: Programs, folders: Path) -> None:
        linux = minion.load("linux_service")
        minion.functions["status.pid"] = lambda sig: "1\n2" if sig == "a" else ""
        (folders / "init.d/a").write_text("")
        (folders / "init.d/b").write_text("")
        assert linux.get_all() == ["a", "b"]
        assert (linux.available("a"), linux.missing("a"), linux.status("a"), linux.status("x", "a")) == (
            True,
            False,
            "1\n2",
            "1\n2",
        )
        assert linux.status("*") == {"a": "1\n2", "b": ""}
        assert linux.run("a", "init db") is True
        assert programs.calls == [[str(folders / "init.d/a"), "init", "db"]]
        minion.grains["os"] = "Arch"
        linux.start("a")
        assert programs.calls[-1] == ["/etc/rc.d/a", "start"]

    def test_debians_links(
        self, minion: Any, programs: Programs, folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        debian = minion.load("debian_service")
        (folders / "init.d/README").write_text("")
        (folders / "init.d/x11-common").write_text("")
        (folders / "init.d/off").write_text("")
        links = {"/etc/rc4.d": ["S01x11-common", "K01off", "README"], "/etc/rcS.d": ["S02early"]}
        isdir, listed = os.path.isdir, os.listdir
        monkeypatch.setattr(os.path, "isdir", lambda path: path in links or isdir(path))
        monkeypatch.setattr(os, "listdir", lambda path: links.get(path) or listed(path))
        programs.answers = {"runlevel": (0, "N 4", "")}
        assert debian.get_enabled() == ["early", "x11-common"]
        assert debian.get_all() == ["early", "off", "x11-common"]
        assert debian.get_disabled() == ["off"]
        assert (debian.enabled("early"), debian.disabled("off"), debian.available("off"), debian.missing("off")) == (
            True,
            True,
            True,
            False,
        )
        assert debian.enable("off") is True
        assert programs.calls[-2:] == [["/x/update-rc.d", "off", "defaults"], ["/x/update-rc.d", "off", "enable"]]
        minion.functions["status.pid"] = lambda sig: ""
        assert debian.status("off", "sig") is False
