"""Changing what is in a file: ``file.replace``, ``blockreplace``, ``comment``, ``sed``, ``patch`` and their like."""

from __future__ import annotations

import os

from scenario import Scenario, kw

A = "{dir}/a.txt"
TEXT = "alpha = 1\nbeta = 2\n# gamma = 3\nalpha beta\n  indented\n"
BLOCK = "one\n#-- start managed zone --\nold 1\nold 2\n#-- end managed zone --\nlast\n"


def kept(fun, value):  # run by Salt's Python too
    """Leave out process ids."""
    if isinstance(value, dict) and "pid" in value:
        return {**value, "pid": 0}
    return value


def _links(folder: str) -> None:
    os.chmod(os.path.join(folder, "a.txt"), 0o640)
    os.mkdir(os.path.join(folder, "sub"))
    os.symlink("../a.txt", os.path.join(folder, "sub", "link"))
    os.symlink("nowhere", os.path.join(folder, "dangling"))


SCENARIOS = {
    "replace": Scenario(
        files={"a.txt": TEXT, "empty": "", "bin": b"a\x00b", "crlf": "a\r\nb\r\n", "open": "no end", "dir/": ""},
        setup=_links,
        calls=(
            ("file.replace", A, "alpha", "ALPHA", kw(dry_run=True)),
            ("file.replace", A, "alpha", "ALPHA"),
            ("file.replace", A, "alpha", "ALPHA"),
            ("file.replace", A, "ALPHA", "ALPHA"),
            ("file.replace", A, "ALPHA", "alpha", kw(count=1)),
            ("file.replace", A, "alpha", "Alpha", kw(flags=["IGNORECASE"])),
            ("file.replace", A, "^beta", "BETA", kw(flags=["MULTILINE", "IGNORECASE"])),
            ("file.replace", A, "^beta", "b", kw(flags="ignorecase")),
            ("file.replace", A, "^BETA", "b", kw(flags=0)),
            ("file.replace", A, "x", "y", kw(flags="NOPE")),
            ("file.replace", A, "x", "y", kw(flags=["I", "NOPE"])),
            ("file.replace", A, "x", "y", kw(flags=None)),
            ("file.replace", A, "x", "y", kw(flags={"I": 1})),
            ("file.replace", A, r"(\w+) = (\d)", r"\2 = \1"),
            ("file.replace", A, "BETA", r"a\b", kw(backslash_literal=True)),
            ("file.replace", A, "gamma", r"\q"),
            ("file.replace", A, "gamma", "delta", kw(show_changes=False)),
            ("file.replace", A, "nothing", "delta", kw(show_changes=False)),
            ("file.replace", A, "delta", "eps", kw(show_changes=False, dry_run=True)),
            ("file.replace", A, "delta", "eps", kw(backup=False)),
            ("file.replace", A, "eps", "zeta", kw(backup=".orig")),
            ("file.replace", A, "zeta", "eta", kw(backup="")),
            ("file.replace", A, "eta", "theta", kw(preserve_inode=False)),
            ("file.replace", A, "theta", 5),
            ("file.replace", A, "5", "6", kw(bufsize="file")),
            ("file.replace", A, "nowhere", "added", kw(append_if_not_found=True)),
            ("file.replace", A, "nowhere", "added", kw(append_if_not_found=True)),
            ("file.replace", A, "nowhere", "first", kw(prepend_if_not_found=True)),
            ("file.replace", A, "first", "second", kw(append_if_not_found=True)),
            ("file.replace", A, "second", "third", kw(prepend_if_not_found=True, not_found_content="x")),
            ("file.replace", A, "nowhere", "repl", kw(append_if_not_found=True, not_found_content="content")),
            ("file.replace", A, "nowhere", "repl", kw(append_if_not_found=True, not_found_content="content")),
            ("file.replace", A, "nowhere", "two\nlines", kw(prepend_if_not_found=True)),
            ("file.replace", A, "nowhere", "three\nlines", kw(append_if_not_found=True)),
            ("file.replace", A, "nowhere", "dry", kw(append_if_not_found=True, dry_run=True)),
            ("file.replace", A, "nowhere", "x", kw(append_if_not_found=True, prepend_if_not_found=True)),
            ("file.replace", A, "nowhere", "x", kw(append_if_not_found=True, search_only=True)),
            ("file.replace", A, "6", "", kw(search_only=True)),
            ("file.replace", A, "nowhere", "", kw(search_only=True)),
            ("file.replace", "{dir}/open", "nowhere", "x", kw(append_if_not_found=True)),
            ("file.replace", "{dir}/empty", "nowhere", "x", kw(append_if_not_found=True)),
            ("file.replace", "{dir}/crlf", "b$", "c"),
            ("file.replace", "{dir}/crlf", "a", "b"),
            ("file.replace", "{dir}/crlf", "q", "c", kw(append_if_not_found=True)),
            ("file.replace", "{dir}/bin", "a", "b"),
            ("file.replace", "{dir}/dir", "a", "b"),
            ("file.replace", "{dir}/missing", "a", "b"),
            ("file.replace", "{dir}/missing", "a", "b", kw(ignore_if_missing=True)),
            ("file.replace", "{dir}/dangling", "a", "b"),
            ("file.replace", A, "(", "b"),
            ("file.replace", "{dir}/sub/link", "added", "linked"),
            ("file.replace", A, "ü", "x"),
            ("file.replace", A, "linked", "grüße"),
            ("file.replace", A, "ü", "ue"),
        ),
    ),
    "encodings": Scenario(
        files={"u16": "alpha\nbeta\n".encode("utf-16"), "latin": b"gr\xfc\xdfe\nalpha\n"},
        calls=(
            ("file.replace", "{dir}/u16", "alpha", "gamma", kw(encoding="utf-16")),
            ("file.replace", "{dir}/u16", "beta", "", kw(encoding="utf-16", search_only=True)),
            ("file.replace", "{dir}/u16", "nope", "more", kw(encoding="utf-16", append_if_not_found=True)),
            ("file.replace", "{dir}/u16", "nope", "more", kw(encoding="utf-16", append_if_not_found=True)),
            ("file.replace", "{dir}/latin", "ü", "ue", kw(encoding="latin-1", backup=False)),
            ("file.replace", "{dir}/latin", "alpha", "first", kw(encoding="latin-1", show_changes=False)),
            ("file.replace", "{dir}/latin", "x", "y", kw(encoding="nope")),
        ),
    ),
    "search": Scenario(
        files={"a.txt": TEXT, "bin": b"a\x00b", "empty": ""},
        calls=(
            ("file.search", A, "beta"),
            ("file.search", A, "^beta"),
            ("file.search", A, "^nope"),
            ("file.search", A, "BETA", kw(flags=["IGNORECASE"])),
            ("file.search", A, "^beta", kw(flags=0)),
            ("file.search", A, "^beta", kw(flags=0, multiline=True)),
            ("file.search", A, "^BETA", kw(flags="IGNORECASE", multiline=True)),
            ("file.search", A, "1.beta", kw(flags=["DOTALL"])),
            ("file.search", A, "x", kw(flags="NOPE")),
            ("file.search", A, "("),
            ("file.search", "{dir}/empty", "a"),
            ("file.search", "{dir}/empty", ""),
            ("file.search", "{dir}/bin", "a"),
            ("file.search", "{dir}/missing", "a"),
            ("file.search", "{dir}/missing", "a", kw(ignore_if_missing=True)),
        ),
    ),
    "blockreplace": Scenario(
        files={
            "a.txt": BLOCK,
            "none": "one\ntwo\nthree\n",
            "open": "one",
            "empty": "",
            "half": "one\n#-- start managed zone --\ntwo\n",
            "crlf": BLOCK.replace("\n", "\r\n"),
            "bin": b"a\x00b",
            "latin": b"gr\xfc\xdfe\n",
            "own": "x\n# BEGIN web here\nold\n# END web there\ny\n",
            "twice": BLOCK + BLOCK,
            "dir/": "",
        },
        setup=_links,
        calls=(
            ("file.blockreplace", A, kw(content="new 1\nnew 2\n", dry_run=True)),
            ("file.blockreplace", A, kw(content="new 1\nnew 2\n")),
            ("file.blockreplace", A, kw(content="new 1\nnew 2\n")),
            ("file.blockreplace", A, kw(content="no end")),
            ("file.blockreplace", A, kw(content="more", append_newline=True)),
            ("file.blockreplace", A, kw(content="more", append_newline=None)),
            ("file.blockreplace", A, kw(content="more\n", append_newline=None)),
            ("file.blockreplace", A, kw(content="more\n", append_newline=True)),
            ("file.blockreplace", A, kw(content="a\r\nb", append_newline=True)),
            ("file.blockreplace", A),
            ("file.blockreplace", A, kw(content="silent\n", show_changes=False)),
            ("file.blockreplace", A, kw(content="silent\n", show_changes=False)),
            ("file.blockreplace", A, kw(content="bare\n", backup=False)),
            ("file.blockreplace", A, kw(content="named\n", backup=".orig")),
            ("file.blockreplace", "{dir}/none", kw(content="x\n")),
            ("file.blockreplace", "{dir}/none", kw(content="x\n", append_if_not_found=True)),
            ("file.blockreplace", "{dir}/none", kw(content="x\n", append_if_not_found=True)),
            ("file.blockreplace", "{dir}/none", "<<", ">>", "top\n", kw(prepend_if_not_found=True)),
            ("file.blockreplace", "{dir}/none", "<1", "1>", "b\n", kw(insert_before_match="^two")),
            ("file.blockreplace", "{dir}/none", "<2", "2>", "a\nc\n", kw(insert_after_match="^two")),
            ("file.blockreplace", "{dir}/none", "<3", "3>", "a\n", kw(insert_after_match="nowhere")),
            ("file.blockreplace", "{dir}/none", "<4", "4>", "a\n", kw(insert_before_match=["x"])),
            ("file.blockreplace", "{dir}/none", "<4", "4>", "a\n", kw(insert_after_match=5)),
            ("file.blockreplace", "{dir}/none", kw(append_if_not_found=True, prepend_if_not_found=True)),
            ("file.blockreplace", "{dir}/none", kw(insert_after_match="x", insert_before_match="x")),
            ("file.blockreplace", "{dir}/open", kw(content="x\n", append_if_not_found=True)),
            ("file.blockreplace", "{dir}/empty", kw(content="x\n", append_if_not_found=True)),
            ("file.blockreplace", "{dir}/half", kw(content="x\n")),
            ("file.blockreplace", "{dir}/crlf", kw(content="x\ny\n")),
            ("file.blockreplace", "{dir}/bin", kw(content="x\n")),
            ("file.blockreplace", "{dir}/own", "# BEGIN web", "# END web", "new\n"),
            ("file.blockreplace", "{dir}/twice", kw(content="both\n")),
            ("file.blockreplace", "{dir}/dir", kw(content="x\n")),
            ("file.blockreplace", "{dir}/missing", kw(content="x\n")),
            ("file.blockreplace", "{dir}/missing", kw(content="x\n", append_if_not_found=True)),
            ("file.blockreplace", A, kw(content="grüße\n")),
        ),
    ),
    "blockreplace by a link": Scenario(
        files={"a.txt": BLOCK},
        setup=_links,
        calls=(("file.blockreplace", "{dir}/sub/link", kw(content="by link\n", backup=False)), ("file.read", A)),
    ),
    "comment": Scenario(
        files={"a.txt": TEXT, "bin": b"a\x00b", "semi": "; one\ntwo\n", "dir/": "", "many": "## a\n#  a\n # a\n"},
        setup=_links,
        calls=(
            ("file.comment", A, "alpha"),
            ("file.comment", A, "alpha"),
            ("file.comment", A, "^beta = 2$"),
            ("file.comment", A, "nowhere"),
            ("file.uncomment", A, "beta"),
            ("file.uncomment", A, "^gamma"),
            ("file.uncomment", A, "nowhere"),
            ("file.comment", A, "^beta", "//"),
            ("file.uncomment", A, "beta", "//"),
            ("file.comment", A, "beta", kw(backup=".orig")),
            ("file.uncomment", A, "beta", kw(backup=False)),
            ("file.comment", A, "beta$"),
            ("file.comment_line", A, "beta", kw(cmnt=True, backup=False)),
            ("file.comment_line", A, "beta", "#", False),
            ("file.uncomment", "{dir}/semi", "one", kw(char=";")),
            ("file.uncomment", "{dir}/many", "a"),
            ("file.comment", "{dir}/sub/link", "alpha"),
            ("file.comment", "{dir}/bin", "a"),
            ("file.comment", "{dir}/missing", "a"),
            ("file.comment", "{dir}/dir", "a"),
            ("file.comment", A, "("),
        ),
    ),
    "sed": Scenario(
        files={"a.txt": TEXT, "b.txt": TEXT, "m.txt": "one alpha\ntwo alpha\n"},
        calls=(
            ("file.sed", A, "alpha", "omega"),
            ("file.sed", A, "beta = 2", "a/b"),
            ("file.sed", A, "omega", "x", kw(limit="^omega beta")),
            ("file.sed", A, "omega", "y", kw(limit="nothing", negate_match=True)),
            ("file.sed", A, "y.", "z", kw(escape_all=True)),
            ("file.sed", A, "Y", "z", kw(flags="gI", backup="")),
            ("file.sed", A, "(", "z"),
            ("file.sed", A, "z", "q", kw(options="-e", backup=".orig")),
            ("file.sed", "{dir}/missing", "a", "b"),
            ("file.sed_contains", A, "gamma"),
            ("file.sed_contains", A, "nowhere"),
            ("file.sed_contains", A, "g.mma", kw(limit="^#")),
            ("file.sed_contains", A, "GAMMA", kw(flags="I")),
            ("file.sed_contains", "{dir}/missing", "a"),
            ("file.psed", "{dir}/b.txt", "alpha", "omega"),
            ("file.psed", "{dir}/b.txt", "omega", "x", kw(flags="M")),
            ("file.psed", "{dir}/b.txt", "OMEGA", "y", kw(flags="gI", backup=".orig")),
            ("file.psed", "{dir}/missing", "a", "b"),
            ("file.psed", "{dir}/m.txt", "one", "uno", kw(flags="")),
        ),
    ),
    "psed and a wrong expression": Scenario(
        files={"m.txt": "one alpha\ntwo alpha\n"}, calls=(("file.psed", "{dir}/m.txt", "(", "b"),)
    ),
    "patch": Scenario(
        files={
            "a.txt": "one\ntwo\n",
            "d/b.txt": "one\ntwo\n",
            "a.patch": "--- a.txt\n+++ a.txt\n@@ -1,2 +1,2 @@\n-one\n+ONE\n two\n",
            "d.patch": "--- b.txt\n+++ b.txt\n@@ -1,2 +1,2 @@\n-one\n+ONE\n two\n",
            "bad.patch": "--- a.txt\n+++ a.txt\n@@ -1,2 +1,2 @@\n-uno\n+UNO\n dos\n",
        },
        calls=(
            ("file.patch", A, "{dir}/a.patch", kw(dry_run=True)),
            ("file.patch", A, "{dir}/a.patch"),
            ("file.patch", A, "{dir}/a.patch"),
            ("file.patch", "{dir}/d", "{dir}/d.patch"),
            ("file.patch", "{dir}/d", "{dir}/d.patch", "-R -p0"),
            ("file.patch", A, "{dir}/bad.patch", kw(options="--reject-file={dir}/rej")),
            ("file.patch", A, "{dir}/missing"),
        ),
    ),
}

_BY_LINK = "the file that the link leads to is changed; Salt puts a file in the place of the link"

DIFFERENT: dict[str, str] = {
    "blockreplace by a link": _BY_LINK,
    "psed and a wrong expression": "the file stays; Salt empties it first",
    'file.read "{dir}/a.txt"': _BY_LINK,
}
