"""Files of folders as values: ``- file_tree: {root_dir: /srv/files}``.

Those in ``hosts/<id>/`` are a minion's, those in ``nodegroups/<name>/`` its nodegroups', the host's winning; folders
are maps, contents are bytes. A last line end is left out unless *keep_newline* (true, or globs) says otherwise.
"""

from __future__ import annotations

import fnmatch
import logging
import os
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_master.pillar.ext.nodegroups import groups_of
from saltern_master.pillar.merging import merged

__opts__: Mapping[str, Any]
__grains__: Any
__pillar__: Mapping[str, Any]

log = logging.getLogger(__name__)

MAX_BYTES = 8 * 1024 * 1024
"""Of all files of one minion: it has to fit a message."""


def ext_pillar(
    minion_id: str,
    pillar: dict[str, Any],
    root_dir: str | None = None,
    follow_dir_links: bool = False,
    debug: bool = False,
    keep_newline: bool | list[str] = False,
    render_default: str | None = None,
    renderer_blacklist: Any = None,
    renderer_whitelist: Any = None,
    template: bool = False,
) -> dict[str, Any]:
    """Return a minion's files. Raises ``CommandError`` for a *root_dir* that isn't there."""
    if template:
        raise CommandError("file_tree: template isn't here: contents go out as they are")
    if not root_dir:
        raise CommandError("file_tree: no root_dir specified")
    if not isinstance(keep_newline, (bool, list)):
        raise CommandError("file_tree: keep_newline must be either True/False or a list of file globs")
    found: dict[str, Any] = {}
    for folder in _folders(root_dir):
        if not os.path.isdir(folder):
            raise CommandError(f"file_tree: root_dir {folder} does not exist or is not a directory")
        reading = _Reading(follow_dir_links, keep_newline)
        for group in groups_of(minion_id, __opts__, __grains__, __pillar__) if __opts__["nodegroups"] else ():
            below = os.path.join(folder, "nodegroups", group)
            if os.sep not in group and os.path.isdir(below):
                found = merged(found, reading.of(below), "recurse")
        host = os.path.join(folder, "hosts", minion_id)
        if os.path.isdir(host):
            found = merged(found, reading.of(host), "recurse")
    return found


def _folders(root_dir: str) -> list[str]:
    if os.path.isabs(root_dir):
        return [root_dir]
    env = __opts__.get("pillarenv")
    roots = __opts__["pillar_roots"].get(env)
    if not roots:
        raise CommandError(f"file_tree: root_dir is relative, and pillar_roots has no environment {env!r}")
    return [os.path.normpath(os.path.join(root, root_dir)) for root in roots]


class _Reading:
    """Reads folders, bounded in all."""

    def __init__(self, follow: bool, keep_newline: bool | list[str]) -> None:
        self._follow = follow
        self._keep = keep_newline
        self._left = MAX_BYTES

    def of(self, top: str) -> dict[str, Any]:
        """Return what is below a folder."""
        found: dict[str, Any] = {}
        for folder, folders, names in os.walk(top, followlinks=self._follow):
            prefix = os.path.relpath(folder, top)
            node = found
            for part in () if prefix == os.curdir else prefix.split(os.sep):
                node = node[part]
            node.update({name: {} for name in folders})
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.isfile(path):
                    log.error("file_tree: %s: not a regular file", path)
                    continue
                node[name] = self._content(path, os.path.join(prefix, name))
        return found

    def _content(self, path: str, shown: str) -> bytes:
        try:
            with open(path, "rb") as stream:
                content = stream.read(self._left + 1)
        except OSError as error:
            raise CommandError(f"file_tree: Error reading {path}: {error.strerror}") from None
        self._left -= len(content)
        if self._left < 0:
            raise CommandError(f"file_tree: {path}: a minion's files come to over {MAX_BYTES:,} bytes")
        kept = (
            self._keep if isinstance(self._keep, bool) else any(fnmatch.fnmatch(shown, str(one)) for one in self._keep)
        )
        return content[:-1] if content.endswith(b"\n") and not kept else content
