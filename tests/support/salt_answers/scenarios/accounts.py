"""Users, groups and passwords, of throw-away users whose names begin with ``slt``; only root can."""

from __future__ import annotations

import subprocess
from typing import Any

from scenario import Scenario, kw

HASH = "$6$salt$TfbP0Ge1gqNJmxZYvNhvDmmKx9BigkML6b3w1kfEiAHpkKpCRu.SKIYV70wlcWGmbdh1koH3a0UmC0b0AcWDQ0"

ROOT = {
    "r/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nslta:x:61000:61000:A B,12,34,56,78,9:/home/slta:/bin/sh\n",
    "r/etc/group": "root:x:0:\nsltg:x:61000:slta,root\nsltempty:!:61001:\n",
    "r/etc/shadow": "root:*:19000:0:99999:7:::\nslta:!:19001:1:2:3:4:5:\n",
}


def kept(fun: str, value: Any) -> Any:
    """Mask days of today."""
    if fun == "shadow.info" and isinstance(value["lstchg"], int) and value["lstchg"] > 20000:
        return {**value, "lstchg": "today"}
    return value


def without(*names: str) -> Any:
    """Return a setup that removes what an earlier run may have left."""

    def setup(folder: str) -> None:
        for program in ("userdel", "groupdel"):
            for name in names:
                subprocess.run([program, name], check=False, capture_output=True)

    return setup


def user(name: str, number: int, *calls: tuple[Any, ...], **more: Any) -> Scenario:
    """Return *calls* on a user that is made before and removed after."""
    return Scenario(
        root=True,
        tree=False,
        setup=without(name, f"{name}2", f"{name}g"),
        calls=(
            ("user.add", name, kw(uid=number, createhome=False, shell="/bin/sh")),
            *calls,
            ("user.delete", name),
            ("group.delete", f"{name}g"),
        ),
        **more,
    )


