"""Hosts that are containers."""

from __future__ import annotations

from support.hosts.machines import KIB, base
from support.hosts.texts import meminfo, mountinfo, net_dev, stat
from support.hosts.tree import Files, Kind

MIB = 1 << 20
DIGEST = "0123456789abcdef" * 4
V1 = "sys/fs/cgroup"


def around() -> dict[str, str]:
    """Return what a container sees of the host: its processors and its memory."""
    return {
        **base(),
        "proc/stat": stat([[100, 0, 100, 1800, 0, 0, 0, 0]] * 8),
        "proc/meminfo": meminfo(MemTotal=25_000_000, MemFree=1_000_000, MemAvailable=20_000_000),
        "proc/net/dev": net_dev(lo=(0, 0, 0, 0), eth0=(10, 1, 10, 1)),
        "proc/self/mountinfo": mountinfo("0:300 / overlay overlay", "0:301 /dev tmpfs tmpfs"),
        "sys/devices/system/cpu/online": "0-7\n",
    }


def version_1() -> Kind:
    """Docker with control groups of version 1: the line names a folder that the container doesn't see."""
    files: Files = {
        **around(),
        "proc/self/cgroup": (
            f"12:cpu,cpuacct:/docker/{DIGEST}\n11:memory:/docker/{DIGEST}\n10:pids:/docker/{DIGEST}\n"
            f"9:blkio:/docker/{DIGEST}\n8:cpuset:/docker/{DIGEST}\n1:name=systemd:/docker/{DIGEST}\n"
        ),
        "proc/1/cgroup": f"11:memory:/docker/{DIGEST}\n",
        f"{V1}/memory/memory.limit_in_bytes": f"{200 * MIB}\n",
        f"{V1}/memory/memory.usage_in_bytes": f"{150 * MIB}\n",
        f"{V1}/memory/memory.failcnt": "7\n",
        f"{V1}/memory/memory.stat": f"cache 1\ntotal_cache {60 * MIB}\ntotal_inactive_file {50 * MIB}\n",
        f"{V1}/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        f"{V1}/cpu,cpuacct/cpu.cfs_quota_us": "150000\n",
        f"{V1}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        f"{V1}/cpu,cpuacct/cpu.stat": "nr_periods 100\nnr_throttled 10\nthrottled_time 5000000000\n",
        f"{V1}/cpu,cpuacct/cpuacct.usage": "60000000000\n",
        f"{V1}/pids/pids.current": "12\n",
        f"{V1}/pids/pids.max": "max\n",
        f"{V1}/cpuset/cpuset.cpus": "0-7\n",
        f"{V1}/blkio/blkio.throttle.io_service_bytes": "8:0 Read 4096\n8:0 Write 100\n8:16 Read 4096\nTotal 8292\n",
    }
    later: Files = {
        f"{V1}/cpu,cpuacct/cpu.stat": "nr_periods 200\nnr_throttled 35\nthrottled_time 6000000000\n",
        f"{V1}/cpu,cpuacct/cpuacct.usage": "72000000000\n",
        f"{V1}/blkio/blkio.throttle.io_service_bytes": "8:0 Read 14096\n8:0 Write 100\n8:16 Read 4096\nTotal 8292\n",
    }
    return Kind(
        files,
        later,
        first={
            "memory.total": 25_000_000 * KIB,
            "container.memory": {
                "limit": 200 * MIB,
                "used": 150 * MIB,
                "working_set": 100 * MIB,
                "cached": 60 * MIB,
                "percent": 50.0,
                "limit_hits": 7,
                "oom_kills": 2,
            },
            "container.cpu": {
                "limit": 1.5,
                "used_ms": 60_000.0,
                "periods": 100,
                "throttled_periods": 10,
                "throttled_ms": 5000.0,
            },
            "container.pids": {"used": 12},
            "container.io": {"read_bytes": 8192, "write_bytes": 100},
            "disk.root.percent": 50.0,
        },
        second={
            "container.cpu.cores": 1.2,
            "container.cpu.percent": 80.0,
            "container.cpu.throttled_percent": 25.0,
            "container.io.read_bytes_per_s": 1000.0,
        },
        absent=("disk.dev", "container.pids.limit"),
        space={"/": (10, 5), "/dev": (1, 1)},
    )


