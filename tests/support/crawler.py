"""All pages of the console that links lead to, as somebody without scripts sees them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx

from support.console_stack import ConsoleStack
from support.hostile_texts import MARK, UNSEEN

MAX_PAGES = 200
_ID = re.compile(r"\d{20}|[0-9a-f]{12,}|(?<=/hosts/)[^/?]+|(?<=/plugins/)[^/?]+")


class Seen(NamedTuple):
    """A page: where, from where, its status and text."""

    url: str
    linked_on: str
    status: int
    text: str


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.faults: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag == MARK:
            self.faults.append("a text became an element")
        if tag == "script" and not given.get("src") and given.get("type") != "application/json":
            self.faults.append("a script within")
        self.faults += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        if "id" in given:
            if given["id"] in self.ids:
                self.faults.append(f"two elements are called {given['id']}")
            self.ids.add(str(given["id"]))


def faults(page: Seen) -> list[str]:
    """Return what no page may hold."""
    parser = _Links()
    parser.feed(page.text)
    found = [f"{page.url}: {fault}" for fault in parser.faults]
    return found + [f"{page.url}: U+{ord(one):04X} as it is" for one in UNSEEN if one in page.text]


@contextmanager
def client_of(stack: ConsoleStack, who: str) -> Iterator[httpx.Client]:
    """Give a browser without scripts, logged in."""
    with httpx.Client(base_url=stack.url, headers={"Accept": "text/html"}, timeout=60) as client:
        page = client.get("/login")
        (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        form = {"csrfmiddlewaretoken": token, "username": who, "password": stack.passwords[who], "eauth": "file"}
        assert client.post("/login", data=form).status_code == 302
        yield client


def crawl(client: httpx.Client, start: str = "/", most: int = MAX_PAGES) -> list[Seen]:
    """Return *most* pages that links lead to from *start*, one of each kind: ``/jobs/JID`` of one job."""
    found: list[Seen] = []
    todo = deque([(start, "")])
    known: set[str] = set()
    while todo and len(found) < most:
        url, linked_on = todo.popleft()
        answer = client.get(url, follow_redirects=True)
        html = answer.headers.get("content-type", "").startswith("text/html")
        page = Seen(url, linked_on, answer.status_code, answer.text if html else "")
        found.append(page)
        parser = _Links()
        parser.feed(page.text)
        for link in parser.links:
            target = urlsplit(urljoin(str(answer.url), link))
            if target.netloc != answer.url.netloc.decode():
                continue
            kind = _ID.sub("*", target.path) + "?" + "&".join(sorted(re.findall(r"([^=&]+)=", target.query)))
            if kind not in known:
                known.add(kind)
                todo.append((target.path + (f"?{target.query}" if target.query else ""), url))
    return found
