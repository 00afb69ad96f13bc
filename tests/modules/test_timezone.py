"""The modules ``timezone`` and ``locale`` on trees of files, by hosts with and without systemd."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _locales, _rewriting

TIMEDATECTL = (
    "               Local time: Sun 2026-11-29 16:22:41 CET\n           Universal time: Sun 2026-11-29 15:22:41 UTC\n"
    "                 RTC time: Sun 2026-11-29 15:22:41\n                Time zone: Europe/Berlin (CET, +0100)\n"
    "System clock synchronized: yes\n              NTP service: active\n          RTC in local TZ: no\n"
)


@pytest.fixture
def zone(minion: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module on a Debian without ``timedatectl``."""
    module = minion.load("timezone")
    (tmp_path / "etc/default").mkdir(parents=True)
    for name, rules in {"Etc/UTC": b"TZif2utc", "Europe/Berlin": b"TZif2cet", "Europe/Paris": b"TZif2cet"}.items():
        path = tmp_path / "zoneinfo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rules)
    (tmp_path / "zoneinfo/tzdata.zi").write_text(
        "# version 2024a\nR d 1916 o - Jun 14 23s 1 S\nZ Europe/Berlin 0:53:28 - LMT 1893 Ap\n1 e CE%sT 1980\n"
        "L Europe/Berlin Europe/Oslo\nZ Africa/Abidjan -0:16:8 - LMT 1912\n"
    )
    (tmp_path / "etc/localtime").symlink_to(tmp_path / "zoneinfo/Etc/UTC")
    (tmp_path / "etc/timezone").write_text("Etc/UTC\n")
    monkeypatch.setattr(module, "ETC", str(tmp_path / "etc"))
    monkeypatch.setattr(module, "ZONES", str(tmp_path / "zoneinfo"))
    monkeypatch.setattr(module, "found", lambda name: None)
    minion.grains["os_family"] = "Debian"
    return module


def systemd(minion: Any, zone: Any, monkeypatch: pytest.MonkeyPatch, retcode: int = 0) -> list[list[str]]:
    """Have ``timedatectl`` be there; return what it is asked."""
    asked: list[list[str]] = []

    def run_all(argv: list[str], **kwargs: Any) -> dict[str, Any]:
        asked.append(argv[1:])
        return {"retcode": retcode, "stdout": TIMEDATECTL, "stderr": "not booted with systemd"}

    monkeypatch.setattr(zone, "found", lambda name: name)
    minion.functions["cmd.run_all"] = run_all
    minion.functions["cmd.retcode"] = lambda argv, **kwargs: run_all(argv)["retcode"]
    return asked


