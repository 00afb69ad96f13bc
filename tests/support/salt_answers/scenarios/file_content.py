"""What is in a file: ``file.append``, ``write``, ``read`` and their like; digests, backups."""

from __future__ import annotations

import os
import stat

from scenario import Scenario, kw

A = "{dir}/a.txt"


def kept(fun, value):  # run by Salt's Python too
    """Leave out when a backup was made, and where it is."""
    if fun.startswith("file.list_backup") and isinstance(value, dict):
        return (
            [kept(fun, one) for one in value.values()]
            if all(isinstance(k, int) for k in value)
            else [[name, kept(fun, one)] for name, one in value.items()]
        )
    return value


def _backups(folder: str) -> None:
    """Make three backups of ``etc/app.conf``, with the cache where each side has it."""
    for cache in ("cache", "var/cache/salt/minion"):
        place = os.path.join(folder, ".salt", cache, "file_backup", folder[1:], "etc")
        os.makedirs(place)
        for number, name in enumerate(
            (
                "app.conf_Sun_Mar_01_10:20:30_123456_2026",
                "app.conf_Mon_Mar_02_10:20:30_000001_2026",
                "other_Sun_Mar_01_10:20:30_123456_2026",
                "app.conf_junk",
                "my_own_Sun_Mar_01_10:20:30_123456_2026",
            )
        ):
            with open(os.path.join(place, name), "w") as stream:
                stream.write("x" * number)


def _modes(folder: str) -> None:
    os.chmod(os.path.join(folder, "a.txt"), 0o640)
    os.symlink("a.txt", os.path.join(folder, "link"))
    os.symlink("new.txt", os.path.join(folder, "dangling"))
    os.mkfifo(os.path.join(folder, "pipe"))
    assert stat.S_ISFIFO(os.stat(os.path.join(folder, "pipe")).st_mode)


