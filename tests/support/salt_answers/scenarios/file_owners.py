"""Whose files are, and who may do what: ``file.chown``, ``check_perms``, ``set_mode``, names and ids."""

from __future__ import annotations

import os

from scenario import Scenario, kw

A = "{dir}/a.txt"


def _kinds(folder: str) -> None:
    os.symlink("a.txt", os.path.join(folder, "link"))
    os.symlink("a.txt", os.path.join(folder, "link2"))
    os.symlink("nowhere", os.path.join(folder, "dangling"))


FILES = {"a.txt": "one\n", "sub/b.txt": "two\n"}

SCENARIOS = {
    "names and ids": Scenario(
        calls=(
            *(("file.uid_to_user", uid) for uid in (0, 1, 65534, 4012345, "root", "0", None, -1)),
            *(("file.gid_to_group", gid) for gid in (0, "0", "root", "no-such-group", 4012345, "4012345", "")),
            *(("file.user_to_uid", user) for user in ("root", "daemon", 0, 7, "no-such-user", "", "0")),
            *(("file.group_to_gid", group) for group in ("root", "daemon", 0, 7, "no-such-group", "", None, "0")),
        ),
    ),
    "modes": Scenario(
        files=FILES,
        setup=_kinds,
        calls=(
            *(
                ("file.set_mode", A, mode)
                for mode in ("0644", 644, "0o600", "600", 0, "0", "4755", "u+x", "9", "", 77777)
            ),
            ("file.set_mode", "{dir}/sub", "2750"),
            ("file.set_mode", "{dir}/link", "0640"),
            ("file.set_mode", "{dir}/missing", "0640"),
            ("file.set_mode", "{dir}/dangling", "0640"),
            ("file.get_mode", A),
            ("file.get_mode", "{dir}/missing"),
        ),
    ),
    "owners": Scenario(
        files=FILES,
        setup=_kinds,
        root=True,
        calls=(
            *((f"file.get_{what}", A) for what in ("uid", "gid", "user", "group")),
            ("file.chown", A, "daemon", "mail"),
            *((f"file.get_{what}", A) for what in ("uid", "gid", "user", "group")),
            ("file.chown", A, 4012345, 4012346),
            *((f"file.get_{what}", A) for what in ("uid", "gid", "user", "group")),
            ("file.chown", A, "root", ""),
            ("file.chown", A, "", "root"),
            ("file.chown", A, None, None),
            ("file.chown", A, "no-such-user", "root"),
            ("file.chown", A, "root", "no-such-group"),
            ("file.chown", A, "no-such-user", "no-such-group"),
            ("file.chown", "{dir}/missing", "root", "root"),
            ("file.chown", "{dir}/missing", "no-such-user", "root"),
            ("file.chown", "{dir}/link", "daemon", "daemon"),
            ("file.get_user", A),
            ("file.get_user", "{dir}/link", False),
            ("file.chown", "{dir}/dangling", "daemon", "daemon"),
            ("file.get_user", "{dir}/dangling"),
            ("file.lchown", "{dir}/link", "mail", "mail"),
            ("file.get_user", "{dir}/link", kw(follow_symlinks=False)),
            ("file.get_group", "{dir}/link", kw(follow_symlinks=False)),
            ("file.get_uid", "{dir}/link", kw(follow_symlinks=False)),
            ("file.get_gid", "{dir}/link", kw(follow_symlinks=False)),
            ("file.get_user", A),
            ("file.lchown", "{dir}/missing", "root", "root"),
            ("file.lchown", A, "no-such-user", "root"),
            ("file.chgrp", A, "mail"),
            ("file.chgrp", A, "no-such-group"),
            ("file.chgrp", "{dir}/missing", "root"),
            ("file.get_group", A),
            ("file.get_user", "{dir}/missing"),
            ("file.get_uid", "{dir}/missing"),
            ("file.mkdir", "{dir}/own/deep", "daemon", "mail", "0750"),
            ("file.get_user", "{dir}/own"),
            ("file.get_group", "{dir}/own/deep"),
            ("file.copy", A, "{dir}/copied"),
            ("file.get_group", "{dir}/copied"),
            ("file.mknod_chrdev", "{dir}/chr", 1, 3),
            ("file.mknod_chrdev", "{dir}/chr", 1, 3),
            ("file.is_chrdev", "{dir}/chr"),
            ("file.get_devmm", "{dir}/chr"),
            ("file.mknod", "{dir}/null", "c", 1, 3, "daemon", "mail", "0600"),
            ("file.get_user", "{dir}/null"),
        ),
    ),
    "check_perms": Scenario(
        files=FILES,
        setup=_kinds,
        root=True,
        calls=(
            ("file.check_perms", A, {}, "root", "root", "0644"),
            ("file.check_perms", A, None, "root", "root", "644"),
            ("file.check_perms", A, {}, "daemon", "mail", "0600"),
            ("file.check_perms", A, {}, "daemon", "mail", 600),
            ("file.check_perms", A, {}, None, None, "0640"),
            ("file.check_perms", A, {}, 0, 0, None),
            ("file.check_perms", A, {}, 4012345, 4012346, None),
            ("file.check_perms", A, {}, "root", None, None),
            ("file.check_perms", A, {}, None, "root", None),
            ("file.check_perms", A, {}, "no-such-user", "root", "0644"),
            ("file.check_perms", A, {}, "root", "no-such-group", "0644"),
            ("file.check_perms", A, {}, "root", "root", "9"),
            ("file.check_perms", A, {}, "root", "root", "4755"),
            ("file.check_perms", A, {}, "daemon", "root", "4755"),
            (
                "file.check_perms",
                A,
                {"name": "x", "changes": {"old": 1}, "comment": "before", "result": True},
                "root",
                "root",
                "0600",
            ),
            (
                "file.check_perms",
                A,
                {"name": "x", "changes": {}, "comment": "before", "result": True},
                "no-such-user",
                "root",
                "0600",
            ),
            ("file.check_perms", "{dir}/link", {}, "daemon", "daemon", "0600"),
            ("file.check_perms", "{dir}/link2", {}, "mail", "mail", "0640", kw(follow_symlinks=True)),
            ("file.get_user", A),
            ("file.check_perms", "{dir}/dangling", {}, "daemon", "daemon", "0600"),
            ("file.check_perms", "{dir}/sub", {}, "daemon", "daemon", "0700"),
            ("file.check_perms", "{dir}/missing", {}, "root", "root", "0644"),
            ("file.check_perms", A, {}, "", "", ""),
        ),
    ),
    "check_perms tests": Scenario(
        files=FILES,
        root=True,
        opts={"test": True},
        calls=(
            ("file.check_perms", A, {}, "daemon", "mail", "0600"),
            ("file.check_perms", A, {}, "root", "root", "0644"),
            ("file.check_perms", A, {}, "no-such-user", None, None),
            ("file.get_user", A),
            ("file.mknod_fifo", A),
        ),
    ),
    "attributes": Scenario(
        files=FILES,
        calls=(
            ("file.chattr", A),
            ("file.chattr", A, kw(operator="toggle")),
            ("file.chattr", A, kw(operator="add")),
            ("file.lsattr", "{dir}/missing"),
            ("file.set_selinux_context", A),
            ("file.get_selinux_context", "{dir}/missing"),
        ),
    ),
}

_UNKNOWN = "an unknown user is said by name; Salt's error is of the system call that it gives a text"

DIFFERENT: dict[str, str] = {
    'file.chown "{dir}/missing" "no-such-user" "root"': _UNKNOWN,
    'file.lchown "{dir}/a.txt" "no-such-user" "root"': _UNKNOWN,
}
