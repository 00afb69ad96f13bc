"""Names of mounts, interfaces and sensors: one to one, and nobody's depends on another's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors.segment import MAX_LENGTH, segment

FIT = re.compile(r"[A-Za-z0-9_-]+")
PATHS = st.lists(st.text(alphabet="ab_-. /é\n0", max_size=5), max_size=4).map(lambda parts: "/" + "/".join(parts))


@pytest.mark.parametrize(
    ("name", "joint", "expected"),
    [
        ("/", "/", "root"),
        ("/root", "/", "root-94a6b447"),
        ("/var/lib", "/", "var_lib"),
        ("/mnt/x/y", "/", "mnt_x_y"),
        ("/mnt/x_y", "/", "mnt_x__y"),
        ("/mnt/Дом", "/", "mnt-5b43b21c"),
        ("/mnt/日本", "/", "mnt-a3e3b869"),
        (b"eth0.100", ".", "eth0_100"),
        ("eth0_100", ".", "eth0__100"),
        ("root", ".", "root"),
        ("Core 0", " ", "Core_0"),
        ("é", " ", "_-4a99557e"),
    ],
)
def test_names(name: str | bytes, joint: str, expected: str) -> None:
    assert segment(name, joint) == expected


@given(st.lists(PATHS, unique=True, max_size=20))
def test_no_two_mounts_share_a_name(paths: list[str]) -> None:
    assert len({segment(path) for path in paths}) == len(paths)


@given(st.lists(st.text(alphabet="ab_-.é:0", min_size=1, max_size=6), unique=True, max_size=20))
def test_no_two_interfaces_share_a_name(names: list[str]) -> None:
    assert len({segment(name, ".") for name in names}) == len(names)


@given(st.text(max_size=300), st.sampled_from("/. !"))
def test_any_name_is_fit_for_a_metric(name: str, joint: str) -> None:
    label = segment(name.encode("utf-8", "surrogatepass"), joint)
    assert FIT.fullmatch(label)
    assert len(label) <= MAX_LENGTH + 9


def test_what_looks_like_a_digest_is_not_taken_for_one() -> None:
    assert segment("/mnt-5b43b21c") != segment("/mnt-5b43b21c"[:4] + "é")
    assert re.search(r"-[0-9a-f]{8}$", segment("/mnt-5b43b21c").removeprefix("mnt-5b43b21c"))
