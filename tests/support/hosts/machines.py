"""Hosts that are machines, or take themselves for such."""

from __future__ import annotations

from support.hosts.texts import diskstats, meminfo, mountinfo, net_dev, pressure, process, stat, vmstat
from support.hosts.tree import Files, Kind

KIB, SECTOR = 1024, 512
GIB_KIB = 1 << 20


def base(name: str = "0.50 0.40 0.30 2/100 999") -> dict[str, str]:
    """Return what each Linux has."""
    return {
        "proc/loadavg": f"{name}\n",
        "proc/uptime": "1000.50 1900.00\n",
        "proc/filesystems": "nodev\tsysfs\nnodev\ttmpfs\nnodev\toverlay\n\text4\n\txfs\n\tvfat\n",
        "proc/sys/fs/file-nr": "1000\t0\t10000\n",
        "proc/self/stat": process(50, "saltern-agent", "R"),
        "proc/1/stat": process(1, "init", "S"),
        "proc/2/stat": process(2, "kthreadd", "S", kernel=True),
        "proc/50/stat": process(50, "saltern-agent", "R"),
        "proc/net/sockstat": "sockets: used 100\nTCP: inuse 5 orphan 0 tw 2 alloc 7 mem 3\nUDP: inuse 1 mem 2\n",
        "proc/vmstat": vmstat(pgpgin=10, pgpgout=20, pswpin=1, pswpout=2, pgfault=1000, pgmajfault=10),
    }


def old_kernel() -> Kind:
    """CentOS 6: no MemAvailable, nine columns of processor time, eleven of a disk's, no pressure, no oom_kill."""
    files: Files = {
        **base(),
        "proc/stat": stat([[100, 0, 100, 1800, 0, 0, 0, 0, 0]], columns=9, ctxt=100, intr=10),
        "proc/meminfo": meminfo(MemTotal=1000, MemFree=200, Buffers=50, Cached=250, SwapTotal=400, SwapFree=100),
        "proc/diskstats": diskstats(
            {"sda": (10, 80, 20, 160, 1000), "sda1": (10, 80, 20, 160, 1000), "cciss/c0d0": (1, 8, 2, 16, 0)}, fields=11
        ),
        "sys/block/sda/size": "1",
        "sys/block/cciss!c0d0/size": "1",
        "proc/net/dev": net_dev(lo=(0, 0, 0, 0), eth0=(1000, 10, (1 << 32) - 1000, 20)),
        "proc/self/mounts": "rootfs / rootfs rw 0 0\n/dev/sda1 / ext4 rw 0 0\n",
    }
    later: Files = {
        "proc/stat": stat([[200, 0, 150, 2650, 0, 0, 0, 0, 0]], columns=9, ctxt=1100, intr=60),
        "proc/diskstats": diskstats(
            {"sda": (30, 180, 20, 260, 6000), "sda1": (10, 80, 20, 160, 1000), "cciss/c0d0": (1, 8, 2, 16, 0)},
            fields=11,
        ),
        "proc/net/dev": net_dev(lo=(0, 0, 0, 0), eth0=(2000, 20, 9000, 30)),
    }
    return Kind(
        files,
        later,
        first={
            "cpu": {"count": 1},
            "memory.available": 500 * KIB,
            "memory.used": 500 * KIB,
            "memory.percent": 50.0,
            "swap.percent": 75.0,
            "diskio.sda.read_bytes": 80 * SECTOR,
            "diskio.cciss_c0d0.writes": 2,
            "disk.root.percent": 75.0,
            "sockets.tcp.in_use": 5,
            "processes.sleeping": 1,
            "processes.running": 1,
            "processes.kernel": 1,
        },
        second={
            "cpu.total.percent": 15.0,
            "cpu.0.user": 10.0,
            "cpu.total.cores": 0.15,
            "vmstat.context_switches_per_s": 100.0,
            "vmstat.interrupts_per_s": 5.0,
            "diskio.sda.reads_per_s": 2.0,
            "diskio.sda.write_bytes_per_s": 10 * SECTOR,
            "diskio.sda.busy_percent": 50.0,
            "net.eth0.tx_bytes_per_s": 1000.0,  # a 32-bit kernel's counter began again
            "net.eth0.tx_packets_per_s": 1.0,
        },
        absent=("pressure", "diskio.sda.flushes", "diskio.sda1", "vmstat.oom_kills"),
        space={"/": (1000, 250)},
    )