def test_a_host_with_systemd(minion: Any, zone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = systemd(minion, zone, monkeypatch)
    assert (zone.get_zone(), zone.get_hwclock()) == ("Europe/Berlin", "UTC")
    assert zone.set_hwclock("localtime") is True
    assert zone.set_zone("Europe/Paris") is True
    assert asked[-3:] == [[], ["set-local-rtc", "true"], ["set-timezone", "Europe/Paris"]]


def test_a_systemd_that_does_not_run(minion: Any, zone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    systemd(minion, zone, monkeypatch, retcode=1)
    assert zone.get_zone() == "Etc/UTC"
    assert zone.set_zone("Europe/Berlin") is True
    assert zone.get_zone() == "Europe/Berlin"


def test_the_zone_is_set_in_all_places(zone: Any, tmp_path: Path) -> None:
    assert zone.set_zone("Europe/Berlin") is True
    assert os.readlink(tmp_path / "etc/localtime") == str(tmp_path / "zoneinfo/Europe/Berlin")
    assert (tmp_path / "etc/timezone").read_text() == "Europe/Berlin\n"
    assert zone.zone_compare("Europe/Berlin") is True
    assert zone.zone_compare("Europe/Paris") is False
    assert sorted(path.name for path in (tmp_path / "etc").iterdir()) == ["default", "localtime", "timezone"]


@pytest.mark.parametrize(
    "name", ["../../etc/shadow", "/etc/passwd", "-x", "", "Europe", "Europe/../Etc/UTC", "tzdata.zi"]
)
def test_what_is_no_zone(zone: Any, tmp_path: Path, name: str) -> None:
    assert zone.set_zone(name) == f"Zone does not exist: {tmp_path}/zoneinfo/{name}"
    assert zone.get_zone() == "Etc/UTC"


def test_the_zone_by_the_link(zone: Any, minion: Any, tmp_path: Path) -> None:
    minion.grains["os_family"] = "RedHat"
    assert zone.get_zone() == "Etc/UTC"
    (tmp_path / "etc/sysconfig").mkdir()
    (tmp_path / "etc/sysconfig/clock").write_text('# ZONE="x"\nZONE="Europe/Paris"\nUTC=true\n')
    assert zone.get_zone() == "Europe/Paris"
    assert zone.set_zone("Europe/Berlin") is True
    assert (tmp_path / "etc/sysconfig/clock").read_text() == '# ZONE="x"\nZONE="Europe/Berlin"\nUTC=true\n'


def test_a_zone_without_a_name(zone: Any, tmp_path: Path) -> None:
    (tmp_path / "etc/timezone").unlink()
    (tmp_path / "etc/localtime").unlink()
    with pytest.raises(CommandError, match="Unable to get timezone"):
        zone.get_zone()
    with pytest.raises(CommandError, match=r"Failed to read .*/localtime to determine current timezone: No such file"):
        zone.zone_compare("Europe/Paris")
    (tmp_path / "etc/localtime").write_bytes(b"TZif2cet")
    assert (zone.zone_compare("Europe/Paris"), zone.zone_compare("Etc/UTC")) == (True, False)
    with pytest.raises(ArgumentError, match='Can\'t find a local timezone "No/Zone"'):
        zone.zone_compare("No/Zone")


def test_zones(zone: Any, tmp_path: Path) -> None:
    assert zone.list_zones() == ["Africa/Abidjan", "Europe/Berlin", "Europe/Oslo"]
    (tmp_path / "zoneinfo/tzdata.zi").unlink()
    (tmp_path / "zoneinfo/zone.tab").write_text(
        "#code\nDE\t+5230+01322\tEurope/Berlin\tmost\nAD\t+4230+00131\tEurope/Andorra\n"
    )
    assert zone.list_zones() == ["Europe/Andorra", "Europe/Berlin"]


def test_the_hardware_clock(zone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: path != "/dev/rtc" and real(path))
    assert zone.get_hwclock() is None
    monkeypatch.setattr(os.path, "exists", lambda path: path == "/dev/rtc" or real(path))
    with pytest.raises(CommandError, match=r"Unable to get hwclock timezone from .*/adjtime"):
        zone.get_hwclock()
    (tmp_path / "etc/adjtime").write_text("0.0 0 0.0\n0\nLOCAL\n")
    assert zone.get_hwclock() == "LOCAL"
    (tmp_path / "etc/default/rcS").write_text("#UTC=no\nUTC=yes\n")
    assert zone.get_hwclock() == "UTC"
    assert zone.set_hwclock("localtime") is True
    assert zone.get_hwclock() == "localtime"
    assert (tmp_path / "etc/default/rcS").read_text() == "#UTC=no\nUTC=no\n"
    with pytest.raises(ArgumentError, match="Only 'UTC' and 'localtime' are allowed"):
        zone.set_hwclock("mars")


def test_a_failure_leaves_the_old_zone(zone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(CommandError, match=r"can't link .*/localtime: Operation not permitted"):
        zone.set_zone("Europe/Berlin")
    assert zone._linked() == "Etc/UTC"
    assert sorted(path.name for path in (tmp_path / "etc").iterdir()) == ["default", "localtime", "timezone"]


# ---- locale ----

LOCALECTL = (
    "   System Locale: LANG=en_US.UTF-8\n                  LC_TIME=de_DE.UTF-8\n       VC Keymap: (unset)\n"
    "      X11 Layout: us\n     X11 Options: a=b\n"
)


@pytest.fixture
def locale(minion: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module on a Debian without systemd."""
    module = minion.load("localemod")
    (tmp_path / "etc/default").mkdir(parents=True)
    (tmp_path / "i18n/locales").mkdir(parents=True)
    (tmp_path / "i18n/locales/en_IE").touch()
    (tmp_path / "i18n/SUPPORTED").write_text("en_IE.UTF-8 UTF-8\nen_IE ISO-8859-1\nde_DE.UTF-8 UTF-8\n")
    (tmp_path / "etc/locale.gen").write_text(
        "# a comment\n#  en_IE.UTF-8 UTF-8  \n# en_IE ISO-8859-1\nfr_FR.UTF-8 UTF-8"
    )
    (tmp_path / "etc/default/locale").write_text('# kept\nLANGUAGE=x\nLANG="C.UTF-8"\n')
    for name, value in {"ETC": "etc", "I18N": "i18n", "BOOTED_BY_SYSTEMD": "no"}.items():
        monkeypatch.setattr(module, name, str(tmp_path / value))
    monkeypatch.setattr(module, "found", lambda name: name)
    minion.grains.update(os="Debian", os_family="Debian", osmajorrelease=12)
    minion.functions["locale.list_avail"] = lambda: ["C", "C.utf8", "en_IE.utf8", "de_DE.iso885915@euro"]
    return module


@pytest.fixture
def ran(minion: Any) -> list[list[str]]:
    """What was run."""
    argvs: list[list[str]] = []

    def run_all(argv: list[str], **kwargs: Any) -> dict[str, Any]:
        argvs.append(argv)
        return {"retcode": 0, "stdout": LOCALECTL if "status" in argv else "", "stderr": "", "pid": 1}

    minion.functions["cmd.run_all"] = run_all
    minion.functions["cmd.run"] = lambda argv, **kwargs: run_all(argv)["stdout"]
    minion.functions["cmd.retcode"] = lambda argv, **kwargs: run_all(argv)["retcode"]
    return argvs


def test_the_locale_of_a_host_without_systemd(locale: Any, tmp_path: Path, ran: list[list[str]], minion: Any) -> None:
    assert locale.get_locale() == "C.UTF-8"
    assert locale.set_locale("en_IE.UTF-8") is True
    assert (tmp_path / "etc/default/locale").read_text() == '# kept\nLANGUAGE=x\nLANG="en_IE.UTF-8"\n'
    assert ran == [["update-locale"]]
    (tmp_path / "etc/default/locale").unlink()
    assert locale.get_locale() == ""
    minion.grains.update(os_family="RedHat")
    (tmp_path / "etc/sysconfig").mkdir()
    assert locale.set_locale("de_DE") is True
    assert locale.get_locale() == "de_DE"
    minion.grains.update(os_family="Haiku", oscodename="beta")
    with pytest.raises(CommandError, match='Error: "beta" is unsupported!'):
        locale.get_locale()


def test_the_locale_of_a_host_with_systemd(
    locale: Any, tmp_path: Path, ran: list[list[str]], minion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locale, "BOOTED_BY_SYSTEMD", str(tmp_path))
    assert locale.get_locale() == "en_US.UTF-8"
    assert locale.set_locale("de_DE.UTF-8") is True
    assert ran[-1] == ["localectl", "set-locale", "LANG=de_DE.UTF-8", "LC_TIME=de_DE.UTF-8"]
    minion.functions["cmd.retcode"] = lambda argv, **kwargs: 1
    assert locale.set_locale("de_DE.UTF-8") is True
    assert (tmp_path / "etc/locale.conf").read_text() == "LANG=de_DE.UTF-8\n"
    minion.functions["cmd.run"] = lambda argv, **kwargs: "odd"
    with pytest.raises(CommandError, match='Unable to parse result of "localectl"'):
        locale.get_locale()
    monkeypatch.setattr(locale, "found", lambda name: None)
    with pytest.raises(CommandError, match='Unable to find "localectl"'):
        locale.get_locale()


def test_without_the_program(locale: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "found", lambda name: None)
    with pytest.raises(CommandError, match='"update-locale" was not found'):
        locale.set_locale("en_IE.UTF-8")
    with pytest.raises(CommandError, match='Command "locale-gen" or "localedef" was not found'):
        locale.gen_locale("en_IE.UTF-8")


def test_what_is_set_is_the_name_alone(locale: Any, ran: list[list[str]]) -> None:
    with pytest.raises(ArgumentError, match="name the locale alone"):
        locale.set_locale("en_IE.UTF-8 UTF-8")
    assert not ran


@pytest.mark.parametrize("name", ["", '"', "a\nb", "-x", "$(reboot)", "a b c", "en_IE.UTF-8\n#"])
def test_what_is_no_locale(locale: Any, ran: list[list[str]], name: str) -> None:
    for function in (locale.set_locale, locale.gen_locale):
        with pytest.raises(ArgumentError, match="is no locale"):
            function(name)
    assert ran == []


def test_generating(locale: Any, tmp_path: Path, ran: list[list[str]], minion: Any) -> None:
    assert locale.gen_locale("en_IE.UTF-8") is True
    assert locale.gen_locale("de_DE.UTF-8 UTF-8", verbose=True)["retcode"] == 0
    assert locale.gen_locale("xx_XX.UTF-8") is False
    assert ran == [["locale-gen", "en_IE.UTF-8 UTF-8"], ["locale-gen", "de_DE.UTF-8 UTF-8"]]
    assert (tmp_path / "etc/locale.gen").read_text() == (
        "# a comment\nen_IE.UTF-8 UTF-8\n# en_IE ISO-8859-1\nfr_FR.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n"
    )
    minion.grains["os"] = "Ubuntu"
    assert locale.gen_locale("en_IE.UTF-8") is True
    assert ran[-1] == ["locale-gen", "en_IE.utf8"]
    (tmp_path / "i18n/locales/en_IE").unlink()
    assert locale.gen_locale("en_IE.UTF-8") is False


def test_generating_by_localedef(locale: Any, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "found", lambda name: name if name == "localedef" else None)
    assert locale.gen_locale("en_IE.UTF-8") is True
    assert ran == [["localedef", "--force", "-i", "en_IE", "-f", "UTF-8", "en_IE.UTF-8", "--quiet"]]


def test_a_full_disk_leaves_the_old_file(
    locale: Any, tmp_path: Path, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_rewriting, "write_all", full)
    before = (tmp_path / "etc/locale.gen").read_text()
    with pytest.raises(CommandError, match=r"can't write .*/locale.gen: No space left"):
        locale.gen_locale("en_IE.UTF-8")
    assert (tmp_path / "etc/locale.gen").read_text() == before


def test_what_there_is(locale: Any) -> None:
    names = ("C.UTF-8", "en_ie.utf8", "de_DE.ISO-8859-15@euro", "de_DE.UTF-8", "en_IE.utf8 UTF-8", "")
    assert [locale.avail(name) for name in names] == [True, True, True, False, True, False]


@given(st.text())
def test_any_status_is_parsed(text: str) -> None:
    from saltern_modules import localemod

    assert isinstance(localemod._variables(f"System Locale: {text}"), dict)
    found = _locales.parts(text)
    assert _locales.joined(found).startswith(found["language"])
