"""What the modules ``pkg`` and ``lowpkg`` come to, by apt and dpkg on a root of their own, from a folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from typing import Any

from scenario import Scenario, kw

CONFIGURATION = """
Dir "{dir}/root";
Dir::State::status "{dir}/root/var/lib/dpkg/status";
Dir::Log "{dir}/root/var/log/apt";
Acquire::Languages "none";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Dpkg::Use-Pty "0";
"""
PACKAGES: dict[str, dict[str, Any]] = {
    "saltern-test-a_1.0-1": {},
    "saltern-test-a_1.1-1": {},
    "saltern-test-a_1.2~rc1-1": {},
    "saltern-test-b_1:2.0": {"Depends": "saltern-test-a (>= 1.0)", "Section": "utils", "Homepage": "https://b.example"},
    "saltern-test-c_3": {"conffile": True, "Origin": "Saltern"},
    "saltern-test-d_1": {"Depends": "saltern-test-missing"},
    "saltern-test-e_1": {"Depends": "saltern-test-b"},
}


def made(folder: str, name: str, fields: dict[str, Any]) -> str:
    """Make a package and return what the repository's index says of it."""
    title, version = name.split("_", 1)
    tree = os.path.join(folder, "build", title)
    os.makedirs(os.path.join(tree, "DEBIAN"), exist_ok=True)
    os.makedirs(os.path.join(tree, "usr/share/saltern-test"), exist_ok=True)
    control = {
        "Package": title,
        "Version": version,
        "Architecture": "all",
        "Maintainer": "Ann <ann@example.com>",
        **{key: value for key, value in fields.items() if key != "conffile"},
        "Description": f"the package {title}\n More of it,\n .\n and an end.",
    }
    text = "".join(f"{key}: {value}\n" for key, value in control.items())
    paths = {"DEBIAN/control": text, f"usr/share/saltern-test/{title}": f"{version}\n"}
    if fields.get("conffile"):
        paths |= {"DEBIAN/conffiles": f"/etc/{title}.conf\n", f"etc/{title}.conf": "setting\n"}
    for path, content in paths.items():
        os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
        with open(os.path.join(tree, path), "w") as file:
            file.write(content)
    path = os.path.join(folder, "repository", f"{title}_{version.replace(':', '%3a')}_all.deb")
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600"}
    words = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, path]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=env)
    with open(path, "rb") as deb:
        data = deb.read()
    where = f"Filename: ./{os.path.basename(path)}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
    head, _, tail = text.partition("Description:")
    return f"{head}{where}Description:{tail}\n"


def root(folder: str) -> None:
    """Make a root for apt and dpkg, and a repository for it."""
    for name in (
        "root/etc/apt/sources.list.d",
        "root/etc/apt/apt.conf.d",
        "root/etc/apt/preferences.d",
        "root/var/lib/dpkg/info",
        "root/var/lib/dpkg/updates",
        "root/var/lib/dpkg/triggers",
        "root/var/lib/apt/lists/partial",
        "root/var/cache/apt/archives/partial",
        "root/var/log/apt",
        "repository",
    ):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for name in ("root/var/lib/dpkg/status", "root/var/lib/dpkg/available"):
        with open(os.path.join(folder, name), "w"):
            pass
    index = "".join(made(folder, name, fields) for name, fields in PACKAGES.items())
    with open(os.path.join(folder, "repository/Packages"), "w") as file:
        file.write(index)
    with open(os.path.join(folder, "apt.conf"), "w") as file:
        file.write(CONFIGURATION.replace("{dir}", folder))
    lists = os.path.join(folder, "root/etc/apt/sources.list")
    if not os.path.exists(lists):
        with open(lists, "w") as file:
            file.write(f"deb [trusted=yes] file:{folder}/repository ./\n")
    os.environ["APT_CONFIG"] = os.path.join(folder, "apt.conf")
    os.environ["DPKG_ROOT"] = os.path.join(folder, "root")
    with contextlib.suppress(ImportError):  # Salt looks for the sources in one place alone
        from salt.utils.pkg import deb

        deb._APT_SOURCES_LIST = lists
        deb._APT_SOURCES_PARTSDIR = os.path.join(folder, "root/etc/apt/sources.list.d/")


