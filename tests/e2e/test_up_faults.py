"""``saltern-up`` with a configuration that its programs can't use, and with one that is the user's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from saltern.config import master_config
from saltern_master.up.stack import PREFERRED_PORTS, Stack
from saltern_master.up.view import curl_line, places
from saltern_web.program.settings import web_options
from support.ports import free_port

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"rest_cherrypy": 5}, "rest_cherrypy"),
        ({"rest_cherrypy": {"prt": 5}}, "rest_cherrypy: 'prt' is not an option: did you mean 'port'?"),
        ({"rest_cherrypy": {"ssl_crt": "/no.crt", "ssl_key": "/no.key"}}, "ssl_crt /no.crt: can't be read"),
        ({"netapi_enable_clients": ["locl"]}, "netapi_enable_clients: 'locl' is not a client"),
    ],
)
def test_what_a_program_cannot_use_ends_the_start_in_its_words(
    tmp_path: Path, option: dict[str, object], told: str
) -> None:
    folder = tmp_path / "etc" / "master.d"
    folder.mkdir(parents=True)
    (folder / "own.conf").write_text(json.dumps(option))
    argv = [BIN / "saltern-up", "--root", str(tmp_path), "--minions", "0", "--plain"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78, done
    assert done.stderr.startswith("saltern-up: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    assert "curl" not in done.stdout, "nothing is offered that isn't there"


def test_who_lets_others_in_himself_is_shown_no_file_that_is_not_there(tmp_path: Path) -> None:
    stack = Stack(str(tmp_path / "one"), 0, demo=False, usual_ports={})
    stack.prepare()
    assert curl_line(stack).endswith(f"-d @{stack.access.form_file}")
    name, password = stack.access.made or ("", "")
    assert dict(places(stack))["log in as"] == f"{name}, password {password} (kept in {stack.access.admin_file})"
    again = Stack(str(tmp_path / "one"), 0, demo=False, usual_ports={})
    again.prepare()
    assert dict(places(again))["log in as"] == f"{name}, password in {stack.access.admin_file}"
    own = tmp_path / "two"
    (own / "etc" / "master.d").mkdir(parents=True)
    (own / "etc" / "master.d" / "own.conf").write_text("external_auth: {pam: {fred: ['.*']}}")
    stack = Stack(str(own), 0, demo=False, usual_ports={})
    stack.prepare()
    assert curl_line(stack).endswith("-d eauth=… -d username=… -d password=…")
    assert dict(places(stack))["log in as"] == "whoever external_auth lets in"


def test_a_fault_of_the_consoles_ends_the_start_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "web").write_text("logins: []\n")
    argv = [BIN / "saltern-up", "--root", str(tmp_path), "--minions", "0", "--plain"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78, done
    assert "etc/web: line 1: logins: must name at least one kind" in done.stderr


def test_the_console_is_configured_by_the_stack_and_by_its_user(tmp_path: Path) -> None:
    stack = Stack(str(tmp_path), 0, demo=False, usual_ports={})
    stack.prepare()
    made = web_options(stack.config_dir)
    assert (made["api"], made["host"], made["port"]) == (stack.api_url, "127.0.0.1", stack.ports["web"])
    assert (made["state_dir"], stack.web_url) == (f"{tmp_path}/web", f"http://127.0.0.1:{made['port']}")
    options = master_config(stack.config_dir)
    assert options["rest_cherrypy"]["trusted_proxies"] == ["127.0.0.1"]
    assert options["events_of"] == ["alerts", "jobs", "presence"]
    (tmp_path / "etc" / "web").write_text("{host: 0.0.0.0, api: 'https://api.example', ssl_crt: a.crt, ssl_key: a.key}")
    (tmp_path / "etc" / "master").write_text(
        "{rest_cherrypy: {api_acl: {users: {}}, ssl_crt: /a.crt, ssl_key: /a.key}, events_of: [jobs]}"
    )
    stack.prepare()
    own = web_options(stack.config_dir)
    assert (own["host"], own["api"], own["api_ca"]) == ("0.0.0.0", "https://api.example", "/a.crt")
    assert stack.web_url.startswith("https://")
    options = master_config(stack.config_dir)
    assert "trusted_proxies" not in options["rest_cherrypy"], "addresses decide who may log in: nobody says another's"
    assert options["events_of"] == ["jobs"]


def test_the_store_chooses_how_many_processes_write_its_files(tmp_path: Path) -> None:
    stack = Stack(str(tmp_path), 0, demo=False, usual_ports={})
    stack.prepare()
    graphite = next(one for one in stack.programs() if one.name == "graphite")
    assert graphite.argv[graphite.argv.index("--writers") + 1] == "auto"


def test_a_port_that_was_lost_is_not_chosen_again_though_it_is_free_by_now(tmp_path: Path) -> None:
    usual = {name: free_port() for name in PREFERRED_PORTS}
    stack = Stack(str(tmp_path), 0, demo=False, usual_ports=usual)
    stack.prepare()
    assert stack.ports == usual
    stack.prepare(("publish", "ret"))
    moved = {name for name in usual if stack.ports[name] != usual[name]}
    assert moved == {"publish", "ret"}