SCENARIOS = {
    "add": Scenario(
        root=True,
        tree=False,
        setup=without("slta", "sltb", "sltc", "sltd", "slte", "sltgrp"),
        calls=(
            ("user.add", "slta", 61001),
            ("user.add", "slta", 61001),
            ("user.add", "slta"),
            ("user.info", "slta"),
            ("group.info", "slta"),
            ("user.list_groups", "slta"),
            ("user.primary_group", "slta"),
            ("user.add", "sltb", 61001),
            ("user.info", "sltb"),
            ("user.add", "sltb", 61001, kw(unique=False, createhome=False, gid="slta", fullname="Ü B", other="x,y")),
            ("user.info", "sltb"),
            ("user.delete", "sltb"),
            ("group.add", "sltgrp", 61005),
            (
                "user.add",
                "sltc",
                "61003",
                kw(
                    gid=61005,
                    groups="sltgrp,slta",
                    home="/nowhere/sltc",
                    shell="/bin/false",
                    createhome=False,
                    roomnumber=12,
                    workphone="34",
                    homephone="56",
                    nologinit=True,
                ),
            ),
            ("user.info", "sltc"),
            ("user.list_groups", "sltc"),
            ("user.delete", "sltc"),
            ("user.add", "sltd", kw(uid=61004, usergroup=False, createhome=False, groups=["sltgrp"])),
            ("user.list_groups", "sltd"),
            ("user.primary_group", "sltd"),
            ("group.info", "sltd"),
            ("user.delete", "sltd"),
            ("user.add", "slte", kw(uid=61006, gid="sltnogroup")),
            ("user.add", "slte", kw(uid=61006, groups="sltnogroup", usergroup=True, createhome=False)),
            ("user.info", "slte"),
            ("user.delete", "slte"),
            ("user.add", "slte", "uid"),
            ("user.add", "slte", -5),
            ("user.add", "slte", kw(uid="", gid="", system=True, createhome=False, loginclass="x")),
            ("user.delete", "slte", kw(remove=True, force=True)),
            ("user.add", "sltgrp", kw(uid=61007, groups=["sltgrp"], createhome=False)),
            ("user.list_groups", "sltgrp"),
            ("user.delete", "sltgrp"),
            ("group.delete", "sltgrp"),
            ("user.delete", "slta", kw(remove=True)),
            ("user.delete", "slta"),
            ("user.info", "slta"),
            ("user.add", "slta", kw(local=True)),
            ("user.delete", "slta", kw(local=True)),
            ("group.add", "slta", kw(local=True)),
            ("group.delete", "slta", kw(local=True)),
        ),
    ),
    "odd names": Scenario(
        root=True,
        tree=False,
        calls=tuple(
            (fun, name)
            for fun in (
                "user.add",
                "user.info",
                "user.delete",
                "group.add",
                "group.info",
                "group.delete",
                "shadow.info",
            )
            for name in (
                "-x",
                "--help",
                "",
                "slt:a",
                "slt\na",
                "slt a",
                "slt/a",
                "sltü",
                "slt,a",
                "slt" * 100,
                "slt;id",
            )
        ),
    ),
    "change": user(
        "sltch",
        61011,
        ("user.chuid", "sltch", 61011),
        ("user.chuid", "sltch", 61012),
        ("user.chuid", "sltch", 0),
        ("user.chuid", "sltch", "61012"),
        ("user.chuid", "sltch", "x"),
        ("user.chuid", "sltnone", 1),
        ("user.info", "sltch"),
        ("group.add", "sltchg", 61013),
        ("user.chgid", "sltch", 61013),
        ("user.chgid", "sltch", 61099),
        ("user.chgid", "sltch", "sltch"),
        ("user.chgid", "sltnone", 1),
        ("user.primary_group", "sltch"),
        ("user.chshell", "sltch", "/bin/sh"),
        ("user.chshell", "sltch", "/bin/false"),
        ("user.chshell", "sltch", "a:b"),
        ("user.chshell", "sltch", ""),
        ("user.chshell", "sltnone", "/bin/sh"),
        ("user.chhome", "sltch", "/nowhere/a"),
        ("user.chhome", "sltch", "/nowhere/b", kw(persist=True)),
        ("user.chhome", "sltch", "/nowhere/b"),
        ("user.chhome", "sltch", "a:b"),
        ("user.chhome", "sltch", "a\nb"),
        ("user.chhome", "sltnone", "/x"),
        ("user.chgroups", "sltch", "adm,users"),
        ("user.list_groups", "sltch"),
        ("user.chgroups", "sltch", ["daemon"], kw(append=True)),
        ("user.list_groups", "sltch"),
        ("user.chgroups", "sltch", ["adm"]),
        ("user.chgroups", "sltch", ["adm", "sltch", "sltchg"]),
        ("user.chgroups", "sltch", "sltnone"),
        ("user.chgroups", "sltch", ""),
        ("user.list_groups", "sltch"),
        ("user.chgroups", "sltnone", "adm"),
        ("user.chfullname", "sltch", "Ärger Foo"),
        ("user.chfullname", "sltch", "Ärger Foo"),
        ("user.chroomnumber", "sltch", 12),
        ("user.chworkphone", "sltch", "34"),
        ("user.chhomephone", "sltch", "56"),
        ("user.chother", "sltch", "a, b"),
        ("user.info", "sltch"),
        ("user.chfullname", "sltch", "a:b"),
        ("user.chfullname", "sltch", "a\nb"),
        ("user.chfullname", "sltch", "a,b"),
        ("user.chfullname", "sltch", None),
        ("user.chfullname", "sltnone", "x"),
        ("user.info", "sltch"),
        ("user.chloginclass", "sltch", "x"),
        ("user.get_loginclass", "sltch"),
        ("user.rename", "sltch", "root"),
        ("user.rename", "sltch", "sltch"),
        ("user.rename", "sltnone", "sltnone2"),
        ("user.rename", "sltch", "-x"),
        ("user.rename", "sltch", "sltch2"),
        ("user.info", "sltch"),
        ("user.info", "sltch2"),
        ("user.rename", "sltch2", "sltch"),
        ("user.primary_group", "sltnone"),
        ("user.list_groups", "sltnone"),
    ),
    "groups": user(
        "sltgm",
        61021,
        ("group.add", "sltgmg", 61022),
        ("group.add", "sltgmg"),
        ("group.add", "sltgmg", 61022),
        ("group.add", "sltgm3", 61022),
        ("group.add", "sltgm3", 61022, kw(non_unique=True)),
        ("group.info", "sltgm3"),
        ("group.delete", "sltgm3"),
        ("group.delete", "sltgm3"),
        ("group.add", "sltgm3", "gid"),
        ("group.add", "sltgm3", -3),
        ("group.add", "sltgm3", kw(system=True)),
        ("group.delete", "sltgm3"),
        ("group.delete", "sltgm"),
        ("group.info", "sltgmg"),
        ("group.info", "sltnone"),
        ("group.chgid", "sltgmg", 61022),
        ("group.chgid", "sltgmg", 61023),
        ("group.chgid", "sltgmg", 0),
        ("group.chgid", "sltgmg", 61021, kw(non_unique=True)),
        ("group.chgid", "sltgmg", "61023"),
        ("group.chgid", "sltgmg", 61023),
        ("group.chgid", "sltnone", 1),
        ("group.info", "sltgmg"),
        ("group.adduser", "sltgmg", "sltgm"),
        ("group.adduser", "sltgmg", "sltgm"),
        ("group.adduser", "sltgmg", "sltnone"),
        ("group.adduser", "sltnone", "sltgm"),
        ("group.adduser", "sltgmg", "-x"),
        ("group.info", "sltgmg"),
        ("user.list_groups", "sltgm"),
        ("group.deluser", "sltgmg", "sltnone"),
        ("group.deluser", "sltgmg", "sltgm"),
        ("group.deluser", "sltgmg", "sltgm"),
        ("group.deluser", "sltnone", "sltgm"),
        ("group.members", "sltgmg", "sltgm,root"),
        ("group.info", "sltgmg"),
        ("group.members", "sltgmg", "sltgm,sltnone"),
        ("group.members", "sltgmg", ["sltgm"]),
        ("group.members", "sltgmg", ""),
        ("group.info", "sltgmg"),
        ("group.members", "sltnone", "root"),
    ),
    "passwords": user(
        "sltpw",
        61031,
        ("shadow.info", "sltpw"),
        ("shadow.set_password", "sltpw", HASH),
        ("shadow.info", "sltpw"),
        ("shadow.set_password", "sltpw", HASH, True),
        ("shadow.set_password", "sltnone", HASH),
        ("shadow.lock_password", "sltpw"),
        ("shadow.lock_password", "sltpw"),
        ("shadow.info", "sltpw"),
        ("shadow.unlock_password", "sltpw"),
        ("shadow.unlock_password", "sltpw"),
        ("shadow.info", "sltpw"),
        ("shadow.del_password", "sltpw"),
        ("shadow.info", "sltpw"),
        ("shadow.lock_password", "sltpw"),
        ("shadow.unlock_password", "sltpw"),
        ("shadow.set_password", "sltpw", ""),
        ("shadow.set_password", "sltpw", "!"),
        ("shadow.unlock_password", "sltpw"),
        ("shadow.lock_password", "sltnone"),
        ("shadow.unlock_password", "sltnone"),
        ("shadow.del_password", "sltnone"),
        *(
            (f"shadow.set_{key}", "sltpw", value)
            for key in ("inactdays", "maxdays", "mindays", "warndays", "date", "expire")
            for value in (7, 7, "9", -1, 0, "x", "2030-01-02", 20000)
        ),
        *(
            (f"shadow.set_{key}", "sltnone", 5)
            for key in ("inactdays", "maxdays", "mindays", "warndays", "date", "expire")
        ),
        ("shadow.set_date", "sltpw", 19000),
        ("shadow.info", "sltpw"),
    ),
    "another root": Scenario(
        root=True,
        files=ROOT,
        tree=False,
        calls=(
            ("user.info", "slta", kw(root="{dir}/r")),
            ("user.info", "sltb", kw(root="{dir}/r")),
            ("user.list_users", "{dir}/r"),
            ("user.getent", kw(root="{dir}/r", refresh=True)),
            ("group.info", "sltg", "{dir}/r"),
            ("group.info", "sltempty", "{dir}/r"),
            ("group.info", "sltnone", "{dir}/r"),
            ("group.getent", True, "{dir}/r"),
            ("group.chgid", "sltnone", 5, "{dir}/r"),
            ("user.chuid", "sltnone", 5, "{dir}/r"),
            ("user.chuid", "slta", 61000, "{dir}/r"),
            ("user.rename", "slta", "root", "{dir}/r"),
            ("shadow.info", "slta", "{dir}/r"),
            ("shadow.info", "sltnone", "{dir}/r"),
            ("shadow.info", "slta", "{dir}/none"),
            ("shadow.list_users", "{dir}/r"),
            ("shadow.set_maxdays", "sltnone", 3, "{dir}/r"),
            ("shadow.set_maxdays", "slta", 2, "{dir}/r"),
            ("shadow.lock_password", "slta", "{dir}/r"),
            ("shadow.set_password", "root", HASH, kw(root="{dir}/r")),
            ("shadow.info", "root", "{dir}/r"),
            ("shadow.set_password", "daemon", HASH, kw(root="{dir}/r")),
            ("shadow.info", "daemon", "{dir}/r"),
            ("shadow.set_password", "root", HASH, kw(root="{dir}/none")),
        ),
    ),
    "reading": Scenario(
        tree=False,
        calls=(
            ("user.info", "root"),
            ("user.info", "nobody"),
            ("user.info", 5),
            ("user.list_groups", "root"),
            ("user.primary_group", "root"),
            ("group.info", "root"),
            ("shadow.info", "sltnone"),
            ("shadow.default_hash",),
        ),
    ),
    "hashes": Scenario(
        tree=False,
        calls=(
            *(("shadow.gen_password", "a", "salt", algorithm) for algorithm in ("sha512", "sha256", "md5", "crypt")),
            ("shadow.gen_password", "a", "12$aaaaaaaaaaaaaaaaaaaaaa", "blowfish"),
            ("shadow.gen_password", "a", "abc", "blowfish"),
            ("shadow.gen_password", "a", "a", "crypt"),
            ("shadow.gen_password", "a", "", "crypt"),
            ("shadow.gen_password", "a", "rounds=5000$ab"),
            ("shadow.gen_password", "a", "rounds=x$ab"),
            ("shadow.gen_password", "a", "a:b"),
            ("shadow.gen_password", "a", "a" * 40, "md5"),
            ("shadow.gen_password", "", ""),
            ("shadow.gen_password", "ü€", "ab", None),
            ("shadow.gen_password", "a" * 600, "ab"),
            ("shadow.gen_password", "a", 5),
            ("shadow.gen_password", 5, "ab"),
            ("shadow.gen_password", "a\0b", "ab"),
            ("shadow.gen_password", "a", "ab", ""),
            ("shadow.gen_password", "a", "ab", "SHA512"),
            ("shadow.gen_password", kw(password="a", crypt_salt="ab", algorithm="sha256")),
        ),
    ),
}

DIFFERENT = {
    f'{fun} "--help"': "a name is no option: what only shows a help text has added, or removed, nobody"
    for fun in ("user.add", "user.delete", "group.add", "group.delete")
}