def refreshed(folder: str) -> None:
    """Make the root, and have apt read its source."""
    root(folder)
    subprocess.run(["apt-get", "-q", "update"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


REPO = "deb [trusted=yes] file:{dir}/repository ./"
OTHER = "deb [trusted=yes] file:{dir}/other stable main"
LISTS = {
    "root/etc/apt/sources.list": (
        "# remarks\n"
        "deb [trusted=yes] file:{dir}/repository ./\n"
        "\n"
        "#deb http://off.example/debian stable main contrib\n"
        "deb-src [arch=amd64,arm64 signed-by=/etc/x.gpg] http://src.example/debian/ stable main # why\n"
        "# nonsense here\n"
    ),
    "root/etc/apt/sources.list.d/more.sources": (
        "# a stanza\n"
        "Types: deb deb-src\n"
        "URIs: http://one.example/debian\n"
        "Suites: stable stable-updates\n"
        "Components: main contrib\n"
        "Signed-By: /etc/one.gpg\n"
        "Enabled: no\n"
        "\n"
        "Types: deb\n"
        "URIs: http://two.example/debian http://three.example/debian\n"
        "Suites: sid\n"
        "Components: main\n"
        "Architectures: amd64\n"
        "Signed-By: /etc/two.gpg\n"
        "Enabled: no\n"
    ),
}

MADE_STANZA = (
    'pkg.mod_repo "deb [trusted=yes] http://s.example/d sid main contrib" {"refresh": false, "file": '
    '"{dir}/root/etc/apt/sources.list.d/s.sources", "disabled": true}'
)

SCENARIOS = {
    "packages": Scenario(
        setup=root,
        root=True,
        tree=False,
        calls=(
            ("pkg.list_pkgs",),
            ("pkg.version", "saltern-test-a"),
            ("pkg.version"),
            ("pkg.latest_version", "saltern-test-a", kw(refresh=False)),
            ("pkg.refresh_db",),
            ("pkg.refresh_db", kw(failhard=True)),
            ("pkg.latest_version", "saltern-test-a", kw(refresh=False)),
            ("pkg.latest_version", "saltern-test-a"),
            ("pkg.latest_version"),
            ("pkg.latest_version", "saltern-test-none", kw(refresh=False)),
            ("pkg.latest_version", "saltern-test-a", "saltern-test-none", kw(refresh=False)),
            ("pkg.available_version", "saltern-test-a", "saltern-test-b", kw(refresh=False)),
            ("pkg.latest_version", "saltern-test-a", kw(repo="x")),
            ("pkg.latest_version", "saltern-test-a", kw(fromrepo="x", refresh=False)),
            ("pkg.upgrade_available", "saltern-test-a"),
            ("pkg.list_repo_pkgs", "saltern-test-a"),
            ("pkg.list_repo_pkgs", "saltern-test-none"),
            ("pkg.list_repo_pkgs"),
            ("pkg.show", "saltern-test-b"),
            ("pkg.show", "saltern-test-a", "saltern-test-b", kw(filter="depends,section")),
            ("pkg.show", "saltern-test-none"),
            ("pkg.show"),
            ("pkg.show", "saltern-test-a", kw(other=1)),
            ("pkg.install", "saltern-test-a", kw(version="1.0-1")),
            ("pkg.install", "saltern-test-a", kw(version="1.0-1")),
            ("pkg.version", "saltern-test-a"),
            ("pkg.version", "saltern-test-a", "saltern-test-b"),
            ("pkg.version", "saltern-test-*"),
            ("pkg.version", "saltern-test-a", kw(versions_as_list=True)),
            ("pkg.latest_version", "saltern-test-a", kw(refresh=False)),
            ("pkg.latest_version", "saltern-test-a", kw(refresh=False, show_installed=True)),
            ("pkg.upgrade_available", "saltern-test-a"),
            ("pkg.list_upgrades",),
            ("pkg.list_upgrades", kw(refresh=False, dist_upgrade=False)),
            ("pkg.install", "saltern-test-a", kw(version="<=1.1-1")),
            ("pkg.install", "saltern-test-a", kw(version=">9")),
            ("pkg.install", "saltern-test-a", kw(reinstall=True)),
            ("pkg.install", "saltern-test-a", kw(reinstall=True, version="1.1-1")),
            ("pkg.install", "saltern-test-a", kw(version="1.0-1")),
            ("pkg.upgrade", kw(refresh=False)),
            ("pkg.upgrade",),
            ("pkg.install", "saltern-test-b,saltern-test-c", kw(refresh=True)),
            ("pkg.list_pkgs",),
            ("pkg.list_pkgs", kw(versions_as_list=True)),
            ("pkg.install", "saltern-test-none"),
            ("pkg.install", "saltern-test-d"),
            ("pkg.install",),
            ("pkg.install", kw(pkgs=["saltern-test-a", {"saltern-test-c": "3"}])),
            ("pkg.install", kw(pkgs=[{"saltern-test-a": "7"}])),
            ("pkg.install", kw(pkgs=["saltern-test-a", "saltern-test-a"])),
            ("pkg.install", kw(sources=[{"saltern-test-e": "{dir}/repository/saltern-test-e_1_all.deb"}])),
            ("pkg.install", kw(sources=[{"saltern-test-e": "relative.deb"}])),
            ("pkg.install", kw(sources=[{"saltern-test-e": "{dir}/none.deb"}])),
            ("pkg.install", kw(sources=["saltern-test-e"])),
            ("pkg.install", kw(pkgs=["a"], sources=[{"b": "c"}])),
            ("pkg.owner", "/usr/share/saltern-test/saltern-test-a"),
            ("pkg.owner", "/usr/share/saltern-test/saltern-test-a", "/no/such"),
            ("pkg.owner", "/no/such"),
            ("pkg.owner",),
            ("pkg.which", "relative"),
            ("pkg.which", "/no/such"),
            ("pkg.which", "{dir}"),
            ("pkg.file_list", "saltern-test-a"),
            ("pkg.file_list", "saltern-test-none"),
            ("pkg.file_dict", "saltern-test-a", "saltern-test-c"),
            ("pkg.file_dict"),
            ("pkg.info_installed", "saltern-test-b"),
            ("pkg.info_installed", "saltern-test-c"),
            ("pkg.info_installed", "saltern-test-none"),
            ("pkg.info_installed", "saltern-test-none", kw(failhard=False)),
            ("pkg.info_installed", "saltern-test-b", kw(attr="version")),
            ("lowpkg.info", "saltern-test-a", "saltern-test-b"),
            ("lowpkg.info",),
            ("lowpkg.info", "saltern-test-none"),
            ("lowpkg.info", "saltern-test-none", kw(failhard=False)),
            ("lowpkg.list_pkgs",),
            ("lowpkg.list_pkgs", "saltern-test-a"),
            ("lowpkg.list_pkgs", "saltern-test-none"),
            ("lowpkg.file_list", "saltern-test-a", "saltern-test-b"),
            ("lowpkg.file_dict", "saltern-test-none"),
            ("lowpkg.bin_pkg_info", "{dir}/repository/saltern-test-b_1%3a2.0_all.deb"),
            ("lowpkg.bin_pkg_info", "{dir}/none.deb"),
            ("lowpkg.bin_pkg_info", "{dir}/apt.conf"),
            ("lowpkg.bin_pkg_info", "."),
            ("lowpkg.unpurge",),
            ("pkg.remove", "saltern-test-none"),
            ("pkg.remove", "saltern-test-c"),
            ("pkg.list_pkgs", kw(removed=True)),
            ("pkg.version", "saltern-test-c"),
            ("pkg.info_installed", "saltern-test-c"),
            ("pkg.purge", "saltern-test-c"),
            ("pkg.list_pkgs", kw(removed=True)),
            ("pkg.purge", "saltern-test-c"),
            ("pkg.remove", kw(pkgs=["saltern-test-a"])),
            ("pkg.list_pkgs",),
            ("pkg.install", "saltern-test-e"),
            ("pkg.autoremove", kw(list_only=True)),
            ("pkg.remove", "saltern-test-e"),
            ("pkg.autoremove", kw(list_only=True)),
            ("pkg.autoremove",),
            ("pkg.autoremove",),
            ("pkg.install", "saltern-test-a,saltern-test-c"),
            ("pkg.purge", "saltern-test-*"),
            ("pkg.list_pkgs",),
            ("pkg.list_pkgs", kw(purge_desired=True)),
            ("pkg.install", "saltern-test-a", kw(downloadonly=True)),
            ("pkg.install", "saltern-test-a", kw(only_upgrade=True)),
            ("pkg.install", "saltern-test-a:all"),
        ),
    ),
    "holding": Scenario(
        setup=refreshed,
        root=True,
        tree=False,
        calls=(
            ("pkg.install", "saltern-test-a", kw(version="1.0-1")),
            ("pkg.install", "saltern-test-c"),
            ("pkg.get_selections",),
            ("pkg.get_selections", "*-a"),
            ("pkg.get_selections", kw(state="hold")),
            ("pkg.hold", "saltern-test-a"),
            ("pkg.hold", "saltern-test-a"),
            ("pkg.get_selections", kw(state="hold")),
            ("pkg.list_pkgs",),
            ("pkg.list_upgrades", kw(refresh=False)),
            ("pkg.upgrade", kw(refresh=False)),
            ("pkg.install", "saltern-test-a"),
            ("pkg.get_selections", kw(state="hold")),
            ("pkg.unhold", "saltern-test-a"),
            ("pkg.unhold", "saltern-test-a"),
            ("pkg.unhold", "saltern-test-none"),
            ("pkg.hold",),
            ("pkg.unhold",),
            ("pkg.hold", kw(pkgs=["saltern-test-a"], sources=[{"b": "c"}])),
            ("pkg.hold", kw(pkgs=["saltern-test-a", {"saltern-test-c": "3"}])),
            ("pkg.unhold", kw(sources=[{"saltern-test-c": "x"}])),
            ("pkg.set_selections",),
            ("pkg.set_selections", kw(selection={"install": ["saltern-test-a"]})),
            ("pkg.set_selections", kw(selection='{"hold": [saltern-test-a, saltern-test-c]}')),
            ("pkg.set_selections", kw(selection={"nonsense": ["x"], "hold": ["y"]})),
            ("pkg.set_selections", kw(selection="{hold: [a")),
            ("pkg.set_selections", "salt://x", {"hold": ["a"]}),
            ("pkg.set_selections", kw(selection={"deinstall": ["saltern-test-c"]})),
            ("pkg.list_pkgs",),
            ("pkg.get_selections",),
            ("pkg.set_selections", kw(selection={"purge": ["saltern-test-c"]})),
            ("pkg.list_pkgs", kw(purge_desired=True, use_context=False)),
            ("pkg.list_pkgs", kw(use_context=False)),
            ("lowpkg.unpurge", "saltern-test-c"),
            ("pkg.list_pkgs", kw(use_context=False)),
        ),
    ),
    "holding in a test": Scenario(
        setup=refreshed,
        root=True,
        tree=False,
        opts={"test": True},
        calls=(
            ("pkg.install", "saltern-test-a"),
            ("pkg.hold", "saltern-test-a"),
            ("pkg.unhold", "saltern-test-a"),
            ("pkg.set_selections", kw(selection={"hold": ["saltern-test-a"]})),
            ("pkg.get_selections",),
        ),
    ),
    "names and versions": Scenario(
        tree=False,
        calls=(
            ("pkg.version_cmp", "1.0", "1.0"),
            ("pkg.version_cmp", "1.0-1", "1.0-2"),
            ("pkg.version_cmp", "1:1.0", "2.0"),
            ("pkg.version_cmp", "1:1.0", "2.0", kw(ignore_epoch=True)),
            ("pkg.version_cmp", "1.0~rc1", "1.0"),
            ("pkg.version_cmp", "1.0", "1.0+b1"),
            ("pkg.version_cmp", "0.2.4-0ubuntu1", "0.2.4.1-0ubuntu1"),
            ("pkg.version_cmp", 1, 2),
            ("pkg.version_cmp", "", "1"),
            ("pkg.version_cmp", "abc", "1"),
            ("pkg.version_cmp", "1_0", "1"),
            ("pkg.version_cmp", "a b", "1"),
            ("pkg.version_cmp", "1:2:3", "1:2:4"),
            ("pkg.normalize_name", "bash:all"),
            ("pkg.normalize_name", "bash:any"),
            ("pkg.normalize_name", "bash:mips"),
            ("pkg.normalize_name", "bash"),
            ("pkg.parse_arch", "bash:mips"),
            ("pkg.parse_arch", "bash"),
            ("pkg_resource.parse_targets", "a,b:all"),
            ("pkg_resource.parse_targets", "a", kw(version="1")),
            ("pkg_resource.parse_targets", kw(pkgs=["a", {"b": 1.5}])),
            ("pkg_resource.parse_targets", kw(pkgs=["a", "a"])),
            ("pkg_resource.parse_targets", kw(sources=[{"a": "/x.deb"}])),
            ("pkg_resource.parse_targets", kw(sources=[{"a": "x.deb"}])),
            ("pkg_resource.parse_targets", kw(pkgs=["a"], sources=[{"a": "x.deb"}])),
            ("pkg_resource.parse_targets",),
            ("pkg_resource.pack_sources", '[{"a:all": "/x"}, {"b": "/y"}]'),
            ("pkg_resource.pack_sources", [{"a": 1, "b": 2}]),
            ("pkg_resource.version",),
            ("pkg_resource.version", "saltern-test-none"),
            ("pkg_resource.version_clean", "1.2"),
            ("pkg_resource.check_extra_requirements", "a", "1"),
            ("pkg_resource.format_version", 1, "2", "3"),
            ("pkg_resource.format_version", None, "2", ""),
            ("pkg_resource.format_pkg_list", {"a": [{"epoch": None, "version": "2", "release": "1"}]}, False, None),
            ("pkg_resource.format_pkg_list", {"a": [{"epoch": 1, "version": "2", "release": "1"}]}, True, None),
            ("pkg_resource.format_pkg_list", {"a": [{"epoch": 1, "version": "2", "arch": "x"}]}, True, "all"),
            ("pkg_resource.format_pkg_list", {"a": [{"epoch": 1, "version": "2", "arch": "x"}]}, True, ["version"]),
            ("pkg_resource.add_pkg", {}, "a", "1"),
            ("pkg_resource.stringify", {"a": ["1"]}),
            ("pkg_resource.sort_pkglist", {"a": ["1"]}),
        ),
    ),
    "repositories": Scenario(
        setup=root,
        root=True,
        tree=False,
        files={"other/x": ""},
        calls=(
            ("pkg.list_repos",),
            ("pkg.get_repo", REPO),
            ("pkg.get_repo", "deb http://none.example/debian stable main"),
            ("pkg.get_repo", "nonsense"),
            ("pkg.mod_repo", OTHER, kw(refresh=False)),
            ("pkg.list_repos",),
            ("pkg.get_repo", OTHER),
            ("pkg.get_repo", "deb file:{dir}/other/ stable"),
            ("pkg.mod_repo", OTHER, kw(refresh=False, comps="main,contrib")),
            ("pkg.mod_repo", OTHER, kw(refresh=False, disabled=True)),
            ("pkg.mod_repo", OTHER, kw(refresh=False, enabled=True, comments="mine")),
            ("pkg.mod_repo", OTHER, kw(refresh=False, architectures="amd64,arm64")),
            ("pkg.get_repo", OTHER),
            ("pkg.mod_repo", "deb http://n.example/d sid main", kw(refresh=False, aptkey=False)),
            ("pkg.mod_repo", "deb http://n.example/d sid main", kw(refresh=False, aptkey=False, trusted=True)),
            (
                "pkg.mod_repo",
                "deb [signed-by=/etc/k.gpg] http://m.example/d sid main",
                kw(refresh=False, file="{dir}/root/etc/apt/sources.list.d/m.list"),
            ),
            (
                "pkg.mod_repo",
                "deb [trusted=yes] http://s.example/d sid main contrib",
                kw(refresh=False, file="{dir}/root/etc/apt/sources.list.d/s.sources", disabled=True),
            ),
            ("pkg.get_repo", "deb http://s.example/d sid contrib"),
            ("pkg.mod_repo", "nonsense", kw(refresh=False)),
            ("pkg.mod_repo", "ppa:x/y", kw(refresh=False)),
            ("pkg.mod_repo", "deb [arch=amd64] http://short.example", kw(refresh=False)),
            ("pkg.mod_repo", "deb http://k.example/d sid main", kw(refresh=False, keyserver="x", keyid="")),
        ),
    ),
    "repositories of both kinds": Scenario(
        setup=root,
        files=LISTS,
        root=True,
        tree=False,
        calls=(
            ("pkg.list_repos",),
            ("pkg.get_repo", "deb http://off.example/debian stable main"),
            ("pkg.get_repo", "deb-src http://one.example/debian stable-updates contrib"),
            ("pkg.get_repo", "deb-src [arch=amd64,arm64 signed-by=/etc/x.gpg] http://src.example/debian stable main"),
            ("pkg.del_repo", "deb http://none.example/debian stable main"),
            ("pkg.del_repo", "nonsense"),
            ("pkg.del_repo", "deb http://off.example/debian stable contrib"),
            ("pkg.del_repo", "deb-src [arch=amd64,arm64] http://src.example/debian stable main"),
            ("pkg.del_repo", "deb http://one.example/debian stable main contrib"),
            ("pkg.del_repo", "deb [arch=amd64] http://three.example/debian sid main"),
            ("pkg.list_repos",),
            ("pkg.del_repo", "deb http://one.example/debian stable-updates main contrib"),
            ("pkg.list_repos",),
        ),
    ),
}
SCENARIOS = {
    title: Scenario(**{**vars(one), "calls": tuple((call,) if isinstance(call, str) else call for call in one.calls)})
    for title, one in SCENARIOS.items()
}


def kept(fun: str, value: Any) -> Any:
    """Leave out when something was done, and by what size."""
    if isinstance(value, dict):
        return {key: kept(fun, one) for key, one in value.items() if key not in ("install_date", "Size", "SHA256")}
    return [kept(fun, one) for one in value] if isinstance(value, list) else value


DIFFERENT = {
    'pkg.set_selections {"selection": "{hold: [a"}': "where it is wrong is told in the words of another YAML parser",
    'pkg.get_repo "deb http://s.example/d sid contrib"': "Salt's line has signed-by=None for a stanza without a key",
    MADE_STANZA: "likewise",
    'pkg.mod_repo "deb http://k.example/d sid main" {"refresh": false, "keyserver": "x", "keyid": ""}': (
        "a NameError in Salt, with its traceback"
    ),
}
