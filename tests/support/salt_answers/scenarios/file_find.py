"""Looking for files, and in them: ``file.find``, ``contains``, ``grep``."""

from __future__ import annotations

import os
import time

from scenario import Scenario, kw

A = "{dir}/a.txt"
TREE = {
    "t/a.txt": "one\nneedle\n",
    "t/B.TXT": "x" * 2000,
    "t/c.log": "",
    "t/sub/d.txt": "needle in\n",
    "t/sub/deep/e.log": "y" * 5000,
    "t/sub/deep/f": "f",
    "t/empty/": "",
    "t/big": "z" * (1 << 20),
    "t/with space": "needle",
}


def kept(fun, value):  # run by Salt's Python too
    """Leave out process ids."""
    if isinstance(value, dict) and "pid" in value:
        return {**value, "pid": 0}
    return value


def _age(folder: str) -> None:
    now = time.time()
    for name, days in (("a.txt", 10), ("c.log", 2), ("sub/d.txt", 0.5), ("sub/deep", 40)):
        os.utime(os.path.join(folder, "t", name), (now - days * 86_400,) * 2)
    os.symlink("a.txt", os.path.join(folder, "t", "link"))
    os.symlink("sub", os.path.join(folder, "t", "dirlink"))
    os.symlink("nowhere", os.path.join(folder, "t", "dangling"))
    os.mkfifo(os.path.join(folder, "t", "pipe"))
    os.chmod(os.path.join(folder, "t", "a.txt"), 0o600)


def _found(**options):
    return ("file.find", "{dir}/t", kw(**options))


SCENARIOS = {
    "find": Scenario(
        files=TREE,
        setup=_age,
        calls=(
            ("file.find", "{dir}/t"),
            ("file.find", "{dir}/t/"),
            ("file.find", "{dir}/t/*.txt"),
            ("file.find", "{dir}/missing"),
            ("file.find", "{dir}/t/a.txt"),
            *(_found(name=name) for name in ("*.txt", "a.txt", "?.txt", "*.[tl]*", "d*", "*", "with space", "t")),
            *(_found(iname=name) for name in ("*.txt", "A.*")),
            *(_found(regex=regex) for regex in (r".*\.txt", "[a-c]", "(", "sub")),
            *(_found(iregex=regex) for regex in (r".*\.txt$", "b", "[")),
            *(_found(type=kind) for kind in ("f", "d", "l", "p", "f,d", "fd", "f, l", "s", "x", "b")),
            *(_found(size=size) for size in ("0", "1k", "+1k", "-1k", "+1m", "1m", "2000", "+1.5k", "4kk", "x", "+")),
            *(_found(mtime=age, type="f") for age in ("+1d", "-1d", "1w", "-3d", "+1d12h", "5", "x", "1w2d")),
            *(_found(grep=regex) for regex in ("needle", "^needle", "needle$", "nowhere", "(", "^one")),
            _found(owner="no-such-user"),
            _found(owner="4012345"),
            _found(group="no-such-group"),
            _found(group="4012345,4012346"),
            _found(name="*.txt", type="f", grep="needle"),
            *(_found(maxdepth=depth) for depth in (0, 1, 2)),
            *(_found(mindepth=depth) for depth in (1, 2, 3)),
            _found(mindepth=1, maxdepth=1, type="d"),
            _found(print="name", type="f"),
            _found(print="size", type="f"),
            _found(print="name,size,type,mode,md5", type="f"),
            _found(print="type name", maxdepth=1),
            _found(print="path", name="a.txt"),
            _found(print="nope", name="a.txt"),
            _found(print="md5", type="d"),
            ("file.find", "{dir}/t", "print", kw(name="a.txt")),
            _found(name=""),
            _found(nope="x"),
            _found(name="*.log", __pub_jid="1"),
        ),
    ),
    "find in what is no text": Scenario(
        files={"b/bin": b"\xff\xfeneedle", "b/a.txt": "needle"},
        calls=(("file.find", "{dir}/b", kw(grep="needle")), ("file.find", "{dir}/b", kw(grep="needle", name="a*"))),
    ),
    "find and act": Scenario(
        files=TREE,
        setup=_age,
        calls=(
            _found(name="a.txt", exec="echo {}"),
            _found(name="*.txt", type="f", exec="cat {}"),
            _found(name="a.txt", exec="no-such-program {}"),
            _found(name="*.log", delete="f", test=True),
            _found(name="*.log", delete="f"),
            _found(name="*.log"),
            ("file.find", "{dir}/t", "delete", kw(name="B.TXT")),
            _found(name="empty", delete="d"),
            _found(delete="l"),
            _found(name="big", delete="x"),
            _found(name="a.txt", delete="f", print="name"),
            ("file.find", "{dir}/t"),
        ),
    ),
    "contains": Scenario(
        files={"a.txt": "one\n  two\nthree = 3\n# four\ngrüße\n", "empty": "", "crlf": "a\r\nb\r\n", "dir/": ""},
        calls=(
            *(("file.contains", A, text) for text in ("two", "  two  ", "one\n  two", "nowhere", "", 3, "grüße", "O")),
            ("file.contains", "{dir}/empty", "a"),
            ("file.contains", "{dir}/missing", "a"),
            ("file.contains", "{dir}/dir", "a"),
            *(
                ("file.contains_regex", A, regex)
                for regex in ("^two", r"^\s+two$", "t.ree", "^four", "nowhere", "ü", "")
            ),
            ("file.contains_regex", A, "^four", "# "),
            ("file.contains_regex", A, "^four", kw(lchar="#")),
            ("file.contains_regex", A, "("),
            ("file.contains_regex", "{dir}/crlf", "a$"),
            ("file.contains_regex", "{dir}/crlf", "a\\s+$"),
            ("file.contains_regex", "{dir}/missing", "a"),
            ("file.contains_regex", "{dir}/dir", "a"),
            ("file.contains_regex", "{dir}/empty", "a"),
            *(("file.contains_glob", A, glob) for glob in ("*two*", "two", "one*", "*ONE*", "*[0-9]*", "", "*")),
            ("file.contains_glob", "{dir}/missing", "*"),
            ("file.contains_glob", "{dir}/empty", "*"),
            ("file.contains_glob", "{dir}/dir", "*"),
            ("file.grep", A, "two"),
            ("file.grep", A, "TWO", "-i"),
            ("file.grep", A, "o", "-n", "-c"),
            ("file.grep", A, "nowhere"),
            ("file.grep", "{dir}/*", "one"),
            ("file.grep", "{dir}/missing", "one"),
            ("file.grep", A, "two", "-i -n"),
            ("file.grep", A, "t", 5),
            ("file.grep", A, "one", "-A", 1),
        ),
    ),
}

_NUMBERS = "a number is an option as it is; Salt ends with an error of its own"

DIFFERENT: dict[str, str] = {
    'file.find "{dir}/b" {"grep": "needle"}': "bytes that are no UTF-8 are read over; Salt ends with an error",
    'file.grep "{dir}/a.txt" "t" 5': _NUMBERS,
    'file.grep "{dir}/a.txt" "one" "-A" 1': _NUMBERS,
}
