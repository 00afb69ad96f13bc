"""Packages as rpm has them: the module ``lowpkg`` of Red Hat's kin. ``root``: look below that folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _accounts, _package_targets, _rpm

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "lowpkg"

__powers__ = {
    "bin_pkg_info": "indirect",
    "info": "reads",
    "list_pkgs": "reads",
    "version_cmp": "reads",
}

TAGS = {
    "name": "%{NAME}",
    "relocations": "%|PREFIXES?{[%{PREFIXES} ]}:{(not relocatable)}|",
    "version": "%{VERSION}",
    "vendor": "%{VENDOR}",
    "release": "%{RELEASE}",
    "epoch": "%|EPOCH?{%{EPOCH}}|",
    "build_date_time_t": "%{BUILDTIME}",
    "build_date": "%{BUILDTIME}",
    "install_date_time_t": "%|INSTALLTIME?{%{INSTALLTIME}}:{(not installed)}|",
    "install_date": "%|INSTALLTIME?{%{INSTALLTIME}}:{(not installed)}|",
    "build_host": "%{BUILDHOST}",
    "group": "%{GROUP}",
    "source_rpm": "%{SOURCERPM}",
    "size": "%{LONGSIZE}",
    "arch": "%{ARCH}",
    "license": "%|LICENSE?{%{LICENSE}}|",
    "signature": (
        "%|DSAHEADER?{%{DSAHEADER:pgpsig}}:{%|RSAHEADER?{%{RSAHEADER:pgpsig}}:"
        "{%|SIGGPG?{%{SIGGPG:pgpsig}}:{%|SIGPGP?{%{SIGPGP:pgpsig}}:{(none)}|}|}|}|"
    ),
    "packager": "%|PACKAGER?{%{PACKAGER}}|",
    "url": "%|URL?{%{URL}}|",
    "summary": "%{SUMMARY}",
    "edition": "%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}",
    "description": "%{DESCRIPTION}",
}
END, LAST = "\x01", "\x02"
"""Behind each tag, and behind each package: no tag has them in it."""


def __virtual__() -> str | tuple[bool, str]:
    """Only where rpm is, on Red Hat's kin and SUSE."""
    import shutil

    if shutil.which("rpm") is None:
        return False, "The rpm execution module failed to load: rpm binary is not in the path."
    if _rpm.here(__grains__) or str(__grains__.get("os_family", "")).lower() == "suse":
        return __virtualname__
    return (
        False,
        "The rpm execution module failed to load: only available on redhat/suse type systems or amazon, xcp, xenserver,"
        " virtuozzolinux, virtuozzo, issabel pbx, openeuler or vmware photon os.",
    )


def bin_pkg_info(path: str, saltenv: str = "base") -> dict[str, Any] | None:
    """Return ``{"name", "version", "arch", …}`` of the package file *path*, absolute or ``salt://…``; None for none.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.bin_pkg_info /root/salt-2015.5.1-2.el7.noarch.rpm
    """
    where = path
    if __salt__["config.valid_fileproto"](path):
        where = __salt__["cp.cache_file"](path, saltenv)
        if not where:
            raise CommandError(f"Unable to retrieve {path} from saltenv '{saltenv}'")
    elif not os.path.exists(path):
        raise CommandError(f"{path} does not exist on minion")
    elif not os.path.isabs(path):
        raise ArgumentError(f"{path} does not exist on minion")
    words = ["rpm", "-qp", "--queryformat", _rpm.LISTED.replace("(none)", "none"), where]
    output = __salt__["cmd.run_stdout"](words, python_shell=False, ignore_retcode=True)
    found = _rpm.package_of(output, str(__grains__.get("osarch")))
    return None if found is None else found._asdict()


def _root(kwargs: Mapping[str, Any]) -> list[str]:
    return ["--root", _accounts.own_root(kwargs["root"])] if kwargs.get("root") else []


def list_pkgs(*packages: str, **kwargs: Any) -> dict[str, str]:
    """Return the installed packages, of these or all: ``{name: version}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.list_pkgs httpd
    """
    names = [_package_targets.safe(str(name)) for name in packages]
    words = ["rpm", *_root(kwargs), "-q" if names else "-qa", "--queryformat", "%{NAME} %{VERSION}\\n", *names]
    output = __salt__["cmd.run_stdout"](words, python_shell=False, ignore_retcode=True, output_limit=64 << 20)
    lines = [line.split() for line in output.splitlines() if "is not installed" not in line]
    return {line[0]: line[1] for line in lines if len(line) == 2}


def info(*packages: str, **kwargs: Any) -> dict[str, Any]:
    """Return what rpm knows of packages, of these or all: ``{name: {"version", "release", "arch", "summary", …}}``.

    ``attr``: the fields that are wanted, a comma text. ``all_versions=True``: lists, newest first.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.info apache2 bash attr=version,build_date
    """
    attr = str(kwargs["attr"]).split(",") if kwargs.get("attr") else list(TAGS)
    wanted = [name for name in TAGS if name in attr]
    if not wanted:
        raise CommandError("No valid attributes found.")
    tags = [*(name for name in wanted if name not in ("name", "edition")), "name", "edition"]
    form = "".join(f"{TAGS[name]}{END}" for name in tags) + LAST
    names = [_package_targets.safe(str(name)) for name in packages]
    words = ["rpm", *_root(kwargs), *(["-q", *names] if names else ["-qa"]), "--queryformat", form]
    output = __salt__["cmd.run_stdout"](words, python_shell=False, ignore_retcode=True, output_limit=256 << 20)
    return _informed(output, tags, bool(kwargs.get("all_versions", False)))


def _informed(output: str, tags: list[str], all_versions: bool) -> dict[str, Any]:
    """Return what ``info`` does of the records in *output*."""
    records = []
    for text in output.split(LAST):
        values = text.split(END)
        if len(values) >= len(tags):
            first = values[0].rsplit("is not installed\n", 1)[-1]
            records.append(dict(zip(tags, [first, *values[1:]], strict=False)))
    import functools

    records.sort(key=functools.cmp_to_key(lambda a, b: _rpm.version_cmp(a["edition"], b["edition"])), reverse=True)
    found: dict[str, Any] = {}
    for record in records:
        name = record.pop("name")
        if name.startswith("gpg-pubkey"):
            continue
        told = {key: value for key, value in _typed(record).items() if value not in ("", None)}
        if all_versions:
            found.setdefault(name, []).append(told)
        elif name not in found:
            told.pop("edition", None)
            found[name] = told
    return found


def _typed(record: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {key: value if key == "description" else value.strip() for key, value in record.items()}
    for key in ("build_date", "install_date"):
        for name in (key, f"{key}_time_t"):
            if name in told:
                when = int(told[name]) if told[name].isdecimal() else None
                told[name] = _rpm.date(when) if name == key else when
    return told


def version_cmp(ver1: str, ver2: str, ignore_epoch: bool = False) -> int:
    """Return -1, 0 or 1 for an earlier, the same or a later version, as rpm has it.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.version_cmp '0.2-001' '0.2.0.1-002'
    """
    return _rpm.version_cmp(ver1, ver2, ignore_epoch)
