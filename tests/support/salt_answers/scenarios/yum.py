"""What the modules ``pkg`` and ``lowpkg`` of Red Hat's kin come to, by dnf and rpm on a root of their own."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

from scenario import Scenario, kw

GRAINS = {
    "os": "Rocky",
    "os_family": "RedHat",
    "osarch": "x86_64",
    "cpuarch": "x86_64",
    "osmajorrelease": 9,
    "osrelease": "9.3",
    "osrelease_info": [9, 3],
}
PACKAGES = {
    "saltern-test-a-1.0-1": "",
    "saltern-test-a-1.1-1": "",
    "saltern-test-b-2.0-3": "Epoch: 1\nRequires: saltern-test-a\n",
    "saltern-test-c-3-1": "URL: https://c.example\n",
}
SPEC = """Name: {name}
Version: {version}
Release: {release}
Summary: the package {name}
License: MIT
BuildArch: noarch
{more}
%description
More of {name}.
And an end.
%install
mkdir -p %{{buildroot}}/usr/share/saltern-test %{{buildroot}}/etc
echo {version} >%{{buildroot}}/usr/share/saltern-test/{name}
echo setting >%{{buildroot}}/etc/{name}.conf
%files
/usr/share/saltern-test/{name}
%config /etc/{name}.conf
"""
CONFIGURATION = """[main]
reposdir={dir}/repos
cachedir={dir}/cache
persistdir={dir}/state
logdir={dir}/log
plugins=0
gpgcheck=0
install_weak_deps=0
"""
COMPS = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps><group><id>tests</id><name>Test Tools</name><description>for tests</description><default>false</default>
<uservisible>true</uservisible><packagelist><packagereq type="mandatory">saltern-test-b</packagereq>
<packagereq type="default">saltern-test-c</packagereq><packagereq type="optional">saltern-test-z</packagereq>
</packagelist></group></comps>
"""


def wrapped(folder: str, name: str, words: str) -> None:
    """Put a program into ``bin`` that runs the real one with *words*."""
    path = os.path.join(folder, "bin", name)
    with open(path, "w") as file:
        file.write(f'#!/bin/sh\nexec /usr/bin/{name} {words} "$@"\n')
    os.chmod(path, 0o755)


