"""Drive the real SaltGUI, unmodified, in a headless Chromium over a real stack, and say what it shows of each page.

SaltGUI is in no package registry: clone it yourself. It needs Debian's ``chromium`` and PyPI's ``playwright``, whose
own browsers aren't used::

    git clone https://github.com/erwindon/SaltGUI ~/SaltGUI
    .venv/bin/pip install playwright
    .venv/bin/python -P tests/by_hand/saltgui.py ~/SaltGUI --pictures /tmp/pictures

It ends with 1 when a page lacks what it should show, or when the browser's console, an answer or a log tells an error.
``test_api_saltgui_requests.py`` sends the same requests without the browser.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from saltern.keystore import ACCEPTED, KeyStore
from support.stacks import Parts, wait_for

CHROMIUM = "/usr/bin/chromium"
MINIONS = ["web1", "db1", "new1"]
PENDING = "new1"
PASSWORD = "hunter2"
PLAY = "\N{BLACK MEDIUM RIGHT-POINTING TRIANGLE CENTRED}"
OPTIONAL = ("/static/minions.txt", "/static/salt-auth.txt", "/static/salt-motd.txt", "/static/salt-motd.html")
"""What SaltGUI asks for and can do without."""
SHOWN_MS = 10_000
MASTER = """
rest_cherrypy: {{app: {gui}/index.html, static: {gui}/static, static_path: /static, collect_stats: true}}
nodegroups: {{web: 'web*', all: '*'}}
pillar_roots: {{base: [{pillar}]}}
external_auth:
  file:
    ^filename: {users}
    admin: ['.*', '@runner', '@wheel', '@events']
    least:
    - beacons.list
    - grains.items
    - pillar.items
    - pillar.obfuscate
    - schedule.list
    - '@runner': [jobs.active, jobs.list_job, jobs.list_jobs, manage.versions]
    - '@wheel': [config.values, key.finger, key.list_all, minions.connected]
saltgui_motd_txt: The message of the day
saltgui_preview_grains: [kernel]
saltgui_public_pillars: [role]
saltgui_show_all_menuitems: true
saltgui_templates:
  ping: {{description: Ask all, target: '*', command: test.ping}}
  up: {{description: Who is there, command: runners.manage.up, category: fleet}}
