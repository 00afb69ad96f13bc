"""Which file each metric is written to.

That is where :mod:`saltern_graphite.rules.metric_name` puts it, with one exception: a tagged series whose file Carbon
named by the series itself (``TAG_HASH_FILENAMES = False``) goes on in that file, as long as there is none named by the
hash.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.tags.tagged_name import readable_path


class TaggedFiles:
    """Paths below *prefix*, the Whisper tree with a slash at its end.

    Remembered are the series with such files alone, no more than the tree has.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._named: dict[str, str] = {}

    def paths(self, names: Sequence[str]) -> list[str]:
        """Return the file of each canonical name."""
        prefix, named = self._prefix, self._named
        if not named:
            return [prefix + relative_path(name) for name in names]
        return [named.get(name) or prefix + relative_path(name) for name in names]

    def elsewhere(self, name: str) -> bool:
        """Whether *name*, whose file from :meth:`paths` isn't there, may have another; :meth:`paths` gives that now."""
        if ";" not in name:
            return False
        if self._named.pop(name, None):  # that file is gone; the hash may have one by now
            return True
        path = self._prefix + readable_path(name)
        if not os.path.isfile(path):
            return False
        self._named[name] = path
        return True
