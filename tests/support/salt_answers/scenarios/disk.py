"""The module ``disk``: an image of a file system in the scenario's folder, and the shape of what a host has."""

from __future__ import annotations

import os

from scenario import Scenario, kw


def image(folder):
    """Make files to hold a file system."""
    for name in ("img", "a b", "other"):
        with open(os.path.join(folder, name), "wb") as stream:
            stream.truncate(4 << 20)


SCENARIOS = {
    "usage": Scenario(
        calls=(
            ("disk.usage",),
            ("disk.usage", "l"),
            ("disk.usage", ["l", "k"]),
            ("disk.usage", kw(args="a")),
            ("disk.usage", "Z"),
            ("disk.usage", ["l", "--help"]),
            ("disk.inodeusage",),
            ("disk.inodeusage", "l"),
            ("disk.inodeusage", "?"),
            ("disk.percent",),
            ("disk.percent", "/"),
            ("disk.percent", kw(args="/no/such/mount")),
            ("disk.get_fstype_from_path", "/proc/1/status"),
        ),
    ),
    "image": Scenario(
        setup=image,
        calls=(
            ("disk.blkid", "{dir}/img"),
            ("disk.format", "{dir}/img"),
            ("disk.format", "{dir}/img", kw(fs_type="ext2", force=True, inode_size=8192, lazy_itable_init=1)),
            ("disk.blkid", "{dir}/img"),
            ("disk.blkid", "{dir}/no-such-device"),
            ("disk.blkid", kw(token="TYPE=no-such-type")),
            ("disk.resize2fs", "{dir}/img"),
            ("disk.resize2fs", "{dir}/other"),
            ("disk.wipe", "{dir}/img"),
            ("disk.blkid", "{dir}/img"),
            ("disk.wipe", "{dir}/no-such-device"),
            ("disk.format", "{dir}/other", "no-such-type"),
            ("disk.dump", "{dir}/img"),
            ("disk.dump", "{dir}/no-such-device", ["getsz"]),
        ),
        tree=False,
    ),
    "wrong": Scenario(
        calls=(
            ("disk.tune", "/dev/no-such-device", kw(**{"read-ahead": 1024, "bogus": 1, "read-only": "yes"})),
            ("disk.tune", "/dev/no-such-device", kw(**{"read-write": False})),
            ("disk.tune", "/dev/no-such-device", kw(**{"read-ahead": 1024})),
            ("disk.tune",),
            ("disk.wipe",),
            ("disk.format",),
        ),
    ),
}

DIFFERENT: dict[str, str] = {}


def kept(fun, value):
    """Keep what all hosts have: a root, and the shape of it; of an image what isn't drawn."""
    if fun in ("disk.usage", "disk.inodeusage") and value:
        return {name: type(one).__name__ for name, one in value["/"].items()}
    if fun == "disk.percent" and isinstance(value, dict):
        return sorted({type(one).__name__ for one in value.values()})
    if fun == "disk.percent":
        return value[-1]
    if fun == "disk.blkid":
        return {device: {**tags, "UUID": len(tags["UUID"])} for device, tags in value.items() if "UUID" in tags}
    if fun == "disk.dump" and value:
        return sorted(value)
    return value
