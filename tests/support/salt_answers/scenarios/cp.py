"""Files by ``salt://``, on a minion that has them itself (``file_client: local``)."""

from __future__ import annotations

import os
from typing import Any

from scenario import Scenario, kw

OPTS: dict[str, Any] = {
    "cachedir": "{dir}/.salt/cache",
    "file_roots": {"base": ["{dir}/roots", "{dir}/more"], "dev": ["{dir}/dev"]},
}
FILES: dict[str, str | bytes] = {
    "roots/motd": "hello\n",
    "roots/empty": "",
    "roots/bin": b"\x00\x01\xff",
    "roots/gr\u00fcn.txt": "gr\u00fcn\n",
    "roots/a/one.conf": "one\n",
    "roots/a/two.txt": "two\n",
    "roots/a/b/three.conf": "three\n",
    "roots/a/none/": "",
    "roots/ab/other": "other\n",
    "roots/top.sls": "base: {}\n",
    "roots/web/init.sls": "x: {}\n",
    "roots/web/conf.sls": "x: {}\n",
    "roots/q?x&y": "odd\n",
    "roots/{{ grains.town }}": "a name\n",
    "roots/ulm": "of ulm\n",
    "roots/tpl.j2": "town={{ grains['town'] }} p={{ pillar['key'] }} x={{ x }} env={{ saltenv }}\n",
    "roots/bad.j2": "{{ nothing.at.all }}",
    "more/motd": "second\n",
    "more/only": "more\n",
    "dev/motd": "dev\n",
    "dev/d/x": "x\n",
    "local/f.txt": "local\n",
    "dest/": "",
}


def links(folder: str) -> None:
    """Make links in the roots, and a mode."""
    os.symlink("motd", os.path.join(folder, "roots/link"))
    os.symlink("a", os.path.join(folder, "roots/adir"))
    os.chmod(os.path.join(folder, "roots/a/one.conf"), 0o750)


def scenario(*calls: tuple[Any, ...], **more: Any) -> Scenario:
    """Return a scenario on the usual files."""
    return Scenario(calls, FILES, OPTS, {"town": "ulm"}, {"key": "v"}, **more)