"""
MINION = """
mine_functions: {grains.get: [os]}
"""


class Gui:
    """SaltGUI in a browser, and what went wrong in it."""

    def __init__(self, page: Any, url: str, pictures: Path | None) -> None:
        self.page = page
        self.url = url
        self.wrong: list[str] = []
        self._pictures = pictures
        self._taken = 0
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("response", self._response)

    def _console(self, message: Any) -> None:
        place = message.location.get("url", "")
        if message.type in ("error", "warning") and not place.endswith(OPTIONAL):
            self.wrong.append(f"console: {message.text} ({place})")

    def _response(self, response: Any) -> None:
        if response.status >= 400 and not response.url.endswith(OPTIONAL):
            asked = response.request
            self.wrong.append(f"{response.status} {asked.method} {response.url} {asked.post_data or ''}")

    def go(self, name: str, query: str = "") -> None:
        """Load a page anew."""
        self.page.goto(f"{self.url}/{query}#{name}")
        self.page.reload()

    def panel(self, name: str) -> Any:
        return self.page.locator(f"#{name}-panel")

    def shows(self, panel: str, *texts: str) -> None:
        """Wait until a panel has these texts."""
        for text in texts:
            try:
                self.panel(panel).get_by_text(text).first.wait_for(timeout=SHOWN_MS)
            except Exception:  # playwright's, which isn't imported where it is only read
                self.wrong.append(f"{panel}: {text!r} isn't shown: {self.text(panel)[:300]!r}")

    def lacks(self, panel: str, *texts: str) -> None:
        """Note texts that a panel must not have."""
        self.wrong += [f"{panel}: shows {text!r}" for text in texts if text in self.text(panel)]

    def text(self, panel: str) -> str:
        return str(self.panel(panel).inner_text())

    def picture(self, name: str) -> None:
        self._taken += 1
        if self._pictures:
            self.page.screenshot(path=self._pictures / f"{self._taken:02}-{name}.png")
        print(f"-- {name}")


# The pages, in the order in which they are looked at.


def login(gui: Gui, parts: Parts) -> None:
    """Refused by a wrong password, then in."""
    gui.page.goto(gui.url)
    _log_in(gui, "admin", "wrong", "Authentication failed")
    gui.wrong = [line for line in gui.wrong if "401" not in line]
    _log_in(gui, "admin", PASSWORD, "Please wait")
    gui.panel("minions").get_by_text("2 minions").wait_for()


def _log_in(gui: Gui, user: str, password: str, said: str) -> None:
    gui.page.locator("#username").fill(user)
    gui.page.locator("#password").fill(password)
    gui.page.locator("#login-panel select").select_option("file")
    gui.page.locator("#login-button").click()
    gui.shows("login", said)
    gui.picture("login")


def minions(gui: Gui, parts: Parts) -> None:
    """Each with its versions."""
    gui.shows("minions", "db1", "web1", "Debian", "2 minions")
    gui.lacks("minions", "offline", PENDING)
    gui.picture("minions")


def keys(gui: Gui, parts: Parts) -> None:
    """A key that comes while the page is looked at is accepted, rejected and deleted by its menu."""
    gui.go("keys")
    gui.shows("keys", "web1", "2 accepted keys")
    parts.start(f"agent {PENDING}")
    gui.shows("keys", PENDING, "unaccepted")
    gui.picture("keys-pending")
    for asked, then in (("Reject key", "rejected"), ("Accept key", "accepted")):
        _menu(gui, "keys", PENDING, asked)
        gui.page.locator("#run-command").click()
        gui.page.locator("#popup-output").get_by_text(PENDING).first.wait_for()
        gui.picture(f"keys-{then}")
        gui.page.locator("#cmd-close-button").click()
        _row(gui, "keys", PENDING).get_by_text(then, exact=True).wait_for()
    wait_for(lambda: PENDING in parts.up(), f"{PENDING} to be there")
    gui.picture("keys")


def command_box(gui: Gui, parts: Parts) -> None:
    """Calls of each client, by the box."""
    gui.go("minions")
    for target, command, shown in (
        ("*", "test.ping", "true"),
        ("web1", 'test.echo "a b"', "a b"),
        ("web1,db1", "test.kwarg a=1", "a"),
        ("web1", "test.no_such", "is not available"),
        ("", "runners.manage.up", "web1"),
        ("web*", "wheel.key.finger", "web1"),
        ("web1", "sys.doc test.ping", "test.ping"),
    ):
        _run(gui, target, command, shown)
    gui.page.locator("#run-block .run-command-button").first.hover()
    gui.page.locator("#run-block .menu-dropdown-content").get_by_text("Async").click()
    _run(gui, "*", "test.ping", "jid")
    wait_for(lambda: gui.page.locator("#popup-output .task-summary .minion-id").count() == len(MINIONS), "the returns")
    gui.picture("command-async")
    gui.page.locator("#cmd-close-button").click()
    gui.page.evaluate("localStorage.removeItem('runtype')")


def _run(gui: Gui, target: str, command: str, shown: str) -> None:
    if not gui.page.locator("#popup-run-command").is_visible():
        gui.page.locator("#button-manual-run").click()
    gui.page.locator("#target").fill(target)
    gui.page.locator("#command").fill(command)
    gui.page.locator("#run-command").click()
    output = gui.page.locator("#popup-output")
    try:
        output.get_by_text(shown).first.wait_for()
    except Exception:  # as in shows
        gui.wrong.append(f"{command}: {shown!r} isn't shown: {output.inner_text()[:300]!r}")
    gui.picture(f"command {command}".replace("*", "").replace(" ", "-"))


def jobs(gui: Gui, parts: Parts) -> None:
    """The list, a job with its returns, one of a runner that isn't kept."""
    gui.go("jobs", "?cnt=all")
    gui.shows("jobs", "test.ping", "test.echo")
    gui.picture("jobs")
    jid = next(jid for jid, job in parts.runner.cmd("jobs.list_jobs").items() if job["Function"] == "test.echo")
    gui.go("job", f"?id={jid}")
    gui.shows("job", "test.echo", "web1", "a b")
    gui.picture("job")
    gui.go("job", "?id=20200101000000000000")
    gui.page.wait_for_timeout(1000)
    gui.picture("job-unknown")


def of_minions(gui: Gui, parts: Parts) -> None:
    """Grains, pillar, mine, beacons and schedule: the overview, and those of one minion."""
    for name, overview, own in (
        ("grains", ("web1", "grains", "Debian", "kernel"), ("osrelease", "saltversion")),
        ("pillars", ("web1", "2 pillars"), ("role", "hidden", "web")),
        ("mine", ("web1", "1 function"), ("grains.get", "Debian")),
        ("beacons", ("web1", "no beacons"), ("No beacons",)),
        ("schedules", ("web1", "1 schedule"), ("stats", "stats.collect")),
    ):
        gui.go(name)
        gui.shows(name, *overview, "3 minions")
        gui.picture(name)
        gui.go(f"{name}-minion", "?minionid=web1")
        if name == "mine":
            gui.page.wait_for_timeout(1000)
        gui.shows(f"{name}-minion", *own)
        gui.lacks(f"{name}-minion", "(error)")
        gui.picture(f"{name}-minion")


def of_the_master(gui: Gui, parts: Parts) -> None:
    """Node groups, templates, and what isn't here: high states, orchestrations, reactors."""
    for name, texts in (
        ("nodegroups", ("web", "3 minions", "2 nodegroups")),
        ("templates", ("ping", "Ask all", "runners.manage.up", "2 templates")),
        ("highstate", ("web1", "3 minions")),
        ("orchestrations", ("No orchestrations",)),
        ("reactors", ("No reactors",)),
        ("issues", ("Description",)),
        ("options", ("session_user", "admin", "nodegroups")),
    ):
        gui.go(name)
        gui.shows(name, *texts)
        gui.lacks(name, "(error)")
        gui.picture(name)
    gui.shows("stats", "Saltern API", "requests")