def new_kernel() -> Kind:
    """Debian 13 on a machine of two NVMe disks: pressure, flushes, hidden paths, two chips of one driver."""
    nvme = {"nvme0n1": (100, 800, 50, 400, 10), "nvme0c0n1": (100, 800, 50, 400, 10), "dm-0": (7, 56, 3, 24, 5)}
    grown = {"nvme0n1": (200, 1800, 50, 400, 20), "nvme0c0n1": (200, 1800, 50, 400, 20), "dm-0": (17, 66, 3, 24, 5)}
    chips = {
        "sys/class/hwmon/hwmon3/name": "coretemp\n",
        "sys/class/hwmon/hwmon3/temp1_input": "50000\n",
        "sys/class/hwmon/hwmon3/temp1_label": "Package id 0\n",
        "sys/class/hwmon/hwmon1/name": "coretemp\n",
        "sys/class/hwmon/hwmon1/temp1_input": "60000\n",
        "sys/class/hwmon/hwmon1/temp1_label": "Package id 1\n",
        "sys/class/hwmon/hwmon7/name": "nvme\n",
        "sys/class/hwmon/hwmon7/temp1_input": "38850\n",
        "sys/class/hwmon/hwmon7/temp1_label": "Composite\n",
        "sys/devices/pci0000:00/0000:04:00.0/nvme/nvme0/model": "x",
        "sys/devices/platform/coretemp.0/modalias": "x",
        "sys/devices/platform/coretemp.1/modalias": "x",
        "sys/bus/pci/x": "",
        "sys/bus/platform/x": "",
        "sys/class/nvme/x": "",
    }
    links = {
        "sys/class/hwmon/hwmon3/device": "../../../devices/platform/coretemp.0",
        "sys/class/hwmon/hwmon1/device": "../../../devices/platform/coretemp.1",
        "sys/class/hwmon/hwmon7/device": "../../../devices/pci0000:00/0000:04:00.0/nvme/nvme0",
        "sys/devices/platform/coretemp.0/subsystem": "../../../bus/platform",
        "sys/devices/platform/coretemp.1/subsystem": "../../../bus/platform",
        "sys/devices/pci0000:00/0000:04:00.0/subsystem": "../../../bus/pci",
        "sys/devices/pci0000:00/0000:04:00.0/nvme/nvme0/subsystem": "../../../../../class/nvme",
    }
    files: Files = {
        **base(),
        **chips,
        "proc/stat": stat([[100, 0, 100, 800, 0, 0, 0, 0, 50, 0], [0, 0, 0, 1000, 0, 0, 0, 0, 0, 0]]),
        "proc/meminfo": meminfo(
            MemTotal=64 * GIB_KIB, MemFree=GIB_KIB, MemAvailable=48 * GIB_KIB, SwapTotal=GIB_KIB, SwapFree=GIB_KIB
        ),
        "proc/vmstat": vmstat(pgfault=1, pgmajfault=1, oom_kill=3),
        "proc/diskstats": diskstats(nvme, major=259),
        "sys/block/nvme0n1/size": "1",
        "sys/block/nvme0c0n1/size": "1",
        "sys/block/dm-0/dm/name": "vg0-root\n",
        "proc/net/dev": net_dev(**{"eth0.1": (100, 1, 100, 1), "eth0_1": (0, 0, 0, 0), "veth12": (9, 9, 9, 9)}),
        "proc/pressure/cpu": pressure((1.5, 1_000_000), (0.0, 0)),
        "proc/pressure/io": pressure((0.0, 0), (0.0, 0)),
        "proc/self/mountinfo": mountinfo(
            "254:0 / ext4 /dev/mapper/vg0-root",
            "0:30 /dev/shm tmpfs tmpfs",
            "259:1 /boot/efi vfat /dev/nvme0n1p1",
            "0:40 /srv/a overlay overlay",
            "0:41 /srv/b overlay overlay",
        ),
    }
    later: Files = {
        "proc/stat": stat([[600, 0, 100, 1300, 0, 0, 0, 0, 550, 0], [0, 0, 0, 2000, 0, 0, 0, 0, 0, 0]]),
        "proc/diskstats": diskstats(grown, major=259),
        "proc/net/dev": net_dev(**{"eth0.1": (1100, 11, 100, 1), "eth0_1": (0, 0, 0, 0), "veth12": (9, 9, 9, 9)}),
        "proc/pressure/cpu": pressure((2.5, 3_500_000), (0.0, 0)),
    }
    return Kind(
        files,
        later,
        first={
            "cpu.count": 2,
            "memory.percent": 25.0,
            "swap.percent": 0.0,
            "vmstat.oom_kills": 3,
            "temperature": {
                "coretemp-isa-0000_Package_id_0": 50.0,
                "coretemp-isa-0001_Package_id_1": 60.0,
                "nvme-pci-0400_Composite": 38.85,
            },
            "disk.root.total": 4096 * 1000,
            "disk.boot_efi.used": 4096 * 10,
            "disk.srv_a.percent": 10.0,
            "disk.srv_b.percent": 20.0,
            "disk.srv_b.hung": 0,
            "diskio.mapper_vg0-root.reads": 7,
            "pressure.cpu.some.avg10": 1.5,
        },
        second={
            "cpu.total.percent": 25.0,
            "cpu.0.percent": 50.0,
            "cpu.1.percent": 0.0,
            "cpu.total.cores": 0.5,
            "diskio.nvme0n1.read_bytes_per_s": 100 * SECTOR,
            "diskio.mapper_vg0-root.reads_per_s": 1.0,
            "net.eth0_1.rx_bytes_per_s": 100.0,
            "net.eth0__1.rx_bytes_per_s": 0.0,
            "pressure.cpu.some.percent": 25.0,
        },
        absent=("diskio.nvme0c0n1", "net.veth12", "disk.dev_shm", "container"),
        links=links,
        space={
            "/": (1000, 500),
            "/boot/efi": (100, 90),
            "/srv/a": (1000, 900),
            "/srv/b": (1000, 800),
            "/dev/shm": (1, 1),
        },
    )


