"""The systemd units: what they keep from the programs, and that these work all the same."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.containers import run_in_container

ROOT = Path(__file__).parents[2]
UNITS = {path.stem: path for path in ROOT.glob("*/*.service")}
SANDBOX = re.compile(
    r"Protect|Private|Restrict(?!Prevent)|Lock|NoNew|MemoryDeny|SystemCall|Capability|ReadOnly|Inaccess"
)

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd's programs")


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


def service(name: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation has it
    parser.read(UNITS[name])
    return dict(parser["Service"])


def test_there_is_a_unit_for_each_daemon() -> None:
    daemons = ["saltern-agent", "saltern-api", "saltern-graphite", "saltern-master", "saltern-proxy@", "saltern-web"]
    assert sorted(UNITS) == daemons


@needs_systemd
@pytest.mark.parametrize("name", sorted(UNITS))
def test_systemd_understands_every_line(name: str) -> None:
    done = analyze("verify", str(UNITS[name]))
    assert name not in done.stderr
    assert done.returncode == 0


@needs_systemd
@pytest.mark.parametrize("name", ["saltern-master", "saltern-graphite", "saltern-api", "saltern-web"])
def test_the_sandbox_is_tight(name: str) -> None:
    done = analyze("security", "--offline=true", "--no-pager", "--threshold=20", str(UNITS[name]))
    assert done.returncode == 0, done.stdout


def test_jobs_of_the_agent_may_do_what_root_may() -> None:
    unit = service("saltern-agent")
    assert [key for key in unit if SANDBOX.match(key)] == []
    soft, _, hard = unit["LimitNOFILE"].partition(":")
    assert (int(soft), int(hard)) == (8192, 524288)
    assert [key for key in service("saltern-master") if SANDBOX.match(key)] != []


@pytest.mark.parametrize("name", sorted(UNITS))
def test_a_fault_of_the_configuration_is_not_tried_again(name: str) -> None:
    usage = "2" if name == "saltern-graphite" else "64"
    assert {usage, "69"} <= set(service(name)["RestartPreventExitStatus"].split())


def test_nobody_but_the_master_tells_its_alert_scripts_to_end() -> None:
    assert service("saltern-master")["KillMode"] == "mixed"


SCRIPT = """
cd /opt/saltern
install -D -m 644 -t /etc/sysusers.d master/sysusers.d/saltern.conf
install -D -m 644 -t /etc/tmpfiles.d master/tmpfiles.d/saltern.conf
systemd-sysusers saltern.conf; systemd-tmpfiles --create saltern.conf
install -m 640 -g saltern master/master.yaml /etc/saltern/master
cat >> /etc/saltern/master <<'END'
publisher_acl: {games: [test.ping]}
alerts_interval: 1
self_metrics_interval: 1
alerts:
  any:
    metric: saltern.master.journal.dropped
    crit: ">= 0"
    script: [/shared/script.sh]
END
cat > /shared/script.sh <<'END'
#!/bin/sh
id -un; cat /tmp/secret; echo x > /etc/saltern/x; unshare -U true; test -e /proc/1 || echo alone; exit 1
END
chmod 755 /shared /shared/script.sh
echo hidden > /tmp/secret; chmod 644 /tmp/secret
install -m 644 -t /etc/systemd/system */saltern-*.service
systemctl daemon-reload

systemctl start saltern-graphite saltern-master
soon saltern-run manage.up
systemctl stop saltern-master
invitation=$(saltern-key --invite --host 127.0.0.1)  # of root, without a master
systemctl start saltern-master
soon saltern-run manage.up
$invitation 2>/dev/null & joined=$!
soon bash -c "saltern '*' test.ping | grep True"
kill $joined; wait $joined
systemctl start saltern-agent
soon bash -c "saltern '*' test.ping | grep True"

