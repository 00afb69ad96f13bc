"""What a device has of the bundled modules, by calls: all that acts on no host, and nothing that does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.one_device import OneDevice, library_of

Asked = tuple[OneDevice, Any]


@pytest.fixture
def asked(tmp_path: Path, agent: Any, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A device whose modules ask an agent, and that."""
    more = {"conf_file": str(tmp_path / "minion"), "mine_functions": {"service.list": []}, "schedule": {}}
    device = OneDevice(library_of(tmp_path, **more), {"proxytype": "dummy"}, __agent__=agent)

    def request(command: str, **kwargs: Any) -> Any:
        agent.calls.append((command, kwargs))
        return {"db1": {"ret": True}} if command == "publish" else {}

    monkeypatch.setattr(agent, "functions", device.tenant.functions)
    monkeypatch.setattr(agent, "request", request)
    device.open()
    device.tenant.set_pillar({"a": {"b": 1}})
    return device, agent


@pytest.mark.parametrize(
    ("function", "args", "found"),
    [
        ("config.get", ["id"], "device"),
        ("config.get", ["a:b"], 1),
        ("config.get", ["dummy_grain_1"], "one"),
        ("config.option", ["id"], "device"),
        ("pillar.get", ["a:b"], 1),
        ("pillar.ls", [], None),
        ("match.compound", ["dev* and G@dummy_grain_1:one and I@a:b:1"], True),
        ("match.glob", ["host"], False),
        ("event.send", ["device/said", {"x": 1}], True),
        ("sys.list_functions", ["service"], None),
        ("sys.argspec", ["service.status"], None),
        ("saltutil.running", [], None),
        ("saltutil.sync_proxymodules", [], None),
        ("saltutil.refresh_grains", [], True),
        ("schedule.is_enabled", ["stats"], None),
        ("hashutil.digest", ["x"], "9dd4e461268c8034f5c8564e155c67a6"),
        ("test.try", ["service.list"], ["apache", "ntp", "samba"]),
        ("mine.send", ["service.list"], None),
        ("mine.update", [], None),
        ("publish.publish", ["db*", "test.ping"], None),
        ("grains.filter_by", [{"proxy": "yes"}, "os"], "yes"),
    ],
)
def test_modules_that_act_on_no_host_are_a_devices_too(
    asked: Asked, function: str, args: list[Any], found: Any
) -> None:
    outcome = asked[0].run(function, *args)
    assert outcome.failed is None
    assert found is None or outcome.value == found


def test_the_mine_has_what_the_device_says(asked: Asked) -> None:
    device, agent = asked
    device.call("mine.update")
    (sent,) = [kwargs["data"] for command, kwargs in agent.calls if command == "mine"]
    assert sent["service.list"]["value"] == ["apache", "ntp", "samba"]
    device.call("mine.send", "hosts", mine_function="cmd.run", cmd="true")
    assert all("hosts" not in kwargs.get("data", {}) for command, kwargs in agent.calls if command == "mine")


@pytest.mark.parametrize(
    "function",
    [
        *("cmd.run", "cmd.script", "file.read", "cp.get_file", "hashutil.digest_file", "hashutil.base64_encodefile"),
        *("hashutil.base64_decodefile", "grains.setval", "network.interfaces", "status.loadavg", "http.query"),
        *("user.add", "system.reboot", "environ.setval", "ps.top", "disk.usage", "stats.get", "logs.tail"),
        *("returner.x", "_agent.begun", "dummy.ping", "dummy.service_stop", "rest_sample.ping"),
    ],
)
def test_functions_that_act_on_the_host_are_none_of_a_device(asked: Asked, function: str, tmp_path: Path) -> None:
    outcome = asked[0].run(function, str(tmp_path / "file"))
    assert outcome.missing
    assert outcome.retcode == 1