def arm() -> Kind:
    """A board without hwmon or swap, whose flash is one device; few fields, a thermal zone."""
    files: Files = {
        **base(),
        "proc/stat": stat([[50, 0, 50, 900, 0, 0, 0]] * 4, columns=7),
        "proc/meminfo": meminfo(MemTotal=1000, MemFree=100, MemAvailable=600, SwapTotal=0, SwapFree=0),
        "proc/diskstats": diskstats({"mmcblk0": (1, 8, 1, 8, 1), "mmcblk0p1": (1, 8, 1, 8, 1)}, fields=11),
        "sys/block/mmcblk0/size": "1",
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "sys/class/thermal/thermal_zone1/type": "gpu-thermal\n",
        "sys/class/thermal/thermal_zone1/temp": "-274000\n",
        "proc/net/dev": net_dev(lo=(1, 1, 1, 1), wlan0=(1000, 10, 1000, 10)),
        "proc/self/mountinfo": mountinfo("179:2 / ext4 /dev/root", "179:1 /boot vfat /dev/mmcblk0p1"),
    }
    later: Files = {
        # The third processor was switched off.
        "proc/stat": stat([[550, 0, 50, 1400, 0, 0, 0]] * 3, columns=7, numbers=(0, 1, 3)),
        # The radio was reset.
        "proc/net/dev": net_dev(lo=(1, 1, 1, 1), wlan0=(10, 1, 20, 2)),
    }
    return Kind(
        files,
        later,
        first={
            "cpu.count": 4,
            "temperature": {"cpu-thermal-0": 48.312},
            "memory.percent": 40.0,
            "swap.total": 0,
            "disk.boot.percent": 50.0,
        },
        second={"cpu.count": 3, "cpu.3.percent": 50.0, "net.wlan0.rx_bytes": 10, "net.lo.rx_bytes_per_s": 0.0},
        absent=("swap.percent", "cpu.2", "pressure", "container", "diskio.mmcblk0p1", "net.wlan0.rx_bytes_per_s"),
        space={"/": (100, 10), "/boot": (10, 5)},
    )