SCENARIOS = {
    "get_file": scenario(
        ("cp.get_file", "salt://motd", "{dir}/dest/motd"),
        ("cp.get_file", "salt://motd", "{dir}/dest/motd"),
        ("cp.get_file", "salt://motd", "{dir}/dest"),
        ("cp.get_file", "salt://a/one.conf", "{dir}/dest/"),
        ("cp.get_file", "salt://empty", "{dir}/dest/empty"),
        ("cp.get_file", "salt://bin", "{dir}/dest/bin"),
        ("cp.get_file", "salt://gr\u00fcn.txt", "{dir}/dest/gr\u00fcn"),
        ("cp.get_file", "salt://nothing", "{dir}/dest/x"),
        ("cp.get_file", "salt://a", "{dir}/dest/x"),
        ("cp.get_file", "salt://motd", "{dir}/no/such/motd"),
        ("cp.get_file", "salt://motd", "{dir}/no/such/motd", kw(makedirs=True)),
        ("cp.get_file", "salt://a/two.txt", "{dir}/fresh/", kw(makedirs=True)),
        ("cp.get_file", "salt://motd", "{dir}/dest/dev", "dev"),
        ("cp.get_file", "salt://motd?saltenv=dev", "{dir}/dest/dev2"),
        ("cp.get_file", "salt://motd?saltenv=dev", "{dir}/dest/dev3", "base"),
        ("cp.get_file", "salt://motd", "{dir}/dest/none", "nowhere"),
        ("cp.get_file", "salt://only", "{dir}/dest/only"),
        ("cp.get_file", "salt:///motd", "{dir}/dest/slashes"),
        ("cp.get_file", "salt://motd", "{dir}/dest/gz", kw(gzip=5)),
        ("cp.get_file", "salt://{{grains.town}}", "{dir}/dest/{{grains.town}}", kw(template="jinja")),
        ("cp.get_file", "salt://ulm", "{dir}/dest/ulm2", kw(template="nope")),
        ("cp.get_file", "salt://q?x&y", "{dir}/dest/odd"),
        ("cp.get_file", "salt://a/../motd", "{dir}/dest/dots"),
        ("cp.get_file", "salt://../local/f.txt", "{dir}/dest/out"),
        ("cp.get_file",),
    ),
    "get_file_of_no_url": scenario(
        ("cp.get_file", "motd", "{dir}/dest/x"),
        ("cp.get_file", "{dir}/local/f.txt", "{dir}/dest/x"),
        tree=False,
    ),
    "get_template": scenario(
        ("cp.get_template", "salt://tpl.j2", "{dir}/dest/t", kw(x="y")),
        ("cp.get_template", "salt://tpl.j2", "{dir}/no/t", kw(x="y")),
        ("cp.get_template", "salt://tpl.j2", "{dir}/no/t", kw(x="y", makedirs=True)),
        ("cp.get_template", "salt://tpl.j2", "{dir}/dest/u", "nope", kw(x="y")),
        ("cp.get_template", "salt://nothing", "{dir}/dest/u"),
        ("cp.get_template", "salt://bad.j2", "{dir}/dest/u"),
        ("cp.get_template", "{dir}/local/f.txt", "{dir}/dest/l"),
    ),
    "get_dir": scenario(
        ("cp.get_dir", "salt://a", "{dir}/dest"),
        ("cp.get_dir", "salt://a/", "{dir}/dest2"),
        ("cp.get_dir", "salt://a/b", "{dir}/dest3"),
        ("cp.get_dir", "salt://a", "{dir}/dest4/", kw(gzip=3)),
        ("cp.get_dir", "salt://nothing", "{dir}/dest5"),
        ("cp.get_dir", "salt://motd", "{dir}/dest5"),
        ("cp.get_dir", "salt://d", "{dir}/dest6", kw(saltenv="dev")),
        ("cp.get_dir", "{dir}/local", "{dir}/dest7"),
    ),
    "get_url": scenario(
        ("cp.get_url", "salt://motd", "{dir}/dest/motd"),
        ("cp.get_url", "salt://motd", ""),
        ("cp.get_url", "salt://motd"),
        ("cp.get_url", "salt://motd", None),
        ("cp.get_url", "salt://nothing", "{dir}/dest/x"),
        ("cp.get_url", "salt://nothing"),
        ("cp.get_url", "salt://nothing", None),
        ("cp.get_url", "salt://a/one.conf", "{dir}/dest/"),
        ("cp.get_url", "salt://a/one.conf", "{dir}/deep/x"),
        ("cp.get_url", "salt://a/one.conf", "{dir}/deep/x", kw(makedirs=True)),
        ("cp.get_url", "{dir}/local/f.txt"),
        ("cp.get_url", "{dir}/local/f.txt", None),
        ("cp.get_url", "file://{dir}/local/f.txt", None),
        ("cp.get_url", "file://{dir}/local/f.txt", "{dir}/dest/unused"),
        ("cp.get_url", "{dir}/local/none"),
        ("cp.get_url", "relative"),
    ),
    "get_file_str": scenario(
        ("cp.get_file_str", "salt://motd"),
        ("cp.get_file_str", "salt://empty"),
        ("cp.get_file_str", "salt://gr\u00fcn.txt"),
        ("cp.get_file_str", "salt://nothing"),
        ("cp.get_file_str", "salt://motd", "dev"),
        ("cp.get_file_str", "salt://motd?saltenv=dev"),
        ("cp.get_file_str", "{dir}/local/f.txt"),
        ("cp.get_file_str", "relative"),
        tree=False,
    ),
    "cache_file": scenario(
        ("cp.is_cached", "salt://motd"),
        ("cp.cache_dest", "salt://motd"),
        ("cp.cache_dest", "salt://motd", "dev"),
        ("cp.cache_dest", "salt://motd?saltenv=dev"),
        ("cp.cache_dest", "https://foo.example/bar.rpm"),
        ("cp.cache_dest", "https://me:pw@foo.example:8443/d/bar.rpm?x=1&y=2"),
        ("cp.cache_dest", "https://foo.example/../../../etc/passwd"),
        ("cp.cache_dest", "{dir}/local/f.txt"),
        ("cp.cache_file", "salt://motd"),
        ("cp.is_cached", "salt://motd"),
        ("cp.is_cached", "motd"),
        ("cp.is_cached", "salt://motd", "dev"),
        ("cp.cache_file", "salt://motd?saltenv=dev"),
        ("cp.is_cached", "salt://motd?saltenv=dev"),
        ("cp.cache_file", "salt://a/b/three.conf"),
        ("cp.cache_file", "salt://empty"),
        ("cp.cache_file", "salt://nothing"),
        ("cp.cache_file", "salt://a"),
        ("cp.cache_file", "{dir}/local/f.txt"),
        ("cp.cache_file", "{dir}/local/none"),
        ("cp.cache_file", "file://{dir}/local/f.txt"),
        ("cp.cache_file", "relative"),
        ("cp.cache_files", "salt://motd,salt://nothing,salt://a/two.txt"),
        ("cp.cache_files", ["salt://motd", "salt://motd?saltenv=dev"]),
        ("cp.cache_files", ["salt://motd"], "dev"),
        ("cp.cache_local_file", "{dir}/local/f.txt"),
        ("cp.cache_local_file", "{dir}/local/f.txt"),
        ("cp.cache_local_file", "{dir}/local/none"),
        ("cp.is_cached", "{dir}/local/f.txt"),
        ("cp.list_minion",),
        ("cp.list_minion", "dev"),
        tree=False,
    ),
    "cache_dir": scenario(
        ("cp.cache_dir", "salt://a"),
        ("cp.cache_dir", "salt://a/"),
        ("cp.cache_dir", "salt://a", kw(include_pat="*.conf")),
        ("cp.cache_dir", "salt://a", kw(include_pat="E@\\.txt$")),
        ("cp.cache_dir", "salt://a", kw(exclude_pat="*.conf")),
        ("cp.cache_dir", "salt://a", kw(include_pat="*.conf", exclude_pat="*three*")),
        ("cp.cache_dir", "salt://a", kw(include_empty=True)),
        ("cp.cache_dir", "salt://a", kw(include_pat=["*.txt", "E@three"])),
        ("cp.cache_dir", "salt://nothing"),
        ("cp.cache_dir", "salt://d", "dev"),
        ("cp.cache_dir", "{dir}/local"),
        ("cp.cache_master",),
        ("cp.cache_master", "dev"),
        ("cp.cache_master", "nowhere"),
        tree=False,
    ),
    "hash_file": scenario(
        ("cp.hash_file", "salt://motd"),
        ("cp.hash_file", "salt://motd?saltenv=dev"),
        ("cp.hash_file", "salt://nothing"),
        ("cp.hash_file", "salt://motd", "nowhere"),
        ("cp.hash_file", "salt://a"),
        ("cp.hash_file", "{dir}/local/f.txt"),
        ("cp.hash_file", "{dir}/local/none"),
        ("cp.hash_file", "{dir}/local"),
        ("cp.stat_file", "salt://a/one.conf"),
        ("cp.stat_file", "salt://a/one.conf", kw(octal=False)),
        ("cp.stat_file", "salt://motd", "dev"),
        ("cp.stat_file", "salt://nothing"),
        ("cp.stat_file", "{dir}/local/f.txt"),
        ("cp.stat_file", "{dir}/local/none"),
        ("cp.stat_file", "{dir}/local"),
        setup=links,
    ),
    "lists": scenario(
        ("cp.list_master",),
        ("cp.list_master", "dev"),
        ("cp.list_master", kw(prefix="a")),
        ("cp.list_master", kw(prefix="/a/")),
        ("cp.list_master", "nowhere"),
        ("cp.list_master_dirs",),
        ("cp.list_master_dirs", "dev"),
        ("cp.list_master_dirs", kw(prefix="a")),
        ("cp.list_master_dirs", "nowhere"),
        ("cp.list_master_symlinks",),
        ("cp.list_master_symlinks", kw(prefix="li")),
        ("cp.list_master_symlinks", "dev"),
        ("cp.list_master_symlinks", "nowhere"),
        ("cp.list_states",),
        ("cp.list_states", "dev"),
        ("cp.envs",),
        setup=links,
        tree=False,
    ),
    "recv": scenario(
        ("cp.recv_chunked", "{dir}/dest/f", "aGVsbG8=", False, False, 0o640),
        ("cp.recv_chunked", "{dir}/dest/f", "IHlvdQ==", True, False),
        ("cp.recv_chunked", "{dir}/dest/deep/g", "aGVsbG8=", False, False, 0o644),
        ("cp.recv_chunked", "{dir}/dest/e", None),
        ("cp.recv_chunked", "{dir}/dest/e", None),
        ("cp.recv_chunked", "{dir}/dest/f", None),
        ("cp.recv_chunked", "{dir}/dest", "aGVsbG8=", False, False),
        ("cp.recv", {"{dir}/x/new": "text\n"}, "{dir}/dest"),
        ("cp.recv", {"new": "text\n"}, "{dir}/dest/named"),
        ("cp.recv", {"new": "text\n"}, "{dir}/no/such"),
    ),
    "push": scenario(
        ("cp.push", "relative"),
        ("cp.push", "/../x"),
        ("cp.push", "{dir}/local/none"),
        ("cp.push", "{dir}/local"),
        ("cp.push_dir", "relative"),
        ("cp.push_dir", "{dir}/roots/a/none"),
        ("cp.push_dir", "{dir}/local", kw(glob="*.nothing")),
        tree=False,
    ),
}


def kept(fun: str, value: Any) -> Any:
    """Put lists that have no order in one."""
    return sorted(value) if fun in ("cp.envs", "cp.list_master_dirs") and isinstance(value, list) else value


NO_URL = "an error of a user's is one line, with no traceback"

DIFFERENT: dict[str, str] = {
    'cp.get_file "motd" "{dir}/dest/x"': NO_URL,
    'cp.get_file "{dir}/local/f.txt" "{dir}/dest/x"': NO_URL,
    'cp.get_dir "{dir}/local" "{dir}/dest7"': NO_URL,
    'cp.cache_dir "{dir}/local"': NO_URL,
    'cp.get_template "salt://bad.j2" "{dir}/dest/u"': "the template's line is named in one line",
}