def version_2() -> Kind:
    """A pod of Kubernetes with control groups of version 2: the pod's limit is lower than the container's."""
    pod, own = "kubepods.slice/pod1.slice", "kubepods.slice/pod1.slice/cri.scope"
    files: Files = {
        **around(),
        "proc/self/cgroup": f"0::/{own}\n",
        "proc/1/cgroup": f"0::/{own}\n",
        f"{V1}/cgroup.controllers": "cpu memory\n",
        f"{V1}/{own}/memory.max": f"{300 * MIB}\n",
        f"{V1}/{own}/memory.current": f"{10 * MIB}\n",
        f"{V1}/{pod}/memory.max": f"{100 * MIB}\n",
        f"{V1}/{pod}/memory.current": f"{90 * MIB}\n",
        f"{V1}/{pod}/memory.stat": f"anon 1\nfile {30 * MIB}\ninactive_file {15 * MIB}\n",
        f"{V1}/{pod}/memory.events": "low 0\nhigh 0\nmax 40\noom 3\noom_kill 1\n",
        "sys/fs/cgroup/kubepods.slice/memory.max": "max\n",
        "sys/fs/cgroup/kubepods.slice/memory.current": f"{900 * MIB}\n",
        f"{V1}/{own}/cpu.max": "50000 100000\n",
        f"{V1}/{own}/cpu.stat": "usage_usec 1000000\nuser_usec 1\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n",
        f"{V1}/{pod}/cpu.max": "max 100000\n",
        f"{V1}/{pod}/cpu.stat": "usage_usec 9000000\n",
        f"{V1}/{own}/pids.current": "5\n",
        f"{V1}/{own}/pids.max": "100\n",
        f"{V1}/{own}/cpuset.cpus.effective": "0-3\n",
        f"{V1}/{own}/io.stat": "8:0 rbytes=1000 wbytes=2000 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=24 wbytes=0\n",
    }
    later: Files = {
        f"{V1}/{own}/cpu.stat": "usage_usec 3500000\nnr_periods 10\nnr_throttled 10\nthrottled_usec 250000\n",
    }
    return Kind(
        files,
        later,
        first={
            "container.memory": {
                "limit": 100 * MIB,
                "used": 90 * MIB,
                "working_set": 75 * MIB,
                "cached": 30 * MIB,
                "percent": 75.0,
                "limit_hits": 40,
                "oom_kills": 1,
            },
            "container.cpu": {
                "limit": 0.5,
                "used_ms": 1000.0,
                "periods": 0,
                "throttled_periods": 0,
                "throttled_ms": 0.0,
            },
            "container.pids": {"used": 5, "limit": 100, "percent": 5.0},
            "container.io": {"read_bytes": 1024, "write_bytes": 2000},
        },
        second={
            "container.cpu.cores": 0.25,
            "container.cpu.percent": 50.0,
            "container.cpu.throttled_percent": 100.0,
            "container.cpu.throttled_ms": 250.0,
        },
        space={"/": (10, 5)},
    )


def lxc() -> Kind:
    """LXC: lxcfs shows the container's own memory, processors and uptime; limited to two processors of eight."""
    files: Files = {
        **around(),
        "proc/1/environ": "TERM=linux\0container=lxc\0",
        "proc/stat": stat([[100, 0, 100, 1800, 0, 0, 0, 0]] * 2),
        "proc/meminfo": meminfo(MemTotal=1000, MemFree=500, MemAvailable=750, SwapTotal=100, SwapFree=90),
        "proc/self/mountinfo": mountinfo(
            "0:50 / zfs tank/web",
            "0:51 /proc/meminfo fuse.lxcfs lxcfs",
            "0:52 /dev/fuse devtmpfs udev",
            "0:53 /srv zfs tank/srv",
        ),
        "proc/self/cgroup": "0::/\n",
        f"{V1}/cgroup.controllers": "cpu memory\n",
        f"{V1}/memory.max": f"{1000 * KIB}\n",
        f"{V1}/memory.current": f"{500 * KIB}\n",
        f"{V1}/cpu.stat": "usage_usec 5000000\n",
        f"{V1}/cpuset.cpus.effective": "2,5\n",
    }
    later: Files = {
        "proc/stat": stat([[600, 0, 100, 2300, 0, 0, 0, 0], [100, 0, 100, 2800, 0, 0, 0, 0]]),
        f"{V1}/cpu.stat": "usage_usec 10000000\n",
    }
    return Kind(
        files,
        later,
        first={
            "memory.total": 1000 * KIB,
            "cpu.count": 2,
            "container.memory.limit": 1000 * KIB,
            "container.memory.percent": 50.0,
            "container.cpu": {"used_ms": 5000.0, "limit": 2},
            "disk.root.percent": 25.0,
            "disk.srv.percent": 50.0,
            "swap.percent": 10.0,
        },
        second={"cpu.total.percent": 25.0, "container.cpu.cores": 0.5, "container.cpu.percent": 25.0},
        absent=("disk.proc_meminfo", "container.pids", "container.io"),
        space={"/": (100, 75), "/srv": (10, 5)},
    )
