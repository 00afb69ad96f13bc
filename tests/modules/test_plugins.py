"""The modules of the six plugins: what they make of what other modules say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ArgumentError, CommandError

HELD = {"services": [{"name": "nginx"}]}


def refuse(*args: Any, **kwargs: Any) -> Any:
    raise CommandError("it failed")


class TestServices:
    @pytest.fixture
    def services(self, minion: Any) -> Any:
        self.running = {"cron"}
        self.done: list[tuple[str, str]] = []

        def act(action: str) -> Any:
            def done(name: str) -> bool:
                self.done.append((action, name))
                (self.running.discard if action == "stop" else self.running.add)(name)
                return True

            return done

        minion.functions.update(
            {
                "service.get_all": lambda: ["cron", "nginx", "broken"],
                "service.get_running": lambda: sorted(self.running),
                "service.available": lambda name: name in ("cron", "nginx", "broken"),
                "service.status": lambda name: name in self.running,
                **{f"service.{action}": act(action) for action in ("stop", "restart")},
                "service.start": lambda name: act("start")(name) if name != "broken" else refuse(),
            }
        )
        return minion.load("plugin_services")

    def test_it_shows_whether_what_is_watched_runs(self, services: Any) -> None:
        assert services.show(configuration={"watched": ["cron"]}) == {
            "status": "ok",
            "level": 0,
            "data": {"installed": 3, "running": 1, "down": 0, "watched": {"cron": True}},
            "version": services.__version__,
        }
        found = services.show(configuration='{"watched": ["cron", "nginx"]}')
        assert (found["status"], found["level"], found["data"]["down"]) == ("error", 2, 1)
        assert self.done == []

    def test_it_does_what_the_form_says_each_by_itself(self, services: Any) -> None:
        asked = '{"action": {"action": "start"}, "services": [{"name": "broken"}, {"name": "nginx"}, {"name": "x"}]}'
        found = services.run(asked, version="1.0", configuration={})
        assert (found["status"], found["data"]["failed"]) == ("error", 2)
        assert found["data"]["services"] == [
            {"name": "broken", "done": False, "runs": False, "said": "it failed"},
            {"name": "nginx", "done": True, "runs": True},
            {"name": "x", "done": False, "runs": False, "said": "there is no such service"},
        ]
        assert self.done == [("start", "nginx")]
        assert services.run({"action": {"action": "stop"}, **HELD})["status"] == "ok"
        assert self.running == {"cron"}

    @pytest.mark.parametrize(
        "asked",
        ["", "{}", "[", "3", '{"action": {"action": "kill"}, "services": [{"name": "x"}]}', {"action": "stop"},
         {"action": "stop", "services": [3]}, {"action": "stop", "services": [{"name": " "}]}],
    )  # fmt: skip
    def test_other_parameters_are_refused(self, services: Any, asked: Any) -> None:
        with pytest.raises(ArgumentError, match=r"plugin_services\.run: "):
            services.run(asked)
        assert self.done == []


class TestPackages:
    @pytest.fixture
    def packages(self, minion: Any) -> Any:
        self.calls: list[Any] = []
        minion.functions.update(
            {
                "pkg.list_pkgs": lambda: {"bash": "1", "sed": "4"},
                "pkg.list_upgrades": lambda refresh: {"bash": "2"},
                "pkg.refresh_db": lambda: self.calls.append("refresh"),
                "pkg.upgrade": lambda refresh: self.calls.append("upgrade") or {"bash": {"old": "1", "new": "2"}},
                "pkg.install": lambda pkgs, only_upgrade: self.calls.append((pkgs, only_upgrade)) or {},
            }
        )
        return minion.load("plugin_packages")

    def test_it_shows_updates(self, packages: Any) -> None:
        found = packages.show()
        assert (found["status"], found["data"]["updates"]) == ("warning", 1)
        assert found["data"]["packages"] == [{"name": "bash", "now": "1", "new": "2"}]
        assert packages.show(configuration={"most": 1})["status"] == "ok"
        assert self.calls == []

    def test_it_updates_what_is_there_and_installs_nothing_new(self, packages: Any) -> None:
        packages.run({"action": {"action": "refresh"}})
        assert packages.run({"action": {"action": "update"}})["data"]["changed"] == 1
        packages.run({"action": {"action": "update"}, "packages": [{"name": "bash"}]})
        assert self.calls == ["refresh", "upgrade", (["bash"], True)]
        with pytest.raises(CommandError, match="not installed, so nothing was updated: nmap"):
            packages.run({"action": {"action": "update"}, "packages": [{"name": "bash"}, {"name": "nmap"}]})
        for name in ("/tmp/x.deb", "-o", "a b", "http://x/y.deb"):
            with pytest.raises(ArgumentError, match="is no package's name"):
                packages.run({"action": {"action": "update"}, "packages": [{"name": name}]})
        assert len(self.calls) == 3


def test_files(minion: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    minion.functions["file.stats"] = minion.load("file_paths").stats
    minion.functions["file.get_hash"] = minion.load("file_hashes").get_hash
    files = minion.load("plugin_files")
    found = files.run({"files": [{"path": f"{tmp_path}/a", "sha256": digest.upper()}, {"path": f"{tmp_path}"}]})
    assert (found["status"], found["data"]["missing"], found["data"]["different"]) == ("ok", 0, 0)
    assert found["data"]["files"][0]["sha256"] == digest
    assert (found["data"]["files"][0]["size"], found["data"]["files"][1]["type"]) == (3, "dir")
    found = files.run({"files": [{"path": f"{tmp_path}/a", "sha256": "0" * 64}, {"path": f"{tmp_path}/b"}]})
    assert (found["status"], found["data"]["missing"], found["data"]["different"]) == ("error", 1, 1)
    assert (
        "sha256"
        not in files.run({"files": [{"path": f"{tmp_path}/a"}]}, configuration={"most_mib": 0})["data"]["files"][0]
    )
    with pytest.raises(ArgumentError, match="by its whole path"):
        files.run({"files": [{"path": "etc/hosts"}]})


def test_users(minion: Any) -> None:
    def user(name: str, uid: int, shell: str) -> dict[str, Any]:
        return {"name": name, "uid": uid, "shell": shell, "groups": []}

    known = [user("root", 0, "/bin/bash"), user("fred", 1000, "/bin/sh"), user("www", 33, "/usr/sbin/nologin")]
    locked: list[str] = []
    minion.functions.update(
        {
            "user.getent": lambda: known,
            "user.info": lambda name: next((one for one in known if one["name"] == name), {}),
            "status.w": lambda: [{"user": "fred"}, {"user": "fred"}],
            "shadow.lock_password": lambda name: locked.append(name) or True,
            "shadow.unlock_password": refuse,
        }
    )
    users = minion.load("plugin_users")
    found = users.show()
    assert (found["status"], found["data"]["logged_in"], found["data"]["zero"]) == ("ok", ["fred"], 1)
    assert [one["name"] for one in found["data"]["people"]] == ["root", "fred"]
    done = users.run({"action": {"action": "lock"}, "users": [{"name": "fred"}, {"name": "root"}, {"name": "x"}]})
    assert (done["status"], done["data"]["failed"], locked) == ("error", 2, ["fred"])
    assert users.run({"action": "unlock", "users": [{"name": "fred"}]})["data"]["users"][0]["said"] == "it failed"
    known.append(user("toor", 0, "/bin/sh"))
    assert users.show()["status"] == "warning"


def test_disks(minion: Any) -> None:
    def usage(filesystem: str, percent: str) -> dict[str, str]:
        return {"filesystem": filesystem, "1K-blocks": "100", "used": "50", "available": "50", "capacity": percent}

    minion.functions["disk.usage"] = lambda: {"/": usage("/dev/sda", "50%"), "/dev": usage("devtmpfs", "99%")}
    minion.functions["disk.inodeusage"] = lambda: {"/": {"use": "90%"}}
    disks = minion.load("plugin_disks")
    found = disks.run("", configuration={"warning": 85})
    assert (found["status"], found["level"], found["data"]["fullest"]) == ("warning", 1, 90)
    assert found["data"]["disks"] == [
        {"mount": "/", "device": "/dev/sda", "bytes": 102400, "used": 51200, "percent": 50, "inodes_percent": 90}
    ]
    assert disks.run(configuration='{"error": 90}')["status"] == "error"
    assert disks.run(configuration={"warning": 91})["status"] == "ok"
    minion.functions["disk.usage"] = dict
    assert disks.run()["status"] == "unknown"
    with pytest.raises(ArgumentError, match="must be percents"):
        disks.run(configuration={"warning": "many"})


def test_logs(minion: Any) -> None:
    asked: list[dict[str, Any]] = []
    minion.functions["logs.tail"] = lambda **given: asked.append(given) or ["a", "b"]
    logs = minion.load("plugin_logs")
    found = logs.run({"log": {"path": "", "unit": "", "match": "x", "lines": None, "warn_if_found": True}})
    assert (found["status"], found["data"]) == ("warning", {"found": 2, "lines": ["a", "b"]})
    assert logs.run({"log": {"unit": "ssh", "lines": 5}}, configuration={"path": "/var/log/x"})["status"] == "ok"
    logs.run(configuration={"path": "/var/log/x", "lines": 3})
    assert asked == [
        {"match": "x", "lines": 50, "path": "/var/log/syslog"},
        {"unit": "ssh", "lines": 5},
        {"path": "/var/log/x", "lines": 3},
    ]