SCENARIOS = {
    "append": Scenario(
        files={"a.txt": "one\n", "open.txt": "no end", "empty": "", "crlf": "one\r\n", "dir/": ""},
        setup=_modes,
        calls=(
            ("file.append", A, "two"),
            ("file.append", A, "three", "four"),
            ("file.append", A, kw(args=["five", "six"])),
            ("file.append", A, kw(args="seven")),
            ("file.append", A, "lost", kw(args=["eight"])),
            ("file.append", A, kw(args=[])),
            ("file.append", A),
            ("file.append", A, 5, None, True, 1.5),
            ("file.append", A, ["a", "b"]),
            ("file.append", A, "with\nbreak", "grüße ☃"),
            ("file.append", "{dir}/link", "by link"),
            ("file.append", "{dir}/open.txt", "more"),
            ("file.append", "{dir}/empty", "first"),
            ("file.append", "{dir}/crlf", "two"),
            ("file.append", "{dir}/missing", "x"),
            ("file.append", "{dir}/dangling", "x"),
            ("file.append", "{dir}/no/folder", "x"),
            ("file.append", "{dir}/dir", "x"),
            ("file.append", "{dir}/a.txt/x", "x"),
            ("file.append", A, ""),
            ("file.read", A),
        ),
    ),
    "prepend": Scenario(
        files={"a.txt": "one\n", "open.txt": "no end", "empty": "", "dir/": ""},
        setup=_modes,
        calls=(
            ("file.prepend", A, "zero"),
            ("file.prepend", A, "a", "b"),
            ("file.prepend", A, kw(args=["c", "d"])),
            ("file.prepend", A, kw(args="e")),
            ("file.prepend", A),
            ("file.prepend", A, 7, None),
            ("file.prepend", "{dir}/link", "by link"),
            ("file.prepend", "{dir}/open.txt", "more"),
            ("file.prepend", "{dir}/empty", "ü"),
            ("file.prepend", "{dir}/made", "x"),
            ("file.prepend", "{dir}/dangling", "x"),
            ("file.prepend", "{dir}/no/folder", "x"),
            ("file.prepend", "{dir}/dir", "x"),
        ),
    ),
    "write": Scenario(
        files={"a.txt": "one\n", "dir/": ""},
        setup=_modes,
        calls=(
            ("file.write", A, "zero", "one"),
            ("file.write", "{dir}/link", "by link"),
            ("file.write", "{dir}/new", "a", "b", "ü"),
            ("file.write", "{dir}/nothing"),
            ("file.write", "{dir}/list", kw(args=["x", "y"])),
            ("file.write", "{dir}/one", kw(args="x")),
            ("file.write", "{dir}/dangling", "x"),
            ("file.write", "{dir}/no/folder", "x"),
            ("file.write", "{dir}/dir", "x"),
            ("file.write", "/dev/null", "x"),
            ("file.read", "{dir}/new"),
        ),
    ),
    "read": Scenario(
        files={"a.txt": "grüße\r\ntwo\n", "bin": b"\x00\xff\xfe", "latin": b"gr\xfc\xdfe\n", "dir/": "", "empty": ""},
        calls=(
            ("file.read", A),
            ("file.read", A, True),
            ("file.read", A, kw(binary=True)),
            ("file.read", "{dir}/empty"),
            ("file.read", "{dir}/bin", kw(binary=True)),
            ("file.read", "{dir}/bin"),
            ("file.read", "{dir}/latin"),
            ("file.read", "{dir}/missing"),
            ("file.read", "{dir}/dir"),
            ("file.seek_read", A, 3, 0),
            ("file.seek_read", A, 100, 2),
            ("file.seek_read", A, 5, 1000),
            ("file.seek_read", A, "4", "1"),
            ("file.seek_read", A, 0, 0),
            ("file.seek_read", A, 3, -1),
            ("file.seek_read", A, "x", 0),
            ("file.seek_read", "{dir}/missing", 1, 0),
            ("file.seek_write", A, b"XY", 0),
            ("file.seek_write", A, b"end", 40),
            ("file.seek_write", A, b"", 0),
            ("file.seek_write", "{dir}/missing", b"x", 0),
            ("file.seek_write", A, b"x", -5),
            ("file.truncate", A, 8),
            ("file.truncate", A, "6"),
            ("file.truncate", A, 10),
            ("file.truncate", A, -1),
            ("file.truncate", A, "x"),
            ("file.truncate", "{dir}/missing", 3),
            ("file.read", A, kw(binary=True)),
        ),
    ),
    "text at a place": Scenario(files={"a.txt": "one\n"}, calls=(("file.seek_write", A, "text", 0),)),
    "touch": Scenario(
        files={"a.txt": "one\n", "dir/": ""},
        setup=_modes,
        calls=(
            ("file.touch", A),
            ("file.touch", "{dir}/new"),
            ("file.touch", "{dir}/new", 1000, 2000),
            ("file.find", "{dir}/new", kw(print="mtime")),
            ("file.touch", "{dir}/new", kw(mtime="3000")),
            ("file.find", "{dir}/new", kw(print="mtime,size")),
            ("file.touch", "{dir}/new", kw(atime=4000)),
            ("file.touch", A, kw(mtime=1.5)),
            ("file.find", A, kw(print="mtime")),
            ("file.touch", A, "soon"),
            ("file.touch", A, kw(mtime="later")),
            ("file.touch", "{dir}/dir", kw(mtime=100)),
            ("file.find", "{dir}/dir", kw(print="mtime,type")),
            ("file.touch", "{dir}/dangling"),
            ("file.touch", "{dir}/link", kw(mtime=5000)),
            ("file.find", A, kw(print="mtime")),
            ("file.touch", "{dir}/no/folder"),
            ("file.touch", "{dir}/a.txt/x"),
        ),
    ),
    "backups": Scenario(
        files={"etc/app.conf": "now\n", "etc/other": "x\n"},
        setup=_backups,
        opts={"cachedir": "{dir}/.salt/cache"},
        calls=(
            ("file.delete_backup", "{dir}/etc/app.conf", 7),
            ("file.delete_backup", "{dir}/etc/app.conf", "x"),
            ("file.delete_backup", "{dir}/etc/app.conf", "01"),
            ("file.delete_backup", "{dir}/etc/app.conf", -1),
            ("file.restore_backup", "{dir}/etc/app.conf", "7"),
            ("file.restore_backup", "{dir}/etc/app.conf", "seven"),
            ("file.restore_backup", "{dir}/etc/nothing", 0),
            ("file.list_backups", "{dir}/etc/app.conf"),
            ("file.list_backup", "{dir}/etc/app.conf", 1),
            ("file.list_backups", "{dir}/etc/app.conf", kw(limit="1")),
            ("file.list_backups", "{dir}/etc/app.conf", kw(limit="x")),
            ("file.list_backups", "{dir}/etc/app.conf", kw(limit=0)),
            ("file.list_backups", "{dir}/etc/nothing"),
            ("file.list_backups", "{dir}/nowhere/nothing"),
            ("file.list_backups_dir", "{dir}/etc/"),
            ("file.list_backups_dir", "{dir}/etc/", 1),
            ("file.list_backups_dir", "{dir}/nowhere/"),
            ("file.delete_backup", "{dir}/etc/app.conf", 1),
            ("file.remove_backup", "{dir}/etc/app.conf", "1"),
            ("file.list_backups", "{dir}/etc/app.conf"),
            ("file.restore_backup", "{dir}/etc/app.conf", 0),
            ("file.read", "{dir}/etc/app.conf"),
            ("file.list_backups", "{dir}/etc/other"),
            ("file.restore_backup", "{dir}/etc/other", 0),
        ),
    ),
}

_TEXT_TO_BYTES = "text is written as UTF-8: nothing but text can come from a command line"

DIFFERENT: dict[str, str] = {
    "text at a place": _TEXT_TO_BYTES,
    'file.seek_write "{dir}/a.txt" "text" 0': _TEXT_TO_BYTES,
}
