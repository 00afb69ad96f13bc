"""The configuration of ``saltern-proxy``: which files, in which order, and what each device has of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from saltern.config import minion_config, proxy_config
from saltern.config.exposure import exposures
from saltern.config.minion import MINION
from saltern.config.proxy import own_files, proxy_schema
from saltern.config.remarks import remarks
from saltern.errors import ConfigError, IdError
from saltern.secret import Secret
from support.folders import open_to_all

SAMPLE = Path(__file__).parents[2] / "agent" / "proxy.yaml"


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{path.name}.conf" if "/" in name.replace("__", "/") else path.name).write_text(text)
    return folder


def test_a_file_of_one_device_wins_over_those_of_all(tmp_path: Path) -> None:
    write(
        tmp_path,
        minion="master: not.read\n",
        proxy="master: one.example\ngrains: {a: 1, b: 1}\nproxy: {proxytype: dummy, url: x}\n",
        **{"proxy.d__all": "master: two.example\n", "proxy.d__sw1__own": "grains: {b: 2}\nproxy: {proxytype: snmp}\n"},
    )
    options = proxy_config("sw1", tmp_path)
    assert (options["master"], options["grains"], options["proxy"]) == ("two.example", {"b": 2}, {"proxytype": "snmp"})
    assert (options["id"], options["proxyid"], options["id_from"]) == ("sw1", "sw1", "configured")
    other = proxy_config("sw2", tmp_path)
    assert (other["grains"], other["proxy"]) == ({"a": 1, "b": 1}, {"proxytype": "dummy", "url": "x"})
    assert other["ret_port"] == minion_config(tmp_path)["ret_port"]


def test_each_device_has_its_own_keys_and_state(tmp_path: Path) -> None:
    write(tmp_path, proxy=f"root_dir: {tmp_path}\n")
    options = proxy_config("sw1", tmp_path)
    assert options["pki_dir"] == f"{tmp_path}/etc/saltern/pki/proxy/sw1"
    assert options["cachedir"] == f"{tmp_path}/var/cache/saltern/proxy/sw1"
    write(tmp_path, proxy="pki_dir: /keys\ncachedir: /state\n")
    options = proxy_config("sw2", tmp_path)
    assert (options["pki_dir"], options["cachedir"]) == ("/keys/sw2", "/state/sw2")


@pytest.mark.parametrize("proxyid", ["", "../x", "a b", "*", "a/b", "x" * 300])
def test_what_is_no_id_names_no_file(tmp_path: Path, proxyid: str) -> None:
    with pytest.raises(IdError):
        proxy_config(proxyid, tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id: other\n", r"proxy: line 1: id: is what --proxyid says \(sw1\): take it out"),
        ("proxyid: sw1\n", "line 1: proxyid is set by the program itself"),
        ("proxy: dummy\n", "line 1: proxy must be a mapping"),
        ("master_port: 1\n", "instead, ret_port"),
        ("proxytpye: x\nproxi: {}\n", "did you mean 'proxy'"),
    ],
)
def test_a_fault_is_one_line_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        proxy_config("sw1", write(tmp_path, proxy=text))
    assert "\n" not in str(caught.value)


def test_its_id_may_be_said_twice(tmp_path: Path) -> None:
    assert proxy_config("sw1", write(tmp_path, proxy="id: sw1\n"))["id"] == "sw1"


def test_a_plain_minion_is_told_where_devices_are_named(tmp_path: Path) -> None:
    options = minion_config(write(tmp_path, minion="proxy: {proxytype: dummy}\nproxyid: sw1\n"))
    assert any("proxy (the host's pillar names its devices" in line for line in remarks(MINION, options))


def test_secrets_stay_marked_and_are_warned_of() -> None:
    with open_to_all() as folder:
        path = folder / "proxy.d" / "sw1"
        path.mkdir(parents=True, mode=0o755)
        path.parent.chmod(0o755)
        (path / "own.conf").write_text("proxy: {proxytype: x, password: !secret hunter2}\n")
        (path / "own.conf").chmod(0o644)
        options = proxy_config("sw1", folder)
        assert options["proxy"]["password"] == Secret("hunter2")
        (line,) = exposures(options["conf_file"], own=own_files("sw1"))
        assert "proxy.password" in line
        assert not list(exposures(options["conf_file"], own=own_files("sw2")))


def test_the_sample_holds_what_differs_with_its_default() -> None:
    bare = "\n".join(
        line[1:] if line.startswith("#") and line[1:2] not in (" ", "") else line
        for line in SAMPLE.read_text().split("\n")
    )
    defaults = proxy_schema("sw1").defaults
    differing = {name: value for name, value in defaults.items() if MINION.defaults.get(name, ...) != value}
    assert yaml.safe_load(bare) == differing
