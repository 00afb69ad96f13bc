"""``saltern-up`` with a configuration that its programs can't use, and with one that is the user's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from saltern_master.up.stack import Stack
from saltern_master.up.view import curl_line

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
    stack = Stack(str(tmp_path / "one"), 0, demo=False, usual_ports=False)
    stack.prepare()
    assert curl_line(stack).endswith(f"-d @{stack.access.form_file}")
    own = tmp_path / "two"
    (own / "etc" / "master.d").mkdir(parents=True)
    (own / "etc" / "master.d" / "own.conf").write_text("external_auth: {pam: {fred: ['.*']}}")
    stack = Stack(str(own), 0, demo=False, usual_ports=False)
    stack.prepare()
    assert curl_line(stack).endswith("-d eauth=… -d username=… -d password=…")