def events(gui: Gui, parts: Parts) -> None:
    """Events appear as they come."""
    gui.go("events")
    gui.panel("events").get_by_text(PLAY).first.click()
    parts.client.cmd("web1", "test.ping")
    gui.shows("events", "salt/job/", "/ret/web1")
    gui.picture("events")


def logout(gui: Gui, parts: Parts) -> None:
    """Out, and the token is no more."""
    token = gui.page.evaluate("sessionStorage.getItem('token')")
    gui.page.locator("#button-logout1").click()
    gui.page.locator("#username").wait_for()
    gui.picture("logout")
    answer = gui.page.request.get(f"{gui.url}/jobs", headers={"X-Auth-Token": str(token), "Accept": "application/json"})
    if answer.status != 401:
        gui.wrong.append(f"logout: the token still opens /jobs: {answer.status}")


def least(gui: Gui, parts: Parts) -> None:
    """Who has the least grants that SaltGUI names sees his pages; what else it tries he is refused."""
    _log_in(gui, "least", PASSWORD, "Please wait")
    for name, *texts in (
        ("minions", "web1", "Debian"), ("grains", "3 minions"), ("pillars", "2 pillars"), ("schedules", "1 schedule"),
        ("beacons", "no beacons"), ("keys", "3 accepted keys"), ("jobs", "jobs present"), ("templates", "Ask all"),
        ("nodegroups", "2 nodegroups"), ("issues", "Description"), ("events", "Recent Events"),
    ):  # fmt: skip
        if name != "minions":
            gui.go(name)
        gui.shows(name, *texts)
        gui.picture(f"least-{name}")
    gui.wrong = [line for line in gui.wrong if not _is_refused_rightly(line)]


def _is_refused_rightly(line: str) -> bool:
    """Whether *line* tells of a call that was not granted, or of what SaltGUI makes of any such answer."""
    needless = ("beacons.list_available", "test.providers", "test.version", "orchestrate_show_sls")
    refused = line.startswith("401 ") and any(name in line for name in needless)
    return refused or "status of 401" in line or "of null (reading 'return')" in line


STEPS: tuple[Callable[[Gui, Parts], None], ...] = (
    login, minions, keys, command_box, jobs, of_minions, of_the_master, events, logout, least,
)  # fmt: skip


def _row(gui: Gui, panel: str, minion: str) -> Any:
    return gui.panel(panel).locator("tr", has_text=minion).first


def _menu(gui: Gui, panel: str, minion: str, item: str) -> None:
    row = _row(gui, panel, minion)
    row.locator(".run-command-button").first.hover()
    row.locator(".menu-dropdown-content").get_by_text(item).locator("visible=true").first.click()


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="the folder of SaltGUI's sources")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of each page")
    parser.add_argument("--chromium", default=CHROMIUM)
    asked = parser.parse_args()
    if asked.pictures:
        asked.pictures.mkdir(parents=True, exist_ok=True)
    gui = asked.checkout.resolve() / "saltgui"
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder), gui) as parts:
        api_log = parts.log_path("api")
        with browser(asked.chromium) as page:
            shown = Gui(page, parts.stack.api_url, asked.pictures)
            for step in STEPS:
                try:
                    step(shown, parts)
                except Exception as error:  # the other pages are worth a look
                    shown.wrong.append(f"{step.__name__}: {str(error)[:500]}")
                    shown.picture(f"{step.__name__}-failed")
        logged = [line for line in api_log.read_text().splitlines() if " INFO " not in line]
    for line in [*shown.wrong, *(f"log: {line}" for line in logged)]:
        print(line)
    print("nothing is wrong" if not shown.wrong + logged else f"{len(shown.wrong + logged)} things are wrong")
    return 1 if shown.wrong + logged else 0


@contextlib.contextmanager
def stack(folder: Path, gui: Path) -> Iterator[Parts]:
    """Give a running stack that serves SaltGUI, one of its minions not accepted and not started yet."""
    pillar = folder / "pillar"
    pillar.mkdir()
    (pillar / "top.sls").write_text("base: {'*': [all]}\n")
    (pillar / "all.sls").write_text("role: web\nhidden: {deep: [1, two]}\n")
    users = folder / "users"
    users.write_text(f"admin:{PASSWORD}\nleast:{PASSWORD}\n")
    users.chmod(0o600)
    options = MASTER.format(gui=gui, pillar=pillar, users=users)
    parts = Parts(folder / "stack", master=options, minion=MINION, ids=MINIONS)
    KeyStore(f"{parts.stack.root}/pki/master").remove(ACCEPTED, PENDING)
    try:
        there = [name for name in parts.names if name != f"agent {PENDING}"]
        parts.start(*there)
        wait_for(lambda: sorted(parts.up()) == sorted(set(MINIONS) - {PENDING}), "the agents", 60)
        yield parts
    finally:
        parts.stop_all()


@contextlib.contextmanager
def browser(chromium: str) -> Iterator[Any]:
    """Give a page of a headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = started.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(SHOWN_MS)
        yield page
        started.close()


if __name__ == "__main__":
    sys.exit(main())
