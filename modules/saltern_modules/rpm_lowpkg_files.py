"""Files of packages as rpm has them: a part of the module ``lowpkg`` of Red Hat's kin.

``root``: look below that folder.
"""

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
    "checksum": "reads",
    "diff": "indirect",
    "file_dict": "reads",
    "file_list": "reads",
    "modified": "reads",
    "owner": "reads",
    "verify": "reads",
}

TYPES = {"c": "config", "d": "doc", "g": "ghost", "l": "license", "r": "readme"}
MISMATCHES = (
    ("S", "size"),
    ("M", "mode"),
    ("5", "md5sum"),
    ("D", "device major/minor number"),
    ("L", "readlink path"),
    ("U", "user"),
    ("G", "group"),
    ("T", "mtime"),
    ("P", "capabilities"),
)
MODIFIED = ("size", "mode", "checksum", "device", "symlink", "owner", "group", "time", "capabilities")


def __virtual__() -> str | tuple[bool, str]:
    """Only where rpm is, on Red Hat's kin and SUSE."""
    import shutil

    family = str(__grains__.get("os_family", "")).lower()
    if shutil.which("rpm") and (_rpm.here(__grains__) or family == "suse"):
        return __virtualname__
    return False, "The rpm execution module failed to load: only available on redhat/suse type systems."