as() { setpriv --reuid $1 --regid nogroup --clear-groups saltern --out txt '*' $2 2>&1; }
pid=$(systemctl show -P MainPID saltern-master)
echo "root: $(saltern --out txt '*' test.ping)"
echo "games: $(as games test.ping)"
echo "games, more: $(as games test.version)"
echo "nobody: $(as nobody test.ping)"
echo "limit: $(saltern --out txt '*' cmd.run 'ulimit -Hn' python_shell=True)"
saltern '*' cmd.run 'mount -t tmpfs x /mnt' >/dev/null
echo "mount: $(findmnt -no FSTYPE /mnt)"
echo "master: $(stat -c %U /proc/$pid)"
grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/$pid/status | tr '\\t' ' '
stat -c '%n: %U %a' /etc/saltern/pki/master /etc/saltern/pki/master/minions/* /run/saltern/master/master.sock

export load='http://127.0.0.1:8080/render?target=saltern.*.stats.load.1m&from=-5min&format'
soon bash -c 'get "$load=raw" | grep "[0-9][.][0-9]"'
echo "points: $(get $load=raw)"
echo "chart: $(get $load=png | head -c 6)"
soon bash -c "journalctl -u saltern-master | grep 'the script'"
echo "script: $(journalctl -o cat -u saltern-master | grep 'the script')"

cat >> /etc/saltern/master <<'END'
external_auth: {file: {^filename: /var/lib/saltern/master/users, fred: [test.ping]}}
END
mkdir -p /etc/saltern/master.d
cat > /etc/saltern/master.d/api.conf <<'END'
api_user: saltern-api
netapi_enable_clients: [local, runner]
rest_cherrypy: {port: 8000}
END
chmod 644 /etc/saltern/master.d/api.conf
systemctl restart saltern-master
soon bash -c "saltern '*' test.ping | grep True"
password=$(saltern-run auth.passwd fred)
systemctl start saltern-api
soon get http://127.0.0.1:8000/health
api() { python3 - "$password" "$1" <<'END'
import sys, urllib.error, urllib.parse, urllib.request
call = dict(client="local", tgt="*", fun=sys.argv[2], eauth="file", username="fred", password=sys.argv[1])
try:
    print(urllib.request.urlopen("http://127.0.0.1:8000/run", urllib.parse.urlencode(call).encode()).read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
END
}
echo "api answers: $(api test.ping)"
echo "api refuses: $(api test.version)"
echo "api user: $(stat -c %U /proc/$(systemctl show -P MainPID saltern-api))"
systemctl start saltern-web
soon get http://127.0.0.1:8090/login
cat > /shared/console.py <<'END'
import re, sys, urllib.parse, urllib.request
from http.cookiejar import CookieJar
site = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
url = "http://127.0.0.1:8090/login"
token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', site.open(url).read().decode())[1]
form = dict(csrfmiddlewaretoken=token, username="fred", password=sys.argv[1], eauth="file", next="/preferences")
print(site.open(url, urllib.parse.urlencode(form).encode()).url)
END
echo "console logs in: $(python3 /shared/console.py "$password")"
echo "web user: $(stat -c %U /proc/$(systemctl show -P MainPID saltern-web))"
echo "web keeps: $(stat -c '%U %a' /var/lib/saltern/web /var/lib/saltern/web/secret_key | tr '\\n' ' ')"
systemctl stop saltern-web
echo "web stopped: $(systemctl show -P Result saltern-web)"
systemctl stop saltern-api
echo "api stopped: $(systemctl show -P Result saltern-api)"

echo "interfase: 1" >> /etc/saltern/master
systemctl restart saltern-master
soon systemctl is-failed saltern-master
systemctl show -p ExecMainStatus -p NRestarts -p ActiveState saltern-master | tr = : | sed 's/:/: /'
echo "end: reached"
"""


@pytest.mark.timeout(360)
def test_the_units_start_programs_that_work(tmp_path: Path) -> None:
    out = run_in_container(tmp_path, SCRIPT)
    said = dict(line.split(": ", 1) for line in out.splitlines() if ": " in line)
    assert "in vain" not in said, out
    assert said.get("end") == "reached", out
    minion = said["root"].partition(":")[0]
    # Who may: root and the master's user, and who was granted it, though neither reads root's files.
    assert said["root"] == said["games"] == f"{minion}: True"
    assert said["games, more"].startswith("saltern: ")
    assert "games may not run test.version" in said["games, more"]
    assert "nobody may do nothing here" in said["nobody"]
    # What the master is.
    assert said["master"] == "saltern"
    assert (int(said["CapBnd"], 16), said["NoNewPrivs"], said["Seccomp"]) == (0, "1", "2")
    assert said["/etc/saltern/pki/master"] == "saltern 700"
    assert said[f"/etc/saltern/pki/master/minions/{minion}"] == "saltern 600"
    # What the whole does: samples, charts, alert scripts within their bounds.
    assert f"saltern.{minion}.stats.load.1m," in said["points"]
    assert re.search(r"\d\.\d", said["points"])
    assert said["chart"] == "b'\\x89"
    script = said["script"]
    assert "ended with 1: saltern " in script
    assert "/etc/saltern/x: Read-only file system" in script
    assert "alone" in script
    assert "hidden" not in script
    assert "unshare failed" in script
    # What jobs may: all that root may.
    assert said["mount"] == "tmpfs"
    assert int(said["limit"].rpartition(" ")[2]) > 8192
    # The HTTP API has no rights, and whoever logs in has his own.
    assert said["api user"] == "saltern-api"
    assert json.loads(said["api answers"]) == {"return": [{minion: True}]}
    assert (said["api refuses"], said["api stopped"]) == ("401", "success")
    assert said["console logs in"] == "http://127.0.0.1:8090/preferences"
    assert (said["web user"], said["web stopped"]) == ("saltern-web", "success")
    assert said["web keeps"].split() == ["saltern-web", "750", "saltern-web", "600"]
    # A fault in the configuration is said once.
    assert (said["ActiveState"], said["ExecMainStatus"], said["NRestarts"]) == ("failed", "78", "0")
