"""Managed files: ``file.get_managed``, ``manage_file``, ``check_managed`` and their like; ``file.get_diff``."""

from __future__ import annotations

import os

from scenario import Scenario, kw

A, B = "{dir}/a.txt", "{dir}/b.txt"
ONE = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
SUMS = {"hash_type": "sha256", "hsum": ONE}
FILES = {
    "a.txt": "one\n",
    "b.txt": "one\ntwo\n",
    "same.txt": "one\n",
    "bin1": b"\x00\x01",
    "bin2": b"\x00\x02",
    "order": "two\none\n",
    "spaces": " one \ntwo # more\n",
    "SUMS": f"{ONE}  a.txt\n{'b' * 64}  b.txt\n",
    "dir/": "",
}
NO_OWNER = (None, None, None, None)


def _modes(folder: str) -> None:
    os.chmod(os.path.join(folder, "b.txt"), 0o640)
    os.symlink("a.txt", os.path.join(folder, "link"))
    os.symlink("a.txt", os.path.join(folder, "link2"))
    os.symlink("nowhere", os.path.join(folder, "dangling"))


def _managed(source, source_hash=None, name="{dir}/new", template=None, **more):
    return (
        "file.get_managed", name, template, source, source_hash, None, *NO_OWNER, "base", None, None, kw(**more),
    )  # fmt: skip


def _manage(name, sfn="", source=None, source_sum=None, mode=None, backup="", **more):
    return ("file.manage_file", name, sfn, None, source, source_sum, None, None, mode, None, "base", backup, kw(**more))


def _check(fun, name, source=None, source_hash=None, mode=None, **more):
    return (
        f"file.{fun}",
        name,
        source,
        source_hash,
        None,
        None,
        None,
        mode,
        None,
        None,
        None,
        None,
        "base",
        kw(**more),
    )


def _meta(name, sfn="", source=None, source_sum=None, mode=None, **more):
    return ("file.check_file_meta", name, sfn, source, source_sum, None, None, mode, None, "base", kw(**more))


