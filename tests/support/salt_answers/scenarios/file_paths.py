"""What is there: ``file.stats``, ``is_link``, ``access`` and their like; making, moving, removing."""

from __future__ import annotations

import os

from scenario import Scenario, kw

A = "{dir}/a.txt"
TIMES = ("atime", "mtime", "ctime", "st_atime", "st_ctime", "st_mtime")
OF_THIS_HOST = ("inode", "uid", "gid", "user", "group", "st_uid", "st_gid")


def kept(fun, value):  # run by Salt's Python too
    """Leave out times and owners, and what a file system has."""
    if fun == "file.statvfs" and isinstance(value, dict):
        return sorted(value)
    if fun == "file.readdir":
        return value[:2] + sorted(value[2:])
    if fun == "file.open_files":
        return sorted({type(key).__name__ for key in value}), all(list(one) == sorted(one) for one in value.values())
    if isinstance(value, dict):
        size = {} if value.get("type", value.get("st_size")) != "dir" else {"size": 0}
        masked = {key: "" for key in value if key in (*TIMES, *OF_THIS_HOST)}
        return {**value, **size, **masked}
    return value


def _kinds(folder: str) -> None:
    os.chmod(os.path.join(folder, "a.txt"), 0o640)
    os.chmod(os.path.join(folder, "sub"), 0o2750)
    os.symlink("a.txt", os.path.join(folder, "link"))
    os.symlink("sub", os.path.join(folder, "dirlink"))
    os.symlink("nowhere", os.path.join(folder, "dangling"))
    os.link(os.path.join(folder, "a.txt"), os.path.join(folder, "hard"))
    os.mkfifo(os.path.join(folder, "pipe"), 0o600)


FILES = {"a.txt": "one\n", "sub/b.txt": "two\n", "sub/deep/c.txt": "three\n", "empty/": ""}
NAMES = ("a.txt", "sub", "link", "dirlink", "dangling", "hard", "pipe", "missing", "a.txt/x")

