"""The collector services: systemd units by their control groups, of both versions, built and real."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import services
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.reading import cgroup_files, units
from saltern_modules.collectors.sampler import Sampler
from saltern_modules.collectors.source import Source
from support import control_groups
from support.trees import fault_of, options, plant

V2 = "sys/fs/cgroup"
POSTGRES = r"system.slice/system-postgresql.slice/postgresql@15-main.service"


def unit_v2(place: str, pids: str = "11\n12\n", cpu_ms: int = 5000) -> dict[str, str]:
    root = f"{V2}/{place}"
    return {
        f"{V2}/cgroup.controllers": "cpu io memory pids\n",
        f"{root}/cgroup.procs": pids,
        f"{root}/cpu.stat": f"usage_usec {cpu_ms * 1000}\nuser_usec 1\nnr_throttled 2\nthrottled_usec 3000\n",
        f"{root}/memory.current": "1048576\n",
        f"{root}/memory.max": "max\n",
        f"{root}/memory.swap.current": "4096\n",
        f"{root}/memory.events": "low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\n",
        f"{root}/io.stat": "8:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2\n7:0 \n",
        f"{root}/pids.current": "9\n",
    }


def collector(tmp_path: Path, files: dict[str, str], *units: str) -> services.Services:
    return services.Services(plant(tmp_path, files), {"units": list(units)})


def test_a_unit_of_version_2(tmp_path: Path) -> None:
    watch = collector(tmp_path, unit_v2("system.slice/nginx.service"), "nginx.service")
    assert watch.collect(100.0) == {
        "nginx": {
            "up": 1,
            "starts": 0,
            "processes": 2,
            "tasks": 9,
            "cpu_ms": 5000.0,
            "throttled_ms": 3.0,
            "memory_bytes": 1048576,
            "swap_bytes": 4096,
            "oom_kills": 2,
            "read_bytes": 101,
            "write_bytes": 202,
        }
    }
    limited = {**unit_v2("system.slice/nginx.service", cpu_ms=10_000)}
    limited[f"{V2}/system.slice/nginx.service/memory.max"] = "4194304\n"
    plant(tmp_path, limited)
    second = watch.collect(110.0)["nginx"]
    assert second["cpu_percent"] == 50.0
    assert (second["memory_limit_bytes"], second["memory_percent"]) == (4194304, 25.0)
    assert second["read_bytes_per_s"] == 0.0
    assert not list(unnamed("services", {"nginx": second}))


def test_a_unit_of_version_1(tmp_path: Path) -> None:
    files = {
        f"{V2}/systemd/system.slice/db.service/cgroup.procs": "7\n",
        f"{V2}/cpuacct/system.slice/db.service/cpuacct.usage": "2500000000\n",
        f"{V2}/cpu/system.slice/db.service/cpu.stat": "nr_periods 1\nnr_throttled 1\nthrottled_time 4000000\n",
        f"{V2}/memory/system.slice/db.service/memory.usage_in_bytes": "8192\n",
        f"{V2}/memory/system.slice/db.service/memory.limit_in_bytes": "9223372036854771712\n",
        f"{V2}/memory/system.slice/db.service/memory.memsw.usage_in_bytes": "9192\n",
        f"{V2}/memory/system.slice/db.service/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        f"{V2}/pids/system.slice/db.service/pids.current": "4\n",
        f"{V2}/blkio/system.slice/db.service/blkio.throttle.io_service_bytes": "8:0 Read 10\n8:0 Write 20\nTotal 30\n",
    }
    assert collector(tmp_path, files, "db").collect(1.0)["db"] == {
        "up": 1,
        "starts": 0,
        "processes": 1,
        "tasks": 4,
        "cpu_ms": 2500.0,
        "throttled_ms": 4.0,
        "memory_bytes": 8192,
        "swap_bytes": 1000,
        "oom_kills": 3,
        "read_bytes": 10,
        "write_bytes": 20,
    }


def test_a_host_of_both_versions_has_processor_time_without_its_controller(tmp_path: Path) -> None:
    files = {
        f"{V2}/systemd/system.slice/db.service/cgroup.procs": "7\n",
        f"{V2}/unified/system.slice/db.service/cpu.stat": "usage_usec 9000\n",
    }
    assert collector(tmp_path, files, "db").collect(1.0)["db"]["cpu_ms"] == 9.0


def test_a_unit_that_is_not_there_is_down_and_up_as_soon_as_it_is(tmp_path: Path) -> None:
    watch = collector(tmp_path, unit_v2("system.slice/other.service"), "nginx.service")
    assert watch.collect(1.0) == {"nginx": {"up": 0, "starts": 0}}
    plant(tmp_path, unit_v2("system.slice/nginx.service"))
    found = watch.collect(2.0)["nginx"]
    assert (found["up"], found["starts"]) == (1, 1)


def test_restarts_are_seen_reloads_are_none(tmp_path: Path) -> None:
    place = "system.slice/nginx.service"
    watch = collector(tmp_path, unit_v2(place, "11\n12\n"), "nginx.service")
    starts = [watch.collect(1.0)["nginx"]["starts"]]
    for pids in ("11\n13\n", "14\n15\n", "", "14\n", "16\n"):
        plant(tmp_path, unit_v2(place, pids))
        starts.append(watch.collect(1.0)["nginx"]["starts"])
    assert starts == [0, 0, 1, 1, 1, 2]
    shutil.rmtree(tmp_path / V2 / place)
    assert watch.collect(1.0)["nginx"] == {"up": 0, "starts": 2}


def test_patterns_find_units_in_every_slice(tmp_path: Path) -> None:
    user = "user.slice/user-1000.slice/user@1000.service/app.slice/app-foo.service"
    files = {
        **unit_v2(POSTGRES),
        **unit_v2(user),
        **unit_v2("machine.slice/machine-a.scope"),
        **unit_v2("system.slice/_cpu.service"),
        **unit_v2("system.slice/docker.service/inner"),
    }
    watch = collector(tmp_path, files, "postgresql@*", "app-*", "cp*.service", "machine-*", "docker", "nothing*")
    found = watch.collect(1.0)
    assert found.pop("left_out") == 0
    assert {name.split("-")[0] for name in found} == {"postgresql_15", "app", "cpu", "machine", "docker"}
    assert all(told["up"] == 1 for told in found.values()), "docker's processes are in a folder of its own"


def test_one_that_fitted_once_and_is_gone_is_down(tmp_path: Path) -> None:
    watch = collector(tmp_path, unit_v2("system.slice/job-a.service"), "job-*")
    watch.collect(0.0)
    shutil.rmtree(tmp_path / V2 / "system.slice/job-a.service")
    assert watch.collect(services.SEARCH_EVERY_S)["job-a"] == {"up": 0, "starts": 0}


def test_units_are_bounded_and_the_rest_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_UNITS", 2)
    files = {f"{V2}/system.slice/u{n}.service/cgroup.procs": "1\n" for n in range(5)}
    found = collector(tmp_path, {**files, f"{V2}/cgroup.controllers": ""}, "u*").collect(1.0)
    assert found.pop("left_out") == 3
    assert len(found) == 2


@pytest.mark.parametrize(
    ("unit", "place"),
    [
        ("nginx.service", "system.slice/nginx.service"),
        ("cpu.service", "system.slice/_cpu.service"),
        ("postgresql@15-main.service", POSTGRES),
        ("a-b@c.service", r"system.slice/system-a\x2db.slice/a-b@c.service"),
        ("a-b.slice", "a.slice/a-b.slice"),
    ],
)
def test_where_a_unit_usually_is(tmp_path: Path, unit: str, place: str) -> None:
    assert units.Cgroups(str(tmp_path)).likely(unit) == place


def test_names_are_one_to_one() -> None:
    readable = {
        "nginx.service": "nginx",
        "nginx.socket": "nginx_socket",
        "nginx_socket.service": "nginx__socket",
        "postgresql@15-main.service": "postgresql_15-main",
        "system.slice": "system_slice",
        "a.b.service": "a_b_service",
    }
    assert {unit: services.label(unit) for unit in readable} == readable
    others = ["nginx.socket.service", "nginx@socket.service", "a@b.service", "a_b.service", "left_out.service"]
    others += ["left@out.service", "a@b@c.service", "a@b_c.service", "a.b@c.service", "a@b.socket", r"a@b\x2dc.service"]
    names = [services.label(unit) for unit in [*readable, *others]]
    assert len({*names, "left_out"}) == len(names) + 1


@pytest.mark.parametrize(
    "unit", ["", " ", "a b", "/etc/x.service", "web=nginx", "caf\u00e9", "\ud800", "a\0b", "a" * 256]
)
def test_a_wrong_name_is_one_clear_line(tmp_path: Path, unit: str) -> None:
    assert re.search(
        r"stats: services: units: .* is no unit: name one such as 'nginx\.service'",
        fault_of(tmp_path, {"services": {"units": [unit]}}),
    )


def test_a_unit_without_processes_is_refused(tmp_path: Path) -> None:
    assert re.search(
        r"'backup\.timer' has no processes of its own: name the service",
        fault_of(tmp_path, {"services": {"units": ["backup.timer"]}}),
    )


def test_it_is_on_by_itself_when_a_unit_is_named(tmp_path: Path) -> None:
    plant(tmp_path, unit_v2("system.slice/nginx.service"))
    sampler = Sampler(options(tmp_path, {"services": {"units": ["nginx"]}}))
    assert sampler.sample()["services"]["nginx"]["up"] == 1
    without = Sampler(options(tmp_path))
    assert "services" not in without.sample()
    assert without.lacking["services"] == "nothing is named in stats: services: units"


@pytest.mark.skipif(not control_groups.MAY_MAKE, reason=control_groups.WHY_NOT)
def test_a_real_control_group() -> None:
    with control_groups.unit(f"saltern-test-{os.getpid()}.service") as unit:
        watch = services.Services(Source(), {"units": [unit.name, "nothing-like-this.service"]})
        found = watch.collect(1.0)
        processes = watch._cgroups.processes(f"system.slice/{unit.name}")
    own = found[services.label(unit.name)]
    assert found["nothing-like-this"] == {"up": 0, "starts": 0}
    assert (own["up"], own["processes"], processes) == (1, 1, {unit.pid})
    assert own["cpu_ms"] > 0
    if "memory_bytes" in own:
        assert own["memory_bytes"] > 8 << 20


@given(data=st.binary(max_size=200) | st.text(alphabet="8:0 Readrbyteswus=15\n", max_size=200).map(str.encode))
def test_garbage_gives_whole_numbers_or_nothing(data: bytes) -> None:
    parsed: list[dict[Any, int]] = [
        cgroup_files.parse_flat(data),
        {**cgroup_files.parse_io(data)},
    ]
    assert all(value >= 0 for found in parsed for value in found.values())


def test_a_list_of_processes_that_was_cut_ends_with_a_whole_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, {"sys/fs/cgroup/cgroup.controllers": "", "sys/fs/cgroup/a.service/cgroup.procs": "1234\n567890\n"})
    monkeypatch.setattr(units, "READ_BYTES", 10)
    assert units.Cgroups(str(tmp_path / "sys")).processes("a.service") == {1234}
