"""``file_roots.*`` and ``pillar_roots.*`` of the wheel: the files below the folders of an environment, to be read.

What the file server hides is hidden here too, and no link leads out of a root. Nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from saltern.errors import FileServerError, IdError, os_errors
from saltern.ids import check_path
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Command, command
from saltern_master.fileserver.ignored import Ignored
from saltern_master.fileserver.roots.confined import open_inside, scan

MAX_LISTED = 100_000
MAX_READ_BYTES = 16 * 1024 * 1024
LOOKED_AT_BYTES = 512
"""Of a file, to see whether it is text."""
FILE = "f"


def commands() -> list[Command]:
    """Return the functions of both modules."""
    return [*_of("file_roots"), *_of("pillar_roots")]


def _of(option: str) -> Iterator[Command]:
    """Yield the functions over the folders of an option."""

    @command(f"wheel.{option}.find", Need.WHEEL)
    def find(context: Context, path: str, saltenv: str = "base") -> list[dict[str, str]]:
        """Show which roots of an environment have a file, and whether it is text: ``[{"/srv/x/a.txt": "txt"}]``"""
        return [{place: "txt" if is_text else "bin"} for place, is_text, _ in _found(context, option, path, saltenv)]

    @command(f"wheel.{option}.read", Need.WHEEL, private=option == "pillar_roots")
    def read(context: Context, path: str, saltenv: str = "base") -> list[dict[str, str]]:
        """Show a text file of an environment, of each root that has it: ``[{"/srv/x/a.txt": "…"}]``"""
        return [
            {place: content.decode("utf-8", "replace")}
            for place, is_text, content in _found(context, option, path, saltenv, whole=True)
            if is_text
        ]

    @command(f"wheel.{option}.list_env", Need.WHEEL)
    def list_env(context: Context, saltenv: str = "base") -> dict[str, Any]:
        """Show the files of an environment as a tree for each root: ``{"/srv/x": {"sub": {"a.txt": "f"}}}``"""
        return _trees(context, option, saltenv)

    @command(f"wheel.{option}.list_roots", Need.WHEEL)
    def list_roots(context: Context) -> dict[str, list[dict[str, Any]]]:
        """Show the files of every environment, as ``list_env`` does: ``{"base": [{…}]}``"""
        return {env: [_trees(context, option, env)] for env in _roots(context, option)}

    yield from (find, read, list_env, list_roots)


def _roots(context: Context, option: str) -> dict[str, list[str]]:
    options: dict[str, Any] = {**context.services.options}
    return {str(env): list(map(str, folders)) for env, folders in (options.get(option) or {}).items()}


def _ignored(context: Context) -> Ignored:
    return Ignored(context.services.options["file_ignore_glob"])


def _found(
    context: Context, option: str, path: str, saltenv: str, *, whole: bool = False
) -> Iterator[tuple[str, bool, bytes]]:
    """Yield the places of a file in the roots of an environment, whether each is text, and its beginning, or all."""
    try:
        check_path(path)
    except IdError:
        return  # nothing inside a root is called so
    for root in _roots(context, option).get(saltenv, ()):
        try:
            descriptor = open_inside(root, path, _ignored(context))
        except (FileNotFoundError, FileServerError):
            continue
        place = os.path.join(root, path)
        with open(descriptor, "rb") as stream, os_errors(FileServerError, place, "can't be read"):
            content = stream.read(LOOKED_AT_BYTES)
            is_text = _is_text(content)
            if whole and is_text:
                content += stream.read(MAX_READ_BYTES)
                if len(content) > MAX_READ_BYTES:
                    raise FileServerError(f"{place}: is over {MAX_READ_BYTES:,} bytes: too large to be shown")
        yield place, is_text, content


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError as error:
        return b"\0" not in content and error.start > len(content) - 4 and len(content) == LOOKED_AT_BYTES


def _trees(context: Context, option: str, saltenv: str) -> dict[str, Any]:
    trees: dict[str, Any] = {}
    for root in _roots(context, option).get(saltenv, ()):
        listing = scan(root, "", MAX_LISTED, _ignored(context))
        if listing.cut:
            raise FileServerError(f"{root}: there are over {MAX_LISTED:,} files: too many to be shown")
        trees[root] = {}
        for path in sorted(listing.files):
            *folders, name = path.split("/")
            tree = trees[root]
            for folder in folders:
                tree = tree.setdefault(folder, {})
            tree[name] = FILE
    return trees