def many_processors() -> Kind:
    """256 processors, of which the last is busy; one counter of steal goes back by a tick, one idle by much."""
    before = [[0, 0, 0, 10_000, 0, 0, 0, 100] for _ in range(256)]
    after = [[0, 0, 0, 11_000, 0, 0, 0, 100] for _ in range(256)]
    after[255] = [1000, 0, 0, 10_000, 0, 0, 0, 100]
    after[7] = [500, 0, 0, 10_500, 0, 0, 0, 99]
    after[9] = [0, 0, 0, 1_000, 0, 0, 0, 100]
    files: Files = {
        **base("12.00 10.00 9.00 300/4000 9"),
        "proc/stat": stat(before),
        "proc/meminfo": meminfo(MemTotal=2048 * GIB_KIB, MemFree=1024 * GIB_KIB, MemAvailable=1536 * GIB_KIB),
        "proc/net/dev": net_dev(lo=(0, 0, 0, 0)),
        "proc/self/mountinfo": mountinfo("8:1 / xfs /dev/sda1"),
    }
    return Kind(
        files,
        {"proc/stat": stat(after)},
        first={"cpu": {"count": 256}, "memory.percent": 25.0, "processes.threads": 4000, "load.1m": 12.0},
        second={
            "cpu.count": 256,
            "cpu.255.percent": 100.0,
            "cpu.254.percent": 0.0,
            "cpu.7.percent": 50.0,
            "cpu.7.steal": 0.0,
            "cpu.resets": 1,
            "cpu.total.steal": 0.0,
        },
        absent=("cpu.9", "swap.total", "diskio", "container"),
        space={"/": (10, 10)},
    )


def many_disks() -> Kind:
    """A storage server: 200 disks, half of them mounted, an array, and volumes of the device mapper's."""
    disks = {f"sd{first}{second}": (1, 8, 1, 8, 0) for first in "abcdefgh" for second in "abcdefghijklmnopqrstuvwxy"}
    others = {"md0": (5, 40, 5, 40, 0), "dm-0": (2, 16, 2, 16, 0), "dm-1": (3, 24, 3, 24, 0), "loop0": (9, 9, 9, 9, 9)}
    grown = {name: (reads + 10, *rest) for name, (reads, *rest) in disks.items()}
    mounted = list(disks)[:100]
    files: Files = {
        **base(),
        "proc/stat": stat([[1, 0, 0, 100, 0, 0, 0, 0]]),
        "proc/meminfo": meminfo(MemTotal=1000, MemFree=500, MemAvailable=500, SwapTotal=10, SwapFree=10),
        "proc/diskstats": diskstats({**disks, **others, **{f"{name}1": (1, 8, 1, 8, 0) for name in disks}}),
        **{f"sys/block/{name}/size": "1" for name in (*disks, *others)},
        "sys/block/dm-0/dm/name": "vg-data_1\n",
        "sys/block/dm-1/dm/name": "luks-Дом\n",
        "proc/net/dev": net_dev(lo=(0, 0, 0, 0)),
        "proc/self/mountinfo": mountinfo(
            "9:0 / ext4 /dev/md0", *(f"65:{minor} /srv/{name} xfs /dev/{name}1" for minor, name in enumerate(mounted))
        ),
    }
    later = {
        "proc/diskstats": diskstats({**grown, **others, **{f"{name}1": (1, 8, 1, 8, 0) for name in disks}}),
        # By now the volumes are activated the other way round.
        "sys/block/dm-0/dm/name": "luks-Дом\n",
        "sys/block/dm-1/dm/name": "vg-data_1\n",
    }
    return Kind(
        files,
        later,
        first={
            "diskio.mapper_vg-data__1.reads": 2,
            "diskio.md0.reads": 5,
            "disk.srv_sdaa.percent": 50.0,
            "disk.srv_sddy.percent": 50.0,
        },
        second={"diskio.sdhy.reads_per_s": 0.1, "diskio.sdaa.reads_per_s": 0.1, "diskio.mapper_vg-data__1.reads": 3},
        absent=("diskio.loop0", "diskio.sdaa1", "diskio.dm-0", "diskio.mapper_vg-data__1.reads_per_s"),
        seconds=100.0,
        space={"/": (10, 5), **{f"/srv/{name}": (10, 5) for name in mounted}},
    )