def root(folder: str) -> None:
    """Make a root for dnf and rpm, and a repository for it."""
    for name in ("bin", "root/var/lib/rpm", "repos", "repository", "build", "cache", "log", "state", "etc"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for full, more in PACKAGES.items():
        name, version, release = full.rsplit("-", 2)
        spec = os.path.join(folder, "build", f"{full}.spec")
        with open(spec, "w") as file:
            file.write(SPEC.format(name=name, version=version, release=release, more=more))
        words = ["rpmbuild", "-bb", "--define", f"_topdir {folder}/build", "--define", f"_rpmdir {folder}/repository"]
        subprocess.run([*words, spec], **quiet)  # type: ignore[call-overload]  # a dict of keywords
    comps = os.path.join(folder, "comps.xml")
    with open(comps, "w") as file:
        file.write(COMPS)
    words = ["createrepo_c", "--groupfile", comps, os.path.join(folder, "repository")]
    subprocess.run(words, **quiet)  # type: ignore[call-overload]  # likewise
    with open(os.path.join(folder, "dnf.conf"), "w") as file:
        file.write(CONFIGURATION.replace("{dir}", folder))
    with open(os.path.join(folder, "repos/tests.repo"), "w") as file:
        file.write(f"# remarks\n[tests]\nname=Tests\n# about it\nbaseurl=file://{folder}/repository\nenabled=1\n")
    subprocess.run(["rpm", "--root", os.path.join(folder, "root"), "--initdb"], **quiet)  # type: ignore[call-overload]
    wrapped(folder, "rpm", f"--root {folder}/root")
    wrapped(
        folder,
        "dnf",
        f"--installroot={folder}/root --config={folder}/dnf.conf --setopt=reposdir={folder}/repos --releasever=9"
        f" --setopt=cachedir={folder}/cache --setopt=persistdir={folder}/state",
    )
    os.environ["PATH"] = f"{folder}/bin:{os.environ['PATH']}"


def programs(folder: str) -> None:
    """Make sure that there are programs of these names."""
    wrapped(folder, "rpm", "")
    wrapped(folder, "dnf", "")
    os.environ["PATH"] = f"{folder}/bin:{os.environ['PATH']}"


REPOS = kw(basedir="{dir}/repos")
SCENARIOS = {
    "packages": Scenario(
        setup=root,
        root=True,
        tree=False,
        grains=GRAINS,
        calls=(
            ("pkg.list_pkgs",),
            ("pkg.refresh_db",),
            ("pkg.version", "saltern-test-a"),
            ("pkg.latest_version", "saltern-test-a", kw(refresh=False)),
            ("pkg.latest_version", "saltern-test-a", "saltern-test-none", kw(refresh=False)),
            ("pkg.latest_version",),
            ("pkg.list_repo_pkgs", "saltern-test-*", kw(fromrepo="tests")),
            ("pkg.list_repo_pkgs", "saltern-test-a", kw(fromrepo="tests", byrepo=True)),
            ("pkg.install", "saltern-test-a", kw(version="1.0-1")),
            ("pkg.install", "saltern-test-a", kw(version="1.0-1")),
            ("pkg.version", "saltern-test-a"),
            ("pkg.upgrade_available", "saltern-test-a", kw(refresh=False)),
            ("pkg.list_upgrades", kw(refresh=False)),
            ("pkg.install", "saltern-test-a", kw(reinstall=True, version="1.0-1")),
            ("pkg.upgrade", kw(refresh=False)),
            ("pkg.install", "saltern-test-a", kw(version="1.0-1")),
            ("pkg.install", "saltern-test-b,saltern-test-c"),
            ("pkg.list_pkgs",),
            ("pkg.list_pkgs", kw(versions_as_list=True)),
            ("pkg.list_pkgs", kw(attr="version,epoch")),
            ("pkg.list_pkgs", kw(removed=True)),
        ),
    ),
    "files and groups": Scenario(
        setup=root,
        root=True,
        tree=False,
        grains=GRAINS,
        calls=(
            ("pkg.install", kw(pkgs=["saltern-test-b", {"saltern-test-c": "3*"}, {"saltern-test-a": "<1.1"}])),
            ("pkg.install", "saltern-test-a", kw(version=">9")),
            ("pkg.install", "saltern-test-a", kw(version="9*")),
            ("pkg.owner", "/usr/share/saltern-test/saltern-test-a"),
            ("pkg.owner", "/usr/share/saltern-test/saltern-test-a", "/etc/saltern-test-b.conf"),
            ("pkg.owner",),
            ("pkg.file_list", "saltern-test-a"),
            ("pkg.file_dict", "saltern-test-a", "saltern-test-c"),
            ("lowpkg.list_pkgs",),
            ("lowpkg.list_pkgs", "saltern-test-a"),
            ("lowpkg.info", "saltern-test-b", kw(root="{dir}/root")),
            ("lowpkg.info", "saltern-test-b", kw(root="{dir}/root", attr="version,release,epoch,summary")),
            ("lowpkg.info", "saltern-test-b", kw(root="{dir}/root", attr="nonsense")),
            ("lowpkg.info", "saltern-test-b", kw(root="{dir}/root", attr="version", all_versions=True)),
            ("lowpkg.bin_pkg_info", "{dir}/repository/noarch/saltern-test-b-2.0-3.noarch.rpm"),
            ("lowpkg.bin_pkg_info", "{dir}/none.rpm"),
            ("lowpkg.bin_pkg_info", "{dir}/dnf.conf"),
            ("lowpkg.checksum", "{dir}/repository/noarch/saltern-test-b-2.0-3.noarch.rpm", "{dir}/none.rpm"),
            ("lowpkg.checksum",),
            ("lowpkg.verify", "saltern-test-a"),
            ("lowpkg.verify", kw(ignore_types=5)),
            ("lowpkg.modified", "saltern-test-a"),
            ("pkg.group_info", "Test Tools"),
            ("pkg.group_info", "Nonsense"),
            ("pkg.group_list",),
            ("pkg.group_diff", "tests"),
            ("pkg.group_install", ""),
            ("pkg.group_install", "tests", kw(skip=5)),
            ("pkg.hold", "saltern-test-a"),
            ("pkg.list_holds",),
            ("pkg.remove", "saltern-test-none"),
            ("pkg.remove", "saltern-test-c"),
            ("pkg.remove", kw(pkgs=[{"saltern-test-b": "9"}])),
            ("pkg.purge", "saltern-test-*"),
            ("pkg.group_install", "tests"),
            ("pkg.list_pkgs",),
        ),
    ),
    "names and repositories": Scenario(
        files={
            "repos/one.repo": "# top\n[one]\nname=One\nbaseurl=http://one.example\n http://two.example\n# mine\n"
            "enabled=0\n\n"
            "[two]\nname=Two\nmetalink=http://two.example\n",
            "repos/other.txt": "[x]\n",
            "bin/rpm": "",
            "bin/dnf": "",
        },
        setup=programs,
        grains=GRAINS,
        tree=False,
        calls=(
            ("pkg.normalize_name", "zsh.x86_64"),
            ("pkg.normalize_name", "zsh.i686"),
            ("pkg.normalize_name", "zsh.noarch"),
            ("pkg.normalize_name", "zsh.5"),
            ("pkg.parse_arch", "zsh.i686"),
            ("pkg.parse_arch", "python3.9"),
            ("pkg.version_cmp", "0.2-001", "0.2.0.1-002"),
            ("pkg.version_cmp", "1:1.0-1", "2.0-1"),
            ("pkg.version_cmp", "1:1.0-1", "2.0-1", kw(ignore_epoch=True)),
            ("lowpkg.version_cmp", "1.0-1", "1.0-1"),
            ("lowpkg.version_cmp", "1.0", "1.0-5"),
            ("pkg.list_repos", REPOS),
            ("pkg.get_repo", "one", REPOS),
            ("pkg.get_repo", "none", REPOS),
            ("pkg.mod_repo", "one", kw(basedir="{dir}/repos", enabled=1, gpgcheck=True)),
            ("pkg.get_repo", "one", REPOS),
            ("pkg.mod_repo", "one", kw(basedir="{dir}/repos", mirrorlist="http://m.example")),
            ("pkg.mod_repo", "one", kw(basedir="{dir}/repos", mirrorlist="")),
            ("pkg.mod_repo", "one", kw(basedir="{dir}/repos", name="")),
            ("pkg.mod_repo", "new", kw(basedir="{dir}/repos", baseurl="http://n.example")),
            ("pkg.mod_repo", "new", kw(basedir="{dir}/repos", name="New")),
            ("pkg.mod_repo", "new", kw(basedir="{dir}/nowhere", name="New", baseurl="x")),
            ("pkg.mod_repo", "new", kw(basedir="{dir}/nowhere,{dir}/repos", name="New", baseurl="http://n.example")),
            ("pkg.list_repos", REPOS),
            ("pkg.del_repo", "none", REPOS),
            ("pkg.del_repo", "new", REPOS),
            ("pkg.del_repo", "one", REPOS),
            ("pkg.list_repos", REPOS),
        ),
    ),
}
DATES = ("install_date", "install_date_time_t", "build_date", "build_date_time_t", "build_host", "basedir")
LINES = re.compile(r"^Last metadata expiration check.*\n?", re.M)


def kept(fun: str, value: Any) -> Any:
    """Leave out when and where something was made."""
    if isinstance(value, dict):
        return {key: kept(fun, one) for key, one in value.items() if key not in DATES}
    if isinstance(value, str):
        return LINES.sub("", value)
    return [kept(fun, one) for one in value] if isinstance(value, list) else value


DIFFERENT = {
    'pkg.mod_repo "one" {"basedir": "{dir}/repos", "mirrorlist": ""}': "the two others come in any order in Salt",
    'pkg.group_install ""': "Salt asks dnf for a group without a name",
}
