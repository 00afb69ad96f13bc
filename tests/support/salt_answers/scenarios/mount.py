"""The module ``mount``: tables in the scenario's folder, and a tmpfs mounted for real."""

from __future__ import annotations

import os

from scenario import Scenario, kw

FSTAB = (
    "# /etc/fstab: static file system information.\n"
    "UUID=aaaa-bbbb\t/\text4\terrors=remount-ro 0 1\n"
    "\n"
    "/dev/sda2 none swap sw 0 0\n"
    "/dev/sda3 none swap sw\n"
    "tmpfs /tmp tmpfs size=1g,nosuid 0\n"
    "server:/export /srv/a\\040b nfs rw,hard,noauto 0 0\n"
    "too few fields\n"
    "one two three four five six seven\n"
    "LABEL=data  /data  xfs  noatime,nofail  0  2\n"
)
F = "{dir}/fstab"
MAP = (
    "# made by hand\n"
    "/../share\t-fstype=nfs,rw,soft\tnfs:server:/export\n"
    "\n"
    "/../win\t-fstype=smbfs,ro\t://server/x\n"
    "odd line\n"
)
M = "{dir}/auto_salt"


def salts_cachedir(folder):
    """Make the folder that Salt's minion would have made."""
    os.makedirs(os.path.join(folder, ".salt/var/cache/salt/minion"), exist_ok=True)