def no_swap() -> Kind:
    """A host without swap space whose kernel has no swap either."""
    files: Files = {
        **base(),
        "proc/stat": stat([[1, 0, 0, 100, 0, 0, 0, 0]]),
        "proc/meminfo": meminfo(MemTotal=1000, MemFree=500, MemAvailable=750),
        "proc/vmstat": vmstat(pgfault=5),
        "proc/net/dev": net_dev(lo=(0, 0, 0, 0)),
        "proc/self/mountinfo": mountinfo("8:1 / ext4 /dev/sda1"),
    }
    return Kind(
        files,
        {},
        first={"memory.percent": 25.0, "files.percent": 10.0, "uptime.seconds": 1000.5},
        second={"memory.available": 750 * KIB},
        absent=("swap", "container", "temperature"),
        space={"/": (10, 5)},
    )


def virtual_machine() -> Kind:
    """A virtual machine: a hypervisor that takes time, disks and interfaces of virtio, a balloon."""
    before, after = [100, 0, 100, 800, 0, 0, 0, 0], [300, 0, 200, 1300, 0, 0, 0, 200]
    files: Files = {
        **base(),
        "proc/stat": stat([before, before]),
        "proc/meminfo": meminfo(MemTotal=4000, MemFree=1000, MemAvailable=3000, SwapTotal=100, SwapFree=100),
        "proc/diskstats": diskstats({"vda": (1, 8, 1, 8, 0), "vda1": (1, 8, 1, 8, 0)}),
        "sys/block/vda/size": "1",
        "sys/class/dmi/id/sys_vendor": "QEMU\n",
        "proc/net/dev": net_dev(lo=(0, 0, 0, 0), ens3=(100, 1, 100, 1)),
        "sys/class/net/ens3/ifindex": "2\n",
        "sys/class/net/lo/ifindex": "1\n",
        "proc/self/mountinfo": mountinfo("252:1 / ext4 /dev/vda1", "0:50 /mnt/nas nfs4 nas:/export"),
    }
    later: Files = {
        "proc/stat": stat([after, after]),
        # The card was taken out and another put in, under the same name.
        "proc/net/dev": net_dev(lo=(10, 1, 10, 1), ens3=(50_000, 900, 10, 1)),
        "sys/class/net/ens3/ifindex": "5\n",
    }
    return Kind(
        files,
        later,
        first={"cpu.count": 2, "memory.percent": 25.0, "disk.root.hung": 0, "net.ens3.rx_bytes": 100},
        second={
            "cpu.total.steal": 20.0,
            "cpu.total.percent": 50.0,
            "cpu.1.user": 20.0,
            "net.lo.rx_bytes_per_s": 1.0,
            "net.ens3.rx_bytes": 50_000,
        },
        absent=("disk.mnt_nas", "container", "net.ens3.rx_bytes_per_s"),
        space={"/": (10, 5)},
    )
