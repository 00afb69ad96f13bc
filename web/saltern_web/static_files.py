"""Static files, below a name that changes with any of them: a browser may keep them for ever."""

from __future__ import annotations

import functools
from hashlib import sha256
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
PREFIX = "/static/"
FOR_EVER = "public, max-age=31536000, immutable"
_NAME_CHARS = 12


@functools.cache
def version() -> str:
    """Return the digest of all files together."""
    digest = sha256()
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(FOLDER)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:_NAME_CHARS]


def static_url(name: str) -> str:
    """Return where the file *name*, below the folder, is served."""
    return f"{PREFIX}{version()}/{name}"


class Kept(StaticFiles):
    """The files, each answer to be kept for ever."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer for one file."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = FOR_EVER
        return answer
