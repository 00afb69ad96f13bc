"""A console's page and files: those below the folder and no others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern_api.answers import Refused
from saltern_api.endpoints.pages import read_below
from support.api import Api

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    folder = tmp_path / "gui"
    (folder / "static" / "scripts").mkdir(parents=True)
    (folder / "index.html").write_text("<html>the page</html>")
    (folder / "static" / "scripts" / "Main.js").write_text("export const a = 1;")
    (folder / "static" / "style.css").write_text("a {}")
    (folder / "static" / "picture.svg").write_text("<svg/>")
    (folder / "static" / "page.html").write_text("<script>1</script>")
    (folder / "static" / "unknown.qqq").write_text("<html>")
    (folder / "static" / ".hidden").write_text("secret")
    (folder / "secret.txt").write_text("secret")
    (folder / "static" / "link").symlink_to(folder / "secret.txt")
    (folder / "static" / "out").symlink_to(folder)
    (folder / "static" / "d").mkdir()
    os.mkfifo(folder / "static" / "fifo")
    made = Api({"app": str(folder / "index.html"), "static": str(folder / "static")})
    yield made
    made.close()


@pytest.mark.parametrize("path", ["/", "/app", "/app/", "/app/minions", "/app/a/b?c=d"])
def test_the_page(api: Api, path: str) -> None:
    answer = api.get(path, auth=False, headers=BROWSER)
    assert answer.status_code == 200
    assert answer.text == "<html>the page</html>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy  # what default-src says: no inline script
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = api.get(path, auth=False, headers={**BROWSER, "if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/html", ""])
def test_programs_get_no_page(api: Api, accept: str) -> None:
    assert api.get("/", headers={"accept": accept}).json()["return"] == "Welcome"


def test_a_browser_gets_no_page_elsewhere(api: Api) -> None:
    assert api.get("/jobs", auth=False, headers=BROWSER).status_code == 401
    assert api.get("/jobs", headers=BROWSER).status_code == 200
    assert api.post("/", {"client": "local", "fun": "test.ping"}, headers=BROWSER).status_code == 200


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("scripts/Main.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("picture.svg", "image/svg+xml"),
        ("page.html", "text/html; charset=utf-8"),
        ("unknown.qqq", "application/octet-stream"),
    ],
)
def test_files(api: Api, path: str, kind: str) -> None:
    answer = api.get(f"/static/{path}", auth=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert "default-src 'self'" in answer.headers["content-security-policy"]


OUTSIDE = [
    "../secret.txt",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "..%5csecret.txt",
    "scripts/../../secret.txt",
    "scripts/%2e%2e/%2e%2e/secret.txt",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "....//secret.txt",
    "link",
    "out/secret.txt",
    ".hidden",
    "d",
    "d/",
    "",
    "fifo",
    "style.css/",
    "style.css/x",
    "style.css%00.js",
    "a" * 300,
    "/".join("a" * 20),
    "\u00e9",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_way_out(api: Api, path: str) -> None:
    answer = api.get(f"/static/{path}", auth=False)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.txt", "")


@pytest.mark.parametrize(
    "path", ["../secret.txt", "scripts/../../secret.txt", "/etc/passwd", "./style.css", "..", ".", "\0", "a//b"]
)
def test_no_way_out_as_it_comes(api: Api, path: str) -> None:
    """Clients tidy paths before they send them; others don't."""
    with pytest.raises(Refused) as raised:
        read_below(api.settings.static, path)
    assert raised.value.status == 404


def test_a_page_that_is_not_there(tmp_path: Path) -> None:
    api = Api({"app": str(tmp_path / "no.html"), "static": str(tmp_path / "no")})
    answer = api.get("/app", auth=False)
    assert answer.status_code == 404
    assert str(tmp_path) not in answer.text
    assert api.get("/static/a", auth=False).status_code == 404
    api.close()


def test_without_the_options_there_is_nothing() -> None:
    api = Api()
    assert api.get("/app", headers=BROWSER).status_code == 404
    assert api.get("/static/a").status_code == 404
    assert api.get("/", headers=BROWSER).json()["return"] == "Welcome"
    api.close()
