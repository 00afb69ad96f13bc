"""The collectors' pure parsers, on sample files and on garbage."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules._netstat import parse_netstat
from saltern_modules.collectors import (
    agent,
    conntrack,
    container,
    cpu,
    disk,
    diskio,
    files,
    load,
    memory,
    neighbours,
    net,
    numbers,
    pressure,
    processes,
    raid,
    scsi,
    sockets,
    softnet,
    swap,
    tcp,
    temperature,
    udp,
    uptime,
    vmstat,
    zfs,
)
from saltern_modules.collectors.reading import cgroup_files, inet_dump, mounts, own_groups, process_table
from saltern_modules.collectors.segment import segment

Read = Callable[[str], bytes]


def test_stat_gives_ticks_by_processor(proc: Read) -> None:
    assert cpu.parse_stat(proc("stat")) == {
        "total": [5266, 10, 2109, 403205, 202, 3, 27, 11],
        "0": [585, 4, 633, 204149, 4, 1, 7, 3],
        "1": [4681, 6, 1476, 199056, 198, 2, 20, 8],
    }


def test_an_old_kernels_missing_columns_are_zero() -> None:
    assert cpu.parse_stat(b"cpu  1 2 3 4\n") == {"total": [1, 2, 3, 4, 0, 0, 0, 0]}


def test_shares_add_up_to_a_hundred() -> None:
    shares = cpu.shares([30, 0, 10, 50, 10, 0, 0, 0])
    assert shares["percent"] == 40.0
    assert sum(shares[mode] for mode in cpu.MODES) == 100.0
    assert shares["user"] == 30.0


def test_load(proc: Read) -> None:
    assert load.parse_loadavg(proc("loadavg")) == {"1m": 0.29, "5m": 0.10, "15m": 0.02}
    assert load.parse_threads(proc("loadavg")) == 186


def test_memory_is_in_bytes(proc: Read) -> None:
    found = memory.with_use(memory.parse_meminfo(proc("meminfo"), memory.FIELDS))
    assert found["total"] == 16384000 * 1024
    assert found["used"] == (16384000 - 8192000) * 1024
    assert found["percent"] == 50.0
    assert found["active"] == 6144000 * 1024


def test_memory_of_an_old_kernel_counts_what_can_be_reclaimed_as_available() -> None:
    assert memory.with_use({"total": 100, "free": 20, "buffers": 5, "cached": 25})["used"] == 50


def test_swap_traffic_is_in_bytes(proc: Read) -> None:
    assert swap.parse_traffic(proc("vmstat")) == {
        "in_bytes": 25 * swap.PAGE_BYTES,
        "out_bytes": 50 * swap.PAGE_BYTES,
    }


def test_mounts_are_unescaped(proc: Read) -> None:
    found = mounts.parse_mounts(proc("self/mounts"))
    assert mounts.Mount("/dev/sdb1", "/srv/my data", "xfs", True) in found


def test_real_file_systems_are_chosen_once_each(proc: Read) -> None:
    chosen = mounts.choose(
        mounts.parse_mounts(proc("self/mounts")),
        mounts.parse_filesystems(proc("filesystems")),
        disk.Disk.settings["exclude_fstype"],
        disk.Disk.settings["exclude_mount"],
    )
    assert {name: mount.point for name, mount in chosen.items()} == {
        "root": "/",
        "home": "/home",
        segment("/srv/my data"): "/srv/my data",
    }


def test_two_mounts_never_share_a_name() -> None:
    two = [mounts.Mount("a", "/var/lib", "ext4", False), mounts.Mount("b", "/var_lib", "ext4", False)]
    assert set(mounts.choose(two, frozenset({"ext4"}), [], [])) == {"var_lib", "var__lib"}


def test_diskstats_count_bytes(proc: Read) -> None:
    devices = diskio.parse_diskstats(proc("diskstats"))
    sda = diskio.counters(devices["sda"])
    assert sda["read_bytes"] == 2037370 * 512
    assert (sda["reads"], sda["writes"], sda["in_flight"], sda["io_ms"]) == (10472, 3109, 2, 5432)
    assert (sda["discards"], sda["discard_bytes"], sda["flushes"]) == (3870, 45776 * 512, 237)
    assert "flushes" not in diskio.counters(devices["nvme0n1"])


def test_interfaces(proc: Read) -> None:
    interfaces = net.parse_dev(proc("net/dev"))
    assert set(interfaces) == {"lo", "eth0.100", "vethab12"}
    assert interfaces["eth0.100"] == {
        "rx_bytes": 133498679,
        "rx_packets": 3696,
        "rx_errors": 1,
        "rx_dropped": 2,
        "rx_multicast": 7,
        "tx_bytes": 298084,
        "tx_packets": 2586,
        "tx_errors": 3,
        "tx_dropped": 4,
    }


def test_a_process_name_may_hold_brackets(proc: Read) -> None:
    assert process_table.parse_process(proc("77/stat")) == process_table.Process("D", False)
    assert process_table.parse_process(proc("2/stat")) == process_table.Process("I", True)


def test_states_are_counted_and_rare_ones_are_other() -> None:
    counts = processes.count_states(b"SSRP")
    assert (counts["sleeping"], counts["running"], counts["other"], counts["zombie"]) == (2, 1, 1, 0)


def test_file_nr(proc: Read) -> None:
    assert files.parse_file_nr(proc("sys/fs/file-nr")) == {"open": 413, "max": 2466177, "percent": 0.02}


def test_sockstat(proc: Read) -> None:
    found = sockets.parse_sockstat(proc("net/sockstat"))
    assert found["sockets"] == {"used": 312}
    assert found["tcp"]["time_wait"] == 2
    assert found["tcp"]["memory_bytes"] == 183 * sockets.PAGE_BYTES
    assert found["frag"]["memory_bytes"] == 4096


def test_the_socket_tables(proc: Read) -> None:
    states = sockets.parse_table(proc("net/tcp")) + sockets.parse_table(proc("net/tcp6"))
    counts = sockets.count_states(states)
    assert (counts["listen"], counts["established"], counts["time_wait"], counts["close_wait"]) == (2, 3, 2, 1)


def test_the_kernels_socket_dump() -> None:
    def message(kind: int, body: bytes) -> bytes:
        return inet_dump.HEADER.pack(16 + len(body), kind, 0, 1, 0) + body

    sock = message(inet_dump.TCPDIAG_GETSOCK, bytes([2, 10]) + bytes(70))
    other = message(inet_dump.TCPDIAG_GETSOCK, bytes([10, 8]) + bytes(70))
    closed = message(inet_dump.TCPDIAG_GETSOCK, bytes([2, 5, inet_dump.TIMER_TIME_WAIT]) + bytes(69))
    assert inet_dump.parse(sock + closed + other) == ((bytes([10, 8]), bytes([5])), False)
    assert inet_dump.parse(message(inet_dump.NLMSG_DONE, bytes(4))) == ((b"", b""), True)
    with pytest.raises(OSError, match="refused"):
        inet_dump.parse(message(inet_dump.NLMSG_ERROR, struct.pack("=i", -1)))


def test_what_the_dump_does_not_have_is_established() -> None:
    listen, close_wait, syn_recv, fin_wait2 = 10, 8, 3, 5
    rare = inet_dump.States(bytes([listen, close_wait, syn_recv, fin_wait2]), bytes([fin_wait2, fin_wait2]))
    counts = sockets.count_dump(rare, in_use=10, closed=7)
    assert {name: count for name, count in counts.items() if count} == {
        "established": 7,
        "listen": 1,
        "close_wait": 1,
        "syn_recv": 1,
        "fin_wait2": 3,
        "time_wait": 5,
    }
    assert set(sockets.count_dump(rare, in_use=2, closed=1).values()) <= {0, 1, 3}, "never below 0"


def test_pressure(proc: Read) -> None:
    assert pressure.parse_pressure(proc("pressure/cpu")) == {
        "some": {"avg10": 0.30, "avg60": 0.36, "avg300": 0.13, "total_us": 4262169},
        "full": {"avg10": 0.0, "avg60": 0.0, "avg300": 0.0, "total_us": 17},
    }


def test_vmstat(proc: Read) -> None:
    assert vmstat.parse_counters(proc("stat"), vmstat.STAT) == {
        "context_switches": 242085,
        "interrupts": 133877,
        "soft_interrupts": 112833,
        "forks": 4017,
    }
    assert vmstat.parse_counters(proc("vmstat"), vmstat.VMSTAT)["major_page_faults"] == 652


def test_the_agents_own_cost(proc: Read) -> None:
    assert agent.parse_self_stat(proc("self/stat")) == {
        "minor_page_faults": 99,
        "major_page_faults": 7,
        "threads": 5,
        "vms_bytes": 3133440,
        "rss_bytes": 360 * agent.PAGE_BYTES,
    }


def test_uptime(proc: Read) -> None:
    assert uptime.parse_uptime(proc("uptime")) == {"seconds": 2058.58}


def test_temperatures_are_in_degrees() -> None:
    assert temperature.parse_millidegrees(b"45500\n") == 45.5
    assert temperature.parse_millidegrees(b"-5000\n") == -5.0
    assert temperature.parse_millidegrees(b"-300000") is None


def test_netstat_pairs_names_with_numbers(proc: Read) -> None:
    assert parse_netstat(proc("net/snmp")) == {
        "Tcp": {"RtoMin": 200, "MaxConn": -1, "CurrEstab": 3},
        "Udp": {"InDatagrams": 9},
    }


def test_a_value_is_found_at_the_start_of_a_line_only() -> None:
    data = b"xpgfault 1\npgfault 2\npgfaulty 3"
    assert numbers.value_after(data, b"pgfault") == 2
    assert numbers.value_after(data, b"xpgfault") == 1
    assert numbers.value_after(data, b"pgfaulty") == 3
    assert numbers.value_after(data, b"fault") is None


def test_rates_come_from_two_readings_and_a_reset_has_none() -> None:
    rates = numbers.Rates(("bytes",))
    assert rates.update(10.0, {"eth0": {"bytes": 100}}) == {}
    assert rates.update(12.0, {"eth0": {"bytes": 300}, "eth1": {"bytes": 5}}) == {"eth0": {"bytes_per_s": 100.0}}
    assert rates.update(13.0, {"eth0": {"bytes": 7}, "eth1": {"bytes": 6}}) == {
        "eth0": {},
        "eth1": {"bytes_per_s": 1.0},
    }
    assert rates.update(13.0, {"eth1": {"bytes": 9}}) == {"eth1": {}}


PARSERS: list[Callable[[bytes], Any]] = [
    agent.parse_self_stat,
    cpu.parse_stat,
    mounts.parse_filesystems,
    mounts.parse_mounts,
    diskio.parse_diskstats,
    files.parse_file_nr,
    load.parse_loadavg,
    load.parse_threads,
    lambda data: memory.parse_meminfo(data, memory.FIELDS),
    net.parse_dev,
    pressure.parse_pressure,
    process_table.parse_process,
    sockets.parse_sockstat,
    sockets.parse_table,
    parse_netstat,
    swap.parse_traffic,
    temperature.parse_millidegrees,
    uptime.parse_uptime,
    lambda data: vmstat.parse_counters(data, vmstat.VMSTAT),
    conntrack.parse_stat,
    lambda data: container.cpu_counters(data, data),
    lambda data: {"": own_groups.count_cpus(data.decode("utf-8", "replace"))},
    lambda data: [(mount.ident, mount.parent) for mount in mounts.parse_mountinfo(data)],
    lambda data: neighbours.parse_table(data, data),
    raid.parse_mdstat,
    scsi.parse_count,
    softnet.parse_softnet,
    lambda data: tcp.parse_tcp(data, data),
    lambda data: udp.parse_udp(data, data),
    cgroup_files.parse_flat,
    cgroup_files.parse_io,
    zfs.parse_arc,
]
SIGNED = (parse_netstat, sockets.parse_table, temperature.parse_millidegrees)

# Lines that look right for a while go deeper into a parser than plain noise does.
WORDS = st.sampled_from(
    [
        *(b"cpu cpu0 cpu\xb2 intr ctxt some full avg10=1 avg10=nan total=x TCP: sockets: used mem inuse".split()),
        *(b"MemTotal: pgfault eth0: (a) ) ( /dev/sda1 / ext4 ro 0 1 -1 1e999 nan inf 0A 1/2".split()),
        b"9" * 5000,
        b"\xff",
        b"1_0",
        "²".encode(),
        *(b"entries 0000-001 -0000001 00000001 0x1f -0x1 8:0 rbytes=1 rbytes=-1 Read usage_usec - rw 1:2".split()),
        *(b"md0 : active [2/1] recovery = 5% Tcp: RetransSegs hits 4".split()),
    ]
)
LINES = st.lists(st.lists(WORDS, max_size=25).map(b" ".join), max_size=6).map(b"\n".join)


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in numbers_in(each)]
    if isinstance(value, list | tuple):
        return [number for each in value for number in numbers_in(each)]
    return [value] if isinstance(value, int | float) else []


@given(data=st.binary(max_size=300) | LINES)
def test_garbage_gives_finite_numbers_or_nothing(data: bytes) -> None:
    for parse in PARSERS:
        for number in numbers_in(parse(data)):
            assert isinstance(number, int) or math.isfinite(number)
            assert number >= 0 or parse in SIGNED


@given(data=st.binary(max_size=300))
def test_a_garbled_socket_dump_is_an_os_error_at_worst(data: bytes) -> None:
    try:
        states, _ = inet_dump.parse(data)
    except OSError:
        return
    assert len(states.sockets) + len(states.memories) <= len(data) // inet_dump.HEADER.size


@given(values=st.lists(st.integers(0, 2**64), min_size=11, max_size=17))
def test_a_disk_of_any_kernel_has_numbers(values: list[int]) -> None:
    assert all(value >= 0 for value in diskio.counters(values).values())


@pytest.mark.parametrize("wrong", ["-1", "1_0", "+5", "18446744073709551616" * 2, "x", "9" * 5000])
def test_a_line_with_what_the_kernel_never_writes_is_left_out(wrong: str) -> None:
    ordinary = "1 " * 15
    assert net.parse_dev(f"  a: {ordinary} {wrong}\n  b: {ordinary} 1\n".encode()).keys() == {"b"}
    lines = f"8 0 sda {ordinary} {wrong}\n8 16 sdb {ordinary} 1\n"
    assert diskio.parse_diskstats(lines.encode()).keys() == {"sdb"}
    assert cpu.parse_stat(f"cpu  1 2 {wrong} 4\ncpu0 1 2 3 4\n".encode()).keys() == {"0"}
    assert files.parse_file_nr(f"{wrong} 0 100".encode()) == {}
    assert mounts.parse_mountinfo(f"{wrong} 1 8:1 / / rw - ext4 /dev/a rw\n".encode()) == []


@pytest.mark.parametrize("wrong", ["-0000001", "0x000001", "+0000001", "1_0_0_0_", "g0000000"])
def test_a_row_in_hexadecimal_has_digits_alone(wrong: str) -> None:
    assert softnet.parse_softnet(f"{wrong} 00000001 00000002\n".encode()) == {}
    assert neighbours.parse_table(f"entries table_fulls\n{wrong} 00000001\n".encode(), b"10") == {}
    assert scsi.parse_count(f"0x{wrong}".encode()) is None
    assert scsi.parse_count(b"0x1f") == 31


@pytest.mark.parametrize(
    ("text", "count"), [("0-3,8", 5), ("3-0", 0), ("0-", 1), ("", 0), ("9" * 5000, 0), ("0,-1", 0)]
)
def test_a_list_of_processors(text: str, count: int) -> None:
    assert own_groups.count_cpus(text) == count


@pytest.mark.parametrize("below", [2**32 - 1, 2**64 - 1, 2**31])
def test_requests_under_way_below_nothing_are_not_told(below: int) -> None:
    assert "in_flight" not in diskio.counters([1] * 8 + [below, 1, 1])
    assert diskio.counters([1] * 8 + [7, 1, 1])["in_flight"] == 7
