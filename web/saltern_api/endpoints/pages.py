"""Pages and files of a console such as SaltGUI: the option ``app``, a page, and ``static``, a folder.

A file is found below the folder's descriptor, name by name and through no link, so that no path leads out of it.
"""

from __future__ import annotations

import contextlib
import mimetypes
import os
import stat
from collections.abc import Mapping

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from saltern_api.accepting import HTML, wants_html
from saltern_api.answers import Endpoint, Refused
from saltern_api.context import Context

MAX_FILE_BYTES = 32 << 20
MAX_DEPTH = 16
TYPES: Mapping[str, str] = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".map": "application/json",
    ".txt": "text/plain",
    ".md": "text/plain",
}
"""What a host's own table of types must not change."""
OTHER = "application/octet-stream"
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""SaltGUI sets styles of its elements, and has small pictures in its style sheets."""


class Pages:
    """The endpoints."""

    def __init__(self, context: Context) -> None:
        self._app = context.settings.app
        self._static = context.settings.static

    def or_page(self, endpoint: Endpoint) -> Endpoint:
        """Return *endpoint*, before which a browser that was sent here gets the page, if there is one."""

        async def answer(request: Request) -> ASGIApp:
            if self._app and wants_html(request.headers.get("accept", "")):
                return await self.page(request)
            return await endpoint(request)

        return answer

    async def page(self, request: Request) -> ASGIApp:
        """GET ``/app``: the page."""
        found = await anyio.to_thread.run_sync(_read_page, self._app)
        return _answer(request, found, HTML)

    async def file(self, request: Request) -> ASGIApp:
        """GET ``/static/…``: a file."""
        path: str = request.path_params["path"]
        found = await anyio.to_thread.run_sync(read_below, self._static, path)
        suffix = os.path.splitext(path)[1].lower()
        kind = TYPES.get(suffix) or mimetypes.guess_type(path)[0] or OTHER
        return _answer(request, found, kind)


def _answer(request: Request, found: tuple[bytes, str], kind: str) -> Response:
    body, etag = found
    headers = {"Cache-Control": "no-cache", "ETag": etag, "Content-Security-Policy": POLICY}
    if etag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=kind)


def _read_page(path: str) -> tuple[bytes, str]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(404, f"the page (option app) can't be read: {error.strerror}") from None
    return _contents(fd)


def read_below(folder: str, path: str) -> tuple[bytes, str]:
    """Return what is in the file *path* of *folder*, and its tag. Raises ``Refused``: 404 for whatever isn't there."""
    names = path.split("/")
    if not path or len(names) > MAX_DEPTH or "\0" in path or any(not name or name.startswith(".") for name in names):
        raise _not_there()
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    with contextlib.ExitStack() as stack:
        try:
            at = os.open(folder, flags | os.O_DIRECTORY)
            stack.callback(os.close, at)
            for name in names[:-1]:
                at = os.open(name, flags | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                stack.callback(os.close, at)
            fd = os.open(names[-1], flags | os.O_NOFOLLOW, dir_fd=at)
        except (OSError, ValueError):
            raise _not_there() from None
    return _contents(fd)


def _contents(fd: int) -> tuple[bytes, str]:
    """Return what is in the regular file *fd*, which is closed, and its tag. Raises ``Refused``."""
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            raise _not_there()
        with open(fd, "rb", closefd=False) as file:
            return file.read(MAX_FILE_BYTES), f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    except OSError:
        raise _not_there() from None
    finally:
        os.close(fd)


def _not_there() -> Refused:
    return Refused(404, "no such file is served here")