SCENARIOS = {
    "diffs": Scenario(
        files=FILES,
        setup=_modes,
        calls=(
            ("file.get_diff", A, B),
            ("file.get_diff", A, "{dir}/same.txt"),
            ("file.get_diff", A, B, kw(show_filenames=False)),
            ("file.get_diff", A, B, kw(show_changes=False)),
            ("file.get_diff", A, B, kw(template=True)),
            ("file.get_diff", A, "{dir}/bin1"),
            ("file.get_diff", "{dir}/bin1", A),
            ("file.get_diff", "{dir}/bin1", "{dir}/bin2"),
            ("file.get_diff", B, "{dir}/order", kw(ignore_ordering=True)),
            ("file.get_diff", A, "{dir}/order", kw(ignore_ordering=True)),
            ("file.get_diff", B, "{dir}/spaces", kw(ignore_whitespace=True, ignore_comment_characters="#")),
            ("file.get_diff", B, "{dir}/spaces", kw(ignore_comment_characters=["#", ";"])),
            ("file.get_diff", A, A, kw(ignore_whitespace=True)),
            ("file.get_diff", A, "{dir}/missing"),
            ("file.get_diff", "{dir}/missing", A),
            ("file.get_diff", A, "{dir}/dir"),
            ("file.get_diff", "relative", A),
            ("file.get_diff", f"file://{A}", B),
        ),
    ),
    "sources": Scenario(
        files=FILES,
        calls=(
            ("file.source_list", A, "x", "base"),
            ("file.source_list", ["{dir}/missing", A, B], "x", "base"),
            ("file.source_list", ["{dir}/missing", {A: "own"}], "x", "base"),
            ("file.source_list", ["{dir}/missing", {A: ""}], "x", "base"),
            ("file.source_list", [f"file://{A}"], "x", "base"),
            ("file.source_list", [{f"file://{A}": "y"}], "x", "base"),
            ("file.source_list", ["{dir}/missing"], "x", "base"),
            ("file.source_list", [], "x", "base"),
            ("file.source_list", [{"a": "1", "b": "2"}, A], "x", "base"),
            ("file.source_list", ["relative"], "x", "base"),
            ("file.source_list", None, None, "base"),
        ),
    ),
    "get_managed": Scenario(
        files=FILES,
        calls=(
            _managed(A),
            _managed(f"file://{A}"),
            _managed("{dir}/missing"),
            _managed("file://{dir}/missing"),
            _managed(None),
            _managed(""),
            _managed(A, f"sha256={ONE}"),
            _managed(A, ONE),
            _managed(A, "nonsense"),
            _managed(A, "{dir}/SUMS"),
            _managed(A, "md5=abc"),
            _managed(A, ONE, skip_verify=True),
            _managed(A, template="no-such-engine"),
            _managed(A, name=A, template="no-such-engine"),
            _managed("http://127.0.0.1:1/x"),
        ),
    ),
    "manage_file": Scenario(
        files=FILES,
        setup=_modes,
        calls=(
            _manage("{dir}/new1"),
            _manage("{dir}/new1"),
            _manage("{dir}/new2", contents="x\n"),
            _manage("{dir}/new2", contents="x\n"),
            _manage("{dir}/new2", contents="y\n"),
            _manage("{dir}/new2", contents="z\n", show_changes=False),
            _manage("{dir}/new3", contents="x\n", mode="0600"),
            _manage("{dir}/new3", contents="x\n", mode="0644"),
            _manage("{dir}/new4", contents="x\n", mode="0640", new_file_diff=True),
            _manage("{dir}/new5", A, A, SUMS),
            _manage("{dir}/new5", A, A, SUMS),
            _manage("{dir}/new5", B, B, {"hash_type": "sha256", "hsum": "b" * 64}),
            _manage("{dir}/new5", B, B, {"hash_type": "sha256", "hsum": "b" * 64}, skip_verify=True),
            _manage("{dir}/new6", A, A, SUMS, "0600"),
            _manage("{dir}/new6", "", B, {}),
            _manage("{dir}/new7", A, A, SUMS, new_file_diff=True),
            _manage("{dir}/new8", B, B, SUMS),
            _manage("{dir}/x/new", contents="x"),
            _manage("{dir}/x/new", A, A, SUMS),
            _manage("{dir}/x/new"),
            _manage("{dir}/x/y/new", contents="x", makedirs=True),
            _manage("{dir}/x2/y/new", contents="x", makedirs=True, mode="0640"),
            _manage("{dir}/x3/y/new", A, A, SUMS, makedirs=True, dir_mode="0700"),
            _manage("{dir}/link", contents="by link\n"),
            _manage("{dir}/link", B, B, {**SUMS, "hsum": "b" * 64}, follow_symlinks=False, skip_verify=True),
            _manage("{dir}/dangling", contents="x\n"),
            _manage("{dir}/link2", contents="other\n", follow_symlinks=False),
            _manage(B, contents="kept mode\n", backup="minion"),
            _manage(B, contents="own mode\n", mode="0600", backup="both"),
            _manage("{dir}/order", contents="one\ntwo\n", ignore_ordering=True),
            _manage("{dir}/spaces", contents="one\ntwo\n", ignore_whitespace=True, ignore_comment_characters="#"),
            _manage("{dir}/spaces", contents="one\nthree\n", ignore_whitespace=True),
            _manage("{dir}/bin1", contents="text\n"),
            _manage("{dir}/latin", contents="grüße\n", encoding="latin-1"),
            _manage("{dir}/latin", contents="☃\n", encoding="latin-1", encoding_errors="replace"),
            _manage(
                "{dir}/new9",
                "{dir}/b.txt",
                B,
                {"hash_type": "sha256", "hsum": "B" * 64},
                keep_mode=True,
                skip_verify=True,
            ),
            _manage("{dir}/new9", A, A, SUMS, keep_mode=True),
        ),
    ),
    "manage_file tests": Scenario(
        files=FILES,
        opts={"test": True},
        calls=(_manage(A, mode="0600"), _manage(A), _manage(A, mode="0644")),
    ),
    "meta": Scenario(
        files=FILES,
        setup=_modes,
        calls=(
            _meta(A),
            _meta("{dir}/missing"),
            _meta("{dir}/missing", contents="x\n", new_file_diff=True),
            _meta("{dir}/missing", A, A, SUMS, new_file_diff=True),
            _meta("{dir}/missing", ignore_ordering=True),
            _meta(A, mode="0600"),
            _meta(A, mode=644),
            _meta(A, contents="one\n"),
            _meta(A, contents="two\n"),
            _meta(A, contents=b"two\n"),
            _meta(A, contents="\x00"),
            _meta(B, contents="two\none\n", ignore_ordering=True),
            _meta(A, A, A, SUMS),
            _meta(B, A, A, SUMS),
            _meta(B, "", A, SUMS),
            _meta(B, "", None, SUMS),
            _meta("{dir}/link", contents="x\n"),
            _meta("{dir}/link", contents="x\n", mode="0600", follow_symlinks=True),
            _meta("{dir}/dangling", contents="x\n"),
        ),
    ),
    "checks": Scenario(
        files=FILES,
        calls=tuple(
            call
            for fun in ("check_managed", "check_managed_changes")
            for call in (
                _check(fun, A, B),
                _check(fun, A, "{dir}/same.txt"),
                _check(fun, A, "{dir}/missing"),
                _check(fun, A, ["{dir}/missing", B]),
                _check(fun, A, ["{dir}/missing"]),
                _check(fun, A, B, "nonsense"),
                _check(fun, A, contents="one\n"),
                _check(fun, A, contents="two\n"),
                _check(fun, A, contents="one\n", mode="0600"),
                _check(fun, "{dir}/none", contents="one\n"),
                _check(fun, "{dir}/none", B),
            )
        ),
    ),
    "templates that there are none of": Scenario(
        calls=(
            ("file.apply_template_on_contents", "x", "no-such-engine", {}, {}, "base"),
            ("file.apply_template_on_contents", "x", "", None, None, "base"),
        ),
    ),
}

DIFFERENT: dict[str, str] = {
    'file.check_file_meta "{dir}/missing" "{dir}/a.txt" "{dir}/a.txt" {"hash_type": "sha256", "hsum": '
    f'"{ONE}"' + '} null null null null "base" {"new_file_diff": true}': "Salt ends with an error of its own",
}