def _run(words: list[str], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    root = ["--root", _accounts.own_root(kwargs["root"])] if kwargs.get("root") else []
    found: dict[str, Any] = __salt__["cmd.run_all"](
        ["rpm", *root, *words], python_shell=False, ignore_retcode=True, output_limit=256 << 20
    )
    return found


def _safe(names: tuple[str, ...]) -> list[str]:
    return [_package_targets.safe(str(name)) for name in names]


def file_list(*packages: str, **kwargs: Any) -> dict[str, list[str]]:
    """Return the files of packages, of these or all: ``{"errors": [], "files": [path, …]}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.file_list httpd
    """
    done = _run(["-ql" if packages else "-qla", *_safe(packages)], kwargs)
    return {"errors": [], "files": done["stdout"].splitlines()}


def file_dict(*packages: str, **kwargs: Any) -> dict[str, Any]:
    """Return the files of packages, of these or all, by package: ``{"errors": [text], "packages": {name: [path, …]}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.file_dict httpd
    """
    words = ["-q" if packages else "-qa", "--queryformat", "%{NAME}\\n", *_safe(packages)]
    lines = _run(words, kwargs)["stdout"].splitlines()
    errors = [line for line in lines if "is not installed" in line]
    names = [line for line in lines if line and line not in errors]
    return {"errors": errors, "packages": {one: _run(["-ql", one], kwargs)["stdout"].splitlines() for one in names}}


def owner(*paths: str, **kwargs: Any) -> Any:
    """Return the package that a path is of, ``""`` for none; of several ``{path: name}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.owner /usr/bin/apachectl
    """
    found = {}
    for path in paths:
        said = _run(["-qf", "--queryformat", "%{name}", "--", str(path)], kwargs)
        found[path] = "" if said["retcode"] or "not owned" in said["stdout"].lower() else said["stdout"]
    return next(iter(found.values()), "") if len(found) <= 1 else found


def verify(*packages: str, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """Return the files that differ from what was installed: ``{path: {"type": …, "mismatch": ["size", "mtime", …]}}``.

    One that isn't there has ``"missing": True``. ``ignore_types``: kinds that are left out (``config``, ``doc``, …).
    ``verify_options``: rpm's, without ``--`` (``nomode``). Lists or comma texts.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.verify httpd ignore_types='["config"]'
    """
    for name in ("ignore_types", "verify_options"):
        if not isinstance(kwargs.get(name, []), list | str):
            raise ArgumentError(f"{name} must be a list or a comma-separated string")
    ignored, options = _listed(kwargs.get("ignore_types", [])), _listed(kwargs.get("verify_options", []))
    if bad := [option for option in options if not option.replace("-", "").isalnum()]:
        raise ArgumentError(f"lowpkg.verify: verify_options are words, not {', '.join(bad)}")
    done = _run([*(f"--{one}" for one in options), *(["-V", *_safe(packages)] if packages else ["-Va"])], kwargs)
    if not done["stdout"].strip() and done["retcode"]:
        why = f": {done['stderr']}" if done["stderr"] else ""
        raise CommandError(f"Failed to verify package(s){why}")
    return _verified(done["stdout"], ignored)


def _listed(value: Any) -> list[str]:
    return [
        str(one).strip() for one in (value if isinstance(value, list) else str(value).split(",")) if str(one).strip()
    ]


def _verified(output: str, ignored: list[str]) -> dict[str, dict[str, Any]]:
    """Return what ``rpm -V`` printed as ``verify`` does."""
    found: dict[str, dict[str, Any]] = {}
    for line in output.split("\n"):
        gone = "missing" in line[:9]
        line = f" {line}" if gone else line
        kind = TYPES.get(line[11:12])
        if not line[13:] or (kind is not None and kind in ignored):
            continue
        marks = [word for at, (mark, word) in enumerate(MISMATCHES) if line[at : at + 1] == mark]
        told: dict[str, Any] = {"missing": True} if gone else {"mismatch": marks}
        found[line[13:]] = {**told, **({"type": kind} if kind else {})}
    return found


def modified(*packages: str, **flags: Any) -> Any:
    """Return the files that differ from what was installed, by what: ``{path: ["size", "time", "config", …]}``.

    Flags limit it: ``mode=True`` to those that differ in that, ``mode=False`` to the others.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.modified httpd mode=False
    """
    done = _run(["-V" if packages else "-Va", *_safe(packages)], flags)
    if done["retcode"] > 1:
        return {key: value for key, value in done.items() if key != "stdout"}
    found: dict[str, list[str]] = {}
    for line in done["stdout"].split("\n") if done["retcode"] else []:
        marks, *rest = line.split(None, 2) or [""]
        if not rest:
            continue
        kind, path = (rest[0], rest[1]) if len(rest) == 2 and len(rest[0]) == 1 else ("", " ".join(rest))
        stats = [] if marks == "missing" else [word for word, mark in zip(MODIFIED, marks, strict=False) if mark != "."]
        found[path] = [*stats, *(["config"] if kind else [])]
    wanted = {name: value for name, value in flags.items() if not name.startswith("_") and name != "root"}
    return {path: stats for path, stats in found.items() if all(bool(v) == (n in stats) for n, v in wanted.items())}


def diff(package_path: str, path: str) -> str:
    """Return how the file *path* differs from that in the package file *package_path*, as ``diff -u`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.diff /path/to/apache2.rpm /etc/apache2/httpd.conf
    """
    import shutil
    import subprocess
    import tempfile

    for program in ("rpm2cpio", "cpio", "diff"):
        if shutil.which(program) is None:
            raise CommandError(f"lowpkg.diff: there is no program {program}: install it")
    if not os.path.isabs(package_path) or not os.path.isabs(path):
        raise ArgumentError("lowpkg.diff: absolute paths are wanted")
    with tempfile.TemporaryFile() as archive, tempfile.NamedTemporaryFile() as file:
        for words, source, target in (
            (["rpm2cpio", package_path], None, archive),
            (["cpio", "-i", "--quiet", "--to-stdout", f".{path}"], archive, file),
        ):
            if source is not None:
                source.seek(0)
            subprocess.run(words, stdin=source or subprocess.DEVNULL, stdout=target, check=False, timeout=600)
        words = ["diff", "-u", "--label", f"A {path}", "--label", f"B {path}", file.name, path]
        said = str(__salt__["cmd.run_stdout"](words, python_shell=False, ignore_retcode=True))
    if said.startswith("Binary file"):
        return f"File '{path}' is binary and its content has been modified."
    return said


def checksum(*paths: str, **kwargs: Any) -> dict[str, bool]:
    """Return whether the digests and signatures of package files are right: ``{path: bool}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.checksum /path/to/package1.rpm /path/to/package2.rpm
    """
    if not paths:
        raise CommandError("No package files has been specified.")
    return {
        path: os.path.isfile(path) and _run(["-K", "--quiet", "--", str(path)], kwargs)["retcode"] == 0
        for path in paths
    }