SCENARIOS = {
    "fstab": Scenario(
        files={"fstab": FSTAB, "empty": ""},
        calls=(
            ("mount.fstab", F),
            ("mount.fstab", kw(config="{dir}/empty")),
            ("mount.fstab", "{dir}/nothing"),
        ),
    ),
    "set_fstab": Scenario(
        files={"fstab": FSTAB},
        calls=(
            ("mount.set_fstab", "/new", "/dev/sdb1", "ext4", kw(config=F)),
            ("mount.set_fstab", "/new", "/dev/sdb1", "ext4", kw(config=F)),
            ("mount.set_fstab", "/new", "/dev/sdb1", "ext4", "noatime,ro", 1, 2, F),
            ("mount.set_fstab", "/new", "/dev/sdb1", "ext4", ["ro", "noatime"], 1, 2, F),
            ("mount.set_fstab", "/newer", "/dev/sdb1", "ext4", kw(config=F, not_change=True)),
            ("mount.set_fstab", "/newer", "/dev/sdb1", "ext4", kw(config=F, test=True)),
            ("mount.set_fstab", "/test", "/dev/sdc1", "ext4", kw(config=F, test=True)),
            ("mount.set_fstab", "/test", "/dev/sdc1", "ext4", kw(config=F, Test="true")),
            ("mount.set_fstab", "/tmp", "none", "tmpfs", "size=2g", kw(config=F)),
            ("mount.set_fstab", "/tmp2", "tmpfs", "tmpfs", kw(config=F)),
            ("mount.set_fstab", "/x", "//server/a\\ b", "cifs", "user=a\\ b", kw(config=F)),
            ("mount.set_fstab", "/data", "/dev/sdd1", "xfs", kw(config=F, match_on="name")),
            ("mount.set_fstab", "/data", "/dev/sdd1", "ext4", kw(config=F, match_on=["name", "device"])),
            ("mount.set_fstab", "/data", "/dev/sdd1", "ext4", kw(config=F, match_on=5)),
            ("mount.set_fstab", "/data", "/dev/sdd1", "ext4", kw(config="{dir}/nothing")),
            ("mount.fstab", F),
        ),
    ),
    "rm_fstab": Scenario(
        files={"fstab": FSTAB},
        calls=(
            ("mount.rm_fstab", "/", "UUID=aaaa-bbbb", F),
            ("mount.rm_fstab", "/data", "other", F),
            ("mount.rm_fstab", "none", None, F),
            ("mount.rm_fstab", "/nowhere", "x", F),
            ("mount.rm_fstab", "/srv/a\\040b", "server:/export", kw(config=F)),
            ("mount.rm_fstab", "/", "x", "{dir}/nothing"),
            ("mount.fstab", F),
        ),
    ),
    "automaster": Scenario(
        files={"auto_salt": MAP},
        calls=(
            ("mount.automaster", M),
            ("mount.automaster", "{dir}/nothing"),
            ("mount.set_automaster", "/share", "/export", "nfs", "rw,soft", M),
            ("mount.set_automaster", "/new", "/dev/sdb1", "ext4", kw(config=M)),
            ("mount.set_automaster", "/new", "/dev/sdb1", "ext4", kw(config=M)),
            ("mount.set_automaster", "/new", "/dev/sdb1", "ext4", ["ro", "noatime"], M),
            ("mount.set_automaster", "/test", "/dev/sdb2", "ext4", kw(config=M, test=True)),
            ("mount.set_automaster", "/smb", "//server/y", "smbfs", kw(config=M)),
            ("mount.automaster", M),
            ("mount.rm_automaster", "/nowhere", "x", M),
        ),
    ),
    "cache": Scenario(
        setup=salts_cachedir,
        calls=(
            ("mount.read_mount_cache", "/mnt"),
            ("mount.write_mount_cache", "/mnt", "/dev/sdb1", True, "ext4", ["ro", "noatime"]),
            ("mount.write_mount_cache", "/srv", "/dev/sdb2", False, "xfs", "defaults"),
            ("mount.read_mount_cache", "/mnt"),
            ("mount.read_mount_cache", "/srv"),
            ("mount.delete_mount_cache", "/mnt"),
            ("mount.delete_mount_cache", "/mnt"),
            ("mount.read_mount_cache", "/mnt"),
        ),
    ),
    "mounting": Scenario(
        root=True,
        calls=(
            ("mount.is_mounted", "{dir}/m"),
            ("mount.mount", "{dir}/m", "tmpfs", True, "tmpfs", "size=64k,mode=0700"),
            ("mount.is_mounted", "{dir}/m"),
            ("mount.active",),
            ("mount.active", True),
            ("mount.get_device_from_path", "{dir}/m"),
            ("mount.get_mount_from_path", "{dir}/m/a/b"),
            ("mount.remount", "{dir}/m", "tmpfs", kw(fstype="tmpfs", opts="size=128k")),
            ("mount.remount", "{dir}/m", "tmpfs", False, "tmpfs", ["ro"]),
            ("mount.active",),
            ("mount.umount", "{dir}/m"),
            ("mount.umount", "{dir}/m"),
            ("mount.remount", "{dir}/m", "tmpfs", kw(fstype="tmpfs")),
            ("mount.umount", "{dir}/m", "tmpfs"),
            ("mount.umount", "{dir}/m", kw(lazy=True)),
            ("mount.is_mounted", "{dir}/m"),
            ("mount.mount", "{dir}/n", "tmpfs", kw(fstype="tmpfs")),
            ("mount.mount", "{dir}/m", "tmpfs", kw(fstype="no-such-type")),
            ("mount.mount", "{dir}/m", "x", kw(util="other")),
            ("mount.umount", "{dir}/no/such"),
        ),
    ),
    "others": Scenario(
        calls=(
            ("mount.swaps",),
            ("mount.swapoff", "{dir}/no-swap"),
            ("mount.swapon", "{dir}/no-swap"),
            ("mount.is_fuse_exec", "ls"),
            ("mount.is_fuse_exec", "no-such-program-anywhere"),
            ("mount.is_mounted", "/"),
            ("mount.get_mount_from_path", "/proc/1"),
        ),
        tree=False,
    ),
}

with open("/proc/self/status") as stream:
    may_mount = next((int(line.split()[1], 16) >> 21 & 1 for line in stream if line.startswith("CapEff:")), 0)
if not may_mount:  # a container
    del SCENARIOS["mounting"]

DIFFERENT: dict[str, str] = {}


def kept(fun, value):
    """Keep what is below the scenario's folder, and the names of what is told of a mount."""
    if fun == "mount.active":
        own = {point: dict(told) for point, told in value.items() if point.startswith("{dir}")}
        for told in own.values():
            for name in ("mountid", "parentid", "major", "minor"):
                if name in told:
                    told[name] = type(told[name]).__name__
            for name in ("opts", "superopts"):
                if name in told:
                    told[name] = [one for one in told[name] if not one.startswith("inode")]
        return own
    if fun == "mount.swaps":
        return type(value).__name__
    return value