SCENARIOS = {
    "kinds": Scenario(
        files=FILES,
        setup=_kinds,
        calls=(
            *(
                (f"file.{fun}", f"{{dir}}/{name}")
                for fun in ("directory_exists", "file_exists", "is_link", "is_hardlink", "is_fifo", "get_mode")
                for name in NAMES
            ),
            *(
                (f"file.{fun}", path)
                for fun in ("is_chrdev", "is_blkdev", "is_fifo", "get_devmm")
                for path in ("/dev/null", A, "{dir}/missing", "{dir}/pipe")
            ),
            ("file.is_link", "{dir}/link", True),
            ("file.is_link", A, kw(nostat=True)),
            ("file.is_link", "{dir}/missing", kw(nostat=True)),
            ("file.is_link", "{dir}/no/folder", kw(nostat=True)),
            ("file.is_hardlink", "relative"),
            ("file.get_mode", "{dir}/link", False),
            ("file.get_mode", "{dir}/link", kw(follow_symlinks=False)),
            *(("file.path_exists_glob", f"{{dir}}/{name}") for name in ("*", "a*", "q*", "sub/*/c.txt", "a.txt", "")),
            *(
                ("file.access", f"{{dir}}/{name}", mode)
                for name in ("a.txt", "sub", "dangling", "missing")
                for mode in ("f", "r", 0, 4)
            ),
            ("file.access", A, "x"),
            ("file.access", A, "q"),
            ("file.access", A, 9),
            ("file.access", "relative", "f"),
        ),
    ),
    "stats": Scenario(
        files=FILES,
        setup=_kinds,
        calls=(
            *(("file.stats", f"{{dir}}/{name}") for name in NAMES),
            *(("file.stats", f"{{dir}}/{name}", kw(follow_symlinks=False)) for name in ("a.txt", "link", "dangling")),
            ("file.stats", A, "md5"),
            ("file.stats", A, kw(hash_type="sha1")),
            ("file.stats", A, "nope"),
            ("file.stats", "{dir}/dangling", "md5"),
            ("file.lstat", A),
            ("file.lstat", "{dir}/link"),
            ("file.lstat", "{dir}/missing"),
            ("file.lstat", "relative"),
            ("file.statvfs", "{dir}"),
            ("file.statvfs", "{dir}/missing"),
            ("file.statvfs", "relative"),
            ("file.readdir", "{dir}/sub"),
            ("file.readdir", "{dir}/empty"),
            ("file.readdir", A),
            ("file.readdir", "{dir}/missing"),
            ("file.readdir", "relative"),
            ("file.readlink", "{dir}/link"),
            ("file.readlink", "{dir}/link", True),
            ("file.readlink", "{dir}/dangling", kw(canonicalize=True)),
            ("file.readlink", A),
            ("file.readlink", "{dir}/missing"),
            ("file.readlink", "relative"),
            ("file.diskusage", A),
            ("file.diskusage", "{dir}/sub"),
            ("file.diskusage", "{dir}/empty"),
            ("file.diskusage", "{dir}/missing"),
            ("file.open_files",),
            ("file.open_files", kw(by_pid=True)),
        ),
    ),
    "names": Scenario(
        calls=(
            ("file.pardir",),
            *(
                (f"file.{fun}", path)
                for fun in ("basename", "dirname", "normpath")
                for path in ("/a/b/c.txt", "/a/b/", "/", "", "a", "/a/../b//./c", "~/x")
            ),
            ("file.join", "/", "usr", "local"),
            ("file.join", "a", "/b", "c"),
            ("file.join", "a"),
            ("file.join", "/a/", "b/"),
            ("file.join",),
            ("file.join", "a", 5),
        ),
    ),
    "links": Scenario(
        files=FILES,
        setup=_kinds,
        calls=(
            ("file.symlink", A, "{dir}/new"),
            ("file.symlink", A, "{dir}/new"),
            ("file.symlink", "{dir}/sub", "{dir}/new"),
            ("file.symlink", "{dir}/sub", "{dir}/new", True),
            ("file.symlink", A, "{dir}/new", kw(atomic=True)),
            ("file.symlink", A, "{dir}/hard"),
            ("file.symlink", A, "{dir}/hard", kw(force=True)),
            ("file.symlink", A, "{dir}/empty"),
            ("file.symlink", A, "{dir}/empty", kw(force=True)),
            ("file.symlink", A, "{dir}/empty", kw(atomic=True)),
            ("file.symlink", A, "{dir}/dangling"),
            ("file.symlink", A, "{dir}/dangling", kw(follow_symlinks=False)),
            ("file.symlink", A, "{dir}/dangling", kw(force=True)),
            ("file.symlink", "nowhere", "{dir}/rel"),
            ("file.symlink", "./nowhere", "{dir}/rel"),
            ("file.symlink", A, "relative"),
            ("file.symlink", A, "{dir}/no/folder"),
            ("file.symlink", A, "{dir}/no/folder", kw(force=True)),
            ("file.link", A, "{dir}/second"),
            ("file.link", A, "{dir}/second"),
            ("file.link", "relative", "{dir}/third"),
            ("file.link", "{dir}/missing", "{dir}/third"),
            ("file.link", "{dir}/sub", "{dir}/third"),
        ),
    ),
    "moving": Scenario(
        files={**FILES, "d.txt": "four\n", "e.txt": "five\n", "full/x": "x"},
        setup=_kinds,
        calls=(
            ("file.rename", "{dir}/d.txt", "{dir}/d2.txt"),
            ("file.rename", "{dir}/missing", "{dir}/d3.txt"),
            ("file.rename", "relative", "{dir}/d3.txt"),
            ("file.rename", "{dir}/d2.txt", "{dir}/full"),
            ("file.rename", "{dir}/d2.txt", "{dir}/no/folder"),
            ("file.rename", "{dir}/d2.txt", "{dir}/e.txt"),
            ("file.move", "{dir}/e.txt", "{dir}/f.txt"),
            ("file.move", "{dir}/f.txt", "{dir}/full"),
            ("file.move", "{dir}/full/f.txt", "{dir}/full/x"),
            ("file.move", "{dir}/full", "{dir}/full2"),
            ("file.move", "{dir}/missing", "{dir}/y"),
            ("file.move", "relative", "{dir}/y"),
            ("file.move", A, "relative"),
            ("file.move", A, "{dir}/no/folder"),
            ("file.move", "{dir}/full2/x", "{dir}/y", kw(disallow_copy_and_unlink=True)),
            ("file.move", "{dir}/missing", "{dir}/y", kw(disallow_copy_and_unlink=True)),
            ("file.move", "{dir}/dangling", "{dir}/dangling2"),
        ),
    ),
    "copying": Scenario(
        files={**FILES, "d.txt": "four\n", "other/old": "x", "other/b.txt": "old"},
        setup=_kinds,
        calls=(
            ("file.copy", A, "{dir}/copy"),
            ("file.copy", A, "{dir}/d.txt"),
            ("file.copy", "{dir}/link", "{dir}/copy2"),
            ("file.copy", A, "{dir}/sub"),
            ("file.copy", "{dir}/sub", "{dir}/sub2"),
            ("file.copy", "{dir}/sub", "{dir}/sub2", True),
            ("file.copy", "{dir}/sub", "{dir}/sub2", kw(recurse=True)),
            ("file.copy", "{dir}/sub", "{dir}/other", kw(recurse=True)),
            ("file.copy", "{dir}/sub", "{dir}/other", kw(recurse=True, remove_existing=True)),
            ("file.copy", "{dir}/sub", "{dir}/third", kw(recurse=True, remove_existing=True)),
            ("file.copy", "relative", "{dir}/x"),
            ("file.copy", "{dir}/missing", "{dir}/x"),
            ("file.copy", A, "{dir}/no/folder"),
            ("file.copy", A, A),
            ("file.copy", "{dir}/dangling", "{dir}/x"),
        ),
    ),
    "removing": Scenario(
        files={**FILES, "tree/a/b/c/": "", "tree2/a/b/f": "x", "tree2/c/": "", "one/": "", "two/": "", "three/x": ""},
        setup=_kinds,
        calls=(
            ("file.remove", "{dir}/hard"),
            ("file.remove", "{dir}/hard"),
            ("file.remove", "{dir}/dirlink"),
            ("file.remove", "{dir}/dangling"),
            ("file.remove", "{dir}/pipe"),
            ("file.remove", "{dir}/sub"),
            ("file.remove", "{dir}/missing/deep"),
            ("file.remove", "{dir}/a.txt/x"),
            ("file.remove", "relative"),
            ("file.remove", ""),
            ("file.remove", "{dir}/three", kw(extra=1)),
            ("file.rmdir", "{dir}/one"),
            ("file.rmdir", "{dir}/one"),
            ("file.rmdir", A),
            ("file.rmdir", "relative"),
            ("file.rmdir", "{dir}/tree"),
            ("file.rmdir", "{dir}/tree", kw(verbose=True)),
            ("file.rmdir", "{dir}/tree", kw(recurse=True, verbose=True, older_than=1)),
            ("file.rmdir", "{dir}/tree", kw(recurse=True, older_than="x", verbose=True)),
            ("file.rmdir", "{dir}/tree2", True),
            ("file.rmdir", "{dir}/tree2", True, True),
            ("file.rmdir", "{dir}/two", kw(older_than=1)),
            ("file.rmdir", "{dir}/two", kw(verbose=True)),
        ),
    ),
    "folders": Scenario(
        files={"a.txt": "one\n"},
        calls=(
            ("file.mkdir", "{dir}/one"),
            ("file.mkdir", "{dir}/one"),
            ("file.mkdir", "{dir}/x/y/z/"),
            ("file.mkdir", "{dir}/m/n", kw(mode="0700")),
            ("file.mkdir", "{dir}/m2", kw(mode=750)),
            ("file.mkdir", "{dir}/a.txt"),
            ("file.mkdir", "{dir}/a.txt/x"),
            ("file.makedirs", "{dir}/p/q/file"),
            ("file.makedirs", "{dir}/p/q/file"),
            ("file.makedirs", "{dir}/p/r/"),
            ("file.makedirs", "{dir}/p/s/t/", kw(mode="0711")),
            ("file.makedirs", "{dir}/p/u/t/", kw(mode=700)),
            ("file.makedirs", "{dir}/a.txt/"),
            ("file.makedirs", "{dir}/a.txt"),
            ("file.makedirs", "{dir}/a.txt/x/"),
            ("file.makedirs", "rel/x"),
            ("file.makedirs_perms", "{dir}/c/d"),
            ("file.makedirs_perms", "{dir}/c/d"),
            ("file.makedirs_perms", "{dir}/e/f/", kw(mode="0700")),
            ("file.makedirs_perms", "{dir}/g/h/.", kw(mode="0750")),
            ("file.makedirs_perms", "{dir}/i", kw(mode=None)),
        ),
    ),
    "pipes": Scenario(
        files={"a.txt": "one\n"},
        calls=(
            ("file.mknod_fifo", "{dir}/p1"),
            ("file.mknod_fifo", "{dir}/p1"),
            ("file.mknod_fifo", "{dir}/p2", kw(mode="0600")),
            ("file.mknod_fifo", "{dir}/p3", kw(mode=640)),
            ("file.mknod_fifo", "{dir}/no/p"),
            ("file.mknod", "{dir}/made/p", "p"),
            ("file.mknod", "{dir}/made/q", "q"),
            ("file.mknod", "{dir}/made/r", "p", kw(mode="0644")),
            ("file.is_fifo", "{dir}/p1"),
        ),
    ),
}

DIFFERENT: dict[str, str] = {}
