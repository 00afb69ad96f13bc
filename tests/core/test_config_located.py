"""Faults that are found once all files were read, behind the file and line that they are about."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern.config.located import located


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("render_url must be like 'http://…'", "DIR/master: line 2: render_url must be like 'http://…'"),
        ("roles: dba: 'grant' is not a key", "DIR/master.d/a.conf: line 2: roles: dba: 'grant' is not a key"),
        ("roles: ops: x", "DIR/master.d/b.conf: line 1: roles: ops: x"),
        ("DIR/master: schedule: x: seconds: no", "DIR/master: line 3: schedule: x: seconds: no"),
        ("DIR/master: line 2: render_url is wrong", "DIR/master: line 2: render_url is wrong"),
        ("auth.ldap.basedn must say", "auth.ldap.basedn must say"),
        ("127.0.0.1:4506: in use", "127.0.0.1:4506: in use"),
    ],
)
def test_a_fault_is_where_its_option_stands(tmp_path: Path, fault: str, line: str) -> None:
    (tmp_path / "master.d").mkdir()
    (tmp_path / "master").write_text("roles: {dba: {}}\nrender_url: x\nschedule: {x: {}}\n")
    (tmp_path / "master.d/a.conf").write_text("# first\nroles: {dba: {grant: []}}\n")
    (tmp_path / "master.d/b.conf").write_text("roles: {ops: {}}\n")
    main = str(tmp_path / "master")
    assert located(fault.replace("DIR", str(tmp_path)), main).replace(str(tmp_path), "DIR") == line


def test_files_that_are_broken_by_now_move_nothing(tmp_path: Path) -> None:
    (tmp_path / "master").write_text("roles: [\n")
    assert located("roles: dba: x", str(tmp_path / "master")) == "roles: dba: x"
